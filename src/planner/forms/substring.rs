//! `substring(text FROM pattern)`: the part that a regular expression finds.

use datafusion::sql::sqlparser::ast::{Expr, Function};

use super::call::{call, literal, name_of, plain_arguments, take};

/// The function that finds it.
const FUNCTION: &str = "onerow_substring";

/// The form with FROM, when what follows is a text literal: a number there is a position.
pub(super) fn pattern(expr: &mut Expr) {
    let Expr::Substring { expr: of, substring_from: Some(from), substring_for: None, .. } = expr else { return };
    if literal(from).is_some() {
        *expr = call(FUNCTION, vec![take(of), take(from)]);
    }
}

/// The form with a comma.
pub(super) fn rename(function: &mut Function) {
    let finds = match plain_arguments(function) {
        Some(arguments) => matches!(arguments.as_slice(), [_, pattern] if literal(pattern).is_some()),
        None => false,
    };
    if finds {
        function.name = name_of(FUNCTION);
    }
}
