//! Models: what was learned, by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::change::{cascades, changeable, check_schema_name, still_needed, undefined};
use super::definitions::{Definitions, Origin, RelationDef, RelationKind, RelationName};
use crate::ddl::statement::NameRef;
use crate::error::{Error, Result, SqlState};
use crate::models::{FeatureKind, Trained, TreeOptions};

/// What a model is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModelKind {
    /// A decision tree that says how far values are to be believed.
    TreeChoice(TreeModel),
}

/// A decision tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreeModel {
    /// What it is learned with.
    pub options: TreeOptions,
    /// What was learned; none where it could not be yet.
    pub trained: Option<Arc<Trained>>,
    /// Why nothing was learned. None where it was, or was not tried yet.
    #[serde(skip)]
    pub untrained: Option<Error>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelDef {
    /// Its name. Models and relations may have the same names.
    pub name: RelationName,
    /// Its owner, with whose rights it is trained.
    pub owner: String,
    /// Where it was defined.
    #[serde(skip)]
    pub origin: Origin,
    /// COMMENT ON MODEL
    pub comment: Option<String>,
    /// The statement that made it, as written.
    pub statement: String,
    /// The query of the labelled rows.
    pub query: String,
    /// The relations that the query reads, resolved.
    pub depends_on: Vec<RelationName>,
    /// The models that the query asks, resolved.
    #[serde(default)]
    pub models: Vec<RelationName>,
    /// What it is for, with what was learned.
    pub kind: ModelKind,
}

impl ModelDef {
    /// The model in messages.
    pub fn label(&self) -> String {
        format!("model {}", self.name)
    }

    /// The kind, as it is written and shown.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            ModelKind::TreeChoice(_) => "tree_choice",
        }
    }

    /// The tree.
    pub fn tree(&self) -> &TreeModel {
        match &self.kind {
            ModelKind::TreeChoice(tree) => tree,
        }
    }

    /// The tree, to be changed.
    pub fn tree_mut(&mut self) -> &mut TreeModel {
        match &mut self.kind {
            ModelKind::TreeChoice(tree) => tree,
        }
    }

    /// What was learned; 55000 where nothing was yet.
    pub fn trained(&self) -> Result<Arc<Trained>> {
        let tree = self.tree();
        if let Some(trained) = &tree.trained {
            return Ok(Arc::clone(trained));
        }
        let message = format!("model \"{}\" is not trained", self.name.shown());
        let error = Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message);
        Err(match &tree.untrained {
            Some(why) => error.with_detail(format!("It could not be: {}.", why.message())),
            None => error.with_hint("It is being trained since the server has started. Try again."),
        })
    }

    /// The features with their kinds; none before it is trained.
    fn features(&self) -> Option<Vec<(&str, FeatureKind)>> {
        let trained = self.tree().trained.as_ref()?;
        Some(trained.tree.features.iter().map(|feature| (feature.name.as_str(), feature.kind)).collect())
    }
}

impl Definitions {
    /// Finds the model that a name means, through the search path when it names no schema.
    pub fn find_model(&self, name: &NameRef, search_path: &[String]) -> Option<&ModelDef> {
        match &name.schema {
            Some(schema) => self.models.get(&RelationName::new(schema, &name.name)),
            None => search_path.iter().find_map(|schema| self.models.get(&RelationName::new(schema, &name.name))),
        }
    }

    /// Adds a model, making its schema; 42710 where there is one of its name, unless it is to be replaced. One that is
    /// used by others keeps its features (42P16).
    pub fn add_model(&mut self, mut model: ModelDef, or_replace: bool) -> Result<()> {
        if let Some(there) = self.models.get(&model.name) {
            // Of two files' models of one name neither is the other's replacement.
            if !or_replace || matches!(model.origin, Origin::File(_)) {
                let error =
                    Error::new(SqlState::DUPLICATE_OBJECT, format!("model \"{}\" already exists", model.name.name));
                return Err(match (&there.origin, &model.origin) {
                    (Origin::File(first), Origin::File(_)) => error
                        .with_detail(format!("It is first defined in {}:{}:{}.", first.file, first.line, first.column)),
                    _ => error,
                });
            }
            changeable(&there.origin, &there.label())?;
            let kept = there.features().zip(model.features()).is_none_or(|(before, after)| before == after);
            if !kept && let Some(user) = self.users_of_model(&model.name).first() {
                return Err(Error::new(
                    SqlState::INVALID_TABLE_DEFINITION,
                    format!("cannot change the features of model \"{}\"", model.name.name),
                )
                .with_detail(format!("{user} uses it."))
                .with_hint("Give the new model another name, or drop this one with CASCADE first."));
            }
            model.comment = there.comment.clone();
        }
        check_schema_name(&model.name.schema)?;
        self.ensure_schema(&model.name.schema, &model.origin);
        self.models.insert(model.name.clone(), model);
        Ok(())
    }

    /// Makes sure that a model may be made: before it is trained, since a name that is taken is the plainer error.
    pub fn check_new_model(&self, model: &ModelDef, or_replace: bool) -> Result<()> {
        self.clone().add_model(model.clone(), or_replace)
    }

    /// Drops models with, if asked, what uses them; gives what is to be told.
    pub fn drop_models(
        &mut self,
        names: &[NameRef],
        if_exists: bool,
        cascade: bool,
        search_path: &[String],
    ) -> Result<Vec<String>> {
        let (mut notices, mut targets) = (vec![], vec![]);
        for name in names {
            match self.find_model(name, search_path) {
                Some(model) if targets.contains(&model.name) => {}
                Some(model) => targets.push(model.name.clone()),
                None if if_exists => notices.push(format!("model \"{}\" does not exist, skipping", name.name)),
                None => return Err(undefined("model", &name.shown()).with_position(Some(name.position))),
            }
        }
        if !cascade {
            let mut lines = vec![];
            for target in &targets {
                if let Some(model) = self.models.get(target) {
                    changeable(&model.origin, &model.label())?;
                }
                self.dependents_of_model(target, &mut lines);
            }
            lines.retain(|line| !targets.iter().any(|t| line.starts_with(&format!("model {t} depends on "))));
            if !lines.is_empty() {
                let what = match targets.as_slice() {
                    [target] => format!("model {target} because other objects depend on it"),
                    _ => "desired object(s) because other objects depend on them".to_string(),
                };
                return Err(still_needed(&what, lines));
            }
        }
        let mut dropped = vec![];
        for target in &targets {
            self.drop_model(target, &mut dropped)?;
        }
        dropped.retain(|label| !targets.iter().any(|target| *label == format!("model {target}")));
        notices.extend(cascades(&dropped));
        Ok(notices)
    }

    /// Drops one model with what uses it; adds what was dropped.
    pub(super) fn drop_model(&mut self, name: &RelationName, dropped: &mut Vec<String>) -> Result<()> {
        let Some(model) = self.models.get(name) else { return Ok(()) };
        changeable(&model.origin, &model.label())?;
        dropped.push(model.label());
        let views: Vec<RelationName> = self.views_with_model(name).map(|view| view.name.clone()).collect();
        for view in views {
            self.drop_relation(&view, dropped)?;
        }
        let models: Vec<RelationName> = self.models_with_model(name).map(|model| model.name.clone()).collect();
        for model in models {
            self.drop_model(&model, dropped)?;
        }
        self.models.remove(name);
        Ok(())
    }

    /// Drops the models that are trained on a relation with it; adds what was dropped.
    pub(super) fn drop_models_of(&mut self, relation: &RelationName, dropped: &mut Vec<String>) -> Result<()> {
        let models: Vec<RelationName> = self.models_on(relation).map(|model| model.name.clone()).collect();
        for model in models {
            self.drop_model(&model, dropped)?;
        }
        Ok(())
    }

    /// The models whose labelled rows are those of a relation, directly.
    pub(super) fn models_on<'a>(&'a self, relation: &'a RelationName) -> impl Iterator<Item = &'a ModelDef> {
        self.models.values().filter(move |model| model.depends_on.contains(relation))
    }

    fn views_with_model<'a>(&'a self, name: &'a RelationName) -> impl Iterator<Item = &'a RelationDef> {
        self.relations
            .values()
            .filter(move |relation| matches!(&relation.kind, RelationKind::View(view) if view.models.contains(name)))
    }

    fn models_with_model<'a>(&'a self, name: &'a RelationName) -> impl Iterator<Item = &'a ModelDef> {
        self.models.values().filter(move |model| model.models.contains(name) && model.name != *name)
    }

    fn users_of_model(&self, name: &RelationName) -> Vec<String> {
        let views = self.views_with_model(name).map(|view| format!("View {}", view.name));
        views.chain(self.models_with_model(name).map(|model| format!("Model {}", model.name))).collect()
    }

    /// Everything that uses a model, directly or through others, as Postgres lists it.
    pub(super) fn dependents_of_model(&self, name: &RelationName, lines: &mut Vec<String>) {
        for view in self.views_with_model(name) {
            let line = format!("view {} depends on model {name}", view.name);
            if !lines.contains(&line) {
                lines.push(line);
                self.dependents(&view.name, &format!("view {}", view.name), lines);
            }
        }
        for model in self.models_with_model(name) {
            let line = format!("{} depends on model {name}", model.label());
            if !lines.contains(&line) {
                lines.push(line);
                self.dependents_of_model(&model.name, lines);
            }
        }
    }

    /// Whether a model is trained on rows that it decides about itself, through views or other models.
    pub fn model_needs_itself(&self, name: &RelationName) -> bool {
        let mut seen: BTreeSet<(bool, &RelationName)> = BTreeSet::new();
        // Whether it is a model, and which.
        let mut open: Vec<(bool, &RelationName)> = vec![(true, name)];
        while let Some((is_model, at)) = open.pop() {
            let (relations, models) = match is_model {
                true => match self.models.get(at) {
                    Some(model) => (&model.depends_on, &model.models),
                    None => continue,
                },
                false => match self.relations.get(at) {
                    Some(RelationDef { kind: RelationKind::View(view), .. }) => (&view.depends_on, &view.models),
                    _ => continue,
                },
            };
            if models.contains(name) {
                return true;
            }
            let next = relations.iter().map(|next| (false, next)).chain(models.iter().map(|next| (true, next)));
            open.extend(next.filter(|next| seen.insert(*next)));
        }
        false
    }
}

/// 42P17 for a model that is trained on what it decides itself.
pub fn needs_itself(name: &RelationName) -> Error {
    Error::new(SqlState::INVALID_OBJECT_DEFINITION, format!("model \"{}\" depends on itself", name.shown()))
        .with_detail("The rows that it is trained on are made with it.")
}

#[cfg(test)]
mod tests {
    use super::super::definitions::{OWNER, ViewDef};
    use super::*;

    fn model(name: &str, depends_on: &[&str], models: &[&str]) -> ModelDef {
        let named = |names: &[&str]| names.iter().map(|name| RelationName::new("public", *name)).collect();
        ModelDef {
            name: RelationName::new("public", name),
            owner: OWNER.into(),
            origin: Origin::State,
            comment: None,
            statement: format!("CREATE MODEL {name} FOR tree_choice AS SELECT 1"),
            query: "SELECT 1".into(),
            depends_on: named(depends_on),
            models: named(models),
            kind: ModelKind::TreeChoice(TreeModel { options: TreeOptions::default(), trained: None, untrained: None }),
        }
    }

    fn view(name: &str, depends_on: &[&str], models: &[&str]) -> RelationDef {
        let named = |names: &[&str]| names.iter().map(|name| RelationName::new("public", *name)).collect();
        RelationDef {
            name: RelationName::new("public", name),
            owner: OWNER.into(),
            origin: Origin::State,
            acl: None,
            comment: None,
            column_acls: Default::default(),
            column_comments: Default::default(),
            security: Default::default(),
            kind: RelationKind::View(ViewDef {
                query: String::new(),
                column_names: vec![],
                security_invoker: false,
                security_barrier: false,
                columns: vec![],
                depends_on: named(depends_on),
                models: named(models),
                lineage: vec![],
                broken: None,
            }),
        }
    }

    fn sample() -> Definitions {
        let mut definitions = Definitions::default();
        for relation in [view("rows", &[], &[]), view("merged", &["rows"], &["m"]), view("above", &["merged"], &[])] {
            definitions.add_relation(relation).unwrap();
        }
        definitions.add_model(model("m", &["rows"], &[]), false).unwrap();
        definitions.add_model(model("m2", &[], &["m"]), false).unwrap();
        definitions
    }

    fn named(name: &str) -> NameRef {
        NameRef { schema: None, name: name.to_string(), position: 1 }
    }

    #[test]
    fn what_is_used_stays() {
        let path = ["public".to_string()];
        let mut definitions = sample();
        let refused = definitions.drop_models(&[named("m")], false, false, &path).unwrap_err();
        assert_eq!(refused.state(), SqlState::DEPENDENT_OBJECTS_STILL_EXIST);
        assert_eq!(
            refused.detail(),
            Some("view merged depends on model m\nview above depends on view merged\nmodel m2 depends on model m")
        );
        definitions.drop_models(&[named("m2")], false, false, &path).unwrap();
        let told = definitions.drop_models(&[named("m"), named("gone")], true, true, &path).unwrap();
        assert_eq!(
            told,
            [
                "model \"gone\" does not exist, skipping",
                "drop cascades to 2 other objects\ndrop cascades to view merged\ndrop cascades to view above"
            ]
        );
        assert!(definitions.models.is_empty());
        assert_eq!(definitions.relations.len(), 1);
        let missing = definitions.drop_models(&[named("m")], false, false, &path).unwrap_err();
        assert_eq!(missing.state(), SqlState::UNDEFINED_OBJECT);
    }

    #[test]
    fn a_model_goes_with_its_rows() {
        use crate::ddl::statement::DropKind;
        let path = ["public".to_string()];
        let mut definitions = sample();
        let refused = definitions.drop_relations(DropKind::View, &[named("rows")], false, false, &path).unwrap_err();
        assert!(refused.detail().unwrap_or_default().contains("model m depends on view rows"), "{refused:?}");
        definitions.drop_relations(DropKind::View, &[named("rows")], false, true, &path).unwrap();
        assert!(definitions.models.is_empty() && definitions.relations.is_empty());
    }

    #[test]
    fn circles_are_found() {
        let mut definitions = sample();
        let name = RelationName::new("public", "m");
        assert!(!definitions.model_needs_itself(&name));
        definitions.add_model(model("m", &["above"], &[]), true).unwrap();
        assert!(definitions.model_needs_itself(&name));
        definitions.add_model(model("m", &[], &["m2"]), true).unwrap();
        assert!(definitions.model_needs_itself(&name));
    }
}
