//! Keys of joins under names of their own.
//!
//! Where a key is computed, DataFusion computes it in a projection beside the columns of its side, and gives a cast
//! another name than that of what is cast. Our functions that stand for casts are named after their operand as casts are
//! and were left so: two columns had one name.

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// The plan with keys renamed that would have the name of a column.
pub fn named(plan: LogicalPlan) -> DfResult<LogicalPlan> {
    Ok(plan.transform_up_with_subqueries(rename)?.data)
}

fn rename(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    let LogicalPlan::Join(mut join) = plan else { return Ok(Transformed::no(plan)) };
    let mut changed = false;
    for (index, (left, right)) in join.on.iter_mut().enumerate() {
        for (key, side) in [(left, &join.left), (right, &join.right)] {
            if is_named_as_column(key, side) {
                // Two may be written alike that are of different types.
                *key = key.clone().alias(format!("{key} #{index}"));
                changed = true;
            }
        }
    }
    Ok(Transformed::new_transformed(LogicalPlan::Join(join), changed))
}

fn is_named_as_column(key: &Expr, side: &LogicalPlan) -> bool {
    if matches!(key, Expr::Column(_) | Expr::Cast(_) | Expr::TryCast(_) | Expr::Alias(_)) {
        return false;
    }
    let name = key.schema_name().to_string();
    side.schema().columns().iter().any(|column| column.flat_name() == name)
}
