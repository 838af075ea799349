//! The workshop.

use crate::adapters::fake::FakeWorld;
use crate::adapters::workshop::FolderWorkshop;
use crate::digest::Digest;
use crate::ports::Fault;
use crate::ports::files::{MemoryFiles, Mode};
use crate::ports::workshop::Workshop;
use std::collections::BTreeSet;
use std::path::Path;

/// `write` writes a file as a program would.
fn keeps_its_promises(workshop: &dyn Workshop, write: &dyn Fn(&Path, &str)) {
    let mut files = MemoryFiles::default();
    files.add("tests/run", Mode::File, *b"run").add("tests/lib/a", Mode::File, *b"a").add("app", Mode::File, *b"app");
    let is = |path: &Path, content: &str| workshop.digest(path) == Ok(Digest::of(content));

    let folder = workshop.files("verify", &files, "").expect("files");
    assert!(is(&folder.join("app"), "app") && is(&folder.join("tests/lib/a"), "a"));
    write(&folder.join("made"), "made");
    let folder = workshop.files("verify", &files, "tests/").expect("files");
    assert!(is(&folder.join("tests/run"), "run"), "paths stay as they are");
    for gone in ["app", "made"] {
        assert_eq!(workshop.digest(&folder.join(gone)).expect_err(gone).fault, Fault::NotFound);
    }

    let folder = workshop.empty("task").expect("a folder");
    let other = workshop.empty("task.2").expect("a folder");
    assert_ne!(folder, other);
    write(&folder.join("out"), "out");
    write(&other.join("out"), "other");
    let (digest, kept) = workshop.keep(&folder.join("out")).expect("kept");
    assert_eq!(digest, Digest::of("out"));
    assert_eq!(workshop.keep(&folder.join("out")), Ok((digest, kept.clone())));
    assert_eq!(workshop.reveals(&folder.join("out"), &["not in there".into()]), Ok(false));
    assert_eq!(workshop.reveals(&folder.join("none"), &["anything".into()]), Ok(false));
    assert_eq!(workshop.keep(&folder.join("none")).expect_err("missing").fault, Fault::NotFound);
    workshop.clear("task");
    workshop.clear("task");
    assert!(is(&kept, "out") && is(&other.join("out"), "other"));
    assert!(workshop.digest(&folder.join("out")).is_err());

    let all = [(kept, digest), (other.join("out"), Digest::of("other")), (folder.join("out"), digest)];
    assert_eq!(workshop.changed(&all), BTreeSet::from([2]));
    write(&other.join("out"), "changed");
    assert_eq!(workshop.changed(&all), BTreeSet::from([1, 2]));

    let lines = workshop.lines("task").expect("a file");
    assert!(is(&lines, ""));
    write(&lines, "a=1\nb=x=y\na=2\n");
    let told = workshop.told(&lines).expect("told");
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [("a".into(), "2".into()), ("b".into(), "x=y".into())]);
    assert_eq!(workshop.told(&lines).expect_err("it is dropped").fault, Fault::NotFound);
    let lines = workshop.lines("task").expect("a file");
    write(&lines, "nothing of the kind\n");
    assert_eq!(workshop.told(&lines).expect_err("malformed").fault, Fault::Invalid);

    let logs: BTreeSet<_> = [(1, "a", 1), (1, "a", 2), (2, "a", 1), (1, "a.2", 1), (1, "a/b", 1)]
        .map(|(r, s, n)| workshop.log(r, s, n))
        .into();
    assert_eq!(logs.len(), 5);
    assert!(logs.iter().all(|(path, name)| path.ends_with(name)));
}

#[test]
fn of_a_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |path: &Path, content: &str| std::fs::write(path, content).expect("written");
    keeps_its_promises(&FolderWorkshop::new(dir.path()), &write);
}

#[test]
fn of_the_fake() {
    let world = FakeWorld::new("/nowhere");
    keeps_its_promises(&*world.workshop, &|path, content| world.workshop.write(path, content));
}
