//! The cache: one bare repository for each URL, shared by all processes of this machine.

use super::faults;
use crate::adapters::disk::{self, Durable};
use crate::digest::Digest;
use crate::ports::{Fault, PortError};
use git2::{Config, Repository, RepositoryInitOptions, RepositoryOpenFlags};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long another process may fetch before we stop waiting for it.
const PATIENCE: Duration = Duration::from_secs(300);
/// The file in a place that says which branches its repository had when it was asked last, one a line.
const BRANCHES: &str = "lockgate-branches";
/// How much of that is read: the names of some ten thousand branches.
const MOST: u64 = 1 << 20;
/// How often we look whether it is done.
const PAUSE: Duration = Duration::from_millis(20);

/// The place in the cache for one URL.
pub(super) struct Place {
    folder: PathBuf,
    shown: String,
}

/// The right to write to a place, until it is dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "closing the file opens the lock")] File);

impl Place {
    /// The place for what is at that URL.
    pub(super) fn new(cache: &Path, url: &str, shown: &str) -> Place {
        Place { folder: cache.join(format!("{}.git", Digest::of(url).short())), shown: shown.to_string() }
    }

    /// The branches that the repository had when it was asked last.
    pub(super) fn branches(&self) -> Vec<String> {
        let text = disk::read(&self.folder.join(BRANCHES), MOST).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(str::to_string).collect()
    }

    /// The repository, made if it isn't there or can't be read any more.
    pub(super) fn open(&self) -> Result<Repository, PortError> {
        if let Ok(repository) = self.open_quiet() {
            return Ok(repository);
        }
        let _lock = self.lock()?;
        self.open_locked()
    }

    /// The same for whoever holds the lock already.
    pub(super) fn open_locked(&self) -> Result<Repository, PortError> {
        if let Ok(repository) = self.open_quiet() {
            return Ok(repository);
        }
        // Half made, or broken: it is only a cache.
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder).map_err(|e| self.unwritable(&e))?;
        }
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).mkpath(true);
        Repository::init_opts(&self.folder, &options)
            .map_err(|e| faults::from_disk(&e, &self.folder.to_string_lossy()))?;
        self.open_quiet().map_err(|e| faults::from_disk(&e, &self.folder.to_string_lossy()))
    }

    fn open_quiet(&self) -> Result<Repository, git2::Error> {
        // Not `open_bare`, which does not learn where a shallow history is cut, and fails for what is behind the cut.
        let nowhere: [&Path; 0] = [];
        let flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::BARE;
        let repository = Repository::open_ext(&self.folder, flags, nowhere)?;
        repository.set_config(&Config::new()?)?;
        Ok(repository)
    }

    /// Waits until nobody else writes here.
    pub(super) fn lock(&self) -> Result<Lock, PortError> {
        let path = self.folder.with_extension("lock");
        let parent = path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(parent).map_err(|e| self.unwritable(&e))?;
        let file =
            File::options().create(true).truncate(false).write(true).open(path).map_err(|e| self.unwritable(&e))?;
        let start = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock(file)),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if start.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE)
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let waited = PATIENCE.as_secs() / 60;
                    let message = format!("another process has been fetching `{}` for {waited} minutes", self.shown);
                    return Err(PortError::new(Fault::Unavailable, message));
                }
                Err(e) => return Err(self.unwritable(&e.into())),
            }
        }
    }

    fn unwritable(&self, error: &std::io::Error) -> PortError {
        let message = format!("the cache `{}` for `{}` cannot be written: {error}", self.folder.display(), self.shown);
        PortError::new(Fault::Unavailable, message).help("make room or give yourself the right to write there")
    }
}

/// Remembers which branches a repository has, in its place in the cache. An editor offers them; where it cannot be written,
/// nothing is lost.
pub(super) fn remember_branches(repository: &Repository, branches: &[&str]) {
    let path = repository.path().join(BRANCHES);
    let text = branches.join("\n");
    if disk::read(&path, MOST).is_ok_and(|then| then == text.as_bytes()) {
        return;
    }
    drop(disk::replace(&path, text.as_bytes(), Durable::No));
}
