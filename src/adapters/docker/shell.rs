//! The programs that run in containers, and who wants to hear of their ends.

use super::connect::Engine;
use super::container::{self, Run};
use super::image::{Logins, Store};
use crate::digest::Digest;
use crate::ports::images::{Images, Repository};
use crate::ports::shell::{Done, Program, Shell, Ticket};
use crate::ports::{Fault, PortError};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long the last containers may take to be removed when everything else has ended.
const FAREWELL: Duration = Duration::from_secs(15);

/// Programs in containers of one engine. Where it goes, those that run go on: they are found again by their keys.
pub struct Containers {
    engine: Arc<Engine>,
    store: Store,
    running: Arc<Mutex<HashMap<Ticket, CancellationToken>>>,
    leaving: Arc<Leaving>,
}

/// Containers that are being removed.
#[derive(Default)]
struct Leaving {
    count: Mutex<usize>,
    gone: Condvar,
}

impl Leaving {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Containers {
    /// Programs in containers of that engine. Images that we made and that are in no registry yet come from the layout at
    /// `store`; `logins` knows what registries let us in with.
    pub fn new(engine: Arc<Engine>, images: Arc<dyn Images>, store: &Path, logins: Logins) -> Containers {
        let store = Store { images, at: Repository::layout(store.display().to_string()), logins };
        Containers { engine, store, running: Arc::default(), leaving: Arc::default() }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shell for Containers {
    fn submit(&self, ticket: Ticket, program: Program, done: Done) {
        let stop = CancellationToken::new();
        locked(&self.running).insert(ticket, stop.clone());
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
            locked(&running).remove(&ticket);
            // Whoever is told may have files to read.
            drop(tokio::task::spawn_blocking(move || {
                if let Some(done) = locked(&tell).take() {
                    done(exit);
                }
            }));
        });
        if let Err(error) = begun
            && let Some(done) = locked(&done).take()
        {
            done(Err(error));
        }
    }

    fn cancel(&self, ticket: Ticket) {
        if let Some(stop) = locked(&self.running).get(&ticket) {
            stop.cancel();
        }
    }

    fn forget(&self, key: Digest) {
        *self.leaving.count() += 1;
        let (engine, leaving) = (self.engine.clone(), self.leaving.clone());
        let begun = self.engine.spawn(async move {
            container::remove(&engine, key).await;
            *leaving.count() -= 1;
            leaving.gone.notify_all();
        });
        if begun.is_err() {
            *self.leaving.count() -= 1;
        }
    }
}

impl Drop for Containers {
    /// Waits for containers that are being removed, so that none is left behind.
    fn drop(&mut self) {
        let end = Instant::now() + FAREWELL;
        let mut count = self.leaving.count();
        while *count > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            count = self.leaving.gone.wait_timeout(count, left).map_or_else(|p| p.into_inner().0, |(count, _)| count);
        }
    }
}
