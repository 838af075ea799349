//! What a branch holds of a release.

use super::At;
use super::home::Tip;
use crate::adapters::git::faults;
use crate::adapters::place::names::{HOOKS, Wanted};
use crate::adapters::place::record::{self, Record};
use crate::digest::Digest;
use crate::ports::places::Seen;
use crate::ports::{Fault, PortError};
use git2::{ObjectType, Oid, Tree};
use serde_json::Value;
use std::collections::BTreeMap;

/// The name of the record. It has no ending, so that whoever follows the branch takes it for no manifest.
pub(super) const RECORD: &str = ".lockgate";
/// How large a file may be that is read.
const LIMIT: usize = 16 << 20;

/// What a branch holds of a release.
pub(super) struct Held<'t> {
    tip: &'t Tip,
    /// The folder, for messages.
    shown: String,
    /// The folder's tree; nothing where there is none.
    pub tree: Option<Oid>,
    /// What was deployed, as the branch says.
    pub record: Option<Record>,
    /// What is in the folder and in that of the hooks, by its path.
    leaves: BTreeMap<String, Leaf>,
}

/// What is there under a name.
#[derive(Clone, Copy)]
struct Leaf {
    id: Oid,
    is_file: bool,
}

impl<'t> Held<'t> {
    /// Looks into the folder of a release.
    pub(super) fn read(tip: &'t Tip, at: &At<'_>, release: &str) -> Result<Held<'t>, PortError> {
        let mut held = Held { tip, shown: at.shown(release), tree: None, record: None, leaves: BTreeMap::new() };
        let Some(root) = tip.tree()? else { return Ok(held) };
        let Some(tree) = held.folder(root, &at.path(release))? else { return Ok(held) };
        held.tree = Some(tree.id());
        held.take(&tree, "");
        if let Some(entry) = tree.get_name(HOOKS).filter(|entry| entry.kind() == Some(ObjectType::Tree)) {
            let hooks = tip.repository.find_tree(entry.id()).map_err(|e| held.unreadable(&e))?;
            held.take(&hooks, HOOKS);
        }
        if let Some(leaf) = held.leaves.remove(RECORD) {
            if !leaf.is_file {
                return Err(held.in_the_way(RECORD));
            }
            let shown = at.shown(&format!("{release}/{RECORD}"));
            held.record = Some(record::parse(&held.content(leaf.id)?, shown.trim_matches('`'))?);
        }
        Ok(held)
    }

    /// The tree at a path; nothing where nothing is.
    fn folder<'r>(&self, mut tree: Tree<'r>, path: &str) -> Result<Option<Tree<'r>>, PortError>
    where
        't: 'r,
    {
        for part in path.split('/') {
            let Some(entry) = tree.get_name(part).map(|entry| (entry.id(), entry.kind())) else { return Ok(None) };
            if entry.1 != Some(ObjectType::Tree) {
                let message = format!("{} cannot be a folder: `{part}` is something else there", self.shown);
                return Err(PortError::new(Fault::Invalid, message).help("move it away, or deploy to another folder"));
            }
            tree = self.tip.repository.find_tree(entry.0).map_err(|e| self.unreadable(&e))?;
        }
        Ok(Some(tree))
    }

    fn take(&mut self, tree: &Tree<'_>, folder: &str) {
        for entry in tree {
            let Ok(name) = std::str::from_utf8(entry.name_bytes()) else { continue };
            let path = if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
            let is_file = entry.kind() == Some(ObjectType::Blob) && entry.filemode() != 0o120000;
            self.leaves.insert(path, Leaf { id: entry.id(), is_file });
        }
    }

    /// What a file holds.
    fn content(&self, id: Oid) -> Result<Vec<u8>, PortError> {
        let database = self.tip.repository.odb().map_err(|e| self.unreadable(&e))?;
        let (size, _) = database.read_header(id).map_err(|e| self.unreadable(&e))?;
        if size > LIMIT {
            let message = format!("a file of {} has {size} bytes, and {LIMIT} are the limit", self.shown);
            return Err(PortError::new(Fault::Limit, message));
        }
        Ok(database.read(id).map_err(|e| self.unreadable(&e))?.data().to_vec())
    }

    /// Whether we wrote that file, or a Lockgate before us.
    fn is_ours(&self, path: &str) -> bool {
        self.record.as_ref().is_some_and(|record| record.files.contains_key(path))
    }

    /// What of it is not as it was deployed.
    pub(super) fn seen(&self) -> Result<Seen, PortError> {
        let Some(record) = &self.record else { return Ok(Seen::default()) };
        let mut drift = Vec::new();
        for (path, recorded) in &record.files {
            let how = match self.leaves.get(path) {
                None => "is missing",
                Some(leaf) if !leaf.is_file => "was replaced by something else",
                Some(leaf) if Digest::of(self.content(leaf.id)?) == recorded.digest => continue,
                Some(_) => "was changed on the branch",
            };
            drift.push((recorded.object.clone(), how.to_string()));
        }
        Ok(Seen { bundle: Some(record.bundle), drift })
    }

    /// The objects that stand there by their paths, with their names; what is no YAML is a text.
    pub(super) fn objects(&self) -> Result<BTreeMap<String, (String, Value)>, PortError> {
        let mut objects = BTreeMap::new();
        for (path, recorded) in self.record.iter().flat_map(|record| &record.files) {
            let Some(leaf) = self.leaves.get(path).filter(|leaf| leaf.is_file) else { continue };
            let bytes = self.content(leaf.id)?;
            let body = crate::helm::yaml::parse(&bytes).map(|node| node.map_or(Value::Null, |node| node.to_json()));
            let body = body.unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
            objects.insert(path.clone(), (recorded.object.clone(), body));
        }
        Ok(objects)
    }

    /// Whether it is exactly that.
    pub(super) fn is(&self, files: &BTreeMap<String, Wanted>, record: &[u8]) -> Result<bool, PortError> {
        let Some(held) = &self.record else { return Ok(files.is_empty()) };
        Ok(!files.is_empty()
            && held.bytes()? == record
            && self.changes(files)?.is_empty()
            && self.obsolete(files).next().is_none())
    }

    /// Which files are not as they should be. That one stands in the way is an error.
    pub(super) fn changes<'f>(
        &self,
        files: &'f BTreeMap<String, Wanted>,
    ) -> Result<Vec<(&'f str, &'f Wanted)>, PortError> {
        let mut changes = Vec::new();
        for (path, wanted) in files {
            if path.contains('/') && self.leaves.get(HOOKS).is_some_and(|leaf| leaf.is_file) {
                return Err(self.in_the_way(HOOKS));
            }
            match self.leaves.get(path) {
                None => changes.push((path.as_str(), wanted)),
                Some(leaf) if !leaf.is_file => return Err(self.in_the_way(path)),
                Some(leaf) if is(leaf.id, &wanted.bytes) => {}
                Some(_) if self.is_ours(path) => changes.push((path, wanted)),
                Some(_) => return Err(self.in_the_way(path)),
            }
        }
        Ok(changes)
    }

    /// Our files that are no longer rendered, as far as they are there.
    pub(super) fn obsolete<'h>(&'h self, files: &'h BTreeMap<String, Wanted>) -> impl Iterator<Item = &'h String> {
        let ours = self.record.iter().flat_map(|record| record.files.keys());
        let is_there = |path: &&String| self.leaves.get(*path).is_some_and(|leaf| leaf.is_file);
        ours.filter(|path| !files.contains_key(*path)).filter(is_there)
    }

    fn in_the_way(&self, path: &str) -> PortError {
        let message = format!("`{path}` of {} is in the way: it is not from Lockgate", self.shown);
        PortError::new(Fault::Invalid, message).help("move it away, or deploy to another folder")
    }

    fn unreadable(&self, error: &git2::Error) -> PortError {
        faults::from_disk(error, &self.tip.shown)
    }
}

/// Whether an object holds these bytes.
fn is(id: Oid, bytes: &[u8]) -> bool {
    Oid::hash_object(ObjectType::Blob, bytes).is_ok_and(|hash| hash == id)
}
