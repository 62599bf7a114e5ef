//! Calls of functions in a statement that is parsed and not planned: some are looked up before the planner sees them.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, TableAlias, Visit, VisitMut, Visitor, VisitorMut};

use crate::error::{Error, Result};

/// Walks over a statement, or over the one that it explains, and changes it.
pub fn change(statement: &mut DfStatement, visitor: &mut impl VisitorMut<Break = Error>) -> Result<()> {
    match statement {
        DfStatement::Statement(sql) => done(VisitMut::visit(sql.as_mut(), visitor)),
        DfStatement::Explain(explain) => change(&mut explain.statement, visitor),
        _ => Ok(()),
    }
}

/// Walks over a statement, or over the one that it explains.
pub fn look(statement: &DfStatement, visitor: &mut impl Visitor<Break = Error>) -> Result<()> {
    match statement {
        DfStatement::Statement(sql) => done(Visit::visit(sql.as_ref(), visitor)),
        DfStatement::Explain(explain) => look(&explain.statement, visitor),
        _ => Ok(()),
    }
}

fn done(flow: ControlFlow<Error>) -> Result<()> {
    match flow {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Whether a function without a schema is called by this name, which is in lower case.
pub fn names(written: &ObjectName, function: &str) -> bool {
    let [part] = written.0.as_slice() else { return false };
    part.as_ident().is_some_and(|ident| match ident.quote_style {
        Some(_) => ident.value == function,
        None => ident.value.eq_ignore_ascii_case(function),
    })
}

/// The rows of a function in FROM are called as the function where they have no other name, as in Postgres.
pub fn name_rows(alias: &mut Option<TableAlias>, function: &str) {
    alias.get_or_insert_with(|| TableAlias {
        explicit: true,
        name: Ident::with_quote('"', function),
        columns: vec![],
        at: None,
    });
}
