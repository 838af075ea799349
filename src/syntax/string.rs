//! What string tokens say: quotes, escapes, the indentation of strings of several lines.

use super::chars;
use std::borrow::Cow;

/// What a string without escapes says: the text between its marks. Also right for bare strings.
#[inline]
pub(super) fn plain(raw: &str) -> &str {
    match raw.as_bytes().first() {
        Some(b'"' | b'#') => between_marks(raw),
        _ => raw,
    }
}

fn between_marks(raw: &str) -> &str {
    if let [b'"', .., b'"'] = raw.as_bytes() {
        return raw.get(1..raw.len() - 1).unwrap_or("");
    }
    let hashes = raw.bytes().take_while(|b| *b == b'#').count();
    let Some(open) = raw.get(hashes..).and_then(|rest| rest.strip_prefix('"')) else { return raw };
    let body = open.get(..open.len().saturating_sub(hashes)).unwrap_or("");
    body.strip_suffix('"').unwrap_or(body)
}

/// A string as it can be written: bare where that says the same, else in quotes on one line.
pub fn quoted(says: &str) -> Cow<'_, str> {
    if chars::is_bare(says) {
        return Cow::Borrowed(says);
    }
    let mut out = String::with_capacity(says.len() + 2);
    out.push('"');
    for c in says.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if chars::is_newline(c) || chars::is_forbidden(c) => {
                out.push_str(&format!("\\u{{{:X}}}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    Cow::Owned(out)
}

/// What is wrong in a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StringFault {
    /// The range in the string as written.
    pub start: usize,
    pub end: usize,
    pub what: StringFaultKind,
}

/// The ways in which a string can be wrong inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StringFaultKind {
    /// A backslash with a character that makes no escape.
    UnknownEscape,
    /// A `\u{…}` without one to six hexadecimal digits in braces.
    UnicodeForm,
    /// A `\u{…}` that is no character.
    UnicodeValue,
    /// `"""` with something else than a line end behind it.
    NoLineEnd,
    /// The last line holds more than blanks and the closing quotes.
    LastLine,
    /// A line does not start with the blanks of the last one.
    Indentation,
}

/// Takes a string apart: `emit` gets each piece of what it says with the range in `raw` that says it.
pub(super) fn decode(raw: &str, emit: &mut dyn FnMut(usize, usize, &str), fault: &mut dyn FnMut(StringFault)) {
    let hashes = raw.bytes().take_while(|b| *b == b'#').count();
    let multi_line = raw.get(hashes..).is_some_and(|rest| rest.starts_with("\"\"\""));
    let marks = if multi_line { hashes + 3 } else { hashes + 1 };
    let start = marks.min(raw.len());
    let closing = format!("{}{}", if multi_line { "\"\"\"" } else { "\"" }, "#".repeat(hashes));
    let end = if raw.len() >= start + marks && raw.ends_with(&closing) { raw.len() - marks } else { raw.len() };
    let mut body = Body { raw, end, escapes: hashes == 0, emit, fault };
    if multi_line { body.lines(start) } else { body.run(start, end) }
}

/// Where in a string as written stands what it says. Taken once, it finds each place without reading the string again.
pub(super) struct Places {
    /// The length of the string as written.
    len: usize,
    /// The length of the marks before a string that was not decoded.
    open: usize,
    pieces: Vec<Piece>,
}

/// A piece of what a string says, from `said` on, and the range that says it.
struct Piece {
    said: usize,
    len: usize,
    from: usize,
    to: usize,
}

impl Places {
    pub fn new(raw: &str, decoded: bool) -> Places {
        let hashes = raw.bytes().take_while(|b| *b == b'#').count();
        let open = if raw.get(hashes..).is_some_and(|r| r.starts_with('"')) { hashes + 1 } else { 0 };
        let (mut pieces, mut said) = (Vec::new(), 0);
        if decoded {
            let mut emit = |from, to, piece: &str| {
                pieces.push(Piece { said, len: piece.len(), from, to });
                said += piece.len();
            };
            decode(raw, &mut emit, &mut |_| {});
        }
        Places { len: raw.len(), open, pieces }
    }

    /// The range in the string as written of a range in what it says.
    pub fn locate(&self, range: std::ops::Range<usize>) -> (usize, usize) {
        if self.pieces.is_empty() {
            let clamp = |n: usize| (self.open + n).min(self.len);
            return (clamp(range.start), clamp(range.end));
        }
        let start = self.piece(range.start).map_or(self.len, |p| p.within(range.start, p.from));
        if range.is_empty() {
            return (start, start);
        }
        let end = self.piece(range.end - 1).map_or(self.len, |p| p.within(range.end, p.to));
        (start, end.max(start))
    }

    fn piece(&self, said: usize) -> Option<&Piece> {
        let behind = self.pieces.partition_point(|p| p.said <= said);
        // Behind the last character the place is the end of the last piece.
        self.pieces.get(behind.checked_sub(1)?)
    }
}

impl Piece {
    /// The place of an offset: in a piece that stands for itself they move together, an escape is one place.
    fn within(&self, said: usize, edge: usize) -> usize {
        let behind = said.saturating_sub(self.said);
        if behind >= self.len && behind > 0 {
            self.to
        } else if self.to - self.from == self.len {
            self.from + behind
        } else {
            edge
        }
    }
}

struct Body<'r, 'f> {
    raw: &'r str,
    end: usize,
    escapes: bool,
    emit: &'f mut dyn FnMut(usize, usize, &str),
    fault: &'f mut dyn FnMut(StringFault),
}

impl<'r> Body<'r, '_> {
    fn slice(&self, start: usize, end: usize) -> &'r str {
        self.raw.get(start..end).unwrap_or("")
    }

    fn char(&self, at: usize) -> Option<char> {
        self.slice(at, self.end).chars().next()
    }

    fn faulty(&mut self, start: usize, end: usize, what: StringFaultKind) {
        (self.fault)(StringFault { start, end, what });
    }

    /// Emits `start..end`, escapes resolved.
    fn run(&mut self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            let rest = self.slice(at, end);
            let plain = if self.escapes { rest.find('\\').unwrap_or(rest.len()) } else { rest.len() };
            if plain > 0 {
                let piece = self.slice(at, at + plain);
                (self.emit)(at, at + plain, piece);
                at += plain;
            }
            if at < end {
                at = self.escape(at);
            }
        }
    }

    /// Emits what the escape at `at` stands for and gives its end.
    fn escape(&mut self, at: usize) -> usize {
        let Some(c) = self.char(at + 1) else { return at + 1 };
        let end = at + 1 + c.len_utf8();
        let says = match c {
            '"' => "\"",
            '\\' => "\\",
            'b' => "\u{8}",
            'f' => "\u{C}",
            'n' => "\n",
            'r' => "\r",
            't' => "\t",
            's' => " ",
            'u' => return self.unicode(at),
            c if chars::is_space(c) || chars::is_newline(c) => return self.blank_end(at + 1),
            _ => {
                self.faulty(at, end, StringFaultKind::UnknownEscape);
                self.slice(at, end)
            }
        };
        (self.emit)(at, end, says);
        end
    }

    fn unicode(&mut self, at: usize) -> usize {
        let open = at + 2;
        let digits = self.slice(open + 1, self.end).bytes().take_while(u8::is_ascii_hexdigit).count();
        let close = open + 1 + digits;
        if self.char(open) != Some('{') || self.char(close) != Some('}') || !(1..=6).contains(&digits) {
            let end = if self.char(open) == Some('{') {
                (close + usize::from(self.char(close) == Some('}'))).min(self.end)
            } else {
                open
            };
            self.faulty(at, end, StringFaultKind::UnicodeForm);
            return end;
        }
        let code = u32::from_str_radix(self.slice(open + 1, close), 16).ok();
        match code.and_then(char::from_u32) {
            Some(c) => (self.emit)(at, close + 1, c.encode_utf8(&mut [0; 4])),
            None => self.faulty(at, close + 1, StringFaultKind::UnicodeValue),
        }
        close + 1
    }

    /// The end of the blanks and line ends at `at`.
    fn blank_end(&self, at: usize) -> usize {
        let rest = self.slice(at, self.end);
        at + rest.find(|c| !chars::is_space(c) && !chars::is_newline(c)).unwrap_or(rest.len())
    }

    /// Emits the lines of a string of several lines, whose text starts at `open`, without their common indentation.
    fn lines(&mut self, open: usize) {
        let start = open + self.newline(open);
        if start == open {
            self.faulty(open.saturating_sub(3), self.end, StringFaultKind::NoLineEnd);
            return self.run(open, self.end);
        }
        let last = self.last_line(start);
        let prefix = self.prefix(last);
        let mut at = start;
        let mut first = true;
        while at < last {
            if !first {
                let before = at - self.newline_before(at);
                (self.emit)(before, at, "\n");
            }
            first = false;
            at = self.line(at, &prefix);
        }
    }

    /// The length of the line end at `at`.
    fn newline(&self, at: usize) -> usize {
        match self.char(at) {
            Some('\r') if self.char(at + 1) == Some('\n') => 2,
            Some(c) if chars::is_newline(c) => c.len_utf8(),
            _ => 0,
        }
    }

    fn newline_before(&self, at: usize) -> usize {
        let before = self.slice(0, at);
        if before.ends_with("\r\n") { 2 } else { before.chars().next_back().map_or(0, char::len_utf8) }
    }

    /// The end of the line at `at`, before its line end. A line end behind a backslash does not end it.
    fn line_end(&self, mut at: usize) -> usize {
        while let Some(c) = self.char(at) {
            if chars::is_newline(c) {
                break;
            }
            at = if c == '\\' && self.escapes { self.escape_end(at) } else { at + c.len_utf8() };
        }
        at
    }

    fn escape_end(&self, at: usize) -> usize {
        let blank = self.blank_end(at + 1);
        if blank > at + 1 { blank } else { at + 1 + self.char(at + 1).map_or(0, char::len_utf8) }
    }

    /// Where the last line starts.
    fn last_line(&self, start: usize) -> usize {
        let mut at = start;
        loop {
            let end = self.line_end(at);
            let newline = self.newline(end);
            if newline == 0 {
                return at;
            }
            at = end + newline;
        }
    }

    /// The blanks of the last line, which are the indentation of all.
    fn prefix(&mut self, last: usize) -> String {
        let (at, prefix) = self.blanks(last);
        if at < self.end {
            self.faulty(at, self.end, StringFaultKind::LastLine);
        }
        prefix
    }

    /// The blanks at `at`, those behind a backslash left out, with the offset behind them.
    fn blanks(&self, mut at: usize) -> (usize, String) {
        let mut blanks = String::new();
        while let Some(c) = self.char(at) {
            if chars::is_space(c) {
                blanks.push(c);
                at += c.len_utf8();
            } else if c == '\\' && self.escapes && self.blank_end(at + 1) > at + 1 {
                at = self.blank_end(at + 1);
            } else {
                break;
            }
        }
        (at, blanks)
    }

    /// Emits the line at `at` and gives the start of the next one.
    fn line(&mut self, at: usize, prefix: &str) -> usize {
        let (text, _) = self.blanks(at);
        let newline = self.newline(text);
        if newline > 0 {
            return text + newline;
        }
        let end = self.line_end(text);
        match self.behind_prefix(at, prefix) {
            Some(from) => self.run(from, end),
            None => {
                self.faulty(at, text, StringFaultKind::Indentation);
                self.run(text, end);
            }
        }
        end + self.newline(end)
    }

    /// The offset behind `prefix` in the line at `at`.
    fn behind_prefix(&self, mut at: usize, prefix: &str) -> Option<usize> {
        for expected in prefix.chars() {
            while self.escapes && self.char(at) == Some('\\') && self.blank_end(at + 1) > at + 1 {
                at = self.blank_end(at + 1);
            }
            if self.char(at) != Some(expected) {
                return None;
            }
            at += expected.len_utf8();
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(raw: &str) -> String {
        let mut out = String::new();
        decode(raw, &mut |_, _, piece| out.push_str(piece), &mut |fault| panic!("{fault:?}"));
        out
    }

    #[test]
    fn escapes_and_lines_are_resolved() {
        assert_eq!(says(r#""a\n\u{1F600}\s\"b\   c""#), "a\n\u{1F600} \"bc");
        assert_eq!(says("\"\"\"\n    a\n\n      b \\\n   c\n    \"\"\""), "a\n\n  b c");
        assert_eq!(says("#\"\"\"\r\n  a\\n\r\n  \"\"\"#"), "a\\n");
        assert_eq!(says("\"\"\"\n\"\"\""), "");
    }

    #[test]
    fn what_is_quoted_says_the_same() {
        for text in
            ["bare", "two words", "", "true", "-1", ".5", "\"\\\n\t", "\u{7F}\u{202E}\u{2028}", "{x}", "a#b", "grün"]
        {
            let quoted = quoted(text);
            let says = if quoted.starts_with('"') { says(&quoted) } else { quoted.to_string() };
            assert_eq!(says, text);
        }
        assert_eq!(quoted("bare"), "bare");
        assert_eq!(quoted("inf"), "\"inf\"");
    }

    #[test]
    fn places_go_through_escapes() {
        let raw = r#""a\n{x}""#;
        assert_eq!(says(raw), "a\n{x}");
        let places = Places::new(raw, true);
        assert_eq!(places.locate(2..5), (4, 7));
        assert_eq!(places.locate(1..2), (2, 4));
        assert_eq!(places.locate(5..5), (7, 7));
        assert_eq!(Places::new("#\"ab\"#", false).locate(1..2), (3, 4));
        assert_eq!(Places::new("ab", false).locate(1..2), (1, 2));
        assert_eq!(Places::new("\"\"\"\n  ab\n  {x}\n  \"\"\"", true).locate(3..6), (11, 14));
    }
}
