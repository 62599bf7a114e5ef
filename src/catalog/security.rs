//! Row level security and masks of a relation: which of its rows a role sees and may write, and which of its columns it
//! sees as something else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::change::changeable;
use super::definitions::{Definitions, OWNER, Origin, RelationDef, RelationName};
use super::mask::Mask;
use super::policy_reads::parameter;
use crate::ddl::statement::{PolicyChange, RowLevel};
use crate::error::{Error, Result, SqlState};

/// The role whose members see what is masked. It is there whether anybody is its member or not.
pub const UNMASK: &str = "onerow_unmask";

/// What a policy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyCommand {
    /// Every command.
    All,
    /// Reading.
    Select,
    /// INSERT
    Insert,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
}

impl PolicyCommand {
    /// As `pg_policy.polcmd` has it.
    pub fn letter(self) -> &'static str {
        match self {
            PolicyCommand::All => "*",
            PolicyCommand::Select => "r",
            PolicyCommand::Insert => "a",
            PolicyCommand::Update => "w",
            PolicyCommand::Delete => "d",
        }
    }

    /// As the statement and `pg_policies` have it.
    pub fn word(self) -> &'static str {
        match self {
            PolicyCommand::All => "ALL",
            PolicyCommand::Select => "SELECT",
            PolicyCommand::Insert => "INSERT",
            PolicyCommand::Update => "UPDATE",
            PolicyCommand::Delete => "DELETE",
        }
    }

    /// Whether such a policy may have USING, which is about rows that are there.
    fn takes_using(self) -> bool {
        self != PolicyCommand::Insert
    }

    /// Whether such a policy may have WITH CHECK, which is about rows that are written.
    fn takes_check(self) -> bool {
        !matches!(self, PolicyCommand::Select | PolicyCommand::Delete)
    }
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDef {
    /// FOR
    pub command: PolicyCommand,
    /// AS PERMISSIVE: one of those must be met. All of the restrictive ones must be.
    pub permissive: bool,
    /// TO; nobody named is PUBLIC.
    pub roles: Vec<String>,
    /// USING, as written: the rows that are there. Without it the policy says nothing of them.
    pub using: Option<String>,
    /// WITH CHECK, as written: the rows that are written. Without it USING counts for them too.
    pub check: Option<String>,
}

impl PolicyDef {
    /// 42P02 where it has a parameter: whoever asks would give it a value.
    fn check_parameters(&self) -> Result<()> {
        match [&self.using, &self.check].into_iter().flatten().find_map(|sql| parameter(sql)) {
            Some(name) => Err(Error::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter {name}"))),
            None => Ok(()),
        }
    }

    /// Refuses expressions that policies for its command do not have, as CREATE POLICY does.
    fn check_parts(&self) -> Result<()> {
        if self.using.is_some() && !self.command.takes_using() {
            return Err(Error::syntax("only WITH CHECK expression allowed for INSERT", None));
        }
        if self.check.is_some() && !self.command.takes_check() {
            return Err(Error::syntax("WITH CHECK cannot be applied to SELECT or DELETE", None));
        }
        self.check_parameters()
    }
}

/// What protects a relation's rows and columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// ENABLE ROW LEVEL SECURITY
    #[serde(default)]
    pub enabled: bool,
    /// FORCE ROW LEVEL SECURITY: the relation's owner is no exception.
    #[serde(default)]
    pub forced: bool,
    /// The policies by name.
    #[serde(default)]
    pub policies: BTreeMap<String, PolicyDef>,
    /// SECURITY LABEL FOR onerow ON COLUMN, by column.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A condition for rows, with the policies that it comes of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The condition as SQL over the relation's columns.
    pub sql: String,
    /// The policies by name; none where no policy lets any row through.
    pub policies: Vec<String>,
}

/// What rows that are written must meet, in the order in which it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowCheck {
    /// The condition as SQL.
    pub sql: String,
    /// The restrictive policy that it is; none for the permissive ones together.
    pub policy: Option<String>,
}

/// An expression in parentheses. A comment at its end does not take the last one away.
fn enclosed(sql: &str) -> String {
    format!("({sql}\n)")
}

impl RelationDef {
    /// Whether anything protects its rows or columns.
    pub fn is_protected(&self) -> bool {
        self.security.enabled || !self.security.labels.is_empty()
    }
}

impl Definitions {
    /// Whether policies decide what a role sees of a relation. They do not for `onerow`, for who has BYPASSRLS, and for
    /// the owner unless it is forced.
    pub fn is_under_policies(&self, relation: &RelationDef, role: &str) -> bool {
        let security = &relation.security;
        let passes = || {
            role == OWNER
                || self.roles.get(role).is_some_and(|role| role.bypass_rls)
                || (!security.forced && self.rights(role).has(&relation.owner))
        };
        security.enabled && !passes()
    }

    /// The labels of columns that are masks to a role, by column.
    pub fn masks<'a>(&'a self, relation: &'a RelationDef, role: &str) -> Option<&'a BTreeMap<String, String>> {
        let labels = &relation.security.labels;
        if labels.is_empty() || role == OWNER {
            return None;
        }
        let rights = self.rights(role);
        (!rights.has(&relation.owner) && !rights.has(UNMASK)).then_some(labels)
    }

    /// Whether a role sees a relation otherwise than it is.
    pub fn is_secured(&self, relation: &RelationDef, role: &str) -> bool {
        relation.is_protected() && (self.is_under_policies(relation, role) || self.masks(relation, role).is_some())
    }

    /// Whether a role may be told how many rows a relation has: it may count them, and sees all of them.
    pub fn may_count(&self, relation: &RelationDef, role: &str) -> bool {
        role == OWNER || (self.rights(role).any_column(relation, "r") && !self.is_secured(relation, role))
    }

    fn policies_for<'a>(
        &'a self,
        relation: &'a RelationDef,
        role: &'a str,
        command: PolicyCommand,
    ) -> impl Iterator<Item = (&'a String, &'a PolicyDef)> {
        let rights = self.rights(role);
        relation.security.policies.iter().filter(move |(_, policy)| {
            let meant = policy.command == PolicyCommand::All || policy.command == command;
            meant && (policy.roles.is_empty() || policy.roles.iter().any(|role| rights.has(role)))
        })
    }

    /// Which of a relation's rows a role may read, change or delete, where policies decide that.
    pub fn row_condition(&self, relation: &RelationDef, role: &str, command: PolicyCommand) -> Condition {
        let (mut permissive, mut restrictive, mut names) = (vec![], vec![], vec![]);
        for (name, policy) in self.policies_for(relation, role, command) {
            // One without USING lets no row through, and keeps none back, as in Postgres.
            let Some(using) = policy.using.as_deref().map(enclosed) else { continue };
            match policy.permissive {
                true => permissive.push(using),
                false => restrictive.push(using),
            }
            names.push(name.clone());
        }
        if permissive.is_empty() {
            return Condition { sql: "false".to_string(), policies: names };
        }
        let all = std::iter::once(format!("({})", permissive.join(" OR "))).chain(restrictive);
        Condition { sql: all.collect::<Vec<_>>().join(" AND "), policies: names }
    }

    /// What the rows that a role writes must meet, where policies decide that.
    pub fn row_checks(&self, relation: &RelationDef, role: &str, command: PolicyCommand) -> Vec<RowCheck> {
        let (mut permissive, mut restrictive) = (vec![], vec![]);
        for (name, policy) in self.policies_for(relation, role, command) {
            let Some(check) = policy.check.as_deref().or(policy.using.as_deref()).map(enclosed) else { continue };
            match policy.permissive {
                true => permissive.push(check),
                false => restrictive.push(RowCheck { sql: check, policy: Some(name.clone()) }),
            }
        }
        let sql = if permissive.is_empty() { "false".to_string() } else { permissive.join(" OR ") };
        std::iter::once(RowCheck { sql, policy: None }).chain(restrictive).collect()
    }

    /// ENABLE, DISABLE, FORCE and NO FORCE ROW LEVEL SECURITY.
    pub fn set_row_level(&mut self, name: &RelationName, changes: &[RowLevel], origin: &Origin) -> Result<()> {
        let security = self.security_of(name, origin)?;
        for change in changes {
            match change {
                RowLevel::Enable => security.enabled = true,
                RowLevel::Disable => security.enabled = false,
                RowLevel::Force => security.forced = true,
                RowLevel::NoForce => security.forced = false,
            }
        }
        Ok(())
    }

    /// CREATE POLICY. 42710 for a name that is taken, 42704 for a role that is not there.
    pub fn create_policy(
        &mut self,
        relation: &RelationName,
        name: &str,
        policy: PolicyDef,
        origin: &Origin,
    ) -> Result<()> {
        policy.check_parts()?;
        for role in &policy.roles {
            self.need_role(role)?;
        }
        let shown = relation.name.clone();
        let security = self.security_of(relation, origin)?;
        if security.policies.contains_key(name) {
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!("policy \"{name}\" for table \"{shown}\" already exists"),
            ));
        }
        security.policies.insert(name.to_string(), policy);
        Ok(())
    }

    /// ALTER POLICY
    pub fn alter_policy(&mut self, relation: &RelationName, name: &str, change: &PolicyChange) -> Result<()> {
        let roles = match change {
            PolicyChange::Parts { roles: Some(roles), .. } => roles.as_slice(),
            _ => &[],
        };
        for role in roles {
            self.need_role(role)?;
        }
        let shown = relation.name.clone();
        let security = self.security_of(relation, &Origin::State)?;
        let Some(policy) = security.policies.get(name) else { return Err(no_policy(name, &shown)) };
        let mut policy = policy.clone();
        match change {
            PolicyChange::Rename(new) => {
                if security.policies.contains_key(new) {
                    return Err(Error::new(
                        SqlState::DUPLICATE_OBJECT,
                        format!("policy \"{new}\" for table \"{shown}\" already exists"),
                    ));
                }
                security.policies.remove(name);
                security.policies.insert(new.clone(), policy);
            }
            PolicyChange::Parts { roles, using, check } => {
                if let Some(roles) = roles {
                    policy.roles.clone_from(roles);
                }
                policy.using = using.clone().or(policy.using);
                policy.check = check.clone().or(policy.check);
                policy.check_parameters()?;
                if using.is_some() && !policy.command.takes_using() {
                    return Err(Error::syntax("only WITH CHECK expression allowed for INSERT", None));
                }
                if check.is_some() && !policy.command.takes_check() {
                    return Err(Error::syntax("only USING expression allowed for SELECT, DELETE", None));
                }
                security.policies.insert(name.to_string(), policy);
            }
        }
        Ok(())
    }

    /// DROP POLICY; gives a notice when there is none and that is no error.
    pub fn drop_policy(&mut self, relation: &RelationName, name: &str, if_exists: bool) -> Result<Option<String>> {
        let shown = relation.name.clone();
        let there = self.relations.get(relation).is_some_and(|r| r.security.policies.contains_key(name));
        if !there {
            return match if_exists {
                true => Ok(Some(format!("policy \"{name}\" for relation \"{shown}\" does not exist, skipping"))),
                false => Err(no_policy(name, &shown)),
            };
        }
        self.security_of(relation, &Origin::State)?.policies.remove(name);
        Ok(None)
    }

    /// SECURITY LABEL FOR onerow ON COLUMN; none takes the label away. The label must be a mask that fits the column,
    /// where its type is known.
    pub fn label_column(
        &mut self,
        relation: &RelationName,
        column: &str,
        label: Option<&str>,
        origin: &Origin,
    ) -> Result<()> {
        let columns = self.relations.get(relation).map(RelationDef::columns).unwrap_or_default();
        let known = columns.iter().find(|known| known.name == column);
        if known.is_none() && !columns.is_empty() {
            return Err(Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{column}\" of relation \"{}\" does not exist", relation.name),
            ));
        }
        if let Some(label) = label {
            let mask = Mask::parse(label)?;
            if let Some(known) = known {
                mask.check_type(&known.pg_type(), column)?;
            }
        }
        let labels = &mut self.security_of(relation, origin)?.labels;
        match label {
            Some(label) => drop(labels.insert(column.to_string(), label.to_string())),
            None => drop(labels.remove(column)),
        }
        Ok(())
    }

    /// The security of a relation, to be changed: what a file defines is changed in the file.
    fn security_of(&mut self, name: &RelationName, origin: &Origin) -> Result<&mut Security> {
        let Some(relation) = self.relations.get_mut(name) else {
            return Err(Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", name.shown())));
        };
        if *origin == Origin::State {
            changeable(&relation.origin, &format!("{} {}", relation.kind_name(), relation.name))?;
        }
        Ok(&mut relation.security)
    }

    /// The policies that name a role, in words, as Postgres lists them.
    pub(super) fn policies_naming(&self, role: &str) -> Vec<String> {
        let of = |relation: &RelationDef| {
            let naming = relation.security.policies.iter().filter(|(_, policy)| policy.roles.iter().any(|r| r == role));
            naming
                .map(|(name, _)| format!("target of policy {name} on {} {}", relation.kind_name(), relation.name))
                .collect::<Vec<_>>()
        };
        self.relations.values().flat_map(of).collect()
    }

    /// Takes a role out of the policies that name it; one that names nobody else goes.
    pub(super) fn forget_in_policies(&mut self, role: &str) -> Result<()> {
        for relation in self.relations.values_mut() {
            let names = |policy: &PolicyDef| policy.roles.iter().any(|named| named == role);
            if !relation.security.policies.values().any(names) {
                continue;
            }
            changeable(&relation.origin, &format!("{} {}", relation.kind_name(), relation.name))?;
            relation.security.policies.retain(|_, policy| {
                let named = names(policy);
                policy.roles.retain(|there| there != role);
                !named || !policy.roles.is_empty()
            });
        }
        Ok(())
    }
}

fn no_policy(name: &str, relation: &str) -> Error {
    Error::new(SqlState::UNDEFINED_OBJECT, format!("policy \"{name}\" for table \"{relation}\" does not exist"))
}

/// 42501 for a row that the policies do not let in.
pub fn row_refused(check: &RowCheck, relation: &str) -> Error {
    let policy = check.policy.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
    Error::new(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!("new row violates row-level security policy{policy} for table \"{relation}\""),
    )
}

/// 42501 for who has turned `row_security` off and would see what policies leave.
pub fn would_be_affected(relation: &str) -> Error {
    Error::new(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!("query would be affected by row-level security policy for table \"{relation}\""),
    )
}

#[cfg(test)]
mod tests {
    use super::super::definitions::{ColumnDef, LocalTableDef, RelationKind};
    use super::super::role::Member;
    use super::*;
    use crate::ddl::statement::RoleOptions;

    fn sample() -> (Definitions, RelationName) {
        let mut definitions = Definitions::default();
        for role in ["ann", "bob", "müşteri"] {
            definitions.create_role(role, &RoleOptions::default(), None, None, &Origin::State).unwrap();
        }
        let name = RelationName::new("public", "t");
        let column = |name: &str, kind: &str| ColumnDef {
            name: name.into(),
            pg_type: kind.into(),
            nullable: true,
            default: None,
        };
        definitions
            .add_relation(RelationDef {
                name: name.clone(),
                owner: "ann".into(),
                origin: Origin::State,
                acl: None,
                column_acls: BTreeMap::new(),
                comment: None,
                column_comments: BTreeMap::new(),
                security: Security::default(),
                kind: RelationKind::Local(LocalTableDef {
                    columns: vec![column("id", "integer"), column("email", "text")],
                    primary_key: vec![],
                    unique_keys: vec![],
                }),
            })
            .unwrap();
        (definitions, name)
    }

    fn policy(command: PolicyCommand, permissive: bool, roles: &[&str], using: &str) -> PolicyDef {
        let roles = roles.iter().map(|role| (*role).to_string()).collect();
        PolicyDef { command, permissive, roles, using: Some(using.into()), check: None }
    }

    #[test]
    fn who_passes_policies() {
        let (mut definitions, name) = sample();
        let under = |definitions: &Definitions, role: &str| {
            definitions.is_under_policies(definitions.relation(&name).unwrap(), role)
        };
        assert!(!under(&definitions, "bob"));
        definitions.set_row_level(&name, &[RowLevel::Enable], &Origin::State).unwrap();
        assert!(under(&definitions, "bob") && !under(&definitions, "ann") && !under(&definitions, OWNER));
        definitions.set_row_level(&name, &[RowLevel::Force], &Origin::State).unwrap();
        assert!(under(&definitions, "ann") && !under(&definitions, OWNER));
        definitions.roles.get_mut("bob").unwrap().bypass_rls = true;
        assert!(!under(&definitions, "bob"));
    }

    #[test]
    fn policies_are_joined() {
        let (mut definitions, name) = sample();
        let made = [
            ("a", policy(PolicyCommand::All, true, &[], "id > 1 -- all")),
            ("b", policy(PolicyCommand::Select, true, &["müşteri"], "id = 7")),
            ("c", policy(PolicyCommand::Update, false, &[], "id < 9")),
        ];
        let of = |definitions: &Definitions, role: &str, command| {
            definitions.row_condition(definitions.relation(&name).unwrap(), role, command)
        };
        assert_eq!(of(&definitions, "bob", PolicyCommand::Select).sql, "false");
        for (policy_name, policy) in made {
            definitions.create_policy(&name, policy_name, policy, &Origin::State).unwrap();
        }
        assert_eq!(of(&definitions, "bob", PolicyCommand::Select).sql, "((id > 1 -- all\n))");
        let member = Member { admin: false, grantor: OWNER.into() };
        definitions.roles.get_mut("müşteri").unwrap().members.insert("bob".into(), member);
        let both = of(&definitions, "bob", PolicyCommand::Select);
        assert_eq!(both.sql, "((id > 1 -- all\n) OR (id = 7\n))");
        assert_eq!(both.policies, ["a", "b"]);
        assert_eq!(of(&definitions, "bob", PolicyCommand::Update).sql, "((id > 1 -- all\n)) AND (id < 9\n)");
        let checks = definitions.row_checks(definitions.relation(&name).unwrap(), "bob", PolicyCommand::Update);
        assert_eq!(checks.len(), 2);
        assert_eq!(checks[1].policy.as_deref(), Some("c"));
        assert_eq!(definitions.policies_naming("müşteri"), ["target of policy b on table t"]);
        definitions.forget_in_policies("müşteri").unwrap();
        assert_eq!(definitions.relation(&name).unwrap().security.policies.len(), 2);
    }

    #[test]
    fn what_a_policy_cannot_have() {
        let (mut definitions, name) = sample();
        let mut create = |policy| definitions.create_policy(&name, "p", policy, &Origin::State).map_err(|e| e.state());
        assert_eq!(create(policy(PolicyCommand::Insert, true, &[], "true")), Err(SqlState::SYNTAX_ERROR));
        let checked = PolicyDef { check: Some("true".into()), ..policy(PolicyCommand::Delete, true, &[], "true") };
        assert_eq!(create(checked), Err(SqlState::SYNTAX_ERROR));
        assert_eq!(create(policy(PolicyCommand::All, true, &["gone"], "true")), Err(SqlState::UNDEFINED_OBJECT));
        assert_eq!(create(policy(PolicyCommand::All, true, &[], "true")), Ok(()));
        assert_eq!(create(policy(PolicyCommand::All, true, &[], "true")), Err(SqlState::DUPLICATE_OBJECT));
        assert_eq!(definitions.drop_policy(&name, "p", false), Ok(None));
        assert!(definitions.drop_policy(&name, "p", true).unwrap().is_some());
        assert!(definitions.drop_policy(&name, "p", false).is_err());
    }

    #[test]
    fn masks_are_for_others() {
        let (mut definitions, name) = sample();
        let label = |definitions: &mut Definitions, column: &str, label: Option<&str>| {
            definitions.label_column(&name, column, label, &Origin::State).map_err(|e| e.state())
        };
        let wrong = label(&mut definitions, "id", Some("MASKED WITH FUNCTION hash()"));
        assert_eq!(wrong, Err(SqlState::DATATYPE_MISMATCH));
        assert_eq!(label(&mut definitions, "gone", None), Err(SqlState::UNDEFINED_COLUMN));
        label(&mut definitions, "email", Some("masked with function partial(1, '**', 0)")).unwrap();
        let masked = |definitions: &Definitions, role: &str| {
            definitions.masks(definitions.relation(&name).unwrap(), role).is_some()
        };
        assert!(masked(&definitions, "bob") && !masked(&definitions, "ann") && !masked(&definitions, OWNER));
        assert!(definitions.is_secured(definitions.relation(&name).unwrap(), "bob"));
        definitions.create_role(UNMASK, &RoleOptions::default(), None, None, &Origin::State).unwrap_err();
        label(&mut definitions, "email", None).unwrap();
        assert!(!masked(&definitions, "bob"));
    }
}
