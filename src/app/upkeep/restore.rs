//! Bringing a copy back. It is unpacked beside the state and looked at from end to end before anything is replaced; then the two
//! change places at once, and what was there is kept beside.

use super::backup::{MANIFEST, Manifest, VERSION};
use super::{tree, verify};
use crate::adapters::TEMPORARY;
use crate::adapters::sqlite::{Held, Sqlite};
use crate::ports::{Fault, PortError};
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// How large the first file of a copy may be.
const MANIFEST_LIMIT: u64 = 1 << 20;

/// What was brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the copy is of.
    pub manifest: Manifest,
    /// How many files it has.
    pub files: usize,
    /// Where what was there is now, if something was.
    pub before: Option<PathBuf>,
}

/// Brings a copy back. A state that somebody works with is left alone, and so is, unless `force` says otherwise, one in which more has
/// happened than the copy knows.
pub fn restore(root: &Path, from: &Path, force: bool, now: i64) -> Result<Restored, PortError> {
    let above = root.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("/"));
    let cannot = |e: std::io::Error| tree::failed(root, "written", &e);
    std::fs::create_dir_all(above).map_err(cannot)?;
    let scratch = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(above).map_err(cannot)?;
    let (manifest, files) = unpack(from, scratch.path())?;
    check(&manifest, scratch.path(), from)?;
    let held = hold(root)?;
    if !force {
        compare(root, scratch.path(), &manifest)?;
    }
    if let Ok(there) = root.metadata() {
        std::fs::set_permissions(scratch.path(), there.permissions()).map_err(cannot)?;
    }
    let before = replace(root, scratch, now)?;
    drop(held);
    Ok(Restored { manifest, files, before })
}

/// Unpacks a copy into an empty folder. Nothing in it leaves that.
fn unpack(from: &Path, into: &Path) -> Result<(Manifest, usize), PortError> {
    let bad = |why: String| {
        let message = format!("`{}` is no copy of a state: {why}", from.display());
        PortError::new(Fault::Invalid, message).help("name a file that `lockgate state backup` made")
    };
    let torn = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::StorageFull => tree::failed(into, "written", &e),
        _ => bad(e.to_string()),
    };
    let file = File::open(from).map_err(|e| tree::failed(from, "read", &e))?;
    let mut archive = tar::Archive::new(GzDecoder::new(std::io::BufReader::new(file)));
    let (mut manifest, mut files) = (None, 0);
    for entry in archive.entries().map_err(torn)? {
        let mut entry = entry.map_err(torn)?;
        let path = entry.path().map_err(torn)?.into_owned();
        let is_plain =
            path.components().all(|c| matches!(c, Component::Normal(_))) && path.components().next().is_some();
        if !is_plain || entry.header().entry_type() != tar::EntryType::Regular {
            return Err(bad(format!("`{}` in it is no plain file", path.display())));
        }
        if manifest.is_none() {
            if path != Path::new(MANIFEST) {
                return Err(bad(format!("it does not begin with `{MANIFEST}`")));
            }
            let mut text = Vec::new();
            entry.by_ref().take(MANIFEST_LIMIT).read_to_end(&mut text).map_err(torn)?;
            let read: Manifest = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
            if read.version > VERSION {
                let message = format!(
                    "`{}` is of form {}, and this Lockgate knows up to {VERSION}",
                    from.display(),
                    read.version
                );
                return Err(
                    PortError::new(Fault::Invalid, message).help("use the Lockgate that made it, or a newer one")
                );
            }
            manifest = Some(read);
            continue;
        }
        let place = into.join(&path);
        let written = |e: std::io::Error| tree::failed(&place, "written", &e);
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder).map_err(written)?;
        }
        let mut out = File::create_new(&place).map_err(written)?;
        std::io::copy(&mut entry, &mut out).map_err(torn)?;
        if let Ok(seconds) = entry.header().mtime() {
            // Only how old it is; it does no harm where that cannot be set.
            let _ = out.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds));
        }
        let mode = entry.header().mode().unwrap_or(0o600) & 0o777 | 0o600;
        out.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode)).map_err(written)?;
        out.sync_all().map_err(written)?;
        files += 1;
    }
    // What is behind the last file says whether all before it is whole.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).map_err(torn)?;
    Ok((manifest.ok_or_else(|| bad("there is nothing in it".to_string()))?, files))
}

/// Whether the journals are those that the copy says, and whole.
fn check(manifest: &Manifest, unpacked: &Path, from: &Path) -> Result<(), PortError> {
    for journal in &manifest.journals {
        let differs = |what: String| {
            PortError::new(Fault::Invalid, format!("`{}` is damaged: {what}", from.display())).help("use an older copy")
        };
        let folder = unpacked.join(&journal.folder);
        let found = Sqlite::open_for_reading(&folder)?.last()?;
        if found != (journal.number, journal.hash) {
            return Err(differs(format!("its journal ends at event {}, and not at {}", found.0, journal.number)));
        }
    }
    verify::verify(unpacked).map(drop)
}

/// Takes the locks of a state; one that somebody works with is an error that names them.
fn hold(root: &Path) -> Result<Vec<Held>, PortError> {
    tree::journals(root)?.iter().map(|folder| Held::take(&root.join(folder))).collect()
}

/// Refuses a copy that does not know all that has happened.
fn compare(root: &Path, unpacked: &Path, manifest: &Manifest) -> Result<(), PortError> {
    for folder in tree::journals(root)? {
        let refuse = |what: String| {
            let name = root.join(&folder);
            let message = format!("the state in `{}` {what}", name.display());
            Err(PortError::new(Fault::Denied, message)
                .help("`--force` brings the copy back all the same; what is there is kept beside"))
        };
        let (number, hash) = match Sqlite::open_for_reading(&root.join(&folder)).and_then(|j| j.last()) {
            Ok(last) => last,
            // That one is damaged is the best reason to bring a copy back.
            Err(_) => continue,
        };
        let Some(copy) = manifest.journals.iter().find(|j| j.folder == folder) else {
            return refuse("is of a pipeline that the copy does not have".to_string());
        };
        if number > copy.number {
            return refuse(format!("is newer: it has {number} events, and the copy {}", copy.number));
        }
        let there = Sqlite::open_for_reading(&unpacked.join(&folder))?.hash_at(number)?;
        if number > 0 && there != Some(hash) {
            return refuse(format!("has another history than the copy: event {number} is not the same"));
        }
    }
    Ok(())
}

/// Puts the unpacked folder in the place of the state, in one step.
fn replace(root: &Path, scratch: tempfile::TempDir, now: i64) -> Result<Option<PathBuf>, PortError> {
    let cannot = |e: std::io::Error| tree::failed(root, "replaced", &e);
    let above = root.parent().unwrap_or(Path::new("/")).to_path_buf();
    let mut before = None;
    if root.exists() {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        renameat_with(CWD, scratch.path(), CWD, root, RenameFlags::EXCHANGE).map_err(|e| cannot(e.into()))?;
        // What was there has the other name now, and is not taken away with it.
        let old = scratch.keep();
        let mut name = root.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".before-{}", now / 1000));
        let aside = root.with_file_name(name);
        let place = if aside.exists() { old.clone() } else { aside };
        if place != old {
            std::fs::rename(&old, &place).map_err(cannot)?;
        }
        before = Some(place);
    } else {
        std::fs::rename(scratch.path(), root).map_err(cannot)?;
        let _ = scratch.keep();
    }
    File::open(above).and_then(|f| f.sync_all()).map_err(cannot)?;
    Ok(before)
}
