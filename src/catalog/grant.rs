//! GRANT and REVOKE: who is granted what is kept with each object and shown.

use super::acl::{Acl, ObjectKind};
use super::change::{changeable, undefined};
use super::definitions::{Definitions, OWNER, Origin, RelationDef};
use crate::ddl::statement::{Grant, GrantTarget};
use crate::error::{Error, Result, SqlState};

impl Definitions {
    /// Grants or revokes privileges. A file may speak of what files define, the wire of what it made.
    pub fn grant(&mut self, grant: &Grant, origin: &Origin, search_path: &[String]) -> Result<()> {
        // There is one role until roles are made.
        if let Some(unknown) = grant.grantees.iter().flatten().find(|role| *role != OWNER) {
            return Err(undefined("role", unknown));
        }
        match &grant.on {
            GrantTarget::Relations(names) => {
                for name in names {
                    let relation = self.find_mut(name, search_path)?;
                    on_relation(relation, grant, origin)?;
                }
            }
            GrantTarget::AllIn(schemas) => {
                for schema in schemas {
                    if !self.schemas.contains_key(schema) {
                        return Err(no_schema(schema));
                    }
                    for relation in self.relations.values_mut().filter(|r| r.name.schema == *schema) {
                        on_relation(relation, grant, origin)?;
                    }
                }
            }
            GrantTarget::Schemas(names) => {
                for name in names {
                    let schema = self.schemas.get_mut(name).ok_or_else(|| no_schema(name))?;
                    may(&schema.origin, origin, &format!("schema {name}"))?;
                    change(&mut schema.acl, ObjectKind::Schema, &schema.owner, grant)?;
                }
            }
            GrantTarget::Servers(names) => {
                for name in names {
                    let server = self.servers.get_mut(name).ok_or_else(|| undefined("server", name))?;
                    may(&server.origin, origin, &format!("server {name}"))?;
                    change(&mut server.acl, ObjectKind::Server, &server.owner, grant)?;
                }
            }
        }
        Ok(())
    }
}

fn no_schema(name: &str) -> Error {
    Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist"))
}

fn may(there: &Origin, origin: &Origin, what: &str) -> Result<()> {
    match origin {
        Origin::State => changeable(there, what),
        Origin::File(_) => Ok(()),
    }
}

fn on_relation(relation: &mut RelationDef, grant: &Grant, origin: &Origin) -> Result<()> {
    may(&relation.origin, origin, &format!("{} {}", relation.kind_name(), relation.name))?;
    change(&mut relation.acl, ObjectKind::Relation, &relation.owner, grant)
}

fn change(acl: &mut Option<Acl>, kind: ObjectKind, owner: &str, grant: &Grant) -> Result<()> {
    let letters = kind.letters(&grant.privileges)?;
    let acl = acl.get_or_insert_with(|| Acl::default_of(kind, owner));
    for grantee in &grant.grantees {
        acl.change(grantee.as_deref(), &letters, owner, grant.revoke);
    }
    Ok(())
}
