//! What a role may do: its own privileges, those of the roles that it is a member of, and PUBLIC's.

use std::collections::BTreeSet;

use super::acl::{Acl, AclEntry, ObjectKind};
use super::definitions::{DATABASE, Definitions, OWNER, RelationDef, RelationName, SchemaDef, ServerDef};
use super::pg::callable::Callable;
use crate::error::{Error, Result, SqlState};

/// A role with all that it has the privileges of, at one moment. The owner may do everything.
#[derive(Debug)]
pub struct Rights<'a> {
    definitions: &'a Definitions,
    roles: BTreeSet<&'a str>,
    owner: bool,
}

impl Definitions {
    /// What a role may do. A role that is not there may do what PUBLIC may.
    pub fn rights<'a>(&'a self, role: &'a str) -> Rights<'a> {
        let owner = role == OWNER;
        Rights { definitions: self, roles: if owner { BTreeSet::new() } else { self.roles_of(role, true) }, owner }
    }
}

/// 42501, in Postgres's words; `what` is the object's kind and name.
pub fn denied(what: &str) -> Error {
    Error::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("permission denied for {what}"))
}

/// 42501 for what only its owner may do.
pub fn not_owner(what: &str) -> Error {
    Error::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be owner of {what}"))
}

/// A relation's kind and name, as Postgres's messages of privileges say it.
pub fn relation_words(relation: &RelationDef) -> String {
    format!("{} {}", relation.kind_name(), relation.name.name)
}

impl<'a> Rights<'a> {
    /// Whether it is the owner, who may do everything.
    pub fn is_owner(&self) -> bool {
        self.owner
    }

    /// Whether it has the privileges of a role.
    pub fn has(&self, role: &str) -> bool {
        self.owner || self.roles.contains(role)
    }

    /// The roles whose privileges it has; none for the owner, who has all.
    pub fn roles(&self) -> &BTreeSet<&'a str> {
        &self.roles
    }

    fn concerns(&self, entry: &AclEntry) -> bool {
        entry.grantee.as_deref().is_none_or(|grantee| self.roles.contains(grantee))
    }

    /// Whether an object's privileges give it one of some letters.
    pub fn holds(&self, acl: Option<&Acl>, kind: ObjectKind, owner: &str, name: &str, letters: &str) -> bool {
        if self.owner {
            return true;
        }
        let given = |acl: &Acl| {
            acl.0.iter().any(|entry| self.concerns(entry) && letters.chars().any(|letter| entry.gives(letter)))
        };
        match acl {
            Some(acl) => given(acl),
            None => given(&Acl::default_of(kind, owner, name)),
        }
    }

    /// Whether it may grant one of some letters on.
    pub fn grants(&self, acl: Option<&Acl>, owner: &str, letters: &str) -> bool {
        let granted = |acl: &Acl| {
            acl.0.iter().any(|entry| {
                entry.grantee.is_some() && self.concerns(entry) && letters.chars().any(|letter| entry.grants(letter))
            })
        };
        self.has(owner) || acl.is_some_and(granted)
    }

    /// Whether it has one of some privileges on a relation as a whole.
    pub fn relation(&self, relation: &RelationDef, letters: &str) -> bool {
        self.holds(relation.acl.as_ref(), ObjectKind::Relation, &relation.owner, &relation.name.name, letters)
    }

    /// Whether it has one of some privileges on a column, by itself or as one of the relation's.
    pub fn column(&self, relation: &RelationDef, column: &str, letters: &str) -> bool {
        self.relation(relation, letters)
            || relation
                .column_acls
                .get(column)
                .is_some_and(|acl| self.holds(Some(acl), ObjectKind::Column, &relation.owner, column, letters))
    }

    /// Whether it has one of some privileges on a relation or on any of its columns.
    pub fn any_column(&self, relation: &RelationDef, letters: &str) -> bool {
        self.relation(relation, letters)
            || relation
                .column_acls
                .values()
                .any(|acl| self.holds(Some(acl), ObjectKind::Column, &relation.owner, "", letters))
    }

    /// Whether it has any privilege at all on a relation or a column of it, as who is shown it must.
    pub fn sees(&self, relation: &RelationDef) -> bool {
        self.has(&relation.owner) || self.any_column(relation, ObjectKind::Relation.all())
    }

    /// Whether it has one of some privileges on a schema.
    pub fn schema(&self, schema: &SchemaDef, letters: &str) -> bool {
        self.holds(schema.acl.as_ref(), ObjectKind::Schema, &schema.owner, &schema.name, letters)
    }

    /// Whether it may look for names in a schema. One that is not there is looked in by anyone.
    pub fn uses_schema(&self, name: &str) -> bool {
        self.owner || self.definitions.schemas.get(name).is_none_or(|schema| self.schema(schema, "U"))
    }

    /// Whether it may use a server.
    pub fn server(&self, server: &ServerDef) -> bool {
        self.holds(server.acl.as_ref(), ObjectKind::Server, &server.owner, &server.name, "U")
    }

    /// Whether it has one of some privileges on the database.
    pub fn database(&self, letters: &str) -> bool {
        self.holds(self.definitions.database.acl.as_ref(), ObjectKind::Database, OWNER, DATABASE, letters)
    }

    /// Whether privileges on a function let it be called.
    pub fn may_execute(&self, acl: &Acl, name: &str) -> bool {
        self.holds(Some(acl), ObjectKind::Function, OWNER, name, "X")
    }

    /// Whether it may call a function.
    pub fn calls(&self, function: &Callable) -> bool {
        match self.definitions.database.functions.get(&function.key) {
            Some(acl) => self.may_execute(acl, &function.name),
            None => self.owner || !function.is_restricted(),
        }
    }

    /// 42501 unless it may make things in a schema. In a schema that is not there yet they are made with it, which
    /// needs the right to make schemas.
    pub fn need_create_in(&self, name: &str) -> Result<()> {
        match self.definitions.schemas.get(name) {
            Some(schema) if self.schema(schema, "C") => Ok(()),
            Some(_) => Err(denied(&format!("schema {name}"))),
            None => self.need_create_schema(),
        }
    }

    /// 42501 unless it may make schemas.
    pub fn need_create_schema(&self) -> Result<()> {
        if self.database("C") { Ok(()) } else { Err(denied(&format!("database {DATABASE}"))) }
    }

    /// 42501 unless it owns a relation.
    pub fn need_own(&self, relation: &RelationDef) -> Result<()> {
        if self.has(&relation.owner) { Ok(()) } else { Err(not_owner(&relation_words(relation))) }
    }
}

impl Definitions {
    /// Gives a role all that is not in an earlier state, with the privileges that what it makes has.
    pub fn give_new(&mut self, before: &Definitions, role: &str) {
        let schemas: Vec<String> = self.schemas.keys().filter(|s| !before.schemas.contains_key(*s)).cloned().collect();
        for name in schemas {
            let acl = self.default_acl(role, None, ObjectKind::Schema);
            if let Some(schema) = self.schemas.get_mut(&name) {
                (schema.owner, schema.acl) = (role.to_string(), acl);
            }
        }
        let relations: Vec<RelationName> =
            self.relations.keys().filter(|name| !before.relations.contains_key(*name)).cloned().collect();
        for name in relations {
            let acl = self.default_acl(role, Some(&name.schema), ObjectKind::Relation);
            if let Some(relation) = self.relations.get_mut(&name) {
                (relation.owner, relation.acl) = (role.to_string(), acl);
            }
        }
        for (name, model) in &mut self.models {
            if !before.models.contains_key(name) {
                model.owner = role.to_string();
            }
        }
    }
}
