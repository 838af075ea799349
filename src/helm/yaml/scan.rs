//! From text to tokens: libyaml's scanner as go-yaml v2 has it, over a text that is known to be valid.
//!
//! What is special about YAML is that a key is known only by the `:` behind it. So tokens wait in a queue as long as one of
//! them may still turn out to be a key; then a `Key` token, and where a block begins a `BlockMappingStart`, is put before it.

use super::node::Mark;
use super::{MAX_DEPTH, YamlError};
use std::collections::VecDeque;

/// How far behind its beginning the `:` of a key may stand, in characters.
const KEY_REACH: usize = 1024;

/// Which bytes a run goes through.
pub(super) type Through = [bool; 256];

/// These characters of ASCII.
pub(super) const fn only(these: &[u8]) -> Through {
    let mut through = [false; 256];
    let mut at = 0;
    while at < these.len() {
        through[these[at] as usize] = true;
        at += 1;
    }
    through
}

/// All printable characters of ASCII but these.
pub(super) const fn all_but(not: &[u8]) -> Through {
    let mut through = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        through[byte as usize] = true;
        byte += 1;
    }
    let mut at = 0;
    while at < not.len() {
        through[not[at] as usize] = false;
        at += 1;
    }
    through
}

static IN_LINE: Through = all_but(b"");

/// A token and where it begins.
#[derive(Debug)]
pub(super) struct Token {
    pub mark: Mark,
    pub kind: Kind,
}

/// What a token is.
#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    StreamEnd,
    Version,
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag { handle: String, suffix: String },
    Scalar { value: String, plain: bool },
}

/// A place where a key may have begun.
#[derive(Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token: usize,
    at: Position,
}

/// Where the scanner is. Lines and columns from 0, in characters.
#[derive(Clone, Copy, Default)]
pub(super) struct Position {
    pub byte: usize,
    pub index: usize,
    pub line: u32,
    pub column: i32,
}

impl Position {
    pub(super) fn mark(self) -> Mark {
        Mark { line: self.line + 1, column: self.column as u32 + 1 }
    }
}

/// The scanner.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    pub(super) at: Position,
    pub(super) flow: usize,
    pub(super) indent: i32,
    indents: Vec<i32>,
    keys: Vec<SimpleKey>,
    pub(super) key_allowed: bool,
    tokens: VecDeque<Token>,
    taken: usize,
    ended: bool,
}

pub(super) type Scanned<T = ()> = Result<T, YamlError>;

impl<'a> Scanner<'a> {
    /// A scanner of a text without control characters.
    pub(super) fn new(text: &'a [u8]) -> Scanner<'a> {
        Scanner {
            text,
            at: Position::default(),
            flow: 0,
            indent: -1,
            indents: Vec::new(),
            keys: vec![SimpleKey::default()],
            key_allowed: true,
            tokens: VecDeque::new(),
            taken: 0,
            ended: false,
        }
    }

    /// A scanner that begins somewhere in a text, within a block of that indentation.
    pub(super) fn within(text: &'a [u8], at: Position, indent: i32) -> Scanner<'a> {
        Scanner { at, indent, ..Scanner::new(text) }
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Scanned<&Token> {
        while self.needs_more()? {
            self.fetch()?;
        }
        self.tokens.front().ok_or_else(|| YamlError::new("unexpected end of stream"))
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Scanned<Token> {
        self.peek()?;
        self.taken += 1;
        self.tokens.pop_front().ok_or_else(|| YamlError::new("unexpected end of stream"))
    }

    /// Whether the first token may still turn out to be a key.
    fn needs_more(&mut self) -> Scanned<bool> {
        if self.tokens.is_empty() {
            return Ok(!self.ended);
        }
        match self.keys.iter().rposition(|key| key.possible && key.token == self.taken) {
            Some(i) => self.still_possible(i),
            None => Ok(false),
        }
    }

    fn still_possible(&mut self, i: usize) -> Scanned<bool> {
        let at = self.at;
        let Some(key) = self.keys.get_mut(i).filter(|key| key.possible) else { return Ok(false) };
        if key.at.line < at.line || key.at.index + KEY_REACH < at.index {
            if key.required {
                return Err(YamlError::at(at.mark(), "could not find expected ':'"));
            }
            key.possible = false;
        }
        Ok(key.possible)
    }

    /// The byte some bytes ahead; 0 at the end.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.text.get(self.at.byte + ahead).copied().unwrap_or(0)
    }

    /// The bytes from one position to the current one.
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at.byte).unwrap_or_default()
    }

    /// Goes one character on, which is no line break.
    pub(super) fn skip(&mut self) {
        self.at.byte += 1;
        while self.byte(0) & 0xc0 == 0x80 {
            self.at.byte += 1;
        }
        self.at.index += 1;
        self.at.column += 1;
    }

    /// Goes on as long as the table lets bytes through: characters of one byte that are no line break. Texts are mostly such
    /// runs, and one at a time costs several times as much.
    pub(super) fn skip_run(&mut self, through: &Through) {
        let rest = self.text.get(self.at.byte..).unwrap_or_default();
        let count = rest.iter().take_while(|b| through[usize::from(**b)]).count();
        self.at.byte += count;
        self.at.index += count;
        self.at.column += count as i32;
    }

    /// Whether a line break stands some bytes ahead.
    pub(super) fn is_break(&self, ahead: usize) -> bool {
        match self.byte(ahead) {
            b'\r' | b'\n' => true,
            0xc2 => self.byte(ahead + 1) == 0x85,
            0xe2 => self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xa8 | 0xa9),
            _ => false,
        }
    }

    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    pub(super) fn is_end(&self) -> bool {
        self.at.byte >= self.text.len()
    }

    pub(super) fn is_break_or_end(&self, ahead: usize) -> bool {
        self.byte(ahead) == 0 || self.is_break(ahead)
    }

    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// Goes over a line break and says what it means: CR, LF, CRLF and NEL are a newline, the separators stay themselves.
    /// Nothing at the end of the text.
    pub(super) fn take_break(&mut self) -> &'static str {
        let (length, text) = match (self.byte(0), self.byte(1), self.byte(2)) {
            (b'\r', b'\n', _) => (2, "\n"),
            (b'\r' | b'\n', ..) => (1, "\n"),
            (0xc2, 0x85, _) => (2, "\n"),
            (0xe2, 0x80, 0xa8) => (3, "\u{2028}"),
            (0xe2, 0x80, 0xa9) => (3, "\u{2029}"),
            _ => return "",
        };
        self.at.byte += length;
        self.at.index += 1;
        self.at.column = 0;
        self.at.line += 1;
        text
    }

    /// Whether `---` or `...` stands here at the beginning of a line.
    pub(super) fn at_document_indicator(&self) -> Option<Kind> {
        if self.at.column != 0 || !self.is_blank_or_end(3) {
            return None;
        }
        match (self.byte(0), self.byte(1), self.byte(2)) {
            (b'-', b'-', b'-') => Some(Kind::DocumentStart),
            (b'.', b'.', b'.') => Some(Kind::DocumentEnd),
            _ => None,
        }
    }

    pub(super) fn fail<T>(&self, problem: &str) -> Scanned<T> {
        Err(YamlError::at(self.at.mark(), problem))
    }

    fn push(&mut self, at: Position, kind: Kind) {
        self.tokens.push_back(Token { mark: at.mark(), kind });
    }

    /// Scans one token, or several where blocks end.
    fn fetch(&mut self) -> Scanned {
        self.skip_to_token();
        self.unroll(self.at.column);
        if self.is_end() {
            return self.stream_end();
        }
        if self.at.column == 0 && self.byte(0) == b'%' {
            return self.directive();
        }
        if let Some(kind) = self.at_document_indicator() {
            return self.document_indicator(kind);
        }
        let before_blank = self.is_blank_or_end(1);
        match self.byte(0) {
            b'[' => self.flow_start(Kind::FlowSequenceStart),
            b'{' => self.flow_start(Kind::FlowMappingStart),
            b']' => self.flow_end(Kind::FlowSequenceEnd),
            b'}' => self.flow_end(Kind::FlowMappingEnd),
            b',' => self.flow_entry(),
            b'-' if before_blank => self.block_entry(),
            b'?' if self.flow > 0 || before_blank => self.complex_key(),
            b':' if self.flow > 0 || before_blank => self.value(),
            b'*' => self.anchor(Kind::Alias),
            b'&' => self.anchor(Kind::Anchor),
            b'!' => self.tag(),
            b'|' if self.flow == 0 => self.block_scalar(true),
            b'>' if self.flow == 0 => self.block_scalar(false),
            b'\'' | b'"' => self.key_like(Scanner::quoted),
            c if self.starts_plain(c) => self.key_like(Scanner::plain),
            _ => self.fail("found character that cannot start any token"),
        }
    }

    fn starts_plain(&self, c: u8) -> bool {
        match c {
            b'-' => !self.is_blank(1),
            b'?' | b':' => self.flow == 0 && !self.is_blank_or_end(1),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
            | b'`' => false,
            _ => !self.is_blank_or_end(0),
        }
    }

    /// Goes over white space and comments. A tab is no white space where a block could be indented by it.
    fn skip_to_token(&mut self) {
        loop {
            if self.at.column == 0 && self.text.get(self.at.byte..).is_some_and(|t| t.starts_with(b"\xef\xbb\xbf")) {
                self.skip();
            }
            while self.byte(0) == b' ' || (self.byte(0) == b'\t' && (self.flow > 0 || !self.key_allowed)) {
                self.skip();
            }
            if self.byte(0) == b'#' {
                self.skip_line_rest();
            }
            if !self.is_break(0) {
                return;
            }
            self.take_break();
            if self.flow == 0 {
                self.key_allowed = true;
            }
        }
    }

    pub(super) fn skip_line_rest(&mut self) {
        loop {
            self.skip_run(&IN_LINE);
            if self.is_break_or_end(0) {
                return;
            }
            self.skip();
        }
    }

    /// Notes that a key may begin here.
    fn save_key(&mut self) -> Scanned {
        if self.key_allowed {
            let required = self.flow == 0 && self.indent == self.at.column;
            self.remove_key()?;
            let key = SimpleKey { possible: true, required, token: self.taken + self.tokens.len(), at: self.at };
            if let Some(last) = self.keys.last_mut() {
                *last = key;
            }
        }
        Ok(())
    }

    fn remove_key(&mut self) -> Scanned {
        let at = self.at;
        match self.keys.last_mut() {
            Some(key) if key.possible && key.required => Err(YamlError::at(at.mark(), "could not find expected ':'")),
            Some(key) => {
                key.possible = false;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Opens a block at a column, if it is not open; its token goes before the token of that number, or to the end.
    fn roll(&mut self, column: i32, before: Option<usize>, kind: Kind, at: Position) -> Scanned {
        if self.flow > 0 || self.indent >= column {
            return Ok(());
        }
        if self.indents.len() >= MAX_DEPTH {
            return self.fail("exceeded max depth");
        }
        self.indents.push(self.indent);
        self.indent = column;
        let token = Token { mark: at.mark(), kind };
        match before {
            Some(number) => self.tokens.insert(number - self.taken, token),
            None => self.tokens.push_back(token),
        }
        Ok(())
    }

    /// Closes the blocks that a column ends.
    fn unroll(&mut self, column: i32) {
        while self.flow == 0 && self.indent > column {
            self.push(self.at, Kind::BlockEnd);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn stream_end(&mut self) -> Scanned {
        if self.at.column != 0 {
            self.at.column = 0;
            self.at.line += 1;
        }
        self.unroll(-1);
        self.remove_key()?;
        self.key_allowed = false;
        self.ended = true;
        self.push(self.at, Kind::StreamEnd);
        Ok(())
    }

    fn document_indicator(&mut self, kind: Kind) -> Scanned {
        self.unroll(-1);
        self.remove_key()?;
        self.key_allowed = false;
        let start = self.at;
        (0..3).for_each(|_| self.skip());
        self.push(start, kind);
        Ok(())
    }

    /// Goes over an indicator of one character.
    fn indicator(&mut self, kind: Kind) {
        let start = self.at;
        self.skip();
        self.push(start, kind);
    }

    fn flow_start(&mut self, kind: Kind) -> Scanned {
        self.save_key()?;
        if self.flow >= MAX_DEPTH {
            return self.fail("exceeded max depth");
        }
        self.keys.push(SimpleKey::default());
        self.flow += 1;
        self.key_allowed = true;
        self.indicator(kind);
        Ok(())
    }

    fn flow_end(&mut self, kind: Kind) -> Scanned {
        self.remove_key()?;
        if self.flow > 0 {
            self.flow -= 1;
            self.keys.pop();
        }
        self.key_allowed = false;
        self.indicator(kind);
        Ok(())
    }

    fn flow_entry(&mut self) -> Scanned {
        self.remove_key()?;
        self.key_allowed = true;
        self.indicator(Kind::FlowEntry);
        Ok(())
    }

    fn block_entry(&mut self) -> Scanned {
        if self.flow == 0 {
            if !self.key_allowed {
                return self.fail("block sequence entries are not allowed in this context");
            }
            self.roll(self.at.column, None, Kind::BlockSequenceStart, self.at)?;
        }
        self.remove_key()?;
        self.key_allowed = true;
        self.indicator(Kind::BlockEntry);
        Ok(())
    }

    fn complex_key(&mut self) -> Scanned {
        if self.flow == 0 {
            if !self.key_allowed {
                return self.fail("mapping keys are not allowed in this context");
            }
            self.roll(self.at.column, None, Kind::BlockMappingStart, self.at)?;
        }
        self.remove_key()?;
        self.key_allowed = self.flow == 0;
        self.indicator(Kind::Key);
        Ok(())
    }

    fn value(&mut self) -> Scanned {
        let last = self.keys.len() - 1;
        let key = self.keys.get(last).copied().unwrap_or_default();
        if self.still_possible(last)? {
            let place = (key.token - self.taken).min(self.tokens.len());
            self.tokens.insert(place, Token { mark: key.at.mark(), kind: Kind::Key });
            self.roll(key.at.column, Some(key.token), Kind::BlockMappingStart, key.at)?;
            if let Some(key) = self.keys.last_mut() {
                key.possible = false;
            }
            self.key_allowed = false;
        } else {
            if self.flow == 0 {
                if !self.key_allowed {
                    return self.fail("mapping values are not allowed in this context");
                }
                self.roll(self.at.column, None, Kind::BlockMappingStart, self.at)?;
            }
            self.key_allowed = self.flow == 0;
        }
        self.indicator(Kind::Value);
        Ok(())
    }

    /// Scans what may be a key, and after which none can begin.
    fn key_like(&mut self, scan: fn(&mut Scanner<'a>) -> Scanned<Kind>) -> Scanned {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.at;
        let kind = scan(self)?;
        self.push(start, kind);
        Ok(())
    }

    fn block_scalar(&mut self, literal: bool) -> Scanned {
        self.remove_key()?;
        self.key_allowed = true;
        let start = self.at;
        let value = self.block(literal)?;
        self.push(start, Kind::Scalar { value, plain: false });
        Ok(())
    }

    fn anchor(&mut self, kind: fn(String) -> Kind) -> Scanned {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.at;
        self.skip();
        let name = self.word();
        let ends = self.is_blank_or_end(0) || b"?:,]}%@`".contains(&self.byte(0));
        if name.is_empty() || !ends {
            return self.fail("did not find expected alphabetic or numeric character");
        }
        self.push(start, kind(name));
        Ok(())
    }

    /// Letters, digits, `_` and `-`.
    fn word(&mut self) -> String {
        let start = self.at.byte;
        while self.byte(0).is_ascii_alphanumeric() || matches!(self.byte(0), b'_' | b'-') {
            self.skip();
        }
        String::from_utf8_lossy(self.since(start)).into_owned()
    }

    fn tag(&mut self) -> Scanned {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.at;
        let kind = self.tag_parts()?;
        if !self.is_blank_or_end(0) {
            return self.fail("did not find expected whitespace or line break");
        }
        self.push(start, kind);
        Ok(())
    }

    fn tag_parts(&mut self) -> Scanned<Kind> {
        if self.byte(1) == b'<' {
            (0..2).for_each(|_| self.skip());
            let suffix = self.uri(String::new())?;
            if self.byte(0) != b'>' {
                return self.fail("did not find the expected '>'");
            }
            self.skip();
            return Ok(Kind::Tag { handle: String::new(), suffix });
        }
        self.skip();
        let name = self.word();
        if self.byte(0) == b'!' {
            self.skip();
            let suffix = self.uri(String::new())?;
            return Ok(Kind::Tag { handle: format!("!{name}!"), suffix });
        }
        let lone = name.is_empty() && self.is_blank_or_end(0);
        let suffix = if lone { name } else { self.uri(name)? };
        // A lone `!` has no suffix of its own.
        Ok(match suffix.is_empty() {
            true => Kind::Tag { handle: String::new(), suffix: "!".to_string() },
            false => Kind::Tag { handle: "!".to_string(), suffix },
        })
    }

    fn uri(&mut self, head: String) -> Scanned<String> {
        let mut out = head.into_bytes();
        loop {
            match self.byte(0) {
                b'%' => {
                    let hex = [self.byte(1), self.byte(2)].map(|b| char::from(b).to_digit(16));
                    let [Some(a), Some(b)] = hex else { return self.fail("did not find URI escaped octet") };
                    out.push((a * 16 + b) as u8);
                    (0..3).for_each(|_| self.skip());
                }
                c if c.is_ascii_alphanumeric() || b"_-;/?:@&=+$,.!~*'()[]".contains(&c) => {
                    out.push(c);
                    self.skip();
                }
                _ => break,
            }
        }
        match String::from_utf8(out) {
            Ok(uri) if !uri.is_empty() => Ok(uri),
            _ => self.fail("did not find expected tag URI"),
        }
    }

    fn directive(&mut self) -> Scanned {
        self.unroll(-1);
        self.remove_key()?;
        self.key_allowed = false;
        let start = self.at;
        self.skip();
        let kind = match self.word().as_str() {
            "YAML" => self.version()?,
            "TAG" => self.tag_directive()?,
            _ => return self.fail("found unknown directive name"),
        };
        self.skip_blanks();
        if self.byte(0) == b'#' {
            self.skip_line_rest();
        }
        if !self.is_break_or_end(0) {
            return self.fail("did not find expected comment or line break");
        }
        self.take_break();
        self.push(start, kind);
        Ok(())
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
    }

    fn version(&mut self) -> Scanned<Kind> {
        self.skip_blanks();
        let start = self.at.byte;
        while self.byte(0).is_ascii_digit() || self.byte(0) == b'.' {
            self.skip();
        }
        match self.since(start) {
            b"1.1" | b"1.2" => Ok(Kind::Version),
            _ => self.fail("found incompatible YAML document"),
        }
    }

    fn tag_directive(&mut self) -> Scanned<Kind> {
        self.skip_blanks();
        let start = self.at.byte;
        while !self.is_blank_or_end(0) {
            self.skip();
        }
        let handle = String::from_utf8_lossy(self.since(start)).into_owned();
        self.skip_blanks();
        if !handle.starts_with('!') || !handle.ends_with('!') {
            return self.fail("did not find expected '!'");
        }
        let prefix = self.uri(String::new())?;
        Ok(Kind::TagDirective { handle, prefix })
    }
}
