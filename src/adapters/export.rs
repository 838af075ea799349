//! Putting the files of a version into a folder, for programs that run there.

use crate::ports::files::{Entry, Files, Listing, Mode};
use crate::ports::{Fault, PortError};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

/// Puts the files of the version `id` at `folder`, so that it holds them all or isn't there. Does nothing if it holds that
/// version already. What was in it before goes; so a folder that programs work in is best named by its version.
///
/// Beside the folder stand a `.lock`, which keeps others from doing the same at once, and a `.version`, which says what the
/// folder holds.
pub fn export(files: &dyn Files, id: &str, folder: &Path) -> Result<(), PortError> {
    let unwritable = |e: io::Error| unwritable(folder, &e);
    std::fs::create_dir_all(folder.parent().unwrap_or(folder)).map_err(unwritable)?;
    let _lock = lock(&beside(folder, "lock")).map_err(unwritable)?;
    let (mark, content) = (beside(folder, "version"), mark_of(id));
    if folder.is_dir() && std::fs::read_to_string(&mark).is_ok_and(|found| found == content) {
        return Ok(());
    }
    let temporary = beside(folder, "tmp");
    for old in [&mark, folder, &temporary] {
        remove(old).map_err(unwritable)?;
    }
    if let Err(error) = write_all(files, &temporary) {
        // What is half there helps nobody; that it cannot be removed is the lesser trouble.
        drop(remove(&temporary));
        return Err(error);
    }
    std::fs::rename(&temporary, folder).and_then(|()| std::fs::write(&mark, content)).map_err(unwritable)
}

/// What says that a folder holds a version. It counts until the machine stops: nothing is forced to the disk, so that
/// after a loss of power the mark might be there and the files not.
fn mark_of(id: &str) -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{id}\n{boot}")
}

/// A path beside the folder, of the same name and one more ending.
fn beside(folder: &Path, ending: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!("{name}.{ending}"))
}

/// Waits until nobody else exports to the same place. Dropping the file opens the lock.
fn lock(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Removes whatever is there, if anything is.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn write_all(files: &dyn Files, root: &Path) -> Result<(), PortError> {
    let listing = files.list()?;
    check(&listing)?;
    std::fs::create_dir(root).map_err(|e| unwritable(root, &e))?;
    let folders: BTreeSet<&Path> =
        listing.entries.iter().filter_map(|entry| Path::new(&*entry.path).parent()).collect();
    for folder in folders {
        std::fs::create_dir_all(root.join(folder)).map_err(|e| unwritable(&root.join(folder), &e))?;
    }
    // Links come last: while files are written there is none that could lead a path elsewhere, and where a folder is there
    // can be none.
    let (links, regular): (Vec<&Entry>, Vec<&Entry>) =
        listing.entries.iter().partition(|entry| entry.mode == Mode::Link);
    regular.into_iter().try_for_each(|entry| write_file(files, entry, root))?;
    links.into_iter().try_for_each(|entry| write_link(files, entry, root))
}

/// Refuses paths that lead out of the folder, before anything is written.
fn check(listing: &Listing) -> Result<(), PortError> {
    let is_plain = |path: &str| {
        let parts = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        parts && !path.contains('\0')
    };
    match listing.entries.iter().find(|entry| !is_plain(&entry.path)) {
        Some(entry) => Err(invalid(format!("the path `{}` is not one inside a folder", entry.path.escape_debug()))),
        None => Ok(()),
    }
}

fn write_file(files: &dyn Files, entry: &Entry, root: &Path) -> Result<(), PortError> {
    let content = files.read(&entry.path)?;
    let mode = if entry.mode == Mode::Executable { 0o755 } else { 0o644 };
    let path = root.join(&*entry.path);
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
    file.and_then(|mut file| file.write_all(&content)).map_err(|e| unwritable(&path, &e))
}

fn write_link(files: &dyn Files, entry: &Entry, root: &Path) -> Result<(), PortError> {
    let content = files.read(&entry.path)?;
    let shown = String::from_utf8_lossy(&content);
    let target = Path::new(&*shown);
    if !stays_inside(Path::new(&*entry.path), target) || shown.contains('\0') {
        return Err(invalid(format!(
            "the link `{}` leads out of the folder, to `{}`",
            entry.path,
            shown.escape_debug()
        ))
        .help("let it point to a place inside by a relative path, or remove it"));
    }
    let path = root.join(&*entry.path);
    std::os::unix::fs::symlink(target, &path).map_err(|e| unwritable(&path, &e))
}

/// Whether a link can only lead to what is inside, whatever links are met on the way: it may climb at first, from a folder
/// that is really where its path says, and not again behind a name, which could be that of a link.
fn stays_inside(link: &Path, target: &Path) -> bool {
    let depth = link.components().count().saturating_sub(1);
    let parts: Vec<Component<'_>> = target.components().filter(|part| *part != Component::CurDir).collect();
    let climbs = parts.iter().take_while(|part| **part == Component::ParentDir).count();
    let names = parts.iter().skip(climbs).all(|part| matches!(part, Component::Normal(_)));
    climbs <= depth && names && !target.as_os_str().is_empty()
}

fn invalid(message: String) -> PortError {
    PortError::new(Fault::Invalid, message)
}

fn unwritable(path: &Path, error: &io::Error) -> PortError {
    let fault = match error.kind() {
        io::ErrorKind::PermissionDenied => Fault::Denied,
        io::ErrorKind::AlreadyExists => Fault::Invalid,
        _ => Fault::Unavailable,
    };
    PortError::new(fault, format!("`{}` cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::files::MemoryFiles;
    use std::os::unix::fs::PermissionsExt as _;

    fn files(entries: &[(&str, Mode, &str)]) -> MemoryFiles {
        let mut files = MemoryFiles::default();
        for (path, mode, content) in entries {
            files.add(*path, *mode, content.as_bytes());
        }
        files
    }

    #[test]
    fn writes_files_with_their_modes_and_links() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = dir.path().join("deep/work");
        let some = [
            ("a/run.sh", Mode::Executable, "#!"),
            ("a/b/text", Mode::File, "x"),
            ("a/link", Mode::Link, "../a/b/text"),
        ];
        export(&files(&some), "v1", &at).expect("an export");
        assert_eq!(std::fs::read_to_string(at.join("a/link")).expect("a file"), "x");
        let mode = |path: &str| at.join(path).metadata().expect("a file").permissions().mode() & 0o100;
        assert_eq!((mode("a/run.sh"), mode("a/b/text")), (0o100, 0));
    }

    #[test]
    fn does_nothing_for_the_same_version_and_replaces_another() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = dir.path().join("work");
        export(&files(&[("a", Mode::File, "1")]), "v1", &at).expect("an export");
        std::fs::write(at.join("made"), "").expect("a file");
        export(&files(&[]), "v1", &at).expect("an export");
        assert!(at.join("made").exists(), "it was left as it is");
        export(&files(&[("b", Mode::File, "2")]), "v2", &at).expect("an export");
        let names: Vec<_> = at.read_dir().expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(names, ["b"]);
        std::fs::remove_dir_all(&at).expect("removed");
        export(&files(&[("b", Mode::File, "2")]), "v2", &at).expect("a mark without a folder says nothing");
        assert!(at.join("b").exists());
    }

    #[test]
    fn what_was_left_half_done_does_no_harm() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = dir.path().join("work");
        std::fs::create_dir_all(dir.path().join("work.tmp/rest")).expect("a rest");
        std::fs::create_dir_all(at.join("rest")).expect("a folder without a mark");
        export(&files(&[("a", Mode::File, "1")]), "v1", &at).expect("an export");
        assert!(at.join("a").exists() && !at.join("rest").exists() && !dir.path().join("work.tmp").exists());
    }

    #[test]
    fn nothing_is_written_outside() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = dir.path().join("work");
        let refused = |entries: &[(&str, Mode, &str)]| {
            let error = export(&files(entries), "v", &at).expect_err("it leads out");
            assert!(!at.exists() && !dir.path().join("work.tmp").exists(), "{error}");
            error.fault
        };
        for path in ["../x", "/x", "a/../../x", "a//b", "./a", "", "a/", "a\0b"] {
            assert_eq!(refused(&[(path, Mode::File, "")]), Fault::Invalid, "{path}");
        }
        for target in ["/etc/passwd", "..", "../x", "d/../../x", "a/..", ""] {
            assert_eq!(refused(&[("link", Mode::Link, target)]), Fault::Invalid, "{target}");
        }
        assert_eq!(refused(&[("d/link", Mode::Link, "../../x")]), Fault::Invalid);
        // A name that is a link and a folder at once.
        assert_eq!(refused(&[("d", Mode::Link, "e"), ("d/file", Mode::File, "")]), Fault::Invalid);
        assert_eq!(refused(&[("d", Mode::Link, "e"), ("d/link", Mode::Link, "x")]), Fault::Invalid);
    }

    #[test]
    fn several_at_once_make_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = dir.path().join("work");
        let some = files(&[("a", Mode::File, "1"), ("b/c", Mode::File, "2")]);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| export(&some, "v1", &at).expect("an export"));
            }
        });
        assert_eq!(std::fs::read_to_string(at.join("b/c")).expect("a file"), "2");
    }
}
