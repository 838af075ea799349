//! Who made a commit, and who took part since another.

use crate::ports::sources::About;
use git2::{Commit, Oid, Repository, Signature};
use std::collections::{BTreeSet, HashSet};

/// How many commits are looked through for the people of a change.
pub(super) const BOUND: usize = 10_000;

/// What is known of a commit by itself.
pub(super) fn about(commit: &Commit<'_>) -> About {
    let subject = commit.message_bytes().split(|b| *b == b'\n').map(text).find(|line| !line.is_empty());
    About {
        author: Some(person(&commit.author())),
        committer: Some(person(&commit.committer())),
        subject,
        time: Some(commit.time().seconds()),
        people: Vec::new(),
        note: None,
    }
}

/// Who authored and committed one commit.
pub(super) fn people_of(commit: &Commit<'_>) -> Vec<String> {
    BTreeSet::from([person(&commit.author()), person(&commit.committer())]).into_iter().collect()
}

/// Everyone who authored or committed what is in `head` and not in `since`.
pub(super) fn people(repository: &Repository, head: Oid, since: Option<Oid>) -> Result<Vec<String>, git2::Error> {
    let mut walk = repository.revwalk()?;
    walk.push(head)?;
    if let Some(since) = since.filter(|since| repository.find_commit(*since).is_ok()) {
        walk.hide(since)?;
    }
    let mut people = BTreeSet::new();
    for id in walk.take(BOUND) {
        let commit = repository.find_commit(id?)?;
        people.extend(people_of(&commit));
    }
    Ok(people.into_iter().collect())
}

/// How one commit stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descent {
    /// The older is an ancestor of the newer.
    Ancestor,
    /// It is not: the branch was rewritten.
    Rewritten,
    /// What was fetched of the history doesn't tell.
    Unknown,
}

/// How `older` stands to `newer`, as far as the history is here.
pub(super) fn descent(repository: &Repository, older: Oid, newer: Oid) -> Result<Descent, git2::Error> {
    if older == newer || repository.find_commit(older).is_ok() && repository.graph_descendant_of(newer, older)? {
        return Ok(Descent::Ancestor);
    }
    Ok(if is_complete(repository, newer)? { Descent::Rewritten } else { Descent::Unknown })
}

/// Whether the history of a commit is here down to its beginning.
fn is_complete(repository: &Repository, commit: Oid) -> Result<bool, git2::Error> {
    if !repository.is_shallow() {
        return Ok(true);
    }
    let cut = std::fs::read_to_string(repository.path().join("shallow")).unwrap_or_default();
    let cut: HashSet<Oid> = cut.lines().filter_map(|line| Oid::from_str(line).ok()).collect();
    let mut walk = repository.revwalk()?;
    walk.push(commit)?;
    for (number, id) in walk.enumerate() {
        if cut.contains(&id?) || number > BOUND {
            return Ok(false);
        }
    }
    Ok(true)
}

fn person(signature: &Signature<'_>) -> String {
    format!("{} <{}>", text(signature.name_bytes()), text(signature.email_bytes()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_string()
}
