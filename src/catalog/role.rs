//! Roles: who there is, who is a member of whom, and what of a role would be left if it were dropped.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::acl::{Acl, ObjectKind};
use super::change::{changeable, undefined};
use super::definitions::{Definitions, OWNER, Origin};
use super::rights::Rights;
use super::security::UNMASK;
use crate::ddl::statement::{RoleGrant, RoleOptions};
use crate::error::{Error, Result, SqlState};

/// One role. The owner of the database is none of them: it is always there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDef {
    /// Its name.
    pub name: String,
    /// LOGIN
    pub login: bool,
    /// INHERIT: it has the privileges of the roles that it is a member of without SET ROLE.
    pub inherit: bool,
    /// CONNECTION LIMIT; -1 for none.
    pub connection_limit: i32,
    /// BYPASSRLS: no policy applies to it. Its members do not have that of it.
    #[serde(default)]
    pub bypass_rls: bool,
    /// STATEMENT LIMIT: how many statements its sessions may run at a time; -1 for none.
    #[serde(default = "unlimited")]
    pub statement_limit: i32,
    /// VALID UNTIL: when its password ends, in microseconds since 1970 UTC; the greatest number for `infinity`.
    #[serde(default)]
    pub valid_until: Option<i64>,
    /// What proves its password: a SCRAM-SHA-256 verifier as Postgres keeps it.
    #[serde(default)]
    pub password: Option<String>,
    /// Tells it from another role of the name that is made after it was dropped; 0 where a file defines it.
    #[serde(default)]
    pub id: u64,
    /// Its members, by name.
    #[serde(default)]
    pub members: BTreeMap<String, Member>,
    /// Where it was defined.
    #[serde(skip)]
    pub origin: Origin,
}

fn unlimited() -> i32 {
    -1
}

/// A number that no role had before, in this run of the program or in one before it.
fn new_id() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = u64::try_from(chrono::Utc::now().timestamp_micros()).unwrap_or(1);
    // Two of one moment are told apart.
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
    now.max(last.unwrap_or(0) + 1)
}

impl std::fmt::Debug for RoleDef {
    /// Without its password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleDef").field("name", &self.name).field("login", &self.login).finish_non_exhaustive()
    }
}

impl RoleDef {
    /// A role that nobody has made: one that cannot log in, of which others become members.
    fn predefined() -> RoleDef {
        RoleDef {
            name: String::new(),
            login: false,
            inherit: true,
            connection_limit: -1,
            bypass_rls: false,
            statement_limit: -1,
            valid_until: None,
            password: None,
            id: 0,
            members: BTreeMap::new(),
            origin: Origin::State,
        }
    }
}

/// How a role is a member of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// WITH ADMIN OPTION
    pub admin: bool,
    /// Who made it a member.
    pub grantor: String,
}

/// What belongs to the one database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseDef {
    /// Who was granted what on it; none until something was.
    #[serde(default)]
    pub acl: Option<Acl>,
    /// ALTER DEFAULT PRIVILEGES: what is granted on what is made from now on.
    #[serde(default)]
    pub defaults: Vec<DefaultAcl>,
    /// Who was granted what on functions, by the name that [`crate::catalog::pg::callable::Callable`] has for it; those on
    /// which nothing was granted or taken away are left out.
    #[serde(default)]
    pub functions: BTreeMap<String, Acl>,
}

/// The privileges of what a role makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultAcl {
    /// Who makes it.
    pub role: String,
    /// IN SCHEMA; none for every schema.
    pub schema: Option<String>,
    /// Whether it is of schemas.
    pub of_schemas: bool,
    /// Whether it is of functions; what is of neither is of relations.
    #[serde(default)]
    pub of_functions: bool,
    /// In every schema, the privileges in place of the usual ones; in one schema, what comes on top.
    pub acl: Acl,
}

impl DefaultAcl {
    /// What it is of.
    pub fn kind(&self) -> ObjectKind {
        match (self.of_schemas, self.of_functions) {
            (true, _) => ObjectKind::Schema,
            (_, true) => ObjectKind::Function,
            _ => ObjectKind::Relation,
        }
    }

    /// The same in words, as Postgres says what depends on a role.
    fn words(&self) -> String {
        let kind = match self.kind() {
            ObjectKind::Schema => "schemas",
            ObjectKind::Function => "functions",
            _ => "relations",
        };
        let schema = self.schema.as_ref().map(|schema| format!(" in schema {schema}")).unwrap_or_default();
        format!("default privileges on new {kind} belonging to role {}{schema}", self.role)
    }
}

/// 42939 for a name that no role can be given.
pub(super) fn reserved(name: &str) -> Option<Error> {
    let error = || Error::new(SqlState("42939"), format!("role name \"{name}\" is reserved"));
    if name.starts_with("pg_") {
        return Some(error().with_detail("Role names starting with \"pg_\" are reserved."));
    }
    ["public", "none", UNMASK].contains(&name).then(error)
}

impl Definitions {
    /// Whether there is a role of this name.
    pub fn has_role(&self, name: &str) -> bool {
        name == OWNER || name == UNMASK || self.roles.contains_key(name)
    }

    /// 42704 unless there is a role of this name.
    pub fn need_role(&self, name: &str) -> Result<()> {
        if self.has_role(name) { Ok(()) } else { Err(undefined("role", name)) }
    }

    /// A role and all that it is a member of, directly or by others. With `inherited`, only those whose privileges it has
    /// without SET ROLE.
    pub fn roles_of<'a>(&'a self, role: &'a str, inherited: bool) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::from([role]);
        let mut waiting = vec![role];
        while let Some(member) = waiting.pop() {
            let inherits = self.roles.get(member).is_none_or(|def| def.inherit);
            if inherited && !inherits {
                continue;
            }
            for (name, _) in self.roles.iter().filter(|(_, of)| of.members.contains_key(member)) {
                if found.insert(name.as_str()) {
                    waiting.push(name);
                }
            }
        }
        found
    }

    /// Whether a role may become another by SET ROLE.
    pub fn is_member(&self, member: &str, of: &str) -> bool {
        member == OWNER || self.roles_of(member, false).contains(of)
    }

    /// Whether a role may say who the members of another are.
    pub fn administers(&self, role: &str, of: &str) -> bool {
        let admin =
            |member: &str| self.roles.get(of).and_then(|of| of.members.get(member)).is_some_and(|member| member.admin);
        role == OWNER || self.roles_of(role, false).into_iter().any(admin)
    }

    /// Adds a role. `password` is the form in which it is kept, `valid_until` in microseconds.
    pub fn create_role(
        &mut self,
        name: &str,
        options: &RoleOptions,
        password: Option<String>,
        valid_until: Option<i64>,
        origin: &Origin,
    ) -> Result<()> {
        if let Some(reserved) = reserved(name) {
            return Err(reserved);
        }
        if self.has_role(name) {
            let error = Error::new(SqlState::DUPLICATE_OBJECT, format!("role \"{name}\" already exists"));
            return Err(match self.roles.get(name).map(|role| &role.origin) {
                Some(Origin::File(first)) if matches!(origin, Origin::File(_)) => {
                    error.with_detail(format!("It is first defined in {}:{}:{}.", first.file, first.line, first.column))
                }
                _ => error,
            });
        }
        let role = RoleDef {
            name: name.to_string(),
            login: options.login.unwrap_or(false),
            inherit: options.inherit.unwrap_or(true),
            connection_limit: options.connection_limit.unwrap_or(-1),
            bypass_rls: options.bypass_rls.unwrap_or(false),
            statement_limit: options.statement_limit.unwrap_or(-1),
            valid_until,
            password,
            id: if *origin == Origin::State { new_id() } else { 0 },
            members: BTreeMap::new(),
            origin: origin.clone(),
        };
        self.roles.insert(name.to_string(), role);
        Ok(())
    }

    /// Makes a new role a member of others, and others its members, as CREATE ROLE says. All of them must be there.
    pub fn join_new_role(&mut self, name: &str, options: &RoleOptions, origin: &Origin, grantor: &str) -> Result<()> {
        let own = [name.to_string()];
        let groups: [(&[String], &[String], bool); 3] =
            [(&options.in_roles, &own, false), (&own, &options.members, false), (&own, &options.admins, true)];
        for (roles, members, admin) in groups {
            if roles.is_empty() || members.is_empty() {
                continue;
            }
            let grant = RoleGrant {
                revoke: false,
                roles: roles.to_vec(),
                members: members.to_vec(),
                admin,
                granted_by: None,
                cascade: false,
            };
            self.grant_roles(&grant, origin, grantor)?;
        }
        Ok(())
    }

    /// Changes what a role may; `password` and `valid_until` as for a new one, where the statement names them.
    pub fn alter_role(
        &mut self,
        name: &str,
        options: &RoleOptions,
        password: Option<Option<String>>,
        valid_until: Option<i64>,
    ) -> Result<()> {
        let role = self.roles.get_mut(name).ok_or_else(|| undefined("role", name))?;
        changeable(&role.origin, &format!("role {name}"))?;
        role.login = options.login.unwrap_or(role.login);
        role.inherit = options.inherit.unwrap_or(role.inherit);
        role.connection_limit = options.connection_limit.unwrap_or(role.connection_limit);
        role.bypass_rls = options.bypass_rls.unwrap_or(role.bypass_rls);
        role.statement_limit = options.statement_limit.unwrap_or(role.statement_limit);
        role.valid_until = valid_until.or(role.valid_until);
        if let Some(password) = password {
            role.password = password;
        }
        Ok(())
    }

    /// Drops roles; gives what is to be told. 2BP01 while anything names one.
    pub fn drop_roles(&mut self, names: &[String], if_exists: bool, session: [&str; 2]) -> Result<Vec<String>> {
        let mut notices = vec![];
        for name in names {
            if name == OWNER {
                return Err(Error::new(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!("cannot drop role {name} because it is required by the database system"),
                ));
            }
            let Some(role) = self.roles.get(name) else {
                if if_exists {
                    notices.push(format!("role \"{name}\" does not exist, skipping"));
                    continue;
                }
                return Err(undefined("role", name));
            };
            for (who, words) in session.into_iter().zip(["current", "session"]) {
                if who == name {
                    return Err(Error::new(SqlState("55006"), format!("{words} user cannot be dropped")));
                }
            }
            changeable(&role.origin, &format!("role {name}"))?;
            let left = self.naming(name);
            if !left.is_empty() {
                return Err(Error::new(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!("role \"{name}\" cannot be dropped because some objects depend on it"),
                )
                .with_detail(left.join("\n")));
            }
            for other in self.roles.values().filter(|other| other.members.contains_key(name)) {
                changeable(&other.origin, &format!("membership in role {}", other.name))?;
            }
            self.roles.remove(name);
            for other in self.roles.values_mut() {
                other.members.remove(name);
            }
        }
        Ok(notices)
    }

    /// What names a role, in words, as Postgres lists it.
    fn naming(&self, role: &str) -> Vec<String> {
        let mut found = vec![];
        let mut look = |label: &str, owner: &str, acls: Vec<&Acl>| {
            if owner == role {
                found.push(format!("owner of {label}"));
            } else if acls.iter().any(|acl| acl.names(role)) {
                found.push(format!("privileges for {label}"));
            }
        };
        look("database onerow", OWNER, self.database.acl.iter().collect());
        for schema in self.schemas.values() {
            look(&format!("schema {}", schema.name), &schema.owner, schema.acl.iter().collect());
        }
        for server in self.servers.values() {
            look(&format!("server {}", server.name), &server.owner, server.acl.iter().collect());
        }
        for relation in self.relations.values() {
            let acls = relation.acl.iter().chain(relation.column_acls.values()).collect();
            look(&format!("{} {}", relation.kind_name(), relation.name), &relation.owner, acls);
        }
        for model in self.models.values() {
            look(&model.label(), &model.owner, vec![]);
        }
        for (function, acl) in &self.database.functions {
            look(&format!("function {function}"), OWNER, vec![acl]);
        }
        for default in &self.database.defaults {
            look(&default.words(), &default.role, vec![&default.acl]);
        }
        found.extend(self.policies_naming(role));
        for (server, user) in self.user_mappings.keys() {
            if user == role {
                found.push(format!("user mapping for {role} on server {server}"));
            }
        }
        for other in self.roles.values() {
            let granted = other.members.iter().filter(|(member, by)| by.grantor == role && *member != role);
            found.extend(granted.map(|(member, _)| format!("membership of {member} in role {}", other.name)));
        }
        found
    }

    /// GRANT role TO role, and REVOKE; gives notices. `by` is the role that says it.
    pub fn grant_roles(&mut self, grant: &RoleGrant, origin: &Origin, by: &str) -> Result<Vec<String>> {
        let mut notices = vec![];
        for name in &grant.roles {
            if name == OWNER {
                return Err(Error::unsupported(format!("membership in role \"{OWNER}\" is not supported"))
                    .with_hint("Its members would be owners of everything. Grant privileges to a role instead."));
            }
            if name == UNMASK && by == OWNER && !self.roles.contains_key(name) {
                // It is there from the start, and is kept once it has members.
                let predefined = RoleDef { name: name.clone(), origin: origin.clone(), ..RoleDef::predefined() };
                self.roles.insert(name.clone(), predefined);
            }
            self.need_role(name)?;
            if !self.administers(by, name) {
                return Err(Error::new(
                    SqlState::INSUFFICIENT_PRIVILEGE,
                    format!("must have admin option on role \"{name}\""),
                ));
            }
            for member in &grant.members {
                self.need_role(member)?;
                if let Some(told) = self.change_member(name, member, grant, origin, by)? {
                    notices.push(told);
                }
            }
        }
        Ok(notices)
    }

    fn change_member(
        &mut self,
        name: &str,
        member: &str,
        grant: &RoleGrant,
        origin: &Origin,
        by: &str,
    ) -> Result<Option<String>> {
        if !grant.revoke && (member == name || self.is_plain_member(name, member)) {
            let message = format!("role \"{name}\" is a member of role \"{member}\"");
            return Err(Error::new(SqlState("0LP01"), message));
        }
        let role = self.roles.get_mut(name).ok_or_else(|| undefined("role", name))?;
        if *origin == Origin::State {
            changeable(&role.origin, &format!("role {name}"))?;
        }
        let there = role.members.get(member).cloned();
        match (grant.revoke, there) {
            (false, Some(there)) if there.admin || !grant.admin => {
                return Ok(Some(format!("role \"{member}\" is already a member of role \"{name}\"")));
            }
            (false, _) => {
                let by = grant.granted_by.as_deref().unwrap_or(by);
                let grantor = if self.roles.contains_key(by) { by } else { OWNER };
                let made = Member { admin: grant.admin, grantor: grantor.to_string() };
                if let Some(role) = self.roles.get_mut(name) {
                    role.members.insert(member.to_string(), made);
                }
            }
            (true, None) => {
                return Ok(Some(format!("role \"{member}\" is not a member of role \"{name}\"")));
            }
            (true, Some(there)) if grant.admin => {
                role.members.insert(member.to_string(), Member { admin: false, ..there });
            }
            (true, Some(_)) => {
                role.members.remove(member);
            }
        }
        Ok(None)
    }

    /// The same as [`Definitions::is_member`], of the owner too.
    fn is_plain_member(&self, member: &str, of: &str) -> bool {
        self.roles_of(member, false).contains(of)
    }
}

impl Rights<'_> {
    /// 42501 unless it may make, change and drop roles, which is the owner's.
    pub fn need_roles(&self, message: &str) -> Result<()> {
        match self.is_owner() {
            true => Ok(()),
            false => Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definitions(roles: &[&str]) -> Definitions {
        let mut definitions = Definitions::default();
        for role in roles {
            definitions.create_role(role, &RoleOptions::default(), None, None, &Origin::State).unwrap();
        }
        definitions
    }

    fn join(definitions: &mut Definitions, role: &str, member: &str) -> Result<Vec<String>> {
        let grant = RoleGrant {
            revoke: false,
            roles: vec![role.into()],
            members: vec![member.into()],
            admin: false,
            granted_by: None,
            cascade: false,
        };
        definitions.grant_roles(&grant, &Origin::State, OWNER)
    }

    #[test]
    fn membership_goes_on_and_makes_no_circle() {
        let mut definitions = definitions(&["Müşteri", "客户", "c"]);
        join(&mut definitions, "Müşteri", "客户").unwrap();
        join(&mut definitions, "客户", "c").unwrap();
        assert_eq!(join(&mut definitions, "c", "Müşteri").unwrap_err().state(), SqlState("0LP01"));
        assert_eq!(join(&mut definitions, "c", "c").unwrap_err().state(), SqlState("0LP01"));
        assert_eq!(join(&mut definitions, OWNER, "c").unwrap_err().state(), SqlState::FEATURE_NOT_SUPPORTED);
        assert!(definitions.is_member("c", "Müşteri") && !definitions.is_member("Müşteri", "c"));
        assert!(definitions.rights("c").has("Müşteri"));
        if let Some(role) = definitions.roles.get_mut("客户") {
            role.inherit = false;
        }
        assert!(definitions.rights("c").has("客户") && !definitions.rights("c").has("Müşteri"));
        assert!(definitions.is_member("c", "Müşteri"));
    }

    #[test]
    fn a_role_that_something_names_stays() {
        let mut definitions = definitions(&["a", "b"]);
        let dropped = |definitions: &mut Definitions, name: &str| {
            definitions.drop_roles(&[name.to_string()], false, [OWNER, OWNER]).map_err(|e| e.state())
        };
        let mut acl = Acl::default();
        acl.grant(Some("a"), "c", OWNER, false);
        definitions.database.acl = Some(acl);
        assert_eq!(dropped(&mut definitions, "a"), Err(SqlState::DEPENDENT_OBJECTS_STILL_EXIST));
        assert_eq!(dropped(&mut definitions, OWNER), Err(SqlState::DEPENDENT_OBJECTS_STILL_EXIST));
        assert_eq!(dropped(&mut definitions, "none"), Err(SqlState::UNDEFINED_OBJECT));
        join(&mut definitions, "b", "a").unwrap();
        definitions.database.acl = None;
        dropped(&mut definitions, "a").unwrap();
        assert!(definitions.roles["b"].members.is_empty());
        assert_eq!(definitions.roles.len(), 1);
    }
}
