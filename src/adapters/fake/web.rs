//! URLs that answer as a test wants.

use super::Power;
use crate::ports::shell::Ticket;
use crate::ports::web::{Ask, Web};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// URLs in memory; one that a test says nothing of is up.
#[derive(Debug)]
pub struct FakeWeb {
    power: Power,
    answers: Mutex<BTreeMap<String, u16>>,
}

impl FakeWeb {
    /// All URLs are up.
    pub fn new(power: Power) -> FakeWeb {
        FakeWeb { power, answers: Mutex::default() }
    }

    /// Lets a URL answer with that status from now on.
    pub fn set(&self, url: impl Into<String>, status: u16) {
        self.answers.lock().insert(url.into(), status);
    }
}

impl Web for FakeWeb {
    fn ask(&self, _: Ticket, ask: &Ask) -> Result<u32, PortError> {
        self.power.check()?;
        match self.answers.lock().get(&ask.url) {
            Some(status) if *status != ask.status => {
                let message = format!("{} does not answer as it should: HTTP {status}, not {}", ask.url, ask.status);
                Err(PortError::new(Fault::Invalid, message))
            }
            _ => Ok(1),
        }
    }

    fn cancel(&self, _: Ticket) {}
}
