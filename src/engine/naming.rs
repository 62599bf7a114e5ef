//! Result columns are named as Postgres names them, and two may have the same name.
//!
//! DataFusion refuses a select list with the same name twice. The later ones get a mark here, which is taken off
//! the answer's schema again.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Ident, Query, SelectItem, SetExpr, Statement as SqlStatement};

use crate::catalog::pg;

/// What stands between a name and its mark; no user can type it by accident.
const MARK: char = '\u{1}';

/// Names the unnamed columns of a query's outermost select list. With `mark`, later ones of the same name are
/// marked; without, they stay for the planner to refuse.
pub(super) fn name_columns(mut statement: DfStatement, mark: bool) -> DfStatement {
    if let DfStatement::Statement(sql) = &mut statement
        && let SqlStatement::Query(query) = sql.as_mut()
    {
        name_query(query, mark);
    }
    statement
}

fn name_query(query: &mut Query, mark: bool) {
    let mut body = query.body.as_mut();
    // The names of a UNION are those of its first branch.
    while let SetExpr::SetOperation { left, .. } = body {
        body = left.as_mut();
    }
    let select = match body {
        SetExpr::Select(select) => select,
        SetExpr::Query(inner) => return name_query(inner, mark),
        _ => return,
    };
    // With DISTINCT, ORDER BY must find its expressions in the select list as they are written.
    if select.distinct.is_some() {
        return;
    }
    let mut taken: HashSet<String> = HashSet::new();
    for item in &mut select.projection {
        let (expr, name, named) = match item {
            SelectItem::UnnamedExpr(expr) => (expr.clone(), pg::column_name(expr), false),
            SelectItem::ExprWithAlias { expr, alias } => {
                let name = if alias.quote_style.is_some() { alias.value.clone() } else { alias.value.to_lowercase() };
                (expr.clone(), name, true)
            }
            _ => continue,
        };
        let first = taken.insert(name.clone());
        if first && (named || pg::is_column(&expr)) {
            continue;
        }
        if !first && !mark {
            continue;
        }
        let name = if first { name } else { format!("{name}{MARK}{}", taken.len() + taken_marks(&taken)) };
        taken.insert(name.clone());
        *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) };
    }
}

fn taken_marks(taken: &HashSet<String>) -> usize {
    taken.iter().filter(|name| name.contains(MARK)).count()
}

/// The schema with the marks taken off; none when there are none.
pub(super) fn unmarked(schema: &SchemaRef) -> Option<SchemaRef> {
    if !schema.fields().iter().any(|f| f.name().contains(MARK)) {
        return None;
    }
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|f| f.as_ref().clone().with_name(f.name().split(MARK).next().unwrap_or_default()))
        .collect();
    Some(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}
