//! From a Parquet file's own columns to those of the scan, one file at a time.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result as DfResult;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::CastExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};

use super::convert::{self, Conversion};
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};
use crate::sources::table::ColumnSpec;

/// Refuses a file that stores a column as something that the scan's type does not hold; by itself the reader would cast
/// it and lose digits.
#[derive(Debug)]
pub struct CheckedAdapters {
    /// The server's name, for errors.
    pub server: String,
    /// The session's settings.
    pub config: Arc<ConfigOptions>,
}

impl PhysicalExprAdapterFactory for CheckedAdapters {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> DfResult<Arc<dyn PhysicalExprAdapter>> {
        let inner = DefaultPhysicalExprAdapterFactory.create(Arc::clone(&logical), Arc::clone(&physical))?;
        let config = Arc::clone(&self.config);
        Ok(Arc::new(CheckedAdapter { server: self.server.clone(), config, logical, physical, inner }))
    }
}

#[derive(Debug)]
struct CheckedAdapter {
    server: String,
    config: Arc<ConfigOptions>,
    logical: SchemaRef,
    physical: SchemaRef,
    inner: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for CheckedAdapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> DfResult<Arc<dyn PhysicalExpr>> {
        for column in collect_columns(&expr) {
            let wanted = self.logical.field_with_name(column.name());
            let stored = self.physical.field_with_name(column.name());
            if let (Ok(wanted), Ok(stored)) = (wanted, stored)
                && !convert::fits(stored.data_type(), wanted.data_type())
            {
                let message = format!(
                    "a Parquet file of server \"{}\" stores column \"{}\" as {}, other files as {}",
                    self.server,
                    column.name(),
                    stored.data_type(),
                    wanted.data_type()
                );
                return Err(Error::new(SqlState::DATATYPE_MISMATCH, message)
                    .with_hint("Make a table of the files of each type, and bring them together in a view.")
                    .into());
            }
        }
        let rewritten = self.inner.rewrite(expr)?;
        Ok(rewritten.transform(|expr| self.sealed(expr))?.data)
    }
}

impl CheckedAdapter {
    /// A cast from seconds or milliseconds to microseconds in a form that the optimizer leaves alone. As a plain cast
    /// it would be moved to the literal that the column is compared with, and cut that short.
    fn sealed(&self, expr: Arc<dyn PhysicalExpr>) -> DfResult<Transformed<Arc<dyn PhysicalExpr>>> {
        let Some(cast) = expr.downcast_ref::<CastExpr>() else { return Ok(Transformed::no(expr)) };
        if !is_finer(&cast.expr().data_type(&self.physical)?, cast.cast_type()) {
            return Ok(Transformed::no(expr));
        }
        let field = cast.target_field();
        let column = ColumnSpec {
            nullable: field.is_nullable(),
            ..ColumnSpec::new(field.name().as_str(), PgType::of_field(field))
        };
        let input = Arc::clone(cast.expr());
        let sealed = convert::expression(input, &column, Conversion::Same, &self.server, &self.config);
        Ok(Transformed::yes(sealed))
    }
}

/// Whether both are timestamps, and the second counts in smaller steps.
fn is_finer(from: &DataType, to: &DataType) -> bool {
    let steps = |data_type: &DataType| match data_type {
        DataType::Timestamp(TimeUnit::Second, _) => Some(0),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Some(3),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(6),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(9),
        _ => None,
    };
    matches!((steps(from), steps(to)), (Some(from), Some(to)) if from < to)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
    use datafusion::physical_expr::simplifier::PhysicalExprSimplifier;
    use datafusion::scalar::ScalarValue;

    use super::*;

    fn schema(unit: TimeUnit) -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("at", DataType::Timestamp(unit, None), true)]))
    }

    #[test]
    fn a_literal_is_not_cut_short_to_what_a_file_counts_in() {
        let physical = schema(TimeUnit::Millisecond);
        let adapters = CheckedAdapters { server: "lake".into(), config: Arc::new(ConfigOptions::new()) };
        let adapter = adapters.create(schema(TimeUnit::Microsecond), Arc::clone(&physical)).unwrap();
        let literal = Literal::new(ScalarValue::TimestampMicrosecond(Some(1), None));
        let at: Arc<dyn PhysicalExpr> = Arc::new(Column::new("at", 0));
        let predicate = Arc::new(BinaryExpr::new(at, Operator::Eq, Arc::new(literal)));
        let rewritten = adapter.rewrite(predicate).unwrap();
        let simplified = PhysicalExprSimplifier::new(&physical).simplify(rewritten).unwrap();
        let simplified = simplified.downcast_ref::<BinaryExpr>().unwrap();
        let literal = simplified.right().downcast_ref::<Literal>().unwrap();
        assert_eq!(*literal.value(), ScalarValue::TimestampMicrosecond(Some(1), None));
    }
}
