//! Dates and times from text: ISO 8601 and what Postgres itself prints.

use super::date_words;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::calendar::{Civil, DAY, FIRST_DAY, LAST_DAY, SECOND, days};
use crate::values::zone::{Zone, offset};

/// A text taken apart.
pub(super) enum Parsed {
    /// `-infinity`, or `infinity`.
    Infinite { past: bool },
    Finite {
        /// Days since 1970-01-01.
        day: i64,
        /// Microseconds since midnight, if a time was given.
        time: Option<i64>,
        zone: Option<Zone>,
    },
}

/// Days since 1970-01-01; a time of day is left out, as in Postgres.
pub(super) fn date(text: &str) -> Result<i32> {
    match parse(&PgType::Date, text)? {
        Parsed::Infinite { past } => Ok(if past { i32::MIN } else { i32::MAX }),
        Parsed::Finite { day, .. } => {
            let held = (FIRST_DAY..=LAST_DAY).contains(&day).then(|| i32::try_from(day).ok()).flatten();
            held.ok_or_else(|| beyond("date", text))
        }
    }
}

/// Microseconds since 1970; an offset is left out, as in Postgres.
pub(super) fn timestamp(text: &str) -> Result<i64> {
    match parse(&PgType::Timestamp, text)? {
        Parsed::Infinite { past } => Ok(infinite(past)),
        Parsed::Finite { day, time, .. } => micros(day, time).ok_or_else(|| beyond("timestamp", text)),
    }
}

/// Microseconds since 1970 UTC; without an offset on the clock of `session`.
pub(super) fn timestamptz(text: &str, session: Zone) -> Result<i64> {
    match parse(&PgType::TimestampTz, text)? {
        Parsed::Infinite { past } => Ok(infinite(past)),
        Parsed::Finite { day, time, zone } => {
            let local = micros(day, time).ok_or_else(|| beyond("timestamp", text))?;
            let offset = zone.unwrap_or(session).offset_of_local(local);
            local.checked_sub(i64::from(offset) * SECOND).ok_or_else(|| beyond("timestamp", text))
        }
    }
}

/// Microseconds since midnight; an offset is left out, as in Postgres.
pub(super) fn time(text: &str) -> Result<i64> {
    let wrong = || invalid(&PgType::Time, text);
    let mut words = text.split_ascii_whitespace();
    let word = words.next().ok_or_else(wrong)?;
    let (clock, attached) = split_offset(word.strip_prefix(['T', 't']).unwrap_or(word));
    let mut micros = match plain_time(clock) {
        Some(written) => clock_time(&written, text, &PgType::Time)?,
        None => clock_time(clock, text, &PgType::Time)?,
    };
    let mut zoned = attached.is_some();
    if attached.is_some_and(|zone| zone_of(zone).is_none()) {
        return Err(wrong());
    }
    for word in words {
        if let Some(moved) = half_day(micros, word) {
            micros = moved;
        } else if !zoned && zone_of(word).is_some() {
            zoned = true;
        } else {
            return Err(wrong());
        }
    }
    Ok(micros)
}

fn infinite(past: bool) -> i64 {
    if past { i64::MIN } else { i64::MAX }
}

fn micros(day: i64, time: Option<i64>) -> Option<i64> {
    if day < FIRST_DAY {
        return None;
    }
    day.checked_mul(DAY)?.checked_add(time.unwrap_or(0)).filter(|micros| *micros != i64::MIN && *micros != i64::MAX)
}

/// What most texts are is looked for first.
fn parse(kind: &PgType, text: &str) -> Result<Parsed> {
    match parse_iso(kind, text) {
        Err(error) if error.state() == SqlState::INVALID_DATETIME_FORMAT => date_words::read(kind, text),
        parsed => parsed,
    }
}

fn parse_iso(kind: &PgType, text: &str) -> Result<Parsed> {
    let wrong = || invalid(kind, text);
    let trimmed = text.trim();
    match trimmed.to_ascii_lowercase().as_str() {
        "infinity" | "+infinity" => return Ok(Parsed::Infinite { past: false }),
        "-infinity" => return Ok(Parsed::Infinite { past: true }),
        "epoch" => return Ok(Parsed::Finite { day: 0, time: Some(0), zone: Some(Zone::UTC) }),
        _ => {}
    }
    // The date ends at a blank or at the T of ISO 8601.
    let end = trimmed.find(|c: char| c == 'T' || c == 't' || c.is_ascii_whitespace()).unwrap_or(trimmed.len());
    let (date, rest) = trimmed.split_at(end);
    let rest = rest.strip_prefix(['T', 't']).unwrap_or(rest);
    let mut civil = calendar_date(date).ok_or_else(wrong)?;
    let (mut time, mut zone) = (None, None);
    for word in rest.split_ascii_whitespace() {
        match word.to_ascii_lowercase().as_str() {
            "bc" if civil.year > 0 => civil.year = 1 - civil.year,
            "ad" => {}
            "am" | "pm" => time = Some(time.and_then(|time| half_day(time, word)).ok_or_else(wrong)?),
            _ if time.is_none() && word.contains(':') => {
                let (clock, attached) = split_offset(word);
                time = Some(clock_time(clock, text, kind)?);
                if let Some(attached) = attached {
                    zone = Some(zone_of(attached).ok_or_else(wrong)?);
                }
            }
            _ if zone.is_none() => zone = Some(zone_of(word).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        }
    }
    let day = days(civil).ok_or_else(|| out_of_range(text))?;
    Ok(Parsed::Finite { day, time, zone })
}

/// `2024-01-31`, `2024/1/31`, `20240131`, or month first: `1/31/2024`.
fn calendar_date(text: &str) -> Option<Civil> {
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Civil {
            year: text.get(..4)?.parse().ok()?,
            month: text.get(4..6)?.parse().ok()?,
            day: text.get(6..)?.parse().ok()?,
        });
    }
    let separator = if text.contains('/') { '/' } else { '-' };
    let mut parts = text.split(separator);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some()
        || [first, second, third].iter().any(|part| part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()))
    {
        return None;
    }
    let (year, month, day) = if first.len() > 2 { (first, second, third) } else { (third, first, second) };
    if year.len() < 3 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    let year: i64 = year.parse().ok()?;
    // There is no year zero.
    (year > 0).then_some(Civil { year, month: month.parse().ok()?, day: day.parse().ok()? })
}

/// Takes an offset or a Z off a time's end.
pub(super) fn split_offset(word: &str) -> (&str, Option<&str>) {
    match word.find(['+', '-', 'Z', 'z']) {
        Some(at) => {
            let (clock, zone) = word.split_at(at);
            (clock, Some(zone))
        }
        None => (word, None),
    }
}

pub(super) fn zone_of(text: &str) -> Option<Zone> {
    match offset(text) {
        Some(seconds) => Some(Zone::Fixed(seconds)),
        None if text.starts_with(['+', '-', '<']) => None,
        None => Zone::parse(text),
    }
}

/// `040506.789` or `0405` as [`clock_time`] reads it; none for what is neither.
pub(super) fn plain_time(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, rest) = whole.split_at_checked(2)?;
    match rest.len() {
        2 => Some(format!("{hours}:{rest}:00.{fraction}")),
        4 => Some(format!("{hours}:{}:{}.{fraction}", rest.get(..2)?, rest.get(2..)?)),
        _ => None,
    }
}

/// `04:05`, `04:05:06.789`, up to 24:00:00; more than six digits of a second are rounded.
pub(super) fn clock_time(text: &str, whole: &str, kind: &PgType) -> Result<i64> {
    let wrong = || invalid(kind, whole);
    let mut parts = text.split(':');
    let mut next = |width: usize| match parts.next() {
        Some(part) if (1..=width).contains(&part.len()) => Ok(Some(part)),
        Some(_) => Err(wrong()),
        None => Ok(None),
    };
    let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten();
    let hours = next(2)?.and_then(number).ok_or_else(wrong)?;
    let minutes = next(2)?.and_then(number).ok_or_else(wrong)?;
    let (mut seconds, mut fraction) = (0, 0);
    if let Some(part) = next(40)? {
        let (whole_seconds, digits) = part.split_once('.').unwrap_or((part, ""));
        if whole_seconds.len() > 2 {
            return Err(wrong());
        }
        seconds = number(whole_seconds).ok_or_else(wrong)?;
        fraction = micros_of(digits).ok_or_else(wrong)?;
    }
    if next(1)?.is_some() {
        return Err(wrong());
    }
    let micros = ((hours * 60 + minutes) * 60 + seconds) * SECOND + fraction;
    // A leap second counts as the next minute's first.
    if minutes > 59 || seconds > 60 || micros > DAY { Err(out_of_range(whole)) } else { Ok(micros) }
}

/// The digits behind the point of a second, rounded to microseconds.
pub(super) fn micros_of(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut micros = 0i64;
    for place in 0..6 {
        let digit = digits.as_bytes().get(place).map_or(0, |b| i64::from(b - b'0'));
        micros = micros * 10 + digit;
    }
    let up = digits.as_bytes().get(6).is_some_and(|b| *b >= b'5');
    Some(micros + i64::from(up))
}

/// A time of day by AM or PM; none when the word is neither or the hour is not of a half day.
pub(super) fn half_day(micros: i64, word: &str) -> Option<i64> {
    let hour = 3_600 * SECOND;
    let noon = 12 * hour;
    if !(hour..13 * hour).contains(&micros) && !(0..hour).contains(&micros) {
        return None;
    }
    if word.eq_ignore_ascii_case("am") {
        Some(if micros >= noon { micros - noon } else { micros })
    } else if word.eq_ignore_ascii_case("pm") {
        Some(if micros < noon { micros + noon } else { micros })
    } else {
        None
    }
}

pub(super) fn invalid(kind: &PgType, text: &str) -> Error {
    // Postgres leaves out that there is no zone.
    let kind = kind.to_string();
    let kind = kind.strip_suffix(" without time zone").unwrap_or(&kind);
    Error::new(SqlState::INVALID_DATETIME_FORMAT, format!("invalid input syntax for type {kind}: \"{text}\""))
}

/// 22008 for a day that there is, beyond those that the type holds.
fn beyond(kind: &str, text: &str) -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("{kind} out of range: \"{text}\""))
}

pub(super) fn out_of_range(text: &str) -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("date/time field value out of range: \"{text}\""))
}
