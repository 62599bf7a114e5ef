//! The proleptic Gregorian calendar, for every day that an `i32` or `i64` count of days can name.
//!
//! Howard Hinnant's `days_from_civil` and `civil_from_days`; chrono's range ends before Postgres's does.

/// Microseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000;
/// Microseconds in a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// Days from 1970-01-01 to 2000-01-01, where Postgres's binary dates begin.
pub(super) const POSTGRES_EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(super) const POSTGRES_EPOCH: i64 = POSTGRES_EPOCH_DAYS as i64 * DAY;

/// The first day that there is in Postgres, 4714-11-24 BC, as days from 1970-01-01.
pub(crate) const FIRST_DAY: i64 = -2_440_588;
/// The last one, 5874897-12-31.
pub(crate) const LAST_DAY: i64 = 2_145_042_905;

/// A day by its parts. The year is astronomical: 0 is 1 BC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

/// The day that lies `days` after 1970-01-01.
pub(crate) fn civil(days: i64) -> Civil {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Civil { year, month: month as u32, day: day as u32 }
}

/// Days from 1970-01-01 to a day. None when there is no such day, or its year is beyond ten million.
pub(crate) fn days(date: Civil) -> Option<i64> {
    if !(1..=12).contains(&date.month) || date.day < 1 || date.day > month_length(date.year, date.month) {
        return None;
    }
    if date.year.abs() > 10_000_000 {
        return None;
    }
    let month = i64::from(date.month);
    let year = if month <= 2 { date.year - 1 } else { date.year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(date.day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// How many days a month has; 31 for a month that does not exist.
fn month_length(year: i64, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_civil_agree() {
        assert_eq!(civil(0), Civil { year: 1970, month: 1, day: 1 });
        assert_eq!(civil(i64::from(POSTGRES_EPOCH_DAYS)), Civil { year: 2000, month: 1, day: 1 });
        assert_eq!(civil(-719_528), Civil { year: 0, month: 1, day: 1 });
        for day in (-3_000_000..3_000_000).step_by(997) {
            assert_eq!(days(civil(day)), Some(day));
        }
        assert_eq!(days(Civil { year: -4713, month: 11, day: 24 }), Some(FIRST_DAY));
        assert_eq!(days(Civil { year: 5_874_897, month: 12, day: 31 }), Some(LAST_DAY));
        assert_eq!(days(Civil { year: 1900, month: 2, day: 29 }), None);
        assert!(days(Civil { year: 2000, month: 2, day: 29 }).is_some());
    }
}
