use super::*;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

/// A folder with those files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (path, content) in files {
        let full = dir.path().join(path);
        std::fs::create_dir_all(full.parent().expect("a parent")).expect("folders");
        std::fs::write(full, content).expect("a file");
    }
    dir
}

fn look(dir: &Path, paths: &[&str], ignore: &[&str]) -> Result<(Head, Arc<FolderFiles>), PortError> {
    let own = |globs: &[&str]| globs.iter().map(|s| s.to_string()).collect::<Vec<_>>();
    Folder::new(dir, Filter::new(&own(paths), &own(ignore)).expect("globs")).look()
}

fn paths(files: &FolderFiles) -> Vec<String> {
    files.list().expect("a listing").entries.iter().map(|entry| entry.path.to_string()).collect()
}

#[test]
fn the_version_is_that_of_content_names_and_modes() {
    let dir = folder(&[("a", "1"), ("b/c", "2")]);
    let version = || look(dir.path(), &[], &[]).expect("a version").0.version;
    let first = version();
    std::fs::write(dir.path().join("a"), "1").expect("written again");
    assert_eq!(version(), first, "writing the same changes nothing");
    std::fs::set_permissions(dir.path().join("a"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let executable = version();
    assert_ne!(executable, first);
    std::fs::rename(dir.path().join("a"), dir.path().join("z")).expect("a name");
    assert_ne!(version(), executable);
    assert_eq!(first.id, first.content.to_string());
}

#[test]
fn ignores_like_git_outside_of_a_repository() {
    let files =
        [(".gitignore", "*.log\n/out/\n"), ("a.log", ""), ("out/x", ""), ("sub/.gitignore", "!keep.log\ntmp\n")];
    let more = [("sub/keep.log", ""), ("sub/tmp/x", ""), ("sub/out/x", ""), (".hidden", ""), (".lockgate/state", "")];
    let dir = folder(&[&files[..], &more[..]].concat());
    let (_, files) = look(dir.path(), &[], &[]).expect("a look");
    assert_eq!(paths(&files), [".gitignore", ".hidden", "sub/.gitignore", "sub/keep.log", "sub/out/x"]);
    let whole = Folder::whole(dir.path()).look().expect("a look").1;
    assert_eq!(whole.listing.entries.len(), 8, "everything but our own state");
}

#[test]
fn ignores_like_git_inside_of_a_repository() {
    let files =
        [(".git/HEAD", "ref: refs/heads/main\n"), (".git/info/exclude", "private\n"), (".gitignore", "*.log\n")];
    let more = [("app/a.log", ""), ("app/private", ""), ("app/main.rs", ""), ("private", "")];
    let dir = folder(&[&files[..], &more[..]].concat());
    let (_, root) = look(dir.path(), &[], &[]).expect("a look");
    assert_eq!(paths(&root), [".gitignore", "app/main.rs"]);
    let (_, app) = look(&dir.path().join("app"), &[], &[]).expect("a look");
    assert_eq!(paths(&app), ["main.rs"], "the repository's ignore files count in its folders");
}

#[test]
fn globs_decide_before_anything_is_read() {
    let dir = folder(&[("mi/values-dev.yaml", "a"), ("mi/values-prod.yaml", "b"), ("other/big", "c"), ("mi/x.md", "")]);
    let odd = std::ffi::OsStr::from_bytes(b"\xff");
    std::fs::write(dir.path().join("other").join(odd), "").expect("an odd name");
    let (head, files) = look(dir.path(), &["mi/*"], &["**/*.md"]).expect("what is left aside is not even looked at");
    assert_eq!(paths(&files), ["mi/values-dev.yaml", "mi/values-prod.yaml"]);
    std::fs::write(dir.path().join("other/big"), "changed").expect("a change elsewhere");
    assert_eq!(look(dir.path(), &["mi/*"], &["**/*.md"]).expect("a look").0, head);
}

#[test]
fn names_that_are_not_utf_8_are_refused() {
    let dir = folder(&[("ok", "")]);
    std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "").expect("an odd name");
    let error = look(dir.path(), &[], &[]).expect_err("odd");
    assert_eq!(error.fault, Fault::Invalid);
    assert!(error.message.contains(r"its bytes are `caf\xe9`"), "{error}");
}

#[test]
fn links_are_kept_as_links_even_in_a_loop() {
    let dir = folder(&[("a", "1")]);
    symlink("a", dir.path().join("link")).expect("a link");
    symlink("..", dir.path().join("loop")).expect("a link");
    symlink("nowhere", dir.path().join("dangling")).expect("a link");
    let (_, files) = look(dir.path(), &[], &[]).expect("a look");
    assert_eq!(paths(&files), ["a", "dangling", "link", "loop"]);
    assert_eq!(&*files.read("link").expect("a target"), b"a");
    assert_eq!(files.list().expect("a listing").get("loop").map(|entry| entry.mode), Some(Mode::Link));
}

#[test]
fn what_is_no_file_is_left_out_with_a_note() {
    let dir = folder(&[("a", "1")]);
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s.sock")).expect("a socket");
    let pipe = rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("p"), rustix::fs::FileType::Fifo, 0o600.into(), 0);
    pipe.expect("a named pipe");
    let (head, files) = look(dir.path(), &[], &[]).expect("a look");
    assert_eq!(paths(&files), ["a"]);
    assert_eq!(head.about.note.as_deref(), Some("left out: `p`, a named pipe, `s.sock`, a socket"));
}

#[test]
fn opening_says_what_changed() {
    let dir = folder(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let (head, files) = look(dir.path(), &[], &[]).expect("a look");
    let then = files.list().expect("a listing");
    let open = |then| Folder::new(dir.path(), Filter::default()).open(&head.version, then).map(|_| ());
    assert_eq!(open(None), Ok(()));
    std::fs::write(dir.path().join("a"), "other").expect("a change");
    std::fs::remove_file(dir.path().join("b")).expect("a removal");
    std::fs::write(dir.path().join("d"), "new").expect("an addition");
    let error = open(Some(&then)).expect_err("moved");
    assert_eq!(error.fault, Fault::Moved);
    assert!(error.message.ends_with("no longer as it was: `a` changed, `b` is gone, `d` is new"), "{error}");
    let error = open(None).expect_err("moved");
    assert_eq!(error.fault, Fault::Moved);
    assert!(error.help.is_some_and(|help| help.contains("newest file")));
    for (path, fault) in [("a", Fault::Moved), ("b", Fault::Moved), ("d", Fault::NotFound)] {
        assert_eq!(files.read(path).expect_err("moved").fault, fault, "{path}");
    }
    assert_eq!(&*files.read("c").expect("still there"), b"3");
}

#[test]
fn a_folder_that_cannot_be_looked_at_is_an_error() {
    let dir = folder(&[("file", "")]);
    let fault = |path: &str| look(&dir.path().join(path), &[], &[]).expect_err("no folder").fault;
    assert_eq!(fault("nowhere"), Fault::NotFound);
    assert_eq!(fault("file"), Fault::Invalid);
    symlink("self", dir.path().join("self")).expect("a loop");
    assert_eq!(fault("self"), Fault::Invalid);
    std::fs::set_permissions(dir.path().join("file"), std::fs::Permissions::from_mode(0o000)).expect("a mode");
    if std::fs::File::open(dir.path().join("file")).is_ok() {
        eprintln!("left out: whoever runs this test may read everything");
        return;
    }
    let error = look(dir.path(), &[], &[]).expect_err("unreadable");
    assert_eq!((error.fault, error.message.contains("`file` may not be read")), (Fault::Denied, true));
}

#[test]
fn the_root_may_be_a_link_to_a_folder() {
    let dir = folder(&[("real/a", "1")]);
    symlink("real", dir.path().join("link")).expect("a link");
    let (head, files) = look(&dir.path().join("link"), &[], &[]).expect("a look");
    assert_eq!(paths(&files), ["a"]);
    assert_eq!(head, look(&dir.path().join("real"), &[], &[]).expect("a look").0);
}

#[test]
fn large_files_are_read_whole() {
    let content = "0123456789abcdef".repeat(20_000);
    let dir = folder(&[("big", &content)]);
    let (_, files) = look(dir.path(), &[], &[]).expect("a look");
    let listing = files.list().expect("a listing");
    let entry = listing.get("big").expect("an entry");
    assert_eq!((entry.size, entry.digest), (content.len() as u64, Digest::of(&content)));
}
