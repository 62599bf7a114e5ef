//! `onerow_interval_fields(interval, fields, digits)`: what an interval has of the fields that its type names.

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use super::to_precision;
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::values::IntervalFields;

/// The function.
pub(super) fn udf() -> ScalarUDF {
    Spec::new(
        "onerow_interval_fields",
        &[Param::Interval, Param::Text, Param::Int],
        |_| PgType::Interval,
        |call| {
            let Some(ScalarValue::IntervalMonthDayNano(Some(of))) = call.values.first() else { return Ok(None) };
            let (Some(fields), Some(digits)) = (call.text(1), call.int(2)) else { return Ok(None) };
            Ok(Some(ScalarValue::IntervalMonthDayNano(Some(kept(*of, fields, digits)?))))
        },
    )
    .udf()
}

fn kept(of: IntervalMonthDayNano, fields: &str, digits: i64) -> Result<IntervalMonthDayNano> {
    let fields = IntervalFields::parse(fields)
        .ok_or_else(|| Error::internal(format!("an interval has no fields \"{fields}\"")))?;
    to_precision::interval(fields.kept(of), digits)
}
