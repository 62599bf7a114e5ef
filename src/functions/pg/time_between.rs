//! `timestamp - timestamp`: the days and the time between two moments, as a function that the operator is planned as.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimeUnit, TimestampMicrosecondType};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

use super::timezone::instant;
use crate::error::{Error, Result, SqlState};
use crate::values::Zone;
use crate::values::calendar::DAY;

/// `onerow_time_between(end, start)`
pub fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(TimeBetween { signature: Signature::user_defined(Volatility::Stable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TimeBetween {
    signature: Signature,
}

/// Days and what is left of a day, both of one sign.
fn between(end: i64, start: i64) -> Result<IntervalMonthDayNano> {
    let out_of_range = || Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range");
    if [end, start].iter().any(|micros| matches!(*micros, i64::MAX | i64::MIN)) {
        return Err(Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "cannot subtract infinite timestamps"));
    }
    let micros = end.checked_sub(start).ok_or_else(out_of_range)?;
    let days = i32::try_from(micros / DAY).map_err(|_| out_of_range())?;
    Ok(IntervalMonthDayNano::new(0, days, micros % DAY * 1_000))
}

impl ScalarUDFImpl for TimeBetween {
    fn name(&self) -> &str {
        "onerow_time_between"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        let moment = |of: &DataType| match of {
            DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Timestamp(TimeUnit::Microsecond, None),
        };
        Ok(types.iter().map(moment).collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let (Some(end), Some(start)) = (args.args.first(), args.args.get(1)) else {
            return Err(Error::internal("a difference of two moments lacks one").into());
        };
        let (end, start) = (end.to_array(rows)?, start.to_array(rows)?);
        let zoned = |of: &ArrayRef| matches!(of.data_type(), DataType::Timestamp(_, Some(_)));
        let zone = args.config_options.execution.time_zone.as_deref().and_then(Zone::parse).unwrap_or(Zone::UTC);
        // Where only one is an instant, the other is one on the session's clock.
        let (to_instant, from_instant) = (zoned(&start) && !zoned(&end), zoned(&end) && !zoned(&start));
        let wrong = || Error::internal("a difference is of two timestamps");
        let ends = end.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong)?;
        let starts = start.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong)?;
        let values = ends
            .iter()
            .zip(starts.iter())
            .map(|pair| match pair {
                (Some(end), Some(start)) => {
                    let end = if to_instant { instant(end, zone)? } else { end };
                    let start = if from_instant { instant(start, zone)? } else { start };
                    between(end, start).map(Some)
                }
                _ => Ok(None),
            })
            .collect::<Result<Vec<_>>>()?;
        let column: ArrayRef = Arc::new(IntervalMonthDayNanoArray::from(values));
        Ok(if scalar && column.len() == 1 {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?)
        } else {
            ColumnarValue::Array(column)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_and_the_time_that_is_left() {
        let of = |days, micros: i64| IntervalMonthDayNano::new(0, days, micros * 1_000);
        assert_eq!(between(DAY + 5, 0).unwrap(), of(1, 5));
        assert_eq!(between(0, DAY + 5).unwrap(), of(-1, -5));
        assert_eq!(between(5, 0).unwrap(), of(0, 5));
        assert!(between(i64::MAX, 0).is_err());
    }
}
