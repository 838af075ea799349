//! Finding the files of a folder that count, on several threads, without looking where nothing can.

use super::Folder;
use crate::adapters::seen::Seen;
use crate::ports::{Fault, PortError};
use ignore::{DirEntry, WalkBuilder, WalkParallel};
use std::path::Path;

/// Folders that are never part of a source: git's own, and our state.
const NEVER: [&str; 2] = [".git", ".lockgate"];

/// At least two, so that one reads while the other waits for the disk; at most eight, since more only queue up in the
/// kernel.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8)
}

/// A walk over everything in the folder that git doesn't ignore and below which something may count.
pub(super) fn walk(folder: &Folder) -> Result<WalkParallel, PortError> {
    ready(&folder.root)?;
    if folder.ignore {
        folder.root.ancestors().skip(1).for_each(|above| note_ignores(above, &folder.seen));
    }
    // In a repository the ignore files count from the repository's root on, as they do for git; elsewhere from here.
    let in_repository = folder.root.ancestors().any(|folder| folder.join(".git").exists());
    let (root, filter) = (folder.root.clone(), folder.filter.clone());
    let worth_a_look = move |entry: &DirEntry| {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let inside = || entry.path().strip_prefix(&root).ok().and_then(Path::to_str);
        // A folder whose name isn't UTF-8 is looked into, to be reported if a file in there counts.
        let may_hold_some = || !is_folder || inside().is_none_or(|folder| filter.may_admit_below(folder));
        entry.depth() == 0 || !NEVER.iter().any(|name| entry.file_name() == *name) && may_hold_some()
    };
    Ok(WalkBuilder::new(&folder.root)
        .standard_filters(false)
        .git_ignore(folder.ignore)
        .git_exclude(folder.ignore)
        .parents(folder.ignore && in_repository)
        .require_git(in_repository)
        .follow_links(false)
        .threads(threads())
        .filter_entry(worth_a_look)
        .build_parallel())
}

/// Notes what decides in a folder which files count.
pub(super) fn note_ignores(folder: &Path, seen: &Seen) {
    let git = folder.join(".git");
    [".jj", ".gitignore", ".git/info/exclude"].iter().for_each(|name| seen.asks(&folder.join(name)));
    seen.asks(&git);
    // A file names another folder, in which the list of what is left out is.
    if git.is_file() {
        seen.doubt();
    }
}

/// Whether the root is a folder that can be looked at.
fn ready(root: &Path) -> Result<(), PortError> {
    let shown = root.display();
    match std::fs::metadata(root) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(PortError::new(Fault::Invalid, format!("`{shown}` is not a folder"))),
        Err(e) => Err(match e.kind() {
            std::io::ErrorKind::NotFound => PortError::new(Fault::NotFound, format!("there is no folder `{shown}`")),
            std::io::ErrorKind::PermissionDenied => {
                PortError::new(Fault::Denied, format!("the folder `{shown}` may not be looked into: permission denied"))
            }
            _ => PortError::new(Fault::Invalid, format!("the folder `{shown}` cannot be looked into: {e}")),
        }),
    }
}
