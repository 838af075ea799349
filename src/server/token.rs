//! Tokens from the command line: made, listed, taken back. A server that runs knows at once.

use super::config::Config;
use super::tokens::{Scope, new_token};
use crate::adapters::sqlite::register::Register;
use crate::app::serving::{Serving, TokenWish};
use crate::app::{Failure, Settings, upkeep};
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::model::duration;
use crate::ports::{Fault, PortError};
use crate::report::Clock;

/// Does it, and gives what is to be shown.
pub fn token(serving: &Serving, wish: &TokenWish) -> Result<String, Failure> {
    let now = jiff::Timestamp::now().as_millisecond();
    let failed = |e: PortError| Failure::of(&e, "the server's register");
    match wish {
        TokenWish::New { person, scopes, expires, note, print } => {
            let config = super::start::config(serving)?;
            let scopes = known(scopes)?;
            is_user(&config, serving, person)?;
            let expires = expires.as_deref().map(|text| moment(text, now)).transpose()?;
            let made = new_token(person, &scopes, note, now, expires);
            let (shown, token) =
                made.map_err(|e| failed(PortError::new(Fault::Unavailable, format!("no token can be made: {e}"))))?;
            if *print {
                let scope = token.scopes.join(",");
                let until = expires.map(|e| format!(" expires=\"{}\"", Clock::rfc3339(e))).unwrap_or_default();
                let line = format!("token \"{}:{}\" scope=\"{scope}\"{until}", token.id, token.hash);
                return Ok(format!("{shown}\n\nin the block of `user {person}`:\n    {line}\n"));
            }
            register(serving)?.add_token(&token).map_err(failed)?;
            Ok(format!("{shown}\n"))
        }
        TokenWish::List => {
            let tokens = register(serving)?.tokens().map_err(failed)?;
            let mut out = String::new();
            for token in tokens {
                let state = match (token.revoked, token.expires) {
                    (Some(at), _) => format!("taken back {}", Clock::rfc3339(at)),
                    (None, Some(at)) if at <= now => format!("expired {}", Clock::rfc3339(at)),
                    (None, Some(at)) => format!("until {}", Clock::rfc3339(at)),
                    (None, None) => "for ever".to_string(),
                };
                let scopes = if token.scopes.is_empty() { "all".to_string() } else { token.scopes.join(",") };
                out.push_str(&format!("{}  {}  {scopes}  {state}  {}\n", token.id, token.person, token.note));
            }
            Ok(if out.is_empty() { "There is no token.\n".to_string() } else { out })
        }
        TokenWish::Revoke { id } => match register(serving)?.revoke(id, now).map_err(failed)? {
            true => Ok(format!("token {id} does not count any more\n")),
            false => Err(Failure::plain(
                Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no token `{id}` that counts"))
                    .help("`lockgate token list` shows them"),
            )),
        },
    }
}

fn register(serving: &Serving) -> Result<Register, Failure> {
    let (path, state) = (serving.files.first().cloned(), serving.state.clone());
    let folder = upkeep::root(&Settings { path, state, ..Settings::default() })?;
    Register::open(&folder).map_err(|e| Failure::of(&e, "the server's register"))
}

fn known(scopes: &[String]) -> Result<Vec<Scope>, Failure> {
    let words = || Scope::ALL.iter().map(|s| s.word());
    let unknown = |word: &String| {
        let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no scope `{word}`"));
        Failure::plain(match did_you_mean(word, words()) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help(format!("there are: {}", words().collect::<Vec<_>>().join(", "))),
        })
    };
    scopes.iter().map(|word| Scope::of(word).ok_or_else(|| unknown(word))).collect()
}

/// A token of somebody whom the configuration does not name would open nothing.
fn is_user(config: &Config, serving: &Serving, person: &str) -> Result<(), Failure> {
    if serving.config.is_none() || config.users.contains_key(person) {
        return Ok(());
    }
    let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("the configuration names no user `{person}`"));
    Err(Failure::plain(match did_you_mean(person, config.users.keys().map(String::as_str)) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(format!("write `user {person}` into it first")),
    }))
}

/// A moment, said as a duration from now or as the moment itself.
fn moment(text: &str, now: i64) -> Result<i64, Failure> {
    if let Ok(duration) = duration::parse(text) {
        return Ok(now.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)));
    }
    text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).map_err(|_| {
        let fault = Diagnostic::new(&codes::BAD_DURATION, format!("`{text}` is neither a duration nor a moment"));
        Failure::plain(fault.help("write `90d`, or `2027-01-01T00:00:00Z`"))
    })
}
