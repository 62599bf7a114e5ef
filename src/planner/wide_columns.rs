//! Which columns below a node are bigint in Postgres too.
//!
//! Here more is bigint than there: `generate_series`, whole numbers of `WITH RECURSIVE`, differences of dates. A cast that
//! Postgres has of an integer alone is refused only where the value is sure to be none.

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{AggregateFunction, Cast, TryCast};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, WindowFunctionDefinition};
use datafusion::scalar::ScalarValue;

use super::foreign::ForeignTable;
use super::local::LocalTable;
use crate::catalog::types::PgType;

/// Columns that are bigint in Postgres too, where they are bigint here.
#[derive(Debug, Default)]
pub(super) struct WideColumns(HashSet<Column>);

impl WideColumns {
    /// Those of a node's input; none where nothing in the node is cast so that it matters.
    pub(super) fn below(plan: &LogicalPlan) -> DfResult<WideColumns> {
        let mut found = WideColumns::default();
        let mut matters = false;
        plan.apply_expressions(|expr| {
            matters = matters || expr.exists(|e| Ok(matters_to(e)))?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        if matters {
            for input in plan.inputs() {
                found.0.extend(columns(input)?);
            }
        }
        Ok(found)
    }

    /// Whether a value that is bigint here is sure to be it in Postgres.
    pub(super) fn is_bigint(&self, expr: &Expr, schema: &DFSchema) -> bool {
        match expr {
            Expr::Literal(ScalarValue::Int64(Some(number)), _) => i32::try_from(*number).is_err(),
            Expr::Alias(alias) => self.is_bigint(&alias.expr, schema),
            Expr::Cast(Cast { field, .. }) | Expr::TryCast(TryCast { field, .. }) => is_wide(field.data_type()),
            // A difference of dates is none, though it is of columns of a table.
            Expr::Column(column) => schema.maybe_index_of_column(column).is_some_and(|index| {
                is_wide(schema.field(index).data_type())
                    && self.0.contains(&Column::from(schema.qualified_field(index)))
            }),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                use Operator::{Divide, Minus, Modulo, Multiply, Plus};
                matches!(op, Plus | Minus | Multiply | Divide | Modulo)
                    && (self.is_bigint(left, schema) || self.is_bigint(right, schema))
            }
            expr => is_count(expr),
        }
    }
}

/// Whether a cast may be one of an integer.
fn matters_to(expr: &Expr) -> bool {
    let Expr::Cast(Cast { field, .. }) = expr else { return false };
    fn is_of_integers(to: &PgType) -> bool {
        match to {
            PgType::Array(element) => is_of_integers(element),
            to => matches!(to, PgType::Bool | PgType::Char),
        }
    }
    is_of_integers(&PgType::of_field(field))
}

fn is_wide(kind: &DataType) -> bool {
    match kind {
        DataType::List(field) | DataType::LargeList(field) => is_wide(field.data_type()),
        kind => *kind == DataType::Int64,
    }
}

/// Whether an expression calls what is bigint in Postgres too.
fn is_count(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_count(&alias.expr),
        Expr::AggregateFunction(AggregateFunction { func, .. }) => matches!(func.name(), "count" | "sum"),
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(fun) => matches!(fun.name(), "count" | "sum"),
            WindowFunctionDefinition::WindowUDF(fun) => matches!(fun.name(), "row_number" | "rank" | "dense_rank"),
        },
        _ => false,
    }
}

/// The columns of a plan that are of a table, are counted or are cast.
fn columns(plan: &LogicalPlan) -> DfResult<Vec<Column>> {
    Ok(match plan {
        LogicalPlan::TableScan(scan) => {
            let is_table = source_as_provider(&scan.source)
                .is_ok_and(|table| table.is::<LocalTable>() || table.is::<ForeignTable>());
            if is_table { plan.schema().columns() } else { vec![] }
        }
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Join(_) => {
            let mut found = vec![];
            for input in plan.inputs() {
                found.extend(columns(input)?);
            }
            found
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let below: HashSet<Column> = columns(&alias.input)?.into_iter().collect();
            let pairs = alias.input.schema().columns().into_iter().zip(plan.schema().columns());
            pairs.filter(|(inner, _)| below.contains(inner)).map(|(_, outer)| outer).collect()
        }
        LogicalPlan::Projection(projection) => {
            let below = WideColumns(columns(&projection.input)?.into_iter().collect());
            let shown = projection.expr.iter().zip(plan.schema().columns());
            shown
                .filter(|(expr, _)| below.is_bigint(expr, projection.input.schema()))
                .map(|(_, column)| column)
                .collect()
        }
        LogicalPlan::Aggregate(aggregate) => {
            let below = WideColumns(columns(&aggregate.input)?.into_iter().collect());
            let of_input = |expr: &Expr| is_count(expr) || below.is_bigint(expr, aggregate.input.schema());
            let exprs = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
            // Sets of groups are one expression of many columns.
            if aggregate.group_expr.iter().any(|group| matches!(group, Expr::GroupingSet(_))) {
                return Ok(vec![]);
            }
            exprs.zip(plan.schema().columns()).filter(|(expr, _)| of_input(expr)).map(|(_, column)| column).collect()
        }
        LogicalPlan::Window(window) => {
            let mut found = columns(&window.input)?;
            let made = plan.schema().columns().into_iter().skip(window.input.schema().fields().len());
            found.extend(made.zip(&window.window_expr).filter(|(_, expr)| is_count(expr)).map(|(column, _)| column));
            found
        }
        _ => vec![],
    })
}
