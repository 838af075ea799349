//! From a path to a checked pipeline.

use super::Failure;
use super::beside::Beside;
use crate::check::{self, Checked, Repository};
use crate::diag::{Diagnostic, any_error, codes};
use crate::digest::{Digest, Hasher};
use crate::graph::Graph;
use crate::source::Sources;
use crate::syntax::{Document, Limits, include};
use crate::values;
use std::cell::RefCell;
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

    /// The texts with their paths, as they are saved in a plan.
    pub fn texts(&self) -> Vec<(PathBuf, String)> {
        self.sources.iter().take(self.own).map(|(_, f)| (f.path().to_path_buf(), f.text().to_string())).collect()
    }
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

/// The same with another way to read: a saved plan's texts, an editor's unsaved ones.
pub fn load_with(path: &Path, read: &mut dyn FnMut(&Path) -> std::io::Result<Vec<u8>>) -> Loaded {
    let (mut loaded, found) = read_all(path, read);
    let disk = Disk { root: loaded.root.clone(), hand: None, asked: RefCell::default() };
    (loaded.checked, loaded.diagnostics) = check::document(&loaded.document, found, &disk);
    loaded.asked = disk.asked.into_inner();
    loaded.asked.extend(loaded.root.ancestors().map(|folder| folder.join(".git")));
    loaded.asked.sort_unstable();
    loaded.asked.dedup();
    loaded
}

/// Reads and judges the file at a path with the values files that are beside it, and the charts that they are for.
pub fn judge(path: &Path) -> Loaded {
    judge_with(path, &mut |path| read_bounded(path))
}

/// The same with another way to read texts; charts are read from the disk.
pub fn judge_with(path: &Path, read: &mut dyn FnMut(&Path) -> std::io::Result<Vec<u8>>) -> Loaded {
    let (mut loaded, found) = read_all(path, read);
    let hand = Beside::new(&loaded.root, std::mem::take(&mut loaded.sources), read);
    let disk = Disk { root: loaded.root.clone(), hand: Some(&hand), asked: RefCell::default() };
    (loaded.checked, loaded.diagnostics) = check::document(&loaded.document, found, &disk);
    loaded.sources = hand.take_sources();
    loaded
}

/// Everything that the pipeline file is made of, not judged yet, and what was found while reading it.
fn read_all(path: &Path, read: &mut dyn FnMut(&Path) -> std::io::Result<Vec<u8>>) -> (Loaded, Vec<Diagnostic>) {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let root = absolute.parent().map(Path::to_path_buf).unwrap_or_default();
    let repository = repository_of(&root);
    let mut sources = Sources::new();
    let (document, found) = include::load(&absolute, &repository, &limits(), &mut sources, read);
    let mut hasher = Hasher::new("pipeline");
    for (_, file) in sources.iter() {
        hasher.field(file.text().as_bytes());
    }
    let (digest, own) = (hasher.finish(), sources.iter().count());
    let (path, diagnostics) = (path.to_path_buf(), Vec::new());
    (Loaded { path, root, sources, own, document, digest, checked: None, diagnostics, asked: Vec::new() }, found)
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
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The folder of the repository that a folder is in; itself when it is in none.
pub(super) fn repository_of(folder: &Path) -> PathBuf {
    folder.ancestors().find(|f| f.join(".git").exists()).unwrap_or(folder).to_path_buf()
}

struct Disk<'h, 'r> {
    root: PathBuf,
    hand: Option<&'h Beside<'r>>,
    asked: RefCell<Vec<PathBuf>>,
}

impl Repository for Disk<'_, '_> {
    fn exists(&self, path: &str) -> bool {
        let path = self.root.join(path);
        let exists = path.exists();
        self.asked.borrow_mut().push(path);
        exists
    }

    fn values(&self, graph: &Graph) -> Vec<Diagnostic> {
        self.hand.map_or_else(Vec::new, |hand| values::judge(graph, hand))
    }
}
