//! `x > ALL (SELECT ..)`, `x <> ANY (SELECT ..)` in lists, and in conditions over rows that are chosen by more than
//! equality.
//!
//! DataFusion makes EXISTS of them, which it knows in conditions alone. Here the subquery's rows are counted: those that
//! decide, and those of which it is not known. Of no rows at all ALL is true and ANY is false, whatever x is.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as DfResult;
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::{SetComparison, SetQuantifier};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Subquery, lit, when};
use datafusion::scalar::ScalarValue;

use super::subquery::has_subquery;
use super::{outside, rows};

/// How many rows decide, and of how many it is not known.
const DECIDED: &str = "\u{1}decided";
const UNKNOWN: &str = "\u{1}unknown";

/// The comparisons of a node's expressions, counted. Conditions keep those that DataFusion joins.
pub(super) fn counted(expr: Expr, schema: &DFSchema, in_condition: bool) -> DfResult<Expr> {
    if !expr.exists(|e| Ok(matches!(e, Expr::SetComparison(_))))? {
        return Ok(expr);
    }
    let changed = expr.transform_up(|e| match e {
        Expr::SetComparison(found) if !in_condition || outside::is_beyond_equality(&found.subquery.subquery)? => {
            Ok(match of_counts(&found, schema)? {
                Some(answer) => Transformed::yes(answer),
                None => Transformed::no(Expr::SetComparison(found)),
            })
        }
        e => Ok(Transformed::no(e)),
    })?;
    Ok(changed.data)
}

/// `CASE WHEN the decided > 0 THEN .. WHEN the unknown > 0 THEN NULL ELSE .. END`; none where x reads more than columns.
fn of_counts(found: &SetComparison, schema: &DFSchema) -> DfResult<Option<Expr>> {
    let SetComparison { expr, subquery, op, quantifier } = found;
    if has_subquery(expr)? || expr.contains_outer() {
        return Ok(None);
    }
    let rows = rows::taken_back(&subquery.subquery);
    let (value, input) = match rows.as_ref() {
        LogicalPlan::Projection(projection) => match projection.expr.as_slice() {
            [value] if !has_subquery(value)? && !value.is_volatile() => {
                (value.clone().unalias(), Arc::clone(&projection.input))
            }
            _ => return Ok(None),
        },
        plan => match plan.schema().columns().as_slice() {
            [column] => (Expr::Column(column.clone()), Arc::clone(&rows)),
            _ => return Ok(None),
        },
    };
    let sought = expr.as_ref().clone().transform_up(|e| match e {
        Expr::Column(column) => {
            let (_, field) = schema.qualified_field_from_column(&column)?;
            Ok(Transformed::yes(Expr::OuterReferenceColumn(Arc::clone(field), column)))
        }
        e => Ok(Transformed::no(e)),
    })?;
    let compared = Expr::BinaryExpr(BinaryExpr { left: Box::new(sought.data), op: *op, right: Box::new(value) });
    let all = matches!(quantifier, SetQuantifier::All);
    let decides = match all {
        true => Expr::IsFalse(Box::new(compared.clone())),
        false => Expr::IsTrue(Box::new(compared.clone())),
    };
    let number =
        |condition: Expr| Ok::<_, datafusion::error::DataFusionError>(count(when(condition, lit(1i64)).end()?));
    let counts = vec![number(decides)?.alias(DECIDED), number(compared.is_null())?.alias(UNKNOWN)];
    let column = |name: &str| Expr::Column(datafusion::common::Column::new_unqualified(name));
    let answer = when(column(DECIDED).gt(lit(0i64)), lit(!all))
        .when(column(UNKNOWN).gt(lit(0i64)), lit(ScalarValue::Boolean(None)))
        .otherwise(lit(all))?;
    let plan = LogicalPlanBuilder::from(input.as_ref().clone())
        .aggregate(Vec::<Expr>::new(), counts)?
        .project(vec![answer.alias("compared")])?
        .build()?;
    let outer_ref_columns = plan.all_out_ref_exprs();
    let spans = subquery.spans.clone();
    Ok(Some(Expr::ScalarSubquery(Subquery { subquery: Arc::new(plan), outer_ref_columns, spans })))
}
