//! Dates and times as people write them: `January 8, 1999`, `08-Jan-1999`, `1/8/99`, `1999.008`, `J2451187`.
//!
//! What a number stands for depends on what was found before it, as Postgres decides it for the order month, day, year.

use super::datetime::{Parsed, clock_time, half_day, invalid, out_of_range, plain_time, split_offset, zone_of};
use crate::catalog::types::PgType;
use crate::error::Result;
use crate::values::calendar::{Civil, DAY, days};
use crate::values::zone::Zone;

/// The Julian day of 1970-01-01.
const JULIAN_EPOCH: i64 = 2_440_588;

/// A year, and whether it has two digits at most.
type Year = (i64, bool);

/// What was found so far. A field that none of the words has is an error at the end.
#[derive(Default)]
struct Found {
    year: Option<Year>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    julian: Option<i64>,
    /// Whether the month was written as a word.
    named: bool,
    bc: bool,
    time: Option<i64>,
    half: Option<String>,
    zone: Option<Zone>,
}

/// Reads a date with a time or without. 22007 for what is none, 22008 for a day that there is not.
pub(super) fn read(kind: &PgType, text: &str) -> Result<Parsed> {
    let mut found = Found::default();
    for word in text.split(|c: char| c.is_ascii_whitespace() || c == ',').filter(|word| !word.is_empty()) {
        let lower = word.to_ascii_lowercase();
        if lower.contains(':') && !lower.contains('t') && lower.starts_with(|c: char| c.is_ascii_digit()) {
            let (clock, attached) = split_offset(word);
            found.set_time(clock_time(clock, text, kind)?).ok_or_else(|| invalid(kind, text))?;
            if let Some(attached) = attached {
                found.set_zone(attached).ok_or_else(|| invalid(kind, text))?;
            }
            continue;
        }
        match found.word(&lower) {
            Some(Some(digits)) => {
                let (clock, attached) = split_offset(&digits);
                let time = match plain_time(clock) {
                    Some(written) => clock_time(&written, text, kind)?,
                    None if clock.contains(':') => clock_time(clock, text, kind)?,
                    None => return Err(invalid(kind, text)),
                };
                found.set_time(time).ok_or_else(|| invalid(kind, text))?;
                if let Some(attached) = attached {
                    found.set_zone(attached).ok_or_else(|| invalid(kind, text))?;
                }
            }
            Some(None) => {}
            None => return Err(invalid(kind, text)),
        }
    }
    if let Some(half) = found.half.take() {
        let time = found.time.and_then(|time| half_day(time, &half));
        found.time = Some(time.ok_or_else(|| invalid(kind, text))?);
    }
    if !found.is_complete() {
        return Err(invalid(kind, text));
    }
    let day = found.day().ok_or_else(|| out_of_range(text))?;
    Ok(Parsed::Finite { day, time: found.time, zone: found.zone })
}

impl Found {
    /// Takes a word, in small letters. Gives a time back that is still to be read; none when the word means nothing.
    fn word(&mut self, word: &str) -> Option<Option<String>> {
        let is_digit = |c: char| c.is_ascii_digit();
        match word {
            "bc" => {
                self.bc = true;
                return Some(None);
            }
            "ad" | "at" | "on" => return Some(None),
            "am" | "pm" => {
                let is_first = self.half.is_none();
                self.half = Some(word.to_string());
                return is_first.then_some(None);
            }
            _ if is_weekday(word) => return Some(None),
            _ => {}
        }
        if let Some(number) = month(word) {
            return self.named_month(number).map(|()| None);
        }
        if let Some(rest) = word.strip_prefix('j').filter(|rest| rest.starts_with(is_digit)) {
            return self.julian_day(rest).map(|()| None);
        }
        if let Some(rest) = word.strip_prefix('t').filter(|rest| rest.starts_with(is_digit)) {
            return Some(Some(rest.to_string()));
        }
        if word.starts_with(is_digit) {
            // ISO 8601's T between a date and a time.
            if let Some((date, time)) = word.split_once('t').filter(|(_, time)| time.starts_with(is_digit)) {
                return self.digits(date)?.is_none().then(|| Some(time.to_string()));
            }
            return match word.find(['+', 'z']) {
                Some(_) if self.is_complete() => Some(Some(word.to_string())),
                Some(_) => None,
                None => self.digits(word),
            };
        }
        let head = word.split(['-', '/', '.']).next().unwrap_or_default();
        if head.len() < word.len() && month(head).is_some() {
            return self.compound(word).map(|()| None);
        }
        self.set_zone(word).map(|()| None)
    }

    /// A word that begins with a digit; gives it back when it is a time.
    fn digits(&mut self, word: &str) -> Option<Option<String>> {
        let points = word.bytes().filter(|b| *b == b'.').count();
        if word.contains(['-', '/']) || points > 1 || (points == 1 && !self.has_any()) {
            return self.compound(word).map(|()| None);
        }
        if points == 1 || self.is_complete() {
            return Some(Some(word.to_string()));
        }
        if !word.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if word.len() >= 6 && (!self.has_any() || self.time.is_none()) {
            return self.run_together(word).map(|()| None);
        }
        self.number(word).map(|()| None)
    }

    /// `19990108`, `990108`.
    fn run_together(&mut self, digits: &str) -> Option<()> {
        if self.has_any() || digits.len() > 12 {
            return None;
        }
        let (rest, day) = digits.split_at_checked(digits.len().checked_sub(2)?)?;
        let (year, month) = rest.split_at_checked(rest.len().checked_sub(2)?)?;
        self.year = Some((year.parse().ok()?, year.len() == 2));
        self.month = Some(month.parse().ok()?);
        self.day = Some(day.parse().ok()?);
        Some(())
    }

    /// `08-Jan-1999`, `1/8/99`, `1999.008`: the whole date.
    fn compound(&mut self, word: &str) -> Option<()> {
        if self.has_any() {
            return None;
        }
        let parts: Vec<&str> = word.split(['-', '/', '.']).collect();
        if parts.len() > 3 {
            return None;
        }
        for part in &parts {
            if part.starts_with(|c: char| c.is_ascii_alphabetic()) {
                self.named_month(month(part)?)?;
            }
        }
        for part in parts.iter().filter(|part| !part.starts_with(|c: char| c.is_ascii_alphabetic())) {
            self.number(part)?;
        }
        self.is_complete().then_some(())
    }

    /// A number that stands alone or in a date.
    fn number(&mut self, digits: &str) -> Option<()> {
        if self.day_of_year.is_some()
            || digits.is_empty()
            || digits.len() > 9
            || !digits.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let value: i64 = digits.parse().ok()?;
        let length = digits.len();
        let as_year = Some((value, length <= 2));
        match (self.year, self.month, self.day) {
            (Some(_), None, None) if length == 3 && (1..=366).contains(&value) => {
                self.day_of_year = Some(value);
            }
            (None, None, None) if length >= 3 => self.year = as_year,
            (None, Some(_), None) if self.named && length >= 3 => self.year = as_year,
            // The first number was the day.
            (Some((day, true)), Some(_), None) if self.named && length >= 3 => {
                self.day = Some(day);
                self.year = as_year;
            }
            (None, None, _) | (Some(_), None, None) => self.month = Some(value),
            (_, Some(_), None) => self.day = Some(value),
            (None, Some(_), Some(_)) => self.year = as_year,
            (Some(_), _, Some(_)) => return None,
        }
        Some(())
    }

    fn named_month(&mut self, number: i64) -> Option<()> {
        if self.named {
            return None;
        }
        if let Some(before) = self.month {
            // The number before it was the day.
            if self.day.is_some() || !(1..=31).contains(&before) {
                return None;
            }
            self.day = Some(before);
        }
        self.month = Some(number);
        self.named = true;
        Some(())
    }

    /// `2451187`, or with a part of the day: `2451187.5`.
    fn julian_day(&mut self, digits: &str) -> Option<()> {
        if self.has_any() {
            return None;
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.len() > 10 || ![whole, fraction].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit())) {
            return None;
        }
        self.julian = Some(whole.parse().ok()?);
        if !fraction.is_empty() {
            // In billionths of a day, of which a time has less than it has microseconds.
            let billionths: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
            self.set_time(billionths * (DAY / 1_000_000) / 1_000)?;
        }
        Some(())
    }

    fn set_time(&mut self, time: i64) -> Option<()> {
        let is_first = self.time.is_none();
        self.time = Some(time);
        is_first.then_some(())
    }

    fn set_zone(&mut self, text: &str) -> Option<()> {
        if self.zone.is_some() {
            return None;
        }
        self.zone = Some(zone_of(text)?);
        Some(())
    }

    fn has_any(&self) -> bool {
        self.year.is_some()
            || self.month.is_some()
            || self.day.is_some()
            || self.day_of_year.is_some()
            || self.julian.is_some()
    }

    fn is_complete(&self) -> bool {
        self.julian.is_some()
            || (self.year.is_some() && (self.day_of_year.is_some() || (self.month.is_some() && self.day.is_some())))
    }

    /// The day, counted from 1970-01-01; none when there is no such day.
    fn day(&self) -> Option<i64> {
        if let Some(julian) = self.julian {
            return julian.checked_sub(JULIAN_EPOCH);
        }
        let year = match self.year? {
            (year, _) if self.bc => (year > 0).then_some(1 - year)?,
            (year, true) if year < 70 => year + 2_000,
            (year, true) => year + 1_900,
            (year, false) => (year > 0).then_some(year)?,
        };
        if let Some(of_year) = self.day_of_year {
            return days(Civil { year, month: 1, day: 1 })?.checked_add(of_year - 1);
        }
        days(Civil { year, month: u32::try_from(self.month?).ok()?, day: u32::try_from(self.day?).ok()? })
    }
}

fn month(word: &str) -> Option<i64> {
    Some(match word {
        "jan" | "january" => 1,
        "feb" | "february" => 2,
        "mar" | "march" => 3,
        "apr" | "april" => 4,
        "may" => 5,
        "jun" | "june" => 6,
        "jul" | "july" => 7,
        "aug" | "august" => 8,
        "sep" | "sept" | "september" => 9,
        "oct" | "october" => 10,
        "nov" | "november" => 11,
        "dec" | "december" => 12,
        _ => return None,
    })
}

/// The day of the week says nothing, and need not be right.
fn is_weekday(word: &str) -> bool {
    matches!(
        word,
        "sun"
            | "sunday"
            | "mon"
            | "monday"
            | "tue"
            | "tues"
            | "tuesday"
            | "wed"
            | "weds"
            | "wednesday"
            | "thu"
            | "thur"
            | "thurs"
            | "thursday"
            | "fri"
            | "friday"
            | "sat"
            | "saturday"
    )
}
