//! `onerow_mode(sorted array)`: the value that occurs most often, the first of them in the array's order.

use datafusion::arrow::array::Array;
use datafusion::arrow::datatypes::FieldRef;
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;

/// `mode() WITHIN GROUP (ORDER BY ..)` is rewritten to it.
pub(super) fn udf() -> ScalarUDF {
    Spec::new("onerow_mode", &[Param::Any], returns, |call| {
        let Some(ScalarValue::List(list)) = call.values.first() else { return Ok(None) };
        if list.is_empty() || list.is_null(0) {
            return Ok(None);
        }
        let values = list.value(0);
        let mut best: Option<(ScalarValue, usize)> = None;
        let mut run: Option<(ScalarValue, usize)> = None;
        for at in 0..values.len() {
            let value = ScalarValue::try_from_array(&values, at)?;
            // Nulls do not count.
            if value.is_null() {
                continue;
            }
            let count = match run.take() {
                Some((before, count)) if before == value => count + 1,
                _ => 1,
            };
            if best.as_ref().is_none_or(|(_, most)| count > *most) {
                best = Some((value.clone(), count));
            }
            run = Some((value, count));
        }
        Ok(best.map(|(value, _)| value))
    })
    .udf()
}

fn returns(fields: &[FieldRef]) -> PgType {
    match fields.first().map(|field| PgType::of_field(field)) {
        Some(PgType::Array(element)) => *element,
        _ => PgType::Text,
    }
}
