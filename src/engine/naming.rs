//! Result columns are named as Postgres names them, and two may have the same name.
//!
//! DataFusion refuses a select list with the same name twice. The later ones get a mark here, which is taken off
//! the answer's schema again.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::parser::{ExplainStatement, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Insert, OrderBy, OrderByKind, Query, SelectItem, SetExpr, Statement as SqlStatement, TableFactor,
    VisitMut, VisitorMut,
};

use super::order_names;
use crate::catalog::pg;
use crate::error::Result;
use crate::planner::forms;

/// What stands between a name and its mark; no user can type it by accident.
const MARK: char = pg::NAME_MARK;

/// Names the unnamed columns of a query's select lists, then rewrites what the planner does not know. With `mark`,
/// later columns of the same name are marked in the outermost list; without, they stay for the planner to refuse.
pub(super) fn name_columns(mut statement: DfStatement, mark: bool) -> Result<DfStatement> {
    if let DfStatement::Explain(explain) = statement {
        let inner = Box::new(name_columns(*explain.statement, mark)?);
        return Ok(DfStatement::Explain(ExplainStatement { statement: inner, ..explain }));
    }
    if let DfStatement::Statement(sql) = &mut statement {
        match sql.as_mut() {
            SqlStatement::Query(query) => name_query(query, mark),
            // Its columns go by their places.
            SqlStatement::Insert(Insert { source: Some(query), .. }) => name_query(query, mark),
            _ => {}
        }
        let _ = VisitMut::visit(sql.as_mut(), &mut Derived { mark });
    }
    forms::rewrite(&mut statement)?;
    Ok(statement)
}

/// Names the columns of tables that are queries, so that what is around them can use the names.
struct Derived {
    mark: bool,
}

impl VisitorMut for Derived {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived { subquery, alias, .. } = factor {
            if alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) {
                name_branch(&mut subquery.body);
            }
            name_derived(subquery, self.mark);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        name_later_branches(&mut query.body);
        for table in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            if !table.alias.columns.is_empty() {
                name_branch(&mut table.query.body);
            }
            name_derived(&mut table.query, self.mark);
        }
        ControlFlow::Continue(())
    }
}

/// Names the unnamed expressions of a derived table. Where a name stands twice all are marked: it would be ambiguous.
fn name_derived(query: &mut Query, mark: bool) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    if select.distinct.is_some() {
        return;
    }
    let names: Vec<String> = select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::UnnamedExpr(expr) => Some(pg::column_name(expr)),
            SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
            _ => None,
        })
        .collect();
    let mut marked = 0;
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        if pg::is_column(expr) {
            continue;
        }
        let mut name = pg::column_name(expr);
        if names.iter().filter(|other| **other == name).count() > 1 {
            if !mark {
                continue;
            }
            marked += 1;
            name = format!("{name}{MARK}{marked}");
        }
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', name) };
    }
}

/// Tells the columns of all but the first branch of a UNION apart: their names mean nothing, and may stand twice. So may
/// those of a table whose columns are named where it is.
fn name_later_branches(body: &mut SetExpr) {
    let mut body = body;
    while let SetExpr::SetOperation { left, right, .. } = body {
        name_branch(right);
        body = left.as_mut();
    }
}

fn name_branch(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => {
            let mut taken = HashSet::new();
            for (at, item) in select.projection.iter_mut().enumerate() {
                let (expr, name) = match &*item {
                    SelectItem::UnnamedExpr(expr) => (expr, pg::column_name(expr)),
                    SelectItem::ExprWithAlias { expr, alias } => (expr, folded(alias)),
                    _ => continue,
                };
                if !taken.insert(name.clone()) {
                    let alias = Ident::with_quote('"', format!("{name}{MARK}{at}"));
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
        }
        SetExpr::SetOperation { left, right, .. } => {
            name_branch(left);
            name_branch(right);
        }
        _ => {}
    }
}

pub(super) fn folded(alias: &Ident) -> String {
    if alias.quote_style.is_some() { alias.value.clone() } else { alias.value.to_lowercase() }
}

fn name_query(query: &mut Query, mark: bool) {
    // ORDER BY of a UNION knows its columns alone.
    let is_union = matches!(query.body.as_ref(), SetExpr::SetOperation { .. });
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
    if select.distinct.is_some() && query.order_by.is_some() {
        return;
    }
    // A star brings names that are not known here, so what stands beside it is marked. What ORDER BY calls by a name
    // that was given to it keeps that.
    let star = mark
        && select
            .projection
            .iter()
            .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
    let ordered = ordered_names(query.order_by.as_ref());
    let of_rows = match mark && !is_union {
        true => order_names::of_rows(query.order_by.as_ref()),
        false => HashSet::new(),
    };
    let mut hidden: HashMap<String, String> = HashMap::new();
    let mut taken: HashSet<String> = HashSet::new();
    for item in &mut select.projection {
        // Catalog queries have their marks already.
        if let SelectItem::ExprWithAlias { alias, .. } = item
            && !mark
            && let Some((name, _)) = alias.value.split_once(MARK)
        {
            alias.value = name.to_string();
        }
        let (expr, name, named) = match item {
            SelectItem::UnnamedExpr(expr) => (expr.clone(), pg::column_name(expr), false),
            SelectItem::ExprWithAlias { expr, alias } => (expr.clone(), folded(alias), true),
            _ => continue,
        };
        let kept = !star || ordered.contains(&name) && (named || is_union || !pg::is_column(&expr));
        let hides = of_rows.contains(&name) && !order_names::is_column_of(&expr, &name);
        let first = !hides && taken.insert(name.clone()) && kept;
        if first && (named || pg::is_column(&expr)) {
            continue;
        }
        if !first && !mark {
            continue;
        }
        let name = match first {
            true => name,
            false => {
                let marked = format!("{name}{MARK}{}", taken.len() + taken_marks(&taken));
                if hides {
                    hidden.entry(name).or_insert_with(|| marked.clone());
                }
                marked
            }
        };
        taken.insert(name.clone());
        *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) };
    }
    order_names::follow(query.order_by.as_mut(), &hidden);
}

/// The bare names in ORDER BY.
fn ordered_names(order: Option<&OrderBy>) -> HashSet<String> {
    match order.map(|order| &order.kind) {
        Some(OrderByKind::Expressions(by)) => by
            .iter()
            .filter_map(|item| match &item.expr {
                Expr::Identifier(name) => Some(folded(name)),
                _ => None,
            })
            .collect(),
        _ => HashSet::new(),
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
