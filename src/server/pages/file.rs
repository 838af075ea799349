//! The pipeline file, with what is wrong at the line where it is.

use super::Look;
use super::frame::{Tab, page};
use super::parts::{self, Mark, mark};
use crate::diag::{Diagnostic, Severity};
use crate::ide::{Analysis, Colour, pieces};
use crate::source::{FileId, SourceFile};
use maud::{Markup, html};
use std::path::Path;

/// How many lines of a file are shown.
const LINES: usize = 20_000;

/// The page of the file with its includes.
pub fn html(look: &Look<'_>, analysis: &Analysis) -> Markup {
    let own: Vec<FileId> = analysis.document.trees().map(|t| t.file()).collect();
    let elsewhere = analysis.diagnostics.iter().filter(|d| d.span().is_none_or(|s| !own.contains(&s.file)));
    let body = html! {
        div #file data-part {
            header.head {
                h1 { "The pipeline file" }
                p.sub {
                    @if analysis.diagnostics.is_empty() { "Nothing is wrong with it." }
                    @else { (crate::report::diagnostics::summary(&analysis.diagnostics)) "." }
                }
            }
            @if look.state.memory.edit.is_some() {
                p.banner { (mark(Mark::Waits)) span { "This is the file that counts. " a href=(look.to(&["edit"])) { "An edit" } " that makes gates weaker waits for people." } }
            }
            @for diagnostic in elsewhere { (fault(diagnostic)) }
            @for id in own {
                @if let Some(file) = analysis.sources.get(id) { (one(analysis, id, file)) }
            }
        }
    };
    page(look, Tab::File, "File", body)
}

fn name(analysis: &Analysis, path: &Path) -> String {
    path.strip_prefix(&analysis.root).unwrap_or(path).display().to_string()
}

fn one(analysis: &Analysis, id: FileId, file: &SourceFile) -> Markup {
    let pieces = pieces(analysis, id);
    let mut pieces = pieces.iter().map(|p| (p.span.range(), class(p.colour))).peekable();
    let of_file: Vec<&Diagnostic> =
        analysis.diagnostics.iter().filter(|d| d.span().is_some_and(|s| s.file == id)).collect();
    let mut start = 0;
    let mut lines: Vec<(usize, Vec<(&str, &str)>)> = Vec::new();
    for (number, line) in file.text().split_inclusive('\n').enumerate().take(LINES) {
        let end = start + line.len();
        let mut parts = Vec::new();
        let mut at = start;
        while let Some((range, class)) = pieces.peek().cloned() {
            if range.start >= end {
                break;
            }
            let (from, to) = (range.start.max(at), range.end.min(end));
            parts.push(("", file.text().get(at..from).unwrap_or_default()));
            parts.push((class, file.text().get(from..to).unwrap_or_default()));
            at = to;
            if range.end > end {
                break;
            }
            pieces.next();
        }
        parts.push(("", file.text().get(at..end).unwrap_or_default()));
        lines.push((number + 1, parts));
        start = end;
    }
    html! {
        section {
            h2 { code { (name(analysis, file.path())) } }
            div.source tabindex="0" role="region" aria-label=(name(analysis, file.path())) {
                ol {
                    @for (number, parts) in &lines {
                        @let here: Vec<_> = of_file.iter().filter(|d| d.span().is_some_and(|s| file.position(s.start).line == *number)).collect();
                        li id={"L" (number)} class=[here.iter().map(|d| d.severity).min().map(severity)] {
                            a.n href={"#L" (number)} aria-label={"line " (number)} { (number) }
                            code {
                                @for (class, text) in parts.iter().filter(|(_, t)| !t.is_empty()) {
                                    @let text = crate::report::layout::clean(text.trim_end_matches(['\n', '\r']));
                                    @if class.is_empty() { (text) } @else { span class=(class) { (text) } }
                                }
                            }
                            @for diagnostic in here { (fault(diagnostic)) }
                        }
                    }
                }
            }
        }
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn fault(diagnostic: &Diagnostic) -> Markup {
    let which = if diagnostic.is_error() { Mark::Failed } else { Mark::Unclear };
    html! {
        div class={"fault " (severity(diagnostic.severity))} {
            (mark(which))
            div {
                p { b { (severity(diagnostic.severity)) } " " (parts::text(&diagnostic.message)) " " code { (diagnostic.code.id) } }
                @if let Some(help) = &diagnostic.help { p.muted { (parts::lines(help)) } }
            }
        }
    }
}

fn class(colour: Colour) -> &'static str {
    match colour {
        Colour::Node => "k-node",
        Colour::Key => "k-key",
        Colour::Type => "k-type",
        Colour::Str => "k-str",
        Colour::Number => "k-num",
        Colour::Constant => "k-con",
        Colour::Comment => "k-com",
        Colour::Definition => "k-def",
        Colour::Name => "k-name",
        Colour::Context => "k-ctx",
        Colour::Field => "k-field",
    }
}
