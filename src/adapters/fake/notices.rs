//! Receivers of notices that answer as a test wants.

use super::Power;
use crate::ports::notices::{Notices, Parcel};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::VecDeque;

/// Receivers in memory; they take everything unless a test says otherwise.
#[derive(Debug, Default)]
pub struct FakeNotices {
    power: Power,
    taken: Mutex<Vec<Parcel>>,
    faults: Mutex<VecDeque<Fault>>,
}

impl FakeNotices {
    /// Receivers that take everything.
    pub fn new(power: Power) -> FakeNotices {
        FakeNotices { power, ..FakeNotices::default() }
    }

    /// The next to be sent fails so.
    pub fn fail(&self, fault: Fault) {
        self.faults.lock().push_back(fault);
    }

    /// What was taken, in order.
    pub fn taken(&self) -> Vec<Parcel> {
        self.taken.lock().clone()
    }
}

impl Notices for FakeNotices {
    fn send(&self, parcel: &Parcel) -> Result<(), PortError> {
        self.power.check()?;
        match self.faults.lock().pop_front() {
            Some(fault) => Err(PortError::new(fault, "the receiver does not take it")),
            None => {
                self.taken.lock().push(parcel.clone());
                Ok(())
            }
        }
    }
}
