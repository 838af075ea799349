//! Notices by mail.

use crate::ports::{Fault, PortError};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as How, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{SmtpTransport, Transport as _};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// Whether the way to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte; port 465 unless said.
    Whole,
    /// After asking for it, and not without; port 587 unless said.
    Begun,
    /// Not at all; port 25 unless said.
    None,
}

/// A mail server that takes our mails.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its host.
    pub host: String,
    /// Its port, where it is not the usual one.
    pub port: Option<u16>,
    /// Whether the way is encrypted.
    pub tls: Tls,
    /// Who we are to it, with the password.
    pub login: Option<(String, SecretString)>,
    /// Who the mails are from.
    pub from: String,
}

impl MailServer {
    /// Reads `smtps://USER:PASSWORD@HOST:PORT`, or `smtp://…` where encryption is begun with STARTTLS, or
    /// `smtp://…?tls=none`. The error never holds the password.
    pub fn of_url(url: &str, from: &str) -> Result<MailServer, PortError> {
        let bad = |why: &str| {
            PortError::new(Fault::Invalid, format!("the address of the mail server {why}")).help(
                "write `smtps://USER:PASSWORD@HOST:PORT`, or `smtp://HOST` for STARTTLS; `?tls=none` goes without",
            )
        };
        let parsed = reqwest::Url::parse(url).map_err(|_| bad("is no URL"))?;
        let tls = match (parsed.scheme(), parsed.query()) {
            ("smtps", None) => Tls::Whole,
            ("smtp", None | Some("tls=required")) => Tls::Begun,
            ("smtp", Some("tls=none")) => Tls::None,
            ("smtps" | "smtp", Some(_)) => return Err(bad("says something behind `?` that is not known")),
            _ => return Err(bad("is not of `smtp:` or `smtps:`")),
        };
        let host = parsed.host_str().filter(|h| !h.is_empty()).ok_or_else(|| bad("has no host"))?.to_string();
        let decoded = |text: &str| percent(text).ok_or_else(|| bad("has a `%` that is not of UTF-8"));
        let login = match (parsed.username(), parsed.password()) {
            ("", _) => None,
            (user, password) => Some((decoded(user)?, SecretString::from(decoded(password.unwrap_or_default())?))),
        };
        let server = MailServer { host, port: parsed.port(), tls, login, from: from.to_string() };
        server.sender()?;
        Ok(server)
    }

    fn sender(&self) -> Result<Mailbox, PortError> {
        mailbox(&self.from, "who the mails are from")
    }
}

/// Text of a URL with its `%XX` made bytes again.
pub(crate) fn percent(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match after.get(..2) {
            Some(digits) if *first == b'%' => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

fn mailbox(text: &str, what: &str) -> Result<Mailbox, PortError> {
    text.parse().map_err(|e| PortError::new(Fault::Invalid, format!("`{text}`, {what}, is no address: {e}")))
}

/// Sends one mail. Its `Message-ID` is made of the id, so that one that comes twice is known.
pub(super) fn send(
    server: Option<&MailServer>,
    id: &str,
    address: &str,
    subject: &str,
    text: &str,
    patience: Duration,
) -> Result<(), PortError> {
    let server = server.ok_or_else(|| {
        PortError::new(Fault::Invalid, "no mail server is named")
            .help("say `mail` in `server.kdl`, or set LOCKGATE_SMTP and LOCKGATE_MAIL_FROM")
    })?;
    let from = server.sender()?;
    let domain = from.email.domain().to_string();
    let message = Message::builder()
        .from(from)
        .to(mailbox(address, "who is told")?)
        .message_id(Some(format!("<{id}.lockgate@{domain}>")))
        .header(Notice(id.to_string()))
        .header(Unasked)
        .header(ContentType::TEXT_PLAIN)
        .subject(subject)
        .body(text.to_string())
        .map_err(|e| PortError::new(Fault::Invalid, format!("the mail cannot be written: {e}")))?;
    let sent = transport(server, patience)?.send(&message);
    sent.map(|_| ()).map_err(|e| explain(server, &e))
}

fn transport(server: &MailServer, patience: Duration) -> Result<SmtpTransport, PortError> {
    let trusted = || {
        TlsParameters::new_rustls(server.host.clone())
            .map_err(|e| PortError::new(Fault::Invalid, format!("TLS cannot be set up: {e}")))
    };
    let (tls, usual) = match server.tls {
        Tls::Whole => (How::Wrapper(trusted()?), 465),
        Tls::Begun => (How::Required(trusted()?), 587),
        Tls::None => (How::None, 25),
    };
    let builder = SmtpTransport::builder_dangerous(&server.host).port(server.port.unwrap_or(usual)).tls(tls);
    let builder = builder.timeout(Some(patience)).hello_name(ClientId::default());
    Ok(match &server.login {
        Some((user, password)) => {
            builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_string())).build()
        }
        None => builder.build(),
    })
}

fn explain(server: &MailServer, error: &lettre::transport::smtp::Error) -> PortError {
    let mut reason = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(inner) = next {
        // The last is the one that says something.
        reason = inner.to_string();
        next = inner.source();
    }
    let code = error.status().map(u16::from);
    let fault = match code {
        Some(530 | 534 | 535 | 538) => Fault::Denied,
        Some(500..=599) => Fault::Invalid,
        _ if reason.contains("certificate") => Fault::Invalid,
        _ => Fault::Unavailable,
    };
    let secret = server.login.as_ref().map(|(_, password)| password.expose_secret()).filter(|p| !p.is_empty());
    let reason = shown(&secret.map_or(reason.clone(), |secret| reason.replace(secret, "***")));
    let code = code.map(|c| format!("{c} ")).unwrap_or_default();
    PortError::new(fault, format!("the mail server {} does not take it: {code}{reason}", server.host))
}

/// The id once more, for filters.
#[derive(Clone)]
struct Notice(String);

/// That no person wrote it, so that no machine answers.
#[derive(Clone)]
struct Unasked;

type Parsed<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

impl Header for Notice {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Lockgate-Notice")
    }

    fn parse(text: &str) -> Parsed<Notice> {
        Ok(Notice(text.to_string()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

impl Header for Unasked {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Parsed<Unasked> {
        Ok(Unasked)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_string())
    }
}

/// What a server said, in one line and without what would move a cursor.
fn shown(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
