//! A folder as an environment: below it a sub-folder for each release, with a file for each object.
//!
//! ```text
//! RELEASE/deployment_apps_web.yaml     an object as it was rendered
//! RELEASE/hooks/job_batch_migrate.yaml one that is run at certain moments
//! RELEASE/.lockgate.json               what was deployed: candidate, digests, which files are ours
//! ```
//!
//! A deploy first writes everything it will need beside its place, so that a full disk is met while nothing has changed.
//! Then it says which files it is about to write, moves them to their places, removes what is no longer rendered, and
//! records it. Wherever that is cut off, the next deploy knows which files are ours and goes on. Only what differs is
//! written; nothing is touched that another has put there.

mod dir;
pub(in crate::adapters) mod names;
pub(in crate::adapters) mod record;

use super::disk;
use crate::digest::Digest;
use crate::ports::bundle::Bundle;
use crate::ports::places::{Deployment, Ended, Places, Seen, Target};
use crate::ports::{Fault, PortError};
use dir::{Dir, There, in_the_way};
use names::{HOOKS, Wanted};
use record::{Record, Recorded, UNFINISHED};
use std::collections::BTreeMap;
use std::path::Path;

/// Folders of this machine that are deployed to.
#[derive(Clone, Copy, Debug, Default)]
pub struct FolderPlaces;

impl Places for FolderPlaces {
    fn look(&self, target: &Target, release: &str, _: Option<&Bundle>) -> Result<Seen, PortError> {
        let Some(place) = Place::open(folder(target)?, release)? else { return Ok(Seen::default()) };
        let Some((record, _)) = record::read(&place.main, record::NAME)? else { return Ok(Seen::default()) };
        let unfinished = record::read(&place.main, UNFINISHED)?.map(|(record, _)| record.files).unwrap_or_default();
        let mut drift = Vec::new();
        for (path, recorded) in &record.files {
            let how = match place.read(path)? {
                There::Nothing => "is missing".to_string(),
                There::Other(what) => format!("was replaced by {what}"),
                There::File(bytes) => match Digest::of(&bytes) {
                    digest if digest == recorded.digest => continue,
                    digest if unfinished.get(path).is_some_and(|next| next.digest == digest) => {
                        "is already that of a deploy that did not finish".to_string()
                    }
                    _ => "was changed by hand".to_string(),
                },
            };
            drift.push((recorded.object.clone(), how));
        }
        for (path, next) in unfinished.iter().filter(|(path, _)| !record.files.contains_key(*path)) {
            if matches!(place.read(path)?, There::File(_)) {
                drift.push((next.object.clone(), "is of a deploy that did not finish".to_string()));
            }
        }
        Ok(Seen { bundle: Some(record.bundle), drift })
    }

    fn deploy(&self, deployment: &Deployment<'_>) -> Ended {
        bring(deployment).into()
    }
}

/// Brings a folder to a bundle.
fn bring(deployment: &Deployment<'_>) -> Result<(), PortError> {
    let (path, bundle) = (folder(deployment.target)?, deployment.bundle);
    let files = names::files(bundle);
    if files.is_empty() {
        return remove(path, &bundle.release);
    }
    disk::make_folder(path)?;
    let gone = || PortError::new(Fault::Moved, format!("`{}` disappeared", path.display()));
    let root = Dir::open(path)?.ok_or_else(gone)?;
    let _lock = root.lock()?;
    Place::make(&root, &bundle.release)?.bring(deployment, &files)
}

fn folder(target: &Target) -> Result<&Path, PortError> {
    match target {
        Target::Folder { path, .. } => Ok(path),
        _ => Err(PortError::new(Fault::Invalid, format!("{target} is no folder"))),
    }
}

/// Takes a release away: its files, then the record that names them.
fn remove(path: &Path, release: &str) -> Result<(), PortError> {
    let Some(root) = Dir::open(path)? else { return Ok(()) };
    let _lock = root.lock()?;
    let Some(place) = Place::within(&root, release)? else { return Ok(()) };
    place.sweep()?;
    for path in place.ours()?.keys() {
        place.remove(path)?;
    }
    place.main.remove_empty(HOOKS)?;
    place.main.sync()?;
    place.main.remove(record::NAME)?;
    place.main.remove(UNFINISHED)?;
    place.main.sync()?;
    drop(place);
    root.remove_empty(release)?;
    root.sync()
}

/// The folder of a release.
struct Place {
    main: Dir,
    hooks: Option<Dir>,
}

impl Place {
    fn open(path: &Path, release: &str) -> Result<Option<Place>, PortError> {
        match Dir::open(path)? {
            Some(root) => Place::within(&root, release),
            None => Ok(None),
        }
    }

    fn within(root: &Dir, release: &str) -> Result<Option<Place>, PortError> {
        check(release)?;
        let Some(main) = root.sub(release)? else { return Ok(None) };
        let hooks = main.sub(HOOKS)?;
        Ok(Some(Place { main, hooks }))
    }

    fn make(root: &Dir, release: &str) -> Result<Place, PortError> {
        check(release)?;
        let main = root.make(release)?;
        let hooks = main.sub(HOOKS)?;
        Ok(Place { main, hooks })
    }

    /// The folder and the name in it that a path leads to; no folder where there are no hooks.
    fn at<'p>(&self, path: &'p str) -> (Option<&Dir>, &'p str) {
        match path.split_once('/') {
            Some((_, name)) => (self.hooks.as_ref(), name),
            None => (Some(&self.main), path),
        }
    }

    fn read(&self, path: &str) -> Result<There, PortError> {
        match self.at(path) {
            (Some(dir), name) => dir.read(name),
            (None, _) => Ok(There::Nothing),
        }
    }

    fn remove(&self, path: &str) -> Result<(), PortError> {
        match self.at(path) {
            (Some(dir), name) => dir.remove(name),
            (None, _) => Ok(()),
        }
    }

    fn folders(&self) -> impl Iterator<Item = &Dir> {
        std::iter::once(&self.main).chain(&self.hooks)
    }

    fn sweep(&self) -> Result<(), PortError> {
        self.folders().try_for_each(Dir::sweep)
    }

    /// The files that we have written, or may have.
    fn ours(&self) -> Result<BTreeMap<String, Recorded>, PortError> {
        let mut ours = BTreeMap::new();
        for name in [record::NAME, UNFINISHED] {
            ours.extend(record::read(&self.main, name)?.into_iter().flat_map(|(record, _)| record.files));
        }
        Ok(ours)
    }

    /// Brings the folder to the files.
    fn bring(mut self, deployment: &Deployment<'_>, files: &BTreeMap<String, Wanted>) -> Result<(), PortError> {
        self.sweep()?;
        let mut ours = self.ours()?;
        let changes = self.changes(files, &ours)?;
        let obsolete: Vec<String> = ours.keys().filter(|path| !files.contains_key(*path)).cloned().collect();
        let recorded = files.iter().map(|(path, wanted)| (path.clone(), wanted.recorded.clone()));
        let record = Record::new(deployment, recorded.clone().collect());
        let bytes = record.bytes()?;
        let before = record::read(&self.main, record::NAME)?.map(|(_, bytes)| bytes);
        let was_unfinished = !matches!(self.main.read(UNFINISHED)?, There::Nothing);
        if before.as_ref() == Some(&bytes) && changes.is_empty() && obsolete.is_empty() && !was_unfinished {
            return Ok(());
        }
        if self.hooks.is_none() && changes.iter().any(|path| path.contains('/')) {
            self.hooks = Some(self.main.make(HOOKS)?);
        }
        ours.extend(recorded);
        let unfinished = Record { files: ours, ..record };
        let staged = match self.stage(&changes, files, &bytes, &unfinished.bytes()?) {
            Ok(staged) => staged,
            Err(error) => {
                // Room for others, when the disk is full; the next deploy sweeps as well.
                drop(self.sweep());
                return Err(error);
            }
        };
        if !changes.is_empty() || !obsolete.is_empty() {
            self.main.rename(&staged.unfinished, UNFINISHED)?;
            self.main.sync()?;
        }
        for (path, temporary) in changes.iter().zip(&staged.files) {
            if let (Some(dir), name) = self.at(path) {
                dir.rename(temporary, name)?;
            }
        }
        obsolete.iter().try_for_each(|path| self.remove(path))?;
        self.folders().try_for_each(Dir::sync)?;
        if !files.keys().any(|path| path.contains('/')) {
            self.main.remove_empty(HOOKS)?;
        }
        self.main.rename(&staged.record, record::NAME)?;
        self.main.sync()?;
        self.main.remove(UNFINISHED)?;
        self.main.remove(&staged.unfinished)
    }

    /// Which files are not as they should be. That one stands in the way is an error before anything is written.
    fn changes(
        &self,
        files: &BTreeMap<String, Wanted>,
        ours: &BTreeMap<String, Recorded>,
    ) -> Result<Vec<String>, PortError> {
        let mut changes = Vec::new();
        for (path, wanted) in files {
            match self.read(path)? {
                There::File(bytes) if bytes == wanted.bytes => continue,
                There::File(_) if !ours.contains_key(path) => return Err(in_the_way(&self.main.shown(path), "a file")),
                There::Other(what) => return Err(in_the_way(&self.main.shown(path), what)),
                There::File(_) | There::Nothing => changes.push(path.clone()),
            }
        }
        Ok(changes)
    }

    /// Writes everything beside its place.
    fn stage(
        &self,
        changes: &[String],
        files: &BTreeMap<String, Wanted>,
        record: &[u8],
        unfinished: &[u8],
    ) -> Result<Staged, PortError> {
        let name = |what: &str| format!("{}{what}", disk::TEMPORARY);
        let staged = Staged {
            files: (0..changes.len()).map(|number| name(&number.to_string())).collect(),
            record: name("record"),
            unfinished: name("unfinished"),
        };
        for (path, temporary) in changes.iter().zip(&staged.files) {
            if let ((Some(dir), _), Some(wanted)) = (self.at(path), files.get(path)) {
                dir.write(temporary, &wanted.bytes)?;
            }
        }
        self.main.write(&staged.record, record)?;
        self.main.write(&staged.unfinished, unfinished)?;
        Ok(staged)
    }
}

/// The names of what was written beside its place.
struct Staged {
    files: Vec<String>,
    record: String,
    unfinished: String,
}

fn check(release: &str) -> Result<(), PortError> {
    if names::is_release(release) {
        return Ok(());
    }
    let message = format!("the release `{}` cannot have a folder of that name", release.escape_debug());
    Err(PortError::new(Fault::Invalid, message).help("use letters, digits, `-`, `_` and `.`"))
}

#[cfg(test)]
mod tests;
