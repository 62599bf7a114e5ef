//! Expressions as a person would write them: with the names of columns alone, texts in quotes, and brackets only where
//! they are needed.

use datafusion::logical_expr::expr::{Between, BinaryExpr, Case, InList, Like, ScalarFunction, Sort};
use datafusion::logical_expr::{Expr, Operator};
use datafusion::scalar::ScalarValue;

use crate::catalog::definitions::quote_identifier;
use crate::catalog::types::PgType;
use crate::planner::output::written;
use crate::values::Zone;

/// How tightly operators bind, as in Postgres: the greater the tighter.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const IS: u8 = 4;
const COMPARED: u8 = 5;
const MATCHED: u8 = 6;
const OTHER: u8 = 7;
const ADDED: u8 = 8;
const MULTIPLIED: u8 = 9;
const RAISED: u8 = 10;
const SIGNED: u8 = 11;
const CAST: u8 = 12;
const WHOLE: u8 = 13;

/// An expression as SQL.
pub fn sql(expr: &Expr) -> String {
    spelled(expr).0
}

/// A key of an ORDER BY as SQL. Where nulls stand by themselves goes without saying: at the greatest end.
pub fn sort_key(key: &Sort) -> String {
    let direction = if key.asc { "" } else { " DESC" };
    let nulls = match (key.asc, key.nulls_first) {
        (true, true) => " NULLS FIRST",
        (false, false) => " NULLS LAST",
        _ => "",
    };
    format!("{}{direction}{nulls}", sql(&key.expr))
}

/// An expression beside an operator that binds so tightly.
fn beside(expr: &Expr, least: u8) -> String {
    let (text, binds) = spelled(expr);
    if binds < least { format!("({text})") } else { text }
}

fn listed<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> String {
    exprs.into_iter().map(sql).collect::<Vec<_>>().join(", ")
}

/// An expression, and how tightly it binds.
fn spelled(expr: &Expr) -> (String, u8) {
    let is = |inner: &Expr, words: &str| (format!("{} {words}", beside(inner, IS + 1)), IS);
    match expr {
        Expr::Alias(alias) => spelled(&alias.expr),
        Expr::Column(column) => (quote_identifier(&column.name), WHOLE),
        Expr::Literal(value, _) => literal(value),
        Expr::BinaryExpr(binary) => operated(binary),
        Expr::Not(inner) => (format!("NOT {}", beside(inner, NOT)), NOT),
        Expr::Negative(inner) => (format!("-{}", beside(inner, SIGNED + 1)), SIGNED),
        Expr::IsNull(inner) => is(inner, "IS NULL"),
        Expr::IsNotNull(inner) => is(inner, "IS NOT NULL"),
        Expr::IsTrue(inner) => is(inner, "IS TRUE"),
        Expr::IsNotTrue(inner) => is(inner, "IS NOT TRUE"),
        Expr::IsFalse(inner) => is(inner, "IS FALSE"),
        Expr::IsNotFalse(inner) => is(inner, "IS NOT FALSE"),
        Expr::IsUnknown(inner) => is(inner, "IS UNKNOWN"),
        Expr::IsNotUnknown(inner) => is(inner, "IS NOT UNKNOWN"),
        Expr::Like(Like { negated, expr, pattern, escape_char, case_insensitive }) => {
            let not = if *negated { "NOT " } else { "" };
            let like = if *case_insensitive { "ILIKE" } else { "LIKE" };
            let escape = escape_char.map(|by| format!(" ESCAPE {}", quoted(&by.to_string()))).unwrap_or_default();
            let (value, pattern) = (beside(expr, MATCHED + 1), beside(pattern, MATCHED + 1));
            (format!("{value} {not}{like} {pattern}{escape}"), MATCHED)
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let not = if *negated { "NOT " } else { "" };
            let [value, low, high] = [expr, low, high].map(|part| beside(part, MATCHED + 1));
            (format!("{value} {not}BETWEEN {low} AND {high}"), MATCHED)
        }
        Expr::InList(InList { expr, list, negated }) => {
            let not = if *negated { "NOT " } else { "" };
            (format!("{} {not}IN ({})", beside(expr, MATCHED + 1), listed(list)), MATCHED)
        }
        Expr::Case(case) => (chosen(case), WHOLE),
        Expr::Cast(cast) => (format!("{}::{}", beside(&cast.expr, CAST), PgType::of_field(&cast.field)), CAST),
        Expr::TryCast(cast) => (format!("try_cast({} AS {})", sql(&cast.expr), PgType::of_field(&cast.field)), WHOLE),
        Expr::ScalarFunction(call) => (called(call), WHOLE),
        other => (other.human_display().to_string(), WHOLE),
    }
}

fn operated(BinaryExpr { left, op, right }: &BinaryExpr) -> (String, u8) {
    let (word, binds) = match op {
        Operator::Or => ("OR".to_string(), OR),
        Operator::And => ("AND".to_string(), AND),
        Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => (op.to_string(), IS),
        Operator::NotEq => ("<>".to_string(), COMPARED),
        Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => (op.to_string(), COMPARED),
        Operator::Plus | Operator::Minus => (op.to_string(), ADDED),
        Operator::Multiply | Operator::Divide | Operator::Modulo => (op.to_string(), MULTIPLIED),
        Operator::BitwiseXor => (op.to_string(), RAISED),
        other => (other.to_string(), OTHER),
    };
    // AND and OR may stand in any order; others are read from the left, and comparisons not one after the other.
    let (left_least, right_least) = match binds {
        OR | AND => (binds, binds),
        IS | COMPARED => (binds + 1, binds + 1),
        _ => (binds, binds + 1),
    };
    (format!("{} {word} {}", beside(left, left_least), beside(right, right_least)), binds)
}

fn chosen(case: &Case) -> String {
    let mut text = "CASE".to_string();
    if let Some(operand) = &case.expr {
        text += &format!(" {}", sql(operand));
    }
    for (when, then) in &case.when_then_expr {
        text += &format!(" WHEN {} THEN {}", sql(when), sql(then));
    }
    if let Some(otherwise) = &case.else_expr {
        text += &format!(" ELSE {}", sql(otherwise));
    }
    text + " END"
}

fn called(call: &ScalarFunction) -> String {
    let arguments: Vec<&Expr> = call.args.iter().collect();
    match (call.func.name(), arguments.as_slice()) {
        ("make_array", elements) => format!("ARRAY[{}]", listed(elements.iter().copied())),
        ("get_field", [record, Expr::Literal(name, _)]) if name.try_as_str().flatten().is_some() => {
            let name = name.try_as_str().flatten().unwrap_or_default();
            format!("({}).{}", sql(record), quote_identifier(name))
        }
        (name, arguments) => format!("{name}({})", listed(arguments.iter().copied())),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literal(value: &ScalarValue) -> (String, u8) {
    if value.is_null() {
        return ("NULL".to_string(), WHOLE);
    }
    if let Some(text) = value.try_as_str().flatten() {
        return (quoted(text), WHOLE);
    }
    let kind = PgType::of_arrow(&value.data_type());
    let array = value.to_array().ok();
    let texts = array.and_then(|array| written(&kind, &array, Zone::UTC).ok());
    let text = texts.and_then(|texts| ScalarValue::try_from_array(&texts, 0).ok());
    let text = match text.as_ref().and_then(|text| text.try_as_str().flatten()) {
        Some(text) => text.to_string(),
        None => return (value.to_string(), WHOLE),
    };
    match kind {
        PgType::Bool => ((if text == "t" { "true" } else { "false" }).to_string(), WHOLE),
        _ if value.data_type().is_numeric() => {
            let binds = if text.starts_with('-') { SIGNED } else { WHOLE };
            (text, binds)
        }
        PgType::Interval => (format!("interval {}", quoted(&text)), WHOLE),
        _ => (quoted(&text), WHOLE),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit, when};

    use super::*;

    #[test]
    fn brackets_stand_where_they_are_needed() {
        let or = col("t.source").eq(lit("p")).or(col("t.source").eq(lit("it's")));
        assert_eq!(sql(&col("t.s").eq(lit("x")).and(or.clone())), "s = 'x' AND (source = 'p' OR source = 'it''s')");
        assert_eq!(sql(&or.and(lit(true)).is_not_true()), "((source = 'p' OR source = 'it''s') AND true) IS NOT TRUE");
        assert_eq!(sql(&((col("a") + lit(1)) * lit(-2))), "(a + 1) * -2");
        assert_eq!(sql(&(col("a") - (col("b") - lit(1.5)))), "a - (b - 1.5)");
        assert_eq!(sql(&Expr::Not(Box::new(col("a").like(lit("%z"))))), "NOT a LIKE '%z'");
    }

    #[test]
    fn branches_and_lists_are_written_out() {
        let case = when(col("a").is_null(), lit(1)).otherwise(col("b")).unwrap();
        assert_eq!(sql(&case), "CASE WHEN a IS NULL THEN 1 ELSE b END");
        assert_eq!(sql(&col("a").in_list(vec![lit("x"), lit("y")], true)), "a NOT IN ('x', 'y')");
        assert_eq!(sort_key(&col("a").sort(false, false)), "a DESC NULLS LAST");
        assert_eq!(sort_key(&col("a").sort(true, false)), "a");
    }
}
