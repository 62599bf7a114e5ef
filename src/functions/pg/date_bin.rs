//! `date_bin(stride, moment, origin)`: the beginning of the stride that a moment lies in, counted from an origin.

use datafusion::arrow::datatypes::FieldRef;
use datafusion::logical_expr::{ScalarUDF, Volatility};
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use super::timezone::{at, moment, naive};
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};
use crate::values::calendar::DAY;

/// `date_bin`
pub(super) fn udf() -> ScalarUDF {
    Spec::new("date_bin", &[Param::Interval, Param::Moment, Param::Moment], returns, |call| {
        let Some(ScalarValue::IntervalMonthDayNano(Some(stride))) = call.values.first() else { return Ok(None) };
        let plain = matches!(call.values.get(1), Some(ScalarValue::TimestampMicrosecond(_, None)));
        let micros = |index: usize| match call.values.get(index) {
            Some(ScalarValue::TimestampMicrosecond(micros, None)) if plain => Ok(*micros),
            Some(value) => moment(value, call.zone),
            None => Ok(Some(0)),
        };
        let (Some(micros), Some(origin)) = (micros(1)?, micros(2)?) else { return Ok(None) };
        if stride.months != 0 {
            return Err(Error::unsupported("timestamps cannot be binned into intervals containing months or years"));
        }
        let stride = i64::from(stride.days).saturating_mul(DAY).saturating_add(stride.nanoseconds / 1_000);
        if stride <= 0 {
            return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "stride must be greater than zero"));
        }
        let infinite = |micros: i64| matches!(micros, i64::MAX | i64::MIN);
        if infinite(micros) {
            return Ok(Some(if plain { naive(micros) } else { at(micros) }));
        }
        if infinite(origin) {
            return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "origin out of range"));
        }
        let rest = (i128::from(micros) - i128::from(origin)).rem_euclid(i128::from(stride));
        let bin = i64::try_from(i128::from(micros) - rest)
            .map_err(|_| Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range"))?;
        Ok(Some(if plain { naive(bin) } else { at(bin) }))
    })
    .requires(2)
    .is(Volatility::Stable)
    .udf()
}

fn returns(fields: &[FieldRef]) -> PgType {
    match fields.get(1).map(|field| PgType::of_field(field)) {
        Some(PgType::Timestamp) => PgType::Timestamp,
        _ => PgType::TimestampTz,
    }
}
