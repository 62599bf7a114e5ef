//! `isfinite(date | timestamp | interval)`: whether it is neither `infinity` nor `-infinity`. An interval always is.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::Result;

/// `isfinite`
pub(super) fn udf() -> ScalarUDF {
    Spec::new("isfinite", &[Param::Any], |_| PgType::Bool, is_finite).udf()
}

/// The greatest and the least value of a type of times are its infinities.
fn is_finite(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let finite = match call.values.first() {
        Some(ScalarValue::Date32(Some(days))) => *days != i32::MIN && *days != i32::MAX,
        Some(ScalarValue::TimestampMicrosecond(Some(micros), _)) => *micros != i64::MIN && *micros != i64::MAX,
        _ => true,
    };
    Ok(Some(ScalarValue::Boolean(Some(finite))))
}
