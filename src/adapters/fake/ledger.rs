//! What was done to the world, by all lives of the process.

use super::Power;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What kind of effect it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    /// Rows were written to the journal.
    Commit,
    /// An environment was changed.
    Deploy,
    /// An image or a tag was put into a repository.
    Push,
    /// A program was started.
    Start,
    /// A program came to its end.
    End,
    /// An image was made.
    Build,
    /// A test of a chart was run.
    Test,
}

/// An effect that has happened. What changed nothing is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// What it was.
    pub deed: Deed,
    /// What it was done to: the rows' numbers, the environment and release, the repository, the program's log.
    pub to: String,
    /// With what: the rows' bodies, the bundle's digest, the image's digest and tags, the program's arguments.
    pub with: String,
    /// How many lives the process had had before.
    pub life: u64,
}

/// The effects in their order.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Vec<LedgerEntry>>>);

impl Ledger {
    /// Everything so far.
    pub fn entries(&self) -> Vec<LedgerEntry> {
        self.0.lock().clone()
    }

    /// All effects of one kind.
    pub fn of(&self, deed: Deed) -> Vec<LedgerEntry> {
        self.0.lock().iter().filter(|entry| entry.deed == deed).cloned().collect()
    }

    /// The effects that happened more than once, to the same thing and with the same: none where each has a key that is
    /// used once.
    pub fn repeated(&self) -> Vec<LedgerEntry> {
        let mut counts: BTreeMap<(Deed, String, String), usize> = BTreeMap::new();
        let entries = self.entries();
        let key = |entry: &LedgerEntry| (entry.deed, entry.to.clone(), entry.with.clone());
        for entry in &entries {
            *counts.entry(key(entry)).or_default() += 1;
        }
        let mut again = |entry: &LedgerEntry| counts.remove(&key(entry)).is_some_and(|count| count > 1);
        entries.into_iter().filter(|entry| again(entry)).collect()
    }

    /// Forgets everything so far.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    pub(super) fn record(&self, power: &Power, deed: Deed, to: impl Into<String>, with: impl Into<String>) {
        self.0.lock().push(LedgerEntry { deed, to: to.into(), with: with.into(), life: power.lives() });
    }
}
