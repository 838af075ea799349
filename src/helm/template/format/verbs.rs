//! `fmt.Sprintf`: the format string, and each verb on each kind of value.

use super::number::{Flags, Integer, integer, pad};
use super::quote::quote_to_ascii;
use super::{Notation, float, quote};
use crate::helm::value::{Str, Value};

/// The largest width, precision or argument index that Go takes.
const MAX_NUMBER: usize = 1_000_000;

/// How deep nested lists and maps are printed; a map that contains itself ends here.
const MAX_DEPTH: usize = 1_000;

/// Printing a collection stops here, beyond what a render may write: a map can contain itself more than once.
const MAX_TEXT: usize = 256 << 20;

/// `fmt.Sprintf(format, args...)`. Never fails: what is wrong stands in the text, as `%!d(string=x)`.
pub fn sprintf(format: &[u8], args: &[Value]) -> Vec<u8> {
    let mut printer = Printer { format, at: 0, args, next: 0, reordered: false, out: Vec::with_capacity(format.len()) };
    printer.run();
    printer.out
}

/// `%v` of a slice or a map.
pub(super) fn print_composite(out: &mut Vec<u8>, value: &Value) {
    argument(out, &Flags::default(), value, 'v', 0);
}

struct Printer<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [Value],
    next: usize,
    reordered: bool,
    out: Vec<u8>,
}

impl Printer<'_> {
    fn run(&mut self) {
        while let Some(rest) = self.format.get(self.at..).filter(|rest| !rest.is_empty()) {
            let plain = memchr::memchr(b'%', rest).unwrap_or(rest.len());
            self.out.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.at += plain + 1;
            if plain < rest.len() && !self.verb() {
                self.out.extend_from_slice(b"%!(NOVERB)");
                break;
            }
        }
        self.extra();
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// One verb; the `%` is behind. False if the format ends before the verb.
    fn verb(&mut self) -> bool {
        let mut flags = self.flags();
        let mut good = true;
        let mut after_index = self.index(&mut good);
        self.width(&mut flags, &mut good, &mut after_index);
        self.precision(&mut flags, &mut good, &mut after_index);
        if !after_index {
            self.index(&mut good);
        }
        let Some(verb) = self.character() else { return false };
        match self.args.get(self.next) {
            _ if verb == '%' => self.out.push(b'%'),
            _ if !good => self.complain(verb, "(BADINDEX)"),
            None => self.complain(verb, "(MISSING)"),
            Some(value) => {
                if verb == 'v' {
                    flags.sharp_v = std::mem::take(&mut flags.sharp);
                    flags.plus_v = std::mem::take(&mut flags.plus);
                }
                self.next += 1;
                argument(&mut self.out, &flags, value, verb, 0);
            }
        }
        true
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags.zero &= !flags.minus;
        flags
    }

    fn width(&mut self, flags: &mut Flags, good: &mut bool, after_index: &mut bool) {
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.number_argument() {
                Some(width) => {
                    flags.minus |= width < 0;
                    flags.zero &= width >= 0;
                    flags.width = usize::try_from(width.unsigned_abs()).ok();
                }
                None => self.out.extend_from_slice(b"%!(BADWIDTH)"),
            }
            *after_index = false;
        } else {
            flags.width = self.number();
            *good &= !(*after_index && flags.width.is_some());
        }
    }

    fn precision(&mut self, flags: &mut Flags, good: &mut bool, after_index: &mut bool) {
        if self.peek() != Some(b'.') || self.at + 1 >= self.format.len() {
            return;
        }
        self.at += 1;
        *good &= !*after_index;
        *after_index = self.index(good);
        if self.peek() == Some(b'*') {
            self.at += 1;
            flags.precision = self.number_argument().and_then(|n| usize::try_from(n).ok());
            if flags.precision.is_none() {
                self.out.extend_from_slice(b"%!(BADPREC)");
            }
            *after_index = false;
        } else {
            flags.precision = Some(self.number().unwrap_or_default());
        }
    }

    /// `[n]`: which argument is next.
    fn index(&mut self, good: &mut bool) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = self.format.get(self.at..).unwrap_or_default();
        let Some(close) = memchr::memchr(b']', rest) else {
            self.at += 1;
            *good = false;
            return false;
        };
        let number = std::str::from_utf8(rest.get(1..close).unwrap_or_default()).ok();
        let number = number.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let number = number.and_then(|digits| digits.parse::<usize>().ok()).filter(|n| *n <= MAX_NUMBER);
        self.at += close + 1;
        match number.and_then(|n| n.checked_sub(1)).filter(|n| *n < self.args.len()) {
            Some(next) => self.next = next,
            None => *good = false,
        }
        number.is_some()
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            let value = number.unwrap_or(0usize) * 10 + usize::from(digit - b'0');
            if value > MAX_NUMBER {
                self.at = self.format.len();
                return None;
            }
            number = Some(value);
            self.at += 1;
        }
        number
    }

    fn number_argument(&mut self) -> Option<i64> {
        let value = self.args.get(self.next)?;
        self.next += 1;
        let number = match value {
            Value::Int(n) | Value::Int64(n) => *n,
            Value::Uint64(n) => i64::try_from(*n).ok()?,
            _ => return None,
        };
        (number.unsigned_abs() <= MAX_NUMBER as u64).then_some(number)
    }

    fn character(&mut self) -> Option<char> {
        let rest = self.format.get(self.at..).filter(|rest| !rest.is_empty())?;
        let c = rest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
        self.at += c.map_or(1, char::len_utf8);
        Some(c.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn complain(&mut self, verb: char, what: &str) {
        self.out.extend_from_slice(format!("%!{verb}{what}").as_bytes());
    }

    fn extra(&mut self) {
        let extra = self.args.get(self.next..).unwrap_or_default();
        if self.reordered || extra.is_empty() {
            return;
        }
        self.out.extend_from_slice(b"%!(EXTRA ");
        for (n, value) in extra.iter().enumerate() {
            if n > 0 {
                self.out.extend_from_slice(b", ");
            }
            typed(&mut self.out, &Flags::default(), value, 0);
        }
        self.out.push(b')');
    }
}

/// `type=value`, as errors show a value; nil is only `<nil>`.
fn typed(out: &mut Vec<u8>, flags: &Flags, value: &Value, depth: usize) {
    if value.is_nil() {
        return out.extend_from_slice(b"<nil>");
    }
    out.extend_from_slice(value.type_name().as_bytes());
    out.push(b'=');
    argument(out, flags, value, 'v', depth);
}

fn bad_verb(out: &mut Vec<u8>, flags: &Flags, value: &Value, verb: char, depth: usize) {
    out.extend_from_slice(format!("%!{verb}(").as_bytes());
    typed(out, flags, value, depth);
    out.push(b')');
}

/// One value with one verb; `depth` counts the lists and maps around it.
fn argument(out: &mut Vec<u8>, flags: &Flags, value: &Value, verb: char, depth: usize) {
    if depth > MAX_DEPTH || out.len() > MAX_TEXT {
        return out.extend_from_slice(b"...");
    }
    if verb == 'T' && depth == 0 {
        let flags = Flags { precision: flags.precision.filter(|_| !value.is_nil()), ..*flags };
        text(out, &flags, value.type_name().as_bytes(), 's');
        return;
    }
    let done = match value {
        Value::Missing | Value::Nil => nil(out, flags, verb, depth),
        Value::Bool(b) => boolean(out, flags, *b, verb),
        Value::Int(n) | Value::Int64(n) => integer(out, &plain_hex(flags), Integer::signed(*n), verb),
        Value::Uint64(n) => integer(out, &plain_hex(flags), Integer { negative: false, magnitude: *n }, verb),
        Value::Float(n) => floating(out, flags, *n, verb),
        Value::Str(s) => text(out, flags, s, verb),
        Value::Bytes(s) => return bytes(out, flags, s, verb),
        Value::List(list) => return sequence(out, flags, value, list.iter(), verb, depth),
        Value::Map(_) => return mapping(out, flags, value, verb, depth),
        Value::Object(object) => {
            matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
                && text(out, flags, object.print().as_bytes(), if verb == 'v' { 's' } else { verb })
        }
    };
    if !done {
        bad_verb(out, flags, value, verb, depth);
    }
}

/// `%#v` of a number is the plain number.
fn plain_hex(flags: &Flags) -> Flags {
    Flags { sharp: flags.sharp && !flags.sharp_v, ..*flags }
}

fn nil(out: &mut Vec<u8>, flags: &Flags, verb: char, depth: usize) -> bool {
    match (verb, depth) {
        (_, 1..) if flags.sharp_v => out.extend_from_slice(b"interface {}(nil)"),
        (_, 1..) => out.extend_from_slice(b"<nil>"),
        ('v', 0) => pad(out, flags, b"<nil>"),
        _ => return false,
    }
    true
}

fn boolean(out: &mut Vec<u8>, flags: &Flags, b: bool, verb: char) -> bool {
    let word: &[u8] = if b { b"true" } else { b"false" };
    let known = matches!(verb, 't' | 'v');
    if known {
        pad(out, flags, word);
    }
    known
}

fn floating(out: &mut Vec<u8>, flags: &Flags, n: f64, verb: char) -> bool {
    let (notation, precision) = match verb {
        'v' | 'g' | 'G' => (Notation::General, None),
        'f' | 'F' => (Notation::Fixed, Some(6)),
        'e' | 'E' => (Notation::Exponent, Some(6)),
        'x' | 'X' => (Notation::Hexadecimal, None),
        'b' => (Notation::Binary, None),
        _ => return false,
    };
    let mut text = float(n, notation, flags.precision.or(precision));
    if matches!(verb, 'E' | 'G' | 'X') {
        text.make_ascii_uppercase();
    }
    if flags.sharp && n.is_finite() && !matches!(notation, Notation::Hexadecimal | Notation::Binary) {
        text = keep_point(&text, notation, flags.precision);
    }
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (if text.starts_with('-') { "-" } else { "+" }, digits),
        None => ("+", text.as_str()),
    };
    let sign = match sign {
        "+" if !flags.plus && flags.space => " ",
        "+" if !flags.plus && !n.is_infinite() => "",
        "+" if n.is_nan() => "",
        sign => sign,
    };
    let zero = flags.zero && n.is_finite();
    if let (true, Some(width)) = (zero && !sign.is_empty(), flags.width) {
        out.extend_from_slice(sign.as_bytes());
        pad(out, &Flags { width: width.checked_sub(1), ..*flags }, digits.as_bytes());
    } else {
        pad(out, &Flags { zero, ..*flags }, format!("{sign}{digits}").as_bytes());
    }
    true
}

/// The sharp flag: always a decimal point, and for `%g` the trailing zeros too.
fn keep_point(text: &str, notation: Notation, precision: Option<usize>) -> String {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let significant = mantissa.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    let missing = match notation {
        Notation::General => precision.unwrap_or(6).max(1).saturating_sub(significant.max(1)),
        _ => 0,
    };
    let point = if mantissa.contains('.') { "" } else { "." };
    format!("{mantissa}{point}{}{exponent}", "0".repeat(missing))
}

/// A string with one of `v s x X q`; says no to any other.
fn text(out: &mut Vec<u8>, flags: &Flags, bytes: &[u8], verb: char) -> bool {
    match verb {
        'v' if flags.sharp_v => pad(out, flags, quote(truncate(bytes, flags.precision)).as_bytes()),
        'v' | 's' => pad(out, flags, truncate(bytes, flags.precision)),
        'q' => {
            let bytes = truncate(bytes, flags.precision);
            let raw = flags.sharp && can_backquote(bytes);
            let quoted = match (raw, flags.plus) {
                (true, _) => [b"`", bytes, b"`"].concat(),
                (false, true) => quote_to_ascii(bytes).into_bytes(),
                (false, false) => quote(bytes).into_bytes(),
            };
            pad(out, flags, &quoted);
        }
        'x' => hexadecimal(out, flags, bytes, false),
        'X' => hexadecimal(out, flags, bytes, true),
        _ => return false,
    }
    true
}

/// The first `precision` characters.
fn truncate(bytes: &[u8], precision: Option<usize>) -> &[u8] {
    let Some(mut left) = precision else { return bytes };
    let mut end = 0;
    for chunk in bytes.utf8_chunks() {
        let widths = chunk.valid().chars().map(char::len_utf8).chain(chunk.invalid().iter().map(|_| 1));
        for width in widths {
            if left == 0 {
                return bytes.get(..end).unwrap_or(bytes);
            }
            left -= 1;
            end += width;
        }
    }
    bytes
}

/// Whether a text can stand in backquotes unchanged.
fn can_backquote(bytes: &[u8]) -> bool {
    let control = |c: char| (c < ' ' && c != '\t') || c == '`' || c == '\x7f' || c == '\u{feff}';
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(control))
}

fn hexadecimal(out: &mut Vec<u8>, flags: &Flags, bytes: &[u8], upper: bool) {
    let bytes = bytes.get(..flags.precision.unwrap_or(usize::MAX).min(bytes.len())).unwrap_or(bytes);
    let prefix = if upper { "0X" } else { "0x" };
    let mut text = String::with_capacity(bytes.len() * 2);
    for (n, byte) in bytes.iter().enumerate() {
        if n > 0 && flags.space {
            text.push(' ');
        }
        if flags.sharp && (n == 0 || flags.space) {
            text.push_str(prefix);
        }
        text.push_str(&if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
    }
    pad(out, flags, text.as_bytes());
}

fn bytes(out: &mut Vec<u8>, flags: &Flags, bytes: &Str, verb: char) {
    if matches!(verb, 's' | 'q' | 'x' | 'X') {
        text(out, flags, bytes, verb);
        return;
    }
    out.push(b'[');
    for (n, byte) in bytes.iter().enumerate() {
        if n > 0 {
            out.push(b' ');
        }
        argument(out, flags, &Value::Uint64(u64::from(*byte)), verb, 1);
    }
    out.push(b']');
}

fn sequence<'v>(
    out: &mut Vec<u8>,
    flags: &Flags,
    whole: &Value,
    items: impl Iterator<Item = &'v Value>,
    verb: char,
    depth: usize,
) {
    let (open, separator, close): (_, &[u8], _) = brackets(flags, whole, "[", b"]");
    out.extend_from_slice(open.as_bytes());
    for (n, item) in items.enumerate() {
        if n > 0 {
            out.extend_from_slice(separator);
        }
        argument(out, flags, item, verb, depth + 1);
    }
    out.extend_from_slice(close);
}

fn mapping(out: &mut Vec<u8>, flags: &Flags, whole: &Value, verb: char, depth: usize) {
    let entries = whole.as_map().map(|map| map.entries()).unwrap_or_default();
    let (open, separator, close) = brackets(flags, whole, "map[", b"]");
    out.extend_from_slice(open.as_bytes());
    for (n, (key, item)) in entries.into_iter().enumerate() {
        if n > 0 {
            out.extend_from_slice(separator);
        }
        argument(out, flags, &Value::Str(key), verb, depth + 1);
        out.push(b':');
        argument(out, flags, &item, verb, depth + 1);
    }
    out.extend_from_slice(close);
}

fn brackets(flags: &Flags, whole: &Value, open: &str, close: &'static [u8]) -> (String, &'static [u8], &'static [u8]) {
    match flags.sharp_v {
        true => (format!("{}{{", whole.type_name()), b", ", b"}"),
        false => (open.to_string(), b" ", close),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: &str, args: &[Value], text: &str) {
        assert_eq!(String::from_utf8_lossy(&sprintf(format.as_bytes(), args)), text, "{format}");
    }

    #[test]
    fn strings_and_numbers() {
        let s = |text: &str| Value::from(text);
        check("%s-%s", &[s("a"), s("b")], "a-b");
        check("%5s|%-5s|%.2s", &[s("ab"), s("ab"), s("abc")], "   ab|ab   |ab");
        check("%q %x %X % x", &[s("a\"b"), s("hi"), s("hi"), s("hi")], r#""a\"b" 6869 6869 68 69"#);
        check("%d %5d %-5d| %05d %+d", &[1, 2, 3, -4, 5].map(Value::Int), "1     2 3    | -0004 +5");
        check("%x %#x %o %b %c %U", &[255, 255, 8, 5, 65, 65].map(Value::Int), "ff 0xff 10 101 A U+0041");
        check("%v %v %t", &[Value::Float(1e6), Value::Float(0.5), Value::Bool(true)], "1e+06 0.5 true");
        check(
            "%.2f %5.1f %e %g %06.2f",
            &[2.345, 2.0, 1234.5, 1e7, -1.5].map(Value::Float),
            "2.35   2.0 1.234500e+03 1e+07 -01.50",
        );
        check("%3d%%", &[Value::Int64(7)], "  7%");
        check(
            "%T %T %T",
            &[Value::Float(1.0), Value::map([("a", Value::Nil)]), Value::Nil],
            "float64 map[string]interface {} <nil>",
        );
    }

    #[test]
    fn mistakes_stand_in_the_text() {
        let s = |text: &str| Value::from(text);
        check("%d", &[Value::Float(3.0)], "%!d(float64=3)");
        check("%s", &[Value::Int(3)], "%!s(int=3)");
        check("%d", &[s("x")], "%!d(string=x)");
        check("%s", &[Value::Nil], "%!s(<nil>)");
        check("%s %s", &[s("a")], "a %!s(MISSING)");
        check("%s", &[s("a"), s("b"), Value::Int(1)], "a%!(EXTRA string=b, int=1)");
        check("%", &[], "%!(NOVERB)");
        check("%!", &[s("a")], "%!!(string=a)");
        check("%[2]s %[1]s", &[s("a"), s("b")], "b a");
        check("%[3]s", &[s("a")], "%!s(BADINDEX)");
        check("%*d", &[Value::Int(4), Value::Int(1)], "   1");
        check("%*d", &[s("a"), Value::Int(1)], "%!(BADWIDTH)1");
    }

    #[test]
    fn collections_apply_the_verb_to_each_element() {
        let list = Value::list(vec![Value::from("a"), Value::Float(1.0), Value::Nil]);
        check("%v", std::slice::from_ref(&list), "[a 1 <nil>]");
        check("%s", std::slice::from_ref(&list), "[a %!s(float64=1) <nil>]");
        check("%3v", std::slice::from_ref(&list), "[  a   1 <nil>]");
        check("%q", &[Value::strings(["a", "b"])], r#"["a" "b"]"#);
        check("%v", &[Value::map([("b", Value::Int(1)), ("a", list)])], "map[a:[a 1 <nil>] b:1]");
        check("%v %s", &[Value::Bytes("hi".into()), Value::Bytes("hi".into())], "[104 105] hi");
        check("%#v", &[Value::map([("a", Value::from("x"))])], r#"map[string]interface {}{"a":"x"}"#);
    }
}
