//! Arrays whose elements are written out: `ARRAY[..]::uuid[]`, `x LIKE ANY (ARRAY[..])`, `x IN (VALUES ..)`.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Query, SetExpr, Value,
};

use super::call::{call, folded, literal, take, text};
use super::{like, row_comparisons, rows};
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::values::{Zone, read_text};

/// `ARRAY[a, b]::type[]` casts each element, as in Postgres: a uuid in any spelling, a number that is rounded.
pub(super) fn cast(expr: &mut Expr) {
    let Expr::Cast { kind, expr: array, data_type: DataType::Array(of), .. } = expr else { return };
    // An array of which one element cannot be read is no array.
    if *kind == CastKind::TryCast {
        return;
    }
    let (ArrayElemTypeDef::SquareBracket(element, _), Expr::Array(array)) = (of, array.as_mut()) else { return };
    if array.elem.iter().any(|value| matches!(value, Expr::Array(_))) || matches!(**element, DataType::Array(_)) {
        return;
    }
    // Of whole numbers, and of texts as texts, the array is cast as one: there may be thousands.
    let is_text = matches!(**element, DataType::Text);
    if array.elem.iter().all(|value| is_whole(value) || is_text && literal(value).is_some()) {
        return;
    }
    for value in &mut array.elem {
        *value = Expr::Cast {
            kind: kind.clone(),
            expr: Box::new(Expr::Nested(Box::new(take(value)))),
            data_type: element.as_ref().clone(),
            array: false,
            format: None,
        };
    }
}

fn is_whole(value: &Expr) -> bool {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.bytes().all(|digit| digit.is_ascii_digit()),
            value => matches!(value, Value::Null),
        },
        _ => false,
    }
}

/// `unnest(ARRAY[t.a, t.b])`: within `ARRAY[..]` the planner forgets what is outside, within a function it does not.
pub(super) fn called(array: &mut Expr) {
    match array {
        Expr::Array(of) if !of.elem.is_empty() => {
            let mut elements = std::mem::take(&mut of.elem);
            elements.iter_mut().for_each(called);
            *array = call("make_array", elements);
        }
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => called(inner),
        _ => {}
    }
}

/// `unnest(ARRAY[[a, b], [c, d]])` has a row for each of the innermost elements, whatever the dimensions.
pub(super) fn flattened(array: &mut Expr) {
    let Expr::Array(of) = array else { return };
    while !of.elem.is_empty() && of.elem.iter().all(|element| matches!(element, Expr::Array(_))) {
        let inner = std::mem::take(&mut of.elem).into_iter().flat_map(|element| match element {
            Expr::Array(inner) => inner.elem,
            other => vec![other],
        });
        of.elem = inner.collect();
    }
}

/// `x IN (VALUES (1), (2))` as `x IN (1, 2)`.
pub(super) fn in_values(expr: &mut Expr) -> Result<()> {
    let Expr::InSubquery { expr: of, subquery, negated } = expr else { return Ok(()) };
    let SetExpr::Values(values) = subquery.body.as_mut() else { return Ok(()) };
    let plain = subquery.with.is_none() && subquery.limit_clause.is_none() && subquery.fetch.is_none();
    if !plain || values.rows.is_empty() {
        return Ok(());
    }
    let list = std::mem::take(&mut values.rows)
        .into_iter()
        .map(|row| {
            let mut row = row.content;
            match (row.pop(), row.is_empty()) {
                (Some(value), true) => value,
                (last, _) => {
                    row.extend(last);
                    Expr::Tuple(row)
                }
            }
        })
        .collect();
    *expr = Expr::InList { expr: Box::new(take(of)), list, negated: *negated };
    row_comparisons::by_field(expr)
}

/// The elements of an array that is written out; none for other arrays.
fn written(array: &Expr) -> Result<Option<Vec<Expr>>> {
    Ok(match array {
        Expr::Array(array) => Some(array.elem.clone()),
        Expr::Nested(inner) | Expr::Cast { expr: inner, data_type: DataType::Array(_), .. } => written(inner)?,
        Expr::Tuple(one) => match one.as_slice() {
            [one] => written(one)?,
            _ => None,
        },
        array => match literal(array) {
            Some(array) => Some(texts(array)?),
            None => None,
        },
    })
}

/// The elements of `{a,b,NULL}`.
fn texts(array: &str) -> Result<Vec<Expr>> {
    use datafusion::arrow::array::AsArray;
    use datafusion::scalar::ScalarValue;

    let ScalarValue::List(list) = read_text(&PgType::Array(Box::new(PgType::Text)), array, Zone::UTC)? else {
        return Err(Error::internal("a text array that is none"));
    };
    let values = list.values();
    let values = values.as_string_view_opt().ok_or_else(|| Error::internal("a text array of no texts"))?;
    Ok(values.iter().map(|value| value.map_or_else(|| Expr::value(Value::Null), text)).collect())
}

/// The one argument of `ALL (array)`, which is parsed as a function's.
fn of_all(pattern: &Expr) -> Option<&Expr> {
    let Expr::Function(Function { name, args: FunctionArguments::List(list), .. }) = pattern else { return None };
    if folded(name).as_deref() != Some("all") {
        return None;
    }
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] => Some(array),
        _ => None,
    }
}

fn joined(parts: Vec<Expr>, any: bool) -> Expr {
    let op = if any { BinaryOperator::Or } else { BinaryOperator::And };
    match row_comparisons::balanced(parts, &op) {
        Some(joined) => Expr::Nested(Box::new(joined)),
        None => Expr::value(Value::Boolean(!any)),
    }
}

fn unwritten(what: &str) -> Error {
    Error::unsupported(format!("{what} takes an array that is written out"))
        .with_hint("Ask with EXISTS (SELECT .. FROM unnest(array) ..).")
}

/// `x LIKE ANY (ARRAY[a, b])` as `x LIKE a OR x LIKE b`, and `LIKE ALL` with AND. Whether it was one of these.
pub(super) fn like(expr: &mut Expr) -> Result<bool> {
    let (found, negated, of, escape, folds) = match &*expr {
        Expr::Like { any, pattern, negated, expr, escape_char } => {
            (quantified(*any, pattern), *negated, expr, escape_char.clone(), false)
        }
        Expr::ILike { any, pattern, negated, expr, escape_char } => {
            (quantified(*any, pattern), *negated, expr, escape_char.clone(), true)
        }
        _ => return Ok(false),
    };
    let Some((any, array)) = found else {
        let (Expr::Like { pattern, .. } | Expr::ILike { pattern, .. }) = &mut *expr else { return Ok(false) };
        let Some(patterns) = all_of_query(pattern) else { return Ok(false) };
        return like_query(expr, patterns, false).map(|()| true);
    };
    if let Some(patterns) = query_of(array) {
        return like_query(expr, patterns, any).map(|()| true);
    }
    let patterns = written(array)?.ok_or_else(|| unwritten("LIKE with ANY or ALL"))?;
    let mut parts = Vec::with_capacity(patterns.len());
    for pattern in patterns {
        let (of, pattern) = (of.clone(), Box::new(pattern));
        let escape_char = escape.clone();
        let mut part = match folds {
            true => Expr::ILike { any: false, negated, expr: of, pattern, escape_char },
            false => Expr::Like { any: false, negated, expr: of, pattern, escape_char },
        };
        like::like(&mut part)?;
        parts.push(part);
    }
    *expr = joined(parts, any);
    Ok(true)
}

/// The query of `ALL (SELECT ..)`, which is parsed as a function's.
fn all_of_query(pattern: &Expr) -> Option<Box<Query>> {
    match pattern {
        Expr::Function(Function { name, args: FunctionArguments::Subquery(query), .. })
            if folded(name).as_deref() == Some("all") =>
        {
            Some(query.clone())
        }
        _ => None,
    }
}

fn query_of(patterns: &Expr) -> Option<Box<Query>> {
    match patterns {
        Expr::Subquery(query) => Some(query.clone()),
        Expr::Nested(inner) => query_of(inner),
        _ => None,
    }
}

/// `x LIKE ANY (SELECT y ..)`, and with ALL.
fn like_query(expr: &mut Expr, patterns: Box<Query>, any: bool) -> Result<()> {
    let (of, negated, escape_char, folds) = match expr {
        Expr::Like { expr, negated, escape_char, .. } => (expr.clone(), *negated, escape_char.clone(), false),
        Expr::ILike { expr, negated, escape_char, .. } => (expr.clone(), *negated, escape_char.clone(), true),
        _ => return Ok(()),
    };
    let like = |pattern: Expr| {
        let pattern = Box::new(pattern);
        let mut one = match folds {
            true => Expr::ILike { any: false, negated, expr: of, pattern, escape_char },
            false => Expr::Like { any: false, negated, expr: of, pattern, escape_char },
        };
        like::like(&mut one).map(|()| one)
    };
    *expr = rows::compared(patterns, any, like)?;
    Ok(())
}

/// Whether ANY or ALL of an array's patterns are asked for, and the array; none for a plain pattern.
fn quantified(any: bool, pattern: &Expr) -> Option<(bool, &Expr)> {
    if any {
        return Some((true, pattern));
    }
    of_all(pattern).map(|array| (false, array))
}

/// `x ~ ANY (ARRAY[a, b])` as `x ~ a OR x ~ b`: of operators that the planner does not know with ANY and ALL.
pub(super) fn operators(expr: &mut Expr) -> Result<()> {
    let (left, op, right, any) = match expr {
        Expr::AnyOp { left, compare_op, right, .. } => (left, compare_op, right, true),
        Expr::AllOp { left, compare_op, right } => (left, compare_op, right, false),
        _ => return Ok(()),
    };
    let known = matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    );
    if known || matches!(right.as_ref(), Expr::Subquery(_)) {
        return Ok(());
    }
    let elements = written(right)?.ok_or_else(|| unwritten(&format!("{op} with ANY or ALL")))?;
    let nested = |operand: &Expr| Box::new(Expr::Nested(Box::new(operand.clone())));
    let parts = elements
        .iter()
        .map(|element| Expr::BinaryOp { left: nested(left), op: op.clone(), right: nested(element) })
        .collect();
    *expr = joined(parts, any);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;
    use crate::error::Error;

    fn rewritten(sql: &str) -> Result<String, Error> {
        let statement = script::parse(&format!("SELECT {sql}"))?.pop().unwrap();
        let StatementKind::Plan(mut parsed) = statement.kind else { panic!("{sql} is no query") };
        super::super::rewrite(&mut parsed)?;
        Ok(parsed.to_string().trim_start_matches("SELECT ").to_string())
    }

    #[test]
    fn elements_that_are_written_out_stand_alone() {
        for (sql, becomes) in [
            ("ARRAY[1, 2]::int[]", "ARRAY[1, 2]::INT[]"),
            ("ARRAY['1', b]::int[]", "ARRAY[('1')::INT, (b)::INT]::INT[]"),
            ("a IN (VALUES (1), (2))", "a IN (1, 2)"),
            ("a LIKE ANY (ARRAY['x%', b])", "((a LIKE 'x%' OR a LIKE b))"),
            ("a NOT ILIKE ALL ('{x,NULL}')", "((a NOT ILIKE 'x' AND a NOT ILIKE NULL))"),
            ("a ~ ANY (ARRAY['x', 'y'])", "(((a) ~ ('x') OR (a) ~ ('y')))"),
        ] {
            assert_eq!(rewritten(sql).unwrap(), becomes, "{sql}");
        }
        assert!(rewritten("a LIKE ANY (b)").is_err());
    }
}
