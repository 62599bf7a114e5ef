//! FILTER takes a condition: 42804 for what is none.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, ExprSchemable};

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// Makes sure that an aggregate's FILTER is boolean. A text that is not typed may be one.
pub(super) fn check(expr: &Expr, schema: &DFSchema) -> Result<()> {
    let filter = match expr {
        Expr::AggregateFunction(call) => call.params.filter.as_deref(),
        Expr::WindowFunction(call) => call.params.filter.as_deref(),
        _ => None,
    };
    let Some(filter) = filter else { return Ok(()) };
    let Ok((_, field)) = filter.to_field(schema) else { return Ok(()) };
    let untyped = matches!(filter, Expr::Literal(..) | Expr::Placeholder(_))
        && matches!(field.data_type(), DataType::Utf8 | DataType::Utf8View);
    if untyped || matches!(field.data_type(), DataType::Boolean | DataType::Null) {
        return Ok(());
    }
    let kind = PgType::of_field(&field);
    let message = format!("argument of FILTER must be type boolean, not type {kind}");
    Err(Error::new(SqlState::DATATYPE_MISMATCH, message))
}
