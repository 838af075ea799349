//! A pipeline file that is taken from a repository at the branch that is trusted: its folder here is kept as that branch has it.
//! What takes notice of it there is whoever watches the folder.

use crate::adapters::git::Git;
use crate::ports::files::{Files, Mode};
use crate::ports::sources::{Credentials, HeadQuery, Origin, Version};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

/// How much a repository that holds a pipeline file may hold, in bytes.
const LIMIT: u64 = 256 << 20;

/// A branch of a repository, in a folder of this machine.
pub struct Checkout {
    git: Git,
    url: String,
    branch: String,
    credentials: Option<Credentials>,
    folder: PathBuf,
    /// What is there: the version, and its files.
    there: Mutex<Option<(Version, BTreeSet<PathBuf>)>>,
}

impl Checkout {
    /// The branch, to be kept in a folder; what is fetched is kept in another.
    pub fn new(url: &str, branch: &str, credentials: Option<Credentials>, folder: &Path, cache: &Path) -> Checkout {
        let (url, branch) = (url.to_string(), branch.to_string());
        Checkout {
            git: Git::new(cache),
            url,
            branch,
            credentials,
            folder: folder.to_path_buf(),
            there: Mutex::default(),
        }
    }

    /// Where the file at a path of the repository is here.
    pub fn at(&self, path: &Path) -> Result<PathBuf, PortError> {
        let inside = path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        let wrong = || PortError::new(Fault::Invalid, format!("`{}` is no path in a repository", path.display()));
        if inside { Ok(self.folder.join(path)) } else { Err(wrong()) }
    }

    /// Makes the folder as the branch is now; whether it was not before.
    pub fn refresh(&self) -> Result<bool, PortError> {
        let mut there = self.there.lock();
        let query = HeadQuery {
            origin: Origin::Git { url: self.url.clone(), branch: self.branch.clone() },
            paths: Vec::new(),
            ignore: Vec::new(),
            last: there.as_ref().map(|(version, _)| version.clone()),
            credentials: self.credentials.clone(),
        };
        let head = self.git.head(&self.url, &self.branch, &query)?;
        if there.as_ref().is_some_and(|(version, _)| *version == head.version) {
            return Ok(false);
        }
        let files = self.git.open(&self.url, &self.branch, self.credentials.as_ref(), &head.version.id)?;
        let written = self.write(&*files)?;
        for old in there.iter().flat_map(|(_, files)| files.difference(&written)) {
            // One that is not there any more need not be removed.
            let _ = std::fs::remove_file(self.folder.join(old));
        }
        *there = Some((head.version, written));
        Ok(true)
    }

    /// Writes what is not there as it should be. Each file is whole at all times.
    fn write(&self, files: &dyn Files) -> Result<BTreeSet<PathBuf>, PortError> {
        let listing = files.list()?;
        let size: u64 = listing.entries.iter().map(|e| e.size).sum();
        if size > LIMIT {
            let message = format!("`{}` holds {size} bytes, and {LIMIT} are the limit", self.url);
            return Err(PortError::new(Fault::Limit, message).help("keep the pipeline file in a smaller repository"));
        }
        let mut written = BTreeSet::new();
        // A link could lead anywhere; no pipeline file needs one.
        for entry in listing.entries.iter().filter(|e| e.mode != Mode::Link) {
            let path = PathBuf::from(&*entry.path);
            let place = self.at(&path)?;
            let content = files.read(&entry.path)?;
            let failed = |e: std::io::Error| {
                PortError::new(Fault::Unavailable, format!("{} cannot be written: {e}", place.display()))
            };
            if !std::fs::read(&place).is_ok_and(|there| *there == *content) {
                put(&place, &content, entry.mode).map_err(failed)?;
            }
            written.insert(path);
        }
        Ok(written)
    }
}

fn put(place: &Path, content: &[u8], mode: Mode) -> std::io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    let bits = if mode == Mode::Executable { 0o755 } else { 0o644 };
    file.as_file().set_permissions(std::fs::Permissions::from_mode(bits))?;
    file.persist(place).map_err(|e| e.error)?;
    Ok(())
}
