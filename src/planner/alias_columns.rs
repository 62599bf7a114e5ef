//! `(VALUES (1, 2)) AS v (a)`: as in Postgres columns that are given no other name keep their own. The planner wants a
//! name for each.

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, TableAlias, TableAliasColumnDef, TableFactor,
};

/// Names the other columns of a query in FROM.
pub(super) fn complete(factor: &mut TableFactor) {
    if let TableFactor::Derived { subquery, alias: Some(alias), .. } = factor {
        extend(alias, subquery);
    }
}

/// The same for the queries of WITH.
pub(super) fn complete_with(query: &mut Query) {
    for table in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
        extend(&mut table.alias, &table.query);
    }
}

fn extend(alias: &mut TableAlias, query: &Query) {
    if alias.columns.is_empty() {
        return;
    }
    let Some(names) = names(&query.body) else { return };
    for name in names.into_iter().skip(alias.columns.len()) {
        alias.columns.push(TableAliasColumnDef { name, data_type: None });
    }
}

/// The names of a query's columns, where its text says them.
fn names(body: &SetExpr) -> Option<Vec<Ident>> {
    match body {
        SetExpr::Values(values) => {
            let width = values.rows.first()?.content.len();
            Some((1..=width).map(|number| Ident::new(format!("column{number}"))).collect())
        }
        SetExpr::Select(select) => select.projection.iter().map(name).collect(),
        SetExpr::SetOperation { left, .. } => names(left),
        SetExpr::Query(query) => names(&query.body),
        _ => None,
    }
}

fn name(item: &SelectItem) -> Option<Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().cloned(),
        _ => None,
    }
}
