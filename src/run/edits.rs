//! What people may say to an edit of the pipeline file that makes gates weaker.

use super::event::Event;
use super::input::Word;
use super::people::yes;
use crate::digest::Digest;
use crate::plan::memory::{Edit, Hold, Moment};
use crate::plan::quorum;

/// Whether everyone whom the weakened gates ask has said yes by then.
pub fn is_agreed(edit: &Edit, now: Moment) -> bool {
    edit.rejected.is_none() && edit.gates.values().all(|s| quorum::met(&s.gate, s, Some(now)))
}

fn waiting(edit: Option<&Edit>, file: Digest) -> Result<&Edit, String> {
    let edit = edit.ok_or("no edit of the pipeline file waits")?;
    if edit.file != file {
        return Err("the edit that waits is not the one that was looked at".to_string());
    }
    if let Some(no) = &edit.rejected {
        return Err(format!("{} rejected this edit: {}", no.by, no.reason));
    }
    Ok(edit)
}

/// A yes to an edit: it counts for every gate whose group it is of.
pub(super) fn approve(edit: Option<&Edit>, word: &Word, file: Digest, at: Moment) -> Result<Vec<Event>, String> {
    let edit = waiting(edit, file)?;
    let mut refused = String::new();
    let (mut environments, mut approval) = (Vec::new(), None);
    for (name, standing) in &edit.gates {
        match yes(standing, word, name, at) {
            Ok(given) => {
                environments.push(name.clone());
                approval = Some(given);
            }
            Err(why) => refused = why,
        }
    }
    let approval = approval.ok_or(refused)?;
    Ok(vec![Event::EditApproved { file, environments, approval }])
}

/// A no to an edit, of anyone whom one of the gates asks.
pub(super) fn reject(edit: Option<&Edit>, word: &Word, file: Digest, hold: Hold) -> Result<Vec<Event>, String> {
    let edit = waiting(edit, file)?;
    let mut groups = edit.gates.values().flat_map(|s| &s.gate.approvals);
    if !groups.any(|q| quorum::is_member(word.groups.as_deref(), q.from.as_deref())) {
        return Err(format!("{} is not of a group that these gates ask", word.by));
    }
    Ok(vec![Event::EditRejected { file, word: hold }])
}
