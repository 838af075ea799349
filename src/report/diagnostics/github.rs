//! Diagnostics as annotations of a GitHub workflow.

use super::place;
use crate::diag::{Diagnostic, Severity};
use crate::source::Sources;

/// One `::error …` line a diagnostic.
pub fn text(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    diagnostics.iter().map(|d| line(d, sources)).collect()
}

fn line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = diagnostic.span().and_then(|s| place(s, sources)) {
        properties.push(format!("file={}", property(&place.path)));
        properties.push(format!("line={}", place.start.line));
        properties.push(format!("endLine={}", place.end.line));
        // Columns mean something to GitHub only within one line.
        if place.start.line == place.end.line {
            properties.push(format!("col={}", place.start.column));
            properties.push(format!("endColumn={}", place.end.column.max(place.start.column + 1)));
        }
    }
    properties.push(format!("title={}", property(&format!("{} {}", diagnostic.code.id, diagnostic.code.name))));
    let mut message = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    format!("::{level} {}::{}\n", properties.join(","), data(&message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;
    use crate::source::Span;

    #[test]
    fn escapes_what_would_end_a_field() {
        let mut sources = Sources::new();
        let file = sources.add("a,b:c.kdl", "one\ntwo\n");
        let fault = Diagnostic::new(&codes::SYNTAX, "100% wrong\nreally").at(Span::new(file, 4, 7), "").help("do");
        assert_eq!(
            text(&[fault], &sources),
            "::error file=a%2Cb%3Ac.kdl,line=2,endLine=2,col=1,endColumn=4,title=LG0005 syntax::100%25 wrong%0Areally%0Ahelp: do\n"
        );
    }
}
