use super::*;
use crate::ports::Fault;
use crate::ports::files::{MemoryFiles, Mode};
use std::os::unix::fs::symlink;
use tempfile::TempDir;

fn workshop() -> (TempDir, FolderWorkshop) {
    let dir = tempfile::tempdir().expect("a folder");
    let workshop = FolderWorkshop::new(dir.path().join("state"));
    (dir, workshop)
}

fn names(folder: &Path) -> Vec<String> {
    let name = |e: io::Result<fs::DirEntry>| e.expect("an entry").file_name().to_string_lossy().into_owned();
    let mut names: Vec<_> = fs::read_dir(folder).expect("a folder").map(name).collect();
    names.sort();
    names
}

#[test]
fn a_folder_has_the_files_and_nothing_else() {
    let (_dir, workshop) = workshop();
    let mut files = MemoryFiles::default();
    files.add("a/run.sh", Mode::Executable, *b"#!").add("a/b/text", Mode::File, *b"x").add("ab", Mode::File, *b"y");
    let folder = workshop.files("verify.dev", &files, "").expect("files");
    assert_eq!(names(&folder), ["a", "ab"]);
    fs::write(folder.join("made"), "").expect("written");
    let folder = workshop.files("verify.dev", &files, "a").expect("files");
    assert_eq!((names(&folder), names(&folder.join("a"))), (vec!["a".into()], vec!["b".into(), "run.sh".into()]));
    let folder = workshop.files("verify.dev", &files, "a/b/text").expect("files");
    assert_eq!(names(&folder.join("a")), ["b"]);
    let folder = workshop.empty("verify.dev").expect("empty");
    assert!(names(&folder).is_empty());
    workshop.clear("verify.dev");
    assert!(!folder.exists());
    workshop.clear("verify.dev");
}

#[test]
fn what_a_program_made_unwritable_goes_too() {
    let (_dir, workshop) = workshop();
    let folder = workshop.empty("task").expect("empty");
    fs::create_dir_all(folder.join("cache/deep")).expect("made");
    fs::write(folder.join("cache/deep/file"), "").expect("written");
    for path in ["cache/deep", "cache"] {
        fs::set_permissions(folder.join(path), Permissions::from_mode(0o555)).expect("set");
    }
    let folder = workshop.empty("task").expect("empty");
    assert!(names(&folder).is_empty());
}

#[test]
fn every_name_has_a_folder_of_its_own() {
    let odd = ["", ".", "..", "a/b", "a-b", "a b", "a:b", "ä", ".a", "-a", "A", "a", "a.2", "a.x", "a\0b", "a\nb"];
    let long = "x".repeat(300);
    let all: Vec<String> = odd.iter().map(|s| s.to_string()).chain([long.clone(), format!("{long}y")]).collect();
    let folders: BTreeSet<String> = all.iter().map(|name| plain(name)).collect();
    assert_eq!(folders.len(), all.len(), "{folders:?}");
    for folder in &folders {
        assert!(folder.len() <= NAME_LIMIT && !folder.starts_with('.') && !folder.contains('/'), "{folder}");
    }
    assert_eq!(plain("deploy.dev.app"), "deploy.dev.app");
    assert_eq!(plain("a/b"), format!("a-b~{}", Digest::of("a/b").short()));
}

#[test]
fn logs_have_a_place_for_each_attempt() {
    let (dir, workshop) = workshop();
    let name = |step, attempt| workshop.log(7, step, attempt).1;
    assert_eq!(name("task.lint", 1), "7/task.lint.log");
    assert_eq!(name("task.lint", 2), "7/task.lint.2.log");
    assert_ne!(name("task.lint.2", 1), name("task.lint", 2));
    assert_eq!(workshop.log(7, "a", 1).0, dir.path().join("state/logs/7/a.log"));
}

fn told(text: impl AsRef<[u8]>) -> Result<Vec<(String, String)>, PortError> {
    let (_dir, workshop) = workshop();
    let path = workshop.lines("task").expect("a file");
    assert_eq!(fs::read(&path).expect("read"), b"");
    fs::write(&path, text).expect("written");
    let told = workshop.told(&path);
    assert!(!path.exists(), "it is dropped");
    told.map(|map| map.into_iter().collect())
}

#[test]
fn lines_are_read() {
    let pairs =
        |pairs: &[(&str, &str)]| Ok(pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect::<Vec<_>>());
    assert_eq!(told(""), pairs(&[]));
    assert_eq!(
        told("a=1\n\nb-2= x=y \r\n_c=\nd=end"),
        pairs(&[("_c", ""), ("a", "1"), ("b-2", " x=y "), ("d", "end")])
    );
    assert_eq!(told("a=1\na=2\n"), pairs(&[("a", "2")]));
    let wrong = ["a", "=1", "a b=1", " a=1", "1a=1", "ä=1", "a=\u{1b}[31m"];
    for line in wrong {
        let error = told(format!("ok=1\n{line}\n")).expect_err(line);
        assert_eq!(error.message, "line 2 of what it told in LOCKGATE_OUTPUT is not `NAME=value`");
    }
    assert_eq!(
        told(b"a=1\nb=\xff\n").expect_err("no text").message,
        "line 2 of what it told in LOCKGATE_OUTPUT is no text in UTF-8"
    );
    assert_eq!(told(format!("a={}", "x".repeat(65_536))).expect_err("too much").fault, Fault::Limit);
}

#[test]
fn lines_stay_beside_a_folder_that_is_made_anew() {
    let (_dir, workshop) = workshop();
    let lines = workshop.lines("task").expect("a file");
    fs::write(&lines, "a=1").expect("written");
    let folder = workshop.empty("task").expect("empty");
    assert_eq!(workshop.told(&lines).expect("told").len(), 1);
    assert!(folder.is_dir());
}

#[test]
fn outputs_are_kept_by_what_they_hold() {
    let (dir, workshop) = workshop();
    let folder = workshop.empty("task").expect("empty");
    let write = |name: &str, content: &str, mode| {
        let path = folder.join(name);
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
        path
    };
    let (a, b, program) = (write("a", "same", 0o644), write("b", "same", 0o600), write("c", "same", 0o755));
    let (digest, kept) = workshop.keep(&a).expect("kept");
    assert_eq!(digest, Digest::of("same"));
    let hex = digest.hex();
    assert_eq!(kept, dir.path().join("state/outputs").join(&hex[..2]).join(&hex));
    assert_eq!(workshop.keep(&b).expect("kept"), (digest, kept.clone()));
    let (_, runs) = workshop.keep(&program).expect("kept");
    assert!(runs != kept && runs.metadata().expect("there").permissions().mode() & 0o100 != 0);
    workshop.clear("task");
    assert_eq!(workshop.digest(&kept), Ok(digest));
    // What was damaged meanwhile is put right.
    fs::write(&kept, "other").expect("written");
    let again = workshop.empty("task").expect("empty").join("a");
    fs::write(&again, "same").expect("written");
    workshop.keep(&again).expect("kept");
    assert_eq!(workshop.digest(&kept), Ok(digest));
    assert_eq!(names(&dir.path().join("state/outputs")), [&hex[..2]], "nothing is left beside");
}

#[test]
fn what_is_no_file_is_said_to_be_none() {
    let (dir, workshop) = workshop();
    let folder = workshop.empty("task").expect("empty");
    assert_eq!(workshop.digest(&folder.join("none")).expect_err("missing").fault, Fault::NotFound);
    assert!(workshop.keep(&folder).expect_err("a folder").message.ends_with("it is a folder"));
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    assert!(workshop.digest(&pipe).expect_err("a pipe").message.ends_with("it is no file"));
    assert_eq!(workshop.changed(&[(pipe, Digest::of("")), (folder, Digest::of(""))]), BTreeSet::from([0, 1]));
}

#[test]
fn changed_files_are_found() {
    let (dir, workshop) = workshop();
    let path = |n: usize| dir.path().join(format!("f{n}"));
    let mut files = Vec::new();
    for n in 0..300 {
        let content = format!("content {n}").repeat(n);
        fs::write(path(n), &content).expect("written");
        files.push((path(n), Digest::of(&content)));
    }
    assert!(workshop.changed(&files).is_empty());
    assert!(workshop.changed(&[]).is_empty());
    fs::write(path(7), "x").expect("written");
    fs::remove_file(path(299)).expect("removed");
    fs::remove_file(path(150)).expect("removed");
    symlink(path(149), path(150)).expect("linked");
    assert_eq!(workshop.changed(&files), BTreeSet::from([7, 150, 299]));
    files.truncate(8);
    assert_eq!(workshop.changed(&files), BTreeSet::from([7]));
}
