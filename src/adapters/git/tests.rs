use super::Git;
use crate::ports::files::Mode;
use crate::ports::sources::{Head, HeadQuery, Origin, Version};
use crate::ports::{Fault, PortError};
use git2::{Oid, Repository, Signature, Time};
use std::path::Path;

/// A bare repository in a folder of its own.
struct Fixture {
    dir: tempfile::TempDir,
    repository: Repository,
}

impl Fixture {
    fn new() -> Fixture {
        // As for everyone else: before libgit2 is used for the first time.
        super::settings::settle();
        let dir = tempfile::tempdir().expect("a folder");
        let repository = Repository::init_bare(dir.path().join("app.git")).expect("a repository");
        Fixture { dir, repository }
    }

    /// A commit by that person with exactly those files; its branch moves there.
    fn commit(&self, branch: &str, parent: Option<Oid>, who: &str, files: &[(&str, &str)]) -> Oid {
        let tree = self.tree(files);
        self.commit_of(branch, parent, who, tree)
    }

    fn commit_of(&self, branch: &str, parent: Option<Oid>, who: &str, tree: Oid) -> Oid {
        let signature = Signature::new(who, &format!("{who}@x.org"), &Time::new(1_000_000, 0)).expect("a signature");
        let parent = parent.map(|id| self.repository.find_commit(id).expect("a parent"));
        let tree = self.repository.find_tree(tree).expect("a tree");
        let parents: Vec<_> = parent.iter().collect();
        let id = self
            .repository
            .commit(None, &signature, &signature, "Change it\n\nBecause.", &tree, &parents)
            .expect("a commit");
        self.repository.reference(&format!("refs/heads/{branch}"), id, true, "").expect("a branch");
        id
    }

    fn tree(&self, files: &[(&str, &str)]) -> Oid {
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, content) in files {
            let blob = self.repository.blob(content.as_bytes()).expect("a blob");
            update.upsert(*path, blob, git2::FileMode::Blob);
        }
        let empty = self.repository.treebuilder(None).and_then(|builder| builder.write()).expect("an empty tree");
        update.create_updated(&self.repository, &self.repository.find_tree(empty).expect("a tree")).expect("a tree")
    }

    /// A tree as its bytes say, which git itself would not have written.
    fn odd_tree(&self, entries: &[(&str, &[u8], Oid)]) -> Oid {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend([mode.as_bytes(), b" ", name, b"\0", id.as_bytes()].concat());
        }
        let database = self.repository.odb().expect("a database");
        database.write(git2::ObjectType::Tree, &bytes).expect("a tree")
    }

    fn url(&self) -> String {
        self.dir.path().join("app.git").to_string_lossy().into_owned()
    }

    fn git(&self) -> Git {
        Git::new(self.dir.path().join("cache"))
    }

    fn head(&self, branch: &str, paths: &[&str], last: Option<&Version>) -> Result<Head, PortError> {
        let origin = Origin::Git { url: self.url(), branch: branch.into() };
        let paths = paths.iter().map(|path| path.to_string()).collect();
        let query = HeadQuery { origin, paths, ignore: Vec::new(), last: last.cloned(), credentials: None };
        self.git().head(&self.url(), branch, &query)
    }

    fn paths(&self, commit: Oid) -> Result<Vec<String>, PortError> {
        let files = self.git().open(&self.url(), "main", None, &commit.to_string())?;
        Ok(files.list()?.entries.iter().map(|entry| entry.path.to_string()).collect())
    }
}

#[test]
fn tells_the_head_and_who_made_it() {
    let it = Fixture::new();
    let first = it.commit("main", None, "ann", &[("a", "1")]);
    let head = it.head("main", &[], None).expect("a head");
    assert_eq!(head.version.id, first.to_string());
    assert_eq!(head.about.author.as_deref(), Some("ann <ann@x.org>"));
    assert_eq!(head.about.subject.as_deref(), Some("Change it"));
    assert_eq!((head.about.time, head.about.note), (Some(1_000_000), None));
    assert_eq!(head.about.people, ["ann <ann@x.org>"]);
    let second = it.commit("main", Some(first), "bob", &[("a", "2")]);
    it.commit("main", Some(second), "cid", &[("a", "3")]);
    let next = it.head("main", &[], Some(&head.version)).expect("a head");
    assert_eq!(next.about.people, ["bob <bob@x.org>", "cid <cid@x.org>"]);
    assert_eq!(it.head("main", &[], Some(&next.version)).expect("a head").version, next.version);
}

#[test]
fn only_files_that_count_make_a_version() {
    let it = Fixture::new();
    let first = it.commit("main", None, "ann", &[("mi/values-dev.yaml", "1"), ("readme", "1")]);
    let paths = ["mi/values-*.yaml"];
    let head = it.head("main", &paths, None).expect("a head");
    let second = it.commit("main", Some(first), "bob", &[("mi/values-dev.yaml", "1"), ("readme", "2")]);
    let same = it.head("main", &paths, Some(&head.version)).expect("a head");
    assert_eq!(same.version, head.version, "what changed doesn't count");
    assert_eq!(same.about.author.as_deref(), Some("ann <ann@x.org>"));
    let third = it.commit("main", Some(second), "cid", &[("mi/values-dev.yaml", "2"), ("readme", "2")]);
    let other = it.head("main", &paths, Some(&head.version)).expect("a head");
    assert_eq!(other.version.id, third.to_string());
    assert_eq!(other.about.people, ["bob <bob@x.org>", "cid <cid@x.org>"], "also who changed what doesn't count");
}

#[test]
fn a_rewritten_branch_is_noted() {
    let it = Fixture::new();
    let root = it.commit("main", None, "ann", &[("a", "1")]);
    it.commit("main", Some(root), "bob", &[("a", "2")]);
    let head = it.head("main", &[], None).expect("a head");
    it.commit("main", Some(root), "cid", &[("a", "3")]);
    let next = it.head("main", &[], Some(&head.version)).expect("a head");
    assert!(next.about.note.is_some_and(|note| note.starts_with("the branch `main` was rewritten")));
    assert_eq!(next.about.people, ["cid <cid@x.org>"]);
    let gone = Version { id: "12".repeat(20), ..head.version };
    let next = it.head("main", &[], Some(&gone)).expect("a head");
    assert!(next.about.note.is_some_and(|note| note.contains("121212121212, which was used last")));
}

#[test]
fn reads_files_from_the_tree() {
    let it = Fixture::new();
    let blob = |content: &str| it.repository.blob(content.as_bytes()).expect("a blob");
    let mut update = git2::build::TreeUpdateBuilder::new();
    update.upsert("dir/run.sh", blob("#!/bin/sh"), git2::FileMode::BlobExecutable);
    update.upsert("dir/text", blob("text"), git2::FileMode::Blob);
    update.upsert("link", blob("dir/text"), git2::FileMode::Link);
    update.upsert(".gitmodules", blob("[submodule]"), git2::FileMode::Blob);
    let empty = it.tree(&[]);
    let tree = update.create_updated(&it.repository, &it.repository.find_tree(empty).expect("a tree")).expect("a tree");
    let commit = it.commit_of("main", None, "ann", tree);
    let with_module = it.odd_tree(&[("160000", b"module", commit), ("100644", b"z", blob("z"))]);
    let files = it.git().open(&it.url(), "main", None, &commit.to_string()).expect("files");
    let listing = files.list().expect("a listing");
    let is = |path: &str| listing.get(path).map(|entry| (entry.mode, entry.size));
    assert_eq!(is("dir/run.sh"), Some((Mode::Executable, 9)));
    assert_eq!(is("dir/text"), Some((Mode::File, 4)));
    assert_eq!(is("link"), Some((Mode::Link, 8)));
    assert_eq!(&*files.read("link").expect("a target"), b"dir/text");
    assert_eq!(files.read("dir").expect_err("a folder").fault, Fault::NotFound);
    assert_eq!(it.head("main", &[], None).expect("a head").about.note.as_deref(), Some("submodules are left out"));
    let commit = it.commit_of("main", None, "ann", with_module);
    assert_eq!(it.paths(commit).expect("files"), ["z"]);
}

#[test]
fn what_is_not_there_is_named() {
    let it = Fixture::new();
    let error = it.head("main", &[], None).expect_err("empty");
    assert_eq!(error.fault, Fault::NotFound);
    assert!(error.message.contains("is empty: it has no branch yet"), "{error}");
    let commit = it.commit("main", None, "ann", &[("a", "1")]);
    it.commit("release-1.2", Some(commit), "ann", &[("a", "1")]);
    let error = it.head("mian", &[], None).expect_err("missing");
    assert!(error.message.ends_with("has no branch `mian`"), "{error}");
    assert_eq!(error.help.as_deref(), Some("did you mean `main`?"));
    assert_eq!(it.head("master", &[], None).expect_err("missing").help.as_deref(), Some("did you mean `main`?"));
    let error = it.head("zz", &[], None).expect_err("missing");
    assert_eq!(error.help.as_deref(), Some("it has `main`, `release-1.2`"));
    for branch in ["", "a b", "*", "a:b", "../x", "-"] {
        let fault = it.head(branch, &[], None).map(|_| ()).expect_err(branch).fault;
        assert!(matches!(fault, Fault::Invalid | Fault::NotFound), "{branch}");
    }
    let open = |commit: &str| it.git().open(&it.url(), "main", None, commit).map(|_| ()).expect_err("missing");
    let error = open(&"ab".repeat(20));
    assert_eq!(error.fault, Fault::NotFound);
    assert!(error.message.ends_with("no longer has the commit abababababab"), "{error}");
    assert_eq!(open("main").fault, Fault::Invalid);
}

#[test]
fn what_is_no_repository_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let head = |path: &Path| {
        let url = path.to_string_lossy().into_owned();
        let origin = Origin::Git { url: url.clone(), branch: "main".into() };
        let query = HeadQuery { origin, paths: vec![], ignore: vec![], last: None, credentials: None };
        Git::new(dir.path().join("cache")).head(&url, "main", &query).expect_err("no repository")
    };
    let error = head(&dir.path().join("nowhere"));
    assert_eq!(error.fault, Fault::NotFound);
    assert!(error.message.starts_with("there is no git repository at"), "{error}");
    let error = head(dir.path());
    assert!(error.message.ends_with("is not a git repository"), "{error}");
    std::fs::write(dir.path().join("file"), "").expect("a file");
    assert_eq!(head(&dir.path().join("file")).fault, Fault::Invalid);
    let root = dir.path().join("app");
    Repository::init(&root).expect("a repository");
    std::fs::create_dir(root.join("sub")).expect("a folder");
    let help = head(&root.join("sub")).help.expect("help");
    assert!(help.contains(&format!("`{}`", root.canonicalize().expect("a path").display())), "{help}");
}

#[test]
fn trees_that_git_would_not_write_are_refused() {
    let it = Fixture::new();
    let blob = it.repository.blob(b"x").expect("a blob");
    for name in [&b".."[..], b".", b".git", b".GIT", b"a/b"] {
        let commit = it.commit_of("main", None, "ann", it.odd_tree(&[("100644", name, blob)]));
        let error = it.paths(commit).expect_err("odd");
        assert_eq!(error.fault, Fault::Invalid, "{}: {error}", name.escape_ascii());
    }
    let commit =
        it.commit_of("main", None, "ann", it.odd_tree(&[("100644", b"caf\xe9", blob), ("100644", b"z", blob)]));
    assert!(it.paths(commit).expect_err("odd").message.contains("is not UTF-8"));
    it.head("main", &["z"], None).expect("names that don't count may be odd");
}

#[test]
fn trees_are_bounded() {
    let it = Fixture::new();
    // Each tree names the one before it often: few objects, more entries than can be walked.
    let mut tree = it.tree(&[("x", "")]);
    for _ in 0..10 {
        let names: Vec<String> = (0..40).map(|n| format!("{n:02}")).collect();
        tree = it.odd_tree(&names.iter().map(|name| ("40000", name.as_bytes(), tree)).collect::<Vec<_>>());
    }
    let commit = it.commit_of("main", None, "ann", tree);
    assert_eq!(it.paths(commit).expect_err("wide").fault, Fault::Limit);
    let mut tree = it.tree(&[("x", "")]);
    for _ in 0..3_000 {
        tree = it.odd_tree(&[("40000", b"d", tree)]);
    }
    let commit = it.commit_of("main", None, "ann", tree);
    assert_eq!(it.paths(commit).expect_err("deep").fault, Fault::Limit);
    it.head("main", &["elsewhere/**"], None).expect("what cannot count isn't walked");
}
