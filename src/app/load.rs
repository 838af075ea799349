//! From a path to a checked pipeline.

use super::Failure;
use super::beside::{Beside, Read};
use crate::check::{self, Checked, Memory, Repository};
use crate::diag::{Diagnostic, any_error, codes};
use crate::digest::{Digest, Hasher};
use crate::graph::Graph;
use crate::source::Sources;
use crate::syntax::{Document, Limits, include};
use crate::values;
use parking_lot::Mutex;
use std::path::{Path, PathBuf};

/// The conventional name of the file.
pub const FILE_NAME: &str = "lockgate.kdl";

/// A pipeline file that was read and judged.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The path of the file.
    pub path: PathBuf,
    /// Its folder, absolute: relative paths in the file start here.
    pub root: PathBuf,
    /// All texts: the file and its includes, and behind them the values files that were judged.
    pub sources: Sources,
    /// How many of the texts are the file and its includes.
    pub own: usize,
    /// Their trees.
    pub document: Document,
    /// The digest of all texts.
    pub digest: Digest,
    /// The pipelines, if nothing is an error.
    pub checked: Option<Checked>,
    /// Everything that was found.
    pub diagnostics: Vec<Diagnostic>,
    /// Paths of which it counts whether anything is there.
    pub asked: Vec<PathBuf>,
}

impl Loaded {
    /// The pipelines, or why there are none.
    pub fn checked(&self) -> Result<&Checked, Failure> {
        let failure = || Failure { diagnostics: self.diagnostics.clone(), sources: self.sources.clone() };
        self.checked.as_ref().ok_or_else(failure)
    }

    /// Whether the files still hold what was read. Reads them.
    pub fn is_current(&self) -> bool {
        let own = self.sources.iter().take(self.own);
        own.map(|(_, file)| file).all(|f| read_bounded(f.path()).is_ok_and(|now| now == f.text().as_bytes()))
    }

    /// The texts with their paths, as they are saved in a plan.
    pub fn texts(&self) -> Vec<(PathBuf, String)> {
        self.sources.iter().take(self.own).map(|(_, f)| (f.path().to_path_buf(), f.text().to_string())).collect()
    }
}

/// The folder of the states of a pipeline file: the one that was said, or the one beside the file, which is in `root`.
pub fn state_of(said: Option<&Path>, root: &Path) -> PathBuf {
    said.map_or_else(|| root.join(".lockgate"), Path::to_path_buf)
}

/// The pipeline file that a path means: itself, the one in a folder, or, without a path, the nearest one upwards.
pub fn find(path: Option<&Path>) -> Result<PathBuf, Failure> {
    let unreadable = |message: String| Diagnostic::new(&codes::FILE_UNREADABLE, message);
    if let Some(path) = path {
        if path.is_dir() {
            let file = path.join(FILE_NAME);
            if file.is_file() {
                return Ok(file);
            }
            let message = format!("there is no {FILE_NAME} in {}", path.display());
            return Err(Failure::plain(unreadable(message).help("name the file, or write one: `lockgate init`")));
        }
        if !path.exists() {
            let help = format!("name the pipeline file, or the folder in which {FILE_NAME} is");
            return Err(Failure::plain(unreadable(format!("there is no file {}", path.display())).help(help)));
        }
        return Ok(path.to_path_buf());
    }
    let here = std::env::current_dir()
        .map_err(|e| Failure::plain(unreadable(format!("the current folder cannot be read: {e}"))))?;
    let found = here.ancestors().map(|folder| folder.join(FILE_NAME)).find(|file| file.is_file());
    let missing = || {
        let message = format!("there is no {FILE_NAME} in {} or above it", here.display());
        Failure::plain(unreadable(message).help("name the file or its folder, or write one: `lockgate init`"))
    };
    found.ok_or_else(missing)
}

/// Reads and judges the file at a path. Never stops at the first fault. Values files are not looked at: what a run does is
/// judged by its plan, which knows the exact versions.
pub fn load(path: &Path) -> Loaded {
    load_with(path, &mut |path| read_bounded(path))
}

/// The same of these texts, whatever the files hold by now.
pub fn load_texts(path: &Path, texts: &[(PathBuf, String)]) -> Loaded {
    load_with(path, &mut |path| {
        let found = texts.iter().find(|(name, _)| name == path).map(|(_, text)| text.clone().into_bytes());
        found.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    })
}

/// The same with another way to read: a saved plan's texts.
pub fn load_with(path: &Path, read: &mut dyn FnMut(&Path) -> std::io::Result<Vec<u8>>) -> Loaded {
    let root = folder_of(path);
    let mut sources = Sources::new();
    let (document, found) = read_all(path, &root, &mut sources, read);
    let mut hasher = Hasher::new("pipeline");
    for (_, file) in sources.iter() {
        hasher.field(file.text().as_bytes());
    }
    let disk = Disk { root: &root, hand: None, asked: Mutex::default() };
    let (checked, diagnostics) = check::document(&document, found, &disk);
    let mut asked = disk.asked.into_inner();
    asked.extend(root.ancestors().map(|folder| folder.join(".git")));
    asked.sort_unstable();
    asked.dedup();
    let (path, own, digest) = (path.to_path_buf(), sources.iter().count(), hasher.finish());
    Loaded { path, root, sources, own, document, digest, checked, diagnostics, asked }
}

/// A pipeline file that was only judged: there is nothing to run.
pub struct Judged {
    /// The folder of the file, absolute.
    pub root: PathBuf,
    /// All texts, the values files that were judged among them.
    pub sources: Sources,
    /// The trees of the file and its includes.
    pub document: Document,
    /// Everything that was found.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and judges the file at a path with the values files that are beside it, and the charts that they are for. `state` is the
/// folder of the state, where it was said: charts from repositories are kept there.
pub fn judge(path: &Path, state: Option<&Path>) -> Judged {
    judge_again(path, state, &mut |path| read_bounded(path), &mut Memory::default())
}

/// The same for an editor, which asks again and again: texts come from `read`, and pipelines that `memory` knows as they are now
/// are not looked at.
pub fn judge_again(path: &Path, state: Option<&Path>, read: Read<'_>, memory: &mut Memory) -> Judged {
    let root = folder_of(path);
    let mut sources = Sources::new();
    let (document, found) = read_all(path, &root, &mut sources, read);
    let hand = Beside::new(&root, state, sources, read);
    let disk = Disk { root: &root, hand: Some(&hand), asked: Mutex::default() };
    let diagnostics = memory.judge(&document, found, &disk);
    let sources = hand.take_sources();
    Judged { root, sources, document, diagnostics }
}

/// The absolute folder of a file.
fn folder_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    absolute.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Everything that a pipeline file is made of, not judged yet, and what was found while reading it.
fn read_all(
    path: &Path,
    root: &Path,
    sources: &mut Sources,
    read: &mut dyn FnMut(&Path) -> std::io::Result<Vec<u8>>,
) -> (Document, Vec<Diagnostic>) {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    include::load(&absolute, &repository_of(root), &limits(), sources, read)
}

impl Loaded {
    /// Whether an error was found.
    pub fn is_bad(&self) -> bool {
        any_error(&self.diagnostics)
    }
}

/// The variable that raises the limit on the size of texts, in bytes.
pub(super) const LIMIT: &str = "LOCKGATE_MAX_FILE_BYTES";

/// The limits of texts.
fn limits() -> Limits {
    let size = std::env::var(LIMIT).ok().and_then(|s| s.parse().ok());
    let limits = Limits::default();
    Limits { size: size.unwrap_or(limits.size), ..limits }
}

/// Reads a file unless it is larger than the limit, of which nothing but one byte too many is read then.
pub fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let limit = limits().size as u64 + 1;
    let file = std::fs::File::open(path)?;
    let size = file.metadata().map_or(0, |m| m.len()).min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The folder of the repository that a folder is in; itself when it is in none.
pub(super) fn repository_of(folder: &Path) -> PathBuf {
    folder.ancestors().find(|f| f.join(".git").exists()).unwrap_or(folder).to_path_buf()
}

struct Disk<'h, 'r> {
    root: &'h Path,
    hand: Option<&'h Beside<'r>>,
    asked: Mutex<Vec<PathBuf>>,
}

impl Repository for Disk<'_, '_> {
    fn exists(&self, path: &str) -> bool {
        let path = self.root.join(path);
        let exists = path.exists();
        self.asked.lock().push(path);
        exists
    }

    fn values(&self, graph: &Graph) -> Vec<Diagnostic> {
        self.hand.map_or_else(Vec::new, |hand| values::judge(graph, hand))
    }

    fn has_values(&self, graph: &Graph) -> bool {
        self.hand.is_some_and(|hand| hand.has_some(graph))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_current_until_a_file_or_what_it_includes_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(at(name), text).expect("written");
        write("lockgate.kdl", "lockgate 1\ninclude \"more.kdl\"\n");
        write("more.kdl", "pipeline shop\n");
        let loaded = load(&at("lockgate.kdl"));
        assert_eq!(loaded.texts().len(), 2);
        assert!(loaded.is_current());
        write("more.kdl", "pipeline shop // of ours\n");
        assert!(!loaded.is_current());
        write("more.kdl", "pipeline shop\n");
        assert!(loaded.is_current());
        std::fs::remove_file(at("more.kdl")).expect("removed");
        assert!(!loaded.is_current());
    }
}
