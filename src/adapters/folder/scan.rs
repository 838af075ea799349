//! Reading and hashing a folder's files while they are found.

use super::{Folder, unreadable, walk};
use crate::adapters::seen::{Seen, Stamp};
use crate::digest::Digest;
use crate::ports::files::{Entry, Listing, Mode};
use crate::ports::filter::Filter;
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use rustix::fs::{CWD, Mode as Permissions, OFlags};
use sha2::Digest as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What was found in a folder.
pub(super) struct Scan {
    /// The files that count.
    pub listing: Listing,
    /// What is neither a file nor a folder nor a link, with its kind, sorted.
    pub left_out: Vec<String>,
}

/// What one thread found.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    left_out: Vec<String>,
    error: Option<PortError>,
}

/// Reads every file that counts and that the walk finds.
pub(super) fn scan(all_files: walk::Walk, Folder { root, filter, seen, .. }: &Folder) -> Result<Scan, PortError> {
    let all = Mutex::new(Found::default());
    all_files.run(|| {
        let mut visitor = Visitor { root, filter, seen, buffer: vec![0; BUFFER], found: Found::default(), all: &all };
        move |entry| visitor.visit(entry)
    });
    let mut found = all.into_inner();
    match found.error {
        Some(error) => Err(error),
        None => {
            found.left_out.sort();
            Ok(Scan { listing: Listing::new(found.entries), left_out: found.left_out })
        }
    }
}

/// How much of a file is read at once. Most files of a repository fit.
const BUFFER: usize = 64 * 1024;

/// One thread's walk; what it found joins the others' when it ends.
struct Visitor<'a> {
    root: &'a Path,
    filter: &'a Filter,
    seen: &'a Seen,
    buffer: Vec<u8>,
    found: Found,
    all: &'a Mutex<Found>,
}

impl Visitor<'_> {
    fn visit(&mut self, entry: Result<ignore::DirEntry, ignore::Error>) -> ignore::WalkState {
        match entry.map_err(|e| walk_failed(&e, self.root)).and_then(|entry| self.take(&entry)) {
            Ok(()) => ignore::WalkState::Continue,
            Err(error) => {
                self.found.error = Some(error);
                ignore::WalkState::Quit
            }
        }
    }

    fn take(&mut self, entry: &ignore::DirEntry) -> Result<(), PortError> {
        let Some(kind) = entry.file_type().filter(|kind| entry.depth() > 0 && !kind.is_dir()) else {
            // Its names are read behind this.
            self.seen.asks(entry.path());
            walk::note_ignores(entry.path(), self.seen);
            return Ok(());
        };
        let inside = entry.path().strip_prefix(self.root).unwrap_or(entry.path());
        let Some(path) = inside.to_str() else { return self.odd_name(inside) };
        if !self.filter.admits(path) {
            return Ok(());
        }
        let (digest, size, mode) = if kind.is_file() {
            match self.file(entry.path(), path)? {
                Some((stamp, digest)) => {
                    let mode = if stamp.is_executable() { Mode::Executable } else { Mode::File };
                    (digest, stamp.size(), mode)
                }
                None => return Ok(()),
            }
        } else if kind.is_symlink() {
            let stamp = Stamp::of_itself(entry.path());
            let target = read_link(entry.path(), path)?;
            let digest = Digest::of(&target);
            stamp.iter().for_each(|stamp| self.seen.holds(entry.path(), stamp, digest, false));
            (digest, target.len() as u64, Mode::Link)
        } else {
            self.found.left_out.push(format!("`{path}`, a {}", kind_of(kind)));
            return Ok(());
        };
        self.found.entries.push(Entry { path: path.into(), digest, size, mode });
        Ok(())
    }

    /// What a regular file holds. Nothing if it is none any more.
    fn file(&mut self, full: &Path, path: &str) -> Result<Option<(Stamp, Digest)>, PortError> {
        let stamp = Stamp::of_itself(full).filter(Stamp::is_file);
        let known = stamp.and_then(|stamp| Some((stamp, self.seen.digest(full, &stamp)?)));
        let found = if known.is_some() { known } else { read(full, path, &mut self.buffer)? };
        if let Some((stamp, digest)) = found {
            self.seen.holds(full, &stamp, digest, known.is_none());
        }
        Ok(found)
    }

    /// A name that isn't UTF-8 is an error if the file would count, as far as the rest of its name tells.
    fn odd_name(&self, inside: &Path) -> Result<(), PortError> {
        let shown = inside.to_string_lossy();
        if !self.filter.admits(&shown) {
            return Ok(());
        }
        let bytes = inside.as_os_str().as_bytes().escape_ascii();
        Err(PortError::new(Fault::Invalid, format!("the file name `{shown}` is not UTF-8: its bytes are `{bytes}`"))
            .help("rename it, or leave it out with `ignore`"))
    }
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        all.entries.append(&mut self.found.entries);
        all.left_out.append(&mut self.found.left_out);
        // Several threads may fail; which one reports mustn't depend on which was first.
        all.error = match (all.error.take(), self.found.error.take()) {
            (Some(a), Some(b)) => Some(if a.message <= b.message { a } else { b }),
            (a, b) => a.or(b),
        };
    }
}

/// Hashes one file. Nothing if it is no regular file any more.
fn read(full: &Path, path: &str, buffer: &mut [u8]) -> Result<Option<(Stamp, Digest)>, PortError> {
    // NONBLOCK: a file that was replaced by a named pipe since it was listed must not keep us waiting.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let failed = |e: rustix::io::Errno| unreadable(path, &e.into());
    let file = rustix::fs::openat(CWD, full, flags, Permissions::empty()).map_err(failed)?;
    let stamp = Stamp::from(&rustix::fs::fstat(&file).map_err(failed)?);
    if !stamp.is_file() {
        return Ok(None);
    }
    let mut hasher = sha2::Sha256::new();
    let mut size = 0;
    loop {
        let count = match rustix::io::read(&file, &mut *buffer) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other.map_err(failed)?,
        };
        hasher.update(buffer.get(..count).unwrap_or_default());
        size += count as u64;
        // A short read that ends where the file does saves asking for the end.
        if count == 0 || (size == stamp.size() && count < buffer.len()) {
            return Ok(Some((stamp, Digest(hasher.finalize().into()))));
        }
    }
}

/// Where a link points to.
pub(super) fn read_link(full: &Path, path: &str) -> Result<String, PortError> {
    let target = std::fs::read_link(full).map_err(|e| unreadable(path, &e))?;
    let odd = |_| PortError::new(Fault::Invalid, format!("the link `{path}` points to a name that is not UTF-8"));
    target.into_os_string().into_string().map_err(odd)
}

fn kind_of(kind: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    match () {
        () if kind.is_socket() => "socket",
        () if kind.is_fifo() => "named pipe",
        () => "device",
    }
}

/// Why a folder could not be walked.
fn walk_failed(error: &ignore::Error, root: &Path) -> PortError {
    let inside = place_of(error).map(|path| path.strip_prefix(root).unwrap_or(path).display().to_string());
    match (error.io_error(), inside) {
        (Some(io), Some(path)) if !path.is_empty() => unreadable(&path, io),
        (Some(io), _) => unreadable(&root.display().to_string(), io),
        (None, _) => PortError::new(Fault::Invalid, format!("the folder `{}` cannot be read: {error}", root.display())),
    }
}

fn place_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place_of(err),
        _ => None,
    }
}
