//! `make_timestamp`, `make_timestamptz` and `make_interval`: times of their parts.

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::logical_expr::{ScalarUDF, Volatility};
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use super::timezone::{at, instant};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::calendar::{Civil, DAY, SECOND, days};

const PARTS: &[Param] = &[Param::Int, Param::Int, Param::Int, Param::Int, Param::Int, Param::Float];
const SPANS: &[Param] = &[Param::Int, Param::Int, Param::Int, Param::Int, Param::Int, Param::Int, Param::Float];
/// 22008
const OUT_OF_RANGE: SqlState = SqlState("22008");

/// All three.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    vec![
        Spec::new(
            "make_timestamp",
            PARTS,
            |_| PgType::Timestamp,
            |call| Ok(local(call)?.map(|micros| ScalarValue::TimestampMicrosecond(Some(micros), None))),
        )
        .udf(),
        Spec::new(
            "make_timestamptz",
            PARTS,
            |_| PgType::TimestampTz,
            |call| {
                let Some(local) = local(call)? else { return Ok(None) };
                instant(local, call.zone).map(|micros| Some(at(micros)))
            },
        )
        .is(Volatility::Stable)
        .udf(),
        Spec::new(
            "make_interval",
            SPANS,
            |_| PgType::Interval,
            |call| {
                let part = |at: usize| call.int(at).unwrap_or(0);
                interval([0, 1, 2, 3, 4, 5].map(part), call.float(6).unwrap_or(0.0)).map(Some)
            },
        )
        .requires(0)
        .udf(),
    ]
}

/// Microseconds since 1970, on a clock without a zone.
fn local(call: &Call<'_>) -> Result<Option<i64>> {
    let part = |at: usize| call.int(at);
    let (Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(seconds)) =
        (part(0), part(1), part(2), part(3), part(4), call.float(5))
    else {
        return Ok(None);
    };
    moment([year, month, day], [hour, minute], seconds).map(Some)
}

fn moment([year, month, day]: [i64; 3], [hour, minute]: [i64; 2], seconds: f64) -> Result<i64> {
    let wrong = || Error::new(OUT_OF_RANGE, format!("date field value out of range: {year}-{month:02}-{day:02}"));
    // There is no year 0: the one before the first is 1 BC.
    let astronomical = match year {
        0 => return Err(wrong()),
        year if year < 0 => year.saturating_add(1),
        year => year,
    };
    let (month, day) = (u32::try_from(month).map_err(|_| wrong())?, u32::try_from(day).map_err(|_| wrong())?);
    let date = days(Civil { year: astronomical, month, day }).ok_or_else(wrong)?;
    let whole = seconds.floor();
    let within = (0..=24).contains(&hour) && (0..60).contains(&minute) && (0.0..=60.0).contains(&seconds);
    if !within || (hour == 24 && (minute > 0 || seconds > 0.0)) {
        let time = format!("{hour}:{minute:02}:{whole:02}");
        return Err(Error::new(OUT_OF_RANGE, format!("time field value out of range: {time}")));
    }
    let micros = (seconds * SECOND as f64).round_ties_even() as i64;
    let of_day = (hour * 3_600 + minute * 60) * SECOND + micros;
    let beyond = || Error::new(OUT_OF_RANGE, "timestamp out of range");
    date.checked_mul(DAY).and_then(|date| date.checked_add(of_day)).ok_or_else(beyond)
}

/// Of years, months, weeks, days, hours and minutes, and seconds.
fn interval([years, months, weeks, days, hours, minutes]: [i64; 6], seconds: f64) -> Result<ScalarValue> {
    let beyond = || Error::new(OUT_OF_RANGE, "interval out of range");
    let sum = |many: i64, of: i64, more: i64| many.checked_mul(of).and_then(|all| all.checked_add(more));
    let whole = |count: Option<i64>| count.and_then(|count| i32::try_from(count).ok()).ok_or_else(beyond);
    let micros = (seconds * SECOND as f64).round_ties_even();
    if !micros.is_finite() || micros.abs() >= 9.0e18 {
        return Err(beyond());
    }
    let clock = sum(hours, 60, minutes).and_then(|minutes| sum(minutes, 60 * SECOND, micros as i64));
    let nanoseconds = clock.and_then(|clock| clock.checked_mul(1_000)).ok_or_else(beyond)?;
    Ok(ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano {
        months: whole(sum(years, 12, months))?,
        days: whole(sum(weeks, 7, days))?,
        nanoseconds,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_their_parts() {
        assert_eq!(moment([1970, 1, 2], [0, 0], 1.5).unwrap(), DAY + 1_500_000);
        assert_eq!(moment([1970, 1, 1], [24, 0], 0.0).unwrap(), DAY);
        assert_eq!(moment([1969, 12, 31], [23, 59], 60.0).unwrap(), 0);
        let words = |error: Error| error.message().to_string();
        assert_eq!(words(moment([2024, 2, 30], [0, 0], 0.0).unwrap_err()), "date field value out of range: 2024-02-30");
        assert_eq!(words(moment([2024, 2, 3], [25, 0], 0.0).unwrap_err()), "time field value out of range: 25:00:00");
    }

    #[test]
    fn intervals_of_their_parts() {
        let made = interval([1, 2, 3, 4, 5, 6], 7.5).unwrap();
        let nanoseconds = (5 * 3_600 + 6 * 60) * 1_000_000_000 + 7_500_000_000;
        let expected = IntervalMonthDayNano { months: 14, days: 25, nanoseconds };
        assert_eq!(made, ScalarValue::IntervalMonthDayNano(Some(expected)));
        assert!(interval([i64::MAX, 0, 0, 0, 0, 0], 0.0).is_err());
    }
}
