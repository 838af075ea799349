//! What was seen of this machine's files, kept from one look to the next: a file that nobody touched since need not be read
//! again to know what it holds, and where nothing at all was touched, what came of the look before comes of this one.
//!
//! Untouched is what git means by it: device, number, kind, size and both times are as they were. The second time, that of the
//! inode, is the kernel's own; no program can set it back. And it counts only of what had come to rest: whatever changed less
//! than two seconds before a look may have changed again with the same time, so it is read anew the next time.
//!
//! The file is a cache. It is bound to its own digest, and where it is damaged, missing or of another form, everything is read.

mod form;
mod stamp;

pub use form::{Answer, Asked, still};
pub use stamp::Stamp;

use crate::digest::Digest;
use form::{Row, Way};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

/// How long before a look something must have been left alone. Some file systems know times to two seconds only.
const REST: i64 = if cfg!(test) { 30_000_000 } else { 2_000_000_000 };

/// What was seen before, and what is seen now.
#[derive(Debug, Default)]
pub struct Seen {
    /// The file; none where nothing is known and nothing is kept.
    file: Option<PathBuf>,
    /// The folder from which most paths go.
    root: PathBuf,
    /// What was touched at this time or later has not come to rest; in nanoseconds since 1970.
    since: i64,
    before: OnceLock<HashMap<PathBuf, (Stamp, Digest)>>,
    now: Mutex<Now>,
}

/// What is seen in this look.
#[derive(Debug, Default)]
struct Now {
    /// The rows as they are kept.
    rows: Vec<u8>,
    /// Whether nothing more is noted.
    is_over: bool,
    /// Whether something cannot be vouched for.
    is_restless: bool,
    /// Whether the file would hold something new.
    is_new: bool,
}

impl Seen {
    /// What the file tells, and a look that began then. `root` is where most paths begin.
    pub fn open(root: &Path, file: PathBuf, began: SystemTime) -> Seen {
        let since = stamp::at(began).saturating_sub(REST);
        Seen { file: Some(file), root: root.to_path_buf(), since, ..Seen::default() }
    }

    /// What a file holds whose stamp is that, if it is known.
    pub fn digest(&self, path: &Path, stamp: &Stamp) -> Option<Digest> {
        let file = self.file.as_ref()?;
        let before = self.before.get_or_init(|| form::known(file, &self.root));
        before.get(path).filter(|(then, _)| then == stamp).map(|(_, digest)| *digest)
    }

    /// Notes what a file holds. The stamp is of before it was read; `is_new`: it had to be read.
    pub fn holds(&self, path: &Path, stamp: &Stamp, digest: Digest, is_new: bool) {
        // Of a link that is what it points to.
        let way = if stamp.is_link() { Way::Itself } else { Way::Through };
        self.note(path, way, Some(*stamp), Some(digest), is_new);
    }

    /// Notes what is at a path, be it nothing. Of a folder that is to be called before its names are read: they change together
    /// with its time.
    pub fn asks(&self, path: &Path) {
        if self.file.is_some() {
            self.note(path, Way::Through, Stamp::of(path), None, false);
        }
    }

    fn note(&self, path: &Path, way: Way, stamp: Option<Stamp>, digest: Option<Digest>, is_new: bool) {
        let mut now = self.now.lock();
        if self.file.is_none() || now.is_over {
            return;
        }
        // What is not there has no time to go by; that it still is not there is seen by looking.
        if stamp.is_some_and(|stamp| !stamp.rests(self.since)) {
            now.is_restless = true;
            return;
        }
        now.is_new |= is_new;
        let path = path.strip_prefix(&self.root).unwrap_or(path).as_os_str().as_bytes();
        Row { path, way, stamp, digest }.write(&mut now.rows);
    }

    /// Says that more was looked at than files.
    pub fn doubt(&self) {
        self.now.lock().is_restless = true;
    }

    /// Ends the look: what is seen from here on is of another one.
    pub fn end(&self) {
        self.now.lock().is_over = true;
    }

    /// Keeps what was seen, and what came of it where that depends on nothing else. Nothing is made where there is no state.
    pub fn keep(&self, answer: Option<&Answer>) {
        let mut now = self.now.lock();
        now.is_over = true;
        let rows = std::mem::take(&mut now.rows);
        let answer = answer.filter(|_| !now.is_restless);
        let Some(file) = self.file.as_ref().filter(|_| now.is_new || answer.is_some()) else { return };
        let Some(state) = file.parent().and_then(Path::parent).filter(|state| state.is_dir()) else { return };
        let bytes = form::bytes(&self.root, answer, &rows);
        // What cannot be kept is read again the next time.
        let _ = super::disk::make_folder(file.parent().unwrap_or(state));
        let _ = super::disk::replace(file, &bytes, super::disk::Durable::No);
    }
}

#[cfg(test)]
mod tests;
