//! The operators of arrays: `&&`, `@>` and `<@`, and a text in quotes beside an array or a boolean, which is one of the same
//! type.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::catalog::types::PgType;
use crate::functions::pg::array_relations::{self, Relation};
use crate::values::{Zone, read_text};

/// Plans them, before the planner that comes with the engine's own arrays.
#[derive(Debug, Default)]
pub struct ArrayOperators;

pub(super) fn is_array(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

/// Whether two types are arrays whose elements compare.
pub(super) fn alike(left: &DataType, right: &DataType) -> bool {
    let element = |of: &DataType| match of {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item.data_type().clone())
        }
        _ => None,
    };
    match (element(left), element(right)) {
        (Some(left), Some(right)) => left == right || (left.is_string() && right.is_string()),
        _ => false,
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.try_as_str().flatten().is_some())
}

/// A text in quotes as a value of the type of `beside`, an array or a boolean; as it is beside something else.
pub(super) fn read_beside(expr: Expr, beside: &Expr, schema: &DFSchema) -> DfResult<Expr> {
    let Expr::Literal(value, _) = &expr else { return Ok(expr) };
    let Some(text) = value.try_as_str().flatten() else { return Ok(expr) };
    match beside.to_field(schema) {
        Ok((_, field)) => match PgType::of_field(&field) {
            kind @ (PgType::Array(_) | PgType::Bool) => Ok(Expr::Literal(read_text(&kind, text, Zone::UTC)?, None)),
            _ => Ok(expr),
        },
        Err(_) => Ok(expr),
    }
}

impl ExprPlanner for ArrayOperators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> DfResult<PlannerResult<RawBinaryExpr>> {
        let is_list = |side: &Expr| side.get_type(schema).is_ok_and(|of| is_array(&of));
        let relation = match &expr.op {
            // NULL is taken for an array without elements, not for an element.
            BinaryOperator::StringConcat if is_null(&expr.right) && is_list(&expr.left) => {
                return Ok(PlannerResult::Planned(expr.left));
            }
            BinaryOperator::StringConcat if is_null(&expr.left) && is_list(&expr.right) => {
                return Ok(PlannerResult::Planned(expr.right));
            }
            // As in Postgres it is an array too, and no element.
            BinaryOperator::StringConcat if is_text(&expr.left) != is_text(&expr.right) => {
                let RawBinaryExpr { op, left, right } = expr;
                let (left, right) = match (is_list(&left), is_list(&right)) {
                    (true, false) => (left.clone(), read_beside(right, &left, schema)?),
                    (false, true) => (read_beside(left, &right, schema)?, right),
                    _ => (left, right),
                };
                return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
            }
            BinaryOperator::PGOverlap => Some((Relation::Overlap, false)),
            BinaryOperator::AtArrow => Some((Relation::Contains, false)),
            BinaryOperator::ArrowAt => Some((Relation::Contains, true)),
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq => None,
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let written = is_text(&expr.left) || is_text(&expr.right);
        if !written && (relation.is_none() || !is_list(&expr.left) || !is_list(&expr.right)) {
            return Ok(PlannerResult::Original(expr));
        }
        let RawBinaryExpr { op, left, right } = expr;
        let left = read_beside(left, &right, schema)?;
        let right = read_beside(right, &left, schema)?;
        Ok(match relation {
            Some((relation, turned)) if is_list(&left) && is_list(&right) => {
                let args = if turned { vec![right, left] } else { vec![left, right] };
                PlannerResult::Planned(array_relations::of(relation).call(args))
            }
            _ => PlannerResult::Original(RawBinaryExpr { op, left, right }),
        })
    }
}
