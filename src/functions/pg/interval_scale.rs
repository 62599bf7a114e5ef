//! `interval * number` and `interval / number`, as functions that the operators are planned as.

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// `onerow_interval_times(interval, double precision)`
pub fn times() -> ScalarUDF {
    Spec::new(
        "onerow_interval_times",
        &[Param::Interval, Param::Float],
        |_| PgType::Interval,
        |call| scaled(call, |a, b| a * b),
    )
    .udf()
}

/// `onerow_interval_over(interval, double precision)`; a division by zero is 22012.
pub fn over() -> ScalarUDF {
    Spec::new(
        "onerow_interval_over",
        &[Param::Interval, Param::Float],
        |_| PgType::Interval,
        |call| {
            if call.float(1) == Some(0.0) {
                return Err(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"));
            }
            scaled(call, |a, b| a / b)
        },
    )
    .udf()
}

fn scaled(call: &Call<'_>, operation: fn(f64, f64) -> f64) -> Result<Option<ScalarValue>> {
    let (Some(ScalarValue::IntervalMonthDayNano(Some(of))), Some(factor)) = (call.values.first(), call.float(1)) else {
        return Ok(None);
    };
    Ok(Some(ScalarValue::IntervalMonthDayNano(Some(scale(*of, factor, operation)?))))
}

/// Postgres's `interval_mul` and `interval_div`: what is left of a month goes into days of which it has 30, and what is
/// left of a day into time.
pub(crate) fn scale(
    of: IntervalMonthDayNano,
    factor: f64,
    operation: fn(f64, f64) -> f64,
) -> Result<IntervalMonthDayNano> {
    // To a microsecond, as digits that doubles do not have would come in.
    let rounded = |value: f64| (value * 1e6).round_ties_even() / 1e6;
    let whole = |value: f64| {
        let fits = value.is_finite() && value > f64::from(i32::MIN) - 1.0 && value < f64::from(i32::MAX) + 1.0;
        if fits { Ok(value.trunc()) } else { Err(out_of_range()) }
    };
    let (all_months, all_days) = (operation(f64::from(of.months), factor), operation(f64::from(of.days), factor));
    let (months, mut days) = (whole(all_months)?, whole(all_days)?);
    let days_of_months = rounded((all_months - months) * 30.0);
    let mut seconds = rounded((all_days - days + days_of_months - days_of_months.trunc()) * DAY);
    if seconds.abs() >= DAY {
        days += (seconds / DAY).trunc();
        seconds -= (seconds / DAY).trunc() * DAY;
    }
    days = whole(days + days_of_months.trunc())?;
    let micros = (operation((of.nanoseconds / 1_000) as f64, factor) + seconds * 1e6).round_ties_even();
    // Nanoseconds must fit as well.
    if !micros.is_finite() || micros.abs() >= 9.2e15 {
        return Err(out_of_range());
    }
    Ok(IntervalMonthDayNano::new(months as i32, days as i32, micros as i64 * 1_000))
}

fn out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_goes_into_the_smaller_unit() {
        let of = |months, days, micros: i64| IntervalMonthDayNano::new(months, days, micros * 1_000);
        let hour = 3_600_000_000;
        assert_eq!(scale(of(0, 1, 0), 2.0, |a, b| a * b).unwrap(), of(0, 2, 0));
        assert_eq!(scale(of(0, 1, 0), 0.5, |a, b| a * b).unwrap(), of(0, 0, 12 * hour));
        assert_eq!(scale(of(1, 0, 0), 2.0, |a, b| a / b).unwrap(), of(0, 15, 0));
        assert_eq!(scale(of(14, 5, 0), 1.5, |a, b| a * b).unwrap(), of(21, 7, 12 * hour));
        assert_eq!(scale(of(0, 0, hour), 3.0, |a, b| a / b).unwrap(), of(0, 0, 1_200_000_000));
        assert!(scale(of(i32::MAX, 0, 0), 2.0, |a, b| a * b).is_err());
    }
}
