//! Which programs have begun, for after a crash.
//!
//! A file beside the journal gets a line right before a program starts. Nobody waits until that is on the disk: what was handed
//! to the kernel outlives this process, and that is what the file is for. It does not outlive the machine, and so it counts for
//! nothing when that has started anew (`/proc/sys/kernel/random/boot_id`), or when the file is not the one that was written
//! (a copy of the folder has another inode).
//!
//! The first line names the start of the machine and the inode. `run NUMBER SINCE` stands before the first program of a run, and
//! `NUMBER ATTEMPT STEP` for each of its programs. A run that does not stand in it is not known of.

use crate::ports::shell::{Begun, Mark, RunMark};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the first line begins with.
const FORM: &str = "lockgate-begun 1";
/// Where Linux tells one start of the machine from another.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// The file. Several may write to it at once: those of one process that were made before and after an edit of a pipeline.
pub(super) struct Notes {
    path: PathBuf,
    writes: Mutex<Writes>,
}

#[derive(Default)]
enum Writes {
    /// No program has begun.
    #[default]
    Nothing,
    Into(File, Vec<RunMark>),
    /// It cannot be written to. Nothing stands in it of the runs that go on, so that nothing is known of them.
    NoMore,
}

impl Notes {
    /// Notes in the file of that path. Nothing is made before a program begins.
    pub fn at(path: PathBuf) -> Notes {
        Notes { path, writes: Mutex::default() }
    }

    /// Notes that a program begins. Where that cannot be noted, it is taken of all programs of its run that they may have begun.
    /// An error where not even that is possible.
    pub fn note(&self, mark: &Mark) -> Result<(), PortError> {
        let mut writes = self.writes.lock();
        if let Writes::Nothing = *writes {
            *writes = open(&self.path).map_or(Writes::NoMore, |file| Writes::Into(file, Vec::new()));
        }
        let Writes::Into(file, runs) = &mut *writes else { return Ok(()) };
        if write(file, runs, mark).is_err() {
            // Half a line would hide the next one.
            file.set_len(0).map_err(|e| {
                let path = self.path.display();
                PortError::new(Fault::Unavailable, format!("{path}: it cannot be noted that a program begins: {e}"))
            })?;
            *writes = Writes::NoMore;
        }
        Ok(())
    }

    /// Nobody asks for any run any more.
    pub fn forget(&self) {
        if let Writes::Into(..) = std::mem::take(&mut *self.writes.lock()) {
            // One that stays is of runs that nobody asks for.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// What has begun of a run; nothing where that is not known for certain.
    pub fn of(&self, run: RunMark) -> Option<Begun> {
        let file = File::open(&self.path).ok()?;
        let text = io::read_to_string(&file).ok()?;
        let mut lines = text.lines();
        if lines.next()? != head(&file).ok()? {
            return None;
        }
        let declared = format!("run {} {}", run.number, run.since);
        let mut lines = lines.skip_while(|line| *line != declared);
        lines.next()?;
        let begun = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let number: u64 = words.next()?.parse().ok()?;
            let attempt = words.next()?.parse().ok()?;
            let step: Arc<str> = words.next()?.into();
            (number == run.number).then_some((step, attempt))
        };
        Some(lines.filter_map(begun).collect())
    }
}

/// Writes a line for a program that begins, and one before it for a run of which none stands there yet.
fn write(file: &mut File, runs: &mut Vec<RunMark>, mark: &Mark) -> io::Result<()> {
    let Mark { run: RunMark { number, since }, step, attempt } = mark;
    let mut lines = String::new();
    let is_new = !runs.contains(&mark.run);
    if is_new {
        lines = format!("run {number} {since}\n");
    }
    lines.push_str(&format!("{number} {attempt} {step}\n"));
    file.write_all(lines.as_bytes())?;
    runs.extend(is_new.then_some(mark.run));
    Ok(())
}

/// The first line of a file.
fn head(file: &File) -> io::Result<String> {
    Ok(format!("{FORM} {} {}", std::fs::read_to_string(BOOT)?.trim(), file.metadata()?.ino()))
}

/// The file, to write behind what is there; one of another start of the machine, or that is no such file, begins anew.
fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = File::options().read(true).append(true).create(true).open(path)?;
    // Where starts of the machine cannot be told from each other, the line is nobody's.
    let head = format!("{}\n", head(&file).unwrap_or_default());
    let mut has = Vec::new();
    (&file).take(head.len() as u64).read_to_end(&mut has)?;
    if has != head.as_bytes() {
        file.set_len(0)?;
        file.write_all(head.as_bytes())?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(run: u64, step: &str, attempt: u32) -> Mark {
        Mark { run: of(run), step: step.into(), attempt }
    }

    fn of(number: u64) -> RunMark {
        RunMark { number, since: 1000 + number as i64 }
    }

    fn begun(all: &[(&str, u32)]) -> Option<Begun> {
        Some(all.iter().map(|(step, attempt)| (Arc::from(*step), *attempt)).collect())
    }

    #[test]
    fn what_has_begun_is_known_to_the_next_process() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state/begun");
        let notes = Notes::at(path.clone());
        assert_eq!(notes.of(of(1)), None, "nothing is there");
        for mark in [mark(1, "task.a", 1), mark(2, "task.b", 1), mark(1, "task.a", 2), mark(1, "task.c d", 1)] {
            notes.note(&mark).expect("noted");
        }
        let next = Notes::at(path);
        assert_eq!(next.of(of(1)), begun(&[("task.a", 1), ("task.a", 2), ("task.c d", 1)]));
        assert_eq!(next.of(of(2)), begun(&[("task.b", 1)]));
        assert_eq!(next.of(of(3)), None, "nobody knows of that run");
        assert_eq!(next.of(RunMark { number: 1, since: 7 }), None, "a run of another history");
        // Both write: an edit of the pipeline came while runs went on.
        next.note(&mark(3, "task.a", 1)).expect("noted");
        notes.note(&mark(2, "task.d", 1)).expect("noted");
        assert_eq!(next.of(of(2)), begun(&[("task.b", 1), ("task.d", 1)]));
        assert_eq!(next.of(of(3)), begun(&[("task.a", 1)]));
    }

    #[test]
    fn nothing_is_left_when_nobody_asks() {
        let dir = tempfile::tempdir().expect("a folder");
        let notes = Notes::at(dir.path().join("begun"));
        notes.forget();
        notes.note(&mark(1, "task.a", 1)).expect("noted");
        notes.forget();
        assert!(!notes.path.exists());
        notes.note(&mark(2, "task.a", 1)).expect("noted");
        assert_eq!((notes.of(of(1)), notes.of(of(2))), (None, begun(&[("task.a", 1)])));
    }

    #[test]
    fn what_is_not_of_this_start_of_the_machine_or_not_the_same_file_counts_for_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("begun");
        Notes::at(path.clone()).note(&mark(1, "task.a", 1)).expect("noted");
        let notes = Notes::at(path.clone());
        assert_eq!(notes.of(of(1)), begun(&[("task.a", 1)]));
        let copy = dir.path().join("copy");
        std::fs::copy(&path, &copy).expect("a copy");
        assert_eq!(Notes::at(copy).of(of(1)), None, "a copy");
        let text = std::fs::read_to_string(&path).expect("lines");
        let boot = std::fs::read_to_string(BOOT).expect("a start");
        let before = text.replace(boot.trim(), "00000000-0000-0000-0000-000000000000");
        std::fs::write(&path, before).expect("written");
        assert_eq!(notes.of(of(1)), None, "before the machine started");
        std::fs::write(&path, b"\xff").expect("written");
        assert_eq!(notes.of(of(1)), None, "no text");
        notes.note(&mark(2, "task.a", 1)).expect("noted");
        assert_eq!(notes.of(of(2)), begun(&[("task.a", 1)]), "it begins anew");
    }

    #[test]
    fn nothing_is_known_where_it_cannot_be_noted() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("begun");
        std::fs::create_dir(&path).expect("in the way");
        let notes = Notes::at(path.clone());
        notes.note(&mark(1, "task.a", 1)).expect("it may begin");
        std::fs::remove_dir(&path).expect("gone");
        notes.note(&mark(1, "task.b", 1)).expect("it may begin");
        assert_eq!(notes.of(of(1)), None, "not the half of it");
        notes.forget();
        notes.note(&mark(2, "task.a", 1)).expect("noted");
        assert_eq!(notes.of(of(2)), begun(&[("task.a", 1)]));
    }

    #[test]
    fn a_program_does_not_begin_where_half_a_line_may_stand() {
        let full = File::options().append(true).open("/dev/full").expect("a device");
        let notes = Notes { path: "/dev/full".into(), writes: Mutex::new(Writes::Into(full, vec![of(1)])) };
        let error = notes.note(&mark(1, "task.a", 1)).expect_err("a device cannot be made empty");
        assert!(error.message.starts_with("/dev/full: it cannot be noted that a program begins"), "{error}");
    }
}
