//! A CASE that gives a boolean evaluates no branch but the one that is taken.
//!
//! DataFusion's simplifier makes `(c AND a) OR (NOT c AND b)` of `CASE WHEN c THEN a ELSE b END` where the branches are
//! boolean, also of what `coalesce` stands for, and evaluates both. That is right, and good for conditions that a source
//! can test, where no branch can fail. Where one can, as in `CASE WHEN b <> 0 THEN a / b < 2 END`, the branches are given
//! as numbers, and the number is compared: `CASE .. END > 0`. The simplifier leaves such a CASE alone, and a null stays
//! one.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::each;
use crate::error::Error;
use crate::quality::on_any_row;

/// Functions that the simplifier makes a CASE of.
const CASES: &[&str] = &["coalesce", "fill_constant", "fill_from", "ifnull", "nvl"];

/// Gives such branches as numbers. It is to come before the rule that takes a CASE apart.
#[derive(Debug)]
pub struct GuardedCases;

impl OptimizerRule for GuardedCases {
    fn name(&self) -> &str {
        "guarded_cases"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        let mut found = false;
        plan.apply_expressions(|expr| {
            found = found || expr.exists(|inner| Ok(is_case(inner)))?;
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if found { each::expression(plan, guarded) } else { Ok(Transformed::no(plan)) }
    }
}

fn is_case(expr: &Expr) -> bool {
    match expr {
        Expr::Case(case) => case.expr.is_none(),
        Expr::ScalarFunction(call) => CASES.contains(&call.func.name()),
        _ => false,
    }
}

fn guarded(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    let is_boolean = |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Boolean));
    let safe = |expr: &Expr| on_any_row(expr, schema);
    let held = match expr {
        Expr::Case(Case { expr: None, when_then_expr, else_expr })
            if when_then_expr.first().is_some_and(|(_, then)| is_boolean(then))
                // The first condition is evaluated on every row anyway.
                && !(when_then_expr.iter().skip(1).all(|(when, _)| safe(when))
                    && when_then_expr.iter().all(|(_, then)| safe(then))
                    && else_expr.as_deref().is_none_or(safe)) =>
        {
            let branches = when_then_expr.into_iter().map(|(when, then)| (when, Box::new(as_number(*then))));
            Expr::Case(Case {
                expr: None,
                when_then_expr: branches.collect(),
                else_expr: else_expr.map(|branch| Box::new(as_number(*branch))),
            })
        }
        Expr::ScalarFunction(ScalarFunction { func, args })
            if CASES.contains(&func.name()) && args.iter().any(is_boolean) && !args.iter().skip(1).all(safe) =>
        {
            Expr::ScalarFunction(ScalarFunction { func, args: args.into_iter().map(as_number).collect() })
        }
        other => return Ok(Transformed::no(other)),
    };
    // Not `= 1`: that the simplifier would compare with each branch that is a value.
    Ok(Transformed::yes(held.gt(lit(0i8))))
}

/// A boolean as 0 or 1.
fn as_number(branch: Expr) -> Expr {
    let function = Truth { signature: Signature::any(1, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![branch]))
}

/// A boolean as a number. It is no cast: a source would be asked for one, which not every system has.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Truth {
    signature: Signature,
}

impl ScalarUDFImpl for Truth {
    fn name(&self) -> &str {
        "truth_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Int8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let truth = args.args.first().ok_or_else(|| Error::internal("no branch to take"))?;
        truth.cast_to(&DataType::Int8, None)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::logical_expr::{Operator, binary_expr, col, when};

    use super::*;

    fn rewritten(expr: Expr) -> String {
        let fields = vec![Field::new("a", DataType::Int32, true), Field::new("f", DataType::Boolean, true)];
        let schema = DFSchema::try_from(Schema::new(fields)).unwrap();
        guarded(expr, &schema).unwrap().data.to_string()
    }

    #[test]
    fn branches_that_may_fail_are_guarded() {
        let divided = binary_expr(lit(1), Operator::Divide, col("a")).gt(lit(0));
        let case = when(col("a").not_eq(lit(0)), divided.clone()).end().unwrap();
        assert_eq!(rewritten(case), "CASE WHEN a != Int32(0) THEN truth_value(Int32(1) / a > Int32(0)) END > Int8(0)");
        let second = when(col("a").eq(lit(0)), lit(true)).when(divided.clone(), lit(false)).end().unwrap();
        assert!(rewritten(second).ends_with("> Int8(0)"));
        let otherwise = when(col("f"), lit(true)).otherwise(divided).unwrap();
        assert!(rewritten(otherwise).ends_with("> Int8(0)"));
    }

    #[test]
    fn others_stay_as_they_are() {
        let first = binary_expr(lit(1), Operator::Divide, col("a")).gt(lit(0));
        for case in [
            when(col("f"), col("a").gt(lit(1))).otherwise(lit(false)).unwrap(),
            when(first, lit(true)).end().unwrap(),
            when(col("f"), binary_expr(lit(1), Operator::Divide, col("a"))).end().unwrap(),
        ] {
            assert_eq!(rewritten(case.clone()), case.to_string());
        }
    }
}
