//! Durations, schedules, time zones and change windows as formats.

use super::{Format, Right, Wrong, remembered};
use crate::diag::{codes, did_you_mean};
use crate::model::{cron, duration, window};
use std::sync::LazyLock;

/// A duration.
pub static DURATION: Format = Format {
    placeholder: "DURATION",
    is: "a duration",
    prose: "whole numbers with their units, larger ones first: `90s`, `5m`, `1h30m`, `7d`, `2w`",
    code: &codes::BAD_DURATION,
    check: |text| duration::parse(text).map(drop).map_err(|e| Wrong::new(e.to_string())),
};

/// A cron expression.
pub static CRON: Format = Format {
    placeholder: "CRON",
    is: "a cron expression",
    prose: "five fields: minute, hour, day of the month, month, day of the week; `H` is a value that stays the same for the name",
    code: &codes::BAD_CRON,
    check: |text| {
        let parse = |text: &str| cron::Schedule::parse(text, "", None).map(drop);
        remembered(&SCHEDULES, text, |text| parse(text).map_err(|e| Wrong::new(e.to_string())))
    },
};

/// The name of a time zone.
pub static TIME_ZONE: Format = Format {
    placeholder: "ZONE",
    is: "a time zone",
    prose: "a name of the IANA database, as `Europe/Berlin` or `UTC`",
    code: &codes::BAD_TIME_ZONE,
    check: |text| {
        let is_known = |text: &str| BUNDLED.get(text).is_ok() || jiff::tz::TimeZone::get(text).is_ok();
        remembered(&ZONES, text, |text| if is_known(text) { Ok(()) } else { Err(unknown_zone(text)) })
    },
};

thread_local! {
    static SCHEDULES: Right = Right::default();
    static ZONES: Right = Right::default();
    static WINDOWS: Right = Right::default();
}

/// The zones that the program brings along. To ask those of the machine first would read its folder of some thousand files, which
/// takes as long as a thousand lines; they are asked when times are computed.
static BUNDLED: LazyLock<jiff::tz::TimeZoneDatabase> = LazyLock::new(jiff::tz::TimeZoneDatabase::bundled);

/// A change window.
pub static HOURS: Format = Format {
    placeholder: "HOURS",
    is: "a change window",
    prose: "days and hours: `Mon-Thu 09:00-16:00`, `Sat,Sun 00:00-24:00`, over midnight `Fri 22:00-04:00`",
    code: &codes::BAD_WINDOW,
    check: |text| {
        let parse = |text: &str| window::Hours::parse(text).map(drop);
        remembered(&WINDOWS, text, |text| parse(text).map_err(|e| Wrong::new(e.to_string())))
    },
};

fn unknown_zone(text: &str) -> Wrong {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| jiff::tz::db().available().map(|n| n.to_string()).collect());
    let wrong = Wrong::new("the IANA database has no such name");
    // There are six hundred, and comparing takes its time: a slip is seldom in the first letter.
    let letter = |text: &str| text.chars().next().map(|c| c.to_ascii_lowercase());
    let similar = NAMES.iter().map(String::as_str).filter(|name| letter(name) == letter(text));
    match did_you_mean(text, similar) {
        Some(near) => wrong.meant(near),
        None => wrong,
    }
}
