//! How large a plan may be, judged before anything walks it.
//!
//! A statement of a few lines can name more than there is room for: a view or a query of WITH that is read twice is
//! planned twice, and each level that reads the one below twice doubles it. Until views are put in their places such a
//! plan shares what is the same, so that its size can be known without making it. Some shapes take the planner time
//! that doubles with each level; they are bounded too.

use std::collections::HashMap;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Exists, InSubquery, ScalarFunction, SetComparison};
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::secured::Secured;
use super::view::View;
use crate::error::{Error, Result, SqlState};

/// Scans, joins, filters and other nodes of a plan, with those of the views in it; a view may have half of them, so
/// that it can be read.
const NODES: usize = 20_000;
/// Queries in expressions (EXISTS, IN, a query as a value) within one another: each is looked at twice for each that
/// is around it.
const SUBQUERIES: usize = 12;
/// CASE and coalesce that decide upon one another: a condition stands twice in what it is simplified to.
const CONDITIONS: usize = 10;
/// Views that read views, from a query down.
const VIEWS: usize = 100;

/// How large a plan is once its views are in their places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Its nodes, those of subqueries too.
    nodes: usize,
    /// The most subqueries within one another.
    subqueries: usize,
    /// The most conditions that decide upon one another in one expression.
    conditions: usize,
    /// The longest chain of views.
    views: usize,
}

impl Size {
    fn join(&mut self, other: Size) {
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.subqueries = self.subqueries.max(other.subqueries);
        self.conditions = self.conditions.max(other.conditions);
        self.views = self.views.max(other.views);
    }
}

/// Refuses a plan that is too large to be planned (54001).
pub fn check(plan: &LogicalPlan) -> Result<()> {
    within(plan, NODES, VIEWS).map(|_| ())
}

/// The size of the plan of a view. Refused (54001) when it is too large for a query to read it.
pub fn check_view(plan: &LogicalPlan) -> Result<Size> {
    within(plan, NODES / 2, VIEWS - 1)
}

fn within(plan: &LogicalPlan, nodes: usize, views: usize) -> Result<Size> {
    let size = measure(plan, &mut HashMap::new())?;
    let (detail, hint) = if size.nodes > nodes {
        let detail = format!("With every view and query of WITH in its place it has more than {nodes} steps.");
        (detail, "Read each of them fewer times.")
    } else if size.subqueries > SUBQUERIES {
        (format!("Queries in expressions may stand {SUBQUERIES} levels deep."), "Use joins.")
    } else if size.conditions > CONDITIONS {
        let detail = format!("CASE and coalesce may decide upon one another {CONDITIONS} levels deep.");
        (detail, "Compute the inner ones in a query of their own.")
    } else if size.views > views {
        (format!("Views may read views {VIEWS} levels deep."), "Define some of them on what the others read.")
    } else {
        return Ok(size);
    };
    Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "the statement is too complex").with_detail(detail).with_hint(hint))
}

/// Measures a plan. What it shares is measured once, and `known` by its address while the plan is borrowed.
fn measure(plan: &LogicalPlan, known: &mut HashMap<usize, Size>) -> DfResult<Size> {
    let address = std::ptr::from_ref(plan).addr();
    if let Some(size) = known.get(&address) {
        return Ok(*size);
    }
    let mut size = Size { nodes: 1, ..Size::default() };
    for input in plan.inputs() {
        size.join(measure(input, known)?);
    }
    if let LogicalPlan::TableScan(scan) = plan
        && let Ok(provider) = source_as_provider(&scan.source)
        && let Some(within) = (provider.downcast_ref::<View>().map(View::size))
            .or_else(|| provider.downcast_ref::<Secured>().map(Secured::size))
    {
        size.join(Size { views: within.views + 1, ..within });
    }
    plan.apply_expressions(|root| {
        size.conditions = size.conditions.max(conditions(root)?);
        root.apply(|expr| {
            let query = match expr {
                Expr::ScalarSubquery(query)
                | Expr::Exists(Exists { subquery: query, .. })
                | Expr::InSubquery(InSubquery { subquery: query, .. })
                | Expr::SetComparison(SetComparison { subquery: query, .. }) => query,
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            let within = measure(&query.subquery, known)?;
            size.join(Size { subqueries: within.subqueries + 1, ..within });
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    known.insert(address, size);
    Ok(size)
}

/// How many conditions in an expression decide upon one another.
fn conditions(expr: &Expr) -> DfResult<usize> {
    let mut most = 0;
    match expr {
        Expr::Case(case) => {
            let tested = case.expr.iter().chain(case.when_then_expr.iter().map(|(when, _)| when));
            for condition in tested {
                most = most.max(conditions(condition)? + 1);
            }
            for given in case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr) {
                most = most.max(conditions(given)?);
            }
        }
        // All arguments but the last are tested, and then given.
        Expr::ScalarFunction(ScalarFunction { func, args })
            if matches!(func.name(), "coalesce" | "nvl" | "nvl2" | "fill_constant" | "fill_from") =>
        {
            let last = args.len().saturating_sub(1);
            for (index, argument) in args.iter().enumerate() {
                most = most.max(conditions(argument)? + usize::from(index < last));
            }
        }
        other => {
            other.apply_children(|child| {
                most = most.max(conditions(child)?);
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{LogicalPlanBuilder, case, col, lit};

    use super::*;

    fn one() -> LogicalPlanBuilder {
        LogicalPlanBuilder::empty(true).project([lit(1).alias("a")]).unwrap()
    }

    #[test]
    fn what_is_shared_counts_as_often_as_it_is_read() {
        let mut plan = one().build().unwrap();
        for level in 0..25 {
            let twice = LogicalPlanBuilder::from(plan.clone()).alias(format!("l{level}")).unwrap();
            let other = LogicalPlanBuilder::from(plan).alias(format!("r{level}")).unwrap().build().unwrap();
            let joined = twice.cross_join(other).unwrap();
            plan = joined.project([col(format!("l{level}.a")).alias("a")]).unwrap().build().unwrap();
            if level == 3 {
                assert!(check(&plan).is_ok());
            }
        }
        assert_eq!(check(&plan).unwrap_err().state(), SqlState::STATEMENT_TOO_COMPLEX);
    }

    #[test]
    fn conditions_of_conditions() {
        let nested = |levels: usize| {
            let mut condition = col("a").eq(lit(1));
            for _ in 0..levels {
                condition = case(condition).when(lit(true), lit(true)).end().unwrap();
            }
            one().project([condition.alias("b")]).unwrap().build().unwrap()
        };
        assert_eq!(check_view(&nested(5)).unwrap().conditions, 5);
        assert!(check(&nested(10)).is_ok());
        assert_eq!(check(&nested(11)).unwrap_err().state(), SqlState::STATEMENT_TOO_COMPLEX);
        // Results decide nothing.
        let mut result = lit(1);
        for _ in 0..20 {
            result = case(col("a")).when(lit(1), result).end().unwrap();
        }
        let plan = one().project([result.alias("b")]).unwrap().build().unwrap();
        assert_eq!(check_view(&plan).unwrap().conditions, 1);
    }
}
