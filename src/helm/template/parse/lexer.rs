//! Template text → tokens, on demand. Follows `text/template/parse/lex.go`.

use crate::helm::template::ast::Piece;
use crate::helm::template::format::{is_print, quote};
use memchr::memmem;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The lexer failed; [`Lexer::error`] says why.
    Error,
    Bool,
    /// A printable ASCII character without a meaning of its own, such as a comma.
    Char,
    CharConstant,
    Complex,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Dot,
    Nil,
    /// `block`, `break`, `continue`, `define`, `else`, `end`, `if`, `range`, `template`, `with`
    Keyword,
}

/// A token: a piece of the text. So small that it is passed in registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
}

impl Token {
    /// Where it is written.
    pub fn piece(self) -> Piece {
        Piece { start: self.start, end: self.end }
    }
}

/// The longest text that is read: its places fit into [`Token`]s.
pub(super) const MAX_BYTES: usize = u32::MAX as usize;

/// The ASCII bytes that words are made of.
const WORD: [bool; 256] = {
    let mut word = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        word[byte] = byte == b'_' as usize || (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    word
};

/// Where the lexer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Text,
    /// At a `{{`.
    Delimiter,
    Action,
    /// After the end, or an error.
    Done,
}

/// Reads tokens from a text of at most [`MAX_BYTES`].
pub(super) struct Lexer<'s> {
    text: &'s [u8],
    pos: usize,
    mode: Mode,
    parens: usize,
    error: String,
}

impl<'s> Lexer<'s> {
    pub fn new(text: &'s [u8]) -> Lexer<'s> {
        Lexer { text, pos: 0, mode: Mode::Text, parens: 0, error: String::new() }
    }

    /// What the last [`Kind::Error`] means.
    pub fn error(&self) -> &str {
        &self.error
    }

    /// The bytes of a token.
    pub fn bytes(&self, token: Token) -> &'s [u8] {
        self.text.get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    /// How messages show a token.
    pub fn show(&self, token: Token) -> String {
        let bytes = self.bytes(token);
        match token.kind {
            Kind::Eof => "EOF".to_string(),
            Kind::Error => self.error.clone(),
            Kind::Dot | Kind::Nil | Kind::Keyword => format!("<{}>", String::from_utf8_lossy(bytes)),
            _ if bytes.len() > 10 => {
                let head: String = String::from_utf8_lossy(bytes).chars().take(10).collect();
                format!("{}...", quote(head.as_bytes()))
            }
            _ => quote(bytes),
        }
    }

    /// The next token; [`Kind::Eof`] at the end and ever after.
    pub fn next(&mut self) -> Token {
        loop {
            let token = match self.mode {
                Mode::Text => self.plain(),
                Mode::Delimiter => self.left_delimiter(),
                Mode::Action => Some(self.inside()),
                Mode::Done => Some(self.emit(Kind::Eof, self.text.len())),
            };
            if let Some(token) = token {
                return token;
            }
        }
    }

    fn rest(&self) -> &'s [u8] {
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn emit(&mut self, kind: Kind, end: usize) -> Token {
        let token = Token { kind, start: self.pos as u32, end: end as u32 };
        self.pos = end;
        token
    }

    fn fail(&mut self, start: usize, message: impl Into<String>) -> Token {
        self.error = message.into();
        self.mode = Mode::Done;
        Token { kind: Kind::Error, start: start as u32, end: start as u32 }
    }

    /// Text up to the next `{{`, less the space that a trim marker takes.
    fn plain(&mut self) -> Option<Token> {
        let rest = self.rest();
        let opens = |at: &usize| rest.get(at + 1) == Some(&b'{');
        let Some(delimiter) = memchr::memchr_iter(b'{', rest).find(opens) else {
            self.mode = Mode::Done;
            return (!rest.is_empty()).then(|| self.emit(Kind::Text, self.text.len()));
        };
        self.mode = Mode::Delimiter;
        let (text, after) = rest.split_at_checked(delimiter)?;
        let trimmed = match has_left_trim(after.get(2..).unwrap_or_default()) {
            true => text.iter().rposition(|b| !is_space(*b)).map_or(0, |last| last + 1),
            false => text.len(),
        };
        let token = (trimmed > 0).then(|| self.emit(Kind::Text, self.pos + trimmed));
        self.pos += delimiter - trimmed;
        token
    }

    fn left_delimiter(&mut self) -> Option<Token> {
        let after = self.rest().get(2..).unwrap_or_default();
        let marker = if has_left_trim(after) { 2 } else { 0 };
        if after.get(marker..).unwrap_or_default().starts_with(b"/*") {
            self.pos += 2 + marker;
            return self.comment();
        }
        let token = self.emit(Kind::LeftDelim, self.pos + 2);
        self.pos += marker;
        self.parens = 0;
        self.mode = Mode::Action;
        Some(token)
    }

    fn comment(&mut self) -> Option<Token> {
        let start = self.pos;
        let Some(end) = memmem::find(self.rest().get(2..).unwrap_or_default(), b"*/") else {
            return Some(self.fail(start, "unclosed comment"));
        };
        self.pos += 2 + end + 2;
        if self.right_delimiter_here().is_none() {
            return Some(self.fail(start, "comment ends before closing delimiter"));
        }
        self.right_delimiter();
        None
    }

    /// Whether a right delimiter is next, and whether it trims.
    fn right_delimiter_here(&self) -> Option<bool> {
        match self.rest() {
            [space, b'-', b'}', b'}', ..] if is_space(*space) => Some(true),
            [b'}', b'}', ..] => Some(false),
            _ => None,
        }
    }

    /// The right delimiter, known to be next, and the space its trim marker takes.
    fn right_delimiter(&mut self) -> Token {
        let trim = self.right_delimiter_here() == Some(true);
        self.pos += if trim { 2 } else { 0 };
        let token = self.emit(Kind::RightDelim, self.pos + 2);
        if trim {
            self.pos += self.rest().iter().take_while(|b| is_space(**b)).count();
        }
        self.mode = Mode::Text;
        token
    }

    fn inside(&mut self) -> Token {
        let start = self.pos;
        let rest = self.rest();
        match rest {
            [] => self.fail(start, "unclosed action"),
            [b'}', b'}', ..] => self.close(),
            [b' ' | b'\t' | b'\r' | b'\n', b'-', b'}', b'}', ..] => self.close(),
            [b' ' | b'\t' | b'\r' | b'\n', ..] => self.space(),
            [b'a'..=b'z' | b'A'..=b'Z' | b'_', ..] => self.identifier(),
            [b'.', b'0'..=b'9', ..] | [b'.'] => self.number(),
            [b'.', ..] => self.field_or_variable(Kind::Field),
            [b'$', ..] => self.field_or_variable(Kind::Variable),
            [b'+' | b'-' | b'0'..=b'9', ..] => self.number(),
            [b'"', ..] => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            [b'\'', ..] => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            [b'`', ..] => self.raw_string(),
            [b':', b'=', ..] => self.emit(Kind::Declare, start + 2),
            [b':', ..] => self.fail(start, "expected :="),
            [b'=', ..] => self.emit(Kind::Assign, start + 1),
            [b'|', ..] => self.emit(Kind::Pipe, start + 1),
            [b'(', ..] => {
                self.parens += 1;
                self.emit(Kind::LeftParen, start + 1)
            }
            [b')', ..] => match self.parens.checked_sub(1) {
                Some(parens) => {
                    self.parens = parens;
                    self.emit(Kind::RightParen, start + 1)
                }
                None => self.fail(start, "unexpected right paren"),
            },
            _ => match self.peek_char(start).unwrap_or(char::REPLACEMENT_CHARACTER) {
                c if is_alphanumeric(c) => self.identifier(),
                c if c.is_ascii() && is_print(c) => self.emit(Kind::Char, start + 1),
                c => self.fail(start, format!("unrecognized character in action: {}", show_char(c))),
            },
        }
    }

    /// The right delimiter, known to be next.
    fn close(&mut self) -> Token {
        match self.parens {
            0 => self.right_delimiter(),
            _ => self.fail(self.pos, "unclosed left paren"),
        }
    }

    /// The character at an offset; U+FFFD for a broken byte.
    fn peek_char(&self, at: usize) -> Option<char> {
        let rest = self.text.get(at..)?;
        let first = *rest.first()?;
        if first.is_ascii() {
            return Some(char::from(first));
        }
        let valid = rest.get(..rest.len().min(4))?.utf8_chunks().next()?.valid();
        Some(valid.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// A run of space, less the one byte that belongs to a trim marker.
    fn space(&mut self) -> Token {
        let run = self.rest().iter().take_while(|b| is_space(**b)).count();
        let end = self.pos + run;
        // Of one blank alone that is known.
        let is_marker = run > 1 && matches!(self.text.get(end..), Some([b'-', b'}', b'}', ..]));
        self.emit(Kind::Space, end - usize::from(is_marker))
    }

    fn alphanumeric_end(&self, mut at: usize) -> usize {
        loop {
            let plain = self.text.get(at..).unwrap_or_default();
            at += plain.iter().take_while(|b| WORD[usize::from(**b)]).count();
            if self.text.get(at).is_none_or(u8::is_ascii) {
                return at;
            }
            match self.peek_char(at).filter(|c| is_alphanumeric(*c)) {
                Some(c) => at += c.len_utf8(),
                None => return at,
            }
        }
    }

    fn at_terminator(&self, at: usize) -> bool {
        match self.text.get(at..) {
            None | Some([]) | Some([b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(', ..]) => {
                true
            }
            Some(rest) => rest.starts_with(b"}}"),
        }
    }

    fn bad_character(&mut self, start: usize, at: usize) -> Token {
        let c = self.peek_char(at).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.fail(start, format!("bad character {}", show_char(c)))
    }

    fn identifier(&mut self) -> Token {
        let end = self.alphanumeric_end(self.pos);
        if !self.at_terminator(end) {
            return self.bad_character(self.pos, end);
        }
        let word = self.text.get(self.pos..end).unwrap_or_default();
        let kind = match word {
            b"true" | b"false" => Kind::Bool,
            b"nil" => Kind::Nil,
            b"block" | b"break" | b"continue" | b"define" | b"else" | b"end" | b"if" | b"range" | b"template"
            | b"with" => Kind::Keyword,
            _ => Kind::Identifier,
        };
        self.emit(kind, end)
    }

    /// The sign is next; alone it is the dot, or the variable `$`.
    fn field_or_variable(&mut self, kind: Kind) -> Token {
        let sign = self.pos + 1;
        if self.at_terminator(sign) {
            return self.emit(if kind == Kind::Field { Kind::Dot } else { kind }, sign);
        }
        let end = self.alphanumeric_end(sign);
        match self.at_terminator(end) {
            true => self.emit(kind, end),
            false => self.bad_character(self.pos, end),
        }
    }

    fn quoted(&mut self, quote: u8, kind: Kind, message: &str) -> Token {
        let mut at = self.pos + 1;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            at += rest.iter().take_while(|b| **b != quote && !matches!(**b, b'\\' | b'\n')).count();
            match self.text.get(at..).unwrap_or_default() {
                [b'\\', escaped, ..] if *escaped != b'\n' => at += 2,
                [byte, ..] if *byte == quote => return self.emit(kind, at + 1),
                _ => return self.fail(self.pos, message),
            }
        }
    }

    fn raw_string(&mut self) -> Token {
        match memchr::memchr(b'`', self.rest().get(1..).unwrap_or_default()) {
            Some(end) => self.emit(Kind::RawString, self.pos + end + 2),
            None => self.fail(self.pos, "unterminated raw quoted string"),
        }
    }

    fn number(&mut self) -> Token {
        let start = self.pos;
        let bad = |lexer: &mut Lexer<'_>, end: usize| {
            let text = quote(lexer.text.get(start..end).unwrap_or_default());
            lexer.fail(start, format!("bad number syntax: {text}"))
        };
        let end = match self.scan_number(start) {
            Ok(end) => end,
            Err(end) => return bad(self, end),
        };
        if !matches!(self.text.get(end), Some(b'+' | b'-')) {
            return self.emit(Kind::Number, end);
        }
        match self.scan_number(end) {
            Ok(end) if self.text.get(end - 1) == Some(&b'i') => self.emit(Kind::Complex, end),
            Ok(end) | Err(end) => bad(self, end),
        }
    }

    /// The end of a number; an error, with the end of what was read, if a letter follows.
    fn scan_number(&self, start: usize) -> Result<usize, usize> {
        let at = |at: usize| self.text.get(at).copied().unwrap_or_default();
        let skip = |mut end: usize, accept: &dyn Fn(u8) -> bool| {
            while end < self.text.len() && accept(at(end)) {
                end += 1;
            }
            end
        };
        let mut end = start + usize::from(matches!(at(start), b'+' | b'-'));
        let radix = match (at(end), at(end + 1).to_ascii_lowercase()) {
            (b'0', b'x') => 16,
            (b'0', b'o') => 8,
            (b'0', b'b') => 2,
            _ => 10,
        };
        end += if radix == 10 { 0 } else { 2 };
        let digit = |byte: u8| byte == b'_' || char::from(byte).is_digit(radix);
        end = skip(end, &digit);
        if at(end) == b'.' {
            end = skip(end + 1, &digit);
        }
        let exponent = if radix == 16 { b'p' } else { b'e' };
        if matches!(radix, 10 | 16) && at(end).to_ascii_lowercase() == exponent {
            end += 1;
            end += usize::from(matches!(at(end), b'+' | b'-'));
            end = skip(end, &|byte| byte == b'_' || byte.is_ascii_digit());
        }
        end += usize::from(at(end) == b'i');
        match self.peek_char(end).filter(|c| is_alphanumeric(*c)) {
            Some(c) => Err(end + c.len_utf8()),
            None => Ok(end),
        }
    }
}

/// Space, as trim markers and the inside of actions know it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `{{-` trims only with a space after it: `{{-1}}` is a number.
fn has_left_trim(after: &[u8]) -> bool {
    matches!(after, [b'-', space, ..] if is_space(*space))
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// `%#U`
fn show_char(c: char) -> String {
    match is_print(c) {
        true => format!("U+{:04X} '{c}'", u32::from(c)),
        false => format!("U+{:04X}", u32::from(c)),
    }
}
