//! Diagnostics as JSON: one document, `docs/check-json.md` is its page.

use super::place;
use crate::diag::{Diagnostic, Severity};
use crate::source::{Sources, Span};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    code: &'a str,
    name: &'a str,
    severity: Severity,
    message: &'a str,
    labels: Vec<Label<'a>>,
    help: Option<&'a str>,
    fix: Option<Fix<'a>>,
}

#[derive(Serialize)]
struct Label<'a> {
    #[serde(flatten)]
    range: Range,
    text: &'a str,
}

#[derive(Serialize)]
struct Fix<'a> {
    title: &'a str,
    edits: Vec<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    #[serde(flatten)]
    range: Range,
    text: &'a str,
}

#[derive(Serialize)]
struct Range {
    file: String,
    start: Point,
    end: Point,
}

#[derive(Serialize)]
struct Point {
    line: usize,
    column: usize,
    byte: u32,
}

/// All diagnostics as one JSON document and a newline.
pub fn text(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let of = |severity: Severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let document = Document {
        version: 1,
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
        diagnostics: diagnostics.iter().map(|d| one(d, sources)).collect(),
    };
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn one<'a>(diagnostic: &'a Diagnostic, sources: &Sources) -> One<'a> {
    let label = |l: &'a crate::diag::Label| Some(Label { range: range(l.span, sources)?, text: &l.text });
    let edit = |e: &'a crate::diag::Edit| Some(Edit { range: range(e.span, sources)?, text: &e.text });
    One {
        code: diagnostic.code.id,
        name: diagnostic.code.name,
        severity: diagnostic.severity,
        message: &diagnostic.message,
        labels: diagnostic.labels.iter().filter_map(label).collect(),
        help: diagnostic.help.as_deref(),
        fix: diagnostic.fix.as_ref().map(|f| Fix { title: &f.title, edits: f.edits.iter().filter_map(edit).collect() }),
    }
}

fn range(span: Span, sources: &Sources) -> Option<Range> {
    let place = place(span, sources)?;
    let point = |p: crate::source::Position, byte| Point { line: p.line, column: p.column, byte };
    Some(Range { file: place.path, start: point(place.start, span.start), end: point(place.end, span.end) })
}
