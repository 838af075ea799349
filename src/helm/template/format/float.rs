//! `strconv.FormatFloat` for 64 bits.

/// How a floating-point number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `%e`
    Exponent,
    /// `%f`
    Fixed,
    /// `%g`
    General,
    /// `%x`
    Hexadecimal,
    /// `%b`
    Binary,
}

/// Beyond so many digits, all further ones are zeros.
const MAX_DIGITS: usize = 1_100;

/// The text of a number; without a precision, the shortest that reads back as the same number.
pub fn float(number: f64, notation: Notation, precision: Option<usize>) -> String {
    if number.is_nan() {
        return "NaN".to_string();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_string();
    }
    match (notation, precision) {
        (Notation::Fixed, None) => format!("{number}"),
        (Notation::Fixed, Some(precision)) => {
            let digits = precision.min(MAX_DIGITS);
            format!("{number:.digits$}{}", "0".repeat(precision - digits))
        }
        (Notation::Exponent, None) => go_exponent(&format!("{number:e}")),
        (Notation::Exponent, Some(precision)) => {
            let digits = precision.min(MAX_DIGITS);
            let text = go_exponent(&format!("{number:.digits$e}"));
            match text.split_once('e') {
                Some((mantissa, exponent)) if digits < precision => {
                    format!("{mantissa}{}e{exponent}", "0".repeat(precision - digits))
                }
                _ => text,
            }
        }
        (Notation::Hexadecimal, precision) => hexadecimal(number, precision),
        (Notation::Binary, _) => {
            let (mantissa, exponent) = parts(number);
            format!("{}{mantissa}p{:+}", sign(number), exponent - 52)
        }
        (Notation::General, None) => general(&format!("{number:e}"), 6),
        (Notation::General, Some(precision)) => {
            let precision = precision.max(1);
            let digits = (precision - 1).min(MAX_DIGITS);
            general(&trim_zeros(&format!("{number:.digits$e}")), precision)
        }
    }
}

/// `%g`: the exponent form if the exponent is below −4 or not below the limit, else the same digits with the point moved.
fn general(scientific: &str, limit: usize) -> String {
    let (mantissa, exponent) = split(scientific);
    if exponent < -4 || usize::try_from(exponent).is_ok_and(|exponent| exponent >= limit) {
        return go_exponent(scientific);
    }
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    let Ok(before) = usize::try_from(exponent + 1) else {
        let zeros = "0".repeat(usize::try_from(-1 - exponent).unwrap_or_default());
        return format!("{sign}0.{zeros}{digits}");
    };
    match digits.split_at_checked(before) {
        Some(("", fraction)) => format!("{sign}0.{fraction}"),
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{digits}{}", "0".repeat(before - digits.len())),
    }
}

fn sign(number: f64) -> &'static str {
    if number.is_sign_negative() { "-" } else { "" }
}

/// Mantissa and exponent: the number is mantissa × 2^(exponent − 52).
fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52) & 0x7ff);
    let exponent = i32::try_from(exponent).unwrap_or_default();
    match exponent {
        0 => (fraction, -1022),
        _ => (fraction | (1 << 52), exponent - 1023),
    }
}

/// `0x1.8p+01`, with the leading digit normalised to 1.
fn hexadecimal(number: f64, precision: Option<usize>) -> String {
    let (mantissa, mut exponent) = parts(number);
    let mut mantissa = mantissa << 8;
    match mantissa {
        0 => exponent = 0,
        _ => {
            let shift = mantissa.leading_zeros() - 3;
            mantissa <<= shift;
            exponent -= i32::try_from(shift).unwrap_or_default();
        }
    }
    if let Some(precision @ 0..15) = precision {
        let shift = precision * 4;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        mantissa += u64::from(extra | (mantissa & 1) > 1 << 59);
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let fraction = match precision {
        None => fraction.trim_end_matches('0').to_string(),
        Some(precision) => fraction.chars().chain(std::iter::repeat('0')).take(precision).collect(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let exponent = format!("{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs());
    format!("{}0x{}{point}{fraction}p{exponent}", sign(number), mantissa >> 60)
}

/// Rust's `1.5e6` as Go's `1.5e+06`.
fn go_exponent(scientific: &str) -> String {
    let (mantissa, exponent) = split(scientific);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

fn split(scientific: &str) -> (&str, i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    (mantissa, exponent.parse().unwrap_or_default())
}

fn trim_zeros(scientific: &str) -> String {
    let (mantissa, exponent) = split(scientific);
    let mantissa = match mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.'),
        false => mantissa,
    };
    format!("{mantissa}e{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_general_form() {
        let cases = [
            (1e6, "1e+06"),
            (999999.0, "999999"),
            (1234567.0, "1.234567e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.1, "0.1"),
            (100.0, "100"),
            (-2.5, "-2.5"),
            (1e21, "1e+21"),
            (0.0, "0"),
            (-0.0, "-0"),
            (f64::INFINITY, "+Inf"),
            (123456.789, "123456.789"),
            (0.25, "0.25"),
            (-0.001234, "-0.001234"),
            (120.0, "120"),
        ];
        for (number, text) in cases {
            assert_eq!(float(number, Notation::General, None), text);
        }
    }

    #[test]
    fn with_precision() {
        let cases = [
            (9.87654, Notation::Fixed, 2, "9.88"),
            (2.5, Notation::Fixed, 0, "2"),
            (3.5, Notation::Fixed, 0, "4"),
            (1234.5678, Notation::Exponent, 2, "1.23e+03"),
            (1234.5678, Notation::General, 6, "1234.57"),
            (1234.5678, Notation::General, 2, "1.2e+03"),
            (100000.0, Notation::General, 6, "100000"),
            (1000000.0, Notation::General, 6, "1e+06"),
            (99.96, Notation::General, 3, "100"),
        ];
        for (number, notation, precision, text) in cases {
            assert_eq!(float(number, notation, Some(precision)), text, "{number} {notation:?} {precision}");
        }
    }
}
