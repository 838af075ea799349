//! The files that a path in a pipeline file can name: as far as they are on this machine.

use super::Analysis;
use crate::model::source::is_path;
use crate::syntax::Node;
use ignore::WalkBuilder;
use std::path::{Component, Path, PathBuf};

/// How many files are offered. Nobody reads on behind so many, and a walk of a large folder must not hold up typing.
const MOST: usize = 2_000;

/// How many things are looked at. A folder can hold a million files of which none is offered.
const LOOKED_AT: usize = 20_000;

/// How deep folders are looked into.
const DEPTH: usize = 8;

/// The files below a folder, relative to it; folders with a `/` at their end. What git ignores is left out.
pub(super) fn below(folder: &Path) -> Vec<String> {
    let walk = WalkBuilder::new(folder).max_depth(Some(DEPTH)).follow_links(false).require_git(false).build();
    let mut found = Vec::new();
    for entry in walk.take(LOOKED_AT).flatten() {
        let Ok(path) = entry.path().strip_prefix(folder) else { continue };
        let Some(text) = path.to_str().filter(|t| !t.is_empty()) else { continue };
        let is_folder = entry.file_type().is_some_and(|t| t.is_dir());
        found.push(if is_folder { format!("{text}/") } else { text.to_string() });
        if found.len() == MOST {
            break;
        }
    }
    found.sort();
    found
}

/// The folder of a source's files, where they are on this machine.
pub(super) fn of_source(analysis: &Analysis, source: Node<'_>) -> Option<PathBuf> {
    let inside = source.children().find(|c| matches!(c.name(), "folder" | "git" | "helm"))?;
    let path = inside.arg(0)?.as_str()?;
    (inside.name() == "folder" || is_path(path)).then(|| join(&analysis.root, path))
}

/// A path in a folder, with `.` and `..` taken out.
pub(super) fn join(folder: &Path, path: &str) -> PathBuf {
    let mut joined = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                joined.pop();
            }
            other => joined.push(other),
        }
    }
    joined
}
