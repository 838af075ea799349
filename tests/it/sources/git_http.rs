//! Git over HTTP, against a real server.

use super::server::{Manner, Server, Work, there_is_git};
use crate::lab::free_port;
use lockgate::adapters::git::Git;
use lockgate::ports::sources::{Credentials, Head, HeadQuery, Origin, Version};
use lockgate::ports::{Fault, PortError};
use std::path::Path;

/// A look at the branch `main`.
fn look(cache: &Path, url: &str, paths: &[&str], last: Option<&Version>) -> Result<Head, PortError> {
    Git::new(cache).head(url, "main", &query(url, paths, last, None))
}

fn query(url: &str, paths: &[&str], last: Option<&Version>, credentials: Option<Credentials>) -> HeadQuery {
    let origin = Origin::Git { url: url.into(), branch: "main".into() };
    let paths = paths.iter().map(|path| path.to_string()).collect();
    HeadQuery { origin, paths, ignore: Vec::new(), last: last.cloned(), credentials }
}

const HEADS: &str = "GET /app.git/info/refs";
const FETCH: &str = "POST /app.git/git-upload-pack";

#[test]
fn asks_for_heads_first_and_for_nothing_else_when_none_moved() {
    if !there_is_git() {
        return;
    }
    let work = Work::new();
    let first = work.commit("ann", &[("a", "1"), ("b/c", "2")]);
    let server = Server::start(work.root(), Manner::default());
    let (url, cache) = (server.url("app.git"), work.root().join("cache"));
    let head = look(&cache, &url, &[], None).expect("a head");
    assert_eq!(
        (head.version.id.as_str(), head.about.people.as_slice()),
        (first.as_str(), &["ann <ann@x.org>".to_string()][..])
    );
    assert!(server.asked().contains(&FETCH.to_string()));
    let git = Git::new(&cache);
    assert_eq!(git.known_branches(&url), ["main"], "an editor offers what is known");
    assert_eq!(git.known_branches(&server.url("other.git")), [""; 0]);
    assert!(server.asked().is_empty());
    let files = Git::new(&cache).open(&url, "main", None, &first).expect("files");
    assert_eq!(&*files.read("b/c").expect("a file"), b"2");
    assert!(server.asked().is_empty(), "what is in the cache is not asked for");
    let again = look(&cache, &url, &[], Some(&head.version)).expect("a head");
    assert_eq!(again.version, head.version);
    assert_eq!(server.asked(), [HEADS]);
    std::fs::remove_dir_all(&cache).expect("an emptied cache");
    assert_eq!(look(&cache, &url, &[], Some(&head.version)).expect("a head").version, head.version);
    assert_eq!(server.asked(), [HEADS], "an emptied cache is no reason to fetch");
}

#[test]
fn fetches_as_much_history_as_tells_who_took_part() {
    if !there_is_git() {
        return;
    }
    let work = Work::new();
    work.commit("old", &[("a", "0")]);
    work.commit("ann", &[("a", "1")]);
    let server = Server::start(work.root(), Manner::default());
    let (url, cache) = (server.url("app.git"), work.root().join("cache"));
    let head = look(&cache, &url, &[], None).expect("a head");
    for n in 0..60 {
        work.commit(["bob", "cid"][n % 2], &[("other", &n.to_string())]);
    }
    let counted = look(&cache, &url, &["a"], None).expect("a head");
    let same = look(&cache, &url, &["a"], Some(&Version { id: head.version.id.clone(), ..counted.version.clone() }));
    assert_eq!(same.expect("a head").version.id, head.version.id, "nothing that counts changed");
    let next = look(&cache, &url, &[], Some(&head.version)).expect("a head");
    // The committer of all is ann, whose commit was the last that counted.
    assert_eq!(next.about.people, ["ann <ann@x.org>", "bob <bob@x.org>", "cid <cid@x.org>"]);
    assert_eq!(next.about.note, None, "the history is deep enough to see that nothing was rewritten");
}

#[test]
fn a_force_push_is_noted_and_a_commit_that_disappeared_is_named() {
    if !there_is_git() {
        return;
    }
    let work = Work::new();
    work.commit("ann", &[("a", "0")]);
    let lost = work.commit("ann", &[("a", "1")]);
    let server = Server::start(work.root(), Manner::default());
    let (url, cache) = (server.url("app.git"), work.root().join("cache"));
    let head = look(&cache, &url, &[], None).expect("a head");
    work.back(1);
    let other = work.commit("bob", &[("a", "2")]);
    work.clean();
    let next = look(&cache, &url, &[], Some(&head.version)).expect("a head");
    assert_eq!(next.version.id, other);
    assert!(next.about.note.is_some_and(|note| note.starts_with("the branch `main` was rewritten")));
    Git::new(&cache).open(&url, "main", None, &lost).expect("our cache still has it");
    let error = Git::new(work.root().join("other")).open(&url, "main", None, &lost).map(|_| ()).expect_err("gone");
    assert_eq!(error.fault, Fault::NotFound);
    assert!(error.message.contains(&format!("no longer has the commit {}", &lost[..12])), "{error}");
}

#[test]
fn opens_older_commits_whether_the_server_gives_them_out_singly_or_not() {
    if !there_is_git() {
        return;
    }
    let work = Work::new();
    let older = work.commit("ann", &[("a", "1")]);
    work.commit("bob", &[("a", "2")]);
    let server = Server::start(work.root(), Manner::default());
    for (value, cache) in [("true", "one"), ("false", "two")] {
        work.configure("uploadpack.allowReachableSHA1InWant", value);
        let files =
            Git::new(work.root().join(cache)).open(&server.url("app.git"), "main", None, &older).expect("files");
        assert_eq!(&*files.read("a").expect("a file"), b"1", "with {value}");
    }
}

#[test]
fn credentials_are_shown_when_asked_for_and_never_in_words() {
    if !there_is_git() {
        return;
    }
    let work = Work::new();
    work.commit("ann", &[("a", "1")]);
    // me:hunter2
    let server = Server::start(work.root(), Manner { wants: Some("bWU6aHVudGVyMg=="), ..Manner::default() });
    let (url, git) = (server.url("app.git"), Git::new(work.root().join("cache")));
    let with = |password: &str| {
        let credentials = Credentials { username: "me".into(), password: password.into() };
        git.head(&url, "main", &query(&url, &[], None, Some(credentials)))
    };
    let error = look(&work.root().join("cache"), &url, &[], None).expect_err("no credentials");
    assert_eq!((error.fault, error.message.ends_with("wants credentials")), (Fault::Denied, true), "{error}");
    let error = with("wrong-one").expect_err("wrong");
    assert_eq!((error.fault, error.message.contains("refuses the credentials")), (Fault::Denied, true), "{error}");
    assert!(!format!("{error:?}").contains("wrong-one"));
    with("hunter2").expect("a head");
}

#[test]
fn what_is_not_there_is_named() {
    if !there_is_git() {
        return;
    }
    let work = Work::new();
    let server = Server::start(work.root(), Manner::default());
    let cache = work.root().join("cache");
    let error = look(&cache, &server.url("app.git"), &[], None).expect_err("empty");
    assert!(error.message.contains("is empty: it has no branch yet"), "{error}");
    let error = look(&cache, &server.url("nowhere.git"), &[], None).expect_err("missing");
    assert_eq!(
        (error.fault, error.message.starts_with("there is no git repository at")),
        (Fault::NotFound, true),
        "{error}"
    );
    work.commit("ann", &[("a", "1")]);
    let url = server.url("app.git");
    let error = Git::new(&cache).head(&url, "mian", &query(&url, &[], None, None)).expect_err("missing");
    assert_eq!(error.help.as_deref(), Some("did you mean `main`?"));
}

#[test]
fn servers_that_fail_are_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let fault = |url: &str| look(&dir.path().join("cache"), url, &[], None).expect_err("a failure");
    for (status, expected) in [
        ("403 Forbidden", Fault::Denied),
        ("404 Not Found", Fault::NotFound),
        ("500 Internal Server Error", Fault::Unavailable),
        ("200 OK", Fault::Unavailable),
    ] {
        let server = Server::start(dir.path(), Manner { fails: Some(status), ..Manner::default() });
        let error = fault(&server.url("app.git"));
        assert_eq!(error.fault, expected, "{status}: {error}");
    }
    let port = free_port();
    assert_eq!(fault(&format!("http://127.0.0.1:{port}/app.git")).fault, Fault::Unavailable);
    assert_eq!(fault("https://no-such-host.invalid/app.git").fault, Fault::Unavailable);
}

#[test]
fn several_may_share_a_cache() {
    if !there_is_git() {
        return;
    }
    let work = Work::new();
    let commit = work.commit("ann", &[("a", "1")]);
    let server = Server::start(work.root(), Manner::default());
    let (url, cache) = (server.url("app.git"), work.root().join("cache"));
    let fetches = || server.asked().iter().filter(|asked| *asked == FETCH).count();
    look(&work.root().join("alone"), &url, &["a"], None).expect("a head");
    let alone = fetches();
    std::thread::scope(|scope| {
        let looks: Vec<_> = (0..8).map(|_| scope.spawn(|| look(&cache, &url, &["a"], None))).collect();
        for one in looks {
            assert_eq!(one.join().expect("no panic").expect("a head").version.id, commit);
        }
    });
    assert_eq!(fetches(), alone, "one fetches for all");
    let damaged =
        std::fs::read_dir(&cache).expect("a cache").flatten().find(|entry| entry.path().is_dir()).expect("a place");
    std::fs::remove_file(damaged.path().join("HEAD")).expect("damage");
    assert_eq!(look(&cache, &url, &["a"], None).expect("made again").version.id, commit);
}
