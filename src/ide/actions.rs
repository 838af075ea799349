//! What an editor can do about what is wrong: every fix of a diagnostic, one by one or all of a file at once.

use super::Analysis;
use crate::diag::{Diagnostic, Edit, Fix};
use crate::source::{FileId, Span};

/// Something that an editor can do.
#[derive(Clone, Debug)]
pub struct Action<'a> {
    /// What it does, as an imperative.
    pub title: String,
    /// What it mends.
    pub mends: &'a Diagnostic,
    /// The replacements.
    pub edits: Vec<Edit>,
}

/// What can be done about what is wrong at a place of a file.
pub fn actions(analysis: &Analysis, place: Span) -> Vec<Action<'_>> {
    let touches = |span: &Span| span.file == place.file && span.start <= place.end && place.start <= span.end;
    let here = |d: &&Diagnostic| {
        d.span().is_some_and(|s| touches(&s)) || fix_of(d).is_some_and(|f| f.edits.iter().any(|e| touches(&e.span)))
    };
    let action = |mends: &'_ Diagnostic| mends.fix.clone().map(|f| (f.title, f.edits));
    let found = analysis.diagnostics.iter().filter(here);
    found.filter_map(|mends| action(mends).map(|(title, edits)| Action { title, mends, edits })).collect()
}

fn fix_of(diagnostic: &Diagnostic) -> Option<&Fix> {
    diagnostic.fix.as_ref()
}

/// The edits of all fixes in a file that do not get in each other's way.
pub fn mend_all(analysis: &Analysis, file: FileId) -> Vec<Edit> {
    let fixes = analysis.diagnostics.iter().filter_map(fix_of).filter(|f| f.edits.iter().all(|e| e.span.file == file));
    let mut taken: Vec<Edit> = Vec::new();
    for fix in fixes {
        let apart = |e: &Edit| taken.iter().all(|t| e.span.end < t.span.start || t.span.end < e.span.start);
        if fix.edits.iter().all(apart) {
            taken.extend(fix.edits.iter().cloned());
        }
    }
    taken.sort_by_key(|e| e.span);
    taken
}
