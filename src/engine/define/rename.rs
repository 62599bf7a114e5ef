//! ALTER VIEW .. RENAME TO: a view gets another name, and so it does in the views that read it, as in Postgres.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, Query, Spanned, Statement as SqlStatement, TableFactor, Visit, Visitor,
};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Location;

use super::dependencies::dependencies;
use super::view::planned_columns;
use crate::catalog::change::changeable;
use crate::catalog::definitions::{
    Definitions, PUBLIC, RelationDef, RelationKind, RelationName, ViewDef, quote_identifier,
};
use crate::ddl::dialect::PgDialect;
use crate::ddl::statement::{DropKind, NameRef};
use crate::engine::session::Session;
use crate::error::{Error, Result, SqlState};

impl Session {
    /// Gives a view another name; the notices of it. What reads the view reads it by its new name from then on.
    pub(super) async fn rename(
        &self,
        definitions: &mut Definitions,
        kind: DropKind,
        name: &NameRef,
        if_exists: bool,
        to: &str,
    ) -> Result<Vec<String>> {
        let path = self.path();
        let Some(relation) = definitions.find(name, &path).cloned() else {
            if if_exists {
                return Ok(vec![format!("relation \"{}\" does not exist, skipping", name.name)]);
            }
            return Err(Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", name.shown()))
                .with_position(Some(name.position)));
        };
        if !matches!(relation.kind, RelationKind::View(_)) {
            return Err(match kind {
                DropKind::View => {
                    Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a view", relation.name.name))
                }
                _ => Error::unsupported(format!("renaming a {} is not supported", relation.kind_name()))
                    .with_hint("Make one of the other name, and drop this one."),
            });
        }
        let label = format!("view {}", relation.name);
        changeable(&relation.origin, &label)?;
        let renamed = RelationName::new(&relation.name.schema, to);
        if definitions.relations.contains_key(&renamed) {
            return Err(Error::new(SqlState::DUPLICATE_TABLE, format!("relation \"{to}\" already exists")));
        }
        let from = &relation.name;
        let uses_it = definitions.models.values().any(|model| model.depends_on.contains(from))
            || definitions.rules.keys().any(|(on, _)| on == from)
            || !definitions.policies_reading(from).is_empty();
        if uses_it {
            return Err(Error::new(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!("cannot rename {label} because rules, models or policies depend on it"),
            )
            .with_hint("Drop them first."));
        }
        let readers: Vec<RelationDef> = definitions.readers(from).cloned().collect();
        definitions.relations.remove(from);
        definitions.add_relation(RelationDef { name: renamed.clone(), ..relation.clone() })?;
        // All of them first: they may read each other.
        for reader in &readers {
            reads_by_new_name(definitions, reader, from, &renamed)?;
        }
        for reader in &readers {
            self.settle(definitions, &reader.name, from).await?;
        }
        Ok(vec![])
    }

    /// Plans a view again whose text has changed: its columns must be the same, and come from the new name.
    async fn settle(&self, definitions: &mut Definitions, name: &RelationName, from: &RelationName) -> Result<()> {
        let Some(reader) = definitions.relations.get(name).cloned() else { return Ok(()) };
        let RelationKind::View(view) = &reader.kind else { return Ok(()) };
        if view.broken.is_some() {
            return Ok(());
        }
        let snapshot = self.engine.snapshot_of(Arc::new(self.catalog().with(definitions.clone())))?;
        let (columns, lineage) = planned_columns(&snapshot, &reader, view).await?;
        if columns.iter().map(|column| &column.name).ne(view.columns.iter().map(|column| &column.name)) {
            return Err(refused(name, from));
        }
        let kind = RelationKind::View(ViewDef { lineage, ..view.clone() });
        definitions.relations.insert(name.clone(), RelationDef { kind, ..reader });
        Ok(())
    }
}

fn refused(reader: &RelationName, from: &RelationName) -> Error {
    Error::unsupported(format!("view {reader} names {from} in a way that cannot be changed"))
        .with_hint("Drop it first, and create it again afterwards.")
}

/// Has a view's text name a relation by its new name.
fn reads_by_new_name(
    definitions: &mut Definitions,
    reader: &RelationDef,
    from: &RelationName,
    to: &RelationName,
) -> Result<()> {
    let RelationKind::View(view) = &reader.kind else { return Ok(()) };
    changeable(&reader.origin, &format!("view {}", reader.name))?;
    let query = by_new_name(&view.query, from, to).ok_or_else(|| refused(&reader.name, from))?;
    let depends_on = dependencies(&query, &[PUBLIC.to_string()], definitions)?;
    if depends_on.contains(from) || !depends_on.contains(to) {
        return Err(refused(&reader.name, from));
    }
    let kind = RelationKind::View(ViewDef { query, depends_on, ..view.clone() });
    definitions.relations.insert(reader.name.clone(), RelationDef { kind, ..reader.clone() });
    Ok(())
}

/// A query's text with another name for a relation. None where that may not be all that changes.
fn by_new_name(query: &str, from: &RelationName, to: &RelationName) -> Option<String> {
    by_name(query, &from.name, &|name| names(name, from), to)
}

/// A query's text with its schema for a relation that it names without one. None where that may not be all that
/// changes.
pub(super) fn with_schema(query: &str, relation: &RelationName) -> Option<String> {
    let bare = |name: &ObjectName| match name.0.as_slice() {
        [only] => only.as_ident().is_some_and(|ident| folded(ident) == relation.name),
        _ => false,
    };
    by_name(query, &relation.name, &bare, relation)
}

/// A query's text where the relations that are `meant`, which it calls `from`, are called `to`.
fn by_name(query: &str, from: &str, meant: &dyn Fn(&ObjectName) -> bool, to: &RelationName) -> Option<String> {
    let mut parsed = Parser::parse_sql(&PgDialect, query).ok()?;
    let (Some(statement @ SqlStatement::Query(_)), true) = (parsed.pop(), parsed.is_empty()) else { return None };
    let mut named = Named { meant, places: vec![], common: HashSet::new() };
    // The visitor never breaks.
    let _ = statement.visit(&mut named);
    if named.places.is_empty() || named.common.contains(from) {
        return None;
    }
    let mut text = query.to_string();
    named.places.sort_by_key(|place| (place.start.line, place.start.column));
    for place in named.places.iter().rev() {
        let (start, end) = (offset(query, place.start)?, offset(query, place.end)?);
        // A name of the form "x" keeps what stands around it; the columns are still known by the old one.
        let alias = if place.aliased { String::new() } else { format!(" AS {}", quote_identifier(from)) };
        text.replace_range(start..end, &format!("{to}{alias}"));
    }
    Some(text)
}

/// Where a query names a relation, and whether it calls it something else there.
struct Place {
    start: Location,
    end: Location,
    aliased: bool,
}

struct Named<'a> {
    meant: &'a dyn Fn(&ObjectName) -> bool,
    places: Vec<Place>,
    /// The names that WITH gives, which hide relations.
    common: HashSet<String>,
}

impl Visitor for Named<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            self.common.extend(with.cte_tables.iter().map(|cte| folded(&cte.alias.name)));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = factor
            && (self.meant)(name)
        {
            let span = name.span();
            self.places.push(Place { start: span.start, end: span.end, aliased: alias.is_some() });
        }
        ControlFlow::Continue(())
    }
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// Whether a name is a relation's, as a view's query looks it up.
fn names(name: &ObjectName, relation: &RelationName) -> bool {
    let parts: Option<Vec<String>> = name.0.iter().map(|part| part.as_ident().map(folded)).collect();
    match parts.as_deref() {
        Some([table]) => relation.schema == PUBLIC && *table == relation.name,
        Some([.., schema, table]) => *schema == relation.schema && *table == relation.name,
        _ => false,
    }
}

/// The byte at which a line's column stands, both counted from 1.
fn offset(text: &str, at: Location) -> Option<usize> {
    let (line, column) = (usize::try_from(at.line).ok()?, usize::try_from(at.column).ok()?);
    let mut before = 0;
    let mut lines = text.split_inclusive('\n');
    for _ in 1..line {
        before += lines.next()?.len();
    }
    let line = lines.next().unwrap_or_default();
    let within = line.char_indices().map(|(at, _)| at).chain([line.len()]).nth(column.checked_sub(1)?)?;
    Some(before + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_alone_changes() {
        let (from, to) = (RelationName::new("dbt", "a"), RelationName::new("dbt", "Ö b"));
        let new = |query: &str| by_new_name(query, &from, &to);
        assert_eq!(
            new("select a.x -- dbt.a\n  from \"onerow\".\"dbt\".\"a\"\n where 'dbt.a' <> '张'").as_deref(),
            Some("select a.x -- dbt.a\n  from dbt.\"Ö b\" AS a\n where 'dbt.a' <> '张'")
        );
        assert_eq!(
            new("SELECT '张' FROM dbt.A p JOIN (SELECT 1 FROM dbt.a) q ON true").as_deref(),
            Some("SELECT '张' FROM dbt.\"Ö b\" p JOIN (SELECT 1 FROM dbt.\"Ö b\" AS a) q ON true")
        );
        assert_eq!(new("WITH a AS (SELECT 1) SELECT * FROM a, dbt.a"), None);
        assert_eq!(new("SELECT * FROM other.a"), None);
    }

    #[test]
    fn a_schema_is_given_where_there_is_none() {
        let relation = RelationName::new("sy", "t");
        let new = |query: &str| with_schema(query, &relation);
        assert_eq!(
            new("SELECT t.a FROM T JOIN public.t p ON true JOIN (SELECT 1 FROM t q) s ON true").as_deref(),
            Some("SELECT t.a FROM sy.t AS t JOIN public.t p ON true JOIN (SELECT 1 FROM sy.t q) s ON true")
        );
        assert_eq!(new("WITH t AS (SELECT 1) SELECT * FROM t"), None);
        assert_eq!(new("SELECT * FROM public.t"), None);
    }
}
