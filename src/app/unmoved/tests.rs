//! What is said again is what would be said anew, whatever happens to the files in between.

use super::*;
use crate::app::{ApplyOptions, Failure};
use crate::report::{Style, plan};
use proptest::prelude::*;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::Duration;

const PIPELINE: &str = r#"lockgate 1
pipeline p {
    source src {
        folder "."
        paths "src/**"
    }
    task a {
        in src
        input "src/a"
        output out "out/a"
        run cp "src/a" "out/a"
    }
    task b {
        in src
        input "src/**"
        input "{a.out}"
        output out "out/b"
        run cp "out/a" "out/b"
        timeout "5m"
    }
}
"#;

struct Folder {
    dir: tempfile::TempDir,
    settings: Settings,
}

impl Folder {
    fn new() -> Folder {
        let dir = tempfile::tempdir().expect("a folder");
        let settings = Settings { path: Some(dir.path().join("lockgate.kdl")), ..Settings::default() };
        let folder = Folder { dir, settings };
        folder.write("lockgate.kdl", PIPELINE);
        fs::create_dir(folder.at("src")).expect("a folder");
        folder.write("src/a", "a1");
        folder.write("src/b", "b1");
        std::os::unix::fs::symlink("a", folder.at("src/l")).expect("a link");
        folder
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.at(path), text).expect("written");
    }

    /// As `lockgate plan` does it; whether it was said again.
    fn said(&self) -> (String, bool) {
        match said(&self.settings, "x") {
            Some(said) => (said, true),
            None => (self.looked(true).unwrap_or_else(|failure| words(&failure)), false),
        }
    }

    fn looked(&self, remembers: bool) -> Result<String, Failure> {
        let session = Session::open(&self.settings)?;
        let state = session.state()?;
        let made = session.plan_of(&state, &[])?;
        let text = plan::text(&made, &state.memory, Style::default());
        if remembers {
            session.remember(&made, state.number, &self.settings, "x", &text);
        }
        Ok(text)
    }

    /// With everything read.
    fn anew(&self) -> String {
        let file = file(&self.at(".lockgate"));
        let kept = fs::read(&file).ok();
        drop(fs::remove_file(&file));
        let text = self.looked(false).unwrap_or_else(|failure| words(&failure));
        kept.iter().for_each(|kept| fs::write(&file, kept).expect("put back"));
        text
    }

    fn apply(&self) {
        let Ok(session) = Session::open(&self.settings) else { return };
        let (_sender, mut stop) = tokio::sync::mpsc::unbounded_channel();
        let options =
            ApplyOptions { rerun: Vec::new(), watch: &mut |_, _| {}, consent: &mut |_, _| true, calls: &mut stop };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        drop(runtime.block_on(session.apply(options)));
    }

    /// Waits until what was touched has come to rest.
    fn rest(&self) {
        std::thread::sleep(Duration::from_millis(45));
    }
}

fn words(failure: &Failure) -> String {
    failure.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("\n")
}

/// Sets the time of the content back to what it was, as careful copying programs do.
fn set_back(path: &Path, to: &fs::Metadata) {
    let time = Timespec { tv_sec: to.mtime(), tv_nsec: to.mtime_nsec() as _ };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::empty()).expect("a time");
}

#[test]
fn nothing_to_do_is_said_again_until_something_moves() {
    let folder = Folder::new();
    folder.apply();
    folder.rest();
    let (first, again) = folder.said();
    assert!(!again && first.ends_with("Nothing to do.\n"), "{first}");
    assert_eq!(folder.said(), (first.clone(), true));
    assert_eq!(said(&folder.settings, "y"), None, "another look is another question");

    let before = fs::metadata(folder.at("src/a")).expect("there");
    folder.write("src/a", "a2");
    set_back(&folder.at("src/a"), &before);
    let (changed, again) = folder.said();
    assert!(!again && changed.contains("task.a"), "{changed}");

    folder.write("src/a", "a1");
    assert_eq!(folder.said(), (first.clone(), false), "the content is what it was");
    folder.rest();
    assert_eq!(folder.said().0, first);
    assert_eq!(folder.said(), (first, true));
}

#[test]
fn a_damaged_file_is_none() {
    let folder = Folder::new();
    folder.apply();
    folder.rest();
    folder.said();
    let file = file(&folder.at(".lockgate"));
    let mut bytes = fs::read(&file).expect("kept");
    let last = bytes.len() - 1;
    for at in [0, 40, last] {
        bytes[at] ^= 1;
        fs::write(&file, &bytes).expect("written");
        assert_eq!(said(&folder.settings, "x"), None);
        bytes[at] ^= 1;
    }
    fs::write(&file, &bytes[..last]).expect("written");
    assert_eq!(said(&folder.settings, "x"), None);
    fs::write(&file, &bytes).expect("written");
    assert!(said(&folder.settings, "x").is_some());
}

#[test]
fn where_there_is_no_state_none_is_made() {
    let folder = Folder::new();
    folder.rest();
    folder.said();
    assert!(!folder.at(".lockgate").exists());
}

fn edit(folder: &Folder, what: u8, other: bool) {
    let (a, b) = (folder.at("src/a"), folder.at("src/b"));
    let one_of = |one: &'static str, two: &'static str| if other { two } else { one };
    match what {
        0 => drop(fs::write(&a, one_of("a1", "a2"))),
        1 => drop(fs::write(&b, one_of("b1", "b2"))),
        2 => {
            let before = fs::metadata(&a);
            drop(fs::write(&a, one_of("a1", "a3")));
            before.iter().for_each(|before| set_back(&a, before));
        }
        3 => drop(fs::write(folder.at("src/c"), one_of("c1", "c2"))),
        4 => drop(fs::remove_file(folder.at("src/c"))),
        5 => drop(fs::rename(&b, folder.at("src/d")).or_else(|_| fs::rename(folder.at("src/d"), &b))),
        6 => drop(fs::write(folder.at("src/.gitignore"), one_of("/c\n", "/d\n"))),
        7 => drop(fs::set_permissions(&a, fs::Permissions::from_mode(if other { 0o755 } else { 0o644 }))),
        8 => {
            drop(fs::remove_file(folder.at("src/l")));
            drop(std::os::unix::fs::symlink(one_of("a", "b"), folder.at("src/l")));
        }
        9 => drop(fs::write(folder.at("out/a"), one_of("a1", "a4"))),
        10 => folder.write("lockgate.kdl", &PIPELINE.replace("5m", one_of("5m", "6m"))),
        11 => drop(fs::remove_file(folder.at("out/b"))),
        12 => {
            drop(fs::write(folder.at("src/new"), one_of("a1", "a5")));
            if let Ok(before) = fs::metadata(&a) {
                set_back(&folder.at("src/new"), &before);
            }
            drop(fs::rename(folder.at("src/new"), &a));
        }
        13 => {
            drop(fs::create_dir_all(folder.at("src/deep/er")).and_then(|()| fs::write(folder.at("src/deep/er/f"), "f")))
        }
        14 => drop(fs::remove_dir_all(folder.at("src/deep"))),
        15 => drop(fs::write(folder.at(".gitignore"), one_of("src/b\n", "\n"))),
        16 => drop(fs::create_dir(folder.at(".git")).or_else(|_| fs::remove_dir(folder.at(".git")))),
        _ => folder.apply(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn said_again_is_said_anew(edits in proptest::collection::vec((0u8..20, any::<bool>(), any::<bool>()), 1..10)) {
        let folder = Folder::new();
        folder.apply();
        folder.rest();
        folder.said();
        for (what, other, rests) in edits {
            edit(&folder, what, other);
            if rests {
                folder.rest();
            }
            let anew = folder.anew();
            prop_assert_eq!(&folder.said().0, &anew, "after {}", what);
            prop_assert_eq!(&folder.said().0, &anew, "again after {}", what);
        }
    }
}
