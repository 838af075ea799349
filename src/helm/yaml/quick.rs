//! Reads straight away what most texts are made of: block mappings and sequences of scalars, and flow collections within a
//! line, in which every key is seen to be one on its own line. So no token need wait, and nothing is copied twice.
//!
//! It never refuses and never guesses. Where anything stands that is not clearly that (an anchor, a tag, a tab, a mistake), it
//! answers nothing, and the whole grammar is asked, whose answers it gives where it gives any.

mod flow;
mod scalars;

use super::entries::Entries;
use super::node::{Data, Entry, Mark, Node, Text};
use super::parse::key_text;
use super::resolve::meaning;
use super::scan::{Through, all_but, only};

/// How deep collections lie in one another at most, here.
const DEPTH: usize = 200;
/// How long a key may be: a good deal less than what the grammar allows.
const KEY: usize = 500;

/// What may stand in a key without quotes; and what in a scalar of a flow collection.
static IN_KEY: Through = all_but(b" :,?[]{}#&*!|>'\"%@`");
/// Characters that a scalar without quotes does not begin with.
static INDICATORS: Through = only(b"-?:,[]{}#&*!|>'\"%@`");

/// Reads a document whose characters are all allowed. Nothing: the whole grammar must be asked.
pub(super) fn read(chars: &str) -> Option<Node> {
    let text = chars.as_bytes();
    if has_odd_breaks(text) {
        return None;
    }
    let mut quick =
        Quick { text, chars, line: 1, start: 0, at: 0, column: 0, depth: 0, entries: Vec::new(), items: Vec::new() };
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
        None => Some(Data::Str(text.into())),
        Some(Data::Float(n)) if !n.is_finite() => None,
        data => data,
    }
}

/// A key without quotes; nothing where it would merge.
fn plain_key(text: &str) -> Option<Text> {
    match plain(text)? {
        Data::Str(name) => (name != "<<").then_some(name),
        data => key_text(&Node { mark: Mark::default(), data }).ok(),
    }
}

struct Quick<'a> {
    text: &'a [u8],
    /// The same, known to be one.
    chars: &'a str,
    /// The line, from 1.
    line: u32,
    /// Where it begins.
    start: usize,
    /// Where we are in it.
    at: usize,
    /// Its indentation; -1 behind the last line.
    column: i32,
    depth: usize,
    /// The entries of the mappings that are being read, those of the innermost last: how many there are is known at the end of each,
    /// and then they take no more memory than they need.
    entries: Vec<(Text, Entry)>,
    /// The same for the items of sequences.
    items: Vec<Node>,
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
        self.chars.get(from..to)
    }

    /// The place of a byte of this line before which all is ASCII.
    fn mark(&self, at: usize) -> Mark {
        Mark { line: self.line, column: (at - self.start) as u32 + 1 }
    }

    fn first_line(&mut self) -> Option<()> {
        // What is made by machines says so above the line that begins the document.
        let (mut at, mut line) = (0, 1);
        while let [b'#' | b'\n', ..] = self.text.get(at..)? {
            at += memchr::memchr(b'\n', self.text.get(at..)?)? + 1;
            line += 1;
        }
        if self.text.get(at..)?.starts_with(b"---\n") {
            (self.start, self.at, self.line) = (at + 4, at + 4, line + 1);
        }
        self.indentation()?;
        self.over_comments()
    }

    /// Goes over the indentation of the line.
    fn indentation(&mut self) -> Option<()> {
        self.at = self.start;
        self.over_spaces();
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

    /// Goes over spaces.
    fn over_spaces(&mut self) {
        // What is deep in an object is far to the right.
        while self.text.get(self.at..self.at + 8) == Some(b"        ") {
            self.at += 8;
        }
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    /// Ends a line on which nothing more may stand but a comment.
    fn end_line(&mut self) -> Option<()> {
        let from = self.at;
        self.over_spaces();
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
        let (mark, first) = (self.mark(self.at), self.entries.len());
        loop {
            let key = self.mark(self.at);
            let name = self.key()?;
            let colon = self.mark(self.at);
            self.at += 1;
            let value = self.value(column, colon, true)?;
            self.entries.push((name, Entry { key, value }));
            if self.column != column {
                break;
            }
        }
        let entries = self.entries.split_off(first);
        (self.column < column).then(|| Node { mark, data: Data::Map(Entries::from(entries)) })
    }

    /// A sequence whose items begin at a column.
    fn sequence(&mut self, column: i32) -> Option<Node> {
        let (mark, first) = (self.mark(self.at), self.items.len());
        loop {
            let dash = self.mark(self.at);
            self.at += 1;
            let item = self.value(column, dash, false)?;
            self.items.push(item);
            if self.column != column || !self.is_item() {
                break;
            }
        }
        let items = self.items.split_off(first);
        (self.column <= column).then_some(Node { mark, data: Data::Seq(items) })
    }

    /// A key; stops at its colon.
    fn key(&mut self) -> Option<Text> {
        let from = self.at;
        let first = self.byte(from);
        let name = match first {
            b'"' | b'\'' => self.simply_quoted(first)?.into(),
            _ if INDICATORS[usize::from(first)] => return None,
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
        self.over_spaces();
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
            _ if INDICATORS[usize::from(first)] && !matches!(first, b'-' | b'?' | b':') => None,
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
            // `{}` on a line of its own is what charts write for nothing, as `toYaml` and `nindent` put it.
            if !matches!(self.byte(self.at), b'[' | b'{') {
                return self.block();
            }
            let node = self.flow()?;
            self.end_line()?;
            return (self.column <= indent).then_some(node);
        }
        if in_mapping && self.column == indent && self.is_item() {
            return self.sequence(indent);
        }
        Some(Node { mark: nothing, data: Data::Null })
    }
}

#[cfg(test)]
mod tests;
