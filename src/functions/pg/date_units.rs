//! The fields of a date and a time by their names, as `date_part` and `date_trunc` take them.

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// A field, or a unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    /// The year that an ISO week belongs to.
    IsoYear,
    /// From Sunday, which is 0.
    DayOfWeek,
    /// From Monday, which is 1.
    IsoDayOfWeek,
    DayOfYear,
    Epoch,
    Julian,
    /// Seconds east of UTC.
    Zone,
    ZoneHour,
    ZoneMinute,
}

impl Unit {
    /// A unit by one of Postgres's names for it, in any case.
    pub(super) fn parse(name: &str) -> Option<Unit> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "us" | "usec" | "usecs" | "usecond" | "useconds" | "microsecon" | "microsecond" | "microseconds" => {
                Unit::Microsecond
            }
            "ms" | "msec" | "msecs" | "msecond" | "mseconds" | "millisecon" | "millisecond" | "milliseconds" => {
                Unit::Millisecond
            }
            "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
            "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
            "d" | "day" | "days" => Unit::Day,
            "w" | "week" | "weeks" => Unit::Week,
            "mon" | "mons" | "month" | "months" => Unit::Month,
            "qtr" | "quarter" => Unit::Quarter,
            "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
            "dec" | "decs" | "decade" | "decades" => Unit::Decade,
            "c" | "cent" | "century" | "centuries" => Unit::Century,
            "mil" | "mils" | "millennium" | "millennia" => Unit::Millennium,
            "isoyear" => Unit::IsoYear,
            "dow" => Unit::DayOfWeek,
            "isodow" => Unit::IsoDayOfWeek,
            "doy" => Unit::DayOfYear,
            "epoch" => Unit::Epoch,
            "j" | "jd" | "julian" => Unit::Julian,
            "timezone" => Unit::Zone,
            "timezone_h" | "timezone_hour" => Unit::ZoneHour,
            "timezone_m" | "timezone_minute" => Unit::ZoneMinute,
            _ => return None,
        })
    }

    /// Whether its values are whole numbers.
    pub(super) fn is_whole(self) -> bool {
        !matches!(self, Unit::Millisecond | Unit::Second | Unit::Epoch | Unit::Julian)
    }
}

/// 22023: there is no such unit.
pub(super) fn unknown(name: &str, of: &PgType) -> Error {
    let name = name.to_ascii_lowercase();
    Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("unit \"{name}\" not recognized for type {of}"))
}

/// 0A000: the type has no such unit.
pub(super) fn unsupported(name: &str, of: &PgType) -> Error {
    let name = name.to_ascii_lowercase();
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("unit \"{name}\" not supported for type {of}"))
}

/// A unit by its name, or the error that there is none.
pub(super) fn unit(name: &str, of: &PgType) -> Result<Unit> {
    Unit::parse(name).ok_or_else(|| unknown(name, of))
}
