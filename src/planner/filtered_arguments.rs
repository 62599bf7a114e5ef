//! The arguments of an aggregate, and the keys that it sorts by, are evaluated for the rows that its FILTER keeps alone.
//!
//! DataFusion evaluates them for every row and looks at the condition afterwards, so that
//! `max(10 / x) FILTER (WHERE x <> 0)` would divide by zero. An argument that may fail is made a CASE of the condition.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, when};
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig};

use super::each;
use crate::quality::on_any_row;

/// Makes a CASE of what may fail. It is to come before rules that change expressions.
#[derive(Debug)]
pub struct FilteredArguments;

impl OptimizerRule for FilteredArguments {
    fn name(&self) -> &str {
        "filtered_arguments"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        let is_filtered = |part: &Expr| matches!(part, Expr::AggregateFunction(call) if call.params.filter.is_some());
        let mut found = false;
        for expr in &aggregate.aggr_expr {
            found = found || expr.exists(|part| Ok(is_filtered(part)))?;
        }
        if found { each::expression(plan, filtered) } else { Ok(Transformed::no(plan)) }
    }
}

fn filtered(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    let Expr::AggregateFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
    let Some(filter) = call.params.filter.as_deref().cloned() else {
        return Ok(Transformed::no(Expr::AggregateFunction(call)));
    };
    let mut found = false;
    // What is also a key of the ORDER BY is known by that, and stays the same as the key.
    let mut keys = vec![];
    for key in &mut call.params.order_by {
        let written = key.expr.clone();
        if !is_kept(&written, &filter, schema)? {
            key.expr = only_where(filter.clone(), written.clone())?;
            found = true;
        }
        keys.push((written, key.expr.clone()));
    }
    for argument in &mut call.params.args {
        if let Some((_, key)) = keys.iter().find(|(written, _)| written == argument) {
            *argument = key.clone();
            continue;
        }
        if is_kept(argument, &filter, schema)? {
            continue;
        }
        *argument = only_where(filter.clone(), argument.clone())?;
        found = true;
    }
    Ok(Transformed::new(Expr::AggregateFunction(call), found, TreeNodeRecursion::Continue))
}

/// A value where a condition holds, and NULL where it does not: nothing is evaluated there.
pub fn only_where(condition: Expr, value: Expr) -> DfResult<Expr> {
    when(condition, value).end()
}

/// Whether an argument stays as it is: it cannot fail, or has its CASE already, or would lose what its field says of its
/// type.
fn is_kept(argument: &Expr, filter: &Expr, schema: &DFSchema) -> DfResult<bool> {
    // What stands for a form of SQL is recognised by its name.
    if matches!(argument, Expr::ScalarFunction(call) if call.func.name().starts_with("onerow_")) {
        return Ok(true);
    }
    if on_any_row(argument, schema) || !argument.to_field(schema)?.1.metadata().is_empty() {
        return Ok(true);
    }
    let asks = |part: &Expr| matches!(part, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_));
    let has_case = argument.exists(|part| {
        Ok(match part {
            Expr::Case(case) => case.when_then_expr.first().is_some_and(|(when, _)| when.as_ref() == filter),
            _ => false,
        })
    })?;
    Ok(has_case || filter.is_volatile() || filter.exists(|part| Ok(asks(part)))?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::functions_aggregate::expr_fn::max;
    use datafusion::logical_expr::{ExprFunctionExt, col, lit};

    use super::*;

    #[test]
    fn what_may_fail_is_evaluated_for_the_rows_that_are_kept() {
        let fields = vec![Field::new("x", DataType::Int32, true)];
        let schema = DFSchema::try_from(Schema::new(fields)).unwrap();
        let of = |argument: Expr| max(argument).filter(col("x").not_eq(lit(0))).build().unwrap();
        let changed = |expr: Expr| filtered(expr, &schema).unwrap();
        assert!(!changed(of(col("x"))).transformed);
        assert!(!changed(max(lit(10) / col("x"))).transformed);
        let once = changed(of(lit(10) / col("x")));
        assert!(once.transformed);
        assert!(once.data.to_string().contains("CASE WHEN x != Int32(0) THEN Int32(10) / x END"), "{}", once.data);
        assert!(!changed(once.data).transformed);
    }

    #[test]
    fn keys_are_guarded_too_and_stay_equal_to_arguments() {
        let fields = vec![Field::new("x", DataType::Int32, true)];
        let schema = DFSchema::try_from(Schema::new(fields)).unwrap();
        let keyed = |argument: Expr| {
            let key = (lit(10) / col("x")).sort(true, false);
            max(argument).filter(col("x").not_eq(lit(0))).order_by(vec![key]).build().unwrap()
        };
        for argument in [col("x"), lit(10) / col("x")] {
            let done = filtered(keyed(argument.clone()), &schema).unwrap();
            assert!(done.transformed);
            let Expr::AggregateFunction(call) = done.data else { panic!("no aggregate") };
            let (key, given) = (&call.params.order_by[0].expr, &call.params.args[0]);
            assert!(matches!(key, Expr::Case(_)));
            assert_eq!(key == given, argument != col("x"));
        }
    }
}
