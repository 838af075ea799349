//! A copy of a state in one file, made while somebody works with it: the databases as they are at one moment, and then what they
//! refer to, which is always there before they do.

use super::tree;
use crate::adapters::TEMPORARY;
use crate::adapters::sqlite::{Sqlite, copy};
use crate::digest::Digest;
use crate::ports::{Fault, PortError};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

/// The first file of a copy, which says what it is a copy of.
pub(super) const MANIFEST: &str = "lockgate-backup.json";
/// The version of the form of copies. One that is newer is refused.
pub(super) const VERSION: u32 = 1;

/// What a copy is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the form.
    pub version: u32,
    /// The version of the Lockgate that made it.
    pub lockgate: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The journals.
    pub journals: Vec<Journal>,
}

/// A journal in a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Its folder below the root of the state.
    pub folder: PathBuf,
    /// The number of its last event.
    pub number: u64,
    /// The hash of that, which stands for all of them.
    pub hash: Digest,
}

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What it is of.
    pub manifest: Manifest,
    /// How many files are in it.
    pub files: usize,
    /// How large it is, in bytes.
    pub bytes: u64,
}

/// Makes a copy. There is a whole file in the end or none; one that is there is only replaced where that was said.
pub fn backup(root: &Path, to: &Path, replace: bool, now: i64) -> Result<Made, PortError> {
    let to = std::path::absolute(to).unwrap_or_else(|_| to.to_path_buf());
    if tree::journals(root)?.is_empty() {
        let message = format!("there is no state in `{}`", root.display());
        return Err(PortError::new(Fault::NotFound, message).help("say where it is: `--state DIR`"));
    }
    if to.starts_with(root) {
        let message = format!("`{}` would be a part of the state that it is a copy of", to.display());
        return Err(PortError::new(Fault::Invalid, message).help("name a file elsewhere, best on another disk"));
    }
    if to.exists() && !replace {
        let message = format!("`{}` is there already", to.display());
        return Err(PortError::new(Fault::Invalid, message).help("name another file, or say `--force`"));
    }
    let beside = to.parent().unwrap_or(Path::new("/"));
    let cannot = |e: std::io::Error| tree::failed(&to, "written", &e);
    let scratch = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(beside).map_err(cannot)?;
    let (databases, journals) = databases(root, scratch.path())?;
    let manifest = Manifest { version: VERSION, lockgate: env!("CARGO_PKG_VERSION").to_string(), at: now, journals };
    let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(beside).map_err(cannot)?;
    let mut archive = tar::Builder::new(GzEncoder::new(std::io::BufWriter::new(file), Compression::fast()));
    let text = serde_json::to_vec_pretty(&manifest).map_err(|e| cannot(e.into()))?;
    add(&mut archive, Path::new(MANIFEST), text.len() as u64, &text[..], (now, 0o600)).map_err(cannot)?;
    let mut files = 0;
    for (path, place) in databases {
        let database = File::open(&place).map_err(cannot)?;
        let size = database.metadata().map_err(cannot)?.len();
        add(&mut archive, &path, size, database, (now, 0o600)).map_err(cannot)?;
        files += 1;
    }
    for entry in tree::files(root)? {
        let place = root.join(&entry.path);
        let file = match File::open(&place) {
            Ok(file) => file,
            // It went away meanwhile, as old logs do; what the databases refer to does not.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(tree::failed(&place, "read", &e)),
        };
        let size = file.metadata().map_err(|e| tree::failed(&place, "read", &e))?.len();
        // A log grows meanwhile; what it had is taken.
        add(&mut archive, &entry.path, size, file.take(size), (entry.written, entry.mode)).map_err(cannot)?;
        files += 1;
    }
    let writer = archive.into_inner().and_then(GzEncoder::finish).map_err(cannot)?;
    let file = writer.into_inner().map_err(|e| cannot(e.into_error()))?;
    file.as_file().sync_all().map_err(cannot)?;
    let bytes = file.as_file().metadata().map_err(cannot)?.len();
    file.persist(&to).map_err(|e| cannot(e.error))?;
    File::open(beside).and_then(|f| f.sync_all()).map_err(cannot)?;
    Ok(Made { manifest, files, bytes })
}

/// A path below the root of a state, and where its copy is.
type Placed = (PathBuf, PathBuf);

/// Copies the databases of a state.
fn databases(root: &Path, scratch: &Path) -> Result<(Vec<Placed>, Vec<Journal>), PortError> {
    let (mut databases, mut journals) = (Vec::new(), Vec::new());
    let mut folders = tree::journals(root)?;
    if !folders.contains(&PathBuf::new()) {
        // The server's register stands beside the states of several pipelines.
        folders.insert(0, PathBuf::new());
    }
    for (number, folder) in folders.into_iter().enumerate() {
        let place = scratch.join(number.to_string());
        std::fs::create_dir(&place).map_err(|e| tree::failed(&place, "made", &e))?;
        for name in copy::NAMES {
            let from = root.join(&folder).join(name);
            if from.is_file() {
                copy::copy(&from, &place.join(name))?;
                databases.push((folder.join(name), place.join(name)));
            }
        }
        if Sqlite::is_at(&place) {
            // A copy that is not whole is none.
            let mut journal = Sqlite::open_for_reading(&place)?;
            journal.verify()?;
            let (number, hash) = journal.last()?;
            journals.push(Journal { folder, number, hash });
        }
    }
    Ok((databases, journals))
}

fn add<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &Path,
    size: u64,
    content: impl std::io::Read,
    (written, mode): (i64, u32),
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(mode);
    header.set_mtime(u64::try_from(written / 1000).unwrap_or(0));
    header.set_size(size);
    archive.append_data(&mut header, path, content)
}
