//! What an untagged scalar means: go-yaml v2's `resolve`.

use super::YamlError;
use super::node::Data;
use std::borrow::Cow;

const PREFIX: &str = "tag:yaml.org,2002:";

/// The value of a scalar with one of YAML's own tags.
///
/// # Errors
/// A text that is not what its tag says.
pub(super) fn resolve(tag: &str, text: &str) -> Result<Data, YamlError> {
    let string = || Data::Str(text.into());
    let Some(name) = tag.strip_prefix(PREFIX) else { return Ok(string()) };
    let wrong = |found: &str| Err(YamlError::new(format!("cannot decode !!{found} `{text}` as a !!{name}")));
    match (name, plain(text)) {
        ("str", _) => Ok(string()),
        ("binary", _) => binary(text),
        ("timestamp", _) if is_timestamp(text) => Ok(string()),
        ("null", Data::Null) => Ok(Data::Null),
        ("bool", data @ Data::Bool(_)) => Ok(data),
        ("int", data @ (Data::Int(_) | Data::Uint(_))) => Ok(data),
        ("float", Data::Int(n)) => Ok(Data::Float(n as f64)),
        ("float", data @ Data::Float(_)) => Ok(data),
        ("null" | "bool" | "int" | "float" | "timestamp", other) => wrong(short_tag(&other)),
        _ => Ok(string()),
    }
}

fn short_tag(data: &Data) -> &'static str {
    match data {
        Data::Null => "null",
        Data::Bool(_) => "bool",
        Data::Int(_) | Data::Uint(_) => "int",
        Data::Float(_) => "float",
        _ => "str",
    }
}

fn binary(text: &str) -> Result<Data, YamlError> {
    use base64::Engine as _;
    let packed: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    match base64::engine::general_purpose::STANDARD.decode(packed) {
        // Through JSON, which has only valid UTF-8.
        Ok(bytes) => Ok(Data::Str(String::from_utf8_lossy(&bytes).into())),
        Err(_) => Err(YamlError::new("!!binary value contains invalid base64 data")),
    }
}

/// The value of an untagged plain scalar. Timestamps stay strings.
fn plain(text: &str) -> Data {
    meaning(text).unwrap_or_else(|| Data::Str(text.into()))
}

/// The same where it is no string.
pub(super) fn meaning(text: &str) -> Option<Data> {
    let Some(first) = text.bytes().next() else { return Some(Data::Null) };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => word(text).or_else(|| float(text)),
        b'+' | b'-' => word(text).or_else(|| number(text)),
        b'0'..=b'9' => number(text),
        _ => None,
    }
}

fn word(text: &str) -> Option<Data> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Data::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Data::Bool(false),
        "~" | "null" | "Null" | "NULL" => Data::Null,
        ".nan" | ".NaN" | ".NAN" => Data::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Data::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Data::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Option<Data> {
    let plain = match text.contains('_') {
        true => Cow::Owned(text.replace('_', "")),
        false => Cow::Borrowed(text),
    };
    integer(&plain).or_else(|| style_float(&plain).then(|| float(&plain)).flatten())
}

/// `strconv.ParseInt(text, 0, 64)`, then `ParseUint`: a base by prefix, where a leading zero means octal.
fn integer(text: &str) -> Option<Data> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let value = u64::from_str_radix(digits, base).ok()?;
    match (negative, i64::try_from(value)) {
        (false, Ok(n)) => Some(Data::Int(n)),
        (true, Ok(n)) => Some(Data::Int(-n)),
        (true, Err(_)) if value == 1 << 63 => Some(Data::Int(i64::MIN)),
        (false, Err(_)) if !text.starts_with('+') => Some(Data::Uint(value)),
        _ => None,
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn style_float(text: &str) -> bool {
    let digits = |s: &[u8]| s.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut rest = text.as_bytes();
    if let [b'-' | b'+', tail @ ..] = rest {
        rest = tail;
    }
    let whole = digits(rest);
    rest = &rest[whole..];
    if let [b'.', tail @ ..] = rest {
        let fraction = digits(tail);
        if whole == 0 && fraction == 0 {
            return false;
        }
        rest = &tail[fraction..];
    } else if whole == 0 {
        return false;
    }
    if let [b'e' | b'E', tail @ ..] = rest {
        rest = if let [b'-' | b'+', tail @ ..] = tail { tail } else { tail };
        let exponent = digits(rest);
        return exponent > 0 && exponent == rest.len();
    }
    rest.is_empty()
}

/// `strconv.ParseFloat`: no number that would be infinite.
fn float(text: &str) -> Option<Data> {
    if !style_float(text) {
        return None;
    }
    text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Data::Float)
}

/// Whether go-yaml takes a text for a timestamp; then it is quoted when written.
pub(super) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 5 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let year = text[..4].parse().unwrap_or(0);
    timestamp(year, &bytes[5..]).is_some()
}

fn timestamp(year: u32, rest: &[u8]) -> Option<()> {
    let (month, rest) = two_digits(rest)?;
    let (day, rest) = two_digits(expect(rest, b'-')?)?;
    if !(1..=12).contains(&month) || day < 1 || day > days(year, month) {
        return None;
    }
    let (separator, rest) = match rest.split_first() {
        None => return Some(()),
        Some((c @ (b'T' | b't' | b' '), rest)) => (*c, rest),
        Some(_) => return None,
    };
    let (hour, rest) = two_digits(rest)?;
    let (minute, rest) = two_digits(expect(rest, b':')?)?;
    let (second, rest) = two_digits(expect(rest, b':')?)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let rest = fraction(rest);
    if separator == b' ' { rest.is_empty().then_some(()) } else { zone(rest) }
}

fn fraction(rest: &[u8]) -> &[u8] {
    match rest {
        [b'.' | b',', digit, ..] if digit.is_ascii_digit() => {
            let digits = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            &rest[1 + digits..]
        }
        _ => rest,
    }
}

fn zone(rest: &[u8]) -> Option<()> {
    match rest {
        b"Z" => Some(()),
        [b'+' | b'-', h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
            let two = |a: &u8, b: &u8| (a - b'0') * 10 + (b - b'0');
            (two(h1, h2) <= 24 && two(m1, m2) < 60).then_some(())
        }
        _ => None,
    }
}

fn expect(rest: &[u8], byte: u8) -> Option<&[u8]> {
    rest.split_first().filter(|(b, _)| **b == byte).map(|(_, rest)| rest)
}

fn two_digits(rest: &[u8]) -> Option<(u32, &[u8])> {
    let digit = |b: &u8| b.is_ascii_digit().then(|| u32::from(b - b'0'));
    let first = digit(rest.first()?)?;
    match rest.get(1).and_then(digit) {
        Some(second) => Some((first * 10 + second, &rest[2..])),
        None => Some((first, &rest[1..])),
    }
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
