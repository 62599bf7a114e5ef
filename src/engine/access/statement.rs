//! May a role change what a definition changes?

use crate::catalog::definitions::{Definitions, OWNER, PUBLIC, RelationDef};
use crate::catalog::rights::{Rights, denied, not_owner, relation_words};
use crate::ddl::statement::{CommentTarget, Ddl, GrantTarget, NameRef, SecurityChange};
use crate::engine::define::dependencies;
use crate::engine::session::Session;
use crate::error::Result;

impl Session {
    /// 42501 unless the session's role may run a definition. What is not there is left to the definition itself. Roles,
    /// privileges and rules of validation are looked at where they are changed. The owner may do everything.
    pub(in crate::engine) fn check_definition(&self, definitions: &Definitions, ddl: &Ddl) -> Result<()> {
        let role = self.role();
        if role == OWNER {
            return Ok(());
        }
        let rights = definitions.rights(&role);
        Definer { definitions, rights: &rights, path: &self.path() }.check(ddl)
    }

    /// What a non-owner has made is its own: gives it what `before` has not.
    pub(in crate::engine) fn own_what_is_new(&self, definitions: &mut Definitions, before: &Definitions) {
        let role = self.role();
        if role == OWNER {
            return;
        }
        definitions.give_new(before, &role);
    }

    /// 42501 unless names may be looked up in the schema that a name gives.
    pub(in crate::engine) fn check_look(&self, definitions: &Definitions, name: &NameRef) -> Result<()> {
        let role = self.role();
        match &name.schema {
            Some(schema) if !definitions.rights(&role).uses_schema(schema) => Err(denied(&format!("schema {schema}"))),
            _ => Ok(()),
        }
    }
}

struct Definer<'a> {
    definitions: &'a Definitions,
    rights: &'a Rights<'a>,
    path: &'a [String],
}

impl Definer<'_> {
    fn check(&self, ddl: &Ddl) -> Result<()> {
        match ddl {
            Ddl::CreateServer { kind, .. } => Err(denied(&format!("foreign-data wrapper {kind}"))),
            Ddl::AlterServer { name, .. } | Ddl::RefreshServer { name } => self.server(name),
            Ddl::DropServer { names, .. } => names.iter().try_for_each(|name| self.server(name)),
            Ddl::CreateUserMapping { server, .. }
            | Ddl::AlterUserMapping { server, .. }
            | Ddl::DropUserMapping { server, .. } => self.server(server),
            // A foreign table reads what the server's mapping may read: only the owner makes one.
            Ddl::Import { server, .. } | Ddl::CreateForeignTable { server, .. } => {
                match self.definitions.servers.get(server) {
                    Some(there) if !self.rights.server(there) => Err(denied(&format!("foreign server {server}"))),
                    _ => self.server(server),
                }
            }
            Ddl::CreateSchema { .. } => self.rights.need_create_schema(),
            Ddl::DropSchema { names, .. } => names.iter().try_for_each(|name| self.schema(name)),
            Ddl::CreateView { name, or_replace, query, .. } => {
                let relation = name.to_create();
                self.rights.need_create_in(&relation.schema)?;
                if *or_replace && let Some(there) = self.definitions.relation(&relation) {
                    self.rights.need_own(there)?;
                }
                self.read_by(query)
            }
            Ddl::CreateTable { name, .. } => self.rights.need_create_in(&name.to_create().schema),
            Ddl::Drop { names, .. } => names.iter().try_for_each(|name| match self.find(name)? {
                Some(there) if !self.owns_schema(&there.name.schema) => self.rights.need_own(there),
                _ => Ok(()),
            }),
            Ddl::Rename { name, .. } => match self.find(name)? {
                Some(there) => {
                    self.rights.need_own(there)?;
                    self.rights.need_create_in(&there.name.schema)
                }
                None => Ok(()),
            },
            Ddl::CreateModel { model, or_replace } => {
                let name = model.name.to_create();
                self.rights.need_create_in(&name.schema)?;
                if *or_replace && self.definitions.models.contains_key(&name) {
                    self.model(&model.name)?;
                }
                self.read_by(&model.query)
            }
            Ddl::DropModel { names, .. } => names.iter().try_for_each(|name| self.model(name)),
            Ddl::Truncate { names } => names.iter().try_for_each(|name| match self.find(name)? {
                Some(there) if !self.rights.relation(there, "D") => Err(denied(&relation_words(there))),
                _ => Ok(()),
            }),
            Ddl::Comment { target, .. } => match target {
                CommentTarget::Relation(_, name) => {
                    self.find(name)?.map_or(Ok(()), |there| self.rights.need_own(there))
                }
                CommentTarget::Column(name, _) => match self.find(name)? {
                    Some(there) if !self.rights.has(&there.owner) => {
                        Err(not_owner(&format!("relation {}", there.name.name)))
                    }
                    _ => Ok(()),
                },
                CommentTarget::Schema(name) => self.schema(name),
                CommentTarget::Server(name) => self.server(name),
                CommentTarget::Model(name) => self.model(name),
            },
            Ddl::CreateRule { rule, .. } => self.look(&rule.relation),
            Ddl::DropRule { relation, .. } => self.look(relation),
            Ddl::Grant(grant) => match &grant.on {
                GrantTarget::Relations(names) => names.iter().try_for_each(|name| self.look(name)),
                _ => Ok(()),
            },
            Ddl::Security(statement) => match self.find(&statement.relation)? {
                // What is not there is anyone's not to find, as in Postgres.
                Some(there)
                    if matches!(&statement.change, SecurityChange::DropPolicy { name, .. }
                        if !there.security.policies.contains_key(name)) =>
                {
                    Ok(())
                }
                Some(there) if !self.rights.has(&there.owner) => {
                    let of_a_part =
                        matches!(statement.change, SecurityChange::DropPolicy { .. } | SecurityChange::Label { .. });
                    let kind = if of_a_part { "relation" } else { there.kind_name() };
                    Err(not_owner(&format!("{kind} {}", there.name.name)))
                }
                _ => Ok(()),
            },
            Ddl::DefaultPrivileges(_)
            | Ddl::CreateRole { .. }
            | Ddl::AlterRole { .. }
            | Ddl::RenameRole { .. }
            | Ddl::DropRole { .. }
            | Ddl::DropOwned { .. }
            | Ddl::ReassignOwned { .. }
            | Ddl::GrantRole(_) => Ok(()),
        }
    }

    fn look(&self, name: &NameRef) -> Result<()> {
        match &name.schema {
            Some(schema) if !self.rights.uses_schema(schema) => Err(denied(&format!("schema {schema}"))),
            _ => Ok(()),
        }
    }

    fn find(&self, name: &NameRef) -> Result<Option<&RelationDef>> {
        self.look(name)?;
        Ok(self.definitions.find(name, self.path))
    }

    fn owns_schema(&self, name: &str) -> bool {
        self.definitions.schemas.get(name).is_some_and(|schema| self.rights.has(&schema.owner))
    }

    fn schema(&self, name: &str) -> Result<()> {
        match self.definitions.schemas.contains_key(name) && !self.owns_schema(name) {
            true => Err(not_owner(&format!("schema {name}"))),
            false => Ok(()),
        }
    }

    /// Servers are the owner's alone.
    fn server(&self, name: &str) -> Result<()> {
        match self.definitions.servers.contains_key(name) {
            true => Err(not_owner(&format!("foreign server {name}"))),
            false => Ok(()),
        }
    }

    fn model(&self, name: &NameRef) -> Result<()> {
        self.look(name)?;
        match self.definitions.find_model(name, self.path) {
            Some(model) if !self.rights.has(&model.owner) => Err(not_owner(&format!("model {}", model.name.name))),
            _ => Ok(()),
        }
    }

    /// The names of a query that is kept are looked up in `public` when they give no schema.
    fn read_by(&self, query: &str) -> Result<()> {
        let path = [PUBLIC.to_string()];
        // A query that does not parse is told by who plans it.
        for read in dependencies(query, &path, self.definitions).unwrap_or_default() {
            if !self.rights.uses_schema(&read.schema) {
                return Err(denied(&format!("schema {}", read.schema)));
            }
        }
        Ok(())
    }
}
