//! Cron schedules: five fields, a time zone, and `H`.
//!
//! `H` stands for a value that is derived from a name and stays the same for it, so that a hundred sources that look "some
//! time at three" do not look in the same minute. `H(0-29)` keeps it in a range, `H/15` is every fifteenth from there on.
//!
//! When clocks change: a job at a fixed time that the clock skips runs right after the gap, and one in a repeated hour runs
//! once, in its first half.

use crate::digest::Digest;
use croner::{Cron, parser::CronParser};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// When something is looked at, again and again.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Arc<Cron>,
    zone: TimeZone,
}

/// What is wrong with a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// Not five fields.
    #[error("it has {0} fields, not five: minute, hour, day of the month, month, day of the week")]
    Fields(usize),
    /// A field with an `H` that cannot be read.
    #[error("`{0}` is no use of `H`; there are `H`, `H(0-29)` and `H/15`")]
    Hash(String),
    /// Another fault of the expression.
    #[error("{0}")]
    Expression(String),
    /// A time zone that is not known.
    #[error("there is no time zone `{0}`")]
    Zone(String),
}

/// The least and the largest value of each field. `H` in the day of the month stops at 28, which each month has.
const FIELDS: [(u32, u32); 5] = [(0, 59), (0, 23), (1, 28), (1, 12), (0, 6)];

impl Schedule {
    /// Reads an expression of five fields; `name` is what `H` is derived from, and UTC is meant without a zone.
    pub fn parse(expression: &str, name: &str, zone: Option<&str>) -> Result<Schedule, BadSchedule> {
        let cron = parsed(without_hash(expression, name)?)?;
        let zone = match zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| BadSchedule::Zone(name.to_string()))?,
        };
        Ok(Schedule { cron, zone })
    }

    /// The first instant after that one; nothing for a schedule that never comes, such as the 30th of February.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let next = self.cron.find_next_occurrence(&after.to_zoned(self.zone.clone()), false).ok()?;
        Some(next.timestamp()).filter(|t| *t > after)
    }

    /// Whether it comes at all; the 30th of February does not. Searching the years for it would take long, and is not needed.
    pub fn is_ever_due(&self) -> bool {
        let pattern = &self.cron.pattern;
        // A day of the week comes in each month, and the one or the other is enough unless both are wanted.
        let by_weekday = !pattern.is_dow_wildcard() && !pattern.matches_dom_and_dow();
        if by_weekday || pattern.days.has_modifiers() {
            return true;
        }
        let days = pattern.days.values();
        let longest = |month: &u16| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        pattern.months.values().iter().any(|month| days.iter().any(|day| *day <= longest(month)))
    }

    /// The expression with each `H` replaced.
    pub fn expression(&self) -> &str {
        self.cron.as_str()
    }
}

/// How many expressions are remembered.
const REMEMBERED: usize = 256;

type Parsed = Result<Arc<Cron>, BadSchedule>;

thread_local! {
    /// The expressions that were read last. Reading one takes longer than all else that is done with the line it stands in, and
    /// a file says the same few again and again.
    static LAST: RefCell<HashMap<String, Parsed>> = RefCell::default();
}

/// An expression without `H`, read; or what is wrong with it.
fn parsed(plain: String) -> Parsed {
    let known = LAST.with_borrow(|last| last.get(&plain).cloned());
    known.unwrap_or_else(|| {
        let read = CronParser::new().parse(&plain).map(Arc::new);
        let read = read.map_err(|e| BadSchedule::Expression(e.to_string()));
        LAST.with_borrow_mut(|last| {
            if last.len() >= REMEMBERED {
                last.clear();
            }
            last.insert(plain, read.clone());
        });
        read
    })
}

/// Replaces each `H` by a value that depends on the name and the field only.
fn without_hash(expression: &str, name: &str) -> Result<String, BadSchedule> {
    let fields: Vec<&str> = expression.split_ascii_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(BadSchedule::Fields(fields.len()));
    }
    if !fields.iter().any(|field| has_hash(field)) {
        return Ok(fields.join(" "));
    }
    let digest = Digest::of(name.as_bytes());
    let plain = fields.iter().zip(FIELDS).zip(digest.0.chunks_exact(4)).map(|((field, range), bytes)| {
        let hash = bytes.iter().fold(0u32, |n, b| n << 8 | u32::from(*b));
        if has_hash(field) { replace(field, range, hash) } else { Ok(field.to_string()) }
    });
    Ok(plain.collect::<Result<Vec<_>, _>>()?.join(" "))
}

/// Whether the field uses `H`; the H of `THU` and `MARCH` does not count.
fn has_hash(field: &str) -> bool {
    field.split(',').any(|part| part.starts_with('H'))
}

/// One field with its parts, of which some are `H`.
fn replace(field: &str, (least, most): (u32, u32), hash: u32) -> Result<String, BadSchedule> {
    let part = |part: &str| -> Result<String, BadSchedule> {
        let Some(rest) = part.strip_prefix('H') else { return Ok(part.to_string()) };
        let bad = || BadSchedule::Hash(part.to_string());
        let (range, step) = rest.split_once('/').map_or((rest, None), |(range, step)| (range, Some(step)));
        let (low, high) = match range.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
            Some(range) => parse_range(range).ok_or_else(bad)?,
            None if range.is_empty() => (least, most),
            None => return Err(bad()),
        };
        if low > high || low < least || high > most {
            return Err(bad());
        }
        match step.map(str::parse::<u32>) {
            None => Ok((low + hash % (high - low + 1)).to_string()),
            Some(Ok(step)) if step > 0 && step <= high - low + 1 => Ok(format!("{}-{high}/{step}", low + hash % step)),
            Some(_) => Err(bad()),
        }
    };
    Ok(field.split(',').map(part).collect::<Result<Vec<_>, _>>()?.join(","))
}

fn parse_range(text: &str) -> Option<(u32, u32)> {
    let (low, high) = text.split_once('-')?;
    Some((low.parse().ok()?, high.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(expression, "base", Some(zone)).expect("a schedule");
        let zone = TimeZone::get(zone).expect("a zone");
        let first: Timestamp = after.parse().expect("an instant");
        let next = std::iter::successors(schedule.next(first), |t| schedule.next(*t));
        next.take(count).map(|t| t.to_zoned(zone.clone()).strftime("%d.%m. %H:%M %Z").to_string()).collect()
    }

    #[test]
    fn h_depends_on_the_name_and_on_nothing_else() {
        let of = |name: &str| Schedule::parse("H H * * *", name, None).map(|s| s.expression().to_string());
        assert_eq!(of("base"), of("base"));
        assert_ne!(of("base"), of("app"));
        let minutes = |expression: &str| {
            let schedule = Schedule::parse(expression, "base", None).expect("a schedule");
            schedule.expression().split(' ').next().unwrap_or_default().to_string()
        };
        assert!(minutes("H(10-12) 3 * * *").parse::<u32>().is_ok_and(|m| (10..=12).contains(&m)));
        assert!(minutes("H/15 * * * *").ends_with("-59/15"));
    }

    #[test]
    fn says_what_is_wrong() {
        let fault = |text: &str, zone| Schedule::parse(text, "base", zone).err();
        assert_eq!(fault("* * * *", None), Some(BadSchedule::Fields(4)));
        assert_eq!(fault("Hx * * * *", None), Some(BadSchedule::Hash("Hx".into())));
        assert_eq!(fault("H(5-99) * * * *", None), Some(BadSchedule::Hash("H(5-99)".into())));
        assert_eq!(fault("H/0 * * * *", None), Some(BadSchedule::Hash("H/0".into())));
        assert_eq!(fault("0 3 * * *", Some("Asia/Colomb")), Some(BadSchedule::Zone("Asia/Colomb".into())));
        assert!(matches!(fault("61 * * * *", None), Some(BadSchedule::Expression(_))));
        assert_eq!(fault("0 3 * MAR THU", None), None);
    }

    #[test]
    fn what_never_comes_is_nothing() {
        let never = Schedule::parse("0 0 30 2 *", "base", None).expect("a schedule");
        assert_eq!(never.next(Timestamp::UNIX_EPOCH), None);
        let ever = |expression: &str| Schedule::parse(expression, "base", None).is_ok_and(|s| s.is_ever_due());
        for expression in ["0 0 29 2 *", "* * * * *", "0 0 30 2 MON", "0 0 L 2 *", "0 0 31 1-2 *", "0 0 * 2 *"] {
            assert!(ever(expression), "{expression}");
        }
        for expression in ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 30-31 2 *"] {
            assert!(!ever(expression), "{expression}");
        }
    }

    #[test]
    fn a_clock_change_neither_loses_nor_repeats() {
        let spring = times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        assert_eq!(spring, ["28.03. 02:30 CET", "29.03. 03:00 CEST", "30.03. 02:30 CEST"]);
        let autumn = times("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 3);
        assert_eq!(autumn, ["24.10. 02:30 CEST", "25.10. 02:30 CEST", "26.10. 02:30 CET"]);
        let hourly = times("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 3);
        assert_eq!(hourly, ["25.10. 02:00 CEST", "25.10. 02:00 CET", "25.10. 03:00 CET"]);
    }
}
