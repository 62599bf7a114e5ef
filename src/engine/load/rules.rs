//! Rules of validation in the files: planned once the relations are there.

use std::sync::Arc;

use tracing::warn;

use super::catalog::Loading;
use super::files::FileStatement;
use super::tables::is_down;
use crate::catalog::definitions::{Definitions, Origin, RelationDef, RelationKind, RelationName};
use crate::ddl::statement::Ddl;
use crate::engine::Engine;
use crate::engine::rules::{defined, missing};
use crate::engine::snapshot::CatalogState;
use crate::error::Error;

/// Adds the rules of the files; they are planned later.
pub(super) fn add_rules(loading: &mut Loading, statements: &[FileStatement]) {
    for statement in statements {
        let Ddl::CreateRule { rule, .. } = &statement.ddl else { continue };
        let made = defined(rule, rule.relation.to_create(), Origin::File(statement.at.clone()));
        if let Err(e) = loading.definitions.add_rule(made, false) {
            loading.errors.push(statement.locate(e, 0));
        }
    }
}

impl Engine {
    /// Plans the rules. A mistake in a file is an error of the load, unless the relation cannot be read now; a rule of
    /// the state that does not plan is told when it is used.
    pub(super) async fn load_rules(&self, loading: &mut Loading, statements: &[FileStatement]) {
        if loading.definitions.rules.is_empty() {
            return;
        }
        let current = self.current();
        let state = CatalogState::new(loading.definitions.clone(), loading.unreachable.clone(), &current.rows);
        let snapshot = match self.snapshot_of(Arc::new(state)) {
            Ok(snapshot) => snapshot,
            Err(e) => return loading.errors.push(e),
        };
        for statement in statements {
            let Ddl::CreateRule { rule, .. } = &statement.ddl else { continue };
            let key = (rule.relation.to_create(), rule.name.clone());
            let Some(made) = loading.definitions.rules.get(&key) else { continue };
            // Of two rules of one name the first is there.
            if made.origin != Origin::File(statement.at.clone()) {
                continue;
            }
            let failed = match is_broken(&loading.definitions, &made.relation) {
                None if loading.unreachable.contains_key(&made.relation.schema) => continue,
                None => Some((missing(&rule.relation), 0)),
                Some(true) => None,
                Some(false) => Box::pin(snapshot.plan_rule(made)).await.err().map(|error| (error, rule.check_offset)),
            };
            let Some((error, inner)) = failed else { continue };
            match is_down(&error) || !loading.planned_before.is_empty() {
                true => tell(&made.label(), &error),
                false => loading.errors.push(statement.locate(error, inner)),
            }
        }
        for rule in loading.definitions.rules.values().filter(|rule| rule.origin == Origin::State) {
            if !loading.definitions.relations.contains_key(&rule.relation) {
                warn!(rule = %rule.label(), "a rule is about a relation that is not there");
            }
        }
    }
}

fn tell(rule: &str, error: &Error) {
    warn!(%rule, error = error.message(), "rule does not plan");
}

/// Whether a relation is a view that does not plan, or a table whose columns are not known: that is told of itself.
/// None where there is no such relation.
pub(super) fn is_broken(definitions: &Definitions, name: &RelationName) -> Option<bool> {
    let RelationDef { kind, .. } = definitions.relation(name)?;
    Some(match kind {
        RelationKind::View(view) => view.broken.is_some(),
        RelationKind::Foreign(foreign) => foreign.broken.is_some(),
        RelationKind::Local(_) => false,
    })
}
