//! The operators of `json` and `jsonb`, planned as functions.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::{contains, get};

/// Plans `->`, `->>`, `#>`, `#>>`, `@>`, `<@`, `?`, `?|` and `?&`. Arrays keep their own `@>` and `<@`.
#[derive(Debug)]
pub struct JsonOperators {
    functions: Vec<Arc<ScalarUDF>>,
}

impl JsonOperators {
    /// The planner.
    pub fn new() -> Self {
        let functions = get::all().into_iter().chain(contains::all()).map(Arc::new).collect();
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
