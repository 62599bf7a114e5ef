//! The operators of `json` and `jsonb`, planned as functions.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::{combine, contains, get, path, paths};
use crate::catalog::types::PgType;
use crate::error::{Error, Result};

/// Plans `->`, `->>`, `#>`, `#>>`, `@>`, `<@`, `?`, `?|`, `?&`, `#-`, `@?` and `@@`, and of `jsonb` `||` and `-`. Arrays keep
/// their own `@>` and `<@`.
#[derive(Debug)]
pub struct JsonOperators {
    functions: Vec<Arc<ScalarUDF>>,
}

impl JsonOperators {
    /// The planner.
    pub fn new() -> Self {
        let functions = [get::all(), contains::all(), combine::all(), paths::all(), path::all()];
        let functions = functions.into_iter().flatten().map(Arc::new).collect();
        JsonOperators { functions }
    }

    fn call(&self, name: &str, args: Vec<Expr>) -> Option<Expr> {
        self.functions.iter().find(|function| function.name() == name).map(|function| function.call(args))
    }
}

impl Default for JsonOperators {
    fn default() -> Self {
        JsonOperators::new()
    }
}

impl ExprPlanner for JsonOperators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> DfResult<PlannerResult<RawBinaryExpr>> {
        let (name, turned) = match &expr.op {
            BinaryOperator::Arrow => (get::GET, false),
            BinaryOperator::LongArrow => (get::GET_TEXT, false),
            BinaryOperator::HashArrow => (get::PATH, false),
            BinaryOperator::HashLongArrow => (get::PATH_TEXT, false),
            BinaryOperator::Question => (contains::HAS, false),
            BinaryOperator::QuestionPipe => (contains::HAS_ANY, false),
            BinaryOperator::QuestionAnd => (contains::HAS_ALL, false),
            BinaryOperator::AtArrow => (contains::CONTAINS, false),
            BinaryOperator::ArrowAt => (contains::CONTAINS, true),
            BinaryOperator::HashMinus => (paths::DELETE_PATH, false),
            BinaryOperator::AtQuestion => (path::EXISTS, false),
            BinaryOperator::AtAt => (path::MATCHES, false),
            BinaryOperator::StringConcat => match joins(&expr.left, &expr.right, schema)? {
                true => (combine::CONCAT, false),
                false => return Ok(PlannerResult::Original(expr)),
            },
            // There is no other `-` that text has.
            BinaryOperator::Minus if matches!(side(&expr.left, schema), Side::Jsonb | Side::Perhaps) => {
                match expr.right.get_type(schema) {
                    Ok(DataType::List(_) | DataType::LargeList(_)) => (combine::WITHOUT_ALL, false),
                    Ok(number) if number.is_integer() => (combine::WITHOUT_ELEMENT, false),
                    Ok(name) if name.is_string() || name == DataType::Null => (combine::WITHOUT, false),
                    _ => return Ok(PlannerResult::Original(expr)),
                }
            }
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let is_list = |side: &Expr| matches!(side.get_type(schema), Ok(DataType::List(_) | DataType::LargeList(_)));
        if name == contains::CONTAINS && (is_list(&expr.left) || is_list(&expr.right)) {
            return Ok(PlannerResult::Original(expr));
        }
        let args = if turned {
            vec![expr.right.clone(), expr.left.clone()]
        } else {
            vec![expr.left.clone(), expr.right.clone()]
        };
        Ok(match self.call(name, args) {
            Some(call) => PlannerResult::Planned(call),
            None => PlannerResult::Original(expr),
        })
    }
}

/// What an operand of `||` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// It is `jsonb`, and says so itself.
    Jsonb,
    /// A column says that it is: one that was cast from `jsonb` to text below says the same.
    Perhaps,
    /// A literal in quotes, NULL or a parameter has no type.
    Open,
    Other,
}

/// Whether `||` is that of `jsonb`. 0A000 where it might be that of text as well.
fn joins(left: &Expr, right: &Expr, schema: &DFSchema) -> Result<bool> {
    match (side(left, schema), side(right, schema)) {
        (Side::Jsonb, Side::Jsonb | Side::Open) | (Side::Open, Side::Jsonb) => Ok(true),
        (Side::Perhaps, Side::Jsonb | Side::Perhaps | Side::Open) | (Side::Jsonb | Side::Open, Side::Perhaps) => {
            Err(Error::unsupported("|| of a jsonb column cannot be told from || of a text")
                .with_hint("Cast it: x::jsonb || .. is jsonb, and x::text || .. is text."))
        }
        _ => Ok(false),
    }
}

fn side(expr: &Expr, schema: &DFSchema) -> Side {
    let is_jsonb = |field: &Field| PgType::of_field(field) == PgType::Jsonb;
    let says = |expr: &Expr| expr.to_field(schema).is_ok_and(|(_, field)| is_jsonb(&field));
    match expr {
        Expr::Alias(alias) => side(&alias.expr, schema),
        Expr::Cast(Cast { field, .. }) | Expr::TryCast(TryCast { field, .. }) => {
            if is_jsonb(field) {
                Side::Jsonb
            } else {
                Side::Other
            }
        }
        Expr::Literal(value, _) if value.is_null() || value.data_type().is_string() => Side::Open,
        Expr::Placeholder(parameter) => match &parameter.field {
            None => Side::Open,
            Some(field) if is_jsonb(field) => Side::Jsonb,
            Some(_) => Side::Other,
        },
        Expr::Literal(..) | Expr::BinaryExpr(_) => Side::Other,
        Expr::Case(case) => {
            let then = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
            shared(then.chain(case.else_expr.as_deref()), schema)
        }
        Expr::ScalarFunction(call) => match call.func.name() {
            "coalesce" | "greatest" | "least" => shared(call.args.iter(), schema),
            "nullif" => shared(call.args.iter().take(1), schema),
            name if says(expr) => {
                let ours = name == "to_jsonb" || name.starts_with("jsonb_") || name.starts_with("onerow_json");
                if ours { Side::Jsonb } else { Side::Perhaps }
            }
            _ => Side::Other,
        },
        _ if says(expr) => Side::Perhaps,
        _ => Side::Other,
    }
}

/// What several are together that one of is the value.
fn shared<'e>(exprs: impl Iterator<Item = &'e Expr>, schema: &DFSchema) -> Side {
    let sides = exprs.map(|expr| side(expr, schema)).filter(|side| *side != Side::Open);
    sides.reduce(|one, other| if one == other { one } else { Side::Perhaps }).unwrap_or(Side::Open)
}
