//! Moments and spans as people say them.

use crate::plan::Moment;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// The time now and the zone in which times are told.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Now.
    pub now: Moment,
    /// The zone.
    pub zone: TimeZone,
}

impl Clock {
    /// The time of day with seconds: `12:03:01`.
    pub fn time(&self, moment: Moment) -> String {
        self.zoned(moment).strftime("%H:%M:%S").to_string()
    }

    /// The day, where it is not today, and the time: `12:03`, `tomorrow 09:00`, `Mon 24 Nov 09:00`, `24 Nov 2025 09:00`.
    pub fn moment(&self, moment: Moment) -> String {
        let (then, now) = (self.zoned(moment), self.zoned(self.now));
        let days = now.date().until(then.date()).map_or(0, |s| s.get_days());
        let form = match days {
            0 => "%H:%M",
            1 => "tomorrow %H:%M",
            -1 => "yesterday %H:%M",
            _ if then.year() == now.year() => "%a %-d %b %H:%M",
            _ => "%-d %b %Y %H:%M",
        };
        then.strftime(form).to_string()
    }

    /// The day and the time with seconds, always as wide: `2026-11-23 12:03:01`.
    pub fn stamp(&self, moment: Moment) -> String {
        self.zoned(moment).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// A moment for programs: RFC 3339 in UTC.
    pub fn rfc3339(moment: Moment) -> String {
        Timestamp::from_millisecond(moment).unwrap_or_default().to_string()
    }

    /// The moment in full, with the distance of its zone from UTC: `2026-11-23 12:03:01 +01:00`.
    pub fn exact(&self, moment: Moment) -> String {
        self.zoned(moment).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
    }

    /// How far a moment is from now: `just now`, `3 min ago`, `in 2 h`, `4 days ago`; the day, where that is a month.
    pub fn distance(&self, moment: Moment) -> String {
        let (minute, hour, day) = (60_000, 3_600_000, 86_400_000);
        let far = moment.saturating_sub(self.now).saturating_abs();
        let days = |n: i64| if n == 1 { "1 day".to_string() } else { format!("{n} days") };
        let span = match far {
            far if far < 45_000 => return if moment > self.now { "in a moment" } else { "just now" }.to_string(),
            far if far < hour => format!("{} min", (far + minute / 2) / minute),
            far if far < day => format!("{} h", (far + hour / 2) / hour),
            far if far < 30 * day => days((far + day / 2) / day),
            _ => return self.zoned(moment).strftime("%-d %b %Y").to_string(),
        };
        if moment > self.now { format!("in {span}") } else { format!("{span} ago") }
    }

    fn zoned(&self, moment: Moment) -> Zoned {
        Timestamp::from_millisecond(moment).unwrap_or_default().to_zoned(self.zone.clone())
    }
}

/// A span of milliseconds, in at most two units: `12ms`, `1.2s`, `2m 3s`, `1h 4m`, `3d 2h`.
pub fn span(millis: i64) -> String {
    let millis = millis.max(0);
    let (seconds, minutes, hours, days) = (millis / 1000, millis / 60_000, millis / 3_600_000, millis / 86_400_000);
    let two = |a: i64, unit: &str, b: i64, small: &str| {
        if b == 0 { format!("{a}{unit}") } else { format!("{a}{unit} {b}{small}") }
    };
    match millis {
        0..1000 => format!("{millis}ms"),
        1000..60_000 => format!("{seconds}.{}s", millis % 1000 / 100),
        60_000..3_600_000 => two(minutes, "m", seconds % 60, "s"),
        3_600_000..86_400_000 => two(hours, "h", minutes % 60, "m"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// How long something goes on already, in whole seconds: `5s`, `1m 2s`.
pub fn elapsed(millis: i64) -> String {
    match millis.max(0) / 1000 {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds => span(seconds * 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_say_no_more_than_is_needed() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let clock = Clock { now: now.as_millisecond(), zone: TimeZone::UTC };
        let said = |text: &str| clock.moment(text.parse::<Timestamp>().unwrap().as_millisecond());
        assert_eq!(said("2026-11-23T09:05:00Z"), "09:05");
        assert_eq!(said("2026-11-24T09:00:00Z"), "tomorrow 09:00");
        assert_eq!(said("2026-11-22T23:59:59Z"), "yesterday 23:59");
        assert_eq!(said("2026-11-02T09:00:00Z"), "Mon 2 Nov 09:00");
        assert_eq!(said("2025-11-02T09:00:00Z"), "2 Nov 2025 09:00");
    }

    #[test]
    fn distances_are_told_in_one_unit() {
        let clock = Clock { now: 100 * 86_400_000, zone: TimeZone::UTC };
        let said = |seconds: i64| clock.distance(clock.now + seconds * 1000);
        assert_eq!([0, -44, 44].map(said), ["just now", "just now", "in a moment"]);
        assert_eq!([-45, -180, 7200, -86_400].map(said), ["1 min ago", "3 min ago", "in 2 h", "1 day ago"]);
        assert_eq!([-4 * 86_400, -60 * 86_400].map(said), ["4 days ago", "10 Feb 1970"]);
    }

    #[test]
    fn spans_have_at_most_two_units() {
        let got: Vec<String> = [5, 1250, 62_000, 120_000, 3_840_000, 266_400_000].map(span).into();
        assert_eq!(got, ["5ms", "1.2s", "1m 2s", "2m", "1h 4m", "3d 2h"]);
    }
}
