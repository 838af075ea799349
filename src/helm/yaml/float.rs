//! Floating-point numbers as Go's `strconv.FormatFloat` and `encoding/json` write them.

/// The shortest digits that read back as the same number, and the decimal exponent of the first of them.
fn digits(n: f64, single: bool) -> (bool, String, i32) {
    let text = if single { format!("{:e}", n as f32) } else { format!("{n:e}") };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let negative = mantissa.starts_with('-');
    let digits = mantissa.chars().filter(char::is_ascii_digit).collect();
    (negative, digits, exponent.parse().unwrap_or(0))
}

fn special(n: f64) -> Option<&'static str> {
    match n {
        n if n.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// `FormatFloat(n, 'g', -1, 64)`, or with 32 bits if `single`: exponent form where the exponent is below -4 or at least 6.
pub fn float_g(n: f64, single: bool) -> String {
    if let Some(text) = special(n) {
        return text.to_string();
    }
    let (negative, digits, exponent) = digits(n, single);
    let body =
        if (-4..6).contains(&exponent) { fixed_form(&digits, exponent) } else { exponent_form(&digits, exponent) };
    if negative { format!("-{body}") } else { body }
}

/// `FormatFloat(n, 'e', -1, 64)`.
pub fn float_e(n: f64) -> String {
    if let Some(text) = special(n) {
        return text.to_string();
    }
    let (negative, digits, exponent) = digits(n, false);
    format!("{}{}", if negative { "-" } else { "" }, exponent_form(&digits, exponent))
}

/// The number as `encoding/json` writes it; it must be finite.
pub fn float_json(n: f64) -> String {
    let (negative, digits, exponent) = digits(n, false);
    let magnitude = n.abs();
    let body = if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        // One digit of a negative exponent where one is enough: `1e-7`.
        exponent_form(&digits, exponent).replace("e-0", "e-")
    } else {
        fixed_form(&digits, exponent)
    };
    if negative { format!("-{body}") } else { body }
}

fn exponent_form(digits: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.abs())
}

fn fixed_form(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        format!("{digits}{}", "0".repeat(whole - digits.len()))
    } else {
        format!("{}.{}", &digits[..whole], &digits[whole..])
    }
}
