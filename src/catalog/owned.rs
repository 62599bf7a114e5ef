//! What belongs to a role as a whole: given to another, or dropped with all that it was granted.

use super::acl::Acl;
use super::change::{cascades, changeable};
use super::definitions::{Definitions, OWNER, RelationName};
use crate::error::{Error, Result, SqlState};

impl Definitions {
    /// REASSIGN OWNED: what roles own is another's. What they were granted on it is the other's too, as in Postgres.
    pub fn reassign_owned(&mut self, roles: &[String], to: &str) -> Result<()> {
        self.need_role(to)?;
        for role in roles {
            self.need_role(role)?;
            refuse_owner(role)?;
        }
        let owned = |owner: &String| roles.contains(owner);
        for schema in self.schemas.values_mut().filter(|schema| owned(&schema.owner)) {
            hand_over(&mut schema.acl, &schema.owner, to);
            schema.owner = to.to_string();
        }
        for relation in self.relations.values_mut().filter(|relation| owned(&relation.owner)) {
            hand_over(&mut relation.acl, &relation.owner, to);
            for acl in relation.column_acls.values_mut() {
                *acl = acl.handed_over(&relation.owner, to);
            }
            relation.owner = to.to_string();
        }
        for model in self.models.values_mut().filter(|model| owned(&model.owner)) {
            model.owner = to.to_string();
        }
        Ok(())
    }

    /// DROP OWNED: drops what roles own, and takes away what they were granted and have granted; gives notices. What
    /// files define or grant stays, and is told (55000).
    pub fn drop_owned(&mut self, roles: &[String], cascade: bool) -> Result<Vec<String>> {
        let mut notices = vec![];
        for role in roles {
            self.need_role(role)?;
            refuse_owner(role)?;
            let targets: Vec<RelationName> =
                self.relations.values().filter(|r| r.owner == *role).map(|r| r.name.clone()).collect();
            let labels: Vec<String> = targets.iter().filter_map(|target| self.label(target)).collect();
            if !cascade {
                self.check_needed(&targets, &labels)?;
            }
            let mut dropped = vec![];
            for target in &targets {
                self.drop_relation(target, &mut dropped)?;
            }
            let models: Vec<RelationName> =
                self.models.values().filter(|model| model.owner == *role).map(|model| model.name.clone()).collect();
            for model in &models {
                self.drop_model(model, &mut dropped)?;
            }
            dropped.retain(|label| !labels.contains(label));
            notices.extend(cascades(&dropped));
            let schemas: Vec<String> = self
                .schemas
                .values()
                .filter(|schema| schema.owner == *role)
                .map(|schema| schema.name.clone())
                .collect();
            notices.extend(self.drop_schemas(&schemas, false, cascade)?);
            self.forget_role(role)?;
        }
        Ok(notices)
    }

    /// Takes away every privilege that a role has or has given.
    fn forget_role(&mut self, role: &str) -> Result<()> {
        let forget = |acl: &mut Option<Acl>| acl.iter_mut().for_each(|acl| acl.forget(role));
        let names = |acl: &Option<Acl>| acl.as_ref().is_some_and(|acl| acl.names(role));
        for schema in self.schemas.values_mut().filter(|schema| names(&schema.acl)) {
            changeable(&schema.origin, &format!("schema {}", schema.name))?;
            forget(&mut schema.acl);
        }
        for server in self.servers.values_mut().filter(|server| names(&server.acl)) {
            changeable(&server.origin, &format!("server {}", server.name))?;
            forget(&mut server.acl);
        }
        for relation in self.relations.values_mut() {
            if !names(&relation.acl) && !relation.column_acls.values().any(|acl| acl.names(role)) {
                continue;
            }
            changeable(&relation.origin, &format!("{} {}", relation.kind_name(), relation.name))?;
            forget(&mut relation.acl);
            relation.column_acls.values_mut().for_each(|acl| acl.forget(role));
            relation.column_acls.retain(|_, acl| !acl.0.is_empty());
        }
        self.forget_in_policies(role)?;
        forget(&mut self.database.acl);
        self.database.functions.values_mut().for_each(|acl| acl.forget(role));
        self.database.defaults.retain(|default| default.role != role);
        self.database.defaults.iter_mut().for_each(|default| default.acl.forget(role));
        let mapped: Vec<(String, String)> =
            self.user_mappings.keys().filter(|(_, user)| user == role).cloned().collect();
        for key in mapped {
            if let Some(mapping) = self.user_mappings.get(&key) {
                changeable(&mapping.origin, &format!("user mapping for {role}"))?;
            }
            self.user_mappings.remove(&key);
        }
        Ok(())
    }
}

fn hand_over(acl: &mut Option<Acl>, from: &str, to: &str) {
    if let Some(acl) = acl {
        *acl = acl.handed_over(from, to);
    }
}

fn refuse_owner(role: &str) -> Result<()> {
    if role != OWNER {
        return Ok(());
    }
    Err(Error::new(
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        format!("cannot drop objects owned by role {role} because they are required by the database system"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::definitions::Origin;
    use crate::ddl::statement::RoleOptions;

    #[test]
    fn what_a_role_has_goes_with_it() {
        let mut definitions = Definitions::default();
        for role in ["a", "B"] {
            definitions.create_role(role, &RoleOptions::default(), None, None, &Origin::State).unwrap();
        }
        definitions.ensure_schema_of("of_a", &Origin::State, "a");
        definitions.ensure_schema_of("other", &Origin::State, OWNER);
        let mut acl = Acl::default();
        acl.grant(Some("a"), "UC", OWNER, true);
        acl.grant(Some("B"), "U", "a", false);
        definitions.schemas.get_mut("other").unwrap().acl = Some(acl.clone());
        definitions.schemas.get_mut("of_a").unwrap().acl =
            Some(Acl::default_of(crate::catalog::acl::ObjectKind::Schema, "a", "of_a"));
        let mut given = definitions.clone();
        given.reassign_owned(&["a".to_string()], "B").unwrap();
        assert_eq!(given.schemas["of_a"].owner, "B");
        assert_eq!(given.schemas["of_a"].acl.as_ref().unwrap().items(), ["B=UC/B"]);
        assert_eq!(given.schemas["other"].acl, Some(acl));
        definitions.drop_owned(&["a".to_string()], false).unwrap();
        assert!(!definitions.schemas.contains_key("of_a"));
        assert!(definitions.schemas["other"].acl.as_ref().unwrap().0.is_empty());
        definitions.drop_roles(&["a".to_string()], false, [OWNER, OWNER]).unwrap();
        assert_eq!(
            definitions.drop_owned(&[OWNER.to_string()], true).unwrap_err().state(),
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST
        );
    }
}
