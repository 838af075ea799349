//! Judging a file again after an edit finds what judging it anew finds, whatever the edit is.

use lockgate::check::{self, Memory, Repository};
use lockgate::diag::Diagnostic;
use lockgate::graph::Graph;
use lockgate::source::Sources;
use lockgate::syntax::{self, Document, Limits};
use proptest::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// A repository in which half of the paths are there; which half, a number says.
struct Half(AtomicU32);

impl Repository for Half {
    fn exists(&self, path: &str) -> bool {
        let sum: u32 = path.bytes().map(u32::from).sum();
        (sum >> (self.0.load(Ordering::Relaxed) % 4)) & 1 == 0
    }

    fn has_values(&self, _: &Graph) -> bool {
        false
    }
}

/// What people and their fingers put into a file.
const PIECES: [&str; 24] = [
    "",
    "{",
    "}",
    "\"",
    "\"\"\"",
    "/-",
    "/*",
    "*/",
    "//",
    "\n",
    "\n}\n",
    "\\",
    " ",
    "#",
    "ü",
    "\u{202e}",
    "x",
    "{app.commit}",
    " after=dev",
    "pipeline y {\n    source app {\n        folder \"./app\"\n    }\n}\n",
    "pipelin z {\n}\n",
    "lockgate 2\n",
    "allow mutable-tag reason=\"so\"\n",
    "include \"a.kdl\"\n",
];

/// An edit: where it starts, in thousandths of the text, how many bytes it takes out, what it puts in, and which files are
/// there afterwards.
type Edit = (usize, usize, usize, u32);

/// Several pipelines, good ones and bad ones, in one file.
fn text() -> String {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases");
    let names = ["north-star", "gates", "misspelt", "everything", "twelve-faults", "north-star"];
    let read = |name: &str| std::fs::read_to_string(cases.join(format!("{name}.kdl"))).expect("a case");
    let body: String = names.iter().map(|n| read(n).replace("lockgate 1\n", "")).collect();
    format!("lockgate 1\n{body}\npipeline shared {{\n    include \"a.kdl\"\n}}\n")
}

fn apply(text: &mut String, (at, out, piece, _): Edit) {
    let boundary = |text: &str, mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(text, text.len() * at / 1000);
    let end = boundary(text, (start + out).min(text.len())).max(start);
    text.replace_range(start..end, PIECES[piece]);
}

/// What an included file says; it changes as well.
const SHARED: [&str; 2] = ["source app {\n    folder \"./app\"\n}\n", "source apps {\n    foldr \"./app\"\n}\n"];

/// The text with what it includes.
fn read(text: &str, which: u32) -> (Document, Vec<Diagnostic>) {
    let mut read = |path: &Path| match path.to_str() {
        Some("lockgate.kdl") => Ok(text.as_bytes().to_vec()),
        Some("a.kdl") => Ok(SHARED[which as usize % 2].as_bytes().to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    let (path, limits) = (Path::new("lockgate.kdl"), Limits::default());
    syntax::include::load(path, Path::new(""), &limits, &mut Sources::new(), &mut read)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_remembered_file_is_judged_like_a_new_one(
        edits in prop::collection::vec((0..=1000usize, prop_oneof![Just(0), 0..4usize, 0..400usize], 0..PIECES.len(), 0..8u32), 1..12)
    ) {
        let (mut text, mut memory, repository) = (text(), Memory::default(), Half(AtomicU32::new(0)));
        let undo = edits.iter().rev().map(|_| None);
        let mut past = Vec::new();
        for edit in edits.iter().copied().map(Some).chain(undo) {
            match edit {
                Some(edit) => {
                    past.push(text.clone());
                    apply(&mut text, edit);
                    repository.0.store(edit.3, Ordering::Relaxed);
                }
                None => text = past.pop().expect("as many as there were edits"),
            }
            let (document, faults) = read(&text, edit.map_or(0, |e| e.3));
            let anew = check::document(&document, faults.clone(), &repository).1;
            let again = memory.judge(&document, faults, &repository);
            prop_assert_eq!(anew, again);
        }
    }
}
