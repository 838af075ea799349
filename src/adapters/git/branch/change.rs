//! The commit of a deploy.

use super::At;
use super::held::{Held, RECORD};
use super::home::Tip;
use crate::adapters::place::names::Wanted;
use crate::model::format::person;
use crate::ports::places::Deployment;
use crate::ports::{Fault, PortError};
use git2::{ObjectType, Oid, Repository, Signature, Tree};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a file that is written is for git.
const FILE: i32 = 0o100_644;
/// What a folder is for git.
const FOLDER: i32 = 0o040_000;

/// A path by its parts, and the file that is to stand there; nothing where none is.
type Edit<'p> = (Vec<&'p str>, Option<Oid>);

/// Makes the commit that brings a release to its files, on top of the tip; `changes` are those that are not as they should be. The
/// branch does not move by that.
pub(super) fn commit(
    tip: &Tip,
    at: &At<'_>,
    held: &Held<'_>,
    files: &BTreeMap<String, Wanted>,
    changes: &[(&str, &Wanted)],
    record: &[u8],
    deployment: &Deployment<'_>,
) -> Result<Oid, PortError> {
    let release = &deployment.bundle.release;
    let failed = |e: git2::Error| {
        let message = format!("a commit for `{}` cannot be made: {}", tip.shown, e.message());
        PortError::new(Fault::Unavailable, message).help("see that there is room, and the right to write")
    };
    let mut edits: BTreeMap<String, Option<Oid>> = BTreeMap::new();
    for (path, wanted) in changes {
        let blob = tip.repository.blob(&wanted.bytes).map_err(failed)?;
        edits.insert(at.path(&format!("{release}/{path}")), Some(blob));
    }
    edits.extend(held.obsolete(files).map(|path| (at.path(&format!("{release}/{path}")), None)));
    let record = if files.is_empty() { None } else { Some(tip.repository.blob(record).map_err(failed)?) };
    edits.insert(at.path(&format!("{release}/{RECORD}")), record);
    let edits: Vec<Edit<'_>> = edits.iter().map(|(path, id)| (path.split('/').collect(), *id)).collect();
    let make = || {
        let base = tip.commit.map(|id| tip.repository.find_commit(id)).transpose()?;
        let tree = base.as_ref().map(|commit| commit.tree()).transpose()?;
        let tree = match edited(&tip.repository, tree.as_ref(), &edits)? {
            Some(id) => id,
            None => tip.repository.treebuilder(None)?.write()?,
        };
        let (name, address) = at.author.and_then(person).unwrap_or(("Lockgate", "lockgate@localhost"));
        let who = Signature::now(name, address)?;
        let parents: Vec<_> = base.iter().collect();
        tip.repository.commit(None, &who, &who, &message(deployment), &tip.repository.find_tree(tree)?, &parents)
    };
    make().map_err(failed)
}

/// What a commit says of a deploy. It begins with what people look for, and ends with what programs do.
fn message(deployment: &Deployment<'_>) -> String {
    let Deployment { bundle, told, candidate, candidate_name, digest, .. } = deployment;
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let what = match bundle.is_empty() {
        true => format!("{} goes", bundle.release),
        false => format!("{} as {candidate_name}", bundle.release),
    };
    let subject = if told.environment.is_empty() { what } else { format!("{}: {what}", told.environment) };
    let mut text = line(&subject);
    text.push_str("\n\n");
    let run = told.run.map(|run| run.to_string()).unwrap_or_default();
    for (name, value) in [
        ("Pipeline", told.pipeline),
        ("Environment", told.environment),
        ("Run", &run),
        ("Release", &bundle.release),
        ("Chart", &bundle.chart),
        ("Candidate", &candidate.to_string()),
        ("Bundle", &digest.to_string()),
    ] {
        if !value.is_empty() {
            let _ = writeln!(text, "Lockgate-{name}: {}", line(value));
        }
    }
    text
}

/// The tree with these edits; nothing where nothing is left in it.
fn edited(repository: &Repository, tree: Option<&Tree<'_>>, edits: &[Edit<'_>]) -> Result<Option<Oid>, git2::Error> {
    let mut builder = repository.treebuilder(tree)?;
    let mut names: BTreeMap<&str, Vec<Edit<'_>>> = BTreeMap::new();
    for (path, id) in edits {
        if let Some((first, rest)) = path.split_first() {
            names.entry(first).or_default().push((rest.to_vec(), *id));
        }
    }
    for (name, below) in names {
        let (id, mode) = match below.as_slice() {
            [(rest, id)] if rest.is_empty() => (*id, FILE),
            _ => {
                let there = tree.and_then(|tree| tree.get_name(name));
                let folder = there.filter(|entry| entry.kind() == Some(ObjectType::Tree));
                let folder = folder.map(|entry| repository.find_tree(entry.id())).transpose()?;
                (edited(repository, folder.as_ref(), &below)?, FOLDER)
            }
        };
        match id {
            Some(id) => drop(builder.insert(name, id, mode)?),
            None if builder.get(name)?.is_some() => builder.remove(name)?,
            None => {}
        }
    }
    if builder.is_empty() { Ok(None) } else { builder.write().map(Some) }
}
