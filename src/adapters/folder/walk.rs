//! Finding the files of a folder that count, without looking where nothing can: on several threads, unless there are few.

use super::Folder;
use crate::adapters::seen::Seen;
use crate::ports::{Fault, PortError};
use ignore::{DirEntry, WalkBuilder, WalkParallel, WalkState};
use std::path::Path;

/// Folders that are never part of a source: git's own, and our state.
const NEVER: [&str; 2] = [".git", ".lockgate"];

/// At least two, so that one reads while the other waits for the disk; at most eight, since more only queue up in the
/// kernel.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8)
}

/// How many names are few: to read them takes no longer than to make a thread.
const FEW: usize = 100;

/// A walk over everything in the folder that git doesn't ignore and below which something may count.
pub(super) enum Walk {
    /// On this thread.
    Alone(Box<ignore::Walk>),
    /// On several.
    Several(WalkParallel),
}

impl Walk {
    /// Hands everything that is found to visitors, one for each thread.
    pub fn run<V>(self, visitor: impl Fn() -> V)
    where
        V: FnMut(Result<DirEntry, ignore::Error>) -> WalkState + Send,
    {
        match self {
            Walk::Alone(walk) => {
                let mut visit = visitor();
                for entry in *walk {
                    if visit(entry) == WalkState::Quit {
                        return;
                    }
                }
            }
            Walk::Several(walk) => walk.run(|| Box::new(visitor())),
        }
    }
}

/// Whether there are few names below a folder, folders that count for nothing among them.
fn are_few(root: &Path) -> bool {
    let mut left = FEW;
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        // What cannot be read is told of by the walk.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Some(less) = left.checked_sub(1) else { return false };
            left = less;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    true
}

/// A walk over a folder.
pub(super) fn walk(folder: &Folder) -> Result<Walk, PortError> {
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
    let mut walk = WalkBuilder::new(&folder.root);
    walk.standard_filters(false)
        .git_ignore(folder.ignore)
        .git_exclude(folder.ignore)
        .parents(folder.ignore && in_repository)
        .require_git(in_repository)
        .follow_links(false)
        .filter_entry(worth_a_look);
    if are_few(&folder.root) {
        return Ok(Walk::Alone(Box::new(walk.build())));
    }
    Ok(Walk::Several(walk.threads(threads()).build_parallel()))
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
