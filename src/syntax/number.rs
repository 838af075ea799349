//! Numbers: which words are numbers, and what they say.

use super::tree::ValueKind;

/// Why a word that starts like a number is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NumberFault {
    /// The offset in the word.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// Whether a word has to be a number: it starts with a digit, a sign with a digit, or a dot with a digit.
#[inline]
pub(super) fn looks_like(word: &[u8]) -> bool {
    matches!(word, [b'0'..=b'9', ..] | [b'+' | b'-' | b'.', b'0'..=b'9', ..] | [b'+' | b'-', b'.', b'0'..=b'9', ..])
}

/// Whether a word that [`looks_like`] a number is one, and which.
pub(super) fn check(word: &[u8]) -> Result<ValueKind, NumberFault> {
    let sign = usize::from(matches!(word.first(), Some(b'+' | b'-')));
    let unsigned = word.get(sign..).unwrap_or(&[]);
    match unsigned {
        [b'0', b'x', ..] => {
            based(word, sign + 2, u8::is_ascii_hexdigit, "a hexadecimal number goes on with 0–9, a–f or _")
        }
        [b'0', b'o', ..] => {
            based(word, sign + 2, |b| matches!(b, b'0'..=b'7'), "an octal number goes on with 0–7 or _")
        }
        [b'0', b'b', ..] => {
            based(word, sign + 2, |b| matches!(b, b'0' | b'1'), "a binary number goes on with 0, 1 or _")
        }
        _ => decimal(word, sign),
    }
}

fn based(word: &[u8], from: usize, digit: fn(&u8) -> bool, what: &'static str) -> Result<ValueKind, NumberFault> {
    if !word.get(from).is_some_and(digit) {
        return Err(NumberFault { at: from, what });
    }
    match word.iter().skip(from).position(|b| !digit(b) && *b != b'_') {
        Some(at) => Err(NumberFault { at: from + at, what }),
        None => Ok(ValueKind::Int),
    }
}

fn decimal(word: &[u8], sign: usize) -> Result<ValueKind, NumberFault> {
    let mut at = digits(word, sign, "a number starts with a digit")?;
    let mut kind = ValueKind::Int;
    if word.get(at) == Some(&b'.') {
        kind = ValueKind::Float;
        at = digits(word, at + 1, "a digit has to follow the dot")?;
    }
    if matches!(word.get(at), Some(b'e' | b'E')) {
        kind = ValueKind::Float;
        let sign = usize::from(matches!(word.get(at + 1), Some(b'+' | b'-')));
        at = digits(word, at + 1 + sign, "a digit has to follow the exponent's `e`")?;
    }
    if at == word.len() { Ok(kind) } else { Err(NumberFault { at, what: "this does not belong to a number" }) }
}

/// The end of the digits at `at`; there has to be one, and underscores may follow it.
fn digits(word: &[u8], at: usize, what: &'static str) -> Result<usize, NumberFault> {
    let rest = word.get(at..).unwrap_or(&[]);
    if !rest.first().is_some_and(u8::is_ascii_digit) {
        return Err(NumberFault { at, what });
    }
    Ok(at + rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'_').count())
}

/// What a whole number says, if it fits.
pub(super) fn integer(raw: &str) -> Option<i64> {
    let (negative, digits, radix) = parts(raw);
    let mut sum: i64 = 0;
    for digit in digits.chars().filter(|c| *c != '_') {
        let digit = i64::from(digit.to_digit(radix)?);
        let shifted = sum.checked_mul(i64::from(radix))?;
        sum = if negative { shifted.checked_sub(digit)? } else { shifted.checked_add(digit)? };
    }
    Some(sum)
}

/// What a number says, to the precision of a float.
pub(super) fn float(raw: &str) -> Option<f64> {
    match raw.trim_start_matches('#') {
        "inf" => return Some(f64::INFINITY),
        "-inf" => return Some(f64::NEG_INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    let (negative, digits, radix) = parts(raw);
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    let size = match radix {
        10 => plain.parse().ok()?,
        _ => plain.chars().try_fold(0.0, |sum, c| Some(sum * f64::from(radix) + f64::from(c.to_digit(radix)?)))?,
    };
    Some(if negative { -size } else { size })
}

/// Whether it is negative, its digits, its base.
fn parts<'r>(raw: &'r str) -> (bool, &'r str, u32) {
    let unsigned = raw.strip_prefix(['+', '-']).unwrap_or(raw);
    let rest = |based: &'r str| based.get(2..).unwrap_or("");
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'x', ..] => (rest(unsigned), 16),
        [b'0', b'o', ..] => (rest(unsigned), 8),
        [b'0', b'b', ..] => (rest(unsigned), 2),
        _ => (unsigned, 10),
    };
    (raw.starts_with('-'), digits, radix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_read() {
        for (raw, says) in [
            ("0", 0),
            ("-12_3", -123),
            ("+0x1F", 31),
            ("0o17", 15),
            ("-0b101_", -5),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(check(raw.as_bytes()), Ok(ValueKind::Int), "{raw}");
            assert_eq!(integer(raw), Some(says), "{raw}");
        }
        for (raw, says) in [("1.5", 1.5), ("1_0.2_5e-1", 1.025), ("2E3", 2000.0), ("0xF", 15.0)] {
            assert!(check(raw.as_bytes()).is_ok(), "{raw}");
            assert_eq!(float(raw), Some(says), "{raw}");
        }
        assert_eq!(integer("9223372036854775808"), None);
        assert_eq!(float("#-inf"), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn faults_point_at_their_place() {
        for (raw, at) in [
            ("1.", 2),
            ("0x", 2),
            ("0xg1", 2),
            ("0b12", 3),
            ("1.2.3", 3),
            ("1e", 2),
            ("1._0", 2),
            (".5", 0),
            ("-.5", 1),
            ("12px", 2),
        ] {
            assert_eq!(check(raw.as_bytes()).unwrap_err().at, at, "{raw}");
        }
    }
}
