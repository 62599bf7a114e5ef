//! `to_date(text, template)` and `to_timestamp(text, template)`; `to_timestamp(seconds)` too.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{ScalarUDF, Volatility};
use datafusion::scalar::ScalarValue;

use super::date_template::{Piece, is_separator, pieces};
use super::date_text::{DAYS, MONTHS};
use super::row_function::{Param, Spec};
use super::timezone::{at, moment, naive};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::calendar::{Civil, DAY, SECOND, days};

/// `to_date`
pub(super) fn to_date() -> ScalarUDF {
    Spec::new(
        "to_date",
        &[Param::Text, Param::Text],
        |_| PgType::Date,
        |call| {
            let text = call.text(0).unwrap_or_default();
            let (local, _) = parse(text, call.text(1).unwrap_or_default())?;
            let day = i32::try_from(local.div_euclid(DAY)).map_err(|_| out_of_range(text))?;
            Ok(Some(ScalarValue::Date32(Some(day))))
        },
    )
    .udf()
}

/// `to_timestamp`
pub(super) fn to_timestamp() -> ScalarUDF {
    Spec::new(
        "to_timestamp",
        &[Param::Any, Param::Text],
        |_| PgType::TimestampTz,
        |call| {
            let Some(template) = call.text(1) else { return seconds(call.values.first()) };
            let text = call.text(0).unwrap_or_default();
            let (local, offset) = parse(text, template)?;
            match offset {
                Some(east) => Ok(Some(at(local - east * SECOND))),
                None => Ok(moment(&naive(local), call.zone)?.map(at)),
            }
        },
    )
    .requires(1)
    .is(Volatility::Stable)
    .udf()
}

/// The moment that lies so many seconds after 1970.
fn seconds(value: Option<&ScalarValue>) -> Result<Option<ScalarValue>> {
    let Some(value) = value else { return Ok(None) };
    let ScalarValue::Float64(Some(seconds)) = value.cast_to(&DataType::Float64)? else { return Ok(None) };
    let micros = (seconds * 1e6).round();
    if !micros.is_finite() || micros.abs() >= 9.2e18 {
        return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("timestamp out of range: \"{seconds}\"")));
    }
    Ok(Some(at(micros as i64)))
}

/// What has been read so far.
#[derive(Default)]
struct Parts {
    year: Option<i64>,
    before_christ: bool,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    julian: Option<i64>,
    hour: Option<i64>,
    twelve: bool,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    of_day: Option<i64>,
    micros: Option<i64>,
    zone_sign: i64,
    zone_hours: Option<i64>,
    zone_minutes: Option<i64>,
}

/// Reads a text by a template: microseconds since 1970 on the text's own clock, and the clock's seconds east of UTC
/// where the text says so.
fn parse(text: &str, template: &str) -> Result<(i64, Option<i64>)> {
    let template_pieces = pieces(template);
    let mut parts = Parts { zone_sign: 1, ..Parts::default() };
    let mut rest = text;
    let mut skipped = 0i64;
    for (at, piece) in template_pieces.iter().enumerate() {
        if rest.is_empty() {
            break;
        }
        if at == 0 || matches!(piece, Piece::Field { .. }) {
            skipped += skip_spaces(&mut rest);
        }
        match piece {
            // One separator in the template stands for one in the text, or for none.
            Piece::Separator(_) => {
                skipped -= 1;
                if let Some(next) = rest.chars().next()
                    && is_separator(next)
                {
                    rest = rest.get(next.len_utf8()..).unwrap_or_default();
                    skipped += 1;
                }
            }
            Piece::Literal(_) => {
                if skipped > 0 {
                    skipped -= 1;
                } else {
                    let width = rest.chars().next().map_or(0, char::len_utf8);
                    rest = rest.get(width..).unwrap_or_default();
                }
            }
            Piece::Field { name, fill, ordinal, .. } => {
                let open = *fill || ordinal.is_some() || ends_number(template_pieces.get(at + 1));
                // A minus may have been taken for a separator.
                let before = text.get(..text.len() - rest.len()).unwrap_or_default();
                if *name == "TZH" && skipped > 0 && before.ends_with('-') {
                    parts.zone_sign = -1;
                }
                read_field(name, open, &mut rest, &mut parts)?;
                if ordinal.is_some() {
                    rest = rest.get(2..).unwrap_or_default();
                }
                skipped = skip_spaces(&mut rest);
            }
        }
    }
    Ok((parts.local(text)?, parts.offset(text)?))
}

fn skip_spaces(rest: &mut &str) -> i64 {
    let trimmed = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let count = rest.len() - trimmed.len();
    *rest = trimmed;
    count as i64
}

/// Whether what follows a number in the template cannot be a digit, so that the number takes all that it finds.
fn ends_number(next: Option<&Piece>) -> bool {
    match next {
        None => true,
        Some(Piece::Field { name, .. }) => {
            matches!(
                *name,
                "A.D."
                    | "A.M."
                    | "AD"
                    | "AM"
                    | "B.C."
                    | "BC"
                    | "DAY"
                    | "DY"
                    | "MONTH"
                    | "MON"
                    | "P.M."
                    | "PM"
                    | "RM"
                    | "TZ"
                    | "TZH"
                    | "OF"
            )
        }
        Some(Piece::Separator(_)) => true,
        Some(Piece::Literal(character)) => !character.is_ascii_digit(),
    }
}

fn read_field(name: &str, open: bool, rest: &mut &str, parts: &mut Parts) -> Result<()> {
    let mut whole = |width: usize| number(name, width, open, rest).map(|(value, _)| value);
    match name {
        "YYYY" => set(&mut parts.year, whole(4)?, name),
        "YYY" | "YY" | "Y" => {
            let (value, digits) = number(name, name.len(), open, rest)?;
            set(&mut parts.year, if digits < 4 { century(value) } else { value }, name)
        }
        "MM" => set(&mut parts.month, whole(2)?, name),
        "DD" => set(&mut parts.day, whole(2)?, name),
        "DDD" => set(&mut parts.year_day, whole(3)?, name),
        "J" => set(&mut parts.julian, number(name, 10, true, rest)?.0, name),
        "HH24" => set(&mut parts.hour, whole(2)?, name),
        "HH12" | "HH" => {
            parts.twelve = true;
            set(&mut parts.hour, whole(2)?, name)
        }
        "MI" => set(&mut parts.minute, whole(2)?, name),
        "SS" => set(&mut parts.second, whole(2)?, name),
        "SSSSS" | "SSSS" => set(&mut parts.of_day, whole(5)?, name),
        "MS" | "US" | "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => {
            let width = match name {
                "MS" => 3,
                "US" => 6,
                other => other.bytes().last().map_or(6, |digit| usize::from(digit - b'0')),
            };
            let (value, digits) = number(name, width, open, rest)?;
            if digits > width {
                return Err(too_large(name));
            }
            // What stands there is a fraction: .5 is 500 milliseconds.
            let micros = value * 10i64.pow(6u32.saturating_sub(digits.min(6) as u32));
            set(&mut parts.micros, micros, name)
        }
        "Q" => whole(1).map(|_| ()),
        "D" | "ID" => whole(1).map(|_| ()),
        "MONTH" | "MON" => {
            let at = named(name, &MONTHS, name == "MON", rest)?;
            set(&mut parts.month, at + 1, name)
        }
        "DAY" | "DY" => named(name, &DAYS, name == "DY", rest).map(|_| ()),
        "AM" | "PM" | "A.M." | "P.M." => {
            parts.twelve = true;
            let at = named(name, if name.contains('.') { &["a.m.", "p.m."] } else { &["am", "pm"] }, false, rest)?;
            parts.afternoon = Some(at == 1);
            Ok(())
        }
        "AD" | "BC" | "A.D." | "B.C." => {
            let at = named(name, if name.contains('.') { &["a.d.", "b.c."] } else { &["ad", "bc"] }, false, rest)?;
            parts.before_christ = at == 1;
            Ok(())
        }
        "TZH" => {
            if let Some(after) = rest.strip_prefix('-') {
                (*rest, parts.zone_sign) = (after, -1);
            } else if let Some(after) = rest.strip_prefix('+') {
                *rest = after;
            }
            set(&mut parts.zone_hours, number(name, 2, open, rest)?.0, name)
        }
        "TZM" => set(&mut parts.zone_minutes, whole(2)?, name),
        other => Err(Error::unsupported(format!("formatting field \"{other}\" is only supported in to_char"))),
    }
}

/// A year by its last digits: the one nearest to 2020.
fn century(year: i64) -> i64 {
    match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}

fn set(field: &mut Option<i64>, value: i64, name: &str) -> Result<()> {
    match field.replace(value) {
        Some(before) if before != value => {
            Err(wrong(format!("conflicting values for \"{name}\" field in formatting string"))
                .with_detail("This value contradicts a previous setting for the same field type."))
        }
        _ => Ok(()),
    }
}

/// A number and how many digits it has; of exactly `width` digits unless it is `open`.
fn number(name: &str, width: usize, open: bool, rest: &mut &str) -> Result<(i64, usize)> {
    skip_spaces(rest);
    let signed = usize::from(rest.starts_with(['-', '+']));
    let digits = rest.bytes().skip(signed).take_while(u8::is_ascii_digit).count();
    let there = rest.chars().count();
    let end = if open {
        signed + digits
    } else {
        if there < width {
            return Err(wrong(format!("source string too short for \"{name}\" formatting field"))
                .with_detail(format!("Field requires {width} characters, but only {there} remain."))
                .with_hint("If your source string is not fixed-width, try using the \"FM\" modifier."));
        }
        (signed + digits).min(width)
    };
    let written: String = rest.chars().take(width).collect();
    if end == signed {
        return Err(
            wrong(format!("invalid value \"{written}\" for \"{name}\"")).with_detail("Value must be an integer.")
        );
    }
    if !open && end < width {
        return Err(wrong(format!("invalid value \"{written}\" for \"{name}\""))
            .with_detail(format!("Field requires {width} characters, but only {end} could be parsed."))
            .with_hint("If your source string is not fixed-width, try using the \"FM\" modifier."));
    }
    let value = rest.get(..end).and_then(|digits| digits.parse::<i32>().ok()).ok_or_else(|| too_large(name))?;
    *rest = rest.get(end..).unwrap_or_default();
    Ok((i64::from(value), end - signed))
}

/// Which of some names stands there, whatever its case; `short` for their first three letters.
fn named(field: &str, names: &[&str], short: bool, rest: &mut &str) -> Result<i64> {
    for (at, name) in names.iter().copied().enumerate() {
        let name = if short { name.get(..3).unwrap_or(name) } else { name };
        if let Some(there) = rest.get(..name.len())
            && there.eq_ignore_ascii_case(name)
        {
            *rest = rest.get(name.len()..).unwrap_or_default();
            return Ok(at as i64);
        }
    }
    let word = rest.split_ascii_whitespace().next().unwrap_or_default();
    Err(wrong(format!("invalid value \"{word}\" for \"{field}\""))
        .with_detail("The given value did not match any of the allowed values for this field."))
}

fn wrong(message: String) -> Error {
    Error::new(SqlState::INVALID_DATETIME_FORMAT, message)
}

fn too_large(name: &str) -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("value for \"{name}\" in source string is out of range"))
}

fn out_of_range(text: &str) -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("date/time field value out of range: \"{text}\""))
}

impl Parts {
    fn local(&self, text: &str) -> Result<i64> {
        let day = match self.julian {
            Some(julian) => julian - 2_440_588,
            None => self.date(text)?,
        };
        let mut hour = self.hour.unwrap_or(0);
        if self.twelve && self.hour.is_some() {
            if !(1..=12).contains(&hour) {
                return Err(wrong(format!("hour \"{hour}\" is invalid for the 12-hour clock"))
                    .with_hint("Use the 24-hour clock, or give an hour between 1 and 12."));
            }
            hour = hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 };
        }
        let (minute, second) = (self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let fraction = self.micros.unwrap_or(0);
        let fits = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..SECOND).contains(&fraction)
            && self.of_day.is_none_or(|of_day| (0..86_400).contains(&of_day));
        if !fits {
            return Err(out_of_range(text));
        }
        let time = self.of_day.unwrap_or(hour * 3_600 + minute * 60 + second);
        day.checked_mul(DAY)
            .and_then(|micros| micros.checked_add(time * SECOND + fraction))
            .ok_or_else(|| out_of_range(text))
    }

    /// Days since 1970. Without a year it is 1 BC, as in Postgres.
    fn date(&self, text: &str) -> Result<i64> {
        let mut year = self.year.unwrap_or(0);
        if self.before_christ && year > 0 {
            year = 1 - year;
        } else if year < 0 {
            year += 1;
        }
        let narrow = |value: Option<i64>| u32::try_from(value.unwrap_or(1)).map_err(|_| out_of_range(text));
        if let (Some(year_day), None) = (self.year_day, self.month) {
            let first = days(Civil { year, month: 1, day: 1 }).ok_or_else(|| out_of_range(text))?;
            let next = days(Civil { year: year + 1, month: 1, day: 1 }).ok_or_else(|| out_of_range(text))?;
            let found = first + year_day - 1;
            return if (first..next).contains(&found) { Ok(found) } else { Err(out_of_range(text)) };
        }
        days(Civil { year, month: narrow(self.month)?, day: narrow(self.day)? }).ok_or_else(|| out_of_range(text))
    }

    /// Seconds east of UTC.
    fn offset(&self, text: &str) -> Result<Option<i64>> {
        if self.zone_hours.is_none() && self.zone_minutes.is_none() {
            return Ok(None);
        }
        let (hours, minutes) = (self.zone_hours.unwrap_or(0), self.zone_minutes.unwrap_or(0));
        if !(0..=15).contains(&hours) || !(0..60).contains(&minutes) {
            return Err(out_of_range(text));
        }
        Ok(Some(self.zone_sign * (hours * 3_600 + minutes * 60)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read() {
        let at = |year, month, day| days(Civil { year, month, day }).unwrap() * DAY;
        for (text, template, expected) in [
            ("2024-03-01", "YYYY-MM-DD", at(2024, 3, 1)),
            ("31.12.2025", "DD.MM.YYYY", at(2025, 12, 31)),
            ("1.2.2025", "DD.MM.YYYY", at(2025, 2, 1)),
            ("20240301", "YYYYMMDD", at(2024, 3, 1)),
            ("05 Dec 2000", "DD Mon YYYY", at(2000, 12, 5)),
            ("december 5, 99", "Month DD, YY", at(1999, 12, 5)),
            ("2024-03-01 13:04:05.5", "YYYY-MM-DD HH24:MI:SS.MS", at(2024, 3, 1) + 47_045_500_000),
            ("1:30 PM", "HH12:MI AM", at(0, 1, 1) + 48_600_000_000),
            ("2024-060", "YYYY-DDD", at(2024, 2, 29)),
            ("2460371", "J", at(2024, 3, 1)),
        ] {
            assert_eq!(parse(text, template).unwrap().0, expected, "{text} {template}");
        }
        assert_eq!(parse("10:00 -03", "HH24:MI TZH").unwrap().1, Some(-10_800));
        for (text, template, state) in [
            ("31.02.2025", "DD.MM.YYYY", SqlState::DATETIME_FIELD_OVERFLOW),
            ("2025-13-01", "YYYY-MM-DD", SqlState::DATETIME_FIELD_OVERFLOW),
            ("x", "YYYY", SqlState::INVALID_DATETIME_FORMAT),
            ("2025x1", "YYYYMMDD", SqlState::INVALID_DATETIME_FORMAT),
            ("13:00 PM", "HH12:MI AM", SqlState::INVALID_DATETIME_FORMAT),
            ("2025-01-01", "IYYY-IW-ID", SqlState::FEATURE_NOT_SUPPORTED),
        ] {
            assert_eq!(parse(text, template).unwrap_err().state(), state, "{text} {template}");
        }
    }
}
