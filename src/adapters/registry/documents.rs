//! Manifests and configurations on disk, each in a file named by its digest. Several processes may share the folder: a file
//! comes to be whole, and whoever reads one checks it.

use crate::adapters::disk::{self, Durable};
use crate::digest::Digest;
use crate::image::limits;
use std::path::PathBuf;

/// The folder.
pub(super) struct Documents {
    folder: PathBuf,
}

impl Documents {
    pub(super) fn new(folder: PathBuf) -> Documents {
        Documents { folder }
    }

    /// The document, if it is kept and still what its name says.
    pub(super) fn get(&self, digest: Digest) -> Option<Vec<u8>> {
        let bytes = disk::read(&self.folder.join(digest.hex()), limits::MANIFEST.max(limits::CONFIG)).ok()?;
        (Digest::of(&bytes) == digest).then_some(bytes)
    }

    /// Keeps it. What cannot be kept is fetched again the next time.
    pub(super) fn put(&self, digest: Digest, bytes: &[u8]) {
        let kept = disk::make_folder(&self.folder)
            .and_then(|()| disk::replace(&self.folder.join(digest.hex()), bytes, Durable::No));
        drop(kept);
    }
}
