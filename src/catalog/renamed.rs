//! ALTER ROLE .. RENAME TO: a role's name stands wherever it owns, was granted or has granted something.

use super::acl::Acl;
use super::change::{changeable, undefined};
use super::definitions::{Definitions, OWNER};
use super::role::RoleDef;
use super::security::UNMASK;
use crate::error::{Error, Result, SqlState};

impl Definitions {
    /// Gives a role another name, everywhere. 42704 for one that is not there, 42710 for a name that is taken, 0A000 for
    /// the roles that are always there, and 55000 where a file names the role.
    pub fn rename_role(&mut self, from: &str, to: &str) -> Result<()> {
        if from == OWNER || from == UNMASK {
            return Err(Error::unsupported(format!("role \"{from}\" cannot be renamed")));
        }
        let role = self.roles.get(from).ok_or_else(|| undefined("role", from))?;
        changeable(&role.origin, &format!("role {from}"))?;
        if let Some(reserved) = super::role::reserved(to) {
            return Err(reserved);
        }
        if self.has_role(to) {
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, format!("role \"{to}\" already exists")));
        }
        self.check_renamed(from)?;
        let renamed = |name: &mut String| {
            if name == from {
                *name = to.to_string();
            }
        };
        let in_acl = |acl: &mut Option<Acl>| {
            if let Some(acl) = acl {
                *acl = acl.handed_over(from, to);
            }
        };
        for schema in self.schemas.values_mut() {
            renamed(&mut schema.owner);
            in_acl(&mut schema.acl);
        }
        for server in self.servers.values_mut() {
            renamed(&mut server.owner);
            in_acl(&mut server.acl);
        }
        for relation in self.relations.values_mut() {
            renamed(&mut relation.owner);
            in_acl(&mut relation.acl);
            relation.column_acls.values_mut().for_each(|acl| *acl = acl.handed_over(from, to));
            relation.security.policies.values_mut().for_each(|policy| policy.roles.iter_mut().for_each(renamed));
        }
        self.models.values_mut().for_each(|model| renamed(&mut model.owner));
        in_acl(&mut self.database.acl);
        self.database.functions.values_mut().for_each(|acl| *acl = acl.handed_over(from, to));
        for default in &mut self.database.defaults {
            renamed(&mut default.role);
            default.acl = default.acl.handed_over(from, to);
        }
        let mappings = std::mem::take(&mut self.user_mappings);
        self.user_mappings = mappings
            .into_iter()
            .map(|((server, mut user), mut mapping)| {
                renamed(&mut user);
                renamed(&mut mapping.user);
                ((server, user), mapping)
            })
            .collect();
        let roles = std::mem::take(&mut self.roles);
        self.roles = roles
            .into_iter()
            .map(|(mut name, mut role)| {
                renamed(&mut name);
                renamed(&mut role.name);
                rename_member(&mut role, from, to);
                (name, role)
            })
            .collect();
        Ok(())
    }

    /// Refuses where what a file defines names the role: the file would name one that is not there.
    fn check_renamed(&self, role: &str) -> Result<()> {
        let names = |acl: &Option<Acl>| acl.as_ref().is_some_and(|acl| acl.names(role));
        for schema in self.schemas.values().filter(|schema| schema.owner == role || names(&schema.acl)) {
            changeable(&schema.origin, &format!("schema {}", schema.name))?;
        }
        for server in self.servers.values().filter(|server| server.owner == role || names(&server.acl)) {
            changeable(&server.origin, &format!("server {}", server.name))?;
        }
        for relation in self.relations.values() {
            let named = relation.owner == role
                || names(&relation.acl)
                || relation.column_acls.values().any(|acl| acl.names(role))
                || relation.security.policies.values().any(|policy| policy.roles.iter().any(|named| named == role));
            if named {
                changeable(&relation.origin, &format!("{} {}", relation.kind_name(), relation.name))?;
            }
        }
        for model in self.models.values().filter(|model| model.owner == role) {
            changeable(&model.origin, &model.label())?;
        }
        for mapping in self.user_mappings.values().filter(|mapping| mapping.user == role) {
            changeable(&mapping.origin, &format!("user mapping for {role}"))?;
        }
        for other in self.roles.values() {
            if other.members.iter().any(|(member, by)| member == role || by.grantor == role) {
                changeable(&other.origin, &format!("membership in role {}", other.name))?;
            }
        }
        Ok(())
    }
}

fn rename_member(role: &mut RoleDef, from: &str, to: &str) {
    if let Some(member) = role.members.remove(from) {
        role.members.insert(to.to_string(), member);
    }
    for member in role.members.values_mut().filter(|member| member.grantor == from) {
        member.grantor = to.to_string();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::acl::ObjectKind;
    use crate::catalog::definitions::Origin;
    use crate::ddl::statement::{RoleGrant, RoleOptions};
    use crate::error::Location;

    fn sample() -> Definitions {
        let mut definitions = Definitions::default();
        for role in ["ayşe", "B", "group"] {
            definitions.create_role(role, &RoleOptions::default(), None, None, &Origin::State).unwrap();
        }
        let grant = RoleGrant {
            revoke: false,
            roles: vec!["group".into()],
            members: vec!["ayşe".into()],
            admin: true,
            granted_by: None,
            cascade: false,
        };
        definitions.grant_roles(&grant, &Origin::State, OWNER).unwrap();
        let grant = RoleGrant { members: vec!["B".into()], admin: false, ..grant };
        definitions.grant_roles(&grant, &Origin::State, "ayşe").unwrap();
        definitions.ensure_schema_of("hers", &Origin::State, "ayşe");
        let mut acl = Acl::default_of(ObjectKind::Schema, "ayşe", "hers");
        acl.grant(Some("B"), "U", "ayşe", false);
        definitions.schemas.get_mut("hers").unwrap().acl = Some(acl);
        definitions
    }

    #[test]
    fn a_new_name_stands_everywhere() {
        let mut definitions = sample();
        definitions.rename_role("ayşe", "Ayşe Yılmaz").unwrap();
        assert!(!definitions.has_role("ayşe"));
        assert_eq!(definitions.roles["Ayşe Yılmaz"].name, "Ayşe Yılmaz");
        assert_eq!(definitions.schemas["hers"].owner, "Ayşe Yılmaz");
        let items = definitions.schemas["hers"].acl.as_ref().unwrap().items();
        assert_eq!(items, ["\"Ayşe Yılmaz\"=UC/\"Ayşe Yılmaz\"", "B=U/\"Ayşe Yılmaz\""]);
        let members = &definitions.roles["group"].members;
        assert!(members["Ayşe Yılmaz"].admin);
        assert_eq!(members["B"].grantor, "Ayşe Yılmaz");
    }

    #[test]
    fn names_that_cannot_be_given() {
        let mut definitions = sample();
        let mut rename = |from, to| definitions.rename_role(from, to).map_err(|error| error.state());
        assert_eq!(rename("gone", "x"), Err(SqlState::UNDEFINED_OBJECT));
        assert_eq!(rename("ayşe", "B"), Err(SqlState::DUPLICATE_OBJECT));
        assert_eq!(rename("ayşe", OWNER), Err(SqlState::DUPLICATE_OBJECT));
        assert_eq!(rename("ayşe", "pg_x"), Err(SqlState("42939")));
        assert_eq!(rename(OWNER, "x"), Err(SqlState("0A000")));
        let at = Location { file: "a.sql".into(), line: 1, column: 1, text: String::new() };
        definitions.schemas.get_mut("hers").unwrap().origin = Origin::File(at);
        let refused = definitions.rename_role("ayşe", "x").unwrap_err();
        assert_eq!(refused.state(), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
        assert!(definitions.has_role("ayşe"));
    }
}
