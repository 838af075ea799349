//! Number and character constants.

use super::lexer::{Kind, Token};
use crate::helm::template::ast::Number;
use crate::helm::template::format::{Unit, quote, unquote_char};
use crate::helm::value::Value;

/// The constant a token stands for; the message if it is none. Complex numbers are refused: no function takes one.
pub(super) fn number(token: Token, bytes: &[u8]) -> Result<Number, String> {
    let written = token.piece();
    let illegal = || format!("illegal number syntax: {}", quote(bytes));
    let text = std::str::from_utf8(bytes).map_err(|_| illegal())?;
    if token.kind == Kind::CharConstant {
        let rune = rune(bytes).ok_or_else(|| format!("malformed character constant: {text}"))?;
        return Ok(Number { written, int: Some(rune), float: Some(rune as f64), ideal: Some(Value::Int(rune)) });
    }
    if let Some(int) = integer(text) {
        let small = i64::try_from(int).ok();
        let ideal = small.map(Value::Int);
        return Ok(Number { written, int: small, float: Some(int as f64), ideal });
    }
    let float = float(text).ok_or_else(illegal)?;
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {}", quote(bytes)));
    }
    let int = (float.trunc() == float && float.abs() < 9.2e18).then_some(float as i64);
    Ok(Number { written, int, float: Some(float), ideal: Some(Value::Float(float)) })
}

fn rune(bytes: &[u8]) -> Option<i64> {
    let (unit, rest) = unquote_char(bytes.get(1..)?, b'\'')?;
    let code = match unit {
        Unit::Byte(byte) => i64::from(byte),
        Unit::Char(c) => i64::from(u32::from(c)),
    };
    (rest == b"'").then_some(code)
}

/// `strconv.ParseInt` and `ParseUint` with base 0: prefixes, a leading zero for octal, underscores between digits.
fn integer(text: &str) -> Option<i128> {
    // What nearly all are.
    if text.len() < 19 && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_str() {
        d if d.starts_with("0x") => (16, &d[2..]),
        d if d.starts_with("0o") => (8, &d[2..]),
        d if d.starts_with("0b") => (2, &d[2..]),
        d if d.len() > 1 && d.starts_with('0') => (8, &d[1..]),
        d => (10, d),
    };
    let plain = digits.replace('_', "");
    let underscores_fit = !digits.ends_with('_') && !digits.contains("__");
    if (plain.len() != digits.len() && !underscores_fit) || plain.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from_str_radix(&plain, radix).ok()?;
    let fits = match negative {
        true => magnitude <= 1 << 63,
        false => magnitude <= i128::from(u64::MAX),
    };
    fits.then_some(if negative { -magnitude } else { magnitude })
}

/// `strconv.ParseFloat`, decimal and hexadecimal.
fn float(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return hexadecimal(hex).map(|n| sign * n);
    }
    let number: f64 = digits.parse().ok()?;
    (number.is_finite() && !digits.contains('_')).then_some(sign * number)
}

/// `1.8p3`; as precise as 64 bits of mantissa are.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").replace('_', "");
    let mantissa = u64::from_str_radix(&digits, 16).ok()? as f64;
    let exponent: i32 = exponent.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(mantissa * 2f64.powi(exponent.checked_sub(places)?)).filter(|n| n.is_finite())
}
