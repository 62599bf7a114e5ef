//! Comparisons of rows, as `(a, b) = (1, 2)`, as comparisons of their fields.
//!
//! The planner would compare them as values of one type, in which a null is equal to a null. In Postgres a field that is
//! null makes the comparison unknown where the fields before it do not decide.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

use super::call::{folded, plain_arguments, take};
use crate::error::{Error, Result};

/// Rewrites a comparison of rows that are written out, with all fields, on both sides. 42601 where one has more fields
/// than the other.
pub(super) fn by_field(expr: &mut Expr) -> Result<()> {
    let replaced = match expr {
        Expr::BinaryOp { left, op, right } => match of_operator(op) {
            Some(comparison) => both(left, right, comparison)?,
            None => None,
        },
        Expr::IsDistinctFrom(left, right) => both(left, right, Comparison::Distinct)?,
        Expr::IsNotDistinctFrom(left, right) => both(left, right, Comparison::NotDistinct)?,
        Expr::IsNull(row) => fields(row).map(|row| tested(row, true)),
        Expr::IsNotNull(row) => fields(row).map(|row| tested(row, false)),
        Expr::InList { expr: row, list, negated } => match in_list(row, list)? {
            Some(found) if *negated => {
                Some(Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(found))) })
            }
            found => found,
        },
        Expr::Between { expr: row, negated, low, high } => match (fields(row), fields(low), fields(high)) {
            (Some(row), Some(low), Some(high)) => {
                let above = compared(row.clone(), low, Comparison::Order(Ordered::GtEq))?;
                let below = compared(row, high, Comparison::Order(Ordered::LtEq))?;
                let within = joined(above, BinaryOperator::And, below);
                Some(match negated {
                    true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(within) },
                    false => within,
                })
            }
            _ => None,
        },
        _ => None,
    };
    if let Some(replaced) = replaced {
        *expr = Expr::Nested(Box::new(replaced));
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    NotEqual,
    Distinct,
    NotDistinct,
    Order(Ordered),
}

#[derive(Clone, Copy)]
enum Ordered {
    Lt,
    LtEq,
    Gt,
    GtEq,
}

fn of_operator(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Order(Ordered::Lt),
        BinaryOperator::LtEq => Comparison::Order(Ordered::LtEq),
        BinaryOperator::Gt => Comparison::Order(Ordered::Gt),
        BinaryOperator::GtEq => Comparison::Order(Ordered::GtEq),
        _ => return None,
    })
}

/// Whether an expression is a row that is written out: `(a, b)` or `row(a, ..)`.
fn is_row(expr: &Expr) -> bool {
    match expr {
        Expr::Tuple(fields) => !fields.is_empty(),
        Expr::Function(function) if folded(&function.name).as_deref() == Some("row") => {
            plain_arguments(&mut function.clone()).is_some_and(|fields| !fields.is_empty())
        }
        Expr::Nested(inner) => is_row(inner),
        _ => false,
    }
}

/// The fields of a row that is written out, copied; none for all else.
pub(super) fn fields(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Tuple(fields) if !fields.is_empty() => Some(fields.clone()),
        Expr::Function(function) if folded(&function.name).as_deref() == Some("row") => {
            let mut function = function.clone();
            let fields: Vec<Expr> = plain_arguments(&mut function)?.into_iter().map(take).collect();
            (!fields.is_empty()).then_some(fields)
        }
        Expr::Nested(inner) => fields(inner),
        _ => None,
    }
}

fn both(left: &Expr, right: &Expr, comparison: Comparison) -> Result<Option<Expr>> {
    match (is_row(left), is_row(right)) {
        (true, true) => match (fields(left), fields(right)) {
            (Some(left), Some(right)) => compared(left, right, comparison).map(Some),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Members of the list that are no rows leave it as it is.
fn in_list(row: &Expr, list: &[Expr]) -> Result<Option<Expr>> {
    if !is_row(row) || !list.iter().all(is_row) {
        return Ok(None);
    }
    let Some(row) = fields(row) else { return Ok(None) };
    let mut found = vec![];
    for member in list.iter().filter_map(fields) {
        found.push(compared(row.clone(), member, Comparison::Equal)?);
    }
    Ok(balanced(found, &BinaryOperator::Or))
}

/// The expressions with an operator between, no deeper than they must be.
pub(super) fn balanced(mut parts: Vec<Expr>, op: &BinaryOperator) -> Option<Expr> {
    while parts.len() > 1 {
        let mut halved = Vec::with_capacity(parts.len().div_ceil(2));
        let mut rest = parts.into_iter();
        while let Some(left) = rest.next() {
            halved.push(match rest.next() {
                Some(right) => joined(left, op.clone(), right),
                None => left,
            });
        }
        parts = halved;
    }
    parts.pop()
}

fn compared(left: Vec<Expr>, right: Vec<Expr>, comparison: Comparison) -> Result<Expr> {
    if left.len() != right.len() {
        return Err(Error::syntax("unequal number of entries in row expressions", None));
    }
    let pairs: Vec<(Expr, Expr)> = left.into_iter().zip(right).collect();
    let (op, by_pair) = match comparison {
        Comparison::Order(order) => return in_order(pairs, order),
        Comparison::Equal | Comparison::NotDistinct => (BinaryOperator::And, comparison),
        Comparison::NotEqual | Comparison::Distinct => (BinaryOperator::Or, comparison),
    };
    let pairs = pairs.into_iter().map(|(left, right)| pair(left, right, by_pair)).collect();
    balanced(pairs, &op).ok_or_else(|| Error::internal("a row without fields was compared"))
}

/// `a < c OR (a = c AND b < d)`: the first fields that are not equal decide, and one that is null leaves it unknown.
fn in_order(pairs: Vec<(Expr, Expr)>, order: Ordered) -> Result<Expr> {
    let strict = match order {
        Ordered::Lt | Ordered::LtEq => Ordered::Lt,
        Ordered::Gt | Ordered::GtEq => Ordered::Gt,
    };
    let mut decided: Option<Expr> = None;
    for (left, right) in pairs.into_iter().rev() {
        decided = Some(match decided {
            None => pair(left, right, Comparison::Order(order)),
            Some(later) => {
                let first = pair(left.clone(), right.clone(), Comparison::Order(strict));
                let equal = pair(left, right, Comparison::Equal);
                joined(first, BinaryOperator::Or, joined(equal, BinaryOperator::And, later))
            }
        });
    }
    decided.ok_or_else(|| Error::internal("a row without fields was compared"))
}

/// Two fields. Those that are rows themselves are compared as one value, in Postgres too.
fn pair(left: Expr, right: Expr, comparison: Comparison) -> Expr {
    let (left, right) = (operand(left), operand(right));
    let op = match comparison {
        Comparison::Distinct => return Expr::IsDistinctFrom(left, right),
        Comparison::NotDistinct => return Expr::IsNotDistinctFrom(left, right),
        Comparison::Equal => BinaryOperator::Eq,
        Comparison::NotEqual => BinaryOperator::NotEq,
        Comparison::Order(Ordered::Lt) => BinaryOperator::Lt,
        Comparison::Order(Ordered::LtEq) => BinaryOperator::LtEq,
        Comparison::Order(Ordered::Gt) => BinaryOperator::Gt,
        Comparison::Order(Ordered::GtEq) => BinaryOperator::GtEq,
    };
    Expr::BinaryOp { left, op, right }
}

/// `row IS NULL` when every field is, `row IS NOT NULL` when none is. A field that is a row is not null itself.
fn tested(row: Vec<Expr>, null: bool) -> Expr {
    let test = |field: Expr| match (is_row(&field), null) {
        (true, _) => Expr::value(Value::Boolean(!null)),
        (false, true) => Expr::IsNull(operand(field)),
        (false, false) => Expr::IsNotNull(operand(field)),
    };
    let tests = row.into_iter().map(test).collect();
    balanced(tests, &BinaryOperator::And).unwrap_or_else(|| Expr::value(Value::Boolean(true)))
}

/// A field beside an operator; a name or a value, as a parameter, stands there as it is.
fn operand(field: Expr) -> Box<Expr> {
    Box::new(match field {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::Nested(_) => field,
        other => Expr::Nested(Box::new(other)),
    })
}

fn joined(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let both = Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) };
    Expr::Nested(Box::new(both))
}

#[cfg(test)]
mod tests {
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;
    use crate::error::{Error, SqlState};

    fn rewritten(condition: &str) -> Result<String, Error> {
        let statement = script::parse(&format!("SELECT {condition}"))?.pop().unwrap();
        let StatementKind::Plan(mut parsed) = statement.kind else { panic!("{condition} is no query") };
        super::super::rewrite(&mut parsed)?;
        Ok(parsed.to_string().trim_start_matches("SELECT ").to_string())
    }

    #[test]
    fn rows_are_compared_by_their_fields() {
        for (condition, becomes) in [
            ("(a, b) = (1, 2)", "((a = 1 AND b = 2))"),
            ("(a, b) <> row(1, 2)", "((a <> 1 OR b <> 2))"),
            ("(a, b) < (1, 2)", "((a < 1 OR (a = 1 AND b < 2)))"),
            ("(a, b) IN ((1, 2))", "((a = 1 AND b = 2))"),
            ("(a, b) NOT IN ((1, 2))", "(NOT ((a = 1 AND b = 2)))"),
            ("row(a) IS NULL", "(a IS NULL)"),
            ("(a, b) IS NOT NULL", "((a IS NOT NULL AND b IS NOT NULL))"),
            ("(a, b) IS DISTINCT FROM (c, d)", "((a IS DISTINCT FROM c OR b IS DISTINCT FROM d))"),
            ("(a, b) = c", "(a, b) = c"),
            ("(a, b) IN (c)", "(a, b) IN (c)"),
            ("(a) = (1)", "(a) = (1)"),
        ] {
            assert_eq!(rewritten(condition).unwrap(), becomes, "{condition}");
        }
        let error = rewritten("(a, b) = (1, 2, 3)").unwrap_err();
        assert_eq!(
            (error.state(), error.message()),
            (SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions")
        );
    }
}
