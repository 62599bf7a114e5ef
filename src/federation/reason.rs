//! Why an expression is computed here, in words.

use std::collections::HashSet;
use std::sync::LazyLock;

use datafusion::logical_expr::expr::{Like, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, Operator};

use crate::functions::registry;
use crate::planner::arithmetic;

/// The longest part of an expression that is shown, in characters.
const MOST: usize = 120;

/// Why this expression, whose parts could be written, or which has none, is not sent.
pub fn of(expr: &Expr) -> String {
    let why = match expr {
        Expr::ScalarFunction(call) => called(call),
        Expr::Like(Like { case_insensitive: true, .. }) => "folds cases otherwise at the source",
        Expr::BinaryExpr(BinaryExpr {
            op: Operator::RegexMatch | Operator::RegexNotMatch | Operator::RegexIMatch | Operator::RegexNotIMatch,
            ..
        })
        | Expr::SimilarTo(_) => "is matched by other rules at the source",
        Expr::BinaryExpr(BinaryExpr { op: Operator::Divide | Operator::Modulo, .. }) => ROUNDED,
        Expr::Cast(Cast { field, .. }) if field.data_type().is_numeric() => READ,
        Expr::Cast(_) | Expr::TryCast(_) => "may be written otherwise at the source",
        Expr::Column(_) => "has no form at the source that compares as here",
        Expr::ScalarSubquery(_) => "is the answer to another query",
        _ => ELSE,
    };
    format!("{} {why}", shown(expr))
}

const ROUNDED: &str = "may be rounded otherwise at the source";
const READ: &str = "may be read otherwise at the source";
const ELSE: &str = "may mean something else at the source";

/// Operators and casts are functions by now where Postgres's rules are not the engine's.
fn called(call: &ScalarFunction) -> &'static str {
    match arithmetic::operators(call) {
        Some(operators) if operators.iter().any(|op| matches!(op, Operator::Divide | Operator::Modulo)) => ROUNDED,
        Some(_) => "may overflow or be rounded otherwise at the source",
        None => match call.func.name() {
            "text_input" => READ,
            "number_cast" => ROUNDED,
            name if is_ours(name) => "is a function of this program",
            _ => ELSE,
        },
    }
}

/// An expression in a sentence.
pub fn shown(expr: &Expr) -> String {
    shortened(&expr.human_display().to_string())
}

/// The beginning of a long text.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text.to_string(),
    }
}

fn is_ours(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<String>> =
        LazyLock::new(|| registry::scalars().iter().map(|function| function.name().to_string()).collect());
    NAMES.contains(name)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;
    use datafusion::logical_expr::{binary_expr, cast, col, lit};

    use super::*;

    #[test]
    fn each_has_its_words() {
        for (expr, words) in [
            (binary_expr(col("n"), Operator::Divide, lit(2)), "rounded"),
            (cast(col("t"), DataType::Int64), "read otherwise"),
            (cast(col("n"), DataType::Utf8), "written otherwise"),
            (col("t").ilike(lit("a%")), "folds cases"),
            (col("t").eq(lit("a")), "something else"),
        ] {
            assert!(of(&expr).contains(words), "{}", of(&expr));
        }
        assert!(shortened(&"ä".repeat(500)).chars().count() < 130);
    }
}
