//! URLs that are asked whether something is up.

use super::PortError;
use super::shell::Ticket;
use std::time::Duration;

/// A URL to ask until it answers as wanted.
#[derive(Clone, PartialEq, Eq)]
pub struct Ask {
    /// The URL: `http:` or `https:`.
    pub url: String,
    /// The status that is wanted. One of redirection is wanted as it is; otherwise a redirection is followed.
    pub status: u16,
    /// What must stand in the body.
    pub contains: Option<String>,
    /// How long it is tried.
    pub timeout: Duration,
    /// Texts that must not be seen in an error.
    pub redact: Vec<String>,
}

/// Leaves out the URL, which may hold a secret.
impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ask").field("status", &self.status).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// The window to URLs. Calls block; the engine makes them on threads of their own.
pub trait Web: Send + Sync {
    /// Asks until the answer is the wanted one, and tells how often it was asked; the error says what the last answer was.
    fn ask(&self, ticket: Ticket, ask: &Ask) -> Result<u32, PortError>;

    /// Stops asking for that ticket: it ends with [`Fault::Cancelled`](super::Fault::Cancelled).
    fn cancel(&self, ticket: Ticket);
}
