//! Dates and durations. The clock and the zone are injected: `now` is the render's, and local time is UTC.

use super::args::{Outcome, any, chars, to_int};
use super::layout;
use crate::helm::template::Param::{Any, Object as ObjectParam, String as Text};
use crate::helm::template::{Context, FuncError, FuncSpec};
use crate::helm::value::{Kind, Member, Object, Value};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

const TIME: &str = "time.Time";

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("now", &[], |c, _| {
        c.note_irreproducible("now");
        Ok(Value::object(Time(zoned(c.env.now))))
    }),
    FuncSpec::fixed("date", &[Text, Any], |c, a| in_zone(c, &chars(a, 0), &any(a, 1), "Local")),
    FuncSpec::fixed("dateInZone", &[Text, Any, Text], |c, a| in_zone(c, &chars(a, 0), &any(a, 1), &chars(a, 2))),
    FuncSpec::fixed("date_in_zone", &[Text, Any, Text], |c, a| in_zone(c, &chars(a, 0), &any(a, 1), &chars(a, 2))),
    FuncSpec::fixed("htmlDate", &[Any], |c, a| in_zone(c, "2006-01-02", &any(a, 0), "Local")),
    FuncSpec::fixed("htmlDateInZone", &[Any, Text], |c, a| in_zone(c, "2006-01-02", &any(a, 0), &chars(a, 1))),
    FuncSpec::fixed("dateModify", &[Text, ObjectParam(TIME)], |_, a| Ok(modify(a).unwrap_or_else(|_| any(a, 1)))),
    FuncSpec::fixed("date_modify", &[Text, ObjectParam(TIME)], |_, a| Ok(modify(a).unwrap_or_else(|_| any(a, 1)))),
    FuncSpec::fixed("mustDateModify", &[Text, ObjectParam(TIME)], |_, a| modify(a)),
    FuncSpec::fixed("must_date_modify", &[Text, ObjectParam(TIME)], |_, a| modify(a)),
    FuncSpec::fixed("toDate", &[Text, Text], |_, a| {
        Ok(Value::object(Time(layout::parse(&chars(a, 0), &chars(a, 1)).unwrap_or_else(|_| year_one()))))
    }),
    FuncSpec::fixed("mustToDate", &[Text, Text], |_, a| {
        let time = layout::parse(&chars(a, 0), &chars(a, 1)).map_err(FuncError::Message)?;
        Ok(Value::object(Time(time)))
    }),
    FuncSpec::fixed("unixEpoch", &[ObjectParam(TIME)], |_, a| {
        Ok(Value::from(time(&any(a, 0)).map_or(0, |t| t.timestamp().as_second()).to_string()))
    }),
    FuncSpec::fixed("ago", &[Any], ago),
    FuncSpec::fixed("duration", &[Any], |_, a| Ok(Value::from(print_duration(seconds_of(&any(a, 0)))))),
    FuncSpec::fixed("durationRound", &[Any], duration_round),
];

/// A `time.Time`.
struct Time(Zoned);

impl Object for Time {
    fn type_name(&self) -> &'static str {
        TIME
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn member(&self, name: &str) -> Member {
        match name {
            "Format" | "Unix" | "UnixNano" | "UnixMilli" | "Year" | "Day" | "Hour" | "Minute" | "Second"
            | "YearDay" | "String" | "UTC" | "Local" | "IsZero" | "Month" | "Weekday" | "Nanosecond" | "Before"
            | "After" | "Equal" | "AddDate" => Member::Method,
            _ => Member::None,
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Outcome {
        let t = &self.0;
        match (name, args) {
            ("Format", [layout]) => return Ok(Value::from(layout::format(&chars(std::slice::from_ref(layout), 0), t))),
            ("Before" | "After" | "Equal", [other]) => {
                let other = time(other).ok_or_else(|| FuncError::from("wrong type for value; expected time.Time"))?;
                let order = t.timestamp().cmp(&other.timestamp());
                return Ok(Value::Bool(match name {
                    "Before" => order.is_lt(),
                    "After" => order.is_gt(),
                    _ => order.is_eq(),
                }));
            }
            ("AddDate", [years, months, days]) => return add_date(t, to_int(years), to_int(months), to_int(days)),
            ("Format" | "Before" | "After" | "Equal", _) => return Err(FuncError::arguments(name, 1, args.len())),
            ("AddDate", _) => return Err(FuncError::arguments(name, 3, args.len())),
            (_, []) => {}
            _ => return Err(FuncError::arguments(name, 0, args.len())),
        }
        Ok(match name {
            "Unix" => Value::Int64(t.timestamp().as_second()),
            "UnixMilli" => Value::Int64(t.timestamp().as_millisecond()),
            "UnixNano" => Value::Int64(i64::try_from(t.timestamp().as_nanosecond()).unwrap_or(i64::MAX)),
            "Year" => Value::Int(i64::from(t.year())),
            "Day" => Value::Int(i64::from(t.day())),
            "Hour" => Value::Int(i64::from(t.hour())),
            "Minute" => Value::Int(i64::from(t.minute())),
            "Second" => Value::Int(i64::from(t.second())),
            "Nanosecond" => Value::Int(i64::from(t.subsec_nanosecond())),
            "YearDay" => Value::Int(i64::from(t.day_of_year())),
            "Month" => Value::from(layout::format("January", t)),
            "Weekday" => Value::from(layout::format("Monday", t)),
            "IsZero" => Value::Bool(*t == year_one()),
            "String" => Value::from(self.print()),
            _ => Value::object(Time(t.with_time_zone(TimeZone::UTC))),
        })
    }

    fn print(&self) -> String {
        layout::format("2006-01-02 15:04:05.999999999 -0700 MST", &self.0)
    }

    fn plain(&self) -> Value {
        Value::from(layout::format("2006-01-02T15:04:05.999999999Z07:00", &self.0))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn add_date(t: &Zoned, years: i64, months: i64, days: i64) -> Outcome {
    let beyond = |_| FuncError::from("the date is beyond what can be calculated");
    // Go lets days overflow into the next month, so they are added to the first of the month.
    let first = t.first_of_month().map_err(beyond)?;
    let span = jiff::Span::new().try_years(years).and_then(|s| s.try_months(months)).map_err(beyond)?;
    let rest = jiff::Span::new().try_days(days + i64::from(t.day()) - 1).map_err(beyond)?;
    Ok(Value::object(Time(first.checked_add(span).and_then(|t| t.checked_add(rest)).map_err(beyond)?)))
}

fn zoned(at: Timestamp) -> Zoned {
    at.to_zoned(TimeZone::UTC)
}

/// A date as RFC 3339 writes it, or a part of one: what a TOML file can say.
pub(super) fn from_toml(text: &str) -> Option<Value> {
    let layouts = ["2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02", "15:04:05"];
    let spaced = text.replacen([' ', 't'], "T", 1);
    layouts.iter().find_map(|l| layout::parse(l, &spaced).ok()).map(|t| Value::object(Time(t)))
}

/// Go's zero time.
fn year_one() -> Zoned {
    let date = jiff::civil::Date::new(1, 1, 1).unwrap_or(jiff::civil::Date::MIN);
    date.to_zoned(TimeZone::UTC).unwrap_or_else(|_| zoned(Timestamp::MIN))
}

fn time(value: &Value) -> Option<Zoned> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref::<Time>().map(|t| t.0.clone()),
        _ => None,
    }
}

/// The time of a date or of seconds since 1970; anything else is now.
fn moment(context: &mut Context<'_>, value: &Value) -> Zoned {
    match value {
        Value::Int(n) | Value::Int64(n) => zoned(Timestamp::from_second(*n).unwrap_or(Timestamp::UNIX_EPOCH)),
        value => time(value).unwrap_or_else(|| {
            context.note_irreproducible("now");
            zoned(context.env.now)
        }),
    }
}

fn in_zone(context: &mut Context<'_>, format: &str, date: &Value, zone: &str) -> Outcome {
    let zone = match zone {
        "" | "UTC" | "Local" => TimeZone::UTC,
        // The zones that are compiled in: no file of the machine has a say.
        name => jiff::tz::TimeZoneDatabase::bundled().get(name).unwrap_or(TimeZone::UTC),
    };
    Ok(Value::from(layout::format(format, &moment(context, date).with_time_zone(zone))))
}

fn modify(args: &[Value]) -> Outcome {
    let date = time(&any(args, 1)).ok_or_else(|| FuncError::from("wrong type for value; expected time.Time"))?;
    let by = parse_duration(&chars(args, 0)).map_err(FuncError::Message)?;
    let moved = date.checked_add(SignedDuration::from_nanos(by));
    Ok(Value::object(Time(moved.map_err(|_| FuncError::from("the date is beyond what can be calculated"))?)))
}

fn since(context: &mut Context<'_>, value: &Value) -> i64 {
    let then = moment(context, value).timestamp();
    context.note_irreproducible("now");
    i64::try_from(context.env.now.as_nanosecond() - then.as_nanosecond()).unwrap_or(i64::MAX)
}

fn ago(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    let nanoseconds = since(context, &any(args, 0));
    let seconds = (nanoseconds + if nanoseconds < 0 { -SECOND / 2 } else { SECOND / 2 }) / SECOND;
    Ok(Value::from(print_duration(seconds * SECOND)))
}

const SECOND: i64 = 1_000_000_000;

/// sprig takes seconds from a text or an `int64`, not from an `int`.
fn seconds_of(value: &Value) -> i64 {
    let seconds = match value {
        Value::Int64(n) => *n,
        Value::Str(s) => s.as_utf8().and_then(|s| s.parse().ok()).unwrap_or(0),
        _ => 0,
    };
    seconds.wrapping_mul(SECOND)
}

fn duration_round(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    let value = any(args, 0);
    let nanoseconds = match &value {
        Value::Str(_) => parse_duration(&chars(args, 0)).unwrap_or(0),
        Value::Int64(n) => *n,
        Value::Object(_) => since(context, &value),
        _ => 0,
    };
    let n = nanoseconds.unsigned_abs();
    const HOUR: u64 = 3_600 * SECOND as u64;
    let units = [
        (HOUR * 24 * 365, "y"),
        (HOUR * 24 * 30, "mo"),
        (HOUR * 24, "d"),
        (HOUR, "h"),
        (HOUR / 60, "m"),
        (SECOND as u64, "s"),
    ];
    let unit = units.iter().find(|(unit, _)| n > *unit);
    Ok(Value::from(unit.map_or("0s".to_string(), |(unit, name)| format!("{}{name}", n / unit))))
}

/// `time.ParseDuration`: nanoseconds.
fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += number
            * match &rest[..letters] {
                "ns" => 1.0,
                "us" | "µs" | "μs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                "" => return Err(format!("time: missing unit in duration {text:?}")),
                unit => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
            };
        rest = &rest[letters..];
    }
    if total > i64::MAX as f64 { Err(invalid()) } else { Ok((sign * total) as i64) }
}

/// `Duration.String`.
fn print_duration(nanoseconds: i64) -> String {
    let n = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    if n == 0 {
        return "0s".to_string();
    }
    let decimal = |unit: u64, name: &str| {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{:0digits$}", n % unit);
        let fraction = fraction.trim_end_matches('0');
        let point = if unit == 1 || fraction.is_empty() { String::new() } else { format!(".{fraction}") };
        format!("{}{point}{name}", n / unit)
    };
    const UNIT: u64 = SECOND as u64;
    let body = match n {
        n if n < 1_000 => decimal(1, "ns"),
        n if n < 1_000_000 => decimal(1_000, "µs"),
        n if n < UNIT => decimal(1_000_000, "ms"),
        _ => {
            let (hours, minutes) = (n / UNIT / 3600, n / UNIT / 60 % 60);
            let rest = n % (60 * UNIT);
            let fraction = format!("{:09}", rest % UNIT);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
            let seconds = format!("{}{point}s", rest / UNIT);
            match (hours, minutes) {
                (0, 0) => seconds,
                (0, m) => format!("{m}m{seconds}"),
                (h, m) => format!("{h}h{m}m{seconds}"),
            }
        }
    };
    format!("{sign}{body}")
}
