//! `SELECT n::bool FROM s ORDER BY s.n`: a name in ORDER BY that is a column of FROM, where the answer has a column of that
//! name too.
//!
//! As in Postgres a name by itself is the answer's column. One with its table, or one within an expression, is a column of
//! FROM. The planner looks at the answer's columns first, so these get a mark in their names there.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, OrderBy, OrderByKind, Visit, Visitor};

use super::naming::folded;

/// The names in ORDER BY that are of columns of FROM.
pub(super) fn of_rows(order: Option<&OrderBy>) -> HashSet<String> {
    let mut names = Names(HashSet::new());
    if let Some(OrderByKind::Expressions(by)) = order.map(|order| &order.kind) {
        for item in by {
            if bare(&item.expr).is_none() {
                let _ = Visit::visit(&item.expr, &mut names);
            }
        }
    }
    names.0
}

/// Whether an expression is the column of that name itself, which no name hides.
pub(super) fn is_column_of(expr: &Expr, name: &str) -> bool {
    let column = match expr {
        Expr::Identifier(column) => Some(column),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    column.is_some_and(|column| folded(column) == name)
}

/// Calls the answer's columns in ORDER BY by the names that they have got.
pub(super) fn follow(order: Option<&mut OrderBy>, names: &HashMap<String, String>) {
    let Some(OrderByKind::Expressions(by)) = order.map(|order| &mut order.kind) else { return };
    for item in by {
        if let Some(name) = bare(&item.expr).and_then(|name| names.get(&folded(name))) {
            item.expr = Expr::Identifier(Ident::with_quote('"', name));
        }
    }
}

/// A name by itself.
fn bare(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(name) => Some(name),
        Expr::Nested(inner) => bare(inner),
        _ => None,
    }
}

struct Names(HashSet<String>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => {
                self.0.insert(folded(name));
            }
            Expr::CompoundIdentifier(parts) => self.0.extend(parts.last().map(folded)),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
