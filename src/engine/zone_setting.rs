//! `TimeZone`: what SET takes, as Postgres reads it, and the zone that it means. A text such as `+05:30` is a zone of
//! POSIX: so far west of Greenwich. A number is hours east of it.

use datafusion::scalar::ScalarValue;

use super::session::Session;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::{Zone, read_text};

/// The most seconds between a zone and UTC.
const FARTHEST: i32 = 16 * 3_600 - 1;

/// The value as SHOW prints it; 22023 for one that is no zone.
pub(super) fn checked(value: &str) -> Result<String> {
    let text = value.trim_matches('"');
    let invalid = || {
        Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for parameter \"TimeZone\": \"{text}\""))
    };
    let leaps = || {
        Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("time zone \"{text}\" appears to use leap seconds"))
            .with_detail("PostgreSQL does not support leap seconds.")
    };
    let far = || invalid().with_detail("UTC timezone offset is out of range.");
    let within = |east: i32| {
        if east.abs() > FARTHEST {
            return Err(far());
        }
        if east % 60 == 0 { Ok(()) } else { Err(leaps()) }
    };
    if text.get(.."interval".len()).is_some_and(|word| word.eq_ignore_ascii_case("interval")) {
        let quoted = text.get("interval".len()..).unwrap_or_default().trim();
        let inner = quoted.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')).ok_or_else(invalid)?;
        let ScalarValue::IntervalMonthDayNano(Some(span)) = read_text(&PgType::Interval, inner, Zone::UTC)? else {
            return Err(invalid());
        };
        for (field, count) in [("months", span.months), ("days", span.days)] {
            if count != 0 {
                return Err(invalid().with_detail(format!("Cannot specify {field} in time zone interval.")));
            }
        }
        let east = i32::try_from(span.nanoseconds / 1_000_000_000).map_err(|_| far())?;
        within(east)?;
        return Ok(fixed(east));
    }
    if let Some(hours) = text.parse::<f64>().ok().filter(|hours| hours.is_finite()) {
        if hours.abs() > 100.0 {
            return Err(far());
        }
        let east = (hours * 3_600.0).trunc() as i32;
        within(east)?;
        return Ok(fixed(east));
    }
    if let Some(zone) = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(text)) {
        return Ok(zone.name().to_string());
    }
    within(posix(text).ok_or_else(invalid)?)?;
    Ok(text.to_ascii_uppercase())
}

/// A zone so many seconds east of UTC, as Postgres names it: `<+05:30>-05:30`.
fn fixed(east: i32) -> String {
    let seconds = east.abs();
    let clock = match (seconds / 3_600, seconds % 3_600 / 60) {
        (hours, 0) => format!("{hours:02}"),
        (hours, minutes) => format!("{hours:02}:{minutes:02}"),
    };
    if east < 0 { format!("<-{clock}>+{clock}") } else { format!("<+{clock}>-{clock}") }
}

/// How many seconds east of UTC a zone of POSIX is: a name, which may be missing or stand in angle brackets, and how far
/// west it is. None for one with summer time, whose days PostgreSQL would choose.
fn posix(text: &str) -> Option<i32> {
    let begins = |c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '+');
    let west = match text.strip_prefix('<') {
        Some(named) => named.split_once('>')?.1,
        // Names with a slash are those of the database of zones.
        None if text.contains('/') => return None,
        None => text.get(text.find(begins)?..)?,
    };
    let (sign, digits) = match west.strip_prefix('-') {
        Some(digits) => (1, digits),
        None => (-1, west.strip_prefix('+').unwrap_or(west)),
    };
    let mut parts = digits.split(':');
    let mut next = |most: i32| match parts.next() {
        None => Some(0),
        Some(part) if part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit()) => {
            part.parse::<i32>().ok().filter(|part| *part <= most)
        }
        Some(_) => None,
    };
    let seconds = next(167)? * 3_600 + next(59)? * 60 + next(59)?;
    parts.next().is_none().then_some(sign * seconds)
}

/// The zone of a value that SHOW prints: its name, or how far east it is.
pub(super) fn name(shown: &str) -> String {
    match posix(shown) {
        Some(east) => {
            let (sign, seconds) = (if east < 0 { '-' } else { '+' }, east.abs());
            format!("{sign}{:02}:{:02}", seconds / 3_600, seconds % 3_600 / 60)
        }
        None => shown.to_string(),
    }
}

impl Session {
    /// The name of the session's time zone, or how far east of UTC it is.
    pub fn zone_name(&self) -> String {
        name(self.settings.lock().get("timezone").unwrap_or("UTC"))
    }

    /// The zone in which times are shown and read.
    pub fn zone(&self) -> Zone {
        Zone::parse(&self.zone_name()).unwrap_or(Zone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_as_postgres_reads_them() {
        for (value, shown, zone) in [
            ("+05:30", "+05:30", "-05:30"),
            ("-05:30", "-05:30", "+05:30"),
            ("utc+5", "UTC+5", "-05:00"),
            ("UTC-3", "UTC-3", "+03:00"),
            ("<+03>-3", "<+03>-3", "+03:00"),
            ("<+03>3", "<+03>3", "-03:00"),
            ("<+0530>-05:30", "<+0530>-05:30", "+05:30"),
            ("AB5", "AB5", "-05:00"),
            ("5", "<+05>-05", "+05:00"),
            ("-05", "<-05>+05", "-05:00"),
            ("+5", "<+05>-05", "+05:00"),
            ("-5.5", "<-05:30>+05:30", "-05:30"),
            ("0", "<+00>-00", "+00:00"),
            ("interval '5:30'", "<+05:30>-05:30", "+05:30"),
            ("INTERVAL '-08:00'", "<-08>+08", "-08:00"),
            ("etc/gmt+5", "Etc/GMT+5", "Etc/GMT+5"),
            ("EST5EDT", "EST5EDT", "EST5EDT"),
            ("zulu", "Zulu", "Zulu"),
        ] {
            assert_eq!(checked(value).unwrap(), shown, "{value}");
            assert_eq!(name(shown), zone, "{value}");
            // What a dump or a driver sets again is the same zone.
            assert_eq!(checked(shown).unwrap(), shown, "{value}");
        }
        for value in ["", "z", "nope", "+0530", "+05:30:15", "+5:60", "200", "1e9", ".", "INTERVAL '1 day'", "<+03>"] {
            assert_eq!(checked(value).unwrap_err().state(), SqlState::INVALID_PARAMETER_VALUE, "{value}");
        }
    }
}
