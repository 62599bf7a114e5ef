//! `isfinite(date | timestamp | interval)`: true, since these have no infinity here.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;

/// `isfinite`
pub(super) fn udf() -> ScalarUDF {
    Spec::new("isfinite", &[Param::Any], |_| PgType::Bool, |_| Ok(Some(ScalarValue::Boolean(Some(true))))).udf()
}
