//! What people may say, and what follows from it. A refusal is an event, too: every call leaves its row.

use super::edits;
use super::event::Event;
use super::input::{Saying, Word};
use super::state::Intent;
use crate::digest::Digest;
use crate::plan::memory::{Approval, Ban, Hold, Memory, Moment, Pin, Place, Standing, Wish};
use crate::plan::quorum;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The events that follow from somebody's word.
pub fn said(memory: &Memory, intents: &BTreeMap<Arc<str>, Intent>, word: &Word, at: Moment) -> Vec<Event> {
    let hold = Hold { by: word.by.clone(), reason: word.reason.clone().unwrap_or_default(), at };
    let decided = match &word.what {
        Saying::Approve { environment, subplan } => approve(memory, word, environment, *subplan, at),
        Saying::Reject { environment } => reject(memory, word, environment, hold),
        Saying::ApproveEdit { file } => edits::approve(memory.edit.as_ref(), word, *file, at),
        Saying::RejectEdit { file } => edits::reject(memory.edit.as_ref(), word, *file, hold),
        Saying::Withdraw { environment, by } => withdraw(memory, environment, by, hold),
        Saying::Hold { environment } => Ok(vec![Event::HoldSet { environment: environment.clone(), word: hold }]),
        Saying::Release { environment } => release(memory, environment, hold),
        Saying::Pin { source, head } => {
            Ok(vec![Event::PinSet { source: source.clone(), pin: Pin { head: head.clone(), word: hold } }])
        }
        Saying::Unpin { source } if memory.pins.contains_key(source) => {
            Ok(vec![Event::PinReleased { source: source.clone(), word: hold }])
        }
        Saying::Unpin { source } => Err(format!("source {source} is not pinned")),
        Saying::Ban { source, version } => {
            Ok(vec![Event::BanSet { ban: Ban { source: source.clone(), version: version.clone(), word: hold } }])
        }
        Saying::Unban { source, version } => unban(memory, source, version, hold),
        Saying::Rollback { environment, candidate } => rollback(memory, environment, *candidate, hold),
        Saying::Resolve { step, done } => resolve(intents, word, step, *done),
    };
    decided.unwrap_or_else(|reason| vec![Event::Refused { call: call(&word.what), by: word.by.clone(), reason }])
}

fn place<'m>(memory: &'m Memory, environment: &str) -> Option<&'m Place> {
    memory.environments.get(environment)
}

fn standing<'m>(memory: &'m Memory, environment: &str) -> Result<&'m Standing, String> {
    let standing = place(memory, environment).and_then(|p| p.standing.as_ref());
    standing.ok_or_else(|| format!("nothing waits at the gate of {environment}"))
}

fn approve(
    memory: &Memory,
    word: &Word,
    environment: &str,
    subplan: Option<Digest>,
    at: Moment,
) -> Result<Vec<Event>, String> {
    let standing = standing(memory, environment)?;
    if standing.rejected.is_none() && subplan.is_some_and(|s| s != standing.subplan) {
        return Err("what waits there is not what was looked at any more".to_string());
    }
    let approval = yes(standing, word, environment, at)?;
    Ok(vec![Event::Approved { environment: environment.to_string(), approval }])
}

/// Somebody's approval of what stands at a gate, if they may give it.
pub(super) fn yes(standing: &Standing, word: &Word, environment: &str, at: Moment) -> Result<Approval, String> {
    if let Some(no) = &standing.rejected {
        return Err(format!("{} rejected this candidate: {}", no.by, no.reason));
    }
    let quorums = &standing.gate.approvals;
    if quorums.is_empty() {
        return Err(format!("the gate of {environment} asks for no approval"));
    }
    let member: Vec<_> =
        quorums.iter().filter(|q| quorum::is_member(word.groups.as_deref(), q.from.as_deref())).collect();
    if member.is_empty() {
        let groups: Vec<&str> = quorums.iter().filter_map(|q| q.from.as_deref()).collect();
        return Err(format!("{} is not of {}", word.by, groups.join(" or ")));
    }
    if member.iter().all(|q| !q.self_allowed) && is_own_change(word, standing) {
        return Err(format!("{} started this change or is an author of it, and nobody approves their own", word.by));
    }
    let expired = |a: &Approval| standing.gate.expires.is_some_and(|after| at >= a.at.saturating_add(after));
    if standing.approvals.iter().any(|a| a.by == word.by && !expired(a)) {
        return Err(format!("{} has approved this already, and an approval counts once", word.by));
    }
    let (by, groups, reason) = (word.by.clone(), word.groups.clone(), word.reason.clone());
    let also = word.also.clone();
    Ok(Approval { by, groups, also, subplan: standing.subplan, reason, at })
}

fn is_own_change(word: &Word, standing: &Standing) -> bool {
    std::iter::once(&word.by).chain(&word.also).any(|name| quorum::is_own_change(name, &standing.people))
}

/// Approvals are of people: one takes one's own back, and the server those of people who left the group.
fn withdraw(memory: &Memory, environment: &str, by: &str, hold: Hold) -> Result<Vec<Event>, String> {
    let standing = standing(memory, environment)?;
    if !standing.approvals.iter().any(|a| a.by == by) {
        return Err(format!("{by} has not approved what waits at the gate of {environment}"));
    }
    Ok(vec![Event::Withdrawn { environment: environment.to_string(), by: by.to_string(), word: hold }])
}

fn reject(memory: &Memory, word: &Word, environment: &str, hold: Hold) -> Result<Vec<Event>, String> {
    let standing = standing(memory, environment)?;
    if let Some(no) = &standing.rejected {
        return Err(format!("{} has rejected it already", no.by));
    }
    let quorums = &standing.gate.approvals;
    if !quorums.is_empty() && !quorums.iter().any(|q| quorum::is_member(word.groups.as_deref(), q.from.as_deref())) {
        return Err(format!("{} is not of a group that this gate asks", word.by));
    }
    Ok(vec![Event::Rejected { environment: environment.to_string(), candidate: standing.candidate, word: hold }])
}

fn release(memory: &Memory, environment: &str, hold: Hold) -> Result<Vec<Event>, String> {
    match place(memory, environment).and_then(|p| p.hold.as_ref()) {
        Some(_) => Ok(vec![Event::HoldReleased { environment: environment.to_string(), word: hold }]),
        None => Err(format!("{environment} is not held")),
    }
}

fn unban(memory: &Memory, source: &str, version: &str, hold: Hold) -> Result<Vec<Event>, String> {
    if !memory.bans.iter().any(|b| b.source == source && b.version == version) {
        return Err(format!("version {version} of {source} is not banned"));
    }
    Ok(vec![Event::BanReleased { source: source.to_string(), version: version.to_string(), word: hold }])
}

fn rollback(memory: &Memory, environment: &str, candidate: Option<Digest>, hold: Hold) -> Result<Vec<Event>, String> {
    let place = place(memory, environment).ok_or_else(|| format!("{environment} never had a candidate"))?;
    let candidate = match candidate {
        Some(wanted) => {
            let known = place.had.iter().chain(&place.has).any(|h| h.candidate == wanted);
            known.then_some(wanted).ok_or_else(|| format!("{environment} never had that candidate"))?
        }
        None => place
            .had
            .last()
            .map(|h| h.candidate)
            .ok_or_else(|| format!("{environment} had no other candidate before"))?,
    };
    let standing = place.standing.as_ref().filter(|s| s.candidate == candidate);
    if let Some(no) = standing.and_then(|s| s.rejected.as_ref()) {
        return Err(format!("{} rejected that candidate at the gate of {environment}: {}", no.by, no.reason));
    }
    Ok(vec![Event::RollbackAsked { environment: environment.to_string(), wish: Wish { candidate, word: hold } }])
}

fn resolve(intents: &BTreeMap<Arc<str>, Intent>, word: &Word, step: &str, done: bool) -> Result<Vec<Event>, String> {
    let found = intents.get_key_value(step).filter(|(_, i)| i.indeterminate);
    let (id, intent) = found.ok_or_else(|| format!("{step} is not indeterminate"))?;
    Ok(vec![Event::Resolved { step: id.clone(), key: intent.key, by: word.by.clone(), done }])
}

fn call(saying: &Saying) -> String {
    match saying {
        Saying::Approve { environment, .. } => format!("approve {environment}"),
        Saying::Reject { environment } => format!("reject {environment}"),
        Saying::ApproveEdit { .. } => "approve edit".to_string(),
        Saying::RejectEdit { .. } => "reject edit".to_string(),
        Saying::Withdraw { environment, by } => format!("withdraw {environment} {by}"),
        Saying::Hold { environment } => format!("hold {environment}"),
        Saying::Release { environment } => format!("release {environment}"),
        Saying::Pin { source, .. } => format!("pin {source}"),
        Saying::Unpin { source } => format!("unpin {source}"),
        Saying::Ban { source, version } => format!("ban {source} {version}"),
        Saying::Unban { source, version } => format!("unban {source} {version}"),
        Saying::Rollback { environment, .. } => format!("rollback {environment}"),
        Saying::Resolve { step, .. } => format!("resolve {step}"),
    }
}
