//! Reads straight away what most texts are made of: block mappings and sequences of scalars, and flow collections within a
//! line, in which every key is seen to be one on its own line. So no token need wait, and nothing is copied twice.
//!
//! It never refuses and never guesses. Where anything stands that is not clearly that (an anchor, a tag, a tab, a mistake), it
//! answers nothing, and the whole grammar is asked, whose answers it gives where it gives any.

use super::entries::Entries;
use super::node::{Data, Entry, Mark, Node};
use super::parse::key_text;
use super::resolve::meaning;
use super::scan::{Kind, Position, Scanner, Through, all_but};

/// How deep collections lie in one another at most, here.
const DEPTH: usize = 200;
/// How long a key may be: a good deal less than what the grammar allows.
const KEY: usize = 500;

/// What may stand in a key without quotes; and what in a scalar of a flow collection.
static IN_KEY: Through = all_but(b" :,?[]{}#&*!|>'\"%@`");
/// Characters that a scalar without quotes does not begin with.
const INDICATORS: &[u8] = b"-?:,[]{}#&*!|>'\"%@`";

/// Reads a document whose characters are all allowed. Nothing: the whole grammar must be asked.
pub(super) fn read(text: &[u8]) -> Option<Node> {
    if has_odd_breaks(text) {
        return None;
    }
    let mut quick = Quick { text, line: 1, start: 0, at: 0, column: 0, depth: 0 };
    quick.first_line()?;
    let node = quick.block()?;
    quick.is_over().then_some(node)
}

/// Whether lines end otherwise than by a line feed.
fn has_odd_breaks(text: &[u8]) -> bool {
    let follows = |at: usize, what: &[&[u8]]| what.iter().any(|w| text.get(at + 1..).is_some_and(|t| t.starts_with(w)));
    memchr::memchr3_iter(b'\r', 0xc2, 0xe2, text).any(|at| match text.get(at) {
        Some(0xc2) => follows(at, &[b"\x85"]),
        Some(0xe2) => follows(at, &[b"\x80\xa8", b"\x80\xa9"]),
        _ => true,
    })
}

/// What a scalar without quotes means; nothing for what JSON cannot have.
fn plain(text: &str) -> Option<Data> {
    match meaning(text) {
        None => Some(Data::Str(text.to_string())),
        Some(Data::Float(n)) if !n.is_finite() => None,
        data => data,
    }
}

/// A key without quotes; nothing where it would merge.
fn plain_key(text: &str) -> Option<String> {
    match plain(text)? {
        Data::Str(name) => (name != "<<").then_some(name),
        data => key_text(&Node { mark: Mark::default(), data }).ok(),
    }
}

struct Quick<'a> {
    text: &'a [u8],
    /// The line, from 1.
    line: u32,
    /// Where it begins.
    start: usize,
    /// Where we are in it.
    at: usize,
    /// Its indentation; -1 behind the last line.
    column: i32,
    depth: usize,
}

/// What ends a scalar without quotes on its line.
#[derive(PartialEq)]
enum Stop {
    Line,
    Comment,
    Colon,
}

impl<'a> Quick<'a> {
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(b'\n')
    }

    fn is_over(&self) -> bool {
        self.column < 0
    }

    fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\n')
    }

    /// A piece of the text; pieces begin and end between characters.
    fn piece(&self, from: usize, to: usize) -> Option<&'a str> {
        std::str::from_utf8(self.text.get(from..to)?).ok()
    }

    /// The place of a byte of this line before which all is ASCII.
    fn mark(&self, at: usize) -> Mark {
        Mark { line: self.line, column: (at - self.start) as u32 + 1 }
    }

    fn first_line(&mut self) -> Option<()> {
        if self.text.starts_with(b"---\n") {
            (self.start, self.at, self.line) = (4, 4, 2);
        }
        self.indentation()?;
        self.over_comments()
    }

    /// Goes over the indentation of the line.
    fn indentation(&mut self) -> Option<()> {
        self.at = self.start;
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        self.column = match self.text.get(self.at) {
            None => -1,
            Some(b'\t') => return None,
            Some(b'-' | b'.') if self.at == self.start && self.is_indicator() => return None,
            Some(_) => (self.at - self.start) as i32,
        };
        Some(())
    }

    /// Whether the line is one that ends a document or begins one.
    fn is_indicator(&self) -> bool {
        matches!(self.text.get(self.at..self.at + 3), Some(b"---" | b"..."))
    }

    /// Goes to the next line in which something stands; answers how many lines were gone over.
    fn next_line(&mut self) -> Option<usize> {
        let mut count = 0;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(end) = memchr::memchr(b'\n', rest) else {
                (self.at, self.column) = (self.text.len(), -1);
                return Some(count);
            };
            self.start = self.at + end + 1;
            self.line += 1;
            count += 1;
            self.indentation()?;
            if self.is_over() || self.byte(self.at) != b'\n' {
                return Some(count);
            }
        }
    }

    /// Goes over lines that are empty or hold only a comment.
    fn over_comments(&mut self) -> Option<()> {
        while !self.is_over() && matches!(self.byte(self.at), b'#' | b'\n') {
            self.next_line()?;
        }
        Some(())
    }

    /// Ends a line on which nothing more may stand but a comment.
    fn end_line(&mut self) -> Option<()> {
        let from = self.at;
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        match self.byte(self.at) {
            b'\n' => {}
            b'#' if self.at > from => {}
            _ => return None,
        }
        self.next_line()?;
        self.over_comments()
    }

    /// Whether an item of a block sequence begins here.
    fn is_item(&self) -> bool {
        self.byte(self.at) == b'-' && self.is_blank(self.at + 1)
    }

    /// A collection that begins here, at a column of its own.
    fn block(&mut self) -> Option<Node> {
        if self.is_over() || self.depth >= DEPTH {
            return None;
        }
        self.depth += 1;
        let column = (self.at - self.start) as i32;
        let node = if self.is_item() { self.sequence(column) } else { self.mapping(column) };
        self.depth -= 1;
        node
    }

    fn mapping(&mut self, column: i32) -> Option<Node> {
        let mark = self.mark(self.at);
        let mut entries = Vec::new();
        loop {
            let key = self.mark(self.at);
            let name = self.key()?;
            let colon = self.mark(self.at);
            self.at += 1;
            let value = self.value(column, colon, true)?;
            entries.push((name, Entry { key, value }));
            if self.column != column {
                break;
            }
        }
        (self.column < column).then(|| Node { mark, data: Data::Map(Entries::from(entries)) })
    }

    /// A sequence whose items begin at a column.
    fn sequence(&mut self, column: i32) -> Option<Node> {
        let mark = self.mark(self.at);
        let mut items = Vec::new();
        loop {
            let dash = self.mark(self.at);
            self.at += 1;
            items.push(self.value(column, dash, false)?);
            if self.column != column || !self.is_item() {
                break;
            }
        }
        (self.column <= column).then_some(Node { mark, data: Data::Seq(items) })
    }

    /// A key; stops at its colon.
    fn key(&mut self) -> Option<String> {
        let from = self.at;
        let first = self.byte(from);
        let name = match first {
            b'"' | b'\'' => self.simply_quoted(first)?.to_string(),
            _ if INDICATORS.contains(&first) => return None,
            _ => {
                loop {
                    while IN_KEY[usize::from(self.byte(self.at))] {
                        self.at += 1;
                    }
                    if self.byte(self.at) != b':' || self.is_blank(self.at + 1) {
                        break;
                    }
                    self.at += 1;
                }
                plain_key(self.piece(from, self.at).filter(|text| !text.is_empty())?)?
            }
        };
        let is_key = self.byte(self.at) == b':' && self.is_blank(self.at + 1) && self.at - from < KEY;
        is_key.then_some(name)
    }

    /// What stands in quotes on this line, all of it ASCII and none of it escaped.
    fn simply_quoted(&mut self, quote: u8) -> Option<&'a str> {
        let from = self.at + 1;
        let mut at = from;
        loop {
            match self.text.get(at)? {
                b if *b == quote => break,
                b'\\' if quote == b'"' => return None,
                b' '..=b'~' => at += 1,
                _ => return None,
            }
        }
        if quote == b'\'' && self.byte(at + 1) == b'\'' {
            return None;
        }
        self.at = at + 1;
        self.piece(from, at)
    }

    /// What stands behind `:` or `-`, up to the next line that does not belong to it. `nothing` is where a null stands.
    fn value(&mut self, indent: i32, nothing: Mark, in_mapping: bool) -> Option<Node> {
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        let mark = self.mark(self.at);
        let first = self.byte(self.at);
        match first {
            b'\n' | b'#' => self.below(indent, nothing, in_mapping),
            b'-' if self.is_item() && !in_mapping => self.block(),
            b'|' | b'>' => self.block_scalar(indent, mark),
            b'[' | b'{' => {
                let node = self.flow()?;
                self.end_line()?;
                Some(node)
            }
            b'"' | b'\'' => self.quoted(indent, mark, in_mapping),
            b'-' | b'?' | b':' if self.is_blank(self.at + 1) => None,
            _ if INDICATORS.contains(&first) && first != b'-' => None,
            _ => match self.plain_end()? {
                (_, Stop::Colon) if in_mapping => None,
                (_, Stop::Colon) => self.block(),
                (end, stop) => self.plain(indent, mark, end, stop),
            },
        }
    }

    /// A value that stands below its key or dash, or nowhere.
    fn below(&mut self, indent: i32, nothing: Mark, in_mapping: bool) -> Option<Node> {
        self.next_line()?;
        self.over_comments()?;
        if self.column > indent {
            return self.block();
        }
        if in_mapping && self.column == indent && self.is_item() {
            return self.sequence(indent);
        }
        Some(Node { mark: nothing, data: Data::Null })
    }

    /// Where the scalar without quotes ends that begins or goes on here, on this line.
    fn plain_end(&self) -> Option<(usize, Stop)> {
        let rest = self.text.get(self.at..)?;
        let line = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len()))?;
        let (mut at, mut stop) = (self.at + line.len(), Stop::Line);
        for found in memchr::memchr3_iter(b':', b'#', b'\t', line).map(|found| self.at + found) {
            stop = match self.byte(found) {
                b':' if self.is_blank(found + 1) => Stop::Colon,
                b'#' if found > self.at && self.byte(found - 1) == b' ' => Stop::Comment,
                b'\t' => return None,
                _ => continue,
            };
            at = found;
            break;
        }
        while at > self.at && self.byte(at - 1) == b' ' {
            at -= 1;
        }
        Some((at, stop))
    }

    fn plain(&mut self, indent: i32, mark: Mark, end: usize, stop: Stop) -> Option<Node> {
        let first = self.piece(self.at, end)?;
        self.at = end;
        let mut breaks = self.next_line()?;
        let goes_on = |quick: &Quick<'_>| quick.column > indent && quick.byte(quick.at) != b'#';
        if stop == Stop::Comment || !goes_on(self) {
            self.over_comments()?;
            return Some(Node { mark, data: plain(first)? });
        }
        let mut whole = first.to_string();
        loop {
            let (end, stop) = self.plain_end()?;
            if stop == Stop::Colon {
                return None;
            }
            match breaks {
                1 => whole.push(' '),
                more => whole.extend(std::iter::repeat_n('\n', more - 1)),
            }
            whole.push_str(self.piece(self.at, end)?);
            self.at = end;
            breaks = self.next_line()?;
            if stop == Stop::Comment || !goes_on(self) {
                break;
            }
        }
        self.over_comments()?;
        // What goes over several lines is a text: nothing else has white space in it.
        Some(Node { mark, data: Data::Str(whole) })
    }

    fn quoted(&mut self, indent: i32, mark: Mark, in_mapping: bool) -> Option<Node> {
        let from = self.at;
        let value = match self.simply_quoted(self.byte(from)) {
            Some(_) if !in_mapping && self.byte(self.at) == b':' => {
                self.at = from;
                return self.block();
            }
            Some(text) => text.to_string(),
            None => {
                let mut scanner = self.scanner(indent);
                let Ok(Kind::Scalar { value, .. }) = scanner.quoted() else { return None };
                self.come_from(&scanner);
                value
            }
        };
        self.end_line()?;
        Some(Node { mark, data: Data::Str(value) })
    }

    fn block_scalar(&mut self, indent: i32, mark: Mark) -> Option<Node> {
        let literal = self.byte(self.at) == b'|';
        let value = match literal.then(|| self.literal(indent)).flatten() {
            Some(value) => value,
            None => {
                let mut scanner = self.scanner(indent);
                let value = scanner.block(literal).ok()?;
                self.come_from(&scanner);
                // It has gone over the indentation of the next line, if there is one.
                self.at = if scanner.is_end() { self.text.len() } else { self.start };
                self.start = self.at;
                value
            }
        };
        self.indentation()?;
        if !self.is_over() && self.byte(self.at) == b'\n' {
            self.next_line()?;
        }
        self.over_comments()?;
        Some(Node { mark, data: Data::Str(value) })
    }

    /// A literal whose first line tells the indentation. Stops at the beginning of the line behind it.
    fn literal(&mut self, indent: i32) -> Option<String> {
        let (keep, header) = match (self.byte(self.at + 1), self.byte(self.at + 2)) {
            (b'\n', _) => (None, 1),
            (b'-', b'\n') => (Some(false), 2),
            (b'+', b'\n') => (Some(true), 2),
            _ => return None,
        };
        let mut at = self.at + header;
        if at >= self.text.len() {
            return None;
        }
        let mut lines = 0;
        let (mut out, mut breaks, mut width) = (String::new(), 0, None);
        let end = loop {
            // At a line break.
            let begin = at + 1;
            lines += 1;
            let rest = self.text.get(begin..)?;
            let spaces = rest.iter().take_while(|b| **b == b' ').count();
            match (rest.get(spaces), width) {
                (None, _) => return None,
                (Some(b'\n'), None) => (at, breaks) = (begin + spaces, breaks + 1),
                (Some(b'\n'), Some(width)) if spaces <= width => (at, breaks) = (begin + spaces, breaks + 1),
                (Some(_), Some(width)) if spaces < width => break begin,
                (Some(first), _) => {
                    if width.is_none() && (*first == b'\t' || spaces as i32 <= indent.max(0) || breaks > 0) {
                        return None;
                    }
                    let width = *width.get_or_insert(spaces);
                    out.extend(std::iter::repeat_n('\n', breaks));
                    let found = memchr::memchr(b'\n', rest);
                    let length = found.unwrap_or(rest.len());
                    out.push_str(std::str::from_utf8(rest.get(width..length)?).ok()?);
                    (at, breaks) = (begin + length, usize::from(found.is_some()));
                }
            }
            if at + 1 >= self.text.len() {
                break self.text.len();
            }
        };
        match keep {
            None => out.extend((breaks > 0).then_some('\n')),
            Some(true) => out.extend(std::iter::repeat_n('\n', breaks)),
            Some(false) => {}
        }
        width?;
        self.line += lines;
        (self.start, self.at) = (end, end);
        Some(out)
    }

    /// The scanner of the whole grammar, here.
    fn scanner(&self, indent: i32) -> Scanner<'a> {
        let column = (self.at - self.start) as i32;
        let at = Position { byte: self.at, index: 0, line: self.line - 1, column };
        Scanner::within(self.text, at, indent)
    }

    /// Goes to where the scanner came.
    fn come_from(&mut self, scanner: &Scanner<'_>) {
        self.at = scanner.at.byte;
        self.line = scanner.at.line + 1;
        let before = self.text.get(..self.at).unwrap_or_default();
        self.start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    }

    /// A flow collection that ends on its line.
    fn flow(&mut self) -> Option<Node> {
        if self.depth >= DEPTH {
            return None;
        }
        self.depth += 1;
        let mark = self.mark(self.at);
        let is_mapping = self.byte(self.at) == b'{';
        let end = if is_mapping { b'}' } else { b']' };
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        self.at += 1;
        self.over_spaces();
        while self.byte(self.at) != end {
            if is_mapping {
                let key = self.mark(self.at);
                let name = self.flow_key()?;
                entries.push((name, Entry { key, value: self.flow_value()? }));
            } else {
                items.push(self.flow_value()?);
            }
            self.over_spaces();
            match self.byte(self.at) {
                b',' => self.at += 1,
                byte if byte == end => {}
                _ => return None,
            }
            self.over_spaces();
        }
        self.at += 1;
        self.depth -= 1;
        let data = if is_mapping { Data::Map(Entries::from(entries)) } else { Data::Seq(items) };
        Some(Node { mark, data })
    }

    fn over_spaces(&mut self) {
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    fn flow_key(&mut self) -> Option<String> {
        let name = match self.byte(self.at) {
            quote @ (b'"' | b'\'') => self.simply_quoted(quote)?.to_string(),
            _ => plain_key(self.flow_plain()?)?,
        };
        if self.byte(self.at) != b':' || self.byte(self.at + 1) != b' ' {
            return None;
        }
        self.at += 2;
        self.over_spaces();
        Some(name)
    }

    fn flow_value(&mut self) -> Option<Node> {
        let mark = self.mark(self.at);
        let data = match self.byte(self.at) {
            b'[' | b'{' => return self.flow(),
            quote @ (b'"' | b'\'') => Data::Str(self.simply_quoted(quote)?.to_string()),
            _ => plain(self.flow_plain()?)?,
        };
        Some(Node { mark, data })
    }

    fn flow_plain(&mut self) -> Option<&'a str> {
        let from = self.at;
        while IN_KEY[usize::from(self.byte(self.at))] {
            self.at += 1;
        }
        let text = self.piece(from, self.at)?;
        let is_clear =
            !text.is_empty() && text != "-" && matches!(self.byte(self.at), b' ' | b',' | b']' | b'}' | b':');
        is_clear.then_some(text)
    }
}

#[cfg(test)]
mod tests;
