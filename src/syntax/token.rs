//! The text as tokens: total, lossless, linear. Any text is a sequence of tokens whose ends meet; what is wrong with a
//! token is left to the parser.

use super::chars::{self, BLANK, LINE, QUOTED, WORD};

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
    /// [`OPEN`], [`COMPLEX`] and [`BRACED`].
    marks: u8,
    /// The offset of its first byte.
    pub start: u32,
    /// The offset behind its last byte.
    pub end: u32,
}

/// Of a string or a comment: its end is missing.
const OPEN: u8 = 1;
/// Of a string: there is a backslash in it; of a comment: there is a comment in it.
const COMPLEX: u8 = 2;
/// Of a string: there may be a brace in it.
const BRACED: u8 = 4;

impl Token {
    /// Whether it has its end: a string its quote, a comment its `*/`.
    #[inline]
    pub fn closed(self) -> bool {
        self.marks & OPEN == 0
    }

    /// Whether it is a string with a backslash in it, or a comment with a comment in it.
    #[inline]
    pub(super) fn complex(self) -> bool {
        self.marks & COMPLEX != 0
    }

    /// Whether it is a string of which it is not known that no brace is in it.
    #[inline]
    pub(super) fn braced(self) -> bool {
        self.marks & BRACED != 0
    }
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

/// What a look finds: the kind, the end, the marks.
type Found = (TokenKind, usize, u8);

impl Tokens<'_> {
    /// The next token; behind the last one the end, again and again.
    #[inline]
    pub(super) fn token(&mut self) -> Token {
        let mut token = Token { kind: TokenKind::End, marks: 0, start: 0, end: 0 };
        self.read(&mut token);
        token
    }

    /// Puts the [`token`](Tokens::token) into its place.
    #[inline]
    pub(super) fn read(&mut self, into: &mut Token) {
        let single = match self.byte(self.at) {
            b'\n' => TokenKind::Newline,
            b'{' => TokenKind::OpenBrace,
            b'}' => TokenKind::CloseBrace,
            b'=' => TokenKind::Equals,
            b'"' => return self.read_quoted(into),
            // The end, or what stands for it.
            0 => return self.read_any(into),
            byte if chars::is(byte, WORD) => return self.read_word(into),
            _ => return self.read_any(into),
        };
        self.put((single, self.at + 1, 0), into);
    }

    fn read_word(&mut self, into: &mut Token) {
        let end = self.run(self.at + 1, WORD);
        if self.byte(end) >= 0x80 {
            return self.read_any(into);
        }
        self.put((TokenKind::Word, end, 0), into);
    }

    fn read_quoted(&mut self, into: &mut Token) {
        let end = self.run(self.at + 1, QUOTED);
        // At once behind the quote it may be the first of three.
        if self.byte(end) != b'"' || end == self.at + 1 {
            return self.read_any(into);
        }
        self.put((TokenKind::Quoted, end + 1, 0), into);
    }

    fn read_any(&mut self, into: &mut Token) {
        self.put(self.look(), into);
    }

    #[inline]
    fn put(&mut self, (kind, end, marks): Found, into: &mut Token) {
        *into = Token { kind, marks, start: self.at as u32, end: end as u32 };
        self.at = end;
    }

    /// Goes behind the blanks in ASCII that come next; whether there were any.
    #[inline]
    pub(super) fn skip_blanks(&mut self) -> bool {
        let start = self.at;
        while matches!(self.byte(self.at), b' ' | b'\t') {
            self.at += 1;
        }
        self.at > start
    }

    /// Goes behind the blanks and empty lines that come next, as far as they are ASCII, and gives the start of the line
    /// that it stops in; nothing when no line ends there.
    #[inline]
    pub(super) fn skip_lines(&mut self) -> Option<u32> {
        let mut line = None;
        loop {
            // Most blanks are the indentation of a line.
            while self.text.as_bytes().get(self.at..self.at + 4) == Some(b"    ") {
                self.at += 4;
            }
            match self.byte(self.at) {
                b' ' | b'\t' => self.at += 1,
                b'\n' => {
                    self.at += 1;
                    line = Some(self.at as u32);
                }
                _ => return line,
            }
        }
    }

    #[inline]
    fn byte(&self, at: usize) -> u8 {
        // A 0 stands for the end: nothing asks of a NUL what it would not ask of the end.
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// The end of the bytes of a class that start at `at`.
    #[inline]
    fn run(&self, at: usize, class: u8) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or(&[]);
        at + rest.iter().position(|&byte| !chars::is(byte, class)).unwrap_or(rest.len())
    }

    #[inline(always)]
    fn look(&self) -> Found {
        let Some(&first) = self.text.as_bytes().get(self.at) else { return (TokenKind::End, self.at, 0) };
        let next = self.at + 1;
        let one = |kind| (kind, next, 0);
        match first {
            b' ' | b'\t' => (TokenKind::Space, self.space_end(next), 0),
            b'\n' | 0x0B | 0x0C => one(TokenKind::Newline),
            b'\r' => (TokenKind::Newline, next + usize::from(self.byte(next) == b'\n'), 0),
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
            _ if chars::is(first, WORD) => (TokenKind::Word, self.word_end(next), 0),
            _ => self.beyond_ascii(),
        }
    }

    /// The character at an offset; a blank behind the end.
    #[cold]
    fn char(&self, at: usize) -> char {
        self.text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ')
    }

    #[cold]
    fn beyond_ascii(&self) -> Found {
        let c = self.char(self.at);
        let next = self.at + c.len_utf8();
        let kind = match c {
            '\u{FEFF}' if self.at == 0 => TokenKind::Bom,
            c if chars::is_newline(c) => TokenKind::Newline,
            c if chars::is_space(c) => return (TokenKind::Space, self.space_end(next), 0),
            _ => return (TokenKind::Word, self.word_end(next), 0),
        };
        (kind, next, 0)
    }

    #[inline]
    fn word_end(&self, at: usize) -> usize {
        let at = self.run(at, WORD);
        if self.byte(at) < 0x80 { at } else { self.class_end(at, WORD, chars::is_word) }
    }

    /// The end of the bytes of a class, and of the characters beyond ASCII that belong to it, from one of those on.
    #[cold]
    fn class_end(&self, mut at: usize, class: u8, belongs: fn(char) -> bool) -> usize {
        while self.byte(at) >= 0x80 && belongs(self.char(at)) {
            at = self.run(at + self.char(at).len_utf8(), class);
        }
        at
    }

    #[inline]
    fn space_end(&self, at: usize) -> usize {
        let at = self.run(at, BLANK);
        if self.byte(at) < 0x80 { at } else { self.class_end(at, BLANK, chars::is_space) }
    }

    /// The end of the line that `at` is in, before its line end.
    fn line_end(&self, at: usize) -> usize {
        let at = self.run(at, LINE);
        if self.byte(at) < 0x80 { at } else { self.class_end(at, LINE, |c| !chars::is_newline(c)) }
    }

    fn slash(&self) -> Found {
        let next = self.at + 2;
        match self.byte(self.at + 1) {
            b'/' => (TokenKind::LineComment, self.line_end(next), 0),
            b'-' => (TokenKind::Slashdash, next, 0),
            b'*' => self.block_comment(),
            _ => (TokenKind::Other, self.at + 1, 0),
        }
    }

    #[cold]
    fn block_comment(&self) -> Found {
        let mut scan = CommentScan::new(self.text, self.at);
        let mut marks = 0;
        while let Some(depth) = scan.step() {
            if depth > 1 {
                marks = COMPLEX;
            }
            if depth == 0 {
                return (TokenKind::BlockComment, scan.at, marks);
            }
        }
        (TokenKind::BlockComment, self.text.len(), marks | OPEN)
    }

    /// A quoted string. One that is not closed ends with its line; of several lines, with the text.
    #[inline]
    fn quoted(&self) -> Found {
        if self.byte(self.at + 1) == b'"' && self.byte(self.at + 2) == b'"' {
            return self.multi_line();
        }
        let mut at = self.at + 1;
        let mut marks = 0;
        loop {
            at = self.run(at, QUOTED);
            match self.byte(at) {
                b'"' => return (TokenKind::Quoted, at + 1, marks),
                b'{' | b'}' => {
                    marks |= BRACED;
                    at += 1;
                }
                b'\\' => {
                    // An escape may stand for a brace.
                    marks |= COMPLEX | BRACED;
                    at = self.escape_end(at);
                }
                byte if byte < 0x80 || chars::is_newline(self.char(at)) => {
                    return (TokenKind::Quoted, at, marks | OPEN);
                }
                _ => at += self.char(at).len_utf8(),
            }
        }
    }

    /// The end of the escape at `at`: a backslash takes one character, or all blanks and line ends.
    #[cold]
    fn escape_end(&self, at: usize) -> usize {
        let rest = self.text.get(at + 1..).unwrap_or("");
        let blank = rest.trim_start_matches(|c| chars::is_space(c) || chars::is_newline(c));
        if blank.len() < rest.len() {
            return self.text.len() - blank.len();
        }
        at + 1 + rest.chars().next().map_or(0, char::len_utf8)
    }

    /// `"""…"""`. Without a line end behind its opening it is broken, and is held to end with its line.
    #[cold]
    fn multi_line(&self) -> Found {
        let mut at = self.at + 3;
        let single = !chars::is_newline(self.char(at));
        let mut marks = BRACED;
        while let Some(byte) = self.body_byte(at, single) {
            match byte {
                b'\\' => {
                    marks |= COMPLEX;
                    at = self.escape_end(at);
                }
                b'"' if self.byte(at + 1) == b'"' && self.byte(at + 2) == b'"' => {
                    return (TokenKind::MultiLine, at + 3, marks);
                }
                _ => at += 1,
            }
        }
        (TokenKind::MultiLine, at.min(self.text.len()), marks | OPEN)
    }

    /// The byte at `at`, unless the text ends there, or the line where it has to be a `single` one.
    #[inline]
    fn body_byte(&self, at: usize, single: bool) -> Option<u8> {
        let byte = self.text.as_bytes().get(at).copied()?;
        let ends = single && !chars::is(byte, LINE) && (byte < 0x80 || chars::is_newline(self.char(at)));
        (!ends).then_some(byte)
    }

    /// A raw string or a keyword.
    #[cold]
    fn hash(&self) -> Found {
        let bytes = self.text.as_bytes();
        let hashes = bytes.get(self.at..).unwrap_or(&[]).iter().take_while(|&&b| b == b'#').count();
        let open = self.at + hashes;
        if self.byte(open) != b'"' {
            return (TokenKind::Keyword, self.word_end(open), 0);
        }
        if self.byte(open + 1) == b'"' && self.byte(open + 2) == b'"' {
            let single = !chars::is_newline(self.char(open + 3));
            let (end, marks) = self.raw_end(open + 3, single, 3, hashes);
            return (TokenKind::RawMultiLine, end, marks);
        }
        let (end, marks) = self.raw_end(open + 1, true, 1, hashes);
        (TokenKind::Raw, end, marks)
    }

    /// The end of a raw string, `quotes` quotes with `hashes` hashes behind them, and its marks.
    fn raw_end(&self, mut at: usize, single: bool, quotes: usize, hashes: usize) -> (usize, u8) {
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
                return (at, BRACED);
            }
        }
        (at, BRACED | OPEN)
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
        assert!(!tokens("\"a b\nc").next().is_some_and(Token::closed));
    }
}
