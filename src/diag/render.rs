//! Diagnostics as a terminal report. The only place that knows miette.

use super::{Diagnostic, Severity};
use crate::source::Sources;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use std::fmt::Write as _;

/// How a report is to look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns that a line may take.
    pub width: usize,
    /// Whether to colour.
    pub color: bool,
    /// Whether the terminal can show line-drawing characters.
    pub unicode: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style { width: 80, color: false, unicode: true }
    }
}

#[derive(Debug)]
struct Report<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<NamedSource<std::sync::Arc<str>>>,
    labels: Vec<LabeledSpan>,
    related: Vec<Elsewhere>,
}

/// A label in another file than the primary one.
#[derive(Debug)]
struct Elsewhere {
    message: String,
    source: NamedSource<std::sync::Arc<str>>,
    label: LabeledSpan,
}

impl std::fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code.id))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.diagnostic.help.as_ref().map(|h| Box::new(h) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|s| s as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        let related = self.related.iter().map(|r| r as &dyn miette::Diagnostic);
        (!self.related.is_empty()).then(|| Box::new(related) as Box<dyn Iterator<Item = &dyn miette::Diagnostic>>)
    }
}

impl std::fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Elsewhere {}

impl miette::Diagnostic for Elsewhere {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.label.clone())))
    }
}

/// The reports of all diagnostics, one after the other, each with the lines it speaks of.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let theme = match (style.unicode, style.color) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::unicode_nocolor(),
        (false, true) => GraphicalTheme::ascii(),
        (false, false) => GraphicalTheme::none(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(style.width.max(40)).with_links(false);
    let mut out = String::new();
    for diagnostic in diagnostics {
        let report = report(diagnostic, sources);
        if handler.render_report(&mut out, &report).is_err() {
            let _ = writeln!(out, "{} {}", diagnostic.code.id, diagnostic.message);
        }
    }
    out
}

fn report<'a>(diagnostic: &'a Diagnostic, sources: &Sources) -> Report<'a> {
    let named = |span: crate::source::Span| {
        let file = sources.get(span.file)?;
        Some(NamedSource::new(file.path().display().to_string(), file.text().clone()))
    };
    let label = |l: &super::Label| {
        let text = (!l.text.is_empty()).then(|| l.text.to_string());
        LabeledSpan::new(text, l.span.start as usize, l.span.len())
    };
    let home = diagnostic.span().map(|s| s.file);
    let (here, elsewhere): (Vec<_>, Vec<_>) = diagnostic.labels.iter().partition(|l| Some(l.span.file) == home);
    Report {
        diagnostic,
        source: diagnostic.span().and_then(named),
        labels: here.into_iter().map(label).collect(),
        related: elsewhere
            .into_iter()
            .filter_map(|l| Some(Elsewhere { message: l.text.to_string(), source: named(l.span)?, label: label(l) }))
            .collect(),
    }
}
