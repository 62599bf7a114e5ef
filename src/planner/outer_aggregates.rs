//! Aggregates in a subquery that take columns of the query around it alone.
//!
//! In SQL such an aggregate is that query's: `SELECT (SELECT count(a.x)) FROM a` gives one row, and so does
//! `SELECT (SELECT count(a.x) FROM b) FROM a`. DataFusion would compute it within the subquery, for each row outside. It is
//! refused, since what it would give is another number.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::error::Error;

/// 0A000 for a plan with such an aggregate. The plan is as it is written: nothing has been moved between queries yet.
pub fn check(plan: &LogicalPlan) -> DfResult<()> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Aggregate(aggregate) = node {
            for expr in &aggregate.aggr_expr {
                found |= is_of_outside(expr)?;
            }
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !found {
        return Ok(());
    }
    Err(Error::unsupported("an aggregate in a subquery takes columns of the query around it alone")
        .with_hint("In SQL it is an aggregate of that query. Compute it there, or in a subquery in FROM.")
        .into())
}

/// Whether an aggregate names columns of outside and none of its own rows.
fn is_of_outside(expr: &Expr) -> DfResult<bool> {
    let (mut outer, mut own) = (false, false);
    expr.apply(|part| {
        match part {
            Expr::OuterReferenceColumn(..) => outer = true,
            Expr::Column(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::ScalarSubquery(_) => own = true,
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(outer && !own)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::MemTable;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn those_of_outside_alone() {
        let context = SessionContext::new();
        for (name, column) in [("a", "x"), ("b", "y")] {
            let schema = Arc::new(Schema::new(vec![Field::new(column, DataType::Int32, true)]));
            context.register_table(name, Arc::new(MemTable::try_new(schema, vec![vec![]]).unwrap())).unwrap();
        }
        for (sql, refused) in [
            ("SELECT (SELECT count(a.x)) FROM a", true),
            ("SELECT (SELECT count(x) FROM b) FROM a", true),
            ("SELECT (SELECT max(a.x) + max(b.y) FROM b) FROM a", true),
            ("SELECT (SELECT count(*) FILTER (WHERE a.x > 1) FROM b) FROM a", true),
            ("SELECT x FROM a WHERE EXISTS (SELECT 1 FROM b HAVING max(a.x) > 1)", true),
            ("SELECT (SELECT sum(a.x + b.y) FROM b) FROM a", false),
            ("SELECT (SELECT count(*) FROM b WHERE b.y = a.x) FROM a", false),
            ("SELECT count(x), (SELECT count(1)) FROM a", false),
        ] {
            let plan = context.state().create_logical_plan(sql).await.unwrap();
            assert_eq!(check(&plan).is_err(), refused, "{sql}");
        }
    }
}
