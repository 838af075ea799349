//! Scalars: without quotes over one line or several, in quotes, and in blocks.

use super::super::node::{Data, Mark, Node};
use super::super::scan::{Kind, Position, Scanner};
use super::{Quick, Stop, plain};

impl<'a> Quick<'a> {
    /// Where the scalar without quotes ends that begins or goes on here, on this line.
    pub(super) fn plain_end(&self) -> Option<(usize, Stop)> {
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

    pub(super) fn plain(&mut self, indent: i32, mark: Mark, end: usize, stop: Stop) -> Option<Node> {
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
        Some(Node { mark, data: Data::Str(whole.into()) })
    }

    pub(super) fn quoted(&mut self, indent: i32, mark: Mark, in_mapping: bool) -> Option<Node> {
        let from = self.at;
        let value = match self.simply_quoted(self.byte(from)) {
            Some(_) if !in_mapping && self.byte(self.at) == b':' => {
                self.at = from;
                return self.block();
            }
            Some(text) => text.into(),
            None => {
                let mut scanner = self.scanner(indent);
                let Ok(Kind::Scalar { value, .. }) = scanner.quoted() else { return None };
                self.come_from(&scanner);
                value.into()
            }
        };
        self.end_line()?;
        Some(Node { mark, data: Data::Str(value) })
    }

    pub(super) fn block_scalar(&mut self, indent: i32, mark: Mark) -> Option<Node> {
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
        Some(Node { mark, data: Data::Str(value.into()) })
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
                    out.push_str(self.piece(begin + width, begin + length)?);
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
}
