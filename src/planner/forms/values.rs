//! VALUES: literals in quotes beside values of a written type, and rows inside of what is inserted.

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Ident, Interval, SelectItem, SetExpr, SetOperator, SetQuantifier, Value, Values,
};

use super::{call, rows};

/// Gives a literal in quotes, and NULL, the type of the other values of its column, as Postgres does: `VALUES (date
/// '2001-01-01'), ('2002-01-01')` has two dates. That is known here where the others are literals and casts of one type.
pub(super) fn typed(body: &mut SetExpr) {
    match body {
        SetExpr::Values(values) => typed_columns(values),
        SetExpr::SetOperation { left, right, .. } => {
            typed(left);
            typed(right);
        }
        // A query has been here itself.
        _ => {}
    }
}

/// `VALUES (1, 'a'), (2, 'b')` as `SELECT 1 AS column1, 'a' AS column2 UNION ALL ..`, for values inside of what is
/// inserted: the planner takes every VALUES of an INSERT for rows of its table.
pub(super) fn as_selects(body: &mut SetExpr) {
    match body {
        SetExpr::Values(values) if !values.rows.is_empty() => {
            let rows = std::mem::take(&mut values.rows).into_iter().map(|row| row.content).collect();
            *body = united(rows);
        }
        SetExpr::SetOperation { left, right, .. } => {
            as_selects(left);
            as_selects(right);
        }
        _ => {}
    }
}

/// Halves of halves: many rows nest no deeper than few.
fn united(mut rows: Vec<Vec<Expr>>) -> SetExpr {
    if rows.len() > 1 {
        let rest = rows.split_off(rows.len() / 2);
        return SetExpr::SetOperation {
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::All,
            left: Box::new(united(rows)),
            right: Box::new(united(rest)),
        };
    }
    let row = rows.pop().unwrap_or_default();
    let items = row
        .into_iter()
        .zip(1..)
        .map(|(expr, number)| SelectItem::ExprWithAlias { expr, alias: Ident::new(format!("column{number}")) });
    *rows::select(items.collect(), None, None).body
}

fn typed_columns(values: &mut Values) {
    let width = values.rows.first().map_or(0, |row| row.content.len());
    if values.rows.len() < 2 || values.rows.iter().any(|row| row.content.len() != width) {
        return;
    }
    for column in 0..width {
        let Some(data_type) = written_type(values.rows.iter().filter_map(|row| row.content.get(column))) else {
            continue;
        };
        for row in &mut values.rows {
            if let Some(value) = row.content.get_mut(column)
                && (call::literal(value).is_some() || is_null(value))
            {
                *value = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(call::take(value)),
                    data_type: data_type.clone(),
                    array: false,
                    format: None,
                };
            }
        }
    }
}

/// The one type that is written beside all values of a column but nulls and literals in quotes; none when there is none
/// of those, or no such type.
fn written_type<'e>(values: impl Iterator<Item = &'e Expr>) -> Option<DataType> {
    let (mut found, mut open) = (None, false);
    for value in values {
        let written = match bare(value) {
            Expr::TypedString(typed) => typed.data_type.clone(),
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, data_type, .. } => data_type.clone(),
            Expr::Interval(Interval { .. }) => DataType::Interval { fields: None, precision: None },
            Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => DataType::Boolean,
            other if call::literal(other).is_some() || is_null(other) => {
                open = true;
                continue;
            }
            _ => return None,
        };
        match &found {
            None => found = Some(written),
            Some(found) if *found == written => {}
            Some(_) => return None,
        }
    }
    found.filter(|_| open)
}

/// The same for the elements of `ARRAY[..]`.
pub(super) fn typed_elements(elements: &mut [Expr]) {
    let Some(data_type) = written_type(elements.iter()) else { return };
    for element in elements {
        if call::literal(element).is_some() {
            *element = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(call::take(element)),
                data_type: data_type.clone(),
                array: false,
                format: None,
            };
        }
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(bare(expr), Expr::Value(value) if matches!(value.value, Value::Null))
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}
