//! URLs that answer as a test wants.

use super::{Power, locked};
use crate::ports::shell::Ticket;
use crate::ports::web::{Ask, Web};
use crate::ports::{Fault, PortError};
use std::collections::BTreeMap;
use std::sync::Mutex;

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
        locked(&self.answers).insert(url.into(), status);
    }
}

impl Web for FakeWeb {
    fn ask(&self, _: Ticket, ask: &Ask) -> Result<u32, PortError> {
        self.power.check()?;
        match locked(&self.answers).get(&ask.url) {
            Some(status) if *status != ask.status => {
                let message = format!("{} does not answer as it should: HTTP {status}, not {}", ask.url, ask.status);
                Err(PortError::new(Fault::Invalid, message))
            }
            _ => Ok(1),
        }
    }

    fn cancel(&self, _: Ticket) {}
}
