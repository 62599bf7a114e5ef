//! CREATE [OR REPLACE] MODEL, typed over the wire: it is trained before it is there.

use std::sync::Arc;

use super::calls::named;
use super::training::keep;
use crate::catalog::definitions::{Definitions, OWNER, Origin, PUBLIC, RelationName};
use crate::catalog::model::{ModelDef, ModelKind, TreeModel, needs_itself};
use crate::ddl::script;
use crate::ddl::statement::{Model, Statement, StatementKind};
use crate::engine::define::dependencies;
use crate::engine::session::Session;
use crate::error::Result;

/// The model that a statement makes, without what it learns and what it reads.
pub(in crate::engine) fn defined(model: &Model, origin: Origin) -> ModelDef {
    ModelDef {
        name: model.name.to_create(),
        owner: OWNER.into(),
        origin,
        comment: None,
        statement: model.statement.clone(),
        query: model.query.clone(),
        depends_on: vec![],
        models: vec![],
        kind: ModelKind::TreeChoice(TreeModel { options: model.options.clone(), trained: None, untrained: None }),
    }
}

/// The models that a query asks, resolved; one that is not there is left to planning.
pub(in crate::engine) fn models_of(
    query: &str,
    path: &[String],
    definitions: &Definitions,
) -> Result<Vec<RelationName>> {
    let Some(Statement { kind: StatementKind::Plan(parsed), .. }) = script::parse(query)?.pop() else {
        return Ok(vec![]);
    };
    let mut found: Vec<RelationName> = named(&parsed)?
        .into_iter()
        .map(|name| match definitions.find_model(&name, path) {
            Some(model) => model.name.clone(),
            None => name.to_create(),
        })
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

impl Session {
    /// Trains a model and adds it. Positions in errors count from the query's start.
    pub(in crate::engine) async fn create_model(
        &self,
        definitions: &mut Definitions,
        model: &Model,
        or_replace: bool,
    ) -> Result<()> {
        let mut made = defined(model, Origin::State);
        made.owner = definitions.models.get(&made.name).map_or_else(|| self.role(), |there| there.owner.clone());
        definitions.check_new_model(&made, or_replace)?;
        let path = [PUBLIC.to_string()];
        made.depends_on = dependencies(&made.query, &path, definitions)?;
        made.models = models_of(&made.query, &path, definitions)?;
        let mut next = definitions.clone();
        next.add_model(made.clone(), or_replace)?;
        if next.model_needs_itself(&made.name) {
            return Err(needs_itself(&made.name));
        }
        // Other models that the query asks are as they were.
        let snapshot = self.engine.snapshot_of(Arc::new(self.catalog().with(definitions.clone())))?;
        let trained = Box::pin(snapshot.train(&made)).await?;
        keep(&mut made, trained);
        definitions.add_model(made, or_replace)
    }
}
