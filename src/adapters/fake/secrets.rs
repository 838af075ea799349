//! Secrets that a test sets.

use super::locked;
use crate::ports::secrets::{Origin, Secrets};
use crate::ports::{Fault, PortError};
use secrecy::SecretString;
use std::sync::Mutex;

/// Secrets in memory; those that were not set are missing.
#[derive(Debug, Default)]
pub struct FakeSecrets(Mutex<Vec<(Origin, SecretString)>>);

impl FakeSecrets {
    /// Sets the value of a secret.
    pub fn set(&self, origin: Origin, value: impl Into<String>) {
        let mut secrets = locked(&self.0);
        secrets.retain(|(other, _)| *other != origin);
        secrets.push((origin, SecretString::from(value.into())));
    }

    /// Drops the value of a secret.
    pub fn unset(&self, origin: &Origin) {
        locked(&self.0).retain(|(other, _)| other != origin);
    }
}

impl Secrets for FakeSecrets {
    fn get(&self, origin: &Origin) -> Result<SecretString, PortError> {
        let secrets = locked(&self.0);
        let found = secrets.iter().find(|(other, _)| other == origin);
        let missing = || PortError::new(Fault::NotFound, format!("there is no secret {origin:?}"));
        found.map(|(_, value)| value.clone()).ok_or_else(missing)
    }
}
