//! Sending notices: by HTTP and by mail, each once and bounded in time; who sends again is [`telling`](crate::app::telling).

mod mail;
mod post;

#[cfg(any(feature = "otel", test))]
pub(crate) use mail::percent;
pub use mail::{MailServer, Tls};

use crate::adapters::web::Web;
use crate::ports::PortError;
use crate::ports::notices::{Notices, Parcel, To};
use std::time::Duration;

/// How long a receiver may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who sends notices.
pub struct Sender {
    web: Web,
    mail: Option<MailServer>,
    patience: Duration,
}

impl Sender {
    /// One that sends mails over that server.
    pub fn new(mail: Option<MailServer>) -> Sender {
        Sender { web: Web::new(), mail, patience: PATIENCE }
    }
}

impl Notices for Sender {
    fn send(&self, parcel: &Parcel) -> Result<(), PortError> {
        match &parcel.to {
            To::Post { url, body, key } => post::post(&self.web, &parcel.id, url, body, key.as_ref(), self.patience),
            To::Mail { address, subject, text } => {
                mail::send(self.mail.as_ref(), &parcel.id, address, subject, text, self.patience)
            }
        }
    }
}

#[cfg(test)]
mod tests;
