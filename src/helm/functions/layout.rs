//! Go's time layouts: a format is written as the reference time `Mon Jan 2 15:04:05 MST 2006` would look.

use jiff::Zoned;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

/// A piece of a layout.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    /// Whether UTC is `Z`, whether there is a colon, whether there are minutes, whether there are seconds.
    Offset {
        z: bool,
        colon: bool,
        minutes: bool,
        seconds: bool,
    },
    /// How many digits, and whether trailing zeros go.
    Fraction {
        digits: usize,
        trim: bool,
        separator: char,
    },
}

const NAMED: &[(&str, Piece<'static>)] = &[
    ("January", Piece::LongMonth),
    ("Jan", Piece::Month),
    ("Monday", Piece::LongWeekday),
    ("Mon", Piece::Weekday),
    ("MST", Piece::ZoneName),
    ("01", Piece::ZeroMonth),
    ("02", Piece::ZeroDay),
    ("03", Piece::ZeroHour12),
    ("04", Piece::ZeroMinute),
    ("05", Piece::ZeroSecond),
    ("06", Piece::Year),
    ("002", Piece::ZeroYearDay),
    ("15", Piece::Hour),
    ("1", Piece::NumMonth),
    ("2006", Piece::LongYear),
    ("2", Piece::Day),
    ("__2", Piece::SpaceYearDay),
    ("_2", Piece::SpaceDay),
    ("3", Piece::Hour12),
    ("4", Piece::Minute),
    ("5", Piece::Second),
    ("PM", Piece::UpperPm),
    ("pm", Piece::LowerPm),
    ("-070000", Piece::Offset { z: false, colon: false, minutes: true, seconds: true }),
    ("-07:00:00", Piece::Offset { z: false, colon: true, minutes: true, seconds: true }),
    ("-0700", Piece::Offset { z: false, colon: false, minutes: true, seconds: false }),
    ("-07:00", Piece::Offset { z: false, colon: true, minutes: true, seconds: false }),
    ("-07", Piece::Offset { z: false, colon: false, minutes: false, seconds: false }),
    ("Z070000", Piece::Offset { z: true, colon: false, minutes: true, seconds: true }),
    ("Z07:00:00", Piece::Offset { z: true, colon: true, minutes: true, seconds: true }),
    ("Z0700", Piece::Offset { z: true, colon: false, minutes: true, seconds: false }),
    ("Z07:00", Piece::Offset { z: true, colon: true, minutes: true, seconds: false }),
    ("Z07", Piece::Offset { z: true, colon: false, minutes: false, seconds: false }),
];

/// The piece a text begins with, and its length.
fn piece_at(text: &str) -> Option<(Piece<'static>, usize)> {
    if let Some(fraction) = fraction_at(text) {
        return Some(fraction);
    }
    // "Jan" and "Mon" count only where no lower-case letter follows; `_2006` is an underscore and a year.
    if text.starts_with("_2006") {
        return None;
    }
    let (name, piece) = NAMED.iter().filter(|(name, _)| text.starts_with(name)).max_by_key(|(name, _)| name.len())?;
    let follows_lower = text[name.len()..].starts_with(|c: char| c.is_ascii_lowercase());
    if matches!(piece, Piece::Month | Piece::Weekday) && follows_lower {
        return None;
    }
    Some((*piece, name.len()))
}

/// `.000` or `,999`: a fraction of a second, if no digit follows.
fn fraction_at(text: &str) -> Option<(Piece<'static>, usize)> {
    let separator = text.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let digit = text[1..].chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let digits = text[1..].chars().take_while(|c| *c == digit).count();
    let ends = !text[1 + digits..].starts_with(|c: char| c.is_ascii_digit());
    ends.then_some((Piece::Fraction { digits, trim: digit == '9', separator }, 1 + digits))
}

fn pieces(layout: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < layout.len() {
        match piece_at(&layout[at..]) {
            Some((piece, length)) => {
                if start < at {
                    out.push(Piece::Text(&layout[start..at]));
                }
                out.push(piece);
                at += length;
                start = at;
            }
            None => at += layout[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    if start < layout.len() {
        out.push(Piece::Text(&layout[start..]));
    }
    out
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Sunday => "Sunday",
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
    }
}

/// `Time.Format`.
pub(super) fn format(layout: &str, at: &Zoned) -> String {
    let mut out = String::new();
    for piece in pieces(layout) {
        out.push_str(&one(piece, at));
    }
    out
}

fn one(piece: Piece<'_>, at: &Zoned) -> String {
    let month = MONTHS.get(usize::from(at.month().unsigned_abs()).saturating_sub(1)).copied().unwrap_or_default();
    let hour_12 = match at.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    match piece {
        Piece::Text(text) => text.to_string(),
        Piece::LongMonth => month.to_string(),
        Piece::Month => month.chars().take(3).collect(),
        Piece::NumMonth => at.month().to_string(),
        Piece::ZeroMonth => format!("{:02}", at.month()),
        Piece::LongWeekday => weekday(at.weekday()).to_string(),
        Piece::Weekday => weekday(at.weekday()).chars().take(3).collect(),
        Piece::Day => at.day().to_string(),
        Piece::SpaceDay => format!("{:>2}", at.day()),
        Piece::ZeroDay => format!("{:02}", at.day()),
        Piece::SpaceYearDay => format!("{:>3}", at.day_of_year()),
        Piece::ZeroYearDay => format!("{:03}", at.day_of_year()),
        Piece::Hour => format!("{:02}", at.hour()),
        Piece::Hour12 => hour_12.to_string(),
        Piece::ZeroHour12 => format!("{hour_12:02}"),
        Piece::Minute => at.minute().to_string(),
        Piece::ZeroMinute => format!("{:02}", at.minute()),
        Piece::Second => at.second().to_string(),
        Piece::ZeroSecond => format!("{:02}", at.second()),
        Piece::LongYear => format!("{:04}", at.year()),
        Piece::Year => format!("{:02}", at.year().rem_euclid(100)),
        Piece::UpperPm => if at.hour() >= 12 { "PM" } else { "AM" }.to_string(),
        Piece::LowerPm => if at.hour() >= 12 { "pm" } else { "am" }.to_string(),
        Piece::ZoneName => zone_name(at),
        Piece::Offset { z: true, .. } if at.offset().seconds() == 0 => "Z".to_string(),
        Piece::Offset { colon, minutes, seconds, .. } => offset(at.offset().seconds(), colon, minutes, seconds),
        Piece::Fraction { digits, trim, separator } => fraction(at.subsec_nanosecond(), digits, trim, separator),
    }
}

fn zone_name(at: &Zoned) -> String {
    at.time_zone().to_offset_info(at.timestamp()).abbreviation().to_string()
}

fn offset(total: i32, colon: bool, minutes: bool, seconds: bool) -> String {
    let sign = if total < 0 { '-' } else { '+' };
    let total = total.unsigned_abs();
    let colon = if colon { ":" } else { "" };
    let mut out = format!("{sign}{:02}", total / 3600);
    if minutes {
        out.push_str(&format!("{colon}{:02}", total / 60 % 60));
    }
    if seconds {
        out.push_str(&format!("{colon}{:02}", total % 60));
    }
    out
}

fn fraction(nanoseconds: i32, digits: usize, trim: bool, separator: char) -> String {
    let mut text: String = format!("{nanoseconds:09}").chars().take(digits).collect();
    if trim {
        text.truncate(text.trim_end_matches('0').len());
        if text.is_empty() {
            return text;
        }
    }
    format!("{separator}{text}")
}

/// What was read so far.
struct Fields {
    year: i16,
    month: i8,
    day: i8,
    year_day: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    afternoon: Option<bool>,
    offset: Option<i32>,
}

/// `time.Parse`, with UTC where no zone is given.
///
/// # Errors
/// Go's words: the text, the layout, and what could not be read.
pub(super) fn parse(layout: &str, text: &str) -> Result<Zoned, String> {
    let failed =
        |rest: &str, wanted: &str| format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {wanted:?}");
    let mut fields = Fields {
        year: 0,
        month: 1,
        day: 1,
        year_day: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
        afternoon: None,
        offset: None,
    };
    let mut rest = text;
    for piece in pieces(layout) {
        rest = fields.read(piece, rest).ok_or_else(|| failed(rest, &source(piece)))?;
    }
    if !rest.is_empty() {
        return Err(format!("parsing time {text:?}: extra text: {rest:?}"));
    }
    fields.finish().ok_or_else(|| format!("parsing time {text:?}: day out of range"))
}

fn source(piece: Piece<'_>) -> String {
    match piece {
        Piece::Text(text) => text.to_string(),
        Piece::Fraction { .. } => ".000".to_string(),
        piece => NAMED.iter().find(|(_, p)| *p == piece).map_or(String::new(), |(name, _)| name.to_string()),
    }
}

/// A number of at least `least` and at most `most` digits.
fn number(text: &str, least: usize, most: usize) -> Option<(i32, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    (digits >= least).then_some(())?;
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

fn named<'a>(text: &'a str, names: &[&str], length: Option<usize>) -> Option<(usize, &'a str)> {
    names.iter().enumerate().find_map(|(i, name)| {
        let name = &name[..length.unwrap_or(name.len())];
        let head = text.get(..name.len()).filter(|head| head.eq_ignore_ascii_case(name))?;
        Some((i, &text[head.len()..]))
    })
}

impl Fields {
    fn read<'a>(&mut self, piece: Piece<'_>, text: &'a str) -> Option<&'a str> {
        const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
        let small = |(n, rest): (i32, &'a str)| i8::try_from(n).ok().map(|n| (n, rest));
        Some(match piece {
            Piece::Text(expected) => text.strip_prefix(expected)?,
            Piece::LongMonth | Piece::Month => {
                let (i, rest) = named(text, &MONTHS, (piece == Piece::Month).then_some(3))?;
                self.month = i as i8 + 1;
                rest
            }
            Piece::LongWeekday | Piece::Weekday => named(text, &DAYS, (piece == Piece::Weekday).then_some(3))?.1,
            Piece::NumMonth | Piece::ZeroMonth => set(&mut self.month, small(digits(piece, text)?)?, 1..=12)?,
            Piece::Day | Piece::ZeroDay => set(&mut self.day, small(digits(piece, text)?)?, 1..=31)?,
            Piece::SpaceDay => {
                set(&mut self.day, small(number(text.strip_prefix(' ').unwrap_or(text), 1, 2)?)?, 1..=31)?
            }
            Piece::SpaceYearDay | Piece::ZeroYearDay => {
                let (n, rest) = number(text.trim_start_matches(' '), 1, 3)?;
                self.year_day = Some(i16::try_from(n).ok()?);
                rest
            }
            Piece::Hour => set(&mut self.hour, small(number(text, 1, 2)?)?, 0..=23)?,
            Piece::Hour12 | Piece::ZeroHour12 => set(&mut self.hour, small(digits(piece, text)?)?, 0..=12)?,
            Piece::Minute | Piece::ZeroMinute => set(&mut self.minute, small(digits(piece, text)?)?, 0..=59)?,
            Piece::Second | Piece::ZeroSecond => {
                let rest = set(&mut self.second, small(digits(piece, text)?)?, 0..=59)?;
                self.implied_fraction(rest)
            }
            Piece::LongYear => {
                let (n, rest) = number(text, 4, 4)?;
                self.year = i16::try_from(n).ok()?;
                rest
            }
            Piece::Year => {
                let (n, rest) = number(text, 2, 2)?;
                self.year = i16::try_from(if n >= 69 { n + 1900 } else { n + 2000 }).ok()?;
                rest
            }
            Piece::UpperPm | Piece::LowerPm => {
                let (i, rest) = named(text, &["AM", "PM"], None)?;
                self.afternoon = Some(i == 1);
                rest
            }
            Piece::ZoneName => {
                let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
                (3..=5).contains(&letters).then_some(())?;
                self.offset = self.offset.or(Some(0));
                &text[letters..]
            }
            Piece::Offset { z, colon, minutes, seconds } => self.read_offset(text, z, colon, minutes, seconds)?,
            Piece::Fraction { digits, trim: false, .. } => {
                let body = text.strip_prefix(['.', ','])?;
                let (head, rest) = body.split_at_checked(digits)?;
                self.nanosecond = nanoseconds(head)?;
                rest
            }
            Piece::Fraction { .. } => self.implied_fraction(text),
        })
    }

    /// Go takes a fraction behind the seconds though the layout has none.
    fn implied_fraction<'a>(&mut self, text: &'a str) -> &'a str {
        let Some(body) = text.strip_prefix(['.', ',']) else { return text };
        let digits = body.bytes().take_while(u8::is_ascii_digit).count();
        match nanoseconds(&body[..digits]) {
            Some(n) if digits > 0 => {
                self.nanosecond = n;
                &body[digits..]
            }
            _ => text,
        }
    }

    fn read_offset<'a>(
        &mut self,
        text: &'a str,
        z: bool,
        colon: bool,
        minutes: bool,
        seconds: bool,
    ) -> Option<&'a str> {
        if let Some(rest) = text.strip_prefix('Z').filter(|_| z) {
            self.offset = Some(0);
            return Some(rest);
        }
        let (sign, body) = match text.split_at_checked(1)? {
            ("+", body) => (1, body),
            ("-", body) => (-1, body),
            _ => return None,
        };
        let (hours, mut rest) = number(body, 2, 2)?;
        let mut total = hours * 3600;
        for (wanted, unit) in [(minutes, 60), (seconds, 1)] {
            if wanted {
                rest = if colon { rest.strip_prefix(':')? } else { rest };
                let (n, after) = number(rest, 2, 2)?;
                total += n * unit;
                rest = after;
            }
        }
        self.offset = Some(sign * total);
        Some(rest)
    }

    fn finish(mut self) -> Option<Zoned> {
        match self.afternoon {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let zone = TimeZone::fixed(jiff::tz::Offset::from_seconds(self.offset.unwrap_or(0)).ok()?);
        let zone = if self.offset.unwrap_or(0) == 0 { TimeZone::UTC } else { zone };
        let mut date = jiff::civil::Date::new(self.year, self.month, self.day).ok()?;
        if let Some(day) = self.year_day {
            date = date.with().day_of_year(day).build().ok()?;
        }
        date.at(self.hour, self.minute, self.second, self.nanosecond).to_zoned(zone).ok()
    }
}

/// One or two digits; two where the layout pads with a zero.
fn digits<'a>(piece: Piece<'_>, text: &'a str) -> Option<(i32, &'a str)> {
    let padded =
        matches!(piece, Piece::ZeroMonth | Piece::ZeroDay | Piece::ZeroHour12 | Piece::ZeroMinute | Piece::ZeroSecond);
    number(text, if padded { 2 } else { 1 }, 2)
}

fn set<'a>(field: &mut i8, (n, rest): (i8, &'a str), range: std::ops::RangeInclusive<i8>) -> Option<&'a str> {
    range.contains(&n).then_some(())?;
    *field = n;
    Some(rest)
}

fn nanoseconds(digits: &str) -> Option<i32> {
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    format!("{digits:0<9}").get(..9)?.parse().ok()
}
