//! Charts on disk: archives by their digests, indexes by the URLs of their repositories, and which digest a version had when
//! it was last seen. Several processes may share the folder: a file comes to be whole, and what has a digest is checked when
//! it is read.

use super::PACKED;
use crate::adapters::disk::{self, Durable};
use crate::digest::Digest;
use crate::ports::PortError;
use std::path::PathBuf;

/// The largest file of what is remembered: the indexes of the largest repositories, without what is not needed of them.
const NOTE: u64 = 64 << 20;

/// The folder.
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn new(folder: PathBuf) -> Store {
        Store { folder }
    }

    /// The archive with that digest, if it is there and whole.
    pub(super) fn archive(&self, digest: Digest) -> Option<Vec<u8>> {
        let bytes = disk::read(&self.archive_path(digest), PACKED).ok()?;
        (Digest::of(&bytes) == digest).then_some(bytes)
    }

    /// Whether it is there, as far as its name tells.
    pub(super) fn has_archive(&self, digest: Digest) -> bool {
        self.archive_path(digest).is_file()
    }

    /// Keeps an archive; it must be had again when its repository is away.
    pub(super) fn keep_archive(&self, digest: Digest, bytes: &[u8]) -> Result<(), PortError> {
        self.write(&self.archive_path(digest), bytes)
    }

    /// What was remembered of something.
    pub(super) fn note<T: serde::de::DeserializeOwned>(&self, kind: &str, of: &str) -> Option<T> {
        let bytes = disk::read(&self.note_path(kind, of), NOTE).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Remembers it. What cannot be kept is found out again.
    pub(super) fn remember(&self, kind: &str, of: &str, what: &impl serde::Serialize) {
        if let Ok(bytes) = serde_json::to_vec(what) {
            drop(self.write(&self.note_path(kind, of), &bytes));
        }
    }

    /// Where that archive is, if it is there.
    pub(super) fn archive_path(&self, digest: Digest) -> PathBuf {
        self.folder.join("archives").join(format!("{}.tgz", digest.hex()))
    }

    /// Whatever it is of, the digest of that is a name.
    fn note_path(&self, kind: &str, of: &str) -> PathBuf {
        self.folder.join(kind).join(format!("{}.json", Digest::of(of).hex()))
    }

    fn write(&self, path: &std::path::Path, bytes: &[u8]) -> Result<(), PortError> {
        disk::make_folder(path.parent().unwrap_or(&self.folder))?;
        disk::replace(path, bytes, Durable::No)
    }
}
