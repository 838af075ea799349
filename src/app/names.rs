//! From what somebody typed to what it names.

use super::{Failure, Session};
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::digest::Digest;
use crate::graph::Kind;
use crate::plan::Memory;
use crate::plan::candidate::name_of;
use crate::ports::sources::{Head, Version};
use crate::report::words;

/// The names of the pipeline's environments, each after those before it.
pub fn environments(session: &Session) -> Vec<String> {
    let graph = &session.graph;
    let is_one = |id: &&crate::graph::NodeId| matches!(graph.kind(**id), Kind::Environment(_));
    graph.order().iter().filter(is_one).map(|id| graph.name(*id).to_string()).collect()
}

/// An environment of the pipeline.
pub fn environment(session: &Session, name: &str) -> Result<String, Failure> {
    known("environment", name, environments(session))
}

/// A source of the pipeline.
pub fn source(session: &Session, name: &str) -> Result<String, Failure> {
    known("source", name, session.graph.pipeline().sources.iter().map(|s| s.name.value.to_string()).collect())
}

fn known(what: &str, name: &str, names: Vec<String>) -> Result<String, Failure> {
    if names.iter().any(|n| n == name) {
        return Ok(name.to_string());
    }
    let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no {what} `{name}`"));
    Err(Failure::plain(match did_you_mean(name, names.iter().map(String::as_str)) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(format!("there are: {}", names.join(", "))),
    }))
}

/// A candidate that an environment has or had, by its short name or the beginning of its id.
pub fn candidate(memory: &Memory, environment: &str, text: &str) -> Result<Digest, Failure> {
    let place = memory.environments.get(environment);
    let had = place.map(|p| p.had.iter().chain(&p.has).map(|h| h.candidate).collect::<Vec<_>>()).unwrap_or_default();
    let wanted = text.strip_prefix("sha256:").unwrap_or(text).to_lowercase();
    let mut found: Vec<Digest> =
        had.iter().copied().filter(|d| name_of(*d) == wanted || is_prefix(&wanted, &d.hex())).collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("{environment} never had a candidate `{text}`"));
            let names: Vec<String> = had.iter().rev().take(8).map(|d| name_of(*d)).collect();
            let help = if names.is_empty() {
                "it had none at all".to_string()
            } else {
                format!("it had: {}", names.join(", "))
            };
            Err(Failure::plain(fault.help(help)))
        }
        several => {
            let names: Vec<String> = several.iter().map(|d| name_of(*d)).collect();
            let fault =
                Diagnostic::new(&codes::UNKNOWN_NAME, format!("`{text}` is the beginning of several candidates"));
            Err(Failure::plain(fault.help(format!("say one of: {}", names.join(", ")))))
        }
    }
}

/// Fewer digits than this are a slip rather than a name.
const SHORTEST: usize = 3;

fn is_prefix(text: &str, id: &str) -> bool {
    text.len() >= SHORTEST && id.starts_with(text)
}

/// A version of a source that was seen, by its name or the beginning of its id; the newest one where none is said.
pub fn version(memory: &Memory, source: &str, text: Option<&str>) -> Result<Head, Failure> {
    let newest = memory.heads.get(source);
    let Some(text) = text else {
        let none = || {
            let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("no version of {source} was seen yet"));
            Failure::plain(fault.help("apply once, or say the version"))
        };
        return newest.cloned().ok_or_else(none);
    };
    let candidates = memory.candidates.values().filter_map(|c| c.versions.get(source));
    let mut seen: Vec<&Version> = candidates.chain(newest.map(|h| &h.version)).collect();
    seen.sort_unstable();
    seen.dedup();
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_it = |v: &&&Version| {
        let id = v.id.strip_prefix("sha256:").unwrap_or(&v.id);
        v.id == text || v.name.as_deref() == Some(text) || is_prefix(digits, id)
    };
    let found: Vec<&Version> = seen.iter().filter(is_it).copied().collect();
    match found.as_slice() {
        [one] => {
            let about = newest.filter(|h| h.version == **one).map(|h| h.about.clone()).unwrap_or_default();
            Ok(Head { version: (*one).clone(), about })
        }
        [] => {
            let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("no version `{text}` of {source} was seen"));
            let names: Vec<String> = seen.iter().take(8).map(|v| words::version(v)).collect();
            Err(Failure::plain(fault.help(format!("seen were: {}", names.join(", ")))))
        }
        several => {
            let ids: Vec<String> = several.iter().map(|v| v.id.clone()).collect();
            let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("`{text}` means several versions of {source}"));
            Err(Failure::plain(fault.help(format!("say one of: {}", ids.join(", ")))))
        }
    }
}

/// The id of a version that is to be banned: of one that was seen, or a whole id, since one that was not seen yet can be banned
/// before it comes.
pub fn version_to_ban(memory: &Memory, source: &str, text: Option<&str>) -> Result<String, Failure> {
    match text.filter(|t| is_id(t)) {
        Some(id) => Ok(id.to_string()),
        None => Ok(version(memory, source, text)?.version.id),
    }
}

/// The id of a version that is banned.
pub fn version_to_unban(memory: &Memory, source: &str, text: &str) -> Result<String, Failure> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let starts = |id: &str| id.strip_prefix("sha256:").unwrap_or(id).starts_with(digits);
    let mut banned = memory.bans.iter().filter(|b| b.source == source && starts(&b.version));
    match (banned.next(), banned.next()) {
        (Some(one), None) => Ok(one.version.clone()),
        _ if is_id(text) => Ok(text.to_string()),
        _ => Ok(version(memory, source, Some(text))?.version.id),
    }
}

/// Whether a text is a whole id: a commit or a digest.
fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    matches!(digits.len(), 40 | 64) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}
