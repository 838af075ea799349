//! What is believed of a file, and what is not.

use super::*;
use std::fs;
use std::time::{Duration, SystemTime};

fn open(dir: &Path, began: SystemTime) -> Seen {
    Seen::open(dir, dir.join("state/cache/seen"), began)
}

fn look(dir: &Path, began: SystemTime) -> Option<Digest> {
    let path = dir.join("file");
    let seen = open(dir, began);
    let stamp = Stamp::of(&path).expect("there");
    let known = seen.digest(&path, &stamp);
    seen.holds(&path, &stamp, Digest::of(fs::read(&path).expect("read")), known.is_none());
    seen.keep(None);
    known
}

#[test]
fn what_had_come_to_rest_is_known_and_what_had_not_is_not() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::create_dir(dir.path().join("state")).expect("a state");
    fs::write(dir.path().join("file"), "one").expect("a file");
    let now = SystemTime::now();
    assert_eq!(look(dir.path(), now), None, "never seen");
    assert_eq!(look(dir.path(), now), None, "touched just before the look");
    // A clock that was set back makes the file one of the future.
    assert_eq!(look(dir.path(), now - Duration::from_secs(3600)), None);
    let later = now + Duration::from_secs(1);
    assert_eq!(look(dir.path(), later), None, "it was not kept until it rested");
    assert_eq!(look(dir.path(), later), Some(Digest::of("one")));
    fs::write(dir.path().join("file"), "two").expect("a change of the same size");
    assert_eq!(look(dir.path(), later), None);
}

#[test]
fn nothing_is_kept_where_no_state_is_and_nothing_known_where_nothing_was_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("file"), "one").expect("a file");
    let later = SystemTime::now() + Duration::from_secs(1);
    assert_eq!(look(dir.path(), later), None);
    assert_eq!(look(dir.path(), later), None);
    assert!(!dir.path().join("state").exists());
    let blind = Seen::default();
    let stamp = Stamp::of(&dir.path().join("file")).expect("there");
    blind.holds(&dir.path().join("file"), &stamp, Digest::of("one"), true);
    blind.keep(None);
    assert_eq!(blind.digest(&dir.path().join("file"), &stamp), None);
}
