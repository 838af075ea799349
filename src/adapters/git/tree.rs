//! The files of a commit, read from its tree.

use super::faults;
use crate::digest::Digest;
use crate::ports::files::{Entry, Files, Listing, Mode};
use crate::ports::filter::Filter;
use crate::ports::{Fault, PortError};
use git2::{ObjectType, Oid, Repository, Tree};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// How many entries a tree may have, folders included. The largest known repositories have some 500,000; a tree that names
/// itself over and over has more than can be counted.
const ENTRIES: usize = if cfg!(test) { 20_000 } else { 2_000_000 };
/// How long a path may get.
const PATH: usize = 4_096;
/// How large a file may be to be read into memory.
const FILE: usize = 512 << 20;

/// The files of a commit.
pub(super) struct TreeFiles {
    /// libgit2's repositories go from thread to thread, and serve one at a time.
    repository: Mutex<Repository>,
    commit: Oid,
    shown: String,
    listed: OnceLock<Listed>,
}

/// What a tree holds: the listing, and the object behind each path.
struct Listed {
    listing: Arc<Listing>,
    objects: HashMap<Arc<str>, Oid>,
}

impl TreeFiles {
    /// The files of a commit that is in the repository.
    pub(super) fn new(repository: Repository, commit: Oid, shown: &str) -> TreeFiles {
        TreeFiles { repository: Mutex::new(repository), commit, shown: shown.to_string(), listed: OnceLock::new() }
    }

    fn listed(&self) -> Result<&Listed, PortError> {
        let repository = self.repository.lock();
        if let Some(listed) = self.listed.get() {
            return Ok(listed);
        }
        let leaves = leaves(&repository, self.commit, &Filter::default(), &self.shown)?;
        let listed = sized(&repository, leaves).map_err(|e| faults::from_disk(&e, &self.shown))?;
        Ok(self.listed.get_or_init(|| listed))
    }
}

impl Files for TreeFiles {
    fn list(&self) -> Result<Arc<Listing>, PortError> {
        Ok(self.listed()?.listing.clone())
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, PortError> {
        let shown = &self.shown;
        let object = *self.listed()?.objects.get(path).ok_or_else(|| {
            let short = self.commit.to_string().get(..12).map(String::from).unwrap_or_default();
            PortError::new(Fault::NotFound, format!("there is no file `{path}` in commit {short} of `{shown}`"))
        })?;
        let repository = self.repository.lock();
        let failed = |e: &git2::Error| faults::from_disk(e, &format!("{path} of {shown}"));
        let database = repository.odb().map_err(|e| failed(&e))?;
        let (size, _) = database.read_header(object).map_err(|e| failed(&e))?;
        if size > FILE {
            let message = format!("`{path}` of `{shown}` is larger than {} MiB", FILE >> 20);
            return Err(PortError::new(Fault::Limit, message));
        }
        Ok(database.read(object).map_err(|e| failed(&e))?.data().into())
    }
}

/// One digest for those files of a commit that count.
pub(super) fn content(repository: &Repository, commit: Oid, filter: &Filter, shown: &str) -> Result<Digest, PortError> {
    let entry = |leaf: Leaf| Entry { digest: leaf.digest(), path: leaf.path, size: 0, mode: leaf.mode };
    let listing = Listing::new(leaves(repository, commit, filter, shown)?.into_iter().map(entry).collect());
    Ok(Listing::digest_of(&listing.entries))
}

/// Whether a commit's tree names submodules, whose files are elsewhere.
pub(super) fn has_submodules(repository: &Repository, commit: Oid) -> bool {
    let tree = repository.find_commit(commit).and_then(|commit| commit.tree());
    tree.is_ok_and(|tree| tree.get_name(".gitmodules").is_some())
}

/// A file in a tree.
struct Leaf {
    path: Arc<str>,
    object: Oid,
    mode: Mode,
}

impl Leaf {
    /// An object's name stands for its content; it is hashed because names of objects are of another length.
    fn digest(&self) -> Digest {
        Digest::of([b"git-blob", self.object.as_bytes()].concat())
    }
}

fn sized(repository: &Repository, leaves: Vec<Leaf>) -> Result<Listed, git2::Error> {
    let database = repository.odb()?;
    let mut objects = HashMap::with_capacity(leaves.len());
    let mut entries = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let (size, _) = database.read_header(leaf.object)?;
        entries.push(Entry { path: leaf.path.clone(), digest: leaf.digest(), size: size as u64, mode: leaf.mode });
        objects.insert(leaf.path, leaf.object);
    }
    Ok(Listed { listing: Arc::new(Listing::new(entries)), objects })
}

/// The files of a commit that count, in no order. Folders in which nothing counts are not looked into.
fn leaves(repository: &Repository, commit: Oid, filter: &Filter, shown: &str) -> Result<Vec<Leaf>, PortError> {
    let failed = |e: git2::Error| faults::from_disk(&e, shown);
    let root = repository.find_commit(commit).map_err(|_| faults::no_commit(&commit.to_string(), shown))?.tree_id();
    let mut walk = Walk { filter, shown, seen: 0, folders: vec![(root, String::new())], leaves: Vec::new() };
    while let Some((id, folder)) = walk.folders.pop() {
        walk.look_into(&repository.find_tree(id).map_err(failed)?, &folder)?;
    }
    Ok(walk.leaves)
}

/// A walk over a tree. Its folders wait on a heap, not on the stack, so that depth costs nothing.
struct Walk<'a> {
    filter: &'a Filter,
    shown: &'a str,
    seen: usize,
    folders: Vec<(Oid, String)>,
    leaves: Vec<Leaf>,
}

impl Walk<'_> {
    fn look_into(&mut self, tree: &Tree<'_>, folder: &str) -> Result<(), PortError> {
        for entry in tree {
            self.seen += 1;
            let path = self.path(folder, entry.name_bytes())?;
            if self.seen > ENTRIES || path.len() > PATH {
                let message =
                    format!("a tree of `{}` has more than {ENTRIES} entries or {PATH} bytes in a path", self.shown);
                return Err(PortError::new(Fault::Limit, message));
            }
            match (entry.kind(), entry.filemode()) {
                (Some(ObjectType::Tree), _) if self.filter.may_admit_below(&path) => {
                    self.folders.push((entry.id(), path))
                }
                (Some(ObjectType::Blob), mode) if self.filter.admits(&path) => {
                    self.leaves.push(Leaf { path: path.into(), object: entry.id(), mode: mode_of(mode) });
                }
                // A submodule, or what doesn't count.
                _ => {}
            }
        }
        Ok(())
    }

    /// The path of an entry. Git itself writes no such names as are refused here, so whoever did means no good.
    fn path(&self, folder: &str, name: &[u8]) -> Result<String, PortError> {
        let shown = self.shown;
        let lossy = String::from_utf8_lossy(name);
        let error =
            |what| Err(PortError::new(Fault::Invalid, format!("the name `{lossy}` in a tree of `{shown}` {what}")));
        let path = if folder.is_empty() { lossy.to_string() } else { format!("{folder}/{lossy}") };
        if lossy.is_empty()
            || lossy == "."
            || lossy == ".."
            || lossy.contains(['/', '\0'])
            || lossy.eq_ignore_ascii_case(".git")
        {
            return error("is not the name of a file");
        }
        if std::str::from_utf8(name).is_err() && self.filter.admits(&path) {
            return error("is not UTF-8");
        }
        Ok(path)
    }
}

fn mode_of(mode: i32) -> Mode {
    match mode {
        0o120000 => Mode::Link,
        0o100755 => Mode::Executable,
        _ => Mode::File,
    }
}
