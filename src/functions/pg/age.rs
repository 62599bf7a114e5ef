//! `age(end, start)`: the years, months, days and time between two moments, as a calendar counts them.

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::logical_expr::{ScalarUDF, Volatility};
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use super::timezone::{local, wall};
use crate::catalog::types::PgType;
use crate::error::Result;
use crate::values::calendar::{Civil, DAY, civil, days};

/// `age`. With one argument it counts to this day's midnight.
pub(super) fn udf() -> ScalarUDF {
    Spec::new(
        "age",
        &[Param::Moment, Param::Moment],
        |_| PgType::Interval,
        |call| {
            let at = |at: usize| call.values.get(at).map_or(Ok(None), |value| wall(value, call.zone));
            let Some(first) = at(0)? else { return Ok(None) };
            let (end, start) = match at(1)? {
                Some(second) => (first, second),
                None => (today(call.zone)?, first),
            };
            Ok(Some(ScalarValue::IntervalMonthDayNano(Some(between(end, start)))))
        },
    )
    .requires(1)
    .is(Volatility::Stable)
    .udf()
}

/// This day's midnight on a clock.
fn today(zone: crate::values::Zone) -> Result<i64> {
    let now = local(chrono::Utc::now().timestamp_micros(), zone)?;
    Ok(now.div_euclid(DAY) * DAY)
}

/// Postgres's `timestamp_age`: months are counted whole, and what is left of a month in its own length.
fn between(end: i64, start: i64) -> IntervalMonthDayNano {
    let (later, earlier) = if end >= start { (end, start) } else { (start, end) };
    let (a, b) = (civil(later.div_euclid(DAY)), civil(earlier.div_euclid(DAY)));
    let mut time = later.rem_euclid(DAY) - earlier.rem_euclid(DAY);
    let mut day = i64::from(a.day) - i64::from(b.day);
    let mut month = i64::from(a.month) - i64::from(b.month);
    let year = a.year - b.year;
    if time < 0 {
        time += DAY;
        day -= 1;
    }
    if day < 0 {
        // The month that is borrowed from is that of the argument that is given second, or of the first when that
        // is the earlier one: in both cases the earlier moment's.
        day += length_of_month(b);
        month -= 1;
    }
    let months = year * 12 + month;
    let sign = if end >= start { 1 } else { -1 };
    IntervalMonthDayNano::new(
        i32::try_from(sign * months).unwrap_or(i32::MAX),
        i32::try_from(sign * day).unwrap_or(i32::MAX),
        sign * time * 1_000,
    )
}

fn length_of_month(of: Civil) -> i64 {
    let first = days(Civil { day: 1, ..of }).unwrap_or(0);
    let (year, month) = if of.month == 12 { (of.year + 1, 1) } else { (of.year, of.month + 1) };
    days(Civil { year, month, day: 1 }).map_or(31, |next| next - first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_calendar_counts() {
        let at = |year, month, day| days(Civil { year, month, day }).unwrap() * DAY;
        let age = |a, b| between(a, b);
        assert_eq!(age(at(2024, 3, 1), at(2023, 1, 15)), IntervalMonthDayNano::new(13, 17, 0));
        assert_eq!(age(at(2023, 1, 15), at(2024, 3, 1)), IntervalMonthDayNano::new(-13, -17, 0));
        assert_eq!(age(at(2024, 3, 31), at(2024, 2, 29)), IntervalMonthDayNano::new(1, 2, 0));
        assert_eq!(age(at(2024, 1, 1), at(2024, 1, 1) + 1_000), IntervalMonthDayNano::new(0, 0, -1_000_000));
    }
}
