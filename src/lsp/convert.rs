//! From the editor's words to the protocol's.

use super::position::{Encoding, Lines};
use super::texts::{Texts, uri_of};
use crate::diag::{Diagnostic, Edit, Severity};
use crate::ide::Kind;
use crate::source::{FileId, Sources, Span};
use ls_types::{
    DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Position, Range, SymbolKind, TextEdit,
    Uri, WorkspaceEdit,
};
use std::cell::RefCell;
use std::collections::HashMap;

/// Translates spans of some texts. The lines of a text are counted when it is asked about for the first time.
pub(super) struct Convert<'a> {
    sources: &'a Sources,
    texts: &'a Texts,
    encoding: Encoding,
    lines: RefCell<HashMap<FileId, Lines>>,
}

impl<'a> Convert<'a> {
    pub fn new(sources: &'a Sources, texts: &'a Texts, encoding: Encoding) -> Convert<'a> {
        Convert { sources, texts, encoding, lines: RefCell::default() }
    }

    fn text(&self, file: FileId) -> &'a str {
        self.sources.get(file).map_or("", |f| f.text())
    }

    fn with_lines<T>(&self, file: FileId, what: impl FnOnce(&Lines, &'a str) -> T) -> T {
        let text = self.text(file);
        let mut lines = self.lines.borrow_mut();
        what(lines.entry(file).or_insert_with(|| Lines::new(text)), text)
    }

    pub fn range(&self, span: Span) -> Range {
        self.with_lines(span.file, |lines, text| lines.range(text, span.range(), self.encoding))
    }

    pub fn offset(&self, file: FileId, position: Position) -> u32 {
        super::position::number(self.with_lines(file, |lines, text| lines.offset(text, position, self.encoding)))
    }

    pub fn span(&self, file: FileId, range: Range) -> Span {
        Span { file, start: self.offset(file, range.start), end: self.offset(file, range.end) }
    }

    /// A span as ranges that are each on one line.
    pub fn lines(&self, span: Span) -> Vec<Range> {
        let text = self.text(span.file).get(span.range()).unwrap_or("");
        let mut at = span.start as usize;
        let mut ranges = Vec::new();
        for line in text.split_inclusive(['\n', '\r']) {
            let end = at + line.trim_end_matches(['\n', '\r']).len();
            if end > at {
                ranges.push(self.range(Span::new(span.file, at, end)));
            }
            at += line.len();
        }
        ranges
    }

    pub fn uri(&self, file: FileId) -> Option<Uri> {
        uri_of(self.sources.get(file)?.path(), self.texts)
    }

    pub fn location(&self, span: Span) -> Option<Location> {
        Some(Location { uri: self.uri(span.file)?, range: self.range(span) })
    }

    pub fn edit(&self, edit: &Edit) -> TextEdit {
        TextEdit { range: self.range(edit.span), new_text: edit.text.clone() }
    }

    pub fn workspace_edit(&self, edits: &[Edit]) -> WorkspaceEdit {
        let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
        for edit in edits {
            if let Some(uri) = self.uri(edit.span.file) {
                changes.entry(uri).or_default().push(self.edit(edit));
            }
        }
        WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
    }

    pub fn diagnostic(&self, diagnostic: &Diagnostic) -> ls_types::Diagnostic {
        let mut message = diagnostic.message.clone();
        if let Some(label) = diagnostic.labels.first().filter(|l| !l.text.is_empty()) {
            message = format!("{message}: {}", label.text);
        }
        if let Some(help) = &diagnostic.help {
            message = format!("{message}\n{help}");
        }
        let related = diagnostic.labels.iter().skip(1).filter_map(|label| {
            let message = if label.text.is_empty() { "here".to_string() } else { label.text.to_string() };
            Some(DiagnosticRelatedInformation { location: self.location(label.span)?, message })
        });
        let related: Vec<DiagnosticRelatedInformation> = related.collect();
        ls_types::Diagnostic {
            range: diagnostic.span().map(|s| self.range(s)).unwrap_or_default(),
            severity: Some(severity(diagnostic.severity)),
            code: Some(NumberOrString::String(diagnostic.code.id.to_string())),
            source: Some("lockgate".to_string()),
            message,
            related_information: (!related.is_empty()).then_some(related),
            ..ls_types::Diagnostic::default()
        }
    }
}

fn severity(severity: Severity) -> DiagnosticSeverity {
    match severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Note => DiagnosticSeverity::INFORMATION,
    }
}

pub(super) fn symbol_kind(kind: Kind) -> SymbolKind {
    match kind {
        Kind::Pipeline => SymbolKind::MODULE,
        Kind::Source => SymbolKind::VARIABLE,
        Kind::Build => SymbolKind::CLASS,
        Kind::Task => SymbolKind::FUNCTION,
        Kind::Release => SymbolKind::PACKAGE,
        Kind::Environment => SymbolKind::NAMESPACE,
        Kind::Secret => SymbolKind::KEY,
        Kind::Notify => SymbolKind::EVENT,
        Kind::Output => SymbolKind::FIELD,
    }
}
