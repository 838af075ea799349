//! A bare repository for tests of what is written to one.

use crate::ports::places::Target;
use git2::{Oid, Repository, Signature, Time};
use std::collections::BTreeMap;
use std::path::Path;

/// A bare repository in a folder of its own.
pub(in crate::adapters) struct Bare {
    dir: tempfile::TempDir,
    pub repository: Repository,
}

impl Bare {
    /// An empty one.
    pub(in crate::adapters) fn new() -> Bare {
        super::settings::settle();
        let dir = tempfile::tempdir().expect("a folder");
        let repository = Repository::init_bare(dir.path().join("deploy.git")).expect("a repository");
        Bare { dir, repository }
    }

    /// The folder that the repository is in.
    pub(in crate::adapters) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// A folder of a branch as a place.
    pub(in crate::adapters) fn target(&self, branch: &str, folder: &str) -> Target {
        Target::Branch {
            repository: self.dir.path().join("deploy.git").display().to_string(),
            branch: branch.into(),
            folder: folder.into(),
            namespace: "shop".into(),
            credentials: None,
            plain_secrets: false,
            author: None,
        }
    }

    /// The newest commit of a branch.
    pub(in crate::adapters) fn tip(&self, branch: &str) -> Option<Oid> {
        self.repository.find_reference(&format!("refs/heads/{branch}")).ok()?.target()
    }

    /// What somebody else commits: files with what they hold, or nothing where they go.
    pub(in crate::adapters) fn write(&self, branch: &str, files: &[(&str, Option<&str>)]) -> Oid {
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, content) in files {
            match content {
                Some(content) => {
                    let blob = self.repository.blob(content.as_bytes()).expect("a blob");
                    update.upsert(*path, blob, git2::FileMode::Blob);
                }
                None => drop(update.remove(*path)),
            }
        }
        let parent = self.tip(branch).map(|id| self.repository.find_commit(id).expect("a commit"));
        let empty = self.repository.treebuilder(None).and_then(|builder| builder.write()).expect("an empty tree");
        let base = parent.as_ref().map_or(empty, |commit| commit.tree_id());
        let base = self.repository.find_tree(base).expect("a tree");
        let tree = update.create_updated(&self.repository, &base).expect("a tree");
        let tree = self.repository.find_tree(tree).expect("a tree");
        let who = Signature::new("ann", "ann@x.org", &Time::new(1_000_000, 0)).expect("a signature");
        let parents: Vec<_> = parent.iter().collect();
        let reference = format!("refs/heads/{branch}");
        self.repository.commit(Some(&reference), &who, &who, "By hand", &tree, &parents).expect("a commit")
    }

    /// The files of a branch with what they hold.
    pub(in crate::adapters) fn files(&self, branch: &str) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let Some(tip) = self.tip(branch) else { return files };
        let tree = self.repository.find_commit(tip).and_then(|commit| commit.tree()).expect("a tree");
        tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
            let path = format!("{folder}{}", entry.name().expect("a name"));
            match entry.kind() {
                Some(git2::ObjectType::Blob) => {
                    let blob = self.repository.find_blob(entry.id()).expect("a blob");
                    files.insert(path, String::from_utf8_lossy(blob.content()).into_owned());
                }
                _ => assert!(self.repository.find_tree(entry.id()).is_ok_and(|t| !t.is_empty()), "{path} is empty"),
            }
            git2::TreeWalkResult::Ok
        })
        .expect("walked");
        files
    }

    /// The messages of a branch's commits, the newest first.
    pub(in crate::adapters) fn commits(&self, branch: &str) -> Vec<String> {
        let Some(tip) = self.tip(branch) else { return Vec::new() };
        let mut walk = self.repository.revwalk().expect("a walk");
        walk.push(tip).expect("a start");
        let message = |id: Oid| self.repository.find_commit(id).expect("a commit").message().expect("text").to_string();
        walk.map(|id| message(id.expect("an id"))).collect()
    }
}
