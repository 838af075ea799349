//! Change windows: the days and hours in which a deploy may start.
//!
//! A window is written `Mon-Thu 09:00-16:00`, `Sat,Sun 00:00-24:00` or, over midnight, `Fri 22:00-04:00`, which begins on
//! Friday and ends on Saturday. It is a statement about the clock on the wall, so an hour that a clock change skips is in
//! no window, and one that it repeats is in a window twice.

use jiff::Zoned;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MIDNIGHT: u16 = 24 * 60;

/// Days of the week and a range of hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// One bit a day, Monday first.
    days: u8,
    /// The first minute of the day that is in.
    start: u16,
    /// The first minute that is out again; on the next day when it is before `start`.
    end: u16,
}

/// What is wrong with a text that should be a window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    /// It is not days and hours.
    #[error("expected days and hours, as in `Mon-Thu 09:00-16:00`")]
    Shape,
    /// A day that the week does not have.
    #[error("`{0}` is not a day of the week")]
    Day(String),
    /// A time that the day does not have.
    #[error("`{0}` is not a time of the day")]
    Time(String),
}

impl Hours {
    /// Reads a window. Without days, every day is meant.
    pub fn parse(text: &str) -> Result<Hours, BadHours> {
        let mut words = text.split_ascii_whitespace();
        let (days, hours) = match (words.next(), words.next(), words.next()) {
            (Some(days), Some(hours), None) => (parse_days(days)?, hours),
            (Some(hours), None, None) if hours.contains(':') => (0x7f, hours),
            _ => return Err(BadHours::Shape),
        };
        let (start, end) = hours.split_once('-').ok_or(BadHours::Shape)?;
        let (start, end) = (parse_time(start)?, parse_time(end)?);
        if start == MIDNIGHT {
            return Err(BadHours::Time("24:00".to_string()));
        }
        Ok(Hours { days, start, end })
    }

    /// Whether no instant is in it: it ends as it starts.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether the instant is in the window, by the clock of its time zone.
    pub fn contains(&self, at: &Zoned) -> bool {
        let minute = at.hour() as u16 * 60 + at.minute() as u16;
        let today = at.weekday();
        if self.start < self.end {
            return self.has(today) && (self.start..self.end).contains(&minute);
        }
        // Over midnight: the evening of a day that is in, or the morning after one.
        !self.is_empty()
            && ((self.has(today) && minute >= self.start) || (self.has(today.previous()) && minute < self.end))
    }

    /// The first instant, not before `from`, that is in the window; nothing for an empty one.
    pub fn next_opening(&self, from: &Zoned) -> Option<Zoned> {
        if self.contains(from) {
            return Some(from.clone());
        }
        // A window opens at its first minute, or where the clock jumps into it. Nine days hold each weekday once more
        // than the clock can take away.
        let zone = from.time_zone();
        let days = (-1..9).filter_map(|n| from.date().checked_add(jiff::Span::new().days(n)).ok());
        let starts = days.flat_map(|day| self.starts_on(day, zone));
        let last = from.checked_add(jiff::Span::new().days(9)).ok()?;
        let jumps = zone.following(from.timestamp()).map(|t| t.timestamp().to_zoned(zone.clone()));
        let jumps = jumps.take_while(|at| *at < last);
        starts.chain(jumps).filter(|at| at > from && self.contains(at)).min()
    }

    /// The instants at which the clock shows the first minute on that day: none in a gap, two in a repeated hour.
    fn starts_on(&self, day: Date, zone: &TimeZone) -> impl Iterator<Item = Zoned> + use<> {
        let clock = day.at((self.start / 60) as i8, (self.start % 60) as i8, 0, 0);
        let either = zone.to_ambiguous_zoned(clock);
        let both = [either.clone().earlier().ok(), either.later().ok()];
        both.into_iter().flatten()
    }

    fn has(&self, day: Weekday) -> bool {
        self.days & (1 << day.to_monday_zero_offset()) != 0
    }

    /// Whether a minute of the week, counted from Monday, is in the window.
    fn holds_minute(&self, minute: usize) -> bool {
        let midnight = MIDNIGHT as usize;
        let (day, minute) = (minute / midnight, minute % midnight);
        let has = |day: usize| self.days & (1 << (day % 7)) != 0;
        let (start, end) = (self.start as usize, self.end as usize);
        if start <= end {
            return has(day) && (start..end).contains(&minute);
        }
        (has(day) && minute >= start) || (has(day + 6) && minute < end)
    }
}

/// The longest time in a week in which none of these windows is open, clock changes left out; nothing when there is no
/// window, or none that ever opens.
pub fn longest_closed(windows: &[Hours]) -> Option<std::time::Duration> {
    const WEEK: usize = 7 * MIDNIGHT as usize;
    let open = |minute: usize| windows.iter().any(|w| w.holds_minute(minute % WEEK));
    let first = (0..WEEK).find(|m| open(*m))?;
    // From an open minute on, round the week to itself.
    let (mut closed, mut longest) = (0u64, 0u64);
    for minute in first..first + WEEK {
        closed = if open(minute) { 0 } else { closed + 1 };
        longest = longest.max(closed);
    }
    Some(std::time::Duration::from_secs(longest * 60))
}

/// `Mon-Thu`, `Sat,Sun`, `Mon,Wed-Fri`; a range may go over the end of the week.
fn parse_days(text: &str) -> Result<u8, BadHours> {
    let mut days = 0u8;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (parse_day(first)?, parse_day(last)?);
        let mut day = first;
        days |= 1 << day;
        while day != last {
            day = (day + 1) % 7;
            days |= 1 << day;
        }
    }
    Ok(days)
}

/// The number of a day from Monday. Three letters or the whole word, in any case.
fn parse_day(text: &str) -> Result<usize, BadHours> {
    const WORDS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let is = |word: &str| word.eq_ignore_ascii_case(text);
    let day = DAYS.iter().position(|d| is(d)).or_else(|| WORDS.iter().position(|d| is(d)));
    day.ok_or_else(|| BadHours::Day(text.to_string()))
}

/// The minute of the day; `24:00` is the end of it.
fn parse_time(text: &str) -> Result<u16, BadHours> {
    let bad = || BadHours::Time(text.to_string());
    let digits =
        |s: &str| (matches!(s.len(), 1 | 2) && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse::<u16>());
    let (hour, minute) = text.split_once(':').ok_or_else(bad)?;
    let (Some(Ok(h)), Some(Ok(m))) = (digits(hour), digits(minute)) else { return Err(bad()) };
    let fits = minute.len() == 2 && m < 60 && (h < 24 || (h == 24 && m == 0));
    if fits { Ok(h * 60 + m) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Zoned {
        text.parse().expect("a time with its zone")
    }

    fn opening(hours: &str, from: &str) -> String {
        let hours = Hours::parse(hours).expect("a window");
        let opening = hours.next_opening(&at(from)).map(|z| z.strftime("%a %F %H:%M %Z").to_string());
        opening.unwrap_or_default()
    }

    #[test]
    fn holds_days_and_hours() {
        let work = Hours::parse("Mon-Thu 09:00-16:00").expect("a window");
        assert!(work.contains(&at("2026-11-23T09:00[Europe/Berlin]")));
        assert!(!work.contains(&at("2026-11-23T16:00[Europe/Berlin]")));
        assert!(!work.contains(&at("2026-11-27T10:00[Europe/Berlin]")), "a Friday");
        let night = Hours::parse("Fri 22:00-04:00").expect("a window");
        assert!(night.contains(&at("2026-11-27T23:00[UTC]")));
        assert!(night.contains(&at("2026-11-28T03:59[UTC]")));
        assert!(!night.contains(&at("2026-11-27T03:00[UTC]")), "the morning before");
        let weekend = Hours::parse("Sat,Sun 00:00-24:00").expect("a window");
        assert!(weekend.contains(&at("2026-11-29T23:59[UTC]")));
        assert!(!weekend.contains(&at("2026-11-30T00:00[UTC]")));
        assert_eq!(Hours::parse("09:00-17:00"), Hours::parse("mon-sunday 9:00-17:00"));
        assert_eq!(Hours::parse("Sat-Mon 1:00-2:00"), Hours::parse("Sat,Sun,Mon 1:00-2:00"));
    }

    #[test]
    fn opens_at_its_first_minute_or_at_once() {
        assert_eq!(opening("Mon-Thu 09:00-16:00", "2026-11-27T10:00[Europe/Berlin]"), "Mon 2026-11-30 09:00 CET");
        assert_eq!(opening("Mon-Thu 09:00-16:00", "2026-11-23T10:30[Europe/Berlin]"), "Mon 2026-11-23 10:30 CET");
        assert_eq!(opening("Mon 09:00-10:00", "2026-11-23T10:00[UTC]"), "Mon 2026-11-30 09:00 UTC");
        assert_eq!(opening("Mon 09:00-09:00", "2026-11-23T10:00[UTC]"), "");
    }

    #[test]
    fn a_clock_change_moves_an_opening() {
        // In Berlin, 2026-03-29 has no 02:00-03:00, and 2026-10-25 has it twice.
        assert_eq!(opening("02:30-04:00", "2026-03-29T01:00[Europe/Berlin]"), "Sun 2026-03-29 03:00 CEST");
        assert_eq!(opening("02:00-02:30", "2026-03-29T01:00[Europe/Berlin]"), "Mon 2026-03-30 02:00 CEST");
        assert_eq!(opening("02:30-02:45", "2026-10-25T01:00[Europe/Berlin]"), "Sun 2026-10-25 02:30 CEST");
        assert_eq!(opening("02:30-02:45", "2026-10-25T02:50+02:00[Europe/Berlin]"), "Sun 2026-10-25 02:30 CET");
        assert_eq!(opening("01:00-02:30", "2026-10-25T02:40+02:00[Europe/Berlin]"), "Sun 2026-10-25 02:00 CET");
    }

    #[test]
    fn the_longest_closed_time_goes_round_the_week() {
        let closed = |texts: &[&str]| {
            let windows: Vec<Hours> = texts.iter().filter_map(|t| Hours::parse(t).ok()).collect();
            longest_closed(&windows).map(|d| d.as_secs() / 3600)
        };
        assert_eq!(closed(&[]), None);
        assert_eq!(closed(&["Mon 09:00-09:00"]), None);
        assert_eq!(closed(&["00:00-24:00"]), Some(0));
        assert_eq!(closed(&["Mon-Thu 09:00-16:00"]), Some(3 * 24 + 17));
        assert_eq!(closed(&["Mon 09:00-10:00", "Thu 09:00-10:00"]), Some(95));
        assert_eq!(closed(&["22:00-04:00"]), Some(18));
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(Hours::parse(""), Err(BadHours::Shape));
        assert_eq!(Hours::parse("Mon"), Err(BadHours::Shape));
        assert_eq!(Hours::parse("Mon 9-17"), Err(BadHours::Time("9".into())));
        assert_eq!(Hours::parse("Mo 09:00-17:00"), Err(BadHours::Day("Mo".into())));
        assert_eq!(Hours::parse("Mon 09:00-25:00"), Err(BadHours::Time("25:00".into())));
        assert_eq!(Hours::parse("Mon 24:00-25:00"), Err(BadHours::Time("25:00".into())));
        assert_eq!(Hours::parse("Mon 24:00-02:00"), Err(BadHours::Time("24:00".into())));
        assert_eq!(Hours::parse("Mon 09:00-17:00 UTC"), Err(BadHours::Shape));
    }
}
