//! Dates and times from text: ISO 8601 as Postgres writes and reads it.

use chrono::{DateTime, NaiveDate, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// Why text is no date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has another form.
    Syntax,
    /// The form is right and no such date or time exists.
    Range,
}

/// A date and time of day, perhaps with its offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Microseconds since 1970-01-01 00:00 in the text's own zone.
    pub local: i64,
    /// Seconds east of UTC.
    pub offset: Option<i32>,
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Days since 1970-01-01.
pub fn date(text: &str) -> Result<i32, Fault> {
    let mut cursor = Cursor::new(text);
    let days = cursor.date()?;
    cursor.end()?;
    i32::try_from(days).map_err(|_| Fault::Range)
}

/// Microseconds since midnight.
pub fn time(text: &str) -> Result<i64, Fault> {
    let mut cursor = Cursor::new(text);
    let micros = cursor.time()?;
    cursor.end()?;
    Ok(micros)
}

/// A date, or a date and time of day with or without an offset.
pub fn stamp(text: &str) -> Result<Stamp, Fault> {
    let mut cursor = Cursor::new(text);
    let midnight = cursor.date()?.checked_mul(DAY).ok_or(Fault::Range)?;
    if cursor.end().is_ok() {
        return Ok(Stamp { local: midnight, offset: None });
    }
    if !(cursor.eat(b'T') || cursor.eat(b't') || cursor.eat(b' ')) {
        return Err(Fault::Syntax);
    }
    let local = midnight.checked_add(cursor.time()?).ok_or(Fault::Range)?;
    while cursor.eat(b' ') {}
    let offset = cursor.offset()?;
    cursor.end()?;
    Ok(Stamp { local, offset })
}

/// Microseconds since 1970-01-01 00:00 UTC. Local time without an offset is of `zone`, or of UTC when there is none.
pub fn utc(stamp: Stamp, zone: Option<Tz>) -> Option<i64> {
    match (stamp.offset, zone) {
        (Some(offset), _) => stamp.local.checked_sub(i64::from(offset) * SECOND),
        (None, Some(zone)) => local_to_utc(stamp.local, zone),
        (None, None) => Some(stamp.local),
    }
}

/// Local time as UTC. As in Postgres, an hour that comes twice is standard time, and one that a clock skips is read
/// with the offset before it.
pub fn local_to_utc(local: i64, zone: Tz) -> Option<i64> {
    if zone == Tz::UTC {
        return Some(local);
    }
    let naive = DateTime::from_timestamp_micros(local)?.naive_utc();
    let offsets = zone.offset_from_local_datetime(&naive);
    let seconds = match (offsets.earliest(), offsets.latest()) {
        (Some(a), Some(b)) => a.fix().local_minus_utc().min(b.fix().local_minus_utc()),
        _ => {
            let before = naive.checked_sub_signed(TimeDelta::hours(3))?;
            zone.offset_from_local_datetime(&before).latest()?.fix().local_minus_utc()
        }
    };
    local.checked_sub(i64::from(seconds) * SECOND)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Cursor { bytes: text.trim().as_bytes(), at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn end(&self) -> Result<(), Fault> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(Fault::Syntax) }
    }

    /// A number of `low` to `high` digits.
    fn digits(&mut self, low: usize, high: usize) -> Result<i64, Fault> {
        let (mut value, mut count) = (0i64, 0);
        while let Some(byte) = self.peek().filter(u8::is_ascii_digit) {
            if count == high {
                return Err(Fault::Syntax);
            }
            value = value * 10 + i64::from(byte - b'0');
            count += 1;
            self.at += 1;
        }
        if count < low { Err(Fault::Syntax) } else { Ok(value) }
    }

    fn need(&mut self, byte: u8) -> Result<(), Fault> {
        if self.eat(byte) { Ok(()) } else { Err(Fault::Syntax) }
    }

    fn date(&mut self) -> Result<i64, Fault> {
        let year = self.digits(4, 6)?;
        self.need(b'-')?;
        let month = self.digits(1, 2)?;
        self.need(b'-')?;
        let day = self.digits(1, 2)?;
        let part = |n: i64| u32::try_from(n).map_err(|_| Fault::Range);
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).map_err(|_| Fault::Range)?, part(month)?, part(day)?)
            .ok_or(Fault::Range)?;
        Ok(date.signed_duration_since(NaiveDate::default()).num_days())
    }

    fn time(&mut self) -> Result<i64, Fault> {
        let hour = self.digits(1, 2)?;
        self.need(b':')?;
        let minute = self.digits(2, 2)?;
        let (mut second, mut micros) = (0, 0);
        if self.eat(b':') {
            second = self.digits(2, 2)?;
            if self.eat(b'.') || self.eat(b',') {
                micros = self.fraction()?;
            }
        }
        // Postgres takes a leap second, and 24:00:00 as the end of the day.
        if hour > 24 || minute > 59 || second > 60 {
            return Err(Fault::Range);
        }
        let total = ((hour * 60 + minute) * 60 + second) * SECOND + micros;
        if hour == 24 && total > DAY { Err(Fault::Range) } else { Ok(total) }
    }

    /// Digits after the point, rounded to microseconds.
    fn fraction(&mut self) -> Result<i64, Fault> {
        let (mut micros, mut count) = (0, 0);
        while let Some(byte) = self.peek().filter(u8::is_ascii_digit) {
            let digit = i64::from(byte - b'0');
            match count {
                0..=5 => micros = micros * 10 + digit,
                6 => micros += i64::from(digit >= 5),
                _ => {}
            }
            count += 1;
            self.at += 1;
        }
        if count == 0 {
            return Err(Fault::Syntax);
        }
        for _ in count..6 {
            micros *= 10;
        }
        Ok(micros)
    }

    fn offset(&mut self) -> Result<Option<i32>, Fault> {
        if self.eat(b'Z') || self.eat(b'z') {
            return Ok(Some(0));
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.eq_ignore_ascii_case(b"utc") || rest.eq_ignore_ascii_case(b"gmt") {
            self.at = self.bytes.len();
            return Ok(Some(0));
        }
        let sign = match self.peek() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Ok(None),
        };
        self.at += 1;
        let hours = self.digits(2, 4)?;
        let (hours, minutes) = if self.eat(b':') {
            (hours, self.digits(2, 2)?)
        } else if hours > 99 || self.bytes.len() - self.at == 0 && self.four_digits() {
            (hours / 100, hours % 100)
        } else {
            (hours, 0)
        };
        let seconds = if self.eat(b':') { self.digits(2, 2)? } else { 0 };
        if hours > 15 || minutes > 59 || seconds > 59 {
            return Err(Fault::Range);
        }
        i32::try_from(sign * (hours * 3600 + minutes * 60 + seconds)).map(Some).map_err(|_| Fault::Range)
    }

    /// Whether the four bytes just read are digits, so that `+0030` is half an hour and `+00` none.
    fn four_digits(&self) -> bool {
        self.at
            .checked_sub(4)
            .and_then(|from| self.bytes.get(from..self.at))
            .is_some_and(|b| b.iter().all(u8::is_ascii_digit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read() {
        assert_eq!(date("1970-01-02"), Ok(1));
        assert_eq!(date("2024-02-30"), Err(Fault::Range));
        assert_eq!(date("2024-02-3x"), Err(Fault::Syntax));
        assert_eq!(time("01:02:03.5"), Ok(3_723_500_000));
        assert_eq!(time("24:00"), Ok(DAY));
        assert_eq!(time("24:00:01"), Err(Fault::Range));
        assert_eq!(stamp("1970-01-01T00:00:01Z"), Ok(Stamp { local: SECOND, offset: Some(0) }));
        assert_eq!(stamp("1970-01-01 00:00:00.1234567"), Ok(Stamp { local: 123_457, offset: None }));
        for offset in ["+01", "+0100", "+01:00", " +01:00:00"] {
            assert_eq!(stamp(&format!("1970-01-01 00:00:00{offset}")).map(|s| s.offset), Ok(Some(3600)));
        }
        assert_eq!(stamp("1970-01-01 00:00:00-0030").map(|s| s.offset), Ok(Some(-1800)));
        assert_eq!(stamp("1970-01-01 00:00:00 nowhere"), Err(Fault::Syntax));
    }

    #[test]
    fn local_time_becomes_utc() {
        let utc_of = |text: &str| utc(stamp(text).unwrap(), Some(Tz::Europe__Berlin));
        let plain = |text: &str| utc(stamp(text).unwrap(), None);
        assert_eq!(utc_of("2024-07-01 12:00"), plain("2024-07-01 10:00"));
        assert_eq!(utc_of("2024-07-01 12:00+00"), plain("2024-07-01 12:00"));
        // Twice that night: standard time. Skipped: the offset before.
        assert_eq!(utc_of("2024-10-27 02:30"), plain("2024-10-27 01:30"));
        assert_eq!(utc_of("2024-03-31 02:30"), plain("2024-03-31 01:30"));
    }
}
