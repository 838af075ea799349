//! Telling people and programs that something happened.

use super::PortError;
use secrecy::SecretString;

/// A notice on its way to one receiver.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// What names it: the same however often it is sent, so that whoever gets it twice can tell.
    pub id: String,
    /// Where it goes.
    pub to: To,
}

/// Where a notice goes, and as what. Addresses may hold secrets and are never shown.
#[derive(Clone, Debug)]
pub enum To {
    /// A body that is posted.
    Post {
        /// The URL: `http:` or `https:`.
        url: SecretString,
        /// The body, as JSON.
        body: String,
        /// What signs the body.
        key: Option<SecretString>,
    },
    /// A mail.
    Mail {
        /// The address.
        address: String,
        /// The subject, in one line.
        subject: String,
        /// The text, plain.
        text: String,
    },
}

/// The window to receivers of notices. Calls block, and are bounded in time.
pub trait Notices: Send + Sync {
    /// Sends it once. [`Fault::Unavailable`](super::Fault::Unavailable) may pass; anything else is the receiver's or the
    /// sender's own fault. The error never holds the address.
    fn send(&self, parcel: &Parcel) -> Result<(), PortError>;
}
