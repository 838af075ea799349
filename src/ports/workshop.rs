//! The workshop: folders in which programs work, and what they leave there.

use super::PortError;
use super::files::Files;
use crate::digest::Digest;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The window to the workshop.
pub trait Workshop: Send + Sync {
    /// A folder with the files of a version below `only` (empty: all), and nothing else, made anew.
    fn files(&self, name: &str, files: &dyn Files, only: &str) -> Result<PathBuf, PortError>;

    /// An empty folder, made anew.
    fn empty(&self, name: &str) -> Result<PathBuf, PortError>;

    /// Drops the folder of that name.
    fn clear(&self, name: &str);

    /// The file to which a program appends the lines it tells; empty at first.
    fn lines(&self, name: &str) -> Result<PathBuf, PortError>;

    /// Reads the lines `NAME=value` that a program told, and drops the file.
    fn told(&self, path: &Path) -> Result<BTreeMap<String, String>, PortError>;

    /// Whether one of these secrets is in a file that a program wrote, plainly or encoded.
    fn reveals(&self, path: &Path, secrets: &[String]) -> Result<bool, PortError>;

    /// The digest of a file that a program wrote.
    fn digest(&self, path: &Path) -> Result<Digest, PortError>;

    /// Keeps a file that a program wrote in a folder that goes: gives its digest and where it is from now on.
    fn keep(&self, path: &Path) -> Result<(Digest, PathBuf), PortError>;

    /// Which of these files are not as they were, by number. Runs on several threads.
    fn changed(&self, files: &[(PathBuf, Digest)]) -> std::collections::BTreeSet<usize>;

    /// Where the log of a step goes: the path, and its name below the folder of logs.
    fn log(&self, run: u64, step: &str, attempt: u32) -> (PathBuf, String);
}
