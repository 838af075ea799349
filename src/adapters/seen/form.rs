//! The file: a digest, a head, and a row for everything that was looked at.

use super::Stamp;
use crate::digest::Digest;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The version of the form. Another one is not read.
const FORM: u32 = 1;

/// The most that is read of it, in bytes: rows for some millions of files.
const LIMIT: u64 = 512 << 20;

/// What is asked: all that an answer depends on besides files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The question, as whoever asks puts it.
    pub question: Vec<String>,
    /// The journal's last row: its number and hash.
    pub journal: (u64, Digest),
    /// The program that answers, and for whom it reads.
    program: Option<Stamp>,
    user: u32,
}

impl Asked {
    /// A question of this program, at that state of the journal.
    pub fn new(question: Vec<String>, journal: (u64, Digest)) -> Asked {
        let program = std::env::current_exe().ok().and_then(|path| Stamp::of(&path));
        Asked { question, journal, program, user: rustix::process::geteuid().as_raw() }
    }
}

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The question.
    pub asked: Asked,
    /// The answer.
    pub said: String,
}

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    form: u32,
    /// Where paths begin.
    root: &'a [u8],
    answer: Option<Answer>,
}

/// How a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Way {
    /// Through links.
    Through,
    /// To the thing itself.
    Itself,
}

/// Something that was looked at.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row<'a> {
    /// The path, below the root or absolute.
    pub path: &'a [u8],
    pub way: Way,
    /// None where nothing is.
    pub stamp: Option<Stamp>,
    /// What it holds, where that was read.
    pub digest: Option<Digest>,
}

impl Row<'_> {
    pub fn write(&self, into: &mut Vec<u8>) {
        // Writing to memory does not fail.
        let _ = postcard::to_io(self, into);
    }
}

/// The bytes of the file.
pub(super) fn bytes(root: &Path, answer: Option<&Answer>, rows: &[u8]) -> Vec<u8> {
    let head = Head { form: FORM, root: root.as_os_str().as_bytes(), answer: answer.cloned() };
    let mut bytes = vec![0; 32];
    let _ = postcard::to_io(&head, &mut bytes);
    bytes.extend_from_slice(rows);
    let digest = Digest::of(bytes.get(32..).unwrap_or_default());
    bytes.splice(..32, digest.0);
    bytes
}

/// The head, and the rows behind it, of a file that is as it was written.
fn open(bytes: &[u8]) -> Option<(Head<'_>, &[u8])> {
    let (digest, rest) = bytes.split_first_chunk::<32>()?;
    if Digest::of(rest).0 != *digest {
        return None;
    }
    let (head, rows) = postcard::take_from_bytes::<Head<'_>>(rest).ok()?;
    (head.form == FORM).then_some((head, rows))
}

fn read(file: &Path) -> Option<Vec<u8>> {
    let size = file.metadata().ok()?.len();
    (size <= LIMIT).then(|| std::fs::read(file).ok()).flatten()
}

/// Goes through the rows as long as `each` says so; true when it came to the end of them.
fn each_row<'a>(mut rows: &'a [u8], mut each: impl FnMut(Row<'a>) -> bool) -> bool {
    while !rows.is_empty() {
        let Ok((row, rest)) = postcard::take_from_bytes::<Row<'a>>(rows) else { return false };
        if !each(row) {
            return false;
        }
        rows = rest;
    }
    true
}

/// What files hold, by path, as far as the file tells.
pub(super) fn known(file: &Path, root: &Path) -> HashMap<PathBuf, (Stamp, Digest)> {
    let bytes = read(file).unwrap_or_default();
    let Some((_, all)) = open(&bytes).filter(|(head, _)| head.root == root.as_os_str().as_bytes()) else {
        return HashMap::new();
    };
    let mut known = HashMap::new();
    each_row(all, |row| {
        if let (Some(stamp), Some(digest)) = (row.stamp, row.digest) {
            known.insert(root.join(OsStr::from_bytes(row.path)), (stamp, digest));
        }
        true
    });
    known
}

/// What came of a look, if the same was asked and nothing that it saw was touched since.
pub fn still(file: &Path, asked: &dyn Fn() -> Option<Asked>) -> Option<String> {
    let bytes = read(file)?;
    let (head, all) = open(&bytes)?;
    let answer = head.answer?;
    if asked().as_ref() != Some(&answer.asked) {
        return None;
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, OsStr::from_bytes(head.root), flags, Mode::empty()).ok()?;
    let is_untouched = |row: Row<'_>| {
        let how = if row.way == Way::Itself { AtFlags::SYMLINK_NOFOLLOW } else { AtFlags::empty() };
        let path = if row.path.is_empty() { b"." } else { row.path };
        Stamp::at(&root, path, how) == row.stamp
    };
    each_row(all, is_untouched).then_some(answer.said)
}
