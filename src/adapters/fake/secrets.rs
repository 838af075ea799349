//! Secrets that a test sets.

use crate::ports::secrets::{Origin, Secrets};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use secrecy::SecretString;

/// Secrets in memory; those that were not set are missing.
#[derive(Debug, Default)]
pub struct FakeSecrets(Mutex<Vec<(Origin, SecretString)>>);

impl FakeSecrets {
    /// Sets the value of a secret.
    pub fn set(&self, origin: Origin, value: impl Into<String>) {
        let mut secrets = self.0.lock();
        secrets.retain(|(other, _)| *other != origin);
        secrets.push((origin, SecretString::from(value.into())));
    }

    /// Drops the value of a secret.
    pub fn unset(&self, origin: &Origin) {
        self.0.lock().retain(|(other, _)| other != origin);
    }
}

impl Secrets for FakeSecrets {
    fn get(&self, origin: &Origin) -> Result<SecretString, PortError> {
        let secrets = self.0.lock();
        let found = secrets.iter().find(|(other, _)| other == origin);
        let missing = || PortError::new(Fault::NotFound, format!("there is no secret {origin:?}"));
        found.map(|(_, value)| value.clone()).ok_or_else(missing)
    }
}
