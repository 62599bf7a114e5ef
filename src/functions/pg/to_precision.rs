//! `onerow_to_precision(time, digits)`: a time rounded to so many digits of its seconds, as its type says.

use datafusion::arrow::datatypes::{FieldRef, IntervalMonthDayNano};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// Microseconds from 1970 to 2000, from where Postgres counts: half goes away from there.
const FROM: i64 = 946_684_800_000_000;
/// The digits that are held.
const MOST: i64 = 6;

/// The function.
pub(super) fn udf() -> ScalarUDF {
    Spec::new("onerow_to_precision", &[Param::Any, Param::Int], returns, |call| {
        let (Some(value), Some(digits)) = (call.values.first(), call.int(1)) else { return Ok(None) };
        Ok(Some(match value {
            ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
                ScalarValue::TimestampMicrosecond(Some(moment(*micros, digits)?), zone.clone())
            }
            ScalarValue::Time64Microsecond(Some(micros)) => {
                ScalarValue::Time64Microsecond(Some(time(*micros, digits)?))
            }
            ScalarValue::IntervalMonthDayNano(Some(of)) => {
                ScalarValue::IntervalMonthDayNano(Some(interval(*of, digits)?))
            }
            other => other.clone(),
        }))
    })
    .udf()
}

fn returns(fields: &[FieldRef]) -> PgType {
    fields.first().map_or(PgType::Timestamp, |field| PgType::of_field(field))
}

/// Half goes away from zero.
fn rounded(value: i64, unit: i64) -> Result<i64> {
    let magnitude = value.checked_abs().and_then(|value| value.checked_add(unit / 2));
    let magnitude = magnitude.ok_or_else(|| Error::new(SqlState("22008"), "timestamp out of range"))?;
    Ok(magnitude / unit * unit * value.signum())
}

/// The microseconds that so many digits of a second leave.
fn unit(digits: i64) -> i64 {
    u32::try_from(MOST - digits.clamp(0, MOST)).map_or(1, |zeros| 10i64.pow(zeros))
}

/// A time of day, in microseconds, rounded to so many digits of a second.
pub(crate) fn time(micros: i64, digits: i64) -> Result<i64> {
    rounded(micros, unit(digits))
}

/// An interval rounded to so many digits of a second.
pub(crate) fn interval(of: IntervalMonthDayNano, digits: i64) -> Result<IntervalMonthDayNano> {
    let nanoseconds = rounded(of.nanoseconds, unit(digits).saturating_mul(1_000))?;
    Ok(IntervalMonthDayNano { nanoseconds, ..of })
}

/// A moment, in microseconds since 1970, rounded to so many digits of a second. 22008 when that is out of range.
pub(crate) fn moment(micros: i64, digits: i64) -> Result<i64> {
    // Infinite ones stay.
    if micros == i64::MIN || micros == i64::MAX {
        return Ok(micros);
    }
    let Some(since) = micros.checked_sub(FROM) else { return Ok(micros) };
    let out_of_range = || Error::new(SqlState("22008"), "timestamp out of range");
    rounded(since, unit(digits))?.checked_add(FROM).ok_or_else(out_of_range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_goes_away_from_the_year_2000() {
        let second = 1_000_000;
        assert_eq!(moment(FROM + 500_000, 0).unwrap(), FROM + second);
        assert_eq!(moment(FROM + 499_999, 0).unwrap(), FROM);
        assert_eq!(moment(FROM - 500_000, 0).unwrap(), FROM - second);
        assert_eq!(moment(i64::MAX, 0).unwrap(), i64::MAX);
        assert_eq!(time(1_235_600, 3).unwrap(), 1_236_000);
        assert_eq!(rounded(-1_250_000, 100_000).unwrap(), -1_300_000);
        assert_eq!(rounded(7, 1).unwrap(), 7);
    }
}
