//! Literals in quotes in VALUES, beside values of a written type.

use datafusion::sql::sqlparser::ast::{CastKind, DataType, Expr, Interval, SetExpr, Value, Values};

use super::call;

/// Gives a literal in quotes the type of the other values of its column, as Postgres does: `VALUES (date '2001-01-01'),
/// ('2002-01-01')` has two dates. That is known here where the others are literals and casts of one type, or nulls.
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
                && call::literal(value).is_some()
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

/// The one type that is written beside all values of a column but nulls and literals in quotes; none when there is no
/// literal in quotes, or no such type.
fn written_type<'e>(values: impl Iterator<Item = &'e Expr>) -> Option<DataType> {
    let (mut found, mut quoted) = (None, false);
    for value in values {
        let written = match bare(value) {
            Expr::TypedString(typed) => typed.data_type.clone(),
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, data_type, .. } => data_type.clone(),
            Expr::Interval(Interval { .. }) => DataType::Interval { fields: None, precision: None },
            Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => DataType::Boolean,
            Expr::Value(value) if matches!(value.value, Value::Null) => continue,
            other if call::literal(other).is_some() => {
                quoted = true;
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
    found.filter(|_| quoted)
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}
