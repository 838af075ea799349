//! Watching this machine's files: the pipeline file with what it includes, and folders that are sources.

use crate::app::Session;
use crate::app::watching::{Folders, Watch, Watching};
use crate::model::SourceKind;
use notify::RecursiveMode;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::UnboundedSender;

/// What may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// The pipeline file.
    File,
    /// That source.
    Source(String),
}

/// Watches until it is dropped.
pub(super) fn watch(watching: &Watching, session: &Session, told: UnboundedSender<Changed>) -> notify::Result<Watch> {
    let mut files: Vec<PathBuf> = session.loaded.sources.iter().map(|(_, f)| absolute(f.path())).collect();
    // What links lead to changes as well, and so do the links: those of a volume that is a ConfigMap change places beside them.
    let linked: Vec<PathBuf> = files.iter().filter(|f| f.is_symlink()).cloned().collect();
    files.extend(linked.iter().filter_map(|f| f.canonicalize().ok()));
    let roots = sources(session);
    let mut folders = Folders::new();
    for parent in files.iter().filter_map(|f| f.parent()) {
        folders.insert(parent.to_path_buf(), RecursiveMode::NonRecursive);
    }
    for root in roots.keys() {
        let folder = if root.is_file() { root.parent().unwrap_or(root) } else { root };
        folders.insert(folder.to_path_buf(), RecursiveMode::Recursive);
    }
    folders.retain(|folder, _| folder.is_dir());
    // A pipeline file that is taken from a repository lies within the state, and is no part of it.
    let own = Some(session.folder.clone()).filter(|own| !session.loaded.root.starts_with(own));
    watching.watch(folders, move |path| {
        // What Lockgate and git keep for themselves is none of a source.
        let is_foreign = own.as_ref().is_some_and(|own| path.starts_with(own))
            || path.iter().any(|part| part == ".lockgate" || part == ".git");
        if is_foreign {
            return;
        }
        let is_beside = |link: &PathBuf| link.parent() == path.parent();
        if files.iter().any(|file| file == path || file.parent() == Some(path)) || linked.iter().any(is_beside) {
            let _ = told.send(Changed::File);
        }
        for name in roots.iter().filter(|(root, _)| path.starts_with(root)).flat_map(|(_, names)| names) {
            let _ = told.send(Changed::Source(name.clone()));
        }
    })
}

/// The paths of sources on this machine, with the names of the sources. A git repository is polled: what is new there is
/// known by its branch and not by its files.
fn sources(session: &Session) -> BTreeMap<PathBuf, Vec<String>> {
    let mut found: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for source in &session.graph.pipeline().sources {
        let path = source.kind.local_path().filter(|_| !matches!(source.kind, SourceKind::Git { .. }));
        if let Some(path) = path {
            let path = crate::engine::clean(&session.loaded.root.join(&path.value));
            found.entry(path).or_default().push(source.name.value.to_string());
        }
    }
    found
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
