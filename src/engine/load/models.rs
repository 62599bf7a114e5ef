//! Models in the files: what they have learned is taken from the state; what is new is trained.

use std::sync::Arc;

use tracing::warn;

use super::catalog::Loading;
use super::files::FileStatement;
use super::tables::is_down;
use super::views::broken_beneath;
use crate::catalog::definitions::{Origin, PUBLIC, RelationName};
use crate::catalog::model::needs_itself;
use crate::ddl::statement::Ddl;
use crate::engine::Engine;
use crate::engine::define::dependencies;
use crate::engine::models::{Kept, defined, models_of};
use crate::engine::snapshot::CatalogState;
use crate::error::{Error, SqlState};

/// Whether an error is nobody's mistake, and may be gone later: a source is down, or a model is not trained yet.
pub(in crate::engine) fn waits(error: &Error) -> bool {
    is_down(error) || error.state() == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE
}

/// Adds the models of the files; they are trained later.
pub(super) fn add_models(loading: &mut Loading, statements: &[FileStatement]) {
    for statement in statements {
        let Ddl::CreateModel { model, .. } = &statement.ddl else { continue };
        let made = defined(model, Origin::File(statement.at.clone()));
        if let Err(e) = loading.definitions.add_model(made, false) {
            loading.errors.push(statement.locate(e, 0));
        }
    }
}

/// Finds what the models of the files need, and gives those that can be had: what needs itself cannot.
pub(super) fn find_model_dependencies(loading: &mut Loading, statements: &[FileStatement]) -> Vec<RelationName> {
    let path = [PUBLIC.to_string()];
    let mut found = vec![];
    for (name, statement) in of_files(loading, statements) {
        let Ddl::CreateModel { model: written, .. } = &statement.ddl else { continue };
        let relations = dependencies(&written.query, &path, &loading.definitions);
        let models = models_of(&written.query, &path, &loading.definitions);
        match (relations, models, loading.definitions.models.get_mut(&name)) {
            (Ok(relations), Ok(models), Some(model)) => {
                model.depends_on = relations;
                model.models = models;
                found.push(name);
            }
            (Err(error), _, _) | (_, Err(error), _) => {
                loading.errors.push(statement.locate(error, written.query_offset));
            }
            (_, _, None) => {}
        }
    }
    for (name, statement) in of_files(loading, statements) {
        if loading.definitions.model_needs_itself(&name) {
            loading.errors.push(statement.locate(needs_itself(&name), 0));
            found.retain(|known| *known != name);
        }
    }
    found
}

/// The models of the files with their statements; of two of one name the first is there.
fn of_files<'a>(loading: &Loading, statements: &'a [FileStatement]) -> Vec<(RelationName, &'a FileStatement)> {
    let named = statements.iter().filter_map(|statement| match &statement.ddl {
        Ddl::CreateModel { model, .. } => Some((model.name.to_create(), statement)),
        _ => None,
    });
    let there = named.filter(|(name, statement)| {
        let model = loading.definitions.models.get(name);
        model.is_some_and(|model| model.origin == Origin::File(statement.at.clone()))
    });
    there.collect()
}

impl Engine {
    /// Gives a model of the files what it has learned. Where that is not known the server starts without, and trains it
    /// behind; a single answer and a check wait for it. A mistake in the statement is an error of the load; rows from
    /// which nothing can be learned are the model's own trouble.
    pub(super) async fn load_model(
        &self,
        loading: &mut Loading,
        statements: &[FileStatement],
        state: &CatalogState,
        name: &RelationName,
    ) {
        let Some((_, statement)) = of_files(loading, statements).into_iter().find(|(known, _)| known == name) else {
            return;
        };
        let Some(model) = loading.definitions.models.get(name).cloned() else { return };
        if let Some(kept) = self.kept_models().remove(&name.to_string())
            && kept.statement == model.statement
        {
            return set(loading, name, Ok(kept));
        }
        // What is wrong with a view is told there.
        if let Some(error) = broken_beneath(&loading.definitions, &model.depends_on) {
            loading.untrained |= waits(&error);
            return set(loading, name, Err(error));
        }
        let snapshot = match self.snapshot_of(Arc::new(state.with(loading.definitions.clone()))) {
            Ok(snapshot) => snapshot,
            Err(error) => return loading.errors.push(error),
        };
        if let Err(error) = Box::pin(snapshot.check_model(&model)).await {
            if waits(&error) {
                loading.untrained = true;
            } else if loading.planned_before.is_empty() {
                let Ddl::CreateModel { model: written, .. } = &statement.ddl else { return };
                loading.errors.push(statement.locate(error.clone(), written.query_offset));
            }
            return set(loading, name, Err(error));
        }
        if self.config.start_from_state {
            loading.untrained = true;
            return;
        }
        let trained = Box::pin(snapshot.train(&model)).await;
        let kept = trained.and_then(|trained| {
            let kept = Kept { statement: model.statement.clone(), trained: Arc::new(trained) };
            self.keep_model(name, kept.clone())?;
            Ok(kept)
        });
        set(loading, name, kept);
    }
}

fn set(loading: &mut Loading, name: &RelationName, learned: Result<Kept, Error>) {
    let Some(model) = loading.definitions.models.get_mut(name) else { return };
    let tree = model.tree_mut();
    match learned {
        Ok(kept) => tree.trained = Some(kept.trained),
        Err(error) => {
            warn!(model = %name, error = error.message(), "model is not trained");
            tree.untrained = Some(error);
        }
    }
}
