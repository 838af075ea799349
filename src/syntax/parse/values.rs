//! Values and names: what a token is worth where it stands.

use super::Parser;
use super::faults::{self, Name};
use crate::syntax::chars;
use crate::syntax::number;
use crate::syntax::string;
use crate::syntax::token::{Token, TokenKind};
use crate::syntax::tree::{BRACED, DECODED, DecodedData, FAULTY, Range, ValueKind};

impl Parser<'_> {
    /// What kind of value a token is, and its flags.
    #[inline]
    pub(super) fn classify(&mut self, token: Token, quiet: bool) -> (ValueKind, u8) {
        match token.kind {
            TokenKind::Word => self.word(token, quiet),
            TokenKind::Keyword => self.keyword(token, quiet),
            TokenKind::Quoted | TokenKind::Raw if token.closed() && !token.complex() => {
                (ValueKind::Str, if token.braced() { BRACED } else { 0 })
            }
            _ => (ValueKind::Str, self.string(token, quiet) | BRACED),
        }
    }

    /// Checks a token that is a name and gives its flags.
    #[inline]
    pub(super) fn name(&mut self, token: Token, of: Name, quiet: bool) -> u8 {
        match token.kind {
            TokenKind::Word => self.bare_name(token, of, quiet),
            TokenKind::Keyword if quiet => FAULTY,
            TokenKind::Keyword => {
                self.faults.push(faults::keyword_as_name(self.at(token), of));
                FAULTY
            }
            TokenKind::Quoted | TokenKind::Raw if token.closed() && !token.complex() => 0,
            _ => self.string(token, quiet),
        }
    }

    /// Whether by its first letter a word can be no number and no keyword.
    #[inline]
    fn is_harmless(&self, token: Token) -> bool {
        self.text.as_bytes().get(token.start as usize).is_some_and(|&first| chars::is(first, chars::HARMLESS))
    }

    #[inline]
    fn bare_name(&mut self, token: Token, of: Name, quiet: bool) -> u8 {
        if self.is_harmless(token) {
            return 0;
        }
        let word = self.slice(Range::new(token.start, token.end));
        let number = number::looks_like(word.as_bytes());
        if !number && !chars::is_reserved(word) {
            return 0;
        }
        if !quiet {
            let span = self.at(token);
            let fault = if number { faults::number_as_name } else { faults::reserved_name };
            self.faults.push(fault(span, word, of));
        }
        FAULTY
    }

    #[inline]
    fn word(&mut self, token: Token, quiet: bool) -> (ValueKind, u8) {
        if self.is_harmless(token) {
            return (ValueKind::Str, 0);
        }
        let word = self.slice(Range::new(token.start, token.end));
        if number::looks_like(word.as_bytes()) {
            return match number::check(word.as_bytes()) {
                Ok(kind) => (kind, 0),
                Err(fault) => self.bad_number(token, word, fault, quiet),
            };
        }
        if chars::is_reserved(word) {
            return self.reserved(token, word, quiet);
        }
        (ValueKind::Str, 0)
    }

    #[cold]
    fn bad_number(&mut self, token: Token, word: &str, fault: number::NumberFault, quiet: bool) -> (ValueKind, u8) {
        if !quiet {
            let rest = self.faults.span(token.start as usize + fault.at, token.end as usize);
            self.faults.push(faults::bad_number(self.at(token), rest, fault.what, word));
        }
        (ValueKind::Str, FAULTY)
    }

    /// A keyword without its `#` is read as the keyword that was probably meant.
    #[cold]
    fn reserved(&mut self, token: Token, word: &str, quiet: bool) -> (ValueKind, u8) {
        if !quiet {
            self.faults.push(faults::bare_keyword(self.at(token), word));
        }
        let kind = match word {
            "true" | "false" => ValueKind::Bool,
            "null" => ValueKind::Null,
            _ => ValueKind::Float,
        };
        (kind, FAULTY)
    }

    fn keyword(&mut self, token: Token, quiet: bool) -> (ValueKind, u8) {
        let word = self.slice(Range::new(token.start, token.end));
        match word {
            "#true" | "#false" => (ValueKind::Bool, 0),
            "#null" => (ValueKind::Null, 0),
            "#inf" | "#-inf" | "#nan" => (ValueKind::Float, 0),
            _ => {
                if !quiet {
                    self.faults.push(faults::unknown_keyword(self.at(token), word));
                }
                (ValueKind::Str, FAULTY)
            }
        }
    }

    /// Decodes a string that is not simply the text between its quotes, and gives its flags.
    #[cold]
    fn string(&mut self, token: Token, quiet: bool) -> u8 {
        let raw = self.slice(Range::new(token.start, token.end));
        if !token.closed() {
            return self.unclosed_string(token, raw);
        }
        let start = self.tree.arena.len();
        let mut flags = DECODED;
        let (arena, list) = (&mut self.tree.arena, &mut self.faults);
        string::decode(raw, &mut |_, _, piece| arena.push_str(piece), &mut |fault| {
            flags |= FAULTY;
            if quiet {
                return;
            }
            list.push(faults::string_fault(list, token.start as usize, &fault, raw));
        });
        let arena = Range::new(start as u32, self.tree.arena.len() as u32);
        self.tree.decoded.push(DecodedData { start: token.start, arena });
        flags
    }

    fn unclosed_string(&mut self, token: Token, raw: &str) -> u8 {
        // What it swallowed may have held the braces that are then missing.
        self.braces_doubtful |= raw.contains(['{', '}']);
        let is_rest =
            self.string_open && raw.trim_matches('#').trim_start_matches('"').trim_matches('#').trim().is_empty();
        self.string_open = true;
        if is_rest {
            return FAULTY;
        }
        let several_lines = raw.contains(chars::is_newline);
        let marks = raw.len() - raw.trim_start_matches('#').trim_start_matches('"').len();
        let (start, end) = (token.start as usize, token.end as usize);
        let marks = raw.get(..marks).unwrap_or("\"");
        let fault = faults::unclosed_string(&self.faults, start, end, marks, several_lines);
        self.faults.push(fault);
        FAULTY
    }
}
