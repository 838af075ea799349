//! The text as tokens: total, lossless, linear. Any text is a sequence of tokens whose ends meet; what is wrong with a
//! token is left to the parser.

use super::chars::{self, LINE, QUOTED, WORD};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// The byte-order mark that may start a text.
    Bom,
    /// A run of blanks.
    Space,
    /// One line end, `\r\n` counted as one.
    Newline,
    /// `// …`, without its line end.
    LineComment,
    /// `/* … */` with the comments in it.
    BlockComment,
    /// A bare string or a number.
    Word,
    /// `#true` and its like: a `#` that starts no raw string, with the word behind it.
    Keyword,
    /// `"…"` on one line.
    Quoted,
    /// `"""…"""`.
    MultiLine,
    /// `#"…"#` on one line.
    Raw,
    /// `#"""…"""#`.
    RawMultiLine,
    /// `/-`
    Slashdash,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `(`
    OpenParen,
    /// `)`
    CloseParen,
    /// `;`
    Semicolon,
    /// `=`
    Equals,
    /// `\`, which takes the next line into this one.
    Backslash,
    /// A character that can start nothing.
    Other,
    /// The end of the text; no iterator gives it.
    End,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Whether it has its end: a string its quote, a comment its `*/`.
    pub closed: bool,
    /// A string with a backslash in it, or a comment with a comment in it.
    pub(super) complex: bool,
    /// The offset of its first byte.
    pub start: u32,
    /// The offset behind its last byte.
    pub end: u32,
}

/// The tokens of a text. Their ends meet: put together they are the text.
#[derive(Clone, Debug)]
pub struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

/// The tokens of `text`.
pub fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, at: 0 }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let token = self.token();
        (token.kind != TokenKind::End).then_some(token)
    }
}

/// What a look finds: the kind, the end, whether closed, whether complex.
type Found = (TokenKind, usize, bool, bool);

impl Tokens<'_> {
    /// The next token; behind the last one the end, again and again.
    #[inline]
    pub(super) fn token(&mut self) -> Token {
        let start = self.at;
        let (kind, end, closed, complex) = self.look();
        self.at = end;
        Token { kind, closed, complex, start: start as u32, end: end as u32 }
    }

    #[inline]
    fn byte(&self, at: usize) -> u8 {
        // A 0 stands for the end: nothing asks of a NUL what it would not ask of the end.
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    #[inline]
    fn look(&self) -> Found {
        let Some(&first) = self.text.as_bytes().get(self.at) else { return (TokenKind::End, self.at, true, false) };
        let next = self.at + 1;
        let one = |kind| (kind, next, true, false);
        match first {
            b' ' | b'\t' => (TokenKind::Space, self.space_end(next), true, false),
            b'\n' | 0x0B | 0x0C => one(TokenKind::Newline),
            b'\r' => (TokenKind::Newline, next + usize::from(self.byte(next) == b'\n'), true, false),
            b'"' => self.quoted(),
            b'{' => one(TokenKind::OpenBrace),
            b'}' => one(TokenKind::CloseBrace),
            b'=' => one(TokenKind::Equals),
            b';' => one(TokenKind::Semicolon),
            b'(' => one(TokenKind::OpenParen),
            b')' => one(TokenKind::CloseParen),
            b'\\' => one(TokenKind::Backslash),
            b'/' => self.slash(),
            b'#' => self.hash(),
            b'[' | b']' => one(TokenKind::Other),
            _ if chars::is(first, WORD) => (TokenKind::Word, self.word_end(next), true, false),
            _ => self.beyond_ascii(),
        }
    }

    /// The character at an offset; a blank behind the end.
    fn char(&self, at: usize) -> char {
        self.text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ')
    }

    fn beyond_ascii(&self) -> Found {
        let c = self.char(self.at);
        let next = self.at + c.len_utf8();
        let kind = match c {
            '\u{FEFF}' if self.at == 0 => TokenKind::Bom,
            c if chars::is_newline(c) => TokenKind::Newline,
            c if chars::is_space(c) => return (TokenKind::Space, self.space_end(next), true, false),
            _ => return (TokenKind::Word, self.word_end(next), true, false),
        };
        (kind, next, true, false)
    }

    #[inline]
    fn word_end(&self, mut at: usize) -> usize {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(at) {
            if chars::is(byte, WORD) {
                at += 1;
            } else if byte < 0x80 || !chars::is_word(self.char(at)) {
                break;
            } else {
                at += self.char(at).len_utf8();
            }
        }
        at
    }

    #[inline]
    fn space_end(&self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                b' ' | b'\t' => at += 1,
                byte if byte >= 0x80 && chars::is_space(self.char(at)) => at += self.char(at).len_utf8(),
                _ => return at,
            }
        }
    }

    /// The end of the line that `at` is in, before its line end.
    fn line_end(&self, mut at: usize) -> usize {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(at) {
            if chars::is(byte, LINE) {
                at += 1;
            } else if byte < 0x80 || chars::is_newline(self.char(at)) {
                break;
            } else {
                at += self.char(at).len_utf8();
            }
        }
        at
    }

    fn slash(&self) -> Found {
        let next = self.at + 2;
        match self.byte(self.at + 1) {
            b'/' => (TokenKind::LineComment, self.line_end(next), true, false),
            b'-' => (TokenKind::Slashdash, next, true, false),
            b'*' => self.block_comment(),
            _ => (TokenKind::Other, self.at + 1, true, false),
        }
    }

    fn block_comment(&self) -> Found {
        let mut scan = CommentScan::new(self.text, self.at);
        let mut nested = false;
        while let Some(depth) = scan.step() {
            nested |= depth > 1;
            if depth == 0 {
                return (TokenKind::BlockComment, scan.at, true, nested);
            }
        }
        (TokenKind::BlockComment, self.text.len(), false, nested)
    }

    /// A quoted string. One that is not closed ends with its line; of several lines, with the text.
    #[inline]
    fn quoted(&self) -> Found {
        if self.byte(self.at + 1) == b'"' && self.byte(self.at + 2) == b'"' {
            return self.multi_line();
        }
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        let mut complex = false;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                _ if chars::is(byte, QUOTED) => at += 1,
                b'"' => return (TokenKind::Quoted, at + 1, true, complex),
                b'\\' => {
                    complex = true;
                    at = self.escape_end(at);
                }
                byte if byte < 0x80 || chars::is_newline(self.char(at)) => break,
                _ => at += self.char(at).len_utf8(),
            }
        }
        (TokenKind::Quoted, at, false, complex)
    }

    /// The end of the escape at `at`: a backslash takes one character, or all blanks and line ends.
    fn escape_end(&self, at: usize) -> usize {
        let rest = self.text.get(at + 1..).unwrap_or("");
        let blank = rest.trim_start_matches(|c| chars::is_space(c) || chars::is_newline(c));
        if blank.len() < rest.len() {
            return self.text.len() - blank.len();
        }
        at + 1 + rest.chars().next().map_or(0, char::len_utf8)
    }

    /// `"""…"""`. Without a line end behind its opening it is broken, and is held to end with its line.
    fn multi_line(&self) -> Found {
        let mut at = self.at + 3;
        let single = !chars::is_newline(self.char(at));
        let mut complex = false;
        while let Some(byte) = self.body_byte(at, single) {
            match byte {
                b'\\' => {
                    complex = true;
                    at = self.escape_end(at);
                }
                b'"' if self.byte(at + 1) == b'"' && self.byte(at + 2) == b'"' => {
                    return (TokenKind::MultiLine, at + 3, true, complex);
                }
                _ => at += 1,
            }
        }
        (TokenKind::MultiLine, at.min(self.text.len()), false, complex)
    }

    /// The byte at `at`, unless the text ends there, or the line where it has to be a `single` one.
    #[inline]
    fn body_byte(&self, at: usize, single: bool) -> Option<u8> {
        let byte = self.text.as_bytes().get(at).copied()?;
        let ends = single && !chars::is(byte, LINE) && (byte < 0x80 || chars::is_newline(self.char(at)));
        (!ends).then_some(byte)
    }

    /// A raw string or a keyword.
    fn hash(&self) -> Found {
        let bytes = self.text.as_bytes();
        let hashes = bytes.get(self.at..).unwrap_or(&[]).iter().take_while(|&&b| b == b'#').count();
        let open = self.at + hashes;
        if self.byte(open) != b'"' {
            return (TokenKind::Keyword, self.word_end(open), true, false);
        }
        if self.byte(open + 1) == b'"' && self.byte(open + 2) == b'"' {
            let single = !chars::is_newline(self.char(open + 3));
            let (end, closed) = self.raw_end(open + 3, single, 3, hashes);
            return (TokenKind::RawMultiLine, end, closed, false);
        }
        let (end, closed) = self.raw_end(open + 1, true, 1, hashes);
        (TokenKind::Raw, end, closed, false)
    }

    /// The end of a raw string: `quotes` quotes with `hashes` hashes behind them.
    fn raw_end(&self, mut at: usize, single: bool, quotes: usize, hashes: usize) -> (usize, bool) {
        let bytes = self.text.as_bytes();
        let run = |from: usize, byte: u8| bytes.get(from..).unwrap_or(&[]).iter().take_while(|&&b| b == byte).count();
        while let Some(byte) = self.body_byte(at, single) {
            if byte != b'"' {
                at += 1;
                continue;
            }
            let quoted = run(at, b'"');
            let hashed = run(at + quoted, b'#').min(hashes);
            at += quoted + hashed;
            if quoted >= quotes && hashed == hashes {
                return (at, true);
            }
        }
        (at, false)
    }
}

/// A walk over the opening and closing marks of a block comment.
pub(super) struct CommentScan<'t> {
    text: &'t str,
    /// The offset behind the last mark.
    pub at: usize,
    depth: usize,
}

impl<'t> CommentScan<'t> {
    /// A walk over the comment that starts at `at`.
    pub fn new(text: &'t str, at: usize) -> CommentScan<'t> {
        CommentScan { text, at, depth: 0 }
    }

    /// Goes behind the next mark and gives the depth there; nothing at the end of the text.
    pub fn step(&mut self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        loop {
            let found = self.at + memchr::memchr2(b'/', b'*', bytes.get(self.at..)?)?;
            self.at = found + 2;
            match (bytes.get(found)?, bytes.get(found + 1)?) {
                (b'/', b'*') => self.depth += 1,
                (b'*', b'/') => self.depth = self.depth.saturating_sub(1),
                _ => {
                    self.at = found + 1;
                    continue;
                }
            }
            return Some(self.depth);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        tokens(text).map(|t| (t.kind, &text[t.start as usize..t.end as usize])).collect()
    }

    #[test]
    fn ends_meet() {
        for text in [
            "a b=\"c\" {\r\n}\n",
            "\u{FEFF}/* /* */ x",
            "#\"a\"# ##\"b\"#\"## #\"\"\"\n\"\"\"#",
            "\"\\",
            "é\u{3000}#",
            "r\"\"\"",
        ] {
            let pieces: String = kinds(text).into_iter().map(|(_, piece)| piece).collect();
            assert_eq!(pieces, text);
        }
    }

    #[test]
    fn raw_strings_end_at_their_hashes() {
        assert_eq!(kinds("##\"a\"#b\"##")[0], (TokenKind::Raw, "##\"a\"#b\"##"));
        assert_eq!(kinds("#\"\"#")[0], (TokenKind::Raw, "#\"\"#"));
        assert_eq!(kinds("#true")[0], (TokenKind::Keyword, "#true"));
    }

    #[test]
    fn an_open_string_ends_with_its_line() {
        assert_eq!(kinds("\"a b\nc")[0], (TokenKind::Quoted, "\"a b"));
        assert!(!tokens("\"a b\nc").next().is_some_and(|t| t.closed));
    }
}
