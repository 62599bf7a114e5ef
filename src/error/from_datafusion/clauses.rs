//! What the planner says of clauses, and of operands whose types do not fit, in Postgres's words.

use super::{between, type_words};
use crate::error::{Error, SqlState};

/// What forms of SQL with arrays are calls of, with arguments of types that fit none of them.
pub(super) fn from_array_form(call: &str) -> Option<Error> {
    let (name, types) = call.strip_suffix(')')?.split_once('(')?;
    let mut types = types.split(", ");
    // With an array at the first place it is another argument that does not fit.
    let first = types.next().filter(|first| !first.ends_with("[]"))?;
    let mismatch = |message: String| Some(Error::new(SqlState::DATATYPE_MISMATCH, message));
    match name {
        "array_has" => {
            let message = "op ANY/ALL (array) requires array on right side";
            Some(Error::new(SqlState::WRONG_OBJECT_TYPE, message))
        }
        "array_element" => mismatch(format!("cannot subscript type {first} because it does not support subscripting")),
        "make_array" => {
            let other = types.find(|other| *other != first)?;
            mismatch(format!("ARRAY types {first} and {other} cannot be matched"))
        }
        _ => None,
    }
}

/// What the planner says of clauses, how it begins, and what Postgres says.
const CLAUSES: &[(&str, SqlState, &str)] = &[
    (
        "union queries have different number of columns",
        SqlState::SYNTAX_ERROR,
        "each UNION query must have the same number of columns",
    ),
    (
        "intersect queries have different number of columns",
        SqlState::SYNTAX_ERROR,
        "each INTERSECT query must have the same number of columns",
    ),
    (
        "except queries have different number of columns",
        SqlState::SYNTAX_ERROR,
        "each EXCEPT query must have the same number of columns",
    ),
    (
        "too many columns! the subquery should only return one column",
        SqlState::SYNTAX_ERROR,
        "subquery must return only one column",
    ),
    ("inconsistent data length across values list", SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length"),
    (
        "select distinct on expressions must match initial order by",
        SqlState::INVALID_COLUMN_REFERENCE,
        "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
    ),
    (
        "for select distinct, order by expressions",
        SqlState::INVALID_COLUMN_REFERENCE,
        "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
    ),
];

/// Positions, counts of rows and nested aggregates.
pub(super) fn from_clauses(line: &str) -> Option<Error> {
    let position = |clause: &str, rest: &str| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let message = format!("{clause} position {digits} is not in select list");
        Error::new(SqlState::INVALID_COLUMN_REFERENCE, message)
    };
    if let Some(rest) = line.strip_prefix("Order by column out of bounds, specified: ") {
        return Some(position("ORDER BY", rest));
    }
    if line.starts_with("Order by index starts at 1") {
        return Some(position("ORDER BY", "0"));
    }
    if let Some(rest) = line.strip_prefix("Cannot find column with position ") {
        return Some(position("GROUP BY", rest));
    }
    if line.starts_with("LIMIT must be >=") {
        return Some(Error::new(SqlState::INVALID_ROW_COUNT_IN_LIMIT, "LIMIT must not be negative"));
    }
    if line.starts_with("OFFSET must be >=") {
        return Some(Error::new(SqlState::INVALID_ROW_COUNT_IN_OFFSET, "OFFSET must not be negative"));
    }
    for clause in ["LIMIT", "OFFSET"] {
        if let Some(given) = line.strip_prefix(&format!("Expected {clause} to be an integer or null, but got ")) {
            let message = format!("argument of {clause} must be type bigint, not type {}", type_words(given));
            return Some(Error::new(SqlState::DATATYPE_MISMATCH, message));
        }
    }
    if let Some(column) = between(line, "While expanding wildcard, column \"", "\" must appear in the GROUP BY clause")
    {
        // A table's schema is not named.
        let start = column.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
        let column = column.get(start..).unwrap_or(column);
        let message =
            format!("column \"{column}\" must appear in the GROUP BY clause or be used in an aggregate function");
        return Some(Error::new(SqlState::GROUPING_ERROR, message));
    }
    let lower = line.to_ascii_lowercase();
    for (words, state, message) in CLAUSES {
        if lower.starts_with(words) {
            return Some(Error::new(*state, *message));
        }
    }
    if lower.starts_with("window function calls cannot be nested") {
        return Some(Error::new(SqlState("42P20"), "window function calls cannot be nested"));
    }
    (lower.starts_with("aggregate function calls cannot be nested"))
        .then(|| Error::new(SqlState::GROUPING_ERROR, "aggregate function calls cannot be nested"))
}

/// Operands and conditions of a type that does not fit.
pub(super) fn from_types(line: &str) -> Option<Error> {
    let condition = |of: &str, given: &str| {
        let message = format!("argument of {of} must be type boolean, not type {}", type_words(given));
        Error::new(SqlState::DATATYPE_MISMATCH, message)
    };
    if let Some((predicate, given)) = line
        .strip_prefix("Cannot create filter with non-boolean predicate '")
        .and_then(|rest| rest.rsplit_once("' returning "))
    {
        // A number as it is written is planned as bigint and means integer.
        let number = predicate.starts_with("Int64(") && given == "Int64";
        return Some(condition("WHERE", if number { "Int32" } else { given }));
    }
    if let Some(given) = line.strip_prefix("Unary operator 'NOT' requires a boolean expression, got ") {
        return Some(condition("NOT", given));
    }
    if let Some(operation) = line.strip_prefix("Cannot infer common argument type for logical boolean operation ") {
        let (op, (left, right)) = ["AND", "OR"]
            .into_iter()
            .find_map(|op| operation.split_once(&format!(" {op} ")).map(|sides| (op, sides)))?;
        return Some(condition(op, if left == "Boolean" { right } else { left }));
    }
    if let Some(types) = between(line, "There isn't a common type to coerce ", " in LIKE expression")
        && let Some((left, right)) = types.split_once(" and ")
    {
        let message = format!("operator does not exist: {} ~~ {}", type_words(left), type_words(right));
        return Some(Error::new(SqlState::UNDEFINED_FUNCTION, message).with_hint(
            "No operator matches the given name and argument types. You might need to add explicit type casts.",
        ));
    }
    let operation = between(line, "Cannot coerce arithmetic expression ", " to valid types")
        .or_else(|| between(line, "Cannot get result type for temporal operation ", ":"))
        .or_else(|| line.strip_prefix("Cannot infer common string type for string concat operation "))
        .or_else(|| line.strip_prefix("Cannot infer common argument type for comparison operation "))
        .or_else(|| line.strip_prefix("Cannot infer common type for bitwise operation "))?;
    let operators = ["||", "+", "-", "*", "/", "%", "=", "!=", "<", "<=", ">", ">=", "<<", ">>", "&", "|", "BIT_XOR"];
    let (op, (left, right)) =
        operators.into_iter().find_map(|op| operation.split_once(&format!(" {op} ")).map(|sides| (op, sides)))?;
    let op = match op {
        "!=" => "<>",
        "BIT_XOR" => "#",
        op => op,
    };
    let message = format!("operator does not exist: {} {op} {}", type_words(left), type_words(right));
    Some(
        Error::new(SqlState::UNDEFINED_FUNCTION, message).with_hint(
            "No operator matches the given name and argument types. You might need to add explicit type casts.",
        ),
    )
}
