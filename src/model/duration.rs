//! Durations as people write them: `90s`, `5m`, `1h30m`, `7d`.

use std::time::Duration;

/// The units, largest first, with their length in seconds.
const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// What is wrong with a text that should be a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    /// There is nothing to read.
    #[error("it is empty")]
    Empty,
    /// A unit stands without a number before it.
    #[error("there is no number before `{0}`")]
    NoNumber(char),
    /// A number stands without a unit behind it.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// A unit that we do not have.
    #[error("`{0}` is not a unit")]
    UnknownUnit(char),
    /// A unit comes twice, or behind a smaller one.
    #[error("`{0}` stands behind a unit that is not larger")]
    Order(char),
    /// More than can be counted.
    #[error("it is too long")]
    TooLong,
}

/// Reads a duration: whole numbers, each with its unit (`w`, `d`, `h`, `m`, `s`), the larger units first.
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    if text.is_empty() {
        return Err(BadDuration::Empty);
    }
    let (mut rest, mut total, mut smallest) = (text, 0u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at(digits);
        let unit = behind.chars().next().ok_or_else(|| BadDuration::NoUnit(number.to_string()))?;
        let seconds = UNITS.iter().find(|(u, _)| *u == unit).map(|(_, s)| *s).ok_or(BadDuration::UnknownUnit(unit))?;
        if number.is_empty() {
            return Err(BadDuration::NoNumber(unit));
        }
        if seconds >= smallest {
            return Err(BadDuration::Order(unit));
        }
        let count: u64 = number.parse().map_err(|_| BadDuration::TooLong)?;
        total = count.checked_mul(seconds).and_then(|n| total.checked_add(n)).ok_or(BadDuration::TooLong)?;
        (rest, smallest) = (behind.strip_prefix(unit).unwrap_or_default(), seconds);
    }
    // A century is more than anything waits; beyond, sums of times could overflow.
    if total > 100 * 366 * 86_400 { Err(BadDuration::TooLong) } else { Ok(Duration::from_secs(total)) }
}

/// Writes a duration as it would be read again, in the fewest units: `1h30m`. Parts of a second are left out.
pub fn format(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let mut text = String::new();
    // Weeks are read but not written: `7d` says more than `1w` to most.
    for (unit, seconds) in UNITS.iter().skip(1) {
        if rest >= *seconds {
            text.push_str(&format!("{}{unit}", rest / seconds));
            rest %= seconds;
        }
    }
    if text.is_empty() { "0s".to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("2h", 7200), ("7d", 604_800), ("1h30m", 5400), ("0s", 0)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("1w"), parse("7d"));
        assert_eq!(format(Duration::from_secs(90)), "1m30s");
        assert_eq!(format(Duration::from_secs(604_800)), "7d");
        assert_eq!(format(Duration::ZERO), "0s");
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse(""), Err(BadDuration::Empty));
        assert_eq!(parse("5"), Err(BadDuration::NoUnit("5".into())));
        assert_eq!(parse("m"), Err(BadDuration::NoNumber('m')));
        assert_eq!(parse("5x"), Err(BadDuration::UnknownUnit('x')));
        assert_eq!(parse("-5m"), Err(BadDuration::UnknownUnit('-')));
        assert_eq!(parse("5 m"), Err(BadDuration::UnknownUnit(' ')));
        assert_eq!(parse("5m1h"), Err(BadDuration::Order('h')));
        assert_eq!(parse("5mm"), Err(BadDuration::NoNumber('m')));
        assert_eq!(parse("1m1m"), Err(BadDuration::Order('m')));
        assert_eq!(parse("99999999999999999999s"), Err(BadDuration::TooLong));
        assert_eq!(parse("9999999w"), Err(BadDuration::TooLong));
        assert_eq!(parse("5ä"), Err(BadDuration::UnknownUnit('ä')));
    }
}
