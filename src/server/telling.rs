//! How those are told whom pipelines name: with links to this server, and over its mail server.

use super::config::Config;
use crate::app::Failure;
use crate::app::telling::{Telling, sender_of_environment};

/// From the configuration; what it does not say of mails is taken from the environment.
pub(super) fn telling(config: &Config, at: std::net::SocketAddr) -> Result<Telling, Failure> {
    // Without a configuration it is reached where it listens, by whoever started it.
    let here = at.ip().is_loopback().then(|| format!("http://{at}"));
    let url = config.url.clone().or(here);
    #[cfg(feature = "notices")]
    if let Some(mail) = &config.mail {
        let server = server(mail).map_err(|e| Failure::of(&e, "the mail server"))?;
        let sender = crate::adapters::notices::Sender::new(Some(server));
        return Ok(Telling { url, sender: std::sync::Arc::new(sender) });
    }
    let sender = sender_of_environment().map_err(|e| Failure::of(&e, "the mail server"))?;
    Ok(Telling { url, sender })
}

#[cfg(feature = "notices")]
fn server(mail: &super::config::Mail) -> Result<crate::adapters::notices::MailServer, crate::ports::PortError> {
    use crate::adapters::notices::{MailServer, Tls};
    let tls = match mail.tls.as_str() {
        "whole" => Tls::Whole,
        "none" => Tls::None,
        _ => Tls::Begun,
    };
    let password = mail.password.as_ref().map(|at| at.read("the password for the mail server")).transpose()?;
    let login = mail.user.clone().map(|user| (user, password.unwrap_or_default().into()));
    Ok(MailServer { host: mail.host.clone(), port: mail.port, tls, login, from: mail.from.clone() })
}
