//! `a.b` where `a` is a column: a field of it, where it has fields. Of `generate_series(1, 2) AS a` it is no column (42703).

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::TableReference;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, SqlState};

/// Refuses fields of what has none, before the planner that takes them.
#[derive(Debug, Default)]
pub struct ColumnFields;

/// What stands for a field that is not there. Errors of planners are passed over; that of a type is not.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Missing {
    /// The table that the name reads as, where it has too many parts for a column.
    table: Option<String>,
    column: String,
    signature: Signature,
}

impl Missing {
    fn error(&self) -> Error {
        match &self.table {
            Some(table) => {
                Error::new(SqlState::UNDEFINED_TABLE, format!("missing FROM-clause entry for table \"{table}\""))
            }
            None => Error::new(SqlState::UNDEFINED_COLUMN, format!("column {} does not exist", self.column)),
        }
    }
}

impl ScalarUDFImpl for Missing {
    fn name(&self) -> &str {
        &self.column
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Err(self.error().into())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        Err(self.error().into())
    }
}

impl ExprPlanner for ColumnFields {
    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> DfResult<PlannerResult<Vec<Expr>>> {
        if matches!(field.data_type(), DataType::Struct(_) | DataType::Map(..) | DataType::Null) {
            return Ok(PlannerResult::Original(vec![]));
        }
        let column = format!("{}.{}", field.name(), nested_names.join("."));
        // What stands before the last name is a table, and of this name there may be one.
        let is_table = qualifier.is_some_and(|table| table.table() == field.name());
        let table = match nested_names {
            [table, _, ..] => Some(table.clone()),
            _ => (!is_table).then(|| field.name().clone()),
        };
        let missing = Missing { table, column, signature: Signature::nullary(Volatility::Immutable) };
        Ok(PlannerResult::Planned(Arc::new(ScalarUDF::new_from_impl(missing)).call(vec![])))
    }
}
