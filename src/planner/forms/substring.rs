//! `substring(text FROM pattern)`: the part that a regular expression finds.

use datafusion::sql::sqlparser::ast::{Expr, Function, Value};

use super::call::{call, literal, name_of, plain_arguments, take};

/// The function that finds it.
const FUNCTION: &str = "onerow_substring";
/// The function that takes what stands at a place, of texts and of bytes.
const PART: &str = "substr";

/// The form with FROM and FOR as a call. A text literal there is a pattern, a number a position.
pub(super) fn called(expr: &mut Expr) {
    let Expr::Substring { expr: of, substring_from, substring_for, .. } = expr else { return };
    *expr = match (substring_from, substring_for) {
        (Some(from), None) if literal(from).is_some() => call(FUNCTION, vec![take(of), take(from)]),
        (Some(from), None) => call(PART, vec![take(of), take(from)]),
        (Some(from), Some(count)) => call(PART, vec![take(of), take(from), take(count)]),
        (None, Some(count)) => {
            call(PART, vec![take(of), Expr::value(Value::Number("1".to_string(), false)), take(count)])
        }
        (None, None) => return,
    };
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
