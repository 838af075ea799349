//! Versions of folders that are kept, so that they can be had again when the folder has moved on: for going back, and for
//! candidates that wait at a gate. The same file is kept once, whatever versions it is of.
//!
//! A folder that is larger than the bounds is not kept. Its versions can be had as long as it is as it was.

use super::disk::{self, Durable};
use crate::digest::Digest;
use crate::ports::files::{Files, Listing};
use crate::ports::sources::Version;
use crate::ports::{Fault, PortError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many bytes a version may have to be kept.
const BYTES: u64 = 64 << 20;
/// How many files.
const FILES: usize = 10_000;

/// Kept versions below a folder.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    root: PathBuf,
}

impl Kept {
    pub fn new(root: PathBuf) -> Kept {
        Kept { root }
    }

    /// Keeps a version, unless it is too large or is kept already.
    pub fn keep(&self, version: &Version, files: &dyn Files) -> Result<(), PortError> {
        self.keep_as(version, files, Durable::No)
    }

    /// The same of what can be had from nowhere else: it survives a loss of power, and one that is too large is an error.
    pub fn keep_for_good(&self, version: &Version, files: &dyn Files) -> Result<(), PortError> {
        self.keep_as(version, files, Durable::Yes)?;
        let large = || PortError::new(Fault::Limit, format!("more than {BYTES} bytes or {FILES} files are not kept"));
        if self.listing(version).exists() { Ok(()) } else { Err(large()) }
    }

    fn keep_as(&self, version: &Version, files: &dyn Files, durable: Durable) -> Result<(), PortError> {
        let listing = files.list()?;
        let size: u64 = listing.entries.iter().map(|e| e.size).sum();
        let place = self.listing(version);
        if size > BYTES || listing.entries.len() > FILES || disk::touch(&place) {
            return Ok(());
        }
        for entry in &listing.entries {
            let file = file(&self.root, entry.digest);
            if !disk::touch(&file) {
                disk::make_folder(file.parent().unwrap_or(&self.root))?;
                disk::replace(&file, &files.read(&entry.path)?, durable)?;
            }
        }
        // Written last: where there is a listing, there are its files.
        let text = serde_json::to_vec(&*listing).unwrap_or_default();
        disk::make_folder(place.parent().unwrap_or(&self.root))?;
        disk::replace(&place, &text, durable)
    }

    /// The files of a version, if it is kept.
    pub fn open(&self, version: &Version) -> Option<Arc<dyn Files>> {
        let listing: Listing = serde_json::from_slice(&std::fs::read(self.listing(version)).ok()?).ok()?;
        Some(Arc::new(KeptFiles { root: self.root.clone(), listing: Arc::new(listing) }))
    }

    /// An id may be anything; its digest is a name.
    fn listing(&self, version: &Version) -> PathBuf {
        self.root.join("versions").join(Digest::of(&version.id).hex())
    }
}

fn file(root: &Path, digest: Digest) -> PathBuf {
    let hex = digest.hex();
    root.join("files").join(hex.get(..2).unwrap_or_default()).join(hex)
}

struct KeptFiles {
    root: PathBuf,
    listing: Arc<Listing>,
}

impl Files for KeptFiles {
    fn list(&self) -> Result<Arc<Listing>, PortError> {
        Ok(self.listing.clone())
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, PortError> {
        let entry = self
            .listing
            .get(path)
            .ok_or_else(|| PortError::new(Fault::NotFound, format!("there is no file `{path}`")))?;
        let place = file(&self.root, entry.digest);
        let content = std::fs::read(&place).map_err(|e| disk::failed(&place, "read", &e))?;
        if Digest::of(&content) != entry.digest {
            return Err(PortError::new(
                Fault::Moved,
                format!("what was kept of `{path}` is not as it was: {}", place.display()),
            ));
        }
        Ok(content.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::files::{MemoryFiles, Mode};

    #[test]
    fn what_is_kept_is_had_again_and_what_was_damaged_is_noticed() {
        let dir = tempfile::tempdir().expect("a folder");
        let kept = Kept::new(dir.path().to_path_buf());
        let version = Version { id: "sha256:1".into(), name: None, content: Digest::default() };
        assert!(kept.open(&version).is_none());
        let mut files = MemoryFiles::default();
        files.add("a/b", Mode::Executable, &b"one"[..]).add("c", Mode::Link, &b"a/b"[..]);
        kept.keep(&version, &files).expect("kept");
        let again = kept.open(&version).expect("there");
        assert_eq!(again.list().expect("a listing"), files.list().expect("a listing"));
        assert_eq!(&*again.read("a/b").expect("a file"), b"one");
        std::fs::write(file(dir.path(), Digest::of("one")), "two").expect("damaged");
        assert_eq!(again.read("a/b").expect_err("damaged").fault, Fault::Moved);
    }
}
