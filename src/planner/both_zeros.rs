//! The two zeros of floating point numbers are one value for `IN` and for `CASE x WHEN`.
//!
//! DataFusion looks constants up by their bits there, and so -0 was not among 0 and 1, while `=` takes the zeros for one.
//! A zero in a list gets the other beside it, and one after WHEN a branch of its own: what is asked stays a comparison
//! with constants, which sources and the statistics of files know. Statements are looked at before anything is computed
//! of constants, and plans once more when DataFusion has made lists of comparisons.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Case, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::scalar::ScalarValue;

/// Puts the other zero beside each.
#[derive(Debug, Default)]
pub struct BothZeros;

impl AnalyzerRule for BothZeros {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "both_zeros"
    }
}

impl OptimizerRule for BothZeros {
    fn name(&self) -> &str {
        "both_zeros"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        of_node(plan)
    }
}

fn of_node(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        if !expr.exists(|part| Ok(lacks(part)))? {
            return Ok(Transformed::no(expr));
        }
        let name = names.save(&expr);
        Ok(expr.transform_up(|part| Ok(completed(part)))?.update_data(|expr| name.restore(expr)))
    })
}

/// Whether one of the zeros stands in an expression without the other.
fn lacks(expr: &Expr) -> bool {
    match expr {
        Expr::InList(InList { list, .. }) => missing(list.iter()).next().is_some(),
        Expr::Case(Case { expr: Some(_), when_then_expr, .. }) => {
            missing(when_then_expr.iter().map(|(when, _)| when.as_ref())).next().is_some()
        }
        _ => false,
    }
}

fn completed(expr: Expr) -> Transformed<Expr> {
    if !lacks(&expr) {
        return Transformed::no(expr);
    }
    Transformed::yes(match expr {
        Expr::InList(InList { expr, mut list, negated }) => {
            let others: Vec<Expr> = missing(list.iter()).collect();
            list.extend(others);
            Expr::InList(InList { expr, list, negated })
        }
        Expr::Case(Case { expr, when_then_expr, else_expr }) => {
            let lacking: Vec<Expr> = missing(when_then_expr.iter().map(|(when, _)| when.as_ref())).collect();
            let mut branches = Vec::with_capacity(when_then_expr.len() + lacking.len());
            for (when, then) in when_then_expr {
                // The branch stands at the place of its zero: the first that fits is taken.
                let other = other_zero(&when).filter(|other| lacking.contains(other));
                let beside = other.map(|other| (Box::new(other), then.clone()));
                branches.push((when, then));
                branches.extend(beside);
            }
            Expr::Case(Case { expr, when_then_expr: branches, else_expr })
        }
        expr => expr,
    })
}

/// The zeros that are not among the constants, of those whose other one is.
fn missing<'a>(constants: impl Iterator<Item = &'a Expr> + Clone) -> impl Iterator<Item = Expr> {
    let zeros: Vec<ScalarValue> = constants.clone().filter_map(zero).collect();
    let others: Vec<Expr> = constants.filter_map(other_zero).collect();
    // Values are the same bit by bit.
    let is_there = move |other: &Expr| zero(other).is_some_and(|other| zeros.contains(&other));
    others.into_iter().filter(move |other| !is_there(other))
}

/// The zero of floating point that a constant is, or comes to: those of other types are cast.
fn zero(constant: &Expr) -> Option<ScalarValue> {
    let value = match constant {
        Expr::Literal(value, _) => value.clone(),
        Expr::Cast(cast) => match cast.expr.as_ref() {
            Expr::Literal(value, _) => value.cast_to(cast.field.data_type()).ok()?,
            _ => return None,
        },
        _ => return None,
    };
    match value {
        ScalarValue::Float64(Some(0.0)) | ScalarValue::Float32(Some(0.0)) => Some(value),
        _ => None,
    }
}

/// The zero of the other sign.
fn other_zero(constant: &Expr) -> Option<Expr> {
    let other = match zero(constant)? {
        ScalarValue::Float64(number) => ScalarValue::Float64(number.map(|number| -number)),
        ScalarValue::Float32(number) => ScalarValue::Float32(number.map(|number| -number)),
        _ => return None,
    };
    Some(Expr::Literal(other, None))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;
    use datafusion::logical_expr::{case, cast, col, lit};

    use super::*;

    #[test]
    fn a_zero_gets_the_other_once() {
        let shown = |expr: Expr| {
            let once = completed(expr);
            assert!(!completed(once.data.clone()).transformed);
            once.transformed.then(|| once.data.to_string())
        };
        let list = |list: Vec<Expr>| col("a").in_list(list, true);
        assert_eq!(
            shown(list(vec![lit(1.0), lit(0.0)])).as_deref(),
            Some("a NOT IN ([Float64(1), Float64(0), Float64(-0)])")
        );
        assert_eq!(shown(list(vec![lit(-0.0_f32)])).as_deref(), Some("a NOT IN ([Float32(-0), Float32(0)])"));
        assert_eq!(shown(list(vec![lit(0), lit(1.0), lit(ScalarValue::Float64(None))])), None);
        assert_eq!(shown(list(vec![lit(0.0), lit(-0.0)])), None);
        let whole = cast(lit(0_i64), DataType::Float64);
        assert_eq!(shown(list(vec![whole])).as_deref(), Some("a NOT IN ([CAST(Int64(0) AS Float64), Float64(-0)])"));
        let labels = case(col("a")).when(lit(0.0), lit("z")).when(lit(1.0), lit("o")).end().unwrap();
        assert_eq!(
            shown(labels).as_deref(),
            Some(
                "CASE a WHEN Float64(0) THEN Utf8(\"z\") WHEN Float64(-0) THEN Utf8(\"z\") WHEN Float64(1) THEN Utf8(\"o\") END"
            )
        );
        assert_eq!(shown(case(col("a")).when(lit(1.0), lit(0.0)).end().unwrap()), None);
    }
}
