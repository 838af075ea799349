//! What is in a folder of a state, and what of it can be made again and is in no copy.

use crate::adapters::TEMPORARY;
use crate::adapters::sqlite::{Sqlite, copy};
use crate::ports::{Fault, PortError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// How deep folders of a state may be.
pub const DEPTH: usize = 12;
/// Parts of a pipeline's state that can be made again. What folders were is in `cache` as well,
/// and cannot be had from elsewhere any more.
const MADE_AGAIN: &[&str] = &["work", "checkouts"];
/// What of `cache` cannot be had from elsewhere.
const PRECIOUS: &[&str] = &["folders"];

/// A file of a state.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its path below the root.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written last, in milliseconds since 1970.
    pub written: i64,
    /// Who may do what with it.
    pub mode: u32,
}

/// The folders with a journal: the root, and one for each pipeline of a file with several.
pub fn journals(root: &Path) -> Result<Vec<PathBuf>, PortError> {
    let mut found = Vec::new();
    if Sqlite::is_at(root) {
        found.push(PathBuf::new());
    }
    for name in names(root)? {
        if Sqlite::is_at(&root.join(&name)) {
            found.push(PathBuf::from(name));
        }
    }
    Ok(found)
}

/// All that a copy has to have, in the order of its paths, without the databases.
pub fn files(root: &Path) -> Result<Vec<Entry>, PortError> {
    let mut found = Vec::new();
    walk(root, Path::new(""), 0, &mut found)?;
    Ok(found)
}

/// All files below a folder of a state.
pub fn below(folder: &Path) -> Result<Vec<Entry>, PortError> {
    let mut found = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    while let Some((relative, depth)) = folders.pop() {
        for name in names(&folder.join(&relative))? {
            let path = relative.join(&name);
            match kind(&folder.join(&path))? {
                Kind::Folder if depth < DEPTH => folders.push((path, depth + 1)),
                Kind::File(size, written, mode) => found.push(Entry { path, size, written, mode }),
                _ => {}
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// What is in a folder, and whether it is a folder itself; links are none.
pub fn entries(folder: &Path) -> Result<Vec<(PathBuf, bool)>, PortError> {
    let mut found = Vec::new();
    for name in names(folder)? {
        let path = folder.join(name);
        match kind(&path)? {
            Kind::Folder => found.push((path, true)),
            Kind::File(..) => found.push((path, false)),
            Kind::Other => {}
        }
    }
    Ok(found)
}

/// The size of a file or of all files in a folder, and when any of it was written last.
pub fn whole(path: &Path) -> Result<(u64, i64), PortError> {
    let (mut size, mut last) = (0, changed(path).unwrap_or(i64::MAX));
    let mut folders = vec![path.to_path_buf()];
    if let Kind::File(size, written, _) = kind(path)? {
        return Ok((size, written));
    }
    while let Some(folder) = folders.pop() {
        for name in names(&folder)? {
            let path = folder.join(name);
            match kind(&path)? {
                Kind::Folder => {
                    last = last.max(changed(&path).unwrap_or(i64::MAX));
                    folders.push(path);
                }
                Kind::File(of_it, written, _) => {
                    size += of_it;
                    last = last.max(written);
                }
                Kind::Other => {}
            }
        }
    }
    Ok((size, last))
}

/// When something was changed last, in milliseconds since 1970.
fn changed(path: &Path) -> Option<i64> {
    path.symlink_metadata().ok().map(|m| at(&m))
}

fn at(metadata: &std::fs::Metadata) -> i64 {
    let written = metadata.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    written.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

fn walk(root: &Path, relative: &Path, depth: usize, found: &mut Vec<Entry>) -> Result<(), PortError> {
    let folder = root.join(relative);
    let is_state = depth == 0 || Sqlite::is_at(&folder);
    for name in names(&folder)? {
        let path = relative.join(&name);
        let is_cache = relative.file_name().is_some_and(|n| n == "cache") && depth <= 2;
        match kind(&root.join(&path))? {
            Kind::Folder if depth >= DEPTH => {}
            Kind::Folder if is_state && MADE_AGAIN.contains(&name.as_str()) && !Sqlite::is_at(&root.join(&path)) => {}
            Kind::Folder if is_cache && !PRECIOUS.contains(&name.as_str()) => {}
            Kind::Folder => walk(root, &path, depth + 1, found)?,
            Kind::File(..) if is_cache || is_passing(&name) => {}
            Kind::File(size, written, mode) => found.push(Entry { path, size, written, mode }),
            Kind::Other => {}
        }
    }
    Ok(())
}

/// Files that belong to a process at work, and databases, which are copied otherwise.
fn is_passing(name: &str) -> bool {
    matches!(name, "lock" | "begun")
        || name.starts_with(TEMPORARY)
        || copy::NAMES
            .iter()
            .any(|db| name.strip_prefix(db).is_some_and(|rest| matches!(rest, "" | "-wal" | "-shm" | "-journal")))
}

enum Kind {
    Folder,
    File(u64, i64, u32),
    Other,
}

fn kind(path: &Path) -> Result<Kind, PortError> {
    match path.symlink_metadata() {
        Ok(m) if m.is_dir() => Ok(Kind::Folder),
        Ok(m) if m.is_file() => Ok(Kind::File(m.len(), at(&m), m.mode() & 0o777)),
        Ok(_) => Ok(Kind::Other),
        // Somebody else has just taken it away.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Kind::Other),
        Err(e) => Err(failed(path, "read", &e)),
    }
}

/// When a file was written last, in milliseconds since 1970.
pub fn written(path: &Path) -> Option<i64> {
    if let Ok(Kind::File(_, written, _)) = kind(path) { Some(written) } else { None }
}

/// The names in a folder, in order; none where there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>, PortError> {
    let all = match std::fs::read_dir(folder) {
        Ok(all) => all,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(folder, "read", &e)),
    };
    let mut names = Vec::new();
    for entry in all {
        let entry = entry.map_err(|e| failed(folder, "read", &e))?;
        // We make no other names.
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// What went wrong with a file, in words.
pub fn failed(path: &Path, done: &str, error: &std::io::Error) -> PortError {
    let full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    let fault = match error.kind() {
        ErrorKind::NotFound => Fault::NotFound,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Fault::Denied,
        _ => Fault::Unavailable,
    };
    let why = if full { "the disk is full".to_string() } else { error.to_string() };
    let fault = PortError::new(fault, format!("`{}` cannot be {done}: {why}", path.display()));
    if full { fault.help("make room and run it again; nothing is half written") } else { fault }
}
