//! Repositories on this disk, read where they are.

use super::faults;
use crate::ports::{Fault, PortError};
use git2::{BranchType, ErrorCode, Oid, Repository, RepositoryOpenFlags};
use std::path::Path;

/// Opens the repository at that path: its root with a working tree, or a bare one.
pub(super) fn open(path: &Path) -> Result<Repository, PortError> {
    let shown = path.display();
    if let Err(e) = std::fs::read_dir(path) {
        return Err(match e.kind() {
            std::io::ErrorKind::NotFound => {
                PortError::new(Fault::NotFound, format!("there is no git repository at `{shown}`"))
            }
            std::io::ErrorKind::PermissionDenied => {
                PortError::new(Fault::Denied, format!("the repository `{shown}` may not be read"))
            }
            _ => PortError::new(Fault::Invalid, format!("`{shown}` is not a git repository: {e}")),
        });
    }
    let nowhere: [&Path; 0] = [];
    Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, nowhere).map_err(|e| match e.code() {
        ErrorCode::NotFound => no_repository(path),
        _ => faults::from_disk(&e, &shown.to_string()),
    })
}

fn no_repository(path: &Path) -> PortError {
    let error = PortError::new(Fault::NotFound, format!("`{}` is not a git repository", path.display()));
    let nowhere: [&Path; 0] = [];
    let around = Repository::discover_path(path, nowhere).ok();
    match around.as_deref().and_then(|git| if git.ends_with(".git") { git.parent() } else { Some(git) }) {
        Some(root) => error
            .help(format!("it is a folder in the repository `{}`; name that, and select with `paths`", root.display())),
        None => error.help("run `git init` there, or use it as a `folder`"),
    }
}

/// The commit that a branch is at; nothing where there is no such branch.
pub(super) fn find_tip(repository: &Repository, branch: &str, shown: &str) -> Result<Option<Oid>, PortError> {
    let found = repository.find_reference(&reference(branch)).and_then(|reference| reference.peel_to_commit());
    match found {
        Ok(commit) => Ok(Some(commit.id())),
        Err(e) if matches!(e.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => Ok(None),
        Err(e) => Err(faults::from_disk(&e, shown)),
    }
}

/// The commit that a branch is at, which has to be there.
pub(super) fn tip(repository: &Repository, branch: &str, shown: &str) -> Result<Oid, PortError> {
    find_tip(repository, branch, shown)?.ok_or_else(|| faults::no_branch(branch, shown, &branches(repository)))
}

/// What git calls a branch.
pub(super) fn reference(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn branches(repository: &Repository) -> Vec<String> {
    let Ok(all) = repository.branches(Some(BranchType::Local)) else { return Vec::new() };
    let name =
        |branch: &git2::Branch<'_>| branch.name_bytes().map(|name| String::from_utf8_lossy(name).into_owned()).ok();
    all.flatten().filter_map(|(branch, _)| name(&branch)).collect()
}
