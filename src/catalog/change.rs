//! Changes of the catalog that need no source: each takes a state of it and makes the next, or says why not, in
//! Postgres's words.

use super::acl::ObjectKind;
use super::definitions::{
    Definitions, ForeignTableDef, OWNER, Origin, PUBLIC, RelationDef, RelationKind, RelationName, SchemaDef,
};
use crate::ddl::statement::{CommentTarget, DropKind, NameRef, OptionChange};
use crate::error::{Error, Result, SqlState};
use crate::sources::options::Options;

impl NameRef {
    /// The relation it names for one that is to be made: `public` unless a schema is given.
    pub fn to_create(&self) -> RelationName {
        RelationName::new(self.schema.as_deref().unwrap_or(PUBLIC), &self.name)
    }

    /// As the user wrote it, for messages.
    pub fn shown(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// `foreign-data wrapper`, `server` and other things that are not relations.
pub fn undefined(what: &str, name: &str) -> Error {
    Error::new(SqlState::UNDEFINED_OBJECT, format!("{what} \"{name}\" does not exist"))
}

fn no_option(name: &str) -> Error {
    Error::new(SqlState::UNDEFINED_OBJECT, format!("option \"{name}\" not found"))
}

/// Refuses to change over the wire what a file defines.
pub fn changeable(origin: &Origin, what: &str) -> Result<()> {
    match origin {
        Origin::State => Ok(()),
        Origin::File(at) => Err(Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("{what} is defined in {}:{}", at.file, at.line),
        )
        .with_hint("Change it in the file, then reload with SIGHUP.")),
    }
}

/// Applies ALTER .. OPTIONS (..).
pub fn change_options(options: &mut Options, changes: &[OptionChange]) -> Result<()> {
    for change in changes {
        match change {
            OptionChange::Add(name, value) => {
                if options.get(name).is_some() {
                    return Err(Error::new(
                        SqlState::DUPLICATE_OBJECT,
                        format!("option \"{name}\" provided more than once"),
                    ));
                }
                options.set(name, value);
            }
            OptionChange::Set(name, value) => {
                if options.get(name).is_none() {
                    return Err(no_option(name).with_hint("Use ADD for an option that is not set yet."));
                }
                options.set(name, value);
            }
            OptionChange::Drop(name) => {
                options.remove(name).ok_or_else(|| no_option(name))?;
            }
        }
    }
    Ok(())
}

impl Definitions {
    /// Makes a schema that does not exist yet, silently.
    pub fn ensure_schema(&mut self, name: &str, origin: &Origin) {
        self.ensure_schema_of(name, origin, OWNER);
    }

    /// The same for a role, whose schema it is.
    pub fn ensure_schema_of(&mut self, name: &str, origin: &Origin, owner: &str) {
        if !self.schemas.contains_key(name) {
            let schema = SchemaDef {
                name: name.to_string(),
                owner: owner.to_string(),
                origin: origin.clone(),
                acl: self.default_acl(owner, None, ObjectKind::Schema),
                comment: None,
            };
            self.schemas.insert(name.to_string(), schema);
        }
    }

    /// Adds a relation, making its schema; 42P07 when the name is taken.
    pub fn add_relation(&mut self, mut relation: RelationDef) -> Result<()> {
        if let Some(there) = self.relations.get(&relation.name) {
            let error =
                Error::new(SqlState::DUPLICATE_TABLE, format!("relation \"{}\" already exists", relation.name.name));
            return Err(match (&there.origin, &relation.origin) {
                (Origin::File(first), Origin::File(_)) => {
                    error.with_detail(format!("It is first defined in {}:{}:{}.", first.file, first.line, first.column))
                }
                _ => error,
            });
        }
        check_schema_name(&relation.name.schema)?;
        self.ensure_schema_of(&relation.name.schema, &relation.origin, &relation.owner);
        if relation.acl.is_none() {
            relation.acl = self.default_acl(&relation.owner, Some(&relation.name.schema), ObjectKind::Relation);
        }
        self.relations.insert(relation.name.clone(), relation);
        Ok(())
    }

    /// Finds the relation that a name means, through the search path when it names no schema.
    pub fn find(&self, name: &NameRef, search_path: &[String]) -> Option<&RelationDef> {
        match &name.schema {
            Some(schema) => self.relations.get(&RelationName::new(schema, &name.name)),
            None => search_path.iter().find_map(|s| self.relations.get(&RelationName::new(s, &name.name))),
        }
    }

    /// Drops relations of one kind.
    pub fn drop_relations(
        &mut self,
        kind: DropKind,
        names: &[NameRef],
        if_exists: bool,
        cascade: bool,
        search_path: &[String],
    ) -> Result<Vec<String>> {
        let mut notices = vec![];
        let mut targets: Vec<RelationName> = vec![];
        for name in names {
            let Some(relation) = self.find(name, search_path) else {
                if if_exists {
                    notices.push(format!("{} \"{}\" does not exist, skipping", kind.words(), name.name));
                    continue;
                }
                if let Some(schema) = name.schema.as_ref().filter(|s| !self.schemas.contains_key(*s)) {
                    return Err(Error::new(
                        SqlState::INVALID_SCHEMA_NAME,
                        format!("schema \"{schema}\" does not exist"),
                    ));
                }
                let state = match kind {
                    DropKind::ForeignTable => SqlState::UNDEFINED_OBJECT,
                    _ => SqlState::UNDEFINED_TABLE,
                };
                return Err(Error::new(state, format!("{} \"{}\" does not exist", kind.words(), name.name)));
            };
            let fits = matches!(
                (&relation.kind, kind),
                (RelationKind::View(_), DropKind::View)
                    | (RelationKind::Foreign(_), DropKind::ForeignTable)
                    | (RelationKind::Local(_), DropKind::Table)
            );
            if !fits {
                let article = if kind == DropKind::ForeignTable { "foreign table" } else { kind.words() };
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not a {article}", relation.name.name),
                )
                .with_hint(format!(
                    "Use DROP {} to remove a {}.",
                    relation.kind_name().to_uppercase(),
                    relation.kind_name()
                )));
            }
            if !targets.contains(&relation.name) {
                targets.push(relation.name.clone());
            }
        }
        let labels: Vec<String> = targets.iter().filter_map(|target| self.label(target)).collect();
        if !cascade {
            self.check_needed(&targets, &labels)?;
        }
        let mut dropped = vec![];
        for target in &targets {
            self.drop_relation(target, &mut dropped)?;
        }
        dropped.retain(|label| !labels.contains(label));
        notices.extend(cascades(&dropped));
        Ok(notices)
    }

    /// A relation's kind and name, as messages say it.
    pub(super) fn label(&self, name: &RelationName) -> Option<String> {
        self.relations.get(name).map(|relation| format!("{} {name}", relation.kind_name()))
    }

    /// Fails when something reads what is to be dropped and is not to be dropped with it.
    pub(super) fn check_needed(&self, targets: &[RelationName], labels: &[String]) -> Result<()> {
        let mut lines = vec![];
        for (target, label) in targets.iter().zip(labels) {
            if let Some(relation) = self.relations.get(target) {
                changeable(&relation.origin, label)?;
            }
            self.dependents(target, label, &mut lines);
            let policies = self.policies_reading(target).into_iter().filter(|of| !targets.contains(&of.relation));
            lines.extend(policies.map(|of| format!("{} depends on {label}", of.label)));
        }
        lines.retain(|line| !targets.iter().any(|t| line.starts_with(&format!("view {t} depends on "))));
        match labels {
            _ if lines.is_empty() => Ok(()),
            [label] => Err(still_needed(&format!("{label} because other objects depend on it"), lines)),
            _ => Err(still_needed("desired object(s) because other objects depend on them", lines)),
        }
    }

    /// Drops one relation with the views that read it and the models that are trained on it; adds what was dropped.
    pub(super) fn drop_relation(&mut self, name: &RelationName, dropped: &mut Vec<String>) -> Result<()> {
        let Some(relation) = self.relations.get(name) else { return Ok(()) };
        let label = format!("{} {name}", relation.kind_name());
        changeable(&relation.origin, &label)?;
        dropped.push(label);
        let readers: Vec<RelationName> = self.readers(name).map(|r| r.name.clone()).collect();
        for reader in readers {
            self.drop_relation(&reader, dropped)?;
        }
        self.drop_models_of(name, dropped)?;
        self.drop_rules_on(name)?;
        self.relations.remove(name);
        self.drop_policies_reading(name, dropped)
    }

    /// Everything that reads a relation, directly or through other views, as Postgres lists it.
    pub(super) fn dependents(&self, name: &RelationName, label: &str, lines: &mut Vec<String>) {
        for reader in self.readers(name) {
            let line = format!("view {} depends on {label}", reader.name);
            if !lines.contains(&line) {
                lines.push(line);
                self.dependents(&reader.name, &format!("view {}", reader.name), lines);
            }
        }
        for model in self.models_on(name) {
            let line = format!("{} depends on {label}", model.label());
            if !lines.contains(&line) {
                lines.push(line);
                self.dependents_of_model(&model.name, lines);
            }
        }
    }

    /// Drops servers with, if asked, their mappings and foreign tables.
    pub fn drop_servers(&mut self, names: &[String], if_exists: bool, cascade: bool) -> Result<Vec<String>> {
        let (mut notices, mut dropped) = (vec![], vec![]);
        for name in names {
            let Some(server) = self.servers.get(name) else {
                if if_exists {
                    notices.push(format!("server \"{name}\" does not exist, skipping"));
                    continue;
                }
                return Err(undefined("server", name));
            };
            changeable(&server.origin, &format!("server {name}"))?;
            let tables: Vec<RelationName> = self.tables_of(name).map(|r| r.name.clone()).collect();
            let mappings: Vec<(String, String)> =
                self.user_mappings.keys().filter(|(server, _)| server == name).cloned().collect();
            if !(cascade || tables.is_empty() && mappings.is_empty()) {
                let mut lines: Vec<String> = mappings
                    .iter()
                    .map(|(_, user)| format!("user mapping for {user} on server {name} depends on server {name}"))
                    .collect();
                for table in &tables {
                    lines.push(format!("foreign table {table} depends on server {name}"));
                    self.dependents(table, &format!("foreign table {table}"), &mut lines);
                }
                return Err(still_needed(&format!("server {name} because other objects depend on it"), lines));
            }
            for key in mappings {
                if let Some(mapping) = self.user_mappings.get(&key) {
                    changeable(&mapping.origin, &format!("user mapping for {}", key.1))?;
                }
                self.user_mappings.remove(&key);
                dropped.push(format!("user mapping for {} on server {name}", key.1));
            }
            for table in tables {
                self.drop_relation(&table, &mut dropped)?;
            }
            self.servers.remove(name);
        }
        notices.extend(cascades(&dropped));
        Ok(notices)
    }

    /// The foreign tables at a server.
    pub fn tables_of<'a>(&'a self, server: &'a str) -> impl Iterator<Item = &'a RelationDef> {
        self.relations
            .values()
            .filter(move |r| matches!(&r.kind, RelationKind::Foreign(ForeignTableDef { server: s, .. }) if s == server))
    }

    /// Drops schemas with, if asked, what is in them.
    pub fn drop_schemas(&mut self, names: &[String], if_exists: bool, cascade: bool) -> Result<Vec<String>> {
        let (mut notices, mut dropped) = (vec![], vec![]);
        for name in names {
            let Some(schema) = self.schemas.get(name) else {
                if if_exists {
                    notices.push(format!("schema \"{name}\" does not exist, skipping"));
                    continue;
                }
                return Err(Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist")));
            };
            if name == PUBLIC {
                return Err(Error::unsupported("schema \"public\" cannot be dropped"));
            }
            changeable(&schema.origin, &format!("schema {name}"))?;
            let inside: Vec<RelationName> =
                self.relations.keys().filter(|relation| relation.schema == *name).cloned().collect();
            let models: Vec<RelationName> = self.models.keys().filter(|model| model.schema == *name).cloned().collect();
            if !cascade && (!inside.is_empty() || !models.is_empty()) {
                let mut lines: Vec<String> = vec![];
                for relation in &inside {
                    let Some(kind) = self.relations.get(relation).map(RelationDef::kind_name) else { continue };
                    lines.push(format!("{kind} {relation} depends on schema {name}"));
                    let mut above = vec![];
                    self.dependents(relation, &format!("{kind} {relation}"), &mut above);
                    // A view that is itself in the schema is told as that, as Postgres does.
                    let in_schema =
                        |line: &String| inside.iter().any(|r| line.starts_with(&format!("view {r} depends on ")));
                    lines.extend(above.into_iter().filter(|line| !in_schema(line)));
                }
                for model in &models {
                    lines.retain(|line| !line.starts_with(&format!("model {model} depends on ")));
                    lines.push(format!("model {model} depends on schema {name}"));
                    self.dependents_of_model(model, &mut lines);
                }
                return Err(still_needed(&format!("schema {name} because other objects depend on it"), lines));
            }
            for relation in inside {
                self.drop_relation(&relation, &mut dropped)?;
            }
            for model in models {
                self.drop_model(&model, &mut dropped)?;
            }
            self.schemas.remove(name);
        }
        notices.extend(cascades(&dropped));
        Ok(notices)
    }

    /// Sets or takes away a comment. A file may comment on what files define, the wire on what it made.
    pub fn comment(
        &mut self,
        target: &CommentTarget,
        text: Option<String>,
        origin: &Origin,
        search_path: &[String],
    ) -> Result<()> {
        let may = |there: &Origin, what: String| match origin {
            Origin::State => changeable(there, &what),
            Origin::File(_) => Ok(()),
        };
        match target {
            CommentTarget::Server(name) => {
                let server = self.servers.get_mut(name).ok_or_else(|| undefined("server", name))?;
                may(&server.origin, format!("server {name}"))?;
                server.comment = text;
            }
            CommentTarget::Model(name) => {
                let found = self.find_model(name, search_path).map(|model| model.name.clone());
                let model = found.and_then(|found| self.models.get_mut(&found));
                let model =
                    model.ok_or_else(|| undefined("model", &name.shown()).with_position(Some(name.position)))?;
                may(&model.origin, model.label())?;
                model.comment = text;
            }
            CommentTarget::Schema(name) => {
                let schema = self.schemas.get_mut(name).ok_or_else(|| {
                    Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist"))
                })?;
                may(&schema.origin, format!("schema {name}"))?;
                schema.comment = text;
            }
            CommentTarget::Relation(kind, name) => {
                let relation = self.find_mut(name, search_path)?;
                may(&relation.origin, format!("{} {}", relation.kind_name(), relation.name))?;
                if relation.kind_name() != kind.words() {
                    return Err(Error::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        format!("\"{}\" is not a {}", name.name, kind.words()),
                    ));
                }
                relation.comment = text;
            }
            CommentTarget::Column(name, column) => {
                let relation = self.find_mut(name, search_path)?;
                may(&relation.origin, format!("{} {}", relation.kind_name(), relation.name))?;
                let columns = relation.columns();
                // A view of the files is commented before it is planned, when its columns are not known yet.
                if !columns.is_empty() && !columns.iter().any(|c| c.name == *column) {
                    return Err(Error::new(
                        SqlState::UNDEFINED_COLUMN,
                        format!("column \"{column}\" of relation \"{}\" does not exist", name.name),
                    ));
                }
                match text {
                    Some(text) => relation.column_comments.insert(column.clone(), text),
                    None => relation.column_comments.remove(column),
                };
            }
        }
        Ok(())
    }

    pub(super) fn find_mut(&mut self, name: &NameRef, search_path: &[String]) -> Result<&mut RelationDef> {
        let missing = || {
            Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", name.shown()))
                .with_position(Some(name.position))
        };
        if let Some(schema) = name.schema.as_ref().filter(|schema| !self.schemas.contains_key(*schema)) {
            return Err(Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{schema}\" does not exist")));
        }
        let found = self.find(name, search_path).map(|r| r.name.clone()).ok_or_else(missing)?;
        self.relations.get_mut(&found).ok_or_else(missing)
    }
}

pub(super) fn check_schema_name(name: &str) -> Result<()> {
    if name.starts_with("pg_") || name == "information_schema" {
        return Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied to create in schema \"{name}\""),
        )
        .with_detail("System catalog modifications are disallowed."));
    }
    Ok(())
}

pub(super) fn still_needed(why: &str, lines: Vec<String>) -> Error {
    Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, format!("cannot drop {why}"))
        .with_detail(lines.join("\n"))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

/// The notice of what was dropped besides, as Postgres words it; of several they are the lines after the first.
pub(super) fn cascades(dropped: &[String]) -> Option<String> {
    let lines: Vec<String> = dropped.iter().map(|label| format!("drop cascades to {label}")).collect();
    match lines.len() {
        0 | 1 => lines.into_iter().next(),
        more => Some(format!("drop cascades to {more} other objects\n{}", lines.join("\n"))),
    }
}
