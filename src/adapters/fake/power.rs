//! The power supply of the simulated process.

use crate::ports::{Fault, PortError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Whether the process is alive, and when it dies.
#[derive(Clone, Debug, Default)]
pub struct Power(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    off: AtomicBool,
    lives: AtomicU64,
    passed: AtomicU64,
    /// The number of the boundary at which it is cut; 0 for none.
    cut_at: AtomicU64,
}

impl Power {
    /// Cuts it now.
    pub fn cut(&self) {
        self.0.off.store(true, Ordering::SeqCst);
    }

    /// Cuts it at the boundary of that number, counted from 1 from now on: what lies before it has happened, what lies
    /// behind it never does.
    pub fn cut_at(&self, boundary: u64) {
        self.0.cut_at.store(self.boundaries() + boundary, Ordering::SeqCst);
    }

    /// Restores it, and cancels a cut to come.
    pub fn restore(&self) {
        self.0.cut_at.store(0, Ordering::SeqCst);
        if self.0.off.swap(false, Ordering::SeqCst) {
            self.0.lives.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Whether the process is alive.
    pub fn is_on(&self) -> bool {
        !self.0.off.load(Ordering::SeqCst)
    }

    /// How many lives there were before this one.
    pub fn lives(&self) -> u64 {
        self.0.lives.load(Ordering::SeqCst)
    }

    /// How many boundaries have been passed.
    pub fn boundaries(&self) -> u64 {
        self.0.passed.load(Ordering::SeqCst)
    }

    /// An error when the process is dead.
    pub(super) fn check(&self) -> Result<(), PortError> {
        if self.is_on() { Ok(()) } else { Err(dead()) }
    }

    /// A moment at which the process may die.
    pub(super) fn boundary(&self) -> Result<(), PortError> {
        self.check()?;
        let number = self.0.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if self.0.cut_at.load(Ordering::SeqCst) == number {
            self.cut();
        }
        self.check()
    }
}

/// What a thread of a dead process would hear if there were one.
fn dead() -> PortError {
    PortError::new(Fault::Cancelled, "the process has stopped")
}
