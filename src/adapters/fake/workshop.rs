//! Folders and files in memory.

use crate::adapters::shell::redact;
use crate::adapters::workshop::{Only, log_name, plain, told};
use crate::digest::Digest;
use crate::ports::files::Files;
use crate::ports::workshop::Workshop;
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A workshop in memory. It knows files by their paths, wherever these lie; nothing is on any disk.
#[derive(Debug)]
pub struct FakeWorkshop {
    root: PathBuf,
    files: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
}

impl FakeWorkshop {
    /// A workshop whose paths lie below that folder.
    pub fn new(root: impl Into<PathBuf>) -> FakeWorkshop {
        FakeWorkshop { root: root.into(), files: Mutex::default() }
    }

    /// Writes a file.
    pub fn write(&self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) {
        self.files.lock().insert(path.into(), content.into());
    }

    /// Writes to the end of a file.
    pub fn append(&self, path: impl Into<PathBuf>, content: &[u8]) {
        self.files.lock().entry(path.into()).or_default().extend_from_slice(content);
    }

    /// What a file holds.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.files.lock().get(path).cloned()
    }

    /// Drops a file.
    pub fn remove(&self, path: &Path) {
        self.files.lock().remove(path);
    }

    /// The path of something in the folder of that name.
    #[cfg(test)]
    pub(super) fn root_of(&self, name: &str, path: &str) -> PathBuf {
        self.room(name).join(path)
    }

    fn room(&self, name: &str) -> PathBuf {
        self.root.join("work").join(plain(name))
    }

    fn remove_below(&self, folder: &Path) {
        self.files.lock().retain(|path, _| !path.starts_with(folder));
    }

    fn content(&self, path: &Path) -> Result<Vec<u8>, PortError> {
        let missing =
            || PortError::new(Fault::NotFound, format!("`{}` cannot be read: it is not there", path.display()));
        self.read(path).ok_or_else(missing)
    }
}

impl Workshop for FakeWorkshop {
    fn files(&self, name: &str, files: &dyn Files, only: &str) -> Result<PathBuf, PortError> {
        let folder = self.empty(name)?;
        let files = Only { files, only: only.trim_matches('/') };
        for entry in &files.list()?.entries {
            self.write(folder.join(&*entry.path), files.read(&entry.path)?.to_vec());
        }
        Ok(folder)
    }

    fn empty(&self, name: &str) -> Result<PathBuf, PortError> {
        let folder = self.room(name).join("files");
        self.remove_below(&folder);
        Ok(folder)
    }

    fn clear(&self, name: &str) {
        self.remove_below(&self.room(name));
    }

    fn lines(&self, name: &str) -> Result<PathBuf, PortError> {
        let path = self.room(name).join("told");
        self.write(path.clone(), "");
        Ok(path)
    }

    fn told(&self, path: &Path) -> Result<BTreeMap<String, String>, PortError> {
        let bytes = self.content(path)?;
        self.remove(path);
        told::parse(bytes)
    }

    fn reveals(&self, path: &Path, secrets: &[String]) -> Result<bool, PortError> {
        let content = self.content(path).unwrap_or_default();
        Ok(redact::is_in(secrets, content.as_slice()).unwrap_or(false))
    }

    fn digest(&self, path: &Path) -> Result<Digest, PortError> {
        self.content(path).map(Digest::of)
    }

    fn keep(&self, path: &Path) -> Result<(Digest, PathBuf), PortError> {
        let content = self.content(path)?;
        let digest = Digest::of(&content);
        let kept = self.root.join("outputs").join(digest.hex());
        self.write(kept.clone(), content);
        Ok((digest, kept))
    }

    fn changed(&self, files: &[(PathBuf, Digest)]) -> BTreeSet<usize> {
        let changed = |(_, (path, digest)): &(usize, &(PathBuf, Digest))| self.digest(path) != Ok(*digest);
        files.iter().enumerate().filter(changed).map(|(number, _)| number).collect()
    }

    fn log(&self, run: u64, step: &str, attempt: u32) -> (PathBuf, String) {
        let name = log_name(run, step, attempt);
        (self.root.join("logs").join(&name), name)
    }
}
