//! Stamps: what the file system says of a file without reading it.

use rustix::fs::{AtFlags, CWD, FileType, Stat};
use serde::{Deserialize, Serialize};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::SystemTime;

/// What the file system says of a file. Where two are equal and the file had come to rest, nobody touched it between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    device: u64,
    number: u64,
    /// Kind and rights.
    mode: u32,
    size: i64,
    /// When the content changed last, in nanoseconds since 1970; programs can set it.
    modified: i64,
    /// When anything of it changed last; they cannot set this one.
    changed: i64,
}

impl Stamp {
    /// The stamp of what is at a path, through links; none where nothing is.
    pub fn of(path: &Path) -> Option<Stamp> {
        rustix::fs::stat(path).ok().map(|stat| Stamp::from(&stat))
    }

    /// The stamp of what is at a path, be it a link.
    pub fn of_itself(path: &Path) -> Option<Stamp> {
        Stamp::at(CWD, path, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The stamp of what is at a path below an open folder.
    pub(super) fn at(folder: impl AsFd, path: impl rustix::path::Arg, how: AtFlags) -> Option<Stamp> {
        rustix::fs::statat(folder, path, how).ok().map(|stat| Stamp::from(&stat))
    }

    /// Whether it was touched before that time, and not at or after it.
    pub(super) fn rests(&self, since: i64) -> bool {
        self.modified < since && self.changed < since
    }

    /// Whether it is of a regular file.
    pub fn is_file(&self) -> bool {
        FileType::from_raw_mode(self.mode).is_file()
    }

    /// Whether it is of a link.
    pub fn is_link(&self) -> bool {
        FileType::from_raw_mode(self.mode).is_symlink()
    }

    /// Whether somebody may execute it.
    pub fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        u64::try_from(self.size).unwrap_or(0)
    }
}

impl From<&Stat> for Stamp {
    #[allow(clippy::unnecessary_cast)] // The fields have other types elsewhere.
    fn from(stat: &Stat) -> Stamp {
        Stamp {
            device: stat.st_dev as u64,
            number: stat.st_ino as u64,
            mode: stat.st_mode as u32,
            size: stat.st_size as i64,
            modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// A time in nanoseconds since 1970.
pub(super) fn at(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
