//! From a line and a column of a values file to a span.

use super::Text;
use crate::helm::yaml::Mark;
use crate::source::Span;

/// The key at a place, as it is written.
pub(super) fn key(text: &Text, mark: Mark) -> Span {
    let start = offset(&text.text, mark);
    let rest = text.text.get(start..).unwrap_or_default();
    Span::new(text.file, start, start + written(rest))
}

/// A line without what it is indented by; the whole first line where none is known.
pub(super) fn line(text: &Text, line: u32) -> Span {
    let start = offset(&text.text, Mark { line: line.max(1), column: 1 });
    let rest = text.text.get(start..).unwrap_or_default();
    let found = rest.lines().next().unwrap_or_default();
    let indent = found.len() - found.trim_start().len();
    Span::new(text.file, start + indent, start + found.trim_end().len().max(indent))
}

fn offset(text: &str, mark: Mark) -> usize {
    let line = mark.line.max(1) as usize - 1;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let within = rest.char_indices().nth(mark.column.max(1) as usize - 1).map_or(rest.len(), |(at, _)| at);
    start + within.min(rest.find('\n').unwrap_or(rest.len()))
}

/// How many bytes a key takes at the start of a text, with its quotes.
fn written(text: &str) -> usize {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let inner = text.get(1..).unwrap_or_default();
        return inner.find(quote).map_or(1, |end| end + 2);
    }
    let line = text.lines().next().unwrap_or_default();
    let end = line.find(": ").or_else(|| line.strip_suffix(':').map(str::len)).unwrap_or(line.len());
    let end = line.get(..end).and_then(|l| l.find([',', '}', ']', '#'])).unwrap_or(end);
    line.get(..end).unwrap_or_default().trim_end().len().max(1.min(line.len()))
}

/// Whether the entry of a key holds an anchor: then it may be there for others to repeat.
pub(super) fn holds_anchor(text: &str, mark: Mark) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip(mark.line.max(1) as usize - 1);
    let Some(first) = lines.next() else { return false };
    let deeper =
        |line: &&str| line.trim().is_empty() || indent(line) > indent(first) || line.trim_start().starts_with('-');
    std::iter::once(first).chain(lines.take_while(deeper)).any(|line| {
        line.match_indices('&').any(|(at, _)| {
            let before = line.get(..at).unwrap_or_default();
            let after = line.get(at + 1..).and_then(|l| l.chars().next());
            before.ends_with([' ', '\t']) && after.is_some_and(char::is_alphanumeric)
        })
    })
}
