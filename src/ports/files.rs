//! The files of one exact version of something: a commit, a folder as it was seen, an unpacked chart.

use super::PortError;
use crate::digest::{Digest, Hasher};
use std::sync::Arc;

/// What kind of file an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A regular file.
    File,
    /// A regular file that may be executed.
    Executable,
    /// A symbolic link; its content is the target's path.
    Link,
}

/// One file of a version. Folders are not listed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// The path from the root, with `/` between, without a leading one.
    pub path: Arc<str>,
    /// What names the content: equal digests mean equal content, within one kind of source.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// The kind.
    pub mode: Mode,
}

/// All files of a version, sorted by path bytewise, no path twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Listing {
    /// The files.
    pub entries: Vec<Entry>,
}

impl Listing {
    /// A listing of these entries, sorted.
    pub fn new(mut entries: Vec<Entry>) -> Listing {
        entries.sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        entries.dedup_by(|a, b| a.path == b.path);
        Listing { entries }
    }

    /// The entry with exactly that path.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|e| e.path.as_bytes().cmp(path.as_bytes())).ok()?;
        self.entries.get(at)
    }

    /// The entries below a folder; all of them for the empty path.
    pub fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a Entry> + use<'a> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{}/", folder.trim_end_matches('/')) };
        let start = self.entries.partition_point(|e| e.path.as_bytes() < prefix.as_bytes());
        self.entries.iter().skip(start).take_while(move |e| e.path.starts_with(&prefix))
    }

    /// One digest for paths, kinds and contents of these entries.
    pub fn digest_of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Digest {
        let mut hasher = Hasher::new("files");
        for entry in entries {
            hasher.field(entry.path.as_bytes()).field([entry.mode as u8]).digest(entry.digest);
        }
        hasher.finish()
    }
}

/// The window to the files of one version. What it shows does not change while it is open; a folder that is changed
/// under it answers with [`Fault::Moved`](super::Fault::Moved).
pub trait Files: Send + Sync {
    /// All files. The answer is made once and kept.
    fn list(&self) -> Result<Arc<Listing>, PortError>;

    /// The content of one file; for a link, the path that it points to.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, PortError>;
}

/// Files in memory, for tests and for what was unpacked.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: std::collections::BTreeMap<String, (Mode, Arc<[u8]>)>,
}

impl MemoryFiles {
    /// Adds a file.
    pub fn add(&mut self, path: impl Into<String>, mode: Mode, content: impl Into<Arc<[u8]>>) -> &mut MemoryFiles {
        self.files.insert(path.into(), (mode, content.into()));
        self
    }
}

impl Files for MemoryFiles {
    fn list(&self) -> Result<Arc<Listing>, PortError> {
        let entry = |(path, (mode, content)): (&String, &(Mode, Arc<[u8]>))| Entry {
            path: path.as_str().into(),
            digest: Digest::of(content),
            size: content.len() as u64,
            mode: *mode,
        };
        Ok(Arc::new(Listing::new(self.files.iter().map(entry).collect())))
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, PortError> {
        let missing = || PortError::new(super::Fault::NotFound, format!("there is no file `{path}`"));
        self.files.get(path).map(|(_, content)| content.clone()).ok_or_else(missing)
    }
}
