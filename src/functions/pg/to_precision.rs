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
        let unit = u32::try_from(MOST - digits.clamp(0, MOST)).map_or(1, |zeros| 10i64.pow(zeros));
        Ok(Some(match value {
            ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
                ScalarValue::TimestampMicrosecond(Some(moment(*micros, unit)?), zone.clone())
            }
            ScalarValue::Time64Microsecond(Some(micros)) => {
                ScalarValue::Time64Microsecond(Some(rounded(*micros, unit)?))
            }
            ScalarValue::IntervalMonthDayNano(Some(interval)) => {
                let nanoseconds = rounded(interval.nanoseconds, unit.saturating_mul(1_000))?;
                ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano { nanoseconds, ..*interval }))
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

fn moment(micros: i64, unit: i64) -> Result<i64> {
    // Infinite ones stay.
    if micros == i64::MIN || micros == i64::MAX {
        return Ok(micros);
    }
    let Some(since) = micros.checked_sub(FROM) else { return Ok(micros) };
    rounded(since, unit).map(|since| since + FROM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_goes_away_from_the_year_2000() {
        let second = 1_000_000;
        assert_eq!(moment(FROM + 500_000, second).unwrap(), FROM + second);
        assert_eq!(moment(FROM + 499_999, second).unwrap(), FROM);
        assert_eq!(moment(FROM - 500_000, second).unwrap(), FROM - second);
        assert_eq!(moment(i64::MAX, second).unwrap(), i64::MAX);
        assert_eq!(rounded(-1_250_000, 100_000).unwrap(), -1_300_000);
        assert_eq!(rounded(7, 1).unwrap(), 7);
    }
}
