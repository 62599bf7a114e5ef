//! An infinite date is an infinite timestamp, and the other way round, as in Postgres.
//!
//! DataFusion's casts fail for them, since they are carried by the greatest and the least numbers. Its rules know those
//! casts: they turn `day::timestamp > '..'` into a comparison with a day. So casts of columns are changed when these
//! rules are done, and casts of constants before, which would be computed by the rules. The clock is UTC's: where the
//! session's is another, casts to an instant are functions of the session's clock by then.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig};

use super::clock_casts::utc_cast;
use super::each;
use super::plain_constants::is_constant;

/// Changes the casts that are left.
#[derive(Debug)]
pub struct InfiniteCasts;

impl OptimizerRule for InfiniteCasts {
    fn name(&self) -> &str {
        "infinite_casts"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        match plan {
            // What a source is asked is its own to cast.
            LogicalPlan::TableScan(_) => Ok(Transformed::no(plan)),
            plan => {
                let mut casts = false;
                plan.apply_expressions(|expr| {
                    casts = expr.exists(|part| Ok(matches!(part, Expr::Cast(_))))?;
                    Ok(if casts { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
                })?;
                if casts { each::expression(plan, infinite) } else { Ok(Transformed::no(plan)) }
            }
        }
    }
}

/// Such a cast as one that keeps infinities.
pub(super) fn infinite(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr: inner, field })
            if inner.get_type(schema).is_ok_and(|from| knows_infinity(&from, field.data_type())) =>
        {
            Ok(Transformed::yes(utc_cast(*inner, field.data_type().clone())))
        }
        expr => Ok(Transformed::no(expr)),
    }
}

/// A cast of a constant.
pub(super) fn of_constant(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr: inner, field }) if is_constant(&inner)? => {
            infinite(Expr::Cast(Cast { expr: inner, field }), schema)
        }
        expr => Ok(Transformed::no(expr)),
    }
}

/// Whether both types have infinities, which the cast must keep.
fn knows_infinity(from: &DataType, to: &DataType) -> bool {
    let micros = |of: &DataType| matches!(of, DataType::Timestamp(TimeUnit::Microsecond, _));
    match (from, to) {
        (DataType::Date32, to) => micros(to),
        (from, DataType::Date32) => micros(from),
        (DataType::Timestamp(TimeUnit::Microsecond, one), DataType::Timestamp(TimeUnit::Microsecond, other)) => {
            one.is_some() != other.is_some()
        }
        _ => false,
    }
}
