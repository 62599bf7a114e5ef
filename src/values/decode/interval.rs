//! Intervals from text: `1 year 2 mons 3 days 04:05:06`, `1.5 hours ago`, `P1Y2M3DT4H5M6S`.

use datafusion::arrow::datatypes::IntervalMonthDayNano;

use super::datetime::micros_of;
use crate::error::{Error, Result, SqlState};
use crate::values::IntervalFields;
use crate::values::calendar::{DAY, SECOND};

/// The three fields, wide enough to add up before they are checked.
#[derive(Clone, Copy, Default)]
struct Sum {
    months: i128,
    days: i128,
    micros: i128,
}

/// A decimal in billionths, so that fractions of a unit are exact.
const ONE: i128 = 1_000_000_000;

/// Reads an interval. A fraction of a unit goes to the next smaller one; a month has thirty days there.
pub(super) fn read(text: &str) -> Result<IntervalMonthDayNano> {
    read_in(text, None)
}

/// Reads an interval of certain fields; what is smaller is still there.
pub(super) fn read_fields(text: &str, fields: IntervalFields) -> Result<IntervalMonthDayNano> {
    read_in(text, Some(fields))
}

fn read_in(text: &str, fields: Option<IntervalFields>) -> Result<IntervalMonthDayNano> {
    let trimmed = text.trim();
    let sum =
        if trimmed.starts_with('P') || trimmed.starts_with("-P") { iso(trimmed) } else { verbose(trimmed, fields) };
    let sum = sum.ok_or_else(|| {
        Error::new(SqlState::INVALID_DATETIME_FORMAT, format!("invalid input syntax for type interval: \"{text}\""))
    })?;
    let out_of_range = || Error::new(SqlState("22015"), format!("interval field value out of range: \"{text}\""));
    Ok(IntervalMonthDayNano::new(
        i32::try_from(sum.months).map_err(|_| out_of_range())?,
        i32::try_from(sum.days).map_err(|_| out_of_range())?,
        sum.micros.checked_mul(1_000).and_then(|nanos| i64::try_from(nanos).ok()).ok_or_else(out_of_range)?,
    ))
}

impl Sum {
    /// Adds a count of a unit, in billionths.
    fn add(&mut self, count: i128, unit: &str) -> Option<()> {
        let months = match unit {
            "millennium" | "millennia" | "mil" | "mils" => 12_000,
            "century" | "centuries" | "c" | "cent" => 1_200,
            "decade" | "decades" | "dec" | "decs" => 120,
            "year" | "years" | "y" | "yr" | "yrs" => 12,
            "mon" | "mons" | "month" | "months" => 1,
            _ => return self.add_days(count, unit),
        };
        let total = count * months;
        self.months += total / ONE;
        if months == 1 {
            self.add_days(total % ONE * 30, "day")?;
        } else {
            // A fraction of a year is rounded to months, as in Postgres.
            self.months += (total % ONE * 2 + (total % ONE).signum() * ONE) / (2 * ONE);
        }
        Some(())
    }

    fn add_days(&mut self, count: i128, unit: &str) -> Option<()> {
        let days = match unit {
            "week" | "weeks" | "w" => 7,
            "day" | "days" | "d" => 1,
            _ => {
                let micros = match unit {
                    "hour" | "hours" | "h" | "hr" | "hrs" => 3_600 * SECOND,
                    "minute" | "minutes" | "m" | "min" | "mins" => 60 * SECOND,
                    "second" | "seconds" | "s" | "sec" | "secs" => SECOND,
                    "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" => 1_000,
                    "microsecond" | "microseconds" | "us" | "usec" | "usecs" => 1,
                    _ => return None,
                };
                self.micros += round(count * i128::from(micros));
                return Some(());
            }
        };
        let total = count * days;
        self.days += total / ONE;
        self.micros += round(total % ONE * i128::from(DAY));
        Some(())
    }

    fn negate(&mut self) {
        *self = Sum { months: -self.months, days: -self.days, micros: -self.micros };
    }
}

fn round(billionths: i128) -> i128 {
    (billionths + billionths.signum() * ONE / 2) / ONE
}

/// `-1.5` in billionths; none when it is not a number, or has more than twelve digits before the point.
fn number(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > 12 {
        return None;
    }
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut value: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    for place in 0..9 {
        value = value * 10 + fraction.as_bytes().get(place).map_or(0, |b| i128::from(b - b'0'));
    }
    Some(if negative { -value } else { value })
}

/// Which fields of an interval are told; none is told twice.
#[derive(Default)]
struct Told(u32);

impl Told {
    const SECONDS: u32 = 0b111;
    const CLOCK: u32 = 0b1_1111;
    const MONTH: u32 = 1 << 7;

    fn tell(&mut self, fields: u32) -> Option<()> {
        let is_new = self.0 & fields == 0;
        self.0 |= fields;
        is_new.then_some(())
    }

    /// A fraction of a second tells its smaller parts too.
    fn tell_unit(&mut self, count: i128, unit: &str) -> Option<()> {
        self.tell(match unit {
            "microsecond" | "microseconds" | "us" | "usec" | "usecs" => 1,
            "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" => 1 << 1,
            "second" | "seconds" | "s" | "sec" | "secs" if count % ONE != 0 => Told::SECONDS,
            "second" | "seconds" | "s" | "sec" | "secs" => 1 << 2,
            "minute" | "minutes" | "m" | "min" | "mins" => 1 << 3,
            "hour" | "hours" | "h" | "hr" | "hrs" => 1 << 4,
            "day" | "days" | "d" => 1 << 5,
            "week" | "weeks" | "w" => 1 << 6,
            "mon" | "mons" | "month" | "months" => Told::MONTH,
            "year" | "years" | "y" | "yr" | "yrs" => 1 << 8,
            "decade" | "decades" | "dec" | "decs" => 1 << 9,
            "century" | "centuries" | "c" | "cent" => 1 << 10,
            "millennium" | "millennia" | "mil" | "mils" => 1 << 11,
            _ => return None,
        })
    }
}

fn verbose(text: &str, fields: Option<IntervalFields>) -> Option<Sum> {
    let smallest = fields.map_or("second", IntervalFields::unit);
    let begins_with_minutes = fields.is_some_and(IntervalFields::begins_with_minutes);
    let mut sum = Sum::default();
    let mut told = Told::default();
    let mut lower = text.to_ascii_lowercase();
    // A sign may stand apart from its number: `1 month - 1 day`.
    while lower.contains("- ") || lower.contains("+ ") {
        lower = lower.replace("- ", "-").replace("+ ", "+");
    }
    let mut words = lower.split_ascii_whitespace().peekable();
    words.next_if(|word| *word == "@");
    words.peek()?;
    while let Some(word) = words.next() {
        if word == "ago" {
            sum.negate();
            return (words.next().is_none() && told.0 != 0).then_some(sum);
        }
        if word.contains(':') {
            told.tell(Told::CLOCK)?;
            sum.micros += clock(word, begins_with_minutes)?;
            continue;
        }
        if let Some((years, months)) = years_and_months(word) {
            told.tell(Told::MONTH)?;
            sum.months += years * 12 + months;
            continue;
        }
        // The unit may stand beside its number: `1h`.
        let split = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
        let (count, unit) = word.split_at(split);
        let count = number(count)?;
        let unit = if !unit.is_empty() {
            unit
        } else if let Some(unit) =
            words.next_if(|next| next.starts_with(|c: char| c.is_ascii_alphabetic()) && *next != "ago")
        {
            unit
        } else {
            match words.peek() {
                // `3 04:05:06`: a number before a time counts days.
                Some(next) if next.contains(':') => "day",
                // `3 5` in hours: so does one before a number of hours.
                Some(next) if smallest == "hour" && number(next).is_some() => "day",
                // Before anything else it has no unit of its own.
                Some(_) => return None,
                None => smallest,
            }
        };
        told.tell_unit(count, unit)?;
        sum.add(count, unit)?;
    }
    Some(sum)
}

/// `1-2`: a year and two months, in SQL's own form.
fn years_and_months(word: &str) -> Option<(i128, i128)> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    let (years, months) = digits.split_once('-')?;
    if ![years, months].iter().all(|part| (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    Some((sign * years.parse::<i128>().ok()?, sign * months.parse::<i128>().ok()?))
}

/// `-04:05:06.789` or `04:05`, in microseconds; hours have no upper bound. With `begins_with_minutes` two parts are minutes and
/// seconds.
fn clock(word: &str, begins_with_minutes: bool) -> Option<i128> {
    let (sign, digits) = match word.as_bytes().first()? {
        b'-' => (-1, word.get(1..)?),
        b'+' => (1, word.get(1..)?),
        _ => (1, word),
    };
    let mut parts = digits.split(':');
    let whole = |part: &str| {
        let plain = (1..=10).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<i128>().ok()).flatten()
    };
    let mut hours = whole(parts.next()?)?;
    let mut minutes = whole(parts.next()?)?;
    let (mut seconds, fraction) = match parts.next() {
        None => (0, 0),
        Some(part) => {
            let (seconds, digits) = part.split_once('.').unwrap_or((part, ""));
            (whole(seconds)?, micros_of(digits)?)
        }
    };
    if begins_with_minutes && digits.matches(':').count() == 1 {
        (hours, minutes, seconds) = (0, hours, minutes);
    }
    if parts.next().is_some() || minutes > 59 || seconds > 60 {
        return None;
    }
    Some(sign * (((hours * 60 + minutes) * 60 + seconds) * i128::from(SECOND) + i128::from(fraction)))
}

/// `P1Y2M3DT4H5M6.7S`, `P2W`; signs may stand before each number.
fn iso(text: &str) -> Option<Sum> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut rest = rest.strip_prefix('P')?;
    let mut sum = Sum::default();
    let mut in_time = false;
    let mut any = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            if in_time || after.is_empty() {
                return None;
            }
            in_time = true;
            rest = after;
            continue;
        }
        let split = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (count, after) = rest.split_at(split);
        let (unit, after) = after.split_at(1);
        let unit = match (unit, in_time) {
            ("Y", false) => "year",
            ("M", false) => "month",
            ("W", false) => "week",
            ("D", false) => "day",
            ("H", true) => "hour",
            ("M", true) => "minute",
            ("S", true) => "second",
            _ => return None,
        };
        sum.add(number(count)?, unit)?;
        any = true;
        rest = after;
    }
    if negative {
        sum.negate();
    }
    any.then_some(sum)
}
