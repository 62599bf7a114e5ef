//! The example's time: seconds and days since 1970-01-01 in UTC, and how the systems write them.
//!
//! Nothing here asks for the present time, so that one seed always gives the same bytes.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

/// Seconds in a day.
pub const DAY: i64 = 86_400;

/// The moment the example is frozen at: 2026-06-30 00:00:00 UTC. Nothing is newer.
pub const HORIZON: i64 = 20_634 * DAY;

/// Days from 0001-01-01 to 1970-01-01, plus one: chrono counts the first day as 1.
const EPOCH_FROM_CE: i32 = 719_163;

/// The day that a moment falls on.
pub fn day_of(seconds: i64) -> i32 {
    i32::try_from(seconds.div_euclid(DAY)).unwrap_or_default()
}

/// A day as a date.
pub fn date(day: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(day.saturating_add(EPOCH_FROM_CE)).unwrap_or_default()
}

/// A date as a day.
pub fn day(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_FROM_CE
}

/// `2026-06-30`
pub fn iso_date(day: i32) -> String {
    date(day).format("%Y-%m-%d").to_string()
}

/// `30.06.2026`
pub fn dotted_date(day: i32) -> String {
    date(day).format("%d.%m.%Y").to_string()
}

/// `2026-06-30T08:15:00Z`
pub fn iso_time(seconds: i64) -> String {
    moment(seconds).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-06-30 08:15:00`, as SQLite's own functions write it
pub fn sqlite_time(seconds: i64) -> String {
    moment(seconds).format("%Y-%m-%d %H:%M:%S").to_string()
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_is_the_end_of_june() {
        assert_eq!(iso_time(HORIZON), "2026-06-30T00:00:00Z");
        assert_eq!(day(date(day_of(HORIZON))), day_of(HORIZON));
        assert_eq!(dotted_date(0), "01.01.1970");
    }
}
