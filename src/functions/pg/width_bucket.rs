//! `width_bucket(x, low, high, count)`: the number of the bucket that x lies in; 0 below and count + 1 above all.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// 2201G: an argument that `width_bucket` does not take.
const INVALID: SqlState = SqlState("2201G");

/// `width_bucket`
pub(super) fn udf() -> ScalarUDF {
    Spec::new(
        "width_bucket",
        &[Param::Float, Param::Float, Param::Float, Param::Int],
        |_| PgType::Int4,
        |call| {
            let (Some(x), Some(low), Some(high), Some(count)) =
                (call.float(0), call.float(1), call.float(2), call.int(3))
            else {
                return Ok(None);
            };
            Ok(Some(ScalarValue::Int32(Some(bucket(x, low, high, count)?))))
        },
    )
    .udf()
}

fn bucket(x: f64, low: f64, high: f64, count: i64) -> Result<i32> {
    let count =
        i32::try_from(count).map_err(|_| Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range"))?;
    if count <= 0 {
        return Err(Error::new(INVALID, "count must be greater than zero"));
    }
    if x.is_nan() || low.is_nan() || high.is_nan() {
        return Err(Error::new(INVALID, "operand, lower bound, and upper bound cannot be NaN"));
    }
    if low.is_infinite() || high.is_infinite() {
        return Err(Error::new(INVALID, "lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(Error::new(INVALID, "lower bound cannot equal upper bound"));
    }
    let (from, to, at) = if low < high { (low, high, x) } else { (-low, -high, -x) };
    if at < from {
        return Ok(0);
    }
    if at >= to {
        return count
            .checked_add(1)
            .ok_or_else(|| Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range"));
    }
    let part = (at / 2.0 - from / 2.0) / (to / 2.0 - from / 2.0);
    // Rounding must not reach the bucket above all.
    Ok(((f64::from(count) * part) as i32).min(count - 1) + 1)
}
