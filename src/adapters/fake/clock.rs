//! A clock that stands still until it is told.

use crate::ports::clock::Clock;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that a test sets; it begins on 1 January 2026.
#[derive(Debug)]
pub struct FakeClock(AtomicI64);

impl Default for FakeClock {
    fn default() -> FakeClock {
        FakeClock(AtomicI64::new(1_767_225_600_000))
    }
}

impl FakeClock {
    /// Sets the time, in milliseconds since 1970; backwards as well.
    pub fn set(&self, now: i64) {
        self.0.store(now, Ordering::SeqCst);
    }

    /// Lets that many milliseconds go by.
    pub fn advance(&self, by: i64) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
