//! The programs that run in containers, and who wants to hear of their ends.

use super::connect::Engine;
use super::container::{self, Run};
use super::image::{Logins, Store};
use crate::adapters::leaving::Leaving;
use crate::digest::Digest;
use crate::ports::images::{Images, Repository};
use crate::ports::shell::{Done, Program, Shell, Ticket};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Programs in containers of one engine. Where it goes, those that run go on: they are found again by their keys.
pub struct Containers {
    // The first to be dropped: nothing else goes before what is being removed.
    leaving: Leaving,
    engine: Arc<Engine>,
    store: Store,
    running: Arc<Mutex<HashMap<Ticket, CancellationToken>>>,
}

impl Containers {
    /// Programs in containers of that engine. Images that we made and that are in no registry yet come from the layout at
    /// `store`; `logins` knows what registries let us in with.
    pub fn new(engine: Arc<Engine>, images: Arc<dyn Images>, store: &Path, logins: Logins) -> Containers {
        let store = Store { images, at: Repository::layout(store.display().to_string()), logins };
        Containers { leaving: Leaving::default(), engine, store, running: Arc::default() }
    }
}

impl Shell for Containers {
    fn submit(&self, ticket: Ticket, program: Program, done: Done) {
        let stop = CancellationToken::new();
        self.running.lock().insert(ticket, stop.clone());
        let (engine, store, running) = (self.engine.clone(), self.store.clone(), self.running.clone());
        // Told once, by whoever comes first to the end: the program, or that nothing can be begun.
        let done = Arc::new(Mutex::new(Some(done)));
        let tell = done.clone();
        let begun = self.engine.spawn(async move {
            let exit = match &program.container {
                Some(container) => {
                    let run = Run { engine: &engine, store: &store, program: &program, container, stop: &stop };
                    run.run().await
                }
                None => Err(PortError::new(Fault::Invalid, "the program does not say in which container it runs")),
            };
            running.lock().remove(&ticket);
            // Whoever is told may have files to read.
            drop(tokio::task::spawn_blocking(move || {
                if let Some(done) = tell.lock().take() {
                    done(exit);
                }
            }));
        });
        if let Err(error) = begun
            && let Some(done) = done.lock().take()
        {
            done(Err(error));
        }
    }

    fn cancel(&self, ticket: Ticket) {
        if let Some(stop) = self.running.lock().get(&ticket) {
            stop.cancel();
        }
    }

    fn forget(&self, key: Digest) {
        let (engine, guest) = (self.engine.clone(), self.leaving.one());
        // Where nothing can be begun any more it is not waited for either.
        drop(self.engine.spawn(async move {
            container::remove(&engine, key).await;
            drop(engine);
            drop(guest);
        }));
    }
}
