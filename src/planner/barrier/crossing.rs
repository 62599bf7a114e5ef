//! Which conditions cross a barrier, and the rule that moves them.
//!
//! A condition crosses when evaluating it on any row fails never and tells nobody: a tree of AND, OR and NOT over
//! comparisons and IS NULL of columns, literals and parameters, with casts among them that lose nothing. No function
//! crosses, none of ours and none of DataFusion's, no other cast, no arithmetic and no pattern: each can fail with the
//! value in its message, or takes a time that depends on it. That is what Postgres calls leakproof.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, Filter, LogicalPlan, Operator};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::node::SecurityBarrier;

/// The name of DataFusion's rule that moves filters.
const RULE: &str = "push_down_filter";

/// The rules, of which the one that moves filters leaves barriers to us.
pub fn guarded(rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let guard = |rule: Arc<dyn OptimizerRule + Send + Sync>| match rule.name() == RULE {
        true => Arc::new(Guarded(rule)) as Arc<dyn OptimizerRule + Send + Sync>,
        false => rule,
    };
    rules.into_iter().map(guard).collect()
}

#[derive(Debug)]
struct Guarded(Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for Guarded {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        // Filters above one another are one to that rule, whose condition may then stand in another order.
        match &plan {
            LogicalPlan::Filter(filter) if is_above_barrier(&filter.input) => cross(plan),
            _ => self.0.rewrite(plan, config),
        }
    }
}

/// Whether a plan is a barrier, perhaps below filters.
fn is_above_barrier(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Filter(filter) => is_above_barrier(&filter.input),
        plan => SecurityBarrier::beneath(plan).is_some(),
    }
}

/// Moves what may cross of the filters above a barrier below it. What stays keeps its order.
fn cross(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    let mut kept: Vec<Vec<Expr>> = vec![];
    let mut crossing: Vec<Expr> = vec![];
    let mut at = &plan;
    while let LogicalPlan::Filter(filter) = at {
        let mut stays = vec![];
        for conjunct in split_conjunction(&filter.predicate) {
            match is_leakproof(conjunct, filter.input.schema()) {
                true => crossing.push(conjunct.clone()),
                false => stays.push(conjunct.clone()),
            }
        }
        kept.push(stays);
        at = filter.input.as_ref();
    }
    let (Some(below), Some(condition)) = (SecurityBarrier::beneath(at), conjunction(crossing)) else {
        return Ok(Transformed::no(plan));
    };
    let below = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(below.clone()))?);
    let mut new = SecurityBarrier::around(below);
    for stays in kept.into_iter().rev() {
        if let Some(condition) = conjunction(stays) {
            new = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(new))?);
        }
    }
    Ok(Transformed::yes(new))
}

/// Whether evaluating a condition on any row can neither fail nor tell of the row.
fn is_leakproof(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Column(column) => is_plain_column(column, schema),
        Expr::Literal(..) | Expr::Placeholder(_) => true,
        Expr::Alias(alias) => is_leakproof(&alias.expr, schema),
        Expr::Not(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsNotUnknown(inner) => is_leakproof(inner, schema),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let known = match op {
                Operator::And | Operator::Or => true,
                Operator::Eq
                | Operator::NotEq
                | Operator::Lt
                | Operator::LtEq
                | Operator::Gt
                | Operator::GtEq
                | Operator::IsDistinctFrom
                | Operator::IsNotDistinctFrom => are_alike(left, right, schema),
                _ => false,
            };
            known && is_leakproof(left, schema) && is_leakproof(right, schema)
        }
        Expr::Between(between) => {
            let parts = [&between.expr, &between.low, &between.high];
            parts.iter().all(|part| is_leakproof(part, schema) && are_alike(&between.expr, part, schema))
        }
        Expr::InList(list) => {
            is_leakproof(&list.expr, schema)
                && list.list.iter().all(|item| is_leakproof(item, schema) && are_alike(&list.expr, item, schema))
        }
        Expr::Cast(Cast { expr, field }) => {
            is_leakproof(expr, schema)
                && expr.get_type(schema).is_ok_and(|from| loses_nothing(&from, field.data_type()))
        }
        _ => false,
    }
}

/// Whether a column is of a type whose values are compared as they are.
fn is_plain_column(column: &Column, schema: &DFSchema) -> bool {
    let at = schema.maybe_index_of_column(column);
    at.and_then(|at| schema.fields().get(at)).is_some_and(|field| is_plain(field.data_type()))
}

fn is_plain(kind: &DataType) -> bool {
    kind.is_numeric()
        || kind.is_string()
        || matches!(
            kind,
            DataType::Boolean
                | DataType::Date32
                | DataType::Date64
                | DataType::Time32(_)
                | DataType::Time64(_)
                | DataType::Timestamp(..)
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::Null
        )
}

/// Whether two sides are compared as they are: what is not of one type is cast first, by whoever plans it.
fn are_alike(left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    match (left.get_type(schema), right.get_type(schema)) {
        (Ok(left), Ok(right)) => {
            let texts = left.is_string() && right.is_string();
            is_plain(&left) && (left == right || texts || matches!(right, DataType::Null))
        }
        _ => false,
    }
}

/// Whether every value of one type is one of another, so that a cast never fails.
fn loses_nothing(from: &DataType, to: &DataType) -> bool {
    use DataType::{Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32};
    from == to
        || from.is_string() && to.is_string()
        || matches!(
            (from, to),
            (Int8, Int16 | Int32 | Int64 | Float32 | Float64)
                | (Int16, Int32 | Int64 | Float32 | Float64)
                | (Int32, Int64 | Float64)
                | (UInt8, Int16 | Int32 | Int64 | UInt16 | UInt32)
                | (UInt16, Int32 | Int64 | UInt32)
                | (UInt32, Int64)
                | (Float32, Float64)
        )
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::functions::expr_fn::{lower, random};
    use datafusion::logical_expr::expr::InList;
    use datafusion::logical_expr::{LogicalPlanBuilder, cast, col, lit, table_scan};
    use datafusion::optimizer::optimizer::{Optimizer, OptimizerContext};

    use super::*;

    fn behind() -> LogicalPlan {
        let fields = vec![
            Field::new("a", DataType::Int32, true),
            Field::new("t", DataType::Utf8View, true),
            Field::new("l", DataType::new_list(DataType::Int32, true), true),
        ];
        SecurityBarrier::around(table_scan(Some("s"), &Schema::new(fields), None).unwrap().build().unwrap())
    }

    fn pushed(condition: Expr) -> String {
        let plan = LogicalPlanBuilder::from(behind()).filter(condition).unwrap().build().unwrap();
        let rules: Vec<_> = guarded(Optimizer::new().rules).into_iter().filter(|rule| rule.name() == RULE).collect();
        let optimized = Optimizer::with_rules(rules).optimize(plan, &OptimizerContext::new(), |_, _| {}).unwrap();
        optimized.display_indent().to_string()
    }

    #[test]
    fn what_cannot_fail_crosses() {
        let list = |negated| Expr::InList(InList::new(Box::new(col("a")), vec![lit(1), lit(2)], negated));
        for condition in [
            col("a").eq(lit(1)),
            col("t").gt(lit("ı")),
            col("a").is_null().or(!col("t").eq(lit("客"))),
            cast(col("a"), DataType::Int64).lt(lit(7_i64)),
            list(true),
            list(false).and(col("a").between(lit(1), lit(2))),
        ] {
            let shown = pushed(condition.clone());
            assert!(shown.starts_with("SecurityBarrier"), "{condition}: {shown}");
        }
    }

    #[test]
    fn what_can_fail_stays() {
        for condition in [
            (lit(1) / col("a")).eq(lit(1)),
            (col("a") + lit(1)).eq(lit(1)),
            cast(col("t"), DataType::Int32).eq(lit(1)),
            cast(col("a"), DataType::Int8).eq(lit(1_i8)),
            lower(col("t")).eq(lit("x")),
            col("t").like(lit("a%")),
            col("l").is_null(),
            // One without columns, which tells whether there is any row.
            (lit(1) / lit(0)).eq(lit(1)),
            random().gt(lit(0.5)),
            col("a").eq(lit(1)).or((lit(1) / col("a")).eq(lit(1))),
        ] {
            let shown = pushed(condition.clone());
            assert!(shown.starts_with("Filter") && shown.contains("\n  SecurityBarrier"), "{condition}: {shown}");
        }
    }

    #[test]
    fn of_one_condition_only_that_part_crosses() {
        let shown = pushed(col("a").eq(lit(1)).and(lower(col("t")).eq(lit("x"))));
        let lines: Vec<&str> = shown.lines().map(str::trim).collect();
        assert!(lines[0].starts_with("Filter: lower("), "{shown}");
        assert_eq!(lines[1], "SecurityBarrier");
        assert!(!shown.rsplit("SecurityBarrier").next().unwrap().contains("lower"), "{shown}");
        assert!(shown.rsplit("SecurityBarrier").next().unwrap().contains("s.a = Int32(1)"), "{shown}");
    }
}
