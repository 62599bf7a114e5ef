//! `onerow_time_span(time)`: a time of day as the interval since midnight, which a time is beside a date or a timestamp.

use std::sync::Arc;

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;

/// The function.
pub(super) fn udf() -> ScalarUDF {
    Spec::new(
        "onerow_time_span",
        &[Param::Any],
        |_| PgType::Interval,
        |call| {
            let Some(ScalarValue::Time64Microsecond(Some(micros))) = call.values.first() else { return Ok(None) };
            let nanoseconds = micros.saturating_mul(1_000);
            Ok(Some(ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano { months: 0, days: 0, nanoseconds }))))
        },
    )
    .udf()
}

/// The function, to call it.
pub fn time_span() -> Arc<ScalarUDF> {
    Arc::new(udf())
}
