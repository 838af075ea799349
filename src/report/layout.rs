//! Lines that fit: cleaning, measuring, wrapping, and columns without lines.

use super::{Paint, Style};
use std::borrow::Cow;
use std::fmt::Write as _;

/// Text of others as it may go to a terminal: what would move its cursor, or hide or reorder text, is spelled out.
pub fn clean(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_invisible(c);
    if !text.contains(is_odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\r' => {}
            c if is_odd(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The same in one line.
pub fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same in XML, between marks or double quotes. What XML cannot hold at all is left out.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Characters that show nothing and change how the rest is read.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

fn width_of(c: char) -> usize {
    match u32::from(c) {
        0x20..=0x2ff => 1,
        0x0..=0x1f | 0x300..=0x36f | 0xfe00..=0xfe0f | 0x200d => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The text, cut at its end where it is wider than that.
pub fn elide(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_string();
    }
    let mut out = take(text.chars(), max.saturating_sub(1));
    out.push('…');
    out
}

/// The text, cut at its beginning where it is wider than that: of a path the end says more.
pub fn elide_front(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_string();
    }
    let back = take(text.chars().rev(), max.saturating_sub(1));
    std::iter::once('…').chain(back.chars().rev()).collect()
}

fn take(chars: impl Iterator<Item = char>, max: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += width_of(*c);
        used <= max
    };
    chars.take_while(fits).collect()
}

/// The words of a text in lines of at most `max` columns, the first of at most `first`. A word that is wider than a line is
/// broken.
pub fn wrap(text: &str, first: usize, max: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split_whitespace() {
        let mut word = word;
        loop {
            let room = if lines.is_empty() { first } else { max }.max(8);
            let space = usize::from(used > 0);
            let wide = width(word);
            if used + space + wide <= room {
                line.push_str(if used > 0 { " " } else { "" });
                line.push_str(word);
                used += space + wide;
                break;
            }
            if used > 0 {
                lines.push(std::mem::take(&mut line));
                used = 0;
                continue;
            }
            let head = take(word.chars(), room);
            word = word.get(head.len()..).unwrap_or_default();
            lines.push(head);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Adds a paragraph: its first line behind what stands there already, the others below it.
pub fn paragraph(out: &mut String, indent: usize, text: &str, paint: Paint, style: Style) {
    let max = style.width.saturating_sub(indent);
    for line in wrap(text, max, max) {
        let _ = writeln!(out, "{:indent$}{}", "", paint.on(&line, style));
    }
}

/// A text in a column.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    paint: Paint,
}

/// A cell with that text.
pub fn cell(text: impl AsRef<str>, paint: Paint) -> Cell {
    Cell { text: one_line(text.as_ref()), paint }
}

/// Columns without lines: each as wide as its widest cell, as long as enough is left for the last one, which is wrapped
/// into what is left.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    rows: Vec<Vec<Cell>>,
    indent: usize,
    first: usize,
}

/// The space between columns.
const GAP: usize = 2;
/// The last column goes below the others when it would have less room than this, or when a word of it would be broken.
const ROOM: usize = 28;
/// How much further in it stands there.
const DEEPER: usize = 4;

impl Rows {
    /// No rows yet; all of them so far in.
    pub fn new(indent: usize) -> Rows {
        Rows { rows: Vec::new(), indent, first: 0 }
    }

    /// The same, the first column at least so wide: for rows with something else between them.
    pub fn first(self, first: usize) -> Rows {
        Rows { first, ..self }
    }

    /// Adds a row.
    pub fn push(&mut self, cells: impl Into<Vec<Cell>>) {
        self.rows.push(cells.into());
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows as text.
    pub fn render(&self, style: Style) -> String {
        let widths = self.widths(style);
        let mut out = String::new();
        for row in &self.rows {
            self.row(&mut out, row, &widths, style);
        }
        out
    }

    fn widths(&self, style: Style) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0).saturating_sub(1);
        let mut left = style.width.saturating_sub(self.indent + ROOM);
        let mut widths = Vec::with_capacity(columns);
        for column in 0..columns {
            let own = |row: &Vec<Cell>| row.get(column).map_or(0, |c| width(&c.text));
            let least = if column == 0 { self.first } else { 0 };
            let widest = self.rows.iter().map(own).filter(|w| *w <= left).max().unwrap_or(0).max(least);
            widths.push(widest);
            left = left.saturating_sub(widest + GAP);
        }
        widths
    }

    fn row(&self, out: &mut String, row: &[Cell], widths: &[usize], style: Style) {
        let mut line = " ".repeat(self.indent);
        let mut used = self.indent;
        let Some((last, before)) = row.split_last() else { return };
        for (cell, wide) in before.iter().zip(widths) {
            let text = elide(&cell.text, style.width.saturating_sub(used).max(8));
            let own = width(&text);
            let pad = wide.saturating_sub(own) + GAP;
            line.push_str(&cell.paint.on(&text, style));
            line.push_str(&" ".repeat(pad));
            used += own + pad;
        }
        let room = style.width.saturating_sub(used);
        let longest = last.text.split_whitespace().map(width).max().unwrap_or(0);
        let below = width(&last.text) > room && (room < ROOM || longest > room);
        let start = if below { self.indent + DEEPER } else { used };
        if below {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(start);
        }
        let room = style.width.saturating_sub(start);
        for text in wrap(&last.text, room, room) {
            line.push_str(&last.paint.on(&text, style));
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(start);
        }
    }
}

/// `1 step`, `3 steps`.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(items: &[String], and: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} {and} {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_would_move_the_cursor() {
        assert_eq!(clean("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(clean("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(one_line(" a\r\n  b\t"), "a b");
    }

    #[test]
    fn wraps_words_and_breaks_what_is_too_long() {
        assert_eq!(wrap("one two three", 8, 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 8, 8), ["abcdefgh", "ij k"]);
        assert_eq!(wrap("", 8, 8), [""]);
        assert_eq!((width("日本"), elide("日本語", 5), elide_front("a/b/c", 4)), (4, "日本…".into(), "…b/c".into()));
    }

    #[test]
    fn the_last_column_fits_or_goes_below() {
        let mut rows = Rows::new(2);
        rows.push([
            cell("build.image", Paint::Plain),
            cell("because of something that takes a while to say", Paint::Plain),
        ]);
        rows.push([cell("push", Paint::Plain), cell("short", Paint::Plain)]);
        let at = |width| rows.render(Style { width, ..Style::default() });
        assert_eq!(
            at(50),
            "  build.image  because of something that takes a\n               while to say\n  push         short\n"
        );
        assert!(at(30).lines().all(|l| width(l) <= 30), "{}", at(30));
        assert!(at(30).starts_with("  build.image\n      because"), "{}", at(30));
    }
}
