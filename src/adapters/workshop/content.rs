//! What files hold: their digests, and keeping them by it.

use crate::adapters::disk;
use crate::adapters::seen::{Seen, Stamp};
use crate::digest::Digest;
use crate::ports::{Fault, PortError};
use rustix::fs::{CWD, Mode, OFlags, openat};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much is read at once.
const CHUNK: usize = 64 << 10;
/// How many files a thread takes at once: asking for each would cost as much as reading a small one.
const PORTION: usize = 64;
/// How many threads read at once. A disk does not get faster with more, and what is in memory is read by few.
const THREADS: usize = 8;

/// The digest of what a file holds.
pub(super) fn digest(path: &Path) -> Result<Digest, PortError> {
    let failed = |why: io::Error| disk::failed(path, "read", &why);
    let file = open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(no_file(path));
    }
    hash(file, &mut vec![0; CHUNK], &mut io::sink()).map_err(failed)
}

/// Keeps a copy of a file below a folder, named by what it holds, and answers the name. The copy is on the disk when
/// this returns, as what is written about it will be.
pub(super) fn keep(path: &Path, below: &Path) -> Result<(Digest, PathBuf), PortError> {
    let failed = |why: io::Error| disk::failed(path, "read", &why);
    let file = open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(no_file(path));
    }
    let runs = metadata.permissions().mode() & 0o100 != 0;
    let place = |digest: Digest| {
        let hex = digest.hex();
        let folder = below.join(hex.get(..2).unwrap_or_default());
        folder.join(if runs { format!("{hex}.x") } else { hex })
    };
    // An output that came out the same is the common case, and then nothing is written.
    let digest = digest(path)?;
    let kept = place(digest);
    if holds(&kept, digest, &mut vec![0; CHUNK]) && disk::touch(&kept) {
        return Ok((digest, kept));
    }
    disk::make_folder(below)?;
    let cannot = |why: io::Error| disk::failed(below, "written", &why);
    // A copy, not a second name: the program may have left something running that still writes. For the same reason it
    // is the copy that is named by what it holds.
    let mut copy = tempfile::Builder::new()
        .prefix(disk::TEMPORARY)
        .permissions(Permissions::from_mode(if runs { 0o777 } else { 0o666 }))
        .tempfile_in(below)
        .map_err(cannot)?;
    let digest = hash(file, &mut vec![0; CHUNK], copy.as_file_mut()).map_err(cannot)?;
    let kept = place(digest);
    let folder = kept.parent().unwrap_or(below);
    disk::make_folder(folder)?;
    copy.as_file().sync_all().map_err(cannot)?;
    copy.persist(&kept).map_err(|e| cannot(e.error))?;
    disk::sync_folder(folder)?;
    Ok((digest, kept))
}

/// Which of the files do not hold what they should.
pub(super) fn changed(files: &[(PathBuf, Digest)], seen: &Seen) -> BTreeSet<usize> {
    let portions = files.len().div_ceil(PORTION);
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, THREADS).min(portions);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut changed = Vec::new();
        let mut buffer = vec![0; CHUNK];
        loop {
            let start = next.fetch_add(PORTION, Ordering::Relaxed);
            if start >= files.len() {
                return changed;
            }
            for (number, (path, digest)) in files.iter().enumerate().skip(start).take(PORTION) {
                if !still_holds(path, *digest, seen, &mut buffer) {
                    changed.push(number);
                }
            }
        }
    };
    if threads <= 1 {
        return work().into_iter().collect();
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let found = |worker: std::thread::ScopedJoinHandle<'_, Vec<usize>>| {
            // A thread does nothing that could panic; if one did, all files count as changed.
            worker.join().unwrap_or_else(|_| (0..files.len()).collect())
        };
        workers.into_iter().flat_map(found).collect()
    })
}

/// The same of a file that need not be read where nobody touched it since it was seen.
fn still_holds(path: &Path, digest: Digest, seen: &Seen, buffer: &mut [u8]) -> bool {
    let stamp = Stamp::of(path).filter(Stamp::is_file);
    let known = stamp.and_then(|stamp| seen.digest(path, &stamp));
    let holds = known.map_or_else(|| holds(path, digest, buffer), |known| known == digest);
    if let Some(stamp) = stamp.filter(|_| holds) {
        seen.holds(path, &stamp, digest, known.is_none());
    }
    holds
}

/// Whether a file is there and holds that.
fn holds(path: &Path, digest: Digest, buffer: &mut [u8]) -> bool {
    // No question for the kind of file: what isn't one holds nothing, or cannot be read.
    let mut hasher = sha2::Sha256::new();
    let Ok(mut file) = open(path) else { return false };
    loop {
        match file.read(buffer) {
            Ok(count) => {
                hasher.update(buffer.get(..count).unwrap_or_default());
                // A small file is read in one go; that nothing follows need not be asked where it is what it should be.
                let may_end = count < buffer.len();
                if may_end && Digest(hasher.clone().finalize().into()) == digest {
                    return count > 0 || digest != Digest::of("") || path.is_file();
                }
                if count == 0 {
                    return false;
                }
            }
            Err(why) if why.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

/// Opens a file to read; a pipe does not keep us waiting for its other end.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(openat(CWD, path, flags, Mode::empty())?.into())
}

/// The digest of all that can be read, which is also written to `copy`.
fn hash(mut from: File, buffer: &mut [u8], copy: &mut dyn Write) -> io::Result<Digest> {
    let mut hasher = sha2::Sha256::new();
    loop {
        match from.read(buffer) {
            Ok(0) => return Ok(Digest(hasher.finalize().into())),
            Ok(count) => {
                let read = buffer.get(..count).unwrap_or_default();
                hasher.update(read);
                copy.write_all(read)?;
            }
            Err(why) if why.kind() == ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
}

fn no_file(path: &Path) -> PortError {
    let what = if path.is_dir() { "it is a folder" } else { "it is no file" };
    PortError::new(Fault::Invalid, format!("`{}` cannot be read: {what}", path.display()))
}
