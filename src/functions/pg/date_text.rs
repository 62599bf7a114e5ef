//! `to_char(timestamp, template)`, and `to_char(number, template)` by [`number_text`].

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::{ScalarUDF, Volatility};

use super::date_template::{Piece, pieces};
use super::number_text;
use super::row_function::{Param, Spec, returns_text, text};
use super::timezone::wall;
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::values::calendar::{Civil, DAY, SECOND, civil, days};

/// The months' names.
pub(super) const MONTHS: [&str; 12] = [
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

/// The days' names, from Sunday.
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// `to_char`
pub(super) fn to_char() -> ScalarUDF {
    Spec::new("to_char", &[Param::Any, Param::Text], returns_text, |call| {
        let micros = match call.pg_type(0) {
            Some(PgType::Timestamp | PgType::TimestampTz | PgType::Date) => {
                let value = call.values.first().map(|value| value.cast_to(&microseconds(&value.data_type())));
                match value.transpose()? {
                    Some(value) => wall(&value, call.zone)?,
                    None => None,
                }
            }
            other => {
                let template = call.text(1).unwrap_or_default();
                let number = call.values.first().map(|value| number_text::formatted(value, template)).transpose()?;
                if let Some(shown) = number.flatten() {
                    return Ok(text(shown));
                }
                let of = other.map(|of| of.to_string()).unwrap_or_default();
                return Err(Error::unsupported(format!("to_char of {of} is not supported"))
                    .with_hint("It takes dates, timestamps and numbers."));
            }
        };
        let Some(micros) = micros else { return Ok(None) };
        let zone = match call.pg_type(0) {
            // Only a timestamptz has an offset to show.
            Some(PgType::TimestampTz) => Some(call.zone.offset_of_local(micros)),
            _ => None,
        };
        Ok(text(formatted(micros, zone, call.text(1).unwrap_or_default())?))
    })
    .is(Volatility::Stable)
    .udf()
}

/// The same kind of value in microseconds.
fn microseconds(of: &DataType) -> DataType {
    match of {
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        other => other.clone(),
    }
}

/// A moment by a template; `offset` is the zone's distance from UTC in seconds, where the value has a zone.
fn formatted(micros: i64, offset: Option<i32>, template: &str) -> Result<String> {
    let mut out = String::new();
    for piece in pieces(template) {
        match piece {
            Piece::Separator(character) | Piece::Literal(character) => out.push(character),
            Piece::Field { name, written, fill, ordinal } => {
                let value = field(name, &written, fill, micros, offset)?;
                out.push_str(&value);
                if let Some(capital) = ordinal
                    && value.ends_with(|c: char| c.is_ascii_digit())
                {
                    let suffix = suffix(&value);
                    out.push_str(&if capital { suffix.to_uppercase() } else { suffix.to_string() });
                }
            }
        }
    }
    Ok(out)
}

fn field(name: &str, written: &str, fill: bool, micros: i64, offset: Option<i32>) -> Result<String> {
    let day_number = micros.div_euclid(DAY);
    let time = micros.rem_euclid(DAY);
    let date = civil(day_number);
    let (seconds, fraction) = (time / SECOND, time % SECOND);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let weekday = (day_number + 4).rem_euclid(7);
    let year_day = day_number - days(Civil { year: date.year, month: 1, day: 1 }).unwrap_or(day_number) + 1;
    // A year before 1 is shown by its number BC.
    let year = if date.year <= 0 { 1 - date.year } else { date.year };
    let (iso_year, iso_week, iso_day) = iso(day_number);
    let number = |value: i64, width: usize| if fill { value.to_string() } else { format!("{value:0width$}") };
    let padded = |value: &str, width: usize| if fill { value.to_string() } else { format!("{value:width$}") };
    let month = MONTHS.get(date.month as usize - 1).copied().unwrap_or_default();
    let day = DAYS.get(weekday as usize).copied().unwrap_or_default();
    Ok(match name {
        "A.M." | "P.M." => cased(if hour < 12 { "A.M." } else { "P.M." }, written),
        "AM" | "PM" => cased(if hour < 12 { "AM" } else { "PM" }, written),
        "A.D." | "B.C." => cased(if date.year > 0 { "A.D." } else { "B.C." }, written),
        "AD" | "BC" => cased(if date.year > 0 { "AD" } else { "BC" }, written),
        "CC" => {
            let century = if date.year > 0 { (date.year + 99) / 100 } else { (date.year - 100) / 100 };
            number(century, 2)
        }
        "DAY" => padded(&cased(day, written), 9),
        "DY" => cased(day.get(..3).unwrap_or_default(), written),
        "DDD" => number(year_day, 3),
        "DD" => number(i64::from(date.day), 2),
        "D" => (weekday + 1).to_string(),
        "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => {
            let places = name.bytes().last().map_or(6, |digit| usize::from(digit.saturating_sub(b'0')));
            format!("{fraction:06}").chars().take(places).collect()
        }
        "HH24" => number(hour, 2),
        "HH12" | "HH" => number((hour + 11) % 12 + 1, 2),
        "IDDD" => number((iso_week - 1) * 7 + iso_day, 3),
        "ID" => iso_day.to_string(),
        "IW" => number(iso_week, 2),
        "IYYY" => number(iso_year, 4),
        "IYY" => number(iso_year.rem_euclid(1_000), 3),
        "IY" => number(iso_year.rem_euclid(100), 2),
        "I" => iso_year.rem_euclid(10).to_string(),
        "J" => (day_number + 2_440_588).to_string(),
        "MI" => number(minute, 2),
        "MM" => number(i64::from(date.month), 2),
        "MONTH" => padded(&cased(month, written), 9),
        "MON" => cased(month.get(..3).unwrap_or_default(), written),
        "MS" => number(fraction / 1_000, 3),
        "US" => number(fraction, 6),
        "Q" => ((date.month - 1) / 3 + 1).to_string(),
        "RM" => padded(&cased(ROMAN.get(date.month as usize - 1).copied().unwrap_or_default(), written), 4),
        "SSSSS" | "SSSS" => seconds.to_string(),
        "SS" => number(second, 2),
        "WW" => number((year_day - 1) / 7 + 1, 2),
        "W" => ((date.day - 1) / 7 + 1).to_string(),
        "Y,YYY" => format!("{},{:03}", year / 1_000, year % 1_000),
        "YYYY" => number(year, 4),
        "YYY" => number(year % 1_000, 3),
        "YY" => number(year % 100, 2),
        "Y" => (year % 10).to_string(),
        "TZH" | "TZM" | "OF" => {
            let offset = offset.unwrap_or(0);
            let (sign, size) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
            let (hours, minutes) = (size / 3_600, size / 60 % 60);
            match name {
                "TZH" => format!("{sign}{hours:02}"),
                "TZM" => format!("{minutes:02}"),
                _ if minutes == 0 => format!("{sign}{hours:02}"),
                _ => format!("{sign}{hours:02}:{minutes:02}"),
            }
        }
        other => {
            return Err(Error::unsupported(format!("formatting field \"{other}\" of to_char is not supported"))
                .with_hint("OF and TZH show the zone's distance from UTC."));
        }
    })
}

/// A name in the capitals or small letters of what stands in the template.
fn cased(name: &str, written: &str) -> String {
    if written.chars().all(|c| !c.is_ascii_lowercase()) {
        name.to_uppercase()
    } else if written.chars().all(|c| !c.is_ascii_uppercase()) {
        name.to_lowercase()
    } else {
        name.to_string()
    }
}

/// ISO 8601's year, week and day (1 is Monday).
fn iso(day_number: i64) -> (i64, i64, i64) {
    // 1970-01-01 was a Thursday, whose week belongs to its year.
    let weekday = (day_number + 3).rem_euclid(7);
    let thursday = day_number - weekday + 3;
    let of = civil(thursday).year;
    let first = days(Civil { year: of, month: 1, day: 1 }).unwrap_or(thursday);
    (of, (thursday - first) / 7 + 1, weekday + 1)
}

fn suffix(number: &str) -> &'static str {
    let teen = number.len() > 1 && number.as_bytes().get(number.len() - 2) == Some(&b'1');
    match number.bytes().last() {
        Some(b'1') if !teen => "st",
        Some(b'2') if !teen => "nd",
        Some(b'3') if !teen => "rd",
        _ => "th",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_postgres_formats() {
        // 2024-03-01 13:04:05.678, a Friday.
        let at =
            days(Civil { year: 2024, month: 3, day: 1 }).unwrap() * DAY + ((13 * 60 + 4) * 60 + 5) * SECOND + 678_000;
        for (template, expected) in [
            ("YYYY-MM-DD HH24:MI:SS", "2024-03-01 13:04:05"),
            ("DD.MM.YY HH12:MI am", "01.03.24 01:04 pm"),
            ("Day, FMDDth Month|Mon", "Friday   , 1st March    |Mar"),
            ("FMDay FMMonth DY", "Friday March FRI"),
            ("MS US FF2 FF6", "678 678000 67 678000"),
            ("DDD D ID WW IW W Q J", "061 6 5 09 09 1 1 2460371"),
            ("IYYY \"week\" IW", "2024 week 09"),
            ("Y,YYY CC RM", "2,024 21 III "),
        ] {
            assert_eq!(formatted(at, None, template).unwrap(), expected, "{template}");
        }
        assert!(formatted(at, None, "TZ").is_err());
    }
}
