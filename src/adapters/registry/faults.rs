//! What a registry refuses, in words.

use super::address::Address;
use crate::adapters::web::Answer;
use crate::ports::{Fault, PortError};

/// How much of an answer that tells a fault is read.
const SAID: usize = 16 << 10;
/// How much of what a registry says is passed on.
const SHOWN: usize = 300;

#[derive(serde::Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<One>,
}

#[derive(serde::Deserialize)]
struct One {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The fault that an answer tells. `what` is what was asked for, as in "the tag `1.2`"; `who` is who asked.
pub(crate) fn of(address: &Address, what: &str, who: Option<&str>, answer: Answer) -> PortError {
    let (status, asked) = (answer.status(), answer.retry_after());
    let said = said(&answer.start_of_body(SAID));
    let because = if said.is_empty() { String::new() } else { format!(" ({said})") };
    let (registry, name) = (&address.registry, address.name());
    match status {
        401 => denied(address, who),
        403 => {
            let who = who.map_or_else(|| "we".to_string(), ToString::to_string);
            PortError::new(
                Fault::Denied,
                format!("{registry}: {who} may not have {what} of `{}`{because}", address.path),
            )
            .help("the account needs the right to it: pull for sources and bases, push for `push`")
        }
        404 => {
            let why = if said.contains("NAME_UNKNOWN") {
                format!("there is no repository `{name}`")
            } else {
                format!("`{name}` has not {what}")
            };
            PortError::new(Fault::NotFound, why)
        }
        429 => {
            let wait = asked.map_or(String::new(), |time| format!(" and asks to wait {} s", time.as_secs()));
            PortError::new(Fault::Unavailable, format!("{registry} takes no more requests for now{wait}{because}"))
                .help("log in, look less often, or pull through a registry of your own")
        }
        413 => PortError::new(Fault::Limit, format!("{registry}: {what} is too large for it{because}")),
        500.. => PortError::new(Fault::Unavailable, format!("{registry} is out of order: HTTP {status}{because}")),
        _ => {
            PortError::new(Fault::Invalid, format!("{registry} answers HTTP {status} for {what} of `{name}`{because}"))
        }
    }
}

/// That we are not let in.
pub(crate) fn denied(address: &Address, who: Option<&str>) -> PortError {
    let registry = &address.registry;
    let help = format!("name a secret with `credentials`, or run `docker login {registry}`");
    match who {
        Some(who) => {
            PortError::new(Fault::Denied, format!("{registry} does not take the credentials of {who}")).help(help)
        }
        None => {
            let message = format!("`{}` is not there, or {registry} wants credentials for it", address.name());
            PortError::new(Fault::Denied, message).help(help)
        }
    }
}

/// What the registry says itself: codes and messages of the distribution specification, else the text.
fn said(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Errors>(body) {
        Ok(Errors { errors }) if !errors.is_empty() => {
            let one = |e: &One| match (e.code.as_str(), e.message.as_str()) {
                ("", message) => message.to_string(),
                (code, "") => code.to_string(),
                (code, message) => format!("{code}: {message}"),
            };
            errors.iter().map(one).collect::<Vec<_>>().join("; ")
        }
        _ => {
            let text = String::from_utf8_lossy(body);
            // A page for browsers tells nothing that a line could hold.
            if text.trim_start().starts_with('<') { String::new() } else { text.trim().to_string() }
        }
    };
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    clean.trim().to_string()
}
