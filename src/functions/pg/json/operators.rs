//! The operators of `json` and `jsonb`, planned as functions.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::{combine, contains, get, path, paths};
use crate::catalog::types::PgType;
use crate::functions::merge::{self, MergeRule};

/// Plans `->`, `->>`, `#>`, `#>>`, `@>`, `<@`, `?`, `?|`, `?&`, `#-`, `@?` and `@@`, and of `jsonb` `||` and `-`. Arrays keep their own
/// `@>` and `<@`.
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
            BinaryOperator::StringConcat if joins(&expr.left, &expr.right, schema) => (combine::CONCAT, false),
            BinaryOperator::Minus if is_jsonb(&expr.left, schema) => match expr.right.get_type(schema) {
                Ok(DataType::List(_) | DataType::LargeList(_)) => (combine::WITHOUT_ALL, false),
                Ok(number) if number.is_integer() => (combine::WITHOUT_ELEMENT, false),
                Ok(name) if name.is_string() || name == DataType::Null => (combine::WITHOUT, false),
                _ => return Ok(PlannerResult::Original(expr)),
            },
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

/// Whether `||` is that of `jsonb`: of two of them, or of one and a literal in quotes or NULL, which have no type.
fn joins(left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    let untyped = |expr: &Expr| match expr {
        Expr::Literal(value, _) => value.is_null() || value.data_type().is_string(),
        Expr::Placeholder(parameter) => parameter.field.is_none(),
        _ => false,
    };
    match (is_jsonb(left, schema), is_jsonb(right, schema)) {
        (true, true) => true,
        (true, false) => untyped(right),
        (false, true) => untyped(left),
        (false, false) => false,
    }
}

fn is_jsonb(expr: &Expr, schema: &DFSchema) -> bool {
    kind(expr, schema) == Some(PgType::Jsonb)
}

/// The type of an expression. `coalesce` and the like hand a type on that their fields forget.
fn kind(expr: &Expr, schema: &DFSchema) -> Option<PgType> {
    match expr {
        Expr::Alias(alias) => kind(&alias.expr, schema),
        Expr::Case(case) => {
            let then = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
            shared(then.chain(case.else_expr.as_deref()), schema)
        }
        Expr::ScalarFunction(call) if matches!(call.func.name(), "coalesce" | "greatest" | "least") => {
            shared(call.args.iter(), schema)
        }
        Expr::ScalarFunction(call) if call.func.name() == "nullif" => kind(call.args.first()?, schema),
        Expr::AggregateFunction(call) if merge::rule(call.func.name()).is_some_and(MergeRule::returns_input) => {
            kind(call.params.args.first()?, schema)
        }
        _ => expr.to_field(schema).ok().map(|(_, field)| PgType::of_field(&field)),
    }
}

/// The one type of several expressions, without literals.
fn shared<'e>(exprs: impl Iterator<Item = &'e Expr>, schema: &DFSchema) -> Option<PgType> {
    let mut kinds = exprs.filter(|expr| !matches!(expr, Expr::Literal(..))).map(|expr| kind(expr, schema));
    let first = kinds.next()??;
    kinds.all(|other| other.as_ref() == Some(&first)).then_some(first)
}
