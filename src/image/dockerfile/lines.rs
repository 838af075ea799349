//! The lines of a Dockerfile: directives at the top, comments, continuations, here-documents. What comes out is one
//! line an instruction, which still knows where each of its characters stood.

use super::Pos;
use crate::image::limits;

/// An instruction's text on one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// The text, without continuation marks, comments and the space around it.
    pub(super) text: String,
    /// Where pieces of the text come from: the offset at which one begins, and its place.
    pieces: Vec<(usize, Pos)>,
    /// The here-documents that follow.
    pub(super) documents: Vec<Document>,
    /// The delimiter of a here-document that has no end.
    pub(super) unended: Option<String>,
}

/// A here-document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Document {
    /// The word that announced it, as `<<-"END"`.
    pub(super) mark: String,
    /// The delimiter.
    pub(super) name: String,
    /// Whether variables in it are replaced: the delimiter was not quoted.
    pub(super) expand: bool,
    /// Whether leading tabs are taken away.
    strip_tabs: bool,
    /// The content.
    pub(super) content: String,
}

impl Line {
    /// Where the character at that offset of the text stands in the file.
    pub(super) fn pos(&self, offset: usize) -> Pos {
        let behind = self.pieces.partition_point(|(start, _)| *start <= offset);
        let Some(&(start, pos)) = self.pieces.get(behind.saturating_sub(1)) else { return Pos { line: 1, column: 1 } };
        let between = self.text.get(start..offset.max(start)).unwrap_or_default();
        Pos { line: pos.line, column: pos.column + between.chars().count() }
    }

    /// Adds what stands in the file at `pos`.
    fn push(&mut self, text: &str, pos: Pos) {
        self.pieces.push((self.text.len(), pos));
        self.text.push_str(text);
    }
}

/// What the directives at the top say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directives {
    /// The escape character.
    pub(super) escape: char,
    /// Where an `escape` directive stands that gives neither `\` nor a backtick.
    pub(super) bad_escape: Option<Pos>,
}

/// Splits a Dockerfile into the lines of its instructions.
pub(super) fn split(text: &str) -> (Directives, Vec<Line>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let directives = directives(text);
    let mut lines = Vec::new();
    let mut physical = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    while let Some((number, first)) = physical.next() {
        if is_comment(first) || first.trim().is_empty() {
            continue;
        }
        let mut line = Line::default();
        let mut open = take(&mut line, number, first, true, directives.escape);
        while open {
            let Some((number, next)) = physical.next() else { break };
            if !is_comment(next) && !next.trim().is_empty() {
                open = take(&mut line, number, next, false, directives.escape);
            }
        }
        line.text.truncate(line.text.trim_end().len());
        read_documents(&mut line, &mut physical);
        lines.push(line);
    }
    (directives, lines)
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Takes one line of the file into an instruction's line; answers whether it goes on.
fn take(line: &mut Line, number: usize, text: &str, first: bool, escape: char) -> bool {
    // Only the first line loses its indentation: behind a continuation, white space may separate words.
    let skipped = if first { text.len() - text.trim_start().len() } else { 0 };
    let (skip, text) = text.split_at_checked(skipped).unwrap_or(("", text));
    let pos = Pos { line: number, column: skip.chars().count() + 1 };
    let end = text.trim_end_matches([' ', '\t', '\r']);
    match end.strip_suffix(escape) {
        // An escaped escape at the end is a character, and the instruction ends.
        Some(body) if !body.ends_with(escape) => {
            line.push(body, pos);
            true
        }
        _ => {
            line.push(text.trim_end_matches('\r'), pos);
            false
        }
    }
}

/// Reads the `# name=value` lines at the top; the first line that is none ends them.
fn directives(text: &str) -> Directives {
    let mut found = Directives { escape: '\\', bad_escape: None };
    for (at, line) in text.lines().enumerate() {
        let Some((name, value)) = directive(line) else { break };
        if name == "escape" {
            match value {
                "\\" => found.escape = '\\',
                "`" => found.escape = '`',
                _ => found.bad_escape = Some(Pos { line: at + 1, column: 1 }),
            }
        }
    }
    found
}

/// A line as a directive that Docker knows.
fn directive(line: &str) -> Option<(String, &str)> {
    let (name, value) = line.trim().strip_prefix('#')?.split_once('=')?;
    let name = name.trim().to_ascii_lowercase();
    matches!(name.as_str(), "escape" | "syntax" | "check").then(|| (name, value.trim()))
}

/// Reads the here-documents that an instruction announces. RUN is refused later; its documents are read all the same,
/// so that their content isn't taken for instructions.
fn read_documents<'a>(line: &mut Line, physical: &mut impl Iterator<Item = (usize, &'a str)>) {
    let keyword = line.text.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    if !matches!(keyword.as_str(), "COPY" | "ADD" | "RUN") {
        return;
    }
    line.documents = line.text.split_whitespace().filter_map(announced).take(limits::DOCUMENTS).collect();
    for document in &mut line.documents {
        let ended = physical.any(|(_, text)| {
            let text = if document.strip_tabs { text.trim_start_matches('\t') } else { text };
            let end = text == document.name;
            if !end {
                document.content.push_str(text);
                document.content.push('\n');
            }
            end
        });
        if !ended {
            line.unended = Some(document.name.clone());
        }
    }
}

/// A word that announces a here-document: `<<NAME`, `<<-NAME`, `<<"NAME"`.
fn announced(word: &str) -> Option<Document> {
    let tail = word.strip_prefix("<<")?;
    let (strip_tabs, quoted) = tail.strip_prefix('-').map_or((false, tail), |tail| (true, tail));
    let unquote = |quote: char| quoted.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    let plain = unquote('"').or_else(|| unquote('\''));
    let name = plain.unwrap_or(quoted);
    let good = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c));
    good.then(|| Document {
        mark: word.to_string(),
        name: name.to_string(),
        expand: plain.is_none(),
        strip_tabs,
        content: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_lines_and_remembers_places() {
        let (directives, lines) = split("# escape=`\n\n  ENV a=1 `\n# in between\n\n    b=ü c=2\nUSER x\n");
        assert_eq!(directives.escape, '`');
        let texts: Vec<&str> = lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(texts, ["ENV a=1     b=ü c=2", "USER x"]);
        let at = |text: &str| lines[0].pos(lines[0].text.find(text).unwrap());
        assert_eq!(at("ENV"), Pos { line: 3, column: 3 });
        assert_eq!(at("b="), Pos { line: 6, column: 5 });
        assert_eq!(at("c="), Pos { line: 6, column: 9 });
    }

    #[test]
    fn a_directive_after_a_comment_is_a_comment() {
        assert_eq!(split("# hello\n# escape=`\nUSER x").0.escape, '\\');
        assert_eq!(split("# syntax=docker/dockerfile:1\n#Escape = `\nUSER x").0.escape, '`');
        assert!(split("# escape=x\nUSER x").0.bad_escape.is_some());
    }

    #[test]
    fn reads_documents() {
        let (_, lines) = split("COPY <<A <<-\"B\" /x/\n$one\nA\n\t\ttwo\n\tB\nUSER x\nCOPY <<C /y\nopen");
        let documents = &lines[0].documents;
        assert_eq!((documents[0].content.as_str(), documents[0].expand), ("$one\n", true));
        assert_eq!((documents[1].content.as_str(), documents[1].expand), ("two\n", false));
        assert_eq!(lines[1].text, "USER x");
        assert_eq!(lines[2].unended.as_deref(), Some("C"));
    }
}
