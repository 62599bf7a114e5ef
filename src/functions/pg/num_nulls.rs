//! `num_nulls(..)` and `num_nonnulls(..)`: how many of their arguments are NULL, and how many are not.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::Result;

/// Both of them.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    let spec = |name, body| Spec::new(name, &[Param::Any], |_| PgType::Int4, body).many().called_on_null().udf();
    vec![spec("num_nulls", |call| counted(call, true)), spec("num_nonnulls", |call| counted(call, false))]
}

fn counted(call: &Call<'_>, nulls: bool) -> Result<Option<ScalarValue>> {
    let count = call.values.iter().filter(|value| value.is_null() == nulls).count();
    Ok(i32::try_from(count).ok().map(|count| ScalarValue::Int32(Some(count))))
}
