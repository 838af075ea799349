//! A folder of this machine as a source: its version is the digest of its files.
//!
//! What git would ignore doesn't count (`.gitignore` anywhere, `.git/info/exclude`), nor do `.git` and our own state;
//! hidden files do. The user's global ignore file is left aside, so that a folder has the same version for everyone.

mod scan;
mod walk;

use super::seen::Seen;
use crate::digest::Digest;
use crate::ports::files::{Entry, Files, Listing, Mode};
use crate::ports::filter::Filter;
use crate::ports::sources::{About, Head, Version};
use crate::ports::{Fault, PortError};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many changed files a message names before it counts the others.
const NAMED: usize = 5;

/// A folder and which of its files count.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    filter: Filter,
    ignore: bool,
    seen: Arc<Seen>,
}

impl Folder {
    /// The folder with that absolute path.
    pub fn new(root: impl Into<PathBuf>, filter: Filter) -> Folder {
        Folder { root: root.into(), filter, ignore: true, seen: Arc::default() }
    }

    /// The folder with that absolute path and everything in it, whatever git thinks of it.
    pub fn whole(root: impl Into<PathBuf>) -> Folder {
        Folder { root: root.into(), filter: Filter::default(), ignore: false, seen: Arc::default() }
    }

    /// The same, where what was seen before need not be read again.
    pub fn seen(self, seen: &Arc<Seen>) -> Folder {
        Folder { seen: seen.clone(), ..self }
    }

    /// Reads all files that count: the version that the folder is now, and its files.
    pub fn look(&self) -> Result<(Head, Arc<FolderFiles>), PortError> {
        let scan = scan::scan(walk::walk(self)?, self)?;
        let digest = Listing::digest_of(&scan.listing.entries);
        let version = Version { id: digest.to_string(), name: None, content: digest };
        let about = About { note: left_out(&scan.left_out), ..About::default() };
        let files = FolderFiles { root: self.root.clone(), listing: Arc::new(scan.listing) };
        Ok((Head { version, about }, Arc::new(files)))
    }

    /// The files of that version, if the folder still is as it was then. `then` is what was seen, where that is known; it
    /// lets the error name the files that changed.
    pub fn open(&self, version: &Version, then: Option<&Listing>) -> Result<Arc<FolderFiles>, PortError> {
        let (head, files) = self.look()?;
        if head.version.id == version.id {
            return Ok(files);
        }
        let shown = self.root.display();
        let message = match then {
            Some(then) => format!("the folder `{shown}` is no longer as it was: {}", difference(then, &files.listing)),
            None => format!("the folder `{shown}` is no longer as it was"),
        };
        let newest = || newest(&self.root, &files.listing).map(|path| format!("its newest file is `{path}`"));
        let error = PortError::new(Fault::Moved, message);
        Err(match then.is_none().then(newest).flatten() {
            Some(help) => error.help(help),
            None => error,
        })
    }
}

/// The files of a folder as they were seen. Reading one that has changed since is an error.
#[derive(Debug)]
pub struct FolderFiles {
    root: PathBuf,
    listing: Arc<Listing>,
}

impl Files for FolderFiles {
    fn list(&self) -> Result<Arc<Listing>, PortError> {
        Ok(self.listing.clone())
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, PortError> {
        let shown = self.root.display();
        let missing = || PortError::new(Fault::NotFound, format!("there is no file `{path}` in `{shown}`"));
        let entry = self.listing.get(path).ok_or_else(missing)?;
        let moved =
            || PortError::new(Fault::Moved, format!("`{path}` in `{shown}` has changed since it was looked at"));
        let full = self.root.join(path);
        let content = match entry.mode {
            Mode::Link => scan::read_link(&full, path)?.into_bytes(),
            Mode::File | Mode::Executable => match std::fs::read(&full) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(moved()),
                other => other.map_err(|e| unreadable(path, &e))?,
            },
        };
        if Digest::of(&content) != entry.digest {
            return Err(moved());
        }
        Ok(content.into())
    }
}

/// Why a file could not be read, in words.
fn unreadable(path: &str, error: &std::io::Error) -> PortError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::PermissionDenied => {
            PortError::new(Fault::Denied, format!("`{path}` may not be read: permission denied"))
                .help("give yourself the right to read it, or leave it out with `ignore`")
        }
        ErrorKind::NotFound => PortError::new(Fault::Moved, format!("`{path}` disappeared while the folder was read"))
            .help("something is writing to the folder; wait until it is done, or leave its files out with `ignore`"),
        _ => PortError::new(Fault::Unavailable, format!("`{path}` cannot be read: {error}")),
    }
}

/// What a folder holds that is no file, as a note.
fn left_out(left_out: &[String]) -> Option<String> {
    (!left_out.is_empty()).then(|| format!("left out: {}", some_of(left_out)))
}

/// What changed between two listings, by name.
fn difference(then: &Listing, now: &Listing) -> String {
    let describe = |path: &str| match (then.get(path), now.get(path)) {
        (None, Some(_)) => Some(format!("`{path}` is new")),
        (Some(_), None) => Some(format!("`{path}` is gone")),
        (Some(a), Some(b)) if a.digest != b.digest || a.mode != b.mode => Some(format!("`{path}` changed")),
        _ => None,
    };
    let paths: BTreeSet<&str> = then.entries.iter().chain(&now.entries).map(|entry| &*entry.path).collect();
    some_of(&paths.into_iter().filter_map(describe).collect::<Vec<_>>())
}

/// The first few of the texts, and how many there are besides.
fn some_of(texts: &[String]) -> String {
    let named = texts.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match texts.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The file that was modified last: the likely one when all that is known is that something changed.
fn newest(root: &Path, listing: &Listing) -> Option<Arc<str>> {
    let modified = |entry: &Entry| root.join(&*entry.path).symlink_metadata().and_then(|meta| meta.modified()).ok();
    listing.entries.iter().max_by_key(|entry| modified(entry)).map(|entry| entry.path.clone())
}

#[cfg(test)]
mod tests;
