//! Folders for programs, below the state's folder.
//!
//! ```text
//! work/NAME/files         where a program works
//! work/NAME/told          what it tells, line by line
//! outputs/xx/DIGEST       files that were kept; DIGEST.x for programs
//! logs/RUN/STEP.log       what a step printed; STEP.2.log at its second attempt
//! ```

mod content;
pub(super) mod told;

use super::disk;
use super::export::export;
use super::seen::Seen;
use super::shell::redact;
use crate::digest::Digest;
use crate::ports::PortError;
use crate::ports::files::{Files, Listing};
use crate::ports::workshop::Workshop;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How long a name may be as it is; one that is longer is cut and told apart by its digest. File systems end at 255
/// bytes, and endings come behind it.
const NAME_LIMIT: usize = 120;

/// Folders for programs, below the state's folder; each is made when it is needed.
#[derive(Clone, Debug)]
pub struct FolderWorkshop {
    state: PathBuf,
    seen: Arc<Seen>,
}

impl FolderWorkshop {
    /// The workshop below that folder. A program is told paths in it, so that it should be absolute.
    pub fn new(state: impl Into<PathBuf>) -> FolderWorkshop {
        FolderWorkshop { state: state.into(), seen: Arc::default() }
    }

    /// The same, where files that were seen before need not be read again.
    pub fn seen(self, seen: &Arc<Seen>) -> FolderWorkshop {
        FolderWorkshop { seen: seen.clone(), ..self }
    }

    fn room(&self, name: &str) -> PathBuf {
        self.state.join("work").join(plain(name))
    }

    /// The path of a room's folder, where there is nothing now.
    fn cleared(&self, name: &str) -> Result<PathBuf, PortError> {
        let room = self.room(name);
        let folder = room.join("files");
        remove(&folder).map_err(|why| disk::failed(&folder, "removed", &why))?;
        fs::create_dir_all(&room).map_err(|why| disk::failed(&room, "made", &why))?;
        Ok(folder)
    }
}

impl Workshop for FolderWorkshop {
    fn files(&self, name: &str, files: &dyn Files, only: &str) -> Result<PathBuf, PortError> {
        let folder = self.cleared(name)?;
        // The folder is made anew each time, so that what it once held is of no concern.
        export(&Only { files, only: only.trim_matches('/') }, name, &folder)?;
        Ok(folder)
    }

    fn empty(&self, name: &str) -> Result<PathBuf, PortError> {
        let folder = self.cleared(name)?;
        fs::create_dir(&folder).map_err(|why| disk::failed(&folder, "made", &why))?;
        Ok(folder)
    }

    fn clear(&self, name: &str) {
        // What stays is removed before the folder is used again, and then it is an error.
        drop(remove(&self.room(name)));
    }

    fn lines(&self, name: &str) -> Result<PathBuf, PortError> {
        let room = self.room(name);
        let path = room.join("told");
        let failed = |why| disk::failed(&path, "written", &why);
        fs::create_dir_all(&room).map_err(failed)?;
        fs::write(&path, "").map_err(failed)?;
        Ok(path)
    }

    fn told(&self, path: &Path) -> Result<BTreeMap<String, String>, PortError> {
        let told = told::read(path);
        drop(fs::remove_file(path));
        // Only a room in which nothing else is goes.
        path.parent().into_iter().for_each(|room| drop(fs::remove_dir(room)));
        told
    }

    fn reveals(&self, path: &Path, secrets: &[String]) -> Result<bool, PortError> {
        let failed = |why: std::io::Error| disk::failed(path, "read", &why);
        // A folder or a pipe is told of when it is kept.
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => {
                redact::is_in(secrets, fs::File::open(path).map_err(failed)?).map_err(failed)
            }
            _ => Ok(false),
        }
    }

    fn digest(&self, path: &Path) -> Result<Digest, PortError> {
        content::digest(path)
    }

    fn keep(&self, path: &Path) -> Result<(Digest, PathBuf), PortError> {
        content::keep(path, &self.state.join("outputs"))
    }

    fn changed(&self, files: &[(PathBuf, Digest)]) -> BTreeSet<usize> {
        content::changed(files, &self.seen)
    }

    fn log(&self, run: u64, step: &str, attempt: u32) -> (PathBuf, String) {
        let name = log_name(run, step, attempt);
        (self.state.join("logs").join(&name), name)
    }
}

/// What the names of all logs of a step begin with.
pub fn log_stem(step: &str) -> String {
    plain(step)
}

/// The name of a log below the folder of logs.
pub(super) fn log_name(run: u64, step: &str, attempt: u32) -> String {
    let step = plain(step);
    match attempt {
        0 | 1 => format!("{run}/{step}.log"),
        _ => format!("{run}/{step}.{attempt}.log"),
    }
}

/// A name for a file or folder: as it is where that can be, and never the same for two names.
pub(super) fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // `x.2` would be the second attempt of `x`.
    let looks_like_an_attempt = name.rsplit_once('.').is_some_and(|(_, end)| end.parse::<u32>().is_ok());
    let fits = !name.is_empty() && name.len() <= NAME_LIMIT && !name.starts_with('.') && !looks_like_an_attempt;
    if fits && name.chars().all(is_plain) {
        return name.to_string();
    }
    // A `~` is in no plain name.
    let shown: String = name.chars().take(NAME_LIMIT / 2).map(|c| if is_plain(c) { c } else { '-' }).collect();
    format!("{}~{}", shown.trim_start_matches('.'), Digest::of(name).short())
}

/// Removes a folder with all that is in it, if it is there. Programs like to leave folders that may not be written to.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        other => other,
    }
}

/// Lets us write to a folder and to those in it.
fn open_up(root: &Path) -> io::Result<()> {
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            // A link's own kind, so that nothing outside is touched.
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

/// The files at or below a path.
pub(super) struct Only<'a> {
    /// All files.
    pub(super) files: &'a dyn Files,
    /// The path; empty for all.
    pub(super) only: &'a str,
}

impl Files for Only<'_> {
    fn list(&self) -> Result<Arc<Listing>, PortError> {
        let all = self.files.list()?;
        if self.only.is_empty() {
            return Ok(all);
        }
        let some = all.get(self.only).into_iter().chain(all.below(self.only)).cloned().collect();
        Ok(Arc::new(Listing::new(some)))
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, PortError> {
        self.files.read(path)
    }
}

#[cfg(test)]
mod tests;
