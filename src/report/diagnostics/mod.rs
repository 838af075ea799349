//! Diagnostics for people and for the programs they use.

pub mod github;
pub mod json;
pub mod sarif;

use super::Style;
use super::layout::count;
use crate::diag::{Diagnostic, Severity, render};
use crate::source::Sources;

/// How many diagnostics are shown; of the others, the number.
pub const SHOWN: usize = 100;

/// Diagnostics as reports, the first hundred of them, with their number at the end.
pub fn counted(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let mut out = text(diagnostics, sources, style);
    if !diagnostics.is_empty() {
        out.push_str(&summary(diagnostics));
        out.push('\n');
    }
    out
}

/// Diagnostics as reports, the first hundred of them.
pub fn text(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let shown = diagnostics.get(..SHOWN).unwrap_or(diagnostics);
    let mut out = render::render(shown, sources, style);
    if let Some(hidden) = diagnostics.len().checked_sub(SHOWN).filter(|n| *n > 0) {
        out.push_str(&format!("… and {hidden} more\n\n"));
    }
    out
}

/// `3 errors, 1 warning`.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let of = |severity: Severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let parts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let said = parts.iter().map(|(s, word)| (of(*s), word)).filter(|(n, _)| *n > 0).map(|(n, word)| count(n, word));
    said.collect::<Vec<_>>().join(", ")
}

/// A place in a file as people count: path, lines and columns from 1.
struct Place {
    path: String,
    start: crate::source::Position,
    end: crate::source::Position,
}

fn place(span: crate::source::Span, sources: &Sources) -> Option<Place> {
    let file = sources.get(span.file)?;
    let (start, end) = (file.position(span.start), file.position(span.end));
    Some(Place { path: file.path().display().to_string(), start, end })
}
