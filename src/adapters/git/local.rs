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

/// The commit that a branch is at.
pub(super) fn tip(repository: &Repository, branch: &str, shown: &str) -> Result<Oid, PortError> {
    let found =
        repository.find_reference(&format!("refs/heads/{branch}")).and_then(|reference| reference.peel_to_commit());
    found.map(|commit| commit.id()).map_err(|e| match e.code() {
        ErrorCode::NotFound | ErrorCode::InvalidSpec => faults::no_branch(branch, shown, &branches(repository)),
        _ => faults::from_disk(&e, shown),
    })
}

fn branches(repository: &Repository) -> Vec<String> {
    let Ok(all) = repository.branches(Some(BranchType::Local)) else { return Vec::new() };
    let name =
        |branch: &git2::Branch<'_>| branch.name_bytes().map(|name| String::from_utf8_lossy(name).into_owned()).ok();
    all.flatten().filter_map(|(branch, _)| name(&branch)).collect()
}
