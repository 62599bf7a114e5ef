//! `*` in the place of an argument, which only `count` takes: 42883, and 42809 for a function that is no aggregate.

use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::WindowFunctionDefinition;
use datafusion::logical_expr::{Expr, ExprSchemable};

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// 42809: what is named is of another kind than is needed.
const WRONG_OBJECT_TYPE: SqlState = SqlState("42809");

/// Makes sure that a call has no star among its arguments.
pub(super) fn check(expr: &Expr, schema: &DFSchema) -> Result<()> {
    match expr {
        Expr::AggregateFunction(call) => refuse(call.func.name(), &call.params.args, schema),
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => refuse(function.name(), &call.params.args, schema),
            WindowFunctionDefinition::WindowUDF(function) => refuse(function.name(), &call.params.args, schema),
        },
        Expr::ScalarFunction(call) if call.args.iter().any(|arg| is_star(arg, false)) => {
            let name = call.func.name();
            let message = format!("{name}(*) specified, but {name} is not an aggregate function");
            Err(Error::new(WRONG_OBJECT_TYPE, message))
        }
        _ => Ok(()),
    }
}

/// Whether an argument is `*`, or with `qualified` `t.*`.
fn is_star(expr: &Expr, qualified: bool) -> bool {
    #[expect(deprecated, reason = "it is what the planner makes of a star")]
    match expr {
        Expr::Wildcard { qualifier, .. } => qualifier.is_some() == qualified,
        _ => false,
    }
}

fn refuse(name: &str, args: &[Expr], schema: &DFSchema) -> Result<()> {
    let (bare, row) = (|arg: &Expr| is_star(arg, false), |arg: &Expr| is_star(arg, true));
    if name == "count" || !args.iter().any(|arg| bare(arg) || row(arg)) {
        return Ok(());
    }
    // A star alone stands for no arguments, that of a table for its row.
    let types = args.iter().filter(|arg| !bare(arg)).map(|arg| match arg.to_field(schema) {
        _ if row(arg) => "record".to_string(),
        Ok((_, field)) => PgType::of_field(&field).to_string(),
        Err(_) => "unknown".to_string(),
    });
    let types: Vec<String> = types.collect();
    let message = format!("function {name}({}) does not exist", types.join(", "));
    Err(Error::new(SqlState::UNDEFINED_FUNCTION, message).with_hint("Name the column that is meant."))
}
