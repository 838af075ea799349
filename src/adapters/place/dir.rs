//! A folder that is held open, so that what is done in it is done there, whatever its path leads to meanwhile. Links are
//! never followed.

use crate::adapters::disk;
use crate::ports::{Fault, PortError};
use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, flock, fstat, fsync, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long to wait for another deploy to the same folder.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 60 });
/// How often to look whether it is done.
const POLL: Duration = Duration::from_millis(20);

/// A folder.
pub(super) struct Dir {
    fd: OwnedFd,
    /// For messages.
    path: PathBuf,
}

/// What is there under a name.
pub(super) enum There {
    Nothing,
    File(Vec<u8>),
    /// In words.
    Other(&'static str),
}

impl Dir {
    /// The folder with that path, which may lead through links: it is what the user named. None where nothing is.
    pub(super) fn open(path: &Path) -> Result<Option<Dir>, PortError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Dir { fd, path: path.to_path_buf() })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR) => Err(PortError::new(Fault::Invalid, format!("`{}` is no folder", path.display()))),
            Err(why) => Err(disk::failed(path, "opened", &why.into())),
        }
    }

    /// The folder with that name in this one. None where nothing is.
    pub(super) fn sub(&self, name: &str) -> Result<Option<Dir>, PortError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = self.path.join(name);
        match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Dir { fd, path })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => Err(in_the_way(&path, self.kind(name)?.unwrap_or("no folder"))),
            Err(why) => Err(disk::failed(&path, "opened", &why.into())),
        }
    }

    /// The folder with that name in this one, which is made if it isn't there.
    pub(super) fn make(&self, name: &str) -> Result<Dir, PortError> {
        fuse::burn()?;
        match mkdirat(&self.fd, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => self.sync()?,
            Err(Errno::EXIST) => {}
            Err(why) => return Err(self.failed(name, "made", why)),
        }
        self.sub(name)?.ok_or_else(|| self.failed(name, "opened", Errno::NOENT))
    }

    /// Keeps others who do the same out, until what is returned is dropped.
    pub(super) fn lock(&self) -> Result<OwnedFd, PortError> {
        let lock = self.fd.try_clone().map_err(|why| disk::failed(&self.path, "locked", &why))?;
        let begin = Instant::now();
        loop {
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(lock),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) if begin.elapsed() < PATIENCE => std::thread::sleep(POLL),
                Err(Errno::WOULDBLOCK) => {
                    let message = format!("another deploy to `{}` is at work", self.path.display());
                    return Err(PortError::new(Fault::Unavailable, message).help("wait until it is done"));
                }
                Err(why) => return Err(disk::failed(&self.path, "locked", &why.into())),
            }
        }
    }

    /// What is there under that name.
    pub(super) fn read(&self, name: &str) -> Result<There, PortError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => {
                let kind = FileType::from_raw_mode(fstat(&fd).map_err(|why| self.failed(name, "read", why))?.st_mode);
                if kind != FileType::RegularFile {
                    return Ok(There::Other(word(kind)));
                }
                let mut bytes = Vec::new();
                File::from(fd)
                    .read_to_end(&mut bytes)
                    .map_err(|why| disk::failed(&self.path.join(name), "read", &why))?;
                Ok(There::File(bytes))
            }
            Err(Errno::NOENT) => Ok(There::Nothing),
            Err(Errno::LOOP) => Ok(There::Other(word(FileType::Symlink))),
            Err(Errno::NXIO) => Ok(There::Other(word(FileType::Socket))),
            Err(why) => Err(self.failed(name, "read", why)),
        }
    }

    /// Writes a file that isn't there yet, and brings it to the disk.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PortError> {
        fuse::burn()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.fd, name, flags, Mode::from_raw_mode(0o666))
            .map_err(|why| self.failed(name, "written", why))?;
        let mut file = File::from(fd);
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(|why| disk::failed(&self.path.join(name), "written", &why))
    }

    /// Gives a file another name, in place of what has it.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), PortError> {
        fuse::burn()?;
        renameat(&self.fd, from, &self.fd, to).map_err(|why| self.failed(to, "written", why))
    }

    /// Removes a file, if it is one.
    pub(super) fn remove(&self, name: &str) -> Result<(), PortError> {
        fuse::burn()?;
        match statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            Err(why) => return Err(self.failed(name, "removed", why)),
            // Somebody has put something else there, which is not ours to remove.
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile => return Ok(()),
            Ok(_) => {}
        }
        match unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(why) => Err(self.failed(name, "removed", why)),
        }
    }

    /// Removes a folder, if it is one and empty.
    pub(super) fn remove_empty(&self, name: &str) -> Result<(), PortError> {
        fuse::burn()?;
        match unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(()),
            Err(why) => Err(self.failed(name, "removed", why)),
        }
    }

    /// Removes what an earlier deploy was about to write when it was cut off.
    pub(super) fn sweep(&self) -> Result<(), PortError> {
        let unread = |why| self.failed("", "read", why);
        let mut left = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            left.extend(
                entry.file_name().to_str().ok().filter(|name| name.starts_with(disk::TEMPORARY)).map(str::to_string),
            );
        }
        left.iter().try_for_each(|name| self.remove(name))
    }

    /// Brings the names in the folder to the disk.
    pub(super) fn sync(&self) -> Result<(), PortError> {
        fsync(&self.fd).map_err(|why| self.failed("", "written", why))
    }

    /// The path of what has that name, for messages.
    pub(super) fn shown(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn kind(&self, name: &str) -> Result<Option<&'static str>, PortError> {
        match statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(word(FileType::from_raw_mode(stat.st_mode)))),
            Err(Errno::NOENT) => Ok(None),
            Err(why) => Err(self.failed(name, "read", why)),
        }
    }

    fn failed(&self, name: &str, done: &str, why: Errno) -> PortError {
        let path = if name.is_empty() { self.path.clone() } else { self.path.join(name) };
        disk::failed(&path, done, &why.into())
    }
}

fn word(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a link",
        _ => "no file",
    }
}

/// The error for something that stands where we would write.
pub(super) fn in_the_way(path: &Path, what: &str) -> PortError {
    PortError::new(Fault::Invalid, format!("`{}` is in the way: it is {what}, and not from Lockgate", path.display()))
        .help("move it away, or deploy to another folder")
}

/// Lets the tests stop a deploy before any of its changes.
#[cfg(not(test))]
mod fuse {
    #[inline]
    pub(super) fn burn() -> Result<(), crate::ports::PortError> {
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod fuse {
    use crate::ports::{Fault, PortError};
    use std::cell::Cell;

    thread_local! {
        static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    /// How many changes this thread makes from now on; all later ones fail, as if the machine had stopped.
    pub(crate) fn set(changes: usize) {
        LEFT.set(changes);
    }

    pub(super) fn burn() -> Result<(), PortError> {
        match LEFT.get() {
            0 => Err(PortError::new(Fault::Unavailable, "the machine has stopped")),
            usize::MAX => Ok(()),
            left => {
                LEFT.set(left - 1);
                Ok(())
            }
        }
    }
}
