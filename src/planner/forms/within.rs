//! `EXISTS (SELECT .. FROM (SELECT x AS y FROM t WHERE t.a = outer.a) s WHERE s.y > outer.b)`: the condition of the query
//! in FROM is brought beside the condition around it, since DataFusion loses what the two compare with.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, LogicalPlanBuilder, Subquery, lit};

use super::subquery::{has_subquery, is_plain};

/// The subquery of an EXISTS with its conditions side by side; as it is where it has not two such conditions.
pub(super) fn brought(subquery: Subquery) -> DfResult<Subquery> {
    let Some(plan) = side_by_side(&subquery.subquery)? else { return Ok(subquery) };
    let outer_ref_columns = plan.all_out_ref_exprs();
    Ok(Subquery { subquery: Arc::new(plan), outer_ref_columns, ..subquery })
}

fn side_by_side(plan: &LogicalPlan) -> DfResult<Option<LogicalPlan>> {
    let LogicalPlan::Projection(shown) = plan else { return Ok(None) };
    let LogicalPlan::Filter(filter) = shown.input.as_ref() else { return Ok(None) };
    let LogicalPlan::SubqueryAlias(alias) = filter.input.as_ref() else { return Ok(None) };
    let mut below = alias.input.as_ref();
    // Whether a row is there does not depend on how often.
    while let LogicalPlan::Distinct(Distinct::All(rows)) = below {
        below = rows.as_ref();
    }
    let LogicalPlan::Projection(within) = below else { return Ok(None) };
    let refers = within.input.exists(|node| Ok(node.contains_outer_reference()))?;
    if !refers || !filter.predicate.contains_outer() || has_subquery(&filter.predicate)? || !is_plain(&within.input)? {
        return Ok(None);
    }
    let mut values: HashMap<Column, &Expr> = HashMap::new();
    for (column, value) in filter.input.schema().columns().into_iter().zip(&within.expr) {
        if has_subquery(value)? || value.is_volatile() || value.contains_outer() {
            return Ok(None);
        }
        values.insert(column, value);
    }
    let condition = filter.predicate.clone().transform_up(|e| match e {
        Expr::Column(column) => Ok(match values.get(&column) {
            Some(value) => Transformed::yes((*value).clone().unalias()),
            None => Transformed::no(Expr::Column(column)),
        }),
        e => Ok(Transformed::no(e)),
    })?;
    // As one condition: of two, one above the other, the upper one would look for its columns in vain.
    let (rows, condition) = match within.input.as_ref() {
        LogicalPlan::Filter(below) => (below.input.as_ref(), below.predicate.clone().and(condition.data)),
        rows => (rows, condition.data),
    };
    let rows = LogicalPlanBuilder::from(rows.clone()).filter(condition)?;
    rows.project(vec![lit(1i64)])?.build().map(Some)
}
