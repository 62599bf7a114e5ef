//! Which conditions on a merged value are conditions on one of the values that it was merged from.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{AggregateFunction, Cast, InList, Like, ScalarFunction};
use datafusion::logical_expr::{Aggregate, Between, BinaryExpr, Expr, ExprSchemable, Operator};

use crate::functions::merge;

/// The condition on a row of the grouping's input that some row of a group satisfies whenever the group satisfies
/// `conjunct`; none when there is no such condition.
///
/// That holds when the conjunct is about one column alone, the result of a merge function that returns one of its
/// inputs, when it is never true of NULL, and when it is a function of the value: then the value it is true of is not
/// null, so it is the input of a row of the group, and the conjunct is true of that input. FILTER makes fewer rows
/// inputs, so leaving it out only finds more.
pub(super) fn witness(conjunct: &Expr, aggregate: &Aggregate) -> DfResult<Option<Expr>> {
    let mut columns = conjunct.column_refs().into_iter();
    let (Some(column), None) = (columns.next(), columns.next()) else { return Ok(None) };
    let column = column.clone();
    if !is_strict(conjunct, &column) {
        return Ok(None);
    }
    let Some(index) = aggregate.schema.maybe_index_of_column(&column) else { return Ok(None) };
    let keys = aggregate.schema.fields().len().saturating_sub(aggregate.aggr_expr.len());
    let merged = index.checked_sub(keys).and_then(|index| aggregate.aggr_expr.get(index));
    let Some(Expr::AggregateFunction(AggregateFunction { func, params })) = merged.map(unaliased) else {
        return Ok(None);
    };
    let returns_input = merge::rule(func.name()).is_some_and(merge::MergeRule::returns_input);
    let Some(value) = params.args.first() else { return Ok(None) };
    let result = aggregate.schema.field(index).data_type();
    if !returns_input
        || params.distinct
        || !params.order_by.is_empty()
        || value.is_volatile()
        || value.get_type(aggregate.input.schema())? != *result
    {
        return Ok(None);
    }
    let condition = conjunct.clone().transform(|expr| match &expr {
        Expr::Column(found) if *found == column => Ok(Transformed::yes(value.clone())),
        _ => Ok(Transformed::no(expr)),
    });
    condition.data().map(Some)
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

/// Whether a condition is built of comparisons that are NULL when the column is, with AND, OR and NOT, which are NULL
/// when both sides are. No part of it can fail.
fn is_strict(expr: &Expr, column: &Column) -> bool {
    let of_column = |expr: &Expr| is_value(expr, column);
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            is_strict(left, column) && is_strict(right, column)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let compares = matches!(
                op,
                Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
            );
            compares && ((of_column(left) && is_literal(right)) || (is_literal(left) && of_column(right)))
        }
        Expr::Not(inner) => is_strict(inner, column),
        Expr::Like(Like { expr, pattern, escape_char: None | Some('\\'), .. }) => {
            // A backslash at the end would be an error.
            let plain = |pattern: &Expr| {
                matches!(pattern, Expr::Literal(value, _)
                    if value.try_as_str().flatten().is_some_and(|text| !text.contains('\\')))
            };
            of_column(expr) && plain(pattern)
        }
        Expr::Between(Between { expr, low, high, .. }) => of_column(expr) && is_literal(low) && is_literal(high),
        Expr::InList(InList { expr, list, .. }) => of_column(expr) && !list.is_empty() && list.iter().all(is_literal),
        Expr::Column(found) => found == column,
        _ => false,
    }
}

/// The column, or a function of it that never fails and is NULL of NULL.
fn is_value(expr: &Expr, column: &Column) -> bool {
    match expr {
        Expr::Column(found) => found == column,
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let [argument] = args.as_slice() else { return false };
            matches!(func.name(), "lower" | "upper") && is_value(argument, column)
        }
        // From text to text nothing can fail; what is beneath is text when it is the column of a comparison with text.
        Expr::Cast(Cast { expr, field }) => {
            matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
                && is_value(expr, column)
        }
        _ => false,
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if !value.is_null())
}
