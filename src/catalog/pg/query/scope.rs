//! What names a FROM clause brings in.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Select, TableAlias, TableFactor, TableWithJoins, Visit, Visitor, VisitorMut,
};

use super::ast::{catalog_table, folded, last, number, text};
use crate::catalog::pg::shapes::Shape;

/// The names of one FROM clause.
#[derive(Debug, Default)]
pub struct Scope {
    /// Names of tables, with the catalog table behind each where it is one.
    pub tables: Vec<(String, Option<&'static Shape>)>,
}

impl Scope {
    /// The names that a FROM clause brings in.
    pub fn of(from: &[TableWithJoins]) -> Self {
        let mut scope = Scope::default();
        for table in from {
            scope.add_joins(table);
        }
        scope
    }

    fn add_joins(&mut self, table: &TableWithJoins) {
        self.add(&table.relation);
        for join in &table.joins {
            self.add(&join.relation);
        }
    }

    fn add(&mut self, factor: &TableFactor) {
        let named = |alias: &Option<TableAlias>| alias.as_ref().map(|alias| folded(&alias.name)).unwrap_or_default();
        match factor {
            TableFactor::Table { name, alias, args, .. } => {
                let renamed = alias.as_ref().is_some_and(|alias| !alias.columns.is_empty());
                let shape = if args.is_none() && !renamed { catalog_table(name) } else { None };
                let own = alias.as_ref().map(|alias| folded(&alias.name)).or_else(|| last(name));
                self.tables.push((own.unwrap_or_default(), shape));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.add_joins(table_with_joins),
            TableFactor::Derived { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::Function { alias, .. }
            | TableFactor::UNNEST { alias, .. } => self.tables.push((named(alias), None)),
            _ => self.tables.push((String::new(), None)),
        }
    }

    /// Whether every table is one of the catalog's, so that its columns are known.
    pub fn is_known(&self) -> bool {
        self.tables.iter().all(|(_, shape)| shape.is_some())
    }

    /// The catalog table of this name.
    pub fn table(&self, name: &str) -> Option<&'static Shape> {
        self.tables.iter().find(|(own, _)| own == name)?.1
    }

    /// Whether a name is one of this clause's: by its table, or as a column of one.
    fn has(&self, name: &[Ident]) -> bool {
        match name {
            [column] => {
                let column = folded(column);
                !self.is_known()
                    || self.tables.iter().any(|(own, shape)| {
                        *own == column || shape.is_some_and(|shape| shape.column(&column).is_some())
                    })
            }
            [.., table, _] => {
                let table = folded(table);
                self.tables.iter().any(|(own, _)| *own == table)
            }
            [] => true,
        }
    }

    /// Whether an expression uses names of this clause, and whether it uses others.
    pub fn uses(&self, expr: &impl Visit) -> Uses {
        let mut names = Names::default();
        // The visitor never breaks.
        let _ = expr.visit(&mut names);
        let mut uses = Uses::default();
        for name in &names.names {
            let table = match name.as_slice() {
                [.., table, _] => Some(folded(table)),
                _ => None,
            };
            if self.has(name) {
                uses.inner = true;
            } else if !table.is_some_and(|table| names.nested.contains(&table)) {
                uses.outer = true;
            }
        }
        uses
    }
}

/// Which names an expression uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Some of the clause's own.
    pub inner: bool,
    /// Some of a query around it.
    pub outer: bool,
}

#[derive(Default)]
struct Names {
    names: Vec<Vec<Ident>>,
    nested: HashSet<String>,
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => self.names.push(vec![name.clone()]),
            Expr::CompoundIdentifier(parts) => self.names.push(parts.clone()),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.nested.extend(Scope::of(&select.from).tables.into_iter().map(|(name, _)| name));
        ControlFlow::Continue(())
    }
}

/// Whether a name is a system column that catalog queries use.
pub fn is_system_column(name: &str) -> bool {
    matches!(name, "tableoid" | "xmin")
}

/// Replaces the system columns of a catalog table: `tableoid` by the table's OID, `xmin` by a number that never
/// changes.
#[derive(Default)]
pub struct TableOid {
    scopes: Vec<HashMap<String, i32>>,
}

impl VisitorMut for TableOid {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let tables = Scope::of(&select.from).tables;
        self.scopes.push(tables.into_iter().filter_map(|(name, shape)| Some((name, shape?.oid))).collect());
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &mut Select) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let found = match expr {
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., table, column] if is_system_column(&folded(column)) => {
                    let table = folded(table);
                    let oid = self.scopes.iter().rev().find_map(|scope| scope.get(&table)).copied();
                    oid.map(|oid| (folded(column), oid))
                }
                _ => None,
            },
            Expr::Identifier(name) if is_system_column(&folded(name)) => match self.scopes.last() {
                Some(scope) if scope.len() == 1 => scope.values().next().map(|oid| (folded(name), *oid)),
                _ => None,
            },
            _ => None,
        };
        match found {
            Some((column, oid)) if column == "tableoid" => *expr = number(oid),
            // `xid` is carried by text.
            Some(_) => *expr = text("1"),
            None => {}
        }
        ControlFlow::Continue(())
    }
}
