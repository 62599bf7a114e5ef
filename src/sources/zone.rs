//! Local times of a named zone, and the calendar in days and microseconds.

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::options::{Options, invalid};
use crate::error::Result;

/// Microseconds in a day.
pub const DAY_MICROS: i64 = 86_400_000_000;

/// 1970-01-01, counted in days from the year 1 on.
const EPOCH_FROM_CE: i32 = 719_163;

/// The zone that the option `timezone` names, if it is given; HV00N when there is none of that name.
pub fn zone_option(options: &Options) -> Result<Option<Tz>> {
    match options.get("timezone") {
        None => Ok(None),
        Some(name) => name.trim().parse::<Tz>().map(Some).map_err(|_| {
            invalid("timezone", "is not a time zone").with_hint("Use a name such as 'Europe/Berlin' or 'UTC'.")
        }),
    }
}

/// The instant, in microseconds since 1970 in UTC, at which the zone's clocks show `local`, in microseconds since
/// their 1970-01-01 00:00. Times that do not exist, when clocks go forward, count with the offset before; times that
/// exist twice, when clocks go back, with the offset after: both as Postgres does. None when out of range.
pub fn to_utc(zone: Tz, local: i64) -> Option<i64> {
    let naive = DateTime::from_timestamp_micros(local)?.naive_utc();
    let offset = match zone.offset_from_local_datetime(&naive).latest() {
        Some(offset) => offset,
        None => zone.offset_from_local_datetime(&naive.checked_sub_signed(TimeDelta::days(1))?).latest()?,
    };
    local.checked_sub(i64::from(offset.fix().local_minus_utc()).checked_mul(1_000_000)?)
}

/// What the zone's clocks show at an instant; both in microseconds since 1970. None when out of range.
pub fn to_local(zone: Tz, utc: i64) -> Option<i64> {
    let naive = DateTime::from_timestamp_micros(utc)?.naive_utc();
    let offset = zone.offset_from_utc_datetime(&naive).fix().local_minus_utc();
    utc.checked_add(i64::from(offset).checked_mul(1_000_000)?)
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar; none when there is no such date.
pub fn days(year: i32, month: u32, day: u32) -> Option<i32> {
    Some(NaiveDate::from_ymd_opt(year, month, day)?.num_days_from_ce() - EPOCH_FROM_CE)
}

/// Year, month and day of days since 1970-01-01; none when out of range.
pub fn civil(days: i32) -> Option<(i32, u32, u32)> {
    let date = NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_FROM_CE)?)?;
    Some((date.year(), date.month(), date.day()))
}

/// Microseconds since midnight; none when no clock shows that time.
pub fn time_of_day(hour: u32, minute: u32, second: u32, micros: u32) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60 && micros < 1_000_000)
        .then(|| (i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * 1_000_000 + i64::from(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(month: u32, day: u32, hour: u32, minute: u32) -> i64 {
        i64::from(days(2024, month, day).unwrap()) * DAY_MICROS + time_of_day(hour, minute, 0, 0).unwrap()
    }

    #[test]
    fn clock_changes_follow_postgres() {
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        let hour = 3_600_000_000;
        assert_eq!(to_utc(berlin, local(1, 1, 12, 0)), Some(local(1, 1, 11, 0)));
        // 02:30 does not exist on 31 March, and exists twice on 27 October.
        assert_eq!(to_utc(berlin, local(3, 31, 2, 30)), Some(local(3, 31, 2, 30) - hour));
        assert_eq!(to_utc(berlin, local(10, 27, 2, 30)), Some(local(10, 27, 2, 30) - hour));
        assert_eq!(to_local(berlin, local(7, 1, 10, 0)), Some(local(7, 1, 12, 0)));
    }

    #[test]
    fn calendar() {
        assert_eq!(days(1970, 1, 1), Some(0));
        assert_eq!(days(2020, 2, 31), None);
        assert_eq!(civil(19_782), Some((2024, 2, 29)));
    }
}
