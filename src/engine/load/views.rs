//! Views: planned in the order of what they read, each mistake told where it arises.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::warn;

use super::catalog::Loading;
use super::files::FileStatement;
use super::models::{find_model_dependencies, waits};
use super::order::{Step, closest, in_order, position_of};
use crate::catalog::definitions::{Definitions, Origin, PUBLIC, RelationDef, RelationKind, RelationName, ViewDef};
use crate::ddl::statement::Ddl;
use crate::engine::Engine;
use crate::engine::define::{add_from, cycle_error, cycle_from, dependencies, planned_columns, references};
use crate::engine::models::models_of;
use crate::engine::snapshot::{CatalogState, Snapshot};
use crate::error::{Error, SqlState};

impl Engine {
    /// Plans the views in the order of what they read, so that each error is reported where it arises.
    pub(super) async fn load_views(&self, loading: &mut Loading, statements: &[FileStatement]) {
        let path = [PUBLIC.to_string()];
        let names: Vec<RelationName> = views(&loading.definitions);
        for name in &names {
            let Some(query) = view_query(&loading.definitions, name) else { continue };
            let found = dependencies(&query, &path, &loading.definitions);
            let found = found.and_then(|found| Ok((found, models_of(&query, &path, &loading.definitions)?)));
            match found {
                Ok((found, models)) => set_dependencies(&mut loading.definitions, name, found, models),
                Err(e) => self.view_failed(loading, statements, name, e),
            }
        }
        let models = find_model_dependencies(loading, statements);
        for name in &names {
            if let Some(chain) = cycle_from(&loading.definitions, name) {
                // Each member of a cycle would report it: the first in name order does.
                if chain.iter().min() == Some(name) {
                    self.view_failed(loading, statements, name, cycle_error(&chain));
                }
                break_view(&mut loading.definitions, name, cycle_error(&chain));
            }
        }
        for name in &names {
            if let Some(missing) = self.missing(loading, name) {
                self.view_failed(loading, statements, name, missing);
            }
        }
        // One set of rows for all the states that follow, so that each table is read once.
        let current = self.current();
        let state = CatalogState::new(loading.definitions.clone(), loading.unreachable.clone(), &current.rows);
        // A copy of all definitions for each view would take as long as its plan: views share a snapshot until one reads
        // what it does not show as it is now.
        let mut shared: Option<Arc<Snapshot>> = None;
        let mut since: BTreeSet<RelationName> = BTreeSet::new();
        let steps = names.iter().cloned().map(Step::View).chain(models.into_iter().map(Step::Model));
        for step in in_order(&loading.definitions, steps) {
            let name = match step {
                Step::View(name) => name,
                Step::Model(name) => {
                    shared = None;
                    Box::pin(self.load_model(loading, statements, &state, &name)).await;
                    continue;
                }
            };
            let Some(RelationDef { kind: RelationKind::View(view), .. }) = loading.definitions.relation(&name) else {
                continue;
            };
            if view.broken.is_some() {
                continue;
            }
            // What is wrong with a view beneath is reported once, there.
            if let Some(error) = broken_beneath(&loading.definitions, &view.depends_on) {
                break_view(&mut loading.definitions, &name, error);
                continue;
            }
            let (view, relation) = (view.clone(), loading.definitions.relation(&name).cloned());
            let Some(relation) = relation else { continue };
            let snapshot = match shared.take().filter(|_| !view.depends_on.iter().any(|read| since.contains(read))) {
                Some(snapshot) => Ok(snapshot),
                None => {
                    since.clear();
                    self.snapshot_of(Arc::new(state.with(loading.definitions.clone())))
                }
            };
            let planned = match snapshot {
                Ok(snapshot) => planned_columns(shared.insert(snapshot), &relation, &view).await,
                Err(e) => Err(e),
            };
            since.insert(name.clone());
            match planned {
                Ok((columns, lineage)) => {
                    if let Some(RelationDef { kind: RelationKind::View(view), .. }) =
                        loading.definitions.relations.get_mut(&name)
                    {
                        view.columns = columns;
                        view.lineage = lineage;
                    }
                }
                Err(e) => self.view_failed(loading, statements, &name, e),
            }
        }
    }

    /// What a view reads that is not there, with the chain that leads to it from the views above.
    fn missing(&self, loading: &Loading, name: &RelationName) -> Option<Error> {
        let RelationKind::View(view) = &loading.definitions.relation(name)?.kind else { return None };
        let gone = view.depends_on.iter().find(|read| !loading.definitions.relations.contains_key(*read))?;
        if let Some(error) = loading.unreachable.get(&gone.schema) {
            return Some(error.clone());
        }
        let mut chain = vec![name.to_string()];
        let mut at = name.clone();
        loop {
            let reader = loading.definitions.readers(&at).next().map(|r| r.name.clone());
            match reader {
                Some(reader) if !chain.contains(&reader.to_string()) => {
                    chain.insert(0, reader.to_string());
                    at = reader;
                }
                _ => break,
            }
        }
        chain.push(gone.to_string());
        let position = references(&view.query).ok().and_then(|_| position_of(&view.query, gone));
        let error = Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{gone}\" does not exist"))
            .with_detail(format!("The chain is: {}.", chain.join(" -> ")))
            .with_position(position);
        Some(match closest(&loading.definitions, gone) {
            Some(near) => error.with_hint(format!("Perhaps you meant \"{near}\".")),
            None if !loading.definitions.schemas.contains_key(&gone.schema) => error
                .with_hint(format!("There is no schema \"{}\": import it with IMPORT FOREIGN SCHEMA.", gone.schema)),
            None => error,
        })
    }

    /// A view that does not plan: a mistake in a file is an error of the load, unless a source that is down is to
    /// blame; a view of the state fails alone.
    fn view_failed(&self, loading: &mut Loading, statements: &[FileStatement], name: &RelationName, error: Error) {
        let from_file = statements.iter().find_map(|s| match &s.ddl {
            Ddl::CreateView { name: created, query_offset, .. } if created.to_create() == *name => {
                Some((s, *query_offset))
            }
            _ => None,
        });
        let in_state = loading.definitions.relation(name).is_none_or(|r| r.origin == Origin::State);
        let query = view_query(&loading.definitions, name).unwrap_or_default();
        let planned_before = loading.planned_before.get(&name.to_string()) == Some(&query);
        if planned_before && !in_state && !waits(&error) {
            loading.drifted.insert(name.to_string(), query);
        }
        match from_file {
            Some((statement, inner)) if !in_state && !planned_before && !waits(&error) => {
                loading.errors.push(statement.locate(error.clone(), inner));
            }
            _ => warn!(view = %name, error = error.message(), "view does not plan"),
        }
        break_view(&mut loading.definitions, name, error);
    }
}

/// Adds the views of the files; they are planned later.
pub(super) fn add_views(loading: &mut Loading, statements: &[FileStatement]) {
    for statement in statements {
        let Ddl::CreateView { name, columns, options, query, .. } = &statement.ddl else { continue };
        let view = ViewDef {
            query: query.clone(),
            column_names: columns.clone(),
            security_invoker: options.security_invoker,
            security_barrier: options.security_barrier,
            columns: vec![],
            depends_on: vec![],
            models: vec![],
            lineage: vec![],
            broken: None,
        };
        let origin = Origin::File(statement.at.clone());
        let added = add_from(&mut loading.definitions, &name.to_create(), RelationKind::View(view), &origin);
        if let Err(e) = added {
            loading.errors.push(statement.locate(e, 0));
        }
    }
}

fn views(definitions: &Definitions) -> Vec<RelationName> {
    let is_view = |r: &&RelationDef| matches!(r.kind, RelationKind::View(_));
    definitions.relations.values().filter(is_view).map(|r| r.name.clone()).collect()
}

fn view_query(definitions: &Definitions, name: &RelationName) -> Option<String> {
    match &definitions.relation(name)?.kind {
        RelationKind::View(view) => Some(view.query.clone()),
        _ => None,
    }
}

/// Why one of these does not plan, of those that are views.
pub(super) fn broken_beneath(definitions: &Definitions, reads: &[RelationName]) -> Option<Error> {
    reads.iter().find_map(|read| match &definitions.relation(read)?.kind {
        RelationKind::View(beneath) => beneath.broken.clone(),
        _ => None,
    })
}

fn set_dependencies(
    definitions: &mut Definitions,
    name: &RelationName,
    found: Vec<RelationName>,
    models: Vec<RelationName>,
) {
    if let Some(RelationDef { kind: RelationKind::View(view), .. }) = definitions.relations.get_mut(name) {
        view.depends_on = found;
        view.models = models;
    }
}

fn break_view(definitions: &mut Definitions, name: &RelationName, error: Error) {
    if let Some(RelationDef { kind: RelationKind::View(view), .. }) = definitions.relations.get_mut(name) {
        view.broken.get_or_insert(error);
    }
}
