//! Integers and padding, with the flags of a format verb.

use super::quote::{is_print, quote_rune};

/// The flags, width and precision of one verb.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub plus: bool,
    pub minus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    /// `%+v`
    pub plus_v: bool,
    /// `%#v`
    pub sharp_v: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
}

/// Appends a text, padded to the width; the width counts characters.
pub(super) fn pad(out: &mut Vec<u8>, flags: &Flags, text: &[u8]) {
    let Some(width) = flags.width else { return out.extend_from_slice(text) };
    let missing = width.saturating_sub(count_runes(text));
    if flags.minus {
        out.extend_from_slice(text);
        out.extend(std::iter::repeat_n(b' ', missing));
    } else {
        out.extend(std::iter::repeat_n(if flags.zero { b'0' } else { b' ' }, missing));
        out.extend_from_slice(text);
    }
}

/// How many characters Go counts: each broken byte is one.
fn count_runes(text: &[u8]) -> usize {
    text.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// An integer with its sign apart, so that all 64-bit numbers fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Integer {
    pub negative: bool,
    pub magnitude: u64,
}

impl Integer {
    /// Of a signed number.
    pub fn signed(n: i64) -> Integer {
        Integer { negative: n < 0, magnitude: n.unsigned_abs() }
    }

    fn rune(self) -> char {
        let code = if self.negative { None } else { u32::try_from(self.magnitude).ok() };
        code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

/// Appends an integer as one of the verbs `v d b o O x X c q U`; says no to any other.
pub(super) fn integer(out: &mut Vec<u8>, flags: &Flags, n: Integer, verb: char) -> bool {
    let digits = match verb {
        'v' | 'd' => format!("{}", n.magnitude),
        'b' => format!("{:b}", n.magnitude),
        'o' | 'O' => format!("{:o}", n.magnitude),
        'x' => format!("{:x}", n.magnitude),
        'X' => format!("{:X}", n.magnitude),
        'c' => {
            pad(out, flags, n.rune().encode_utf8(&mut [0; 4]).as_bytes());
            return true;
        }
        'q' => {
            pad(out, flags, quote_rune(n.rune(), flags.plus).as_bytes());
            return true;
        }
        'U' => {
            let code = if n.negative { n.magnitude.wrapping_neg() } else { n.magnitude };
            let digits = flags.precision.unwrap_or_default().max(4);
            let text = format!("{code:X}");
            let text = format!("U+{}{text}", "0".repeat(digits.saturating_sub(text.len())));
            let shown = flags.sharp && u32::try_from(code).ok().and_then(char::from_u32).is_some_and(is_print);
            let text = if shown { format!("{text} '{}'", n.rune()) } else { text };
            pad(out, &Flags { zero: false, ..*flags }, text.as_bytes());
            return true;
        }
        _ => return false,
    };
    let sign = match (n.negative, flags.plus, flags.space) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    };
    let prefix = match (verb, flags.sharp) {
        ('x', true) => "0x",
        ('X', true) => "0X",
        ('b', true) => "0b",
        ('o', true) if !digits.starts_with('0') => "0",
        ('O', true) if !digits.starts_with('0') => "0o0",
        ('O', _) => "0o",
        _ => "",
    };
    // A precision says how many digits there are at least; so does a width with the zero flag.
    let least = match (flags.precision, flags.width) {
        (Some(0), _) if n.magnitude == 0 => {
            pad(out, &Flags { zero: false, ..*flags }, b"");
            return true;
        }
        (Some(precision), _) => precision,
        (None, Some(width)) if flags.zero && !flags.minus => width.saturating_sub(sign.len()),
        _ => 0,
    };
    let zeros = "0".repeat(least.saturating_sub(digits.len()));
    pad(out, &Flags { zero: false, ..*flags }, format!("{sign}{prefix}{zeros}{digits}").as_bytes());
    true
}
