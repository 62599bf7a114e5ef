//! `FROM t AS x (a)` where t has more columns: as in Postgres those that are given no other name keep their own. The
//! planner wants a name for each, so the relation is looked up before the statement is planned. What a query's columns are
//! called is in its text (`planner::alias_columns`).

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, Query, TableAlias, TableAliasColumnDef, TableFactor, VisitorMut,
};

use super::relation_calls;
use crate::ddl::calls;
use crate::ddl::name::relation_name;
use crate::error::{Error, Result, SqlState};

/// Names the other columns of relations in FROM of which some are named.
///
/// # Errors
/// 42P10 for more names than there are columns.
pub(super) async fn complete(state: &SessionState, statement: &mut DfStatement) -> DfResult<()> {
    let mut finder = Finder { with: BTreeSet::new(), names: vec![] };
    calls::change(statement, &mut finder)?;
    if finder.names.is_empty() {
        return Ok(());
    }
    let mut columns = vec![];
    for name in &finder.names {
        columns.push(match finder.with.contains(&folded(name)) {
            true => None,
            false => columns_of(state, name).await,
        });
    }
    Ok(calls::change(statement, &mut Filler { columns: columns.into_iter() })?)
}

/// The columns of a relation of ours; none for what the planner has to look up.
async fn columns_of(state: &SessionState, name: &ObjectName) -> Option<Vec<String>> {
    let name = relation_name(&name.to_string()).ok()?;
    let relation = Box::pin(relation_calls::relation(state, &name)).await.ok()?;
    Some(relation.provider.schema().fields().iter().map(|field| field.name().clone()).collect())
}

/// A name without a schema as it is compared; empty for one with a schema.
fn folded(name: &ObjectName) -> String {
    match name.0.as_slice() {
        [only] => only.as_ident().map(ident).unwrap_or_default(),
        _ => String::new(),
    }
}

fn ident(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// The name and the alias of a relation of which columns are named.
fn renamed(factor: &mut TableFactor) -> Option<(&ObjectName, &mut TableAlias)> {
    match factor {
        TableFactor::Table { name, args: None, alias: Some(alias), .. } if !alias.columns.is_empty() => {
            Some((name, alias))
        }
        _ => None,
    }
}

/// Finds the relations, and the names of the queries of WITH, which may be meant instead.
struct Finder {
    with: BTreeSet<String>,
    names: Vec<ObjectName>,
}

impl VisitorMut for Finder {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.with.extend(tables.map(|table| ident(&table.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        self.names.extend(renamed(factor).map(|(name, _)| name.clone()));
        ControlFlow::Continue(())
    }
}

/// Puts the names in their places, in the order in which they were found.
struct Filler {
    columns: std::vec::IntoIter<Option<Vec<String>>>,
}

impl Filler {
    fn fill(&mut self, factor: &mut TableFactor) -> Result<()> {
        let Some((_, alias)) = renamed(factor) else { return Ok(()) };
        let Some(columns) = self.columns.next().flatten() else { return Ok(()) };
        let given = alias.columns.len();
        if given > columns.len() {
            let message = format!(
                "table \"{}\" has {} columns available but {given} columns specified",
                ident(&alias.name),
                columns.len()
            );
            return Err(Error::new(SqlState::INVALID_COLUMN_REFERENCE, message));
        }
        let others = columns.iter().skip(given);
        let named = |name: &String| TableAliasColumnDef { name: Ident::with_quote('"', name), data_type: None };
        alias.columns.extend(others.map(named));
        Ok(())
    }
}

impl VisitorMut for Filler {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match self.fill(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}
