//! Files of this machine that are written whole or not at all, and the words for what goes wrong with them.

use crate::ports::{Fault, PortError};
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What files are called before they have their place; whoever cleans up knows them by it.
pub(crate) const TEMPORARY: &str = ".lockgate-tmp-";

/// Whether what was written must survive a loss of power when the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durable {
    /// It must.
    Yes,
    /// It can be made again; a reader still never sees half of it, as long as the machine keeps running.
    No,
}

/// Puts a file in its place, replacing what is there: written beside it, then moved. Its folder must exist.
pub(super) fn replace(path: &Path, bytes: &[u8], durable: Durable) -> Result<(), PortError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let cannot = |why: io::Error| failed(path, "written", &why);
    // Made with the mode that any other file would get: what the umask leaves.
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY).permissions(Permissions::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(cannot)?;
    file.write_all(bytes).map_err(cannot)?;
    if durable == Durable::Yes {
        file.as_file().sync_all().map_err(cannot)?;
    }
    file.persist(path).map_err(|e| cannot(e.error))?;
    if durable == Durable::Yes { sync_folder(folder) } else { Ok(()) }
}

/// Marks a file as used now, so that nobody takes it away for being old; whether it is there. One that was written lately is left
/// alone: that is the common case, and costs one question.
pub(super) fn touch(path: &Path) -> bool {
    let Ok(there) = path.metadata() else { return false };
    let lately = there.modified().ok().and_then(|t| t.elapsed().ok()).is_none_or(|age| age.as_secs() < 600);
    lately || File::open(path).and_then(|file| file.set_modified(std::time::SystemTime::now())).is_ok()
}

/// Reads a file of at most that many bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, PortError> {
    let cannot = |why: io::Error| failed(path, "read", &why);
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > limit {
        return Err(PortError::new(Fault::Limit, format!("`{}` has more than {limit} bytes", path.display())));
    }
    Ok(bytes)
}

/// Makes a folder, and those above it; each is known to the disk when this returns.
pub(super) fn make_folder(path: &Path) -> Result<(), PortError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_folder(above)?;
    }
    match fs::create_dir(path) {
        // Another process may have been first.
        Err(why) if why.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(why) => Err(failed(path, "made", &why)),
        Ok(()) => sync_folder(path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))),
    }
}

/// Brings the names in a folder to the disk.
pub(super) fn sync_folder(path: &Path) -> Result<(), PortError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|why| failed(path, "written", &why))
}

/// Why a file or folder could not be read, written, made or removed, in words.
pub(super) fn failed(path: &Path, done: &str, why: &io::Error) -> PortError {
    let shown = path.display();
    let says = |fault, reason: &str| PortError::new(fault, format!("`{shown}` cannot be {done}: {reason}"));
    match why.kind() {
        ErrorKind::NotFound => says(Fault::NotFound, "it is not there"),
        ErrorKind::PermissionDenied => {
            says(Fault::Denied, "permission denied").help("give yourself the right to it, or use another folder")
        }
        ErrorKind::ReadOnlyFilesystem => says(Fault::Denied, "the file system is read-only"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            says(Fault::Unavailable, "the disk is full").help("make room and run it again; nothing is half written")
        }
        ErrorKind::AlreadyExists => says(Fault::Invalid, "something else is there"),
        ErrorKind::IsADirectory => says(Fault::Invalid, "it is a folder"),
        ErrorKind::NotADirectory => says(Fault::Invalid, "a part of the path is a file, not a folder"),
        _ => says(Fault::Unavailable, &why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a/b/file");
        make_folder(path.parent().expect("a parent")).expect("folders");
        replace(&path, b"one", Durable::Yes).expect("written");
        replace(&path, b"two", Durable::No).expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"two");
        assert_eq!(fs::read_dir(path.parent().expect("a parent")).expect("a folder").count(), 1);
    }

    #[test]
    fn says_what_is_wrong() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("file");
        fs::write(&file, "x").expect("written");
        let error = make_folder(&file.join("sub")).expect_err("a file is in the way");
        assert!(error.message.ends_with("file` cannot be made: something else is there"), "{error}");
        let error = replace(&dir.path().join("none/file"), b"", Durable::No).expect_err("no folder");
        assert_eq!(error.fault, Fault::NotFound);
        let folder = dir.path().join("folder");
        make_folder(&folder).expect("made");
        let error = replace(&folder, b"x", Durable::No).expect_err("a folder is in the way");
        assert!(error.message.ends_with("cannot be written: it is a folder"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 2, "nothing is left beside");
    }
}
