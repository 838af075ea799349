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
}

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
        (Notation::Fixed, Some(precision)) => format!("{number:.precision$}"),
        (Notation::Exponent, None) => go_exponent(&format!("{number:e}")),
        (Notation::Exponent, Some(precision)) => go_exponent(&format!("{number:.precision$e}")),
        (Notation::General, None) => general(&format!("{number:e}"), number, 6),
        (Notation::General, Some(precision)) => {
            let precision = precision.max(1);
            let digits = precision - 1;
            general(&trim_zeros(&format!("{number:.digits$e}")), number, precision)
        }
    }
}

/// `%g`: the exponent form if the exponent is below −4 or not below the limit.
fn general(scientific: &str, number: f64, limit: usize) -> String {
    let (mantissa, exponent) = split(scientific);
    let limit = i32::try_from(limit).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= limit {
        return go_exponent(scientific);
    }
    // The digits are those of the scientific form; as many decimals as remain after the shift are exact.
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let decimals = i32::try_from(digits).unwrap_or(i32::MAX).saturating_sub(1).saturating_sub(exponent).max(0);
    let decimals = usize::try_from(decimals).unwrap_or_default();
    format!("{number:.decimals$}")
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
