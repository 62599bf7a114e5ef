//! From a Parquet file's own columns to those of the scan, one file at a time.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, SchemaRef, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result as DfResult;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column};
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
        if rewritten.is::<Column>() {
            return Ok(rewritten);
        }
        Ok(rewritten.transform(|expr| self.sealed(expr))?.data)
    }
}

impl CheckedAdapter {
    /// Hides what the reader would be wrong about when it skips rows:
    /// - A cast from seconds or milliseconds to microseconds would be moved to the literal that the column is compared
    ///   with, and cut that short.
    /// - The statistics of a column of doubles do not count NaN, which is greater here than every number.
    fn sealed(&self, expr: Arc<dyn PhysicalExpr>) -> DfResult<Transformed<Arc<dyn PhysicalExpr>>> {
        let Some((input, field)) = self.misleading(&expr)? else { return Ok(Transformed::no(expr)) };
        let column = ColumnSpec {
            nullable: field.is_nullable(),
            ..ColumnSpec::new(field.name().as_str(), PgType::of_field(&field))
        };
        Ok(Transformed::yes(convert::expression(input, &column, Conversion::Same, &self.server, &self.config)))
    }

    /// What is to be hidden of an expression, and the field that it becomes.
    fn misleading(&self, expr: &Arc<dyn PhysicalExpr>) -> DfResult<Option<(Arc<dyn PhysicalExpr>, FieldRef)>> {
        if let Some(cast) = expr.downcast_ref::<CastExpr>() {
            let finer = is_finer(&cast.expr().data_type(&self.physical)?, cast.cast_type());
            return Ok(finer.then(|| (Arc::clone(cast.expr()), Arc::clone(cast.target_field()))));
        }
        let Some(column) = expr.downcast_ref::<Column>() else { return Ok(None) };
        let field = self.physical.fields().find(column.name()).map(|(_, field)| field);
        Ok(field.filter(|field| field.data_type().is_floating()).map(|field| (Arc::clone(expr), Arc::clone(field))))
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
    use datafusion::physical_expr::ScalarFunctionExpr;
    use datafusion::physical_expr::expressions::{BinaryExpr, Literal};
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

    #[test]
    fn doubles_are_hidden_where_they_are_compared() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("x", DataType::Float64, true)]));
        let adapters = CheckedAdapters { server: "lake".into(), config: Arc::new(ConfigOptions::new()) };
        let adapter = adapters.create(Arc::clone(&schema), schema).unwrap();
        let x: Arc<dyn PhysicalExpr> = Arc::new(Column::new("x", 0));
        assert!(adapter.rewrite(Arc::clone(&x)).unwrap().is::<Column>());
        let zero = Literal::new(ScalarValue::Float64(Some(0.0)));
        let predicate = adapter.rewrite(Arc::new(BinaryExpr::new(x, Operator::Gt, Arc::new(zero)))).unwrap();
        let predicate = predicate.downcast_ref::<BinaryExpr>().unwrap();
        assert!(predicate.left().is::<ScalarFunctionExpr>());
    }
}
