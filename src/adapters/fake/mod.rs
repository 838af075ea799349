//! A world in memory, with a script: every neighbour that the engine has, for simulations and tests.
//!
//! It outlives the process that is simulated. What that process did to it is in the [`Ledger`]; when it dies, which a test
//! decides with [`Power`], nothing of it goes on: no call answers, no program that it started is waited for. After
//! [`FakeWorld::restart`] a new process finds the world as the one before left it.
//!
//! Before an effect happens and before it is answered there is a boundary. A test that runs a scenario once, counts the
//! boundaries and then runs it again and again with the power cut at each of them has seen every crash there is.

mod builder;
mod clock;
mod containers;
mod images;
mod journal;
mod ledger;
mod notices;
mod places;
mod power;
mod secrets;
mod shelf;
mod shell;
mod sources;
mod web;
mod workshop;

pub use builder::FakeBuilder;
pub use clock::FakeClock;
pub use containers::FakeContainers;
pub use images::FakeImages;
pub use journal::{FakeJournal, FakeStore, Fate};
pub use ledger::{Deed, Ledger, LedgerEntry};
pub use notices::FakeNotices;
pub use places::FakePlaces;
pub use power::Power;
pub use secrets::FakeSecrets;
pub use shelf::FakeShelf;
pub use shell::{FakeShell, Scene};
pub use sources::FakeSources;
pub use web::FakeWeb;
pub use workshop::FakeWorkshop;

use std::path::PathBuf;
use std::sync::Arc;

/// All neighbours, with one ledger and one power supply.
#[derive(Clone)]
pub struct FakeWorld {
    /// What has been done.
    pub ledger: Ledger,
    /// Whether the process is alive.
    pub power: Power,
    /// Where journals are opened.
    pub store: FakeStore,
    /// Sources and their files.
    pub sources: Arc<FakeSources>,
    /// Images in registries and layouts.
    pub images: Arc<FakeImages>,
    /// Environments.
    pub places: Arc<FakePlaces>,
    /// Programs.
    pub shell: Arc<FakeShell>,
    /// Programs in containers.
    pub containers: Arc<FakeContainers>,
    /// Builds by an engine.
    pub builder: Arc<FakeBuilder>,
    /// URLs.
    pub web: Arc<FakeWeb>,
    /// Folders for programs.
    pub workshop: Arc<FakeWorkshop>,
    /// Values that are never shown.
    pub secrets: Arc<FakeSecrets>,
    /// What is kept by name.
    pub shelf: Arc<FakeShelf>,
    /// The time.
    pub clock: Arc<FakeClock>,
}

impl FakeWorld {
    /// A world in which nothing has happened. `root` is the folder below which paths of work folders lie; nothing is
    /// written there.
    pub fn new(root: impl Into<PathBuf>) -> FakeWorld {
        let (ledger, power) = (Ledger::default(), Power::default());
        let workshop = Arc::new(FakeWorkshop::new(root));
        FakeWorld {
            store: FakeStore::new(ledger.clone(), power.clone()),
            sources: Arc::new(FakeSources::new(power.clone())),
            images: Arc::new(FakeImages::new(ledger.clone(), power.clone())),
            places: Arc::new(FakePlaces::new(ledger.clone(), power.clone())),
            web: Arc::new(FakeWeb::new(power.clone())),
            shell: Arc::new(FakeShell::new(ledger.clone(), power.clone(), workshop.clone())),
            containers: Arc::new(FakeContainers::new(ledger.clone(), power.clone(), workshop.clone())),
            builder: Arc::new(FakeBuilder::new(ledger.clone(), power.clone())),
            workshop,
            secrets: Arc::new(FakeSecrets::default()),
            shelf: Arc::new(FakeShelf::new(power.clone())),
            clock: Arc::new(FakeClock::default()),
            ledger,
            power,
        }
    }

    /// Ends the process: nothing answers any more, and what it started is gone.
    pub fn crash(&self) {
        self.power.cut();
        self.shell.abandon();
        self.containers.abandon();
        self.store.release();
    }

    /// Begins another life in the same world, after a crash if there was none yet.
    pub fn restart(&self) {
        self.crash();
        self.power.restore();
    }
}

#[cfg(test)]
mod tests;
