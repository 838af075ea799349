//! The files of a pipeline that is kept: its own, and those of its folder sources.

use super::edit::{self, Verdict as Judged};
use super::watch::{self, Changed};
use super::work::Work;
use crate::app::{Failure, Session, telling};
use crate::ports::{Fault, PortError};
use std::sync::Arc;

impl Work<'_> {
    /// Watches the files of the session that counts.
    pub(super) fn watch_files(&mut self) {
        let session = self.keeper.session();
        // The watch before this one ends only when this one has begun, so that nothing comes between the two.
        match watch::watch(&self.keeping.watching, &session, self.changes.clone()) {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(e) => tracing::warn!(pipeline = %self.keeper.name, "files cannot be watched: {e}"),
        }
        // What changed after it was read and before it was watched is told by nobody else.
        if !session.loaded.is_current() {
            let _ = self.changes.send(Changed::File);
        }
    }

    pub(super) fn changed(&mut self, changed: Changed) {
        match changed {
            Changed::Source(name) => {
                let now = self.now();
                self.dues.get_mut(&name).into_iter().for_each(|d| d.hint(now, None));
            }
            Changed::File => self.reload(),
        }
    }

    /// Reads the pipeline file anew. A faulty one does not count, and the one before goes on.
    pub(super) fn reload(&mut self) {
        let before = self.keeper.session();
        let session = match Session::open(&self.keeping.settings) {
            Ok(session) => session,
            Err(failure) => return self.keeper.change(|view| view.file_fault = Some(failure)),
        };
        self.keeper.change(|view| view.file_fault = None);
        if session.loaded.digest == before.loaded.digest {
            // What waited was taken back.
            return self.report(self.keeper.settle_edit(session.loaded.digest, session.now()));
        }
        let name = &session.graph.pipeline().name.value;
        if *name != self.keeper.name {
            let message = format!("the pipeline is named {name} now, and is kept as {}", self.keeper.name);
            let fault = PortError::new(Fault::Invalid, message).help("start the server again to keep the new one");
            return self.keeper.change(|view| view.file_fault = Some(Failure::of(&fault, "the pipeline file")));
        }
        let now = session.now();
        if let Judged::Waits(waits) = edit::judge(&before, &session, now)
            && self.keeper.agreed(now) != Some(session.loaded.digest)
        {
            return self.report(self.keeper.propose(waits, now));
        }
        self.report(edit::keep(&session));
        self.report(self.keeper.settle_edit(session.loaded.digest, now));
        let number = self.keeper.state(|s| s.number);
        self.report(telling::begin(&session.voice(), number));
        *self.keeper.session.write() = Arc::new(session);
        self.report(self.teller.renew());
        let taken = self.take_sources();
        self.report(taken);
        self.watch_files();
        self.stir();
    }
}
