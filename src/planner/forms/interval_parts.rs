//! `make_interval(days => 3, hours => 2)`: its parts in order, as the planner knows no arguments with names.

use datafusion::sql::sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value};

use super::call::{argument, folded};

const PARTS: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];

/// Puts the arguments of such a call in order. What has other arguments stays as it is.
pub(super) fn in_order(function: &mut Function) {
    if folded(&function.name).as_deref() != Some("make_interval") {
        return;
    }
    let FunctionArguments::List(list) = &mut function.args else { return };
    if !list.args.iter().any(|arg| matches!(arg, FunctionArg::Named { .. })) {
        return;
    }
    let mut parts: Vec<Option<Expr>> = vec![None; PARTS.len()];
    for (at, arg) in list.args.iter().enumerate() {
        let (at, value) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (Some(at), value),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => (place(name), value),
            _ => return,
        };
        match at.and_then(|at| parts.get_mut(at)) {
            Some(part) if part.is_none() => *part = Some(value.clone()),
            _ => return,
        }
    }
    let zero = || Expr::value(Value::Number("0".to_string(), false));
    list.args = parts.into_iter().map(|part| argument(part.unwrap_or_else(zero))).collect();
}

fn place(name: &Ident) -> Option<usize> {
    let name = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
    PARTS.iter().position(|part| *part == name)
}

#[cfg(test)]
mod tests {
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    #[test]
    fn parts_are_in_order() {
        for (written, becomes) in [
            ("make_interval(days => 3, hours => n)", "make_interval(0, 0, 0, 3, n, 0, 0)"),
            ("make_interval(1, SECS => 1.5)", "make_interval(1, 0, 0, 0, 0, 0, 1.5)"),
            ("make_interval(1, 2)", "make_interval(1, 2)"),
            ("make_interval(1, years => 2)", "make_interval(1, years => 2)"),
        ] {
            let statement = script::parse(&format!("SELECT {written}")).unwrap().pop().unwrap();
            let StatementKind::Plan(mut parsed) = statement.kind else { panic!("{written} is no query") };
            super::super::rewrite(&mut parsed).unwrap();
            assert_eq!(parsed.to_string(), format!("SELECT {becomes}"));
        }
    }
}
