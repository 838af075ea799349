//! The character classes of KDL.

/// A byte that goes on a bare word.
pub(super) const WORD: u8 = 1;
/// A byte that goes on a line comment: all but line ends and the first bytes of those that are not ASCII.
pub(super) const LINE: u8 = 2;
/// A byte that goes on a quoted string and means itself there; a brace may start a reference.
pub(super) const QUOTED: u8 = 4;
/// A control character that may stand nowhere.
pub(super) const CONTROL: u8 = 8;
/// A blank in ASCII that is no line end.
pub(super) const BLANK: u8 = 16;
/// A letter with which no number and no word that KDL reserves starts.
pub(super) const HARMLESS: u8 = 32;

/// What each byte may be part of. A byte above ASCII has to be looked at as a character.
pub(super) static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let line_end = matches!(byte, b'\n' | 0x0B | 0x0C | b'\r');
        // U+0085 starts with C2; U+2028 and U+2029 with E2.
        let maybe_line_end = line_end || matches!(byte, 0xC2 | 0xE2);
        let mut class = 0;
        if byte < 0x80 && !line_end && !matches!(byte, b'\t' | b' ') && !is_punctuation(byte) {
            class |= WORD;
        }
        if !maybe_line_end {
            class |= LINE;
            if !matches!(byte, b'"' | b'\\' | b'{' | b'}') {
                class |= QUOTED;
            }
        }
        if matches!(byte, b'\t' | b' ') {
            class |= BLANK;
        }
        if byte.is_ascii_alphabetic() && !matches!(byte, b't' | b'f' | b'n' | b'i') {
            class |= HARMLESS;
        }
        if (byte < 0x20 && byte != b'\t' && !line_end) || byte == 0x7F {
            class |= CONTROL;
        }
        table[at] = class;
        at += 1;
    }
    table
}

/// Whether an ASCII byte ends a bare word and is no blank.
const fn is_punctuation(byte: u8) -> bool {
    matches!(byte, b'\\' | b'/' | b'(' | b')' | b'{' | b'}' | b';' | b'[' | b']' | b'"' | b'#' | b'=')
}

/// Whether `byte` has one of the classes.
#[inline]
pub(super) fn is(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// Whether it is a blank that is no line end.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, '\t' | ' ' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

/// Whether it ends a line.
pub(super) fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\u{B}' | '\u{C}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether it may stand nowhere in a text: control characters, and those that change the direction of writing and so can
/// make a text look like another one. A byte-order mark is forbidden behind the start.
pub(super) fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{E}'..='\u{1F}' | '\u{7F}' | '\u{FEFF}') || is_direction(c)
}

/// Whether it changes the direction of writing.
pub(super) fn is_direction(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character above ASCII goes on a bare word. The forbidden ones do: what they are is said once, elsewhere.
pub(super) fn is_word(c: char) -> bool {
    !is_space(c) && !is_newline(c)
}

/// Whether `word` could stand without quotes.
pub(super) fn is_bare(word: &str) -> bool {
    let starts_like_number = {
        let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
        unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|c: char| c.is_ascii_digit())
    };
    let is_char = |c: char| {
        if c.is_ascii() { is(c as u8, WORD) && !is(c as u8, CONTROL) } else { is_word(c) && !is_forbidden(c) }
    };
    !word.is_empty() && !starts_like_number && !is_reserved(word) && word.chars().all(is_char)
}

/// Whether a bare word looks like a keyword without its `#`, which KDL reserves.
pub(super) fn is_reserved(word: &str) -> bool {
    matches!(word, "true" | "false" | "null" | "inf" | "-inf" | "nan")
}
