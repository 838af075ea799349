//! The syntax room from outside: the official suite, a judge, broken texts, includes, the formatter.

mod formatting;
mod includes;
pub(crate) mod judge;
mod print;
mod robust;
mod suite;
mod trees;

use lockgate::diag::Diagnostic;
use lockgate::source::FileId;
use lockgate::syntax::{self, Document, Limits};

/// The document of a text without includes, and its faults.
pub(crate) fn read(text: &str) -> (Document, Vec<Diagnostic>) {
    let (tree, faults) = syntax::parse(FileId(0), text.into(), &Limits::default());
    (Document::from(tree), faults)
}

/// Faults in short: code, place, message.
pub(crate) fn brief(faults: &[Diagnostic]) -> String {
    let line = |fault: &Diagnostic| {
        let span = fault.span().map_or(String::new(), |s| format!("{}..{}", s.start, s.end));
        format!("{} {span} {}", fault.code.id, fault.message)
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}
