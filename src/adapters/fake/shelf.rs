//! A shelf in memory.

use super::Power;
use crate::ports::PortError;
use crate::ports::shelf::{Kind, Shelf};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// A shelf in memory.
#[derive(Debug)]
pub struct FakeShelf {
    power: Power,
    kept: Mutex<BTreeMap<(Kind, String), Vec<u8>>>,
}

impl FakeShelf {
    /// An empty shelf.
    pub fn new(power: Power) -> FakeShelf {
        FakeShelf { power, kept: Mutex::default() }
    }

    /// Drops everything of a kind, as someone would who cleans up.
    pub fn forget(&self, kind: Kind) {
        self.kept.lock().retain(|(other, _), _| *other != kind);
    }
}

impl Shelf for FakeShelf {
    fn put(&self, kind: Kind, name: &str, bytes: &[u8]) -> Result<(), PortError> {
        self.power.boundary()?;
        self.kept.lock().insert((kind, name.to_string()), bytes.to_vec());
        self.power.boundary()
    }

    fn get(&self, kind: Kind, name: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.power.check()?;
        Ok(self.kept.lock().get(&(kind, name.to_string())).cloned())
    }
}
