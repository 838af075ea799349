//! Scanning scalars: plain, quoted, and in blocks.

use super::scan::{Kind, Scanned, Scanner, Through, all_but};

/// What cannot end a scalar without quotes, nor be looked at twice.
static IN_PLAIN: Through = all_but(b" :,?[]{}");
/// The same of one in quotes.
static IN_QUOTES: Through = all_but(b" '\"\\");

/// The line breaks between two lines of a flowing scalar: one alone is a space.
#[derive(Default)]
struct Breaks {
    first: &'static str,
    more: String,
}

impl Breaks {
    fn take(&mut self, text: &'static str) {
        if self.first.is_empty() {
            self.first = text;
        } else {
            self.more.push_str(text);
        }
    }

    fn fold_into(&mut self, out: &mut String) {
        match self.first {
            "\n" if self.more.is_empty() => out.push(' '),
            "\n" => {}
            first => out.push_str(first),
        }
        out.push_str(&self.more);
        *self = Breaks::default();
    }
}

impl Scanner<'_> {
    fn copy(&self, start: usize, out: &mut String) {
        out.push_str(std::str::from_utf8(self.since(start)).unwrap_or_default());
    }

    /// A scalar without quotes.
    pub(super) fn plain(&mut self) -> Scanned<Kind> {
        let indent = self.indent + 1;
        let mut out = String::new();
        let mut breaks = Breaks::default();
        let mut after_break = false;
        // Where the blanks behind the last word begin, as long as they may be followed by another one.
        let mut gap = None;
        while self.at_document_indicator().is_none() && self.byte(0) != b'#' {
            if !self.is_blank_or_end(0) && !self.ends_plain() {
                if after_break {
                    breaks.fold_into(&mut out);
                    after_break = false;
                }
                let start = gap.take().unwrap_or(self.at.byte);
                loop {
                    self.skip_run(&IN_PLAIN);
                    if self.is_blank_or_end(0) || self.ends_plain() {
                        break;
                    }
                    self.skip();
                }
                self.copy(start, &mut out);
            }
            if !self.is_blank(0) && !self.is_break(0) {
                break;
            }
            while self.is_blank(0) || self.is_break(0) {
                if self.is_break(0) {
                    gap = None;
                    breaks.take(self.take_break());
                    after_break = true;
                } else if after_break {
                    if self.at.column < indent && self.byte(0) == b'\t' {
                        return self.fail("found a tab character that violates indentation");
                    }
                    self.skip();
                } else {
                    gap.get_or_insert(self.at.byte);
                    self.skip();
                }
            }
            if self.flow == 0 && self.at.column < indent {
                break;
            }
        }
        if after_break {
            self.key_allowed = true;
        }
        Ok(Kind::Scalar { value: out, plain: true })
    }

    fn ends_plain(&self) -> bool {
        match self.byte(0) {
            b':' => self.is_blank_or_end(1),
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.flow > 0,
            _ => false,
        }
    }

    /// A scalar in single or double quotes.
    pub(super) fn quoted(&mut self) -> Scanned<Kind> {
        let quote = self.byte(0);
        self.skip();
        let mut out = String::new();
        loop {
            if self.at_document_indicator().is_some() {
                return self.fail("found unexpected document indicator");
            }
            if self.is_end() {
                return self.fail("found unexpected end of stream");
            }
            let mut escaped_break = self.quoted_run(quote, &mut out)?;
            if self.byte(0) == quote {
                self.skip();
                return Ok(Kind::Scalar { value: out, plain: false });
            }
            let mut breaks = Breaks::default();
            let start = self.at.byte;
            let mut blanks = start;
            while self.is_blank(0) || self.is_break(0) {
                if self.is_break(0) {
                    breaks.take(self.take_break());
                    escaped_break = true;
                } else {
                    self.skip();
                    if !escaped_break {
                        blanks = self.at.byte;
                    }
                }
            }
            if escaped_break {
                if !breaks.first.is_empty() {
                    breaks.fold_into(&mut out);
                }
            } else {
                let text = self.since(start).get(..blanks - start).unwrap_or_default();
                out.push_str(std::str::from_utf8(text).unwrap_or_default());
            }
        }
    }

    /// Characters up to white space or the quote; whether an escaped line break ended them.
    fn quoted_run(&mut self, quote: u8, out: &mut String) -> Scanned<bool> {
        let mut start = self.at.byte;
        loop {
            self.skip_run(&IN_QUOTES);
            if self.is_blank_or_end(0) {
                break;
            }
            match (self.byte(0), self.byte(1)) {
                (b'\'', b'\'') if quote == b'\'' => {
                    self.skip();
                    self.copy(start, out);
                    self.skip();
                    start = self.at.byte;
                }
                (c, _) if c == quote => break,
                (b'\\', _) if quote == b'"' => {
                    self.copy(start, out);
                    self.skip();
                    if self.is_break(0) {
                        self.take_break();
                        return Ok(true);
                    }
                    out.push(self.escape()?);
                    start = self.at.byte;
                }
                _ => self.skip(),
            }
        }
        self.copy(start, out);
        Ok(false)
    }

    /// The character that an escape sequence stands for; its backslash is behind.
    fn escape(&mut self) -> Scanned<char> {
        let (c, digits) = match self.byte(0) {
            b'0' => ('\0', 0),
            b'a' => ('\u{7}', 0),
            b'b' => ('\u{8}', 0),
            b't' | b'\t' => ('\t', 0),
            b'n' => ('\n', 0),
            b'v' => ('\u{b}', 0),
            b'f' => ('\u{c}', 0),
            b'r' => ('\r', 0),
            b'e' => ('\u{1b}', 0),
            c @ (b' ' | b'"' | b'\'' | b'\\') => (char::from(c), 0),
            b'N' => ('\u{85}', 0),
            b'_' => ('\u{a0}', 0),
            b'L' => ('\u{2028}', 0),
            b'P' => ('\u{2029}', 0),
            b'x' => ('\0', 2),
            b'u' => ('\0', 4),
            b'U' => ('\0', 8),
            _ => return self.fail("found unknown escape character"),
        };
        self.skip();
        if digits == 0 {
            return Ok(c);
        }
        let mut value = 0u32;
        for _ in 0..digits {
            let Some(digit) = char::from(self.byte(0)).to_digit(16) else {
                return self.fail("did not find expected hexdecimal number");
            };
            value = value.wrapping_mul(16).wrapping_add(digit);
            self.skip();
        }
        match char::from_u32(value) {
            Some(c) => Ok(c),
            None => self.fail("found invalid Unicode character escape code"),
        }
    }

    /// A literal or folded block.
    pub(super) fn block(&mut self, literal: bool) -> Scanned<String> {
        self.skip();
        let (keep, increment) = self.block_header()?;
        let mut indent = match increment {
            0 => 0,
            n => self.indent.max(0) + n,
        };
        let mut out = String::new();
        let mut breaks = String::new();
        self.block_breaks(&mut indent, &mut breaks)?;
        let mut last = "";
        let mut after_blank = false;
        while self.at.column == indent && !self.is_end() {
            let blank = self.is_blank(0);
            if !literal && last == "\n" && !after_blank && !blank {
                if breaks.is_empty() {
                    out.push(' ');
                }
            } else {
                out.push_str(last);
            }
            out.push_str(&std::mem::take(&mut breaks));
            after_blank = blank;
            let start = self.at.byte;
            self.skip_line_rest();
            self.copy(start, &mut out);
            last = self.take_break();
            self.block_breaks(&mut indent, &mut breaks)?;
        }
        if keep != Some(false) {
            out.push_str(last);
        }
        if keep == Some(true) {
            out.push_str(&breaks);
        }
        Ok(out)
    }

    /// What stands behind `|` or `>`: whether line breaks at the end are kept or stripped, and the indentation.
    fn block_header(&mut self) -> Scanned<(Option<bool>, i32)> {
        let (mut keep, mut increment) = (None, 0);
        for _ in 0..2 {
            match self.byte(0) {
                b'+' if keep.is_none() => keep = Some(true),
                b'-' if keep.is_none() => keep = Some(false),
                b'0' if increment == 0 => return self.fail("found an indentation indicator equal to 0"),
                digit @ b'1'..=b'9' if increment == 0 => increment = i32::from(digit - b'0'),
                _ => break,
            }
            self.skip();
        }
        self.skip_blanks();
        if self.byte(0) == b'#' {
            self.skip_line_rest();
        }
        if !self.is_break_or_end(0) {
            return self.fail("did not find expected comment or line break");
        }
        self.take_break();
        Ok((keep, increment))
    }

    /// Goes over indentation and empty lines; finds the indentation out if it is 0.
    fn block_breaks(&mut self, indent: &mut i32, breaks: &mut String) -> Scanned {
        let mut widest = 0;
        loop {
            while (*indent == 0 || self.at.column < *indent) && self.byte(0) == b' ' {
                self.skip();
            }
            widest = widest.max(self.at.column);
            if (*indent == 0 || self.at.column < *indent) && self.byte(0) == b'\t' {
                return self.fail("found a tab character where an indentation space is expected");
            }
            if !self.is_break(0) {
                break;
            }
            breaks.push_str(self.take_break());
        }
        if *indent == 0 {
            *indent = widest.max(self.indent + 1).max(1);
        }
        Ok(())
    }
}
