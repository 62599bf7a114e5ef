//! What a view reads, and views that read themselves.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, TableFactor, VisitMut, VisitorMut};

use crate::catalog::definitions::{Definitions, RelationDef, RelationKind, RelationName};
use crate::ddl::script;
use crate::ddl::statement::{NameRef, Statement, StatementKind};
use crate::engine::{populate, relation_calls};
use crate::error::{Error, Result, SqlState};
use crate::planner::remote_query;

/// The relations that a query reads, resolved; 42P01 for one that is not there is left to planning.
pub(in crate::engine) fn dependencies(
    query: &str,
    path: &[String],
    definitions: &Definitions,
) -> Result<Vec<RelationName>> {
    let mut found: Vec<RelationName> = references(query)?
        .into_iter()
        .map(|name| match definitions.find(&name, path) {
            Some(relation) => relation.name.clone(),
            None => name.to_create(),
        })
        .filter(|name| name.schema != "pg_catalog" && name.schema != "information_schema")
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// The relations that a query names, as it names them.
pub(in crate::engine) fn references(query: &str) -> Result<Vec<NameRef>> {
    let Some(Statement { kind: StatementKind::Plan(parsed), .. }) = script::parse(query)?.pop() else {
        return Err(Error::syntax("a view must be a query", Some(1)));
    };
    let mut parsed: DfStatement = *parsed;
    // A function over relations reads those that it is given; its own name is none.
    let given = relation_calls::take_names(&mut parsed)?;
    let rows = populate::named(&mut parsed)?;
    if let DfStatement::Statement(sql) = &mut parsed {
        let _ = VisitMut::visit(sql.as_mut(), &mut Calls);
    }
    let (tables, _) = resolve_table_references(&parsed, true)?;
    Ok(tables
        .into_iter()
        .filter(|table| !(table.schema().is_none() && [remote_query::NAME, CALL].contains(&table.table())))
        .map(|table| NameRef {
            schema: table.schema().map(str::to_string),
            name: table.table().to_string(),
            position: 1,
        })
        .chain(given)
        .chain(rows)
        .collect())
}

/// What a function in FROM is called here; no user can type it.
const CALL: &str = "\u{1}call";

/// Takes the names of functions in FROM away: `generate_series(1, 3)` is no relation.
struct Calls;

impl VisitorMut for Calls {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(_), .. } = factor {
            *name = ObjectName::from(vec![Ident::with_quote('"', CALL)]);
        }
        ControlFlow::Continue(())
    }
}

/// The chain of views by which a relation reads itself, if it does.
pub(in crate::engine) fn cycle_from(definitions: &Definitions, start: &RelationName) -> Option<Vec<RelationName>> {
    // The chain so far, each with what it reads and was not followed yet. Each relation is followed once: views over
    // the same views have more paths than can be walked. A cycle that does not pass through `start` is found from one
    // of its own members.
    let mut chain = vec![(start, reads(definitions, start).iter())];
    let mut followed = BTreeSet::new();
    while let Some((_, rest)) = chain.last_mut() {
        match rest.next() {
            Some(next) if next == start => {
                let names = chain.iter().map(|(name, _)| (*name).clone());
                return Some(names.chain([start.clone()]).collect());
            }
            Some(next) if followed.insert(next) => chain.push((next, reads(definitions, next).iter())),
            Some(_) => {}
            None => {
                chain.pop();
            }
        }
    }
    None
}

/// What a view reads; nothing for what is no view.
fn reads<'a>(definitions: &'a Definitions, name: &RelationName) -> &'a [RelationName] {
    match definitions.relation(name) {
        Some(RelationDef { kind: RelationKind::View(view), .. }) => &view.depends_on,
        _ => &[],
    }
}

/// 42P17 with the chain.
pub(in crate::engine) fn cycle_error(chain: &[RelationName]) -> Error {
    let names: Vec<String> = chain.iter().map(ToString::to_string).collect();
    let first = names.first().map(String::as_str).unwrap_or_default();
    Error::new(SqlState::INVALID_OBJECT_DEFINITION, format!("view \"{first}\" depends on itself"))
        .with_detail(format!("The chain is: {}.", names.join(" -> ")))
}
