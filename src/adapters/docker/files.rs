//! Folders into a container, and files out of it, as archives: nothing is mounted.

use crate::image::tar_header as header;
use crate::ports::{Fault, PortError};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Where a program works in its container.
pub(super) const WORK: &str = "lockgate/work";
/// The file to which it appends what it tells.
pub(super) const TOLD: &str = "lockgate/output";
/// The most that the lines may hold: names and values, no files.
const TOLD_LIMIT: u64 = 1 << 20;
/// The most that a file which a program was to make may hold; the same as that of a file in a layer.
const OUTPUT_LIMIT: u64 = 1 << 30;
/// Folders that are never copied from a folder in which people work: git's own, and our state.
const NEVER: [&str; 2] = [".git", ".lockgate"];

/// Writes the archive of what a program finds: the files of the folder, and an empty file for its lines. In there everybody
/// may write, since images run as whichever user they like.
pub(super) fn pack(root: &Path, ignore: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut tar = tar::Builder::new(out);
    tar.follow_symlinks(false);
    for folder in ["lockgate", WORK] {
        tar.append_data(&mut header(tar::EntryType::Directory, 0o777, 0), format!("{folder}/"), io::empty())?;
    }
    tar.append_data(&mut header(tar::EntryType::Regular, 0o666, 0), TOLD, io::empty())?;
    let walk = ignore::WalkBuilder::new(root)
        .standard_filters(false)
        .git_ignore(ignore)
        .git_exclude(ignore)
        .parents(ignore)
        .require_git(false)
        .follow_links(false)
        .sort_by_file_name(|a, b| a.cmp(b))
        .filter_entry(move |entry| entry.depth() == 0 || !ignore || !NEVER.iter().any(|n| entry.file_name() == *n))
        .build();
    for entry in walk {
        let entry = entry.map_err(io::Error::other)?;
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        if !path.as_os_str().is_empty() {
            append(&mut tar, entry.path(), &Path::new(WORK).join(path))?;
        }
    }
    tar.into_inner()?.flush()
}

fn append<W: Write>(tar: &mut tar::Builder<W>, from: &Path, path: &Path) -> io::Result<()> {
    let meta = from.symlink_metadata()?;
    if meta.is_dir() {
        return tar.append_data(&mut header(tar::EntryType::Directory, 0o777, 0), path, io::empty());
    }
    if meta.is_symlink() {
        let target = std::fs::read_link(from)?;
        return tar.append_link(&mut header(tar::EntryType::Symlink, 0o777, 0), path, target);
    }
    if !meta.is_file() {
        // A socket or a pipe of somebody's is nothing that could be copied.
        return Ok(());
    }
    let mode = if meta.permissions().mode() & 0o111 == 0 { 0o666 } else { 0o777 };
    let file = std::fs::File::open(from)?;
    // A file that grows or shrinks meanwhile would break the archive.
    let content = file.take(meta.len()).chain(io::repeat(0)).take(meta.len());
    tar.append_data(&mut header(tar::EntryType::Regular, mode, meta.len()), path, content)
}

/// What of a container is wanted here.
pub(super) struct Wanted {
    /// Its path there.
    pub there: String,
    /// Where it goes.
    pub here: PathBuf,
    /// How much it may hold.
    limit: u64,
}

impl Wanted {
    /// The lines that the program told.
    pub(super) fn told(here: PathBuf) -> Wanted {
        Wanted { there: format!("/{TOLD}"), here, limit: TOLD_LIMIT }
    }

    /// A file that it was to make, by its path from the folder in which it worked.
    pub(super) fn output(there: String, here: PathBuf) -> Wanted {
        Wanted { there, here, limit: OUTPUT_LIMIT }
    }

    /// Takes the file out of the archive in which the engine hands it over, and puts it in its place at once.
    pub(super) fn unpack(&self, archive: impl Read) -> Result<(), PortError> {
        let broken = |e: io::Error| {
            PortError::new(Fault::Unavailable, format!("`{}` cannot be copied out of its container: {e}", self.there))
        };
        let mut archive = tar::Archive::new(archive);
        let first = archive.entries().map_err(broken)?.next();
        let Some(mut entry) = first.transpose().map_err(broken)? else {
            return Err(PortError::new(Fault::Invalid, format!("`{}` came without content", self.there)));
        };
        if entry.header().entry_type() != tar::EntryType::Regular {
            let message = format!("`{}` is not a file in its container", self.there);
            return Err(PortError::new(Fault::Invalid, message).help("an output is one file; pack a folder first"));
        }
        let size = entry.header().size().map_err(broken)?;
        if size > self.limit {
            let message = format!("`{}` has {size} bytes in its container; {} are the limit", self.there, self.limit);
            return Err(PortError::new(Fault::Limit, message));
        }
        let mode = entry.header().mode().unwrap_or(0o644) & 0o777;
        let unwritten = |e: io::Error| {
            PortError::new(Fault::Unavailable, format!("`{}` cannot be written: {e}", self.here.display()))
        };
        let folder = self.here.parent().unwrap_or(&self.here);
        std::fs::create_dir_all(folder).map_err(unwritten)?;
        let mut file = tempfile::Builder::new().prefix(".lockgate-").tempfile_in(folder).map_err(unwritten)?;
        io::copy(&mut entry, &mut file).map_err(broken)?;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(unwritten)?;
        file.persist(&self.here).map_err(|e| unwritten(e.error))?;
        Ok(())
    }
}

/// What comes in pieces, as one text to read from.
pub(super) struct Pieces {
    receiver: mpsc::Receiver<io::Result<bytes::Bytes>>,
    piece: bytes::Bytes,
}

impl Pieces {
    /// What that channel gives.
    pub(super) fn new(receiver: mpsc::Receiver<io::Result<bytes::Bytes>>) -> Pieces {
        Pieces { receiver, piece: bytes::Bytes::new() }
    }
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let count = out.len().min(self.piece.len());
        let taken = self.piece.split_to(count);
        if let Some(room) = out.get_mut(..count) {
            room.copy_from_slice(&taken);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, ignore: bool) -> Vec<(String, u32)> {
        let mut bytes = Vec::new();
        pack(root, ignore, &mut bytes).unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let entry = |e: io::Result<tar::Entry<'_, &[u8]>>| {
            let e = e.unwrap();
            (e.path().unwrap().display().to_string(), e.header().mode().unwrap())
        };
        archive.entries().unwrap().map(entry).collect()
    }

    #[test]
    fn packs_a_folder_in_order_and_for_every_user() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        std::fs::create_dir_all(at.join("b/c")).unwrap();
        std::fs::write(at.join("b/run"), "#!").unwrap();
        std::fs::set_permissions(at.join("b/run"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(at.join("a"), "a").unwrap();
        std::os::unix::fs::symlink("b/run", at.join("link")).unwrap();
        let all = [
            ("lockgate/", 0o777),
            ("lockgate/work/", 0o777),
            ("lockgate/output", 0o666),
            ("lockgate/work/a", 0o666),
            ("lockgate/work/b", 0o777),
            ("lockgate/work/b/c", 0o777),
            ("lockgate/work/b/run", 0o777),
            ("lockgate/work/link", 0o777),
        ];
        assert_eq!(names(at, false), all.map(|(name, mode)| (name.to_string(), mode)));
    }

    #[test]
    fn leaves_out_what_git_ignores_only_where_people_work() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        for (path, text) in [(".gitignore", "target\n"), ("target/big", "x"), (".git/HEAD", "x"), ("a", "x")] {
            std::fs::create_dir_all(at.join(path).parent().unwrap()).unwrap();
            std::fs::write(at.join(path), text).unwrap();
        }
        let has = |ignore: bool, what: &str| names(at, ignore).iter().any(|(name, _)| name.contains(what));
        assert!(has(true, "work/a") && !has(true, "target") && !has(true, "HEAD"));
        assert!(has(false, "target/big"));
    }

    #[test]
    fn takes_one_file_out_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = Wanted::output("/lockgate/work/out/x".into(), dir.path().join("out/x"));
        let archive = |kind, size: u64, content: &[u8]| {
            let mut tar = tar::Builder::new(Vec::new());
            tar.append_data(&mut header(kind, 0o755, size), "x", content).unwrap();
            tar.into_inner().unwrap()
        };
        wanted.unpack(&archive(tar::EntryType::Regular, 2, b"hi")[..]).unwrap();
        assert_eq!(std::fs::read(dir.path().join("out/x")).unwrap(), b"hi");
        let folder = wanted.unpack(&archive(tar::EntryType::Directory, 0, b"")[..]).unwrap_err();
        assert!(folder.message.contains("not a file"));
        let small = Wanted { limit: 1, ..Wanted::told(dir.path().join("t")) };
        assert_eq!(small.unpack(&archive(tar::EntryType::Regular, 2, b"hi")[..]).unwrap_err().fault, Fault::Limit);
    }
}
