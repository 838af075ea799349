//! `strconv.Quote` and `strconv.Unquote`.

use std::borrow::Cow;

/// Whether Go prints a character as it is: letters, marks, numbers, punctuation, symbols, and the ASCII space.
pub fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // The standard library knows the same classes, but shows them only through its own escaping; a letter before it keeps
    // combining marks from being escaped.
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().nth(1) == Some(c)
}

/// A Go string literal of these bytes, in double quotes.
pub fn quote(bytes: &[u8]) -> String {
    quote_with(bytes, is_print)
}

/// The same, with everything but ASCII escaped.
pub(super) fn quote_to_ascii(bytes: &[u8]) -> String {
    quote_with(bytes, |c| c.is_ascii() && is_print(c))
}

fn quote_with(bytes: &[u8], plain: fn(char) -> bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| escape(&mut out, c, '"', plain));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    out
}

/// A Go character literal, in single quotes; to ASCII, everything else is escaped.
pub fn quote_rune(c: char, to_ascii: bool) -> String {
    let plain: fn(char) -> bool = if to_ascii { |c| c.is_ascii() && is_print(c) } else { is_print };
    let mut out = String::from("'");
    escape(&mut out, c, '\'', plain);
    out.push('\'');
    out
}

fn escape(out: &mut String, c: char, quote: char, plain: fn(char) -> bool) {
    match c {
        '\\' => out.push_str("\\\\"),
        c if c == quote => out.extend(['\\', c]),
        c if plain(c) => out.push(c),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        c if c < ' ' || c == '\x7f' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if u32::from(c) < 0x10000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

/// The bytes a Go string literal stands for, in double quotes or backquotes; nothing if it is not one.
pub fn unquote(literal: &[u8]) -> Option<Cow<'_, [u8]>> {
    match literal {
        [b'`', inner @ .., b'`'] => memchr::memchr(b'`', inner).is_none().then(|| without_returns(inner)),
        [b'"', inner @ .., b'"'] => unescape(inner),
        _ => None,
    }
}

/// A text in backquotes: carriage returns do not count.
fn without_returns(inner: &[u8]) -> Cow<'_, [u8]> {
    match memchr::memchr(b'\r', inner) {
        None => Cow::Borrowed(inner),
        Some(_) => inner.iter().copied().filter(|b| *b != b'\r').collect(),
    }
}

fn unescape(mut inner: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memchr::memchr3(b'"', b'\n', b'\\', inner).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    let mut out = Vec::with_capacity(inner.len());
    while let Some(at) = memchr::memchr3(b'"', b'\n', b'\\', inner) {
        let (plain, escape) = inner.split_at_checked(at)?;
        out.extend_from_slice(plain);
        if escape.first() != Some(&b'\\') {
            return None;
        }
        let (unit, rest) = unquote_char(escape, b'"')?;
        match unit {
            Unit::Byte(byte) => out.push(byte),
            Unit::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        inner = rest;
    }
    out.extend_from_slice(inner);
    Some(Cow::Owned(out))
}

/// What one escape sequence or character stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A single byte, from `\x` or octal.
    Byte(u8),
    /// A character.
    Char(char),
}

/// The first character or escape sequence of a literal in these quotes, and what follows it.
pub fn unquote_char(text: &[u8], quote: u8) -> Option<(Unit, &[u8])> {
    let (&first, rest) = text.split_first()?;
    if first != b'\\' {
        let valid = text.utf8_chunks().next()?.valid();
        let c = valid.chars().next()?;
        return (first != quote).then(|| text.get(c.len_utf8()..)).flatten().map(|rest| (Unit::Char(c), rest));
    }
    let (&kind, rest) = rest.split_first()?;
    let simple = |c| Some((Unit::Char(c), rest));
    match kind {
        b'a' => simple('\x07'),
        b'b' => simple('\x08'),
        b'f' => simple('\x0c'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'v' => simple('\x0b'),
        b'\\' => simple('\\'),
        b'"' | b'\'' if kind == quote => simple(char::from(kind)),
        b'x' => number(rest, 2, 16).map(|(n, rest)| (byte_unit(n), rest)),
        b'u' => number(rest, 4, 16).and_then(|(n, rest)| Some((Unit::Char(char::from_u32(n)?), rest))),
        b'U' => number(rest, 8, 16).and_then(|(n, rest)| Some((Unit::Char(char::from_u32(n)?), rest))),
        b'0'..=b'7' => {
            let (n, rest) = number(text.get(1..)?, 3, 8)?;
            (n < 256).then(|| (byte_unit(n), rest))
        }
        _ => None,
    }
}

fn byte_unit(n: u32) -> Unit {
    Unit::Byte(u8::try_from(n).unwrap_or_default())
}

fn number(text: &[u8], digits: usize, radix: u32) -> Option<(u32, &[u8])> {
    let (head, rest) = text.split_at_checked(digits)?;
    let mut n = 0u32;
    for &byte in head {
        n = n.checked_mul(radix)?.checked_add(char::from(byte).to_digit(radix)?)?;
    }
    Some((n, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        let cases: [(&[u8], &str); 7] = [
            (b"plain", r#""plain""#),
            (b"a\"b\\c", r#""a\"b\\c""#),
            (b"\n\t\x07\x00\x7f", r#""\n\t\a\x00\x7f""#),
            ("é日\u{301}".as_bytes(), "\"é日\u{301}\""),
            ("\u{a0}\u{feff}".as_bytes(), r#""\u00a0\ufeff""#),
            (b"\xff\xfe", r#""\xff\xfe""#),
            ("\u{1f600}\u{e0001}".as_bytes(), "\"\u{1f600}\\U000e0001\""),
        ];
        for (bytes, literal) in cases {
            assert_eq!(quote(bytes), literal);
            assert_eq!(unquote(literal.as_bytes()).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn refuses_what_is_no_literal() {
        for literal in ["\"", "\"a", "'a'", r#""\q""#, r#""\x1""#, r#""\'""#, "\"a\nb\"", r#""\400""#] {
            assert_eq!(unquote(literal.as_bytes()), None, "{literal}");
        }
        assert_eq!(unquote(b"`a\r\nb`").as_deref(), Some(&b"a\nb"[..]));
    }
}
