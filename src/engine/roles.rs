//! Who a session acts as, and the statements that make, change and drop roles.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use parking_lot::Mutex;

use super::Engine;
use super::notice::Notice;
use super::session::{Session, TransactionState};
use crate::catalog::change::undefined;
use crate::catalog::definitions::{DATABASE, Definitions, OWNER, Origin};
use crate::catalog::types::PgType;
use crate::config::secrets;
use crate::ddl::role::{CURRENT_USER, SESSION_USER};
use crate::ddl::statement::{DefaultPrivileges, Grant, RoleGrant, RoleOptions};
use crate::error::{Error, Result, SqlState};
use crate::planner::names::NameScope;
use crate::values::{Zone, read_text};
use crate::wire::password::kept_form;

/// How many sessions each role has that is not the owner.
#[derive(Debug, Default)]
pub(super) struct RoleSessions(Mutex<HashMap<String, usize>>);

impl RoleSessions {
    fn enter(&self, role: &str, limit: i32) -> Result<()> {
        let mut sessions = self.0.lock();
        let count = sessions.entry(role.to_string()).or_default();
        if usize::try_from(limit).is_ok_and(|limit| *count >= limit) {
            return Err(Error::new(
                SqlState::TOO_MANY_CONNECTIONS,
                format!("too many connections for role \"{role}\""),
            ));
        }
        *count += 1;
        Ok(())
    }

    fn count(&self, role: &str) -> usize {
        self.0.lock().get(role).copied().unwrap_or_default()
    }

    /// A session of a role has ended.
    pub fn leave(&self, role: &str) {
        let mut sessions = self.0.lock();
        if let Some(count) = sessions.get_mut(role) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                sessions.remove(role);
            }
        }
    }
}

impl Engine {
    /// Whether there are roles besides the owner: then nobody is trusted without a password.
    pub fn has_roles(&self) -> bool {
        !self.definitions().roles.is_empty()
    }

    /// Whether there is a role of this name besides the owner.
    pub fn has_role(&self, name: &str) -> bool {
        self.definitions().roles.contains_key(name)
    }

    /// A role, and those that it is a member of, also through others. That the owner may become any role does not make it
    /// a member.
    pub fn roles_of(&self, name: &str) -> BTreeSet<String> {
        self.definitions().roles_of(name, false).into_iter().map(str::to_string).collect()
    }

    /// What proves a role's password, as it is kept; none for a role that is not there, has no password, or whose
    /// password has ended. The owner's is not among them.
    pub fn role_password(&self, name: &str) -> Option<String> {
        let definitions = self.definitions();
        let role = definitions.roles.get(name)?;
        let now = chrono::Utc::now().timestamp_micros();
        role.password.clone().filter(|_| role.valid_until.is_none_or(|until| now < until))
    }

    /// Lets somebody who has proved who they are in as a role, and counts the session. Who is `trusted` whatever the name
    /// is the owner, as long as there are no roles. 28000 for who may not log in, 42501 without the right to connect, 53300 above the role's limit.
    pub(super) fn enter(&self, user: &str, trusted: bool) -> Result<String> {
        let definitions = self.definitions();
        if user == OWNER || (trusted && definitions.roles.is_empty()) {
            return Ok(OWNER.to_string());
        }
        let Some(role) = definitions.roles.get(user) else {
            return Err(Error::new(SqlState::INVALID_AUTHORIZATION, format!("role \"{user}\" does not exist")));
        };
        if !role.login {
            return Err(Error::new(
                SqlState::INVALID_AUTHORIZATION,
                format!("role \"{user}\" is not permitted to log in"),
            ));
        }
        if !definitions.rights(user).database("c") {
            return Err(Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied for database \"{DATABASE}\""),
            )
            .with_detail("User does not have CONNECT privilege."));
        }
        self.role_sessions.enter(user, role.connection_limit)?;
        Ok(user.to_string())
    }

    /// Adds a role that a file or a statement makes; what it is a member of comes later, once all roles are there.
    pub(super) fn make_role(
        &self,
        definitions: &mut Definitions,
        name: &str,
        options: &RoleOptions,
        origin: &Origin,
    ) -> Result<()> {
        let password = match options.password.clone().flatten() {
            Some(password) if *origin != Origin::State => Some(secrets::resolve(&password, &self.folder())?),
            password => password,
        };
        let password = password.as_deref().map(verifier).transpose()?;
        definitions.create_role(name, options, password, until(options, Zone::UTC)?, origin)
    }
}

/// The form in which a password is kept. An MD5 hash is none (0A000), an empty one neither (22023).
pub(super) fn verifier(password: &str) -> Result<String> {
    let hash = password.strip_prefix("md5").filter(|hash| hash.len() == 32);
    if hash.is_some_and(|hash| hash.chars().all(|c| c.is_ascii_hexdigit())) {
        return Err(Error::unsupported("MD5 passwords are not supported")
            .with_hint("Give the password itself, or its SCRAM-SHA-256 verifier."));
    }
    kept_form(password)
}

/// VALID UNTIL in microseconds since 1970.
fn until(options: &RoleOptions, zone: Zone) -> Result<Option<i64>> {
    let Some(text) = &options.valid_until else { return Ok(None) };
    match read_text(&PgType::TimestampTz, text, zone)? {
        ScalarValue::TimestampMicrosecond(micros, _) => Ok(micros),
        _ => Err(Error::internal("a time was read as something else")),
    }
}

impl Session {
    /// The role that statements run as.
    pub(super) fn role(&self) -> String {
        self.settings.lock().role().to_string()
    }

    /// Through whose eyes names are resolved now.
    pub(super) fn scope(&self) -> NameScope {
        NameScope { role: self.role(), search_path: Arc::clone(&self.search_path), looks_everywhere: false }
    }

    /// The schemas of names that give none, in order: those that the role may look in.
    pub(super) fn path(&self) -> Vec<String> {
        let mut path = self.search_path.read().clone();
        let role = self.role();
        if role != OWNER {
            let catalog = self.catalog();
            let rights = catalog.definitions.rights(&role);
            path.retain(|schema| rights.uses_schema(schema));
        }
        path
    }

    /// SET ROLE and RESET ROLE: to a role that the session's own is a member of.
    pub(super) fn set_role(&self, role: Option<&str>, local: bool) -> Result<()> {
        if let Some(role) = role {
            let catalog = self.catalog();
            if !catalog.definitions.has_role(role) {
                return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("role \"{role}\" does not exist")));
            }
            let session = self.settings.lock().session_role().to_string();
            if role != session && !catalog.definitions.is_member(&session, role) {
                return Err(Error::new(
                    SqlState::INSUFFICIENT_PRIVILEGE,
                    format!("permission denied to set role \"{role}\""),
                ));
            }
        }
        self.become_role(&[("role", role.unwrap_or("none"))], local, "SET LOCAL ROLE");
        Ok(())
    }

    /// SET SESSION AUTHORIZATION: the owner's, and back to who logged in.
    pub(super) fn set_authorization(&self, role: Option<&str>, local: bool) -> Result<()> {
        let role = role.unwrap_or(&self.login);
        if !self.catalog().definitions.has_role(role) {
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("role \"{role}\" does not exist")));
        }
        if self.login != OWNER && role != self.login {
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to set session authorization"));
        }
        self.become_role(
            &[("session_authorization", role), ("role", "none")],
            local,
            "SET LOCAL SESSION AUTHORIZATION",
        );
        Ok(())
    }

    fn become_role(&self, changes: &[(&str, &str)], local: bool, words: &str) {
        if local && self.transaction_state() == TransactionState::Idle {
            let state = super::modes::NO_TRANSACTION;
            self.tell(Notice::warning(state, format!("{words} can only be used in transaction blocks")));
            return;
        }
        self.save_settings();
        let catalog = self.catalog();
        for (_, role) in changes {
            // The owner and what is always there are no roles that can be dropped.
            if let Some(role) = catalog.definitions.roles.get(*role) {
                self.became.lock().insert(role.name.clone(), role.id);
            }
        }
        for (name, value) in changes {
            match self.setting(name) {
                Some(before) if local => self.undo.lock().note_local(name, before),
                _ => self.undo.lock().note_kept(name),
            }
            self.settings.lock().put_back(name, value);
        }
    }

    /// The role that a name of a statement means: its words for who asks have names of their own.
    pub(super) fn named_role(&self, name: &str) -> String {
        match name {
            CURRENT_USER => self.role(),
            SESSION_USER => self.settings.lock().session_role().to_string(),
            name => name.to_string(),
        }
    }

    fn named_roles(&self, names: &[String]) -> Vec<String> {
        names.iter().map(|name| self.named_role(name)).collect()
    }

    /// CREATE ROLE
    pub(super) fn create_role(
        &self,
        definitions: &mut Definitions,
        name: &str,
        options: &RoleOptions,
    ) -> Result<&'static str> {
        let role = self.role();
        definitions.rights(&role).need_roles("permission denied to create role")?;
        if !self.owner_has_password()? {
            return Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "CREATE ROLE needs a password for the owner first",
            )
            .with_hint(format!(
                "Set it with ALTER ROLE {OWNER} PASSWORD '..': without one, whoever connects is the owner."
            )));
        }
        let options = options.named(&|name| self.named_role(name));
        self.engine.make_role(definitions, name, &options, &Origin::State)?;
        definitions.join_new_role(name, &options, &Origin::State, &role)?;
        Ok("CREATE ROLE")
    }

    /// ALTER ROLE. Whoever is not the owner may change the own password only. The owner's password is kept apart from
    /// the definitions.
    pub(super) fn alter_role(
        &self,
        definitions: &mut Definitions,
        name: &str,
        options: &RoleOptions,
    ) -> Result<&'static str> {
        let (me, name) = (self.role(), self.named_role(name));
        definitions.need_role(&name)?;
        let password_only = RoleOptions { password: options.password.clone(), ..RoleOptions::default() } == *options;
        if me != OWNER && !(me == name && password_only) {
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied"));
        }
        let password = match &options.password {
            Some(Some(password)) => Some(Some(verifier(password)?)),
            Some(None) => Some(None),
            None => None,
        };
        if name == OWNER {
            let limits = [options.connection_limit, options.statement_limit];
            let login = options.login == Some(false) || limits.iter().flatten().any(|limit| *limit != -1);
            if login || options.valid_until.is_some() {
                return Err(Error::unsupported(format!("role \"{OWNER}\" owns the database and can always log in")));
            }
            if let Some(kept) = password {
                if kept.is_none() && !definitions.roles.is_empty() && !self.engine.has_configured_password() {
                    return Err(Error::new(
                        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                        "the owner needs a password while there are roles",
                    )
                    .with_hint("Drop the roles first."));
                }
                self.change_password(kept)?;
            }
            return Ok("ALTER ROLE");
        }
        definitions.alter_role(&name, options, password, until(options, self.zone())?)?;
        Ok("ALTER ROLE")
    }

    /// ALTER ROLE .. RENAME TO: of a role that nobody is logged in as.
    pub(super) fn rename_role(&self, definitions: &mut Definitions, name: &str, to: &str) -> Result<&'static str> {
        let (me, name) = (self.role(), self.named_role(name));
        definitions.need_role(&name)?;
        let session = self.settings.lock().session_role().to_string();
        for (who, words) in [(&session, "session"), (&me, "current")] {
            if *who == name {
                return Err(Error::unsupported(format!("{words} user cannot be renamed")));
            }
        }
        definitions.rights(&me).need_roles("permission denied to rename role")?;
        let sessions = self.engine.role_sessions.count(&name);
        if sessions > 0 {
            let message = format!("role \"{name}\" cannot be renamed while sessions are logged in as it");
            return Err(Error::new(SqlState("55006"), message)
                .with_detail(format!("There are {sessions} of them."))
                .with_hint("End them with pg_terminate_backend(), which pg_stat_activity gives the numbers for."));
        }
        definitions.rename_role(&name, to)?;
        Ok("ALTER ROLE")
    }

    /// DROP ROLE; gives what is to be told.
    pub(super) fn drop_role(
        &self,
        definitions: &mut Definitions,
        names: &[String],
        if_exists: bool,
    ) -> Result<Vec<String>> {
        let me = self.role();
        definitions.rights(&me).need_roles("permission denied to drop role")?;
        let session = self.settings.lock().session_role().to_string();
        definitions.drop_roles(&self.named_roles(names), if_exists, [&me, &session])
    }

    /// DROP OWNED; gives what is to be told.
    pub(super) fn drop_owned(
        &self,
        definitions: &mut Definitions,
        roles: &[String],
        cascade: bool,
    ) -> Result<Vec<String>> {
        let roles = self.named_roles(roles);
        self.check_belonging(definitions, &roles, "permission denied to drop objects")?;
        definitions.drop_owned(&roles, cascade)
    }

    /// REASSIGN OWNED; gives the tag.
    pub(super) fn reassign_owned(
        &self,
        definitions: &mut Definitions,
        roles: &[String],
        to: &str,
    ) -> Result<&'static str> {
        let (roles, to) = (self.named_roles(roles), self.named_role(to));
        self.check_belonging(definitions, &roles, "permission denied to reassign objects")?;
        self.check_belonging(definitions, std::slice::from_ref(&to), "permission denied to reassign objects")?;
        definitions.reassign_owned(&roles, &to)?;
        Ok("REASSIGN OWNED")
    }

    /// 42501 unless the session's role has the privileges of all the roles.
    fn check_belonging(&self, definitions: &Definitions, roles: &[String], message: &str) -> Result<()> {
        let me = self.role();
        let rights = definitions.rights(&me);
        for role in roles {
            definitions.need_role(role)?;
            if !rights.has(role) {
                return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
            }
        }
        Ok(())
    }

    /// GRANT role, REVOKE role; gives the tag and what is to be told.
    pub(super) fn grant_role(
        &self,
        definitions: &mut Definitions,
        grant: &RoleGrant,
    ) -> Result<(&'static str, Vec<String>)> {
        let grant = grant.named(&|name| self.named_role(name));
        let tag = if grant.revoke { "REVOKE ROLE" } else { "GRANT ROLE" };
        let me = self.role();
        if let Some(by) = &grant.granted_by {
            definitions.need_role(by)?;
            if let Some(role) = grant.roles.iter().find(|role| me != OWNER && !definitions.administers(by, role)) {
                let message = format!("must have admin option on role \"{role}\"");
                return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
            }
            if *by != me && me != OWNER {
                return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to set grantor"));
            }
        }
        Ok((tag, definitions.grant_roles(&grant, &Origin::State, &me)?))
    }

    /// GRANT and REVOKE of privileges; gives the tag.
    pub(super) fn grant(&self, definitions: &mut Definitions, grant: &Grant) -> Result<&'static str> {
        let grant = grant.named(&|name| self.named_role(name));
        if grant.granted_by.as_ref().is_some_and(|by| *by != self.role()) {
            return Err(Error::unsupported("grantor must be current user"));
        }
        let warnings =
            definitions.grant(&grant, &Origin::State, &self.path(), &self.role(), &super::added_functions())?;
        for (state, message) in warnings {
            self.tell(Notice::warning(state, message));
        }
        Ok(if grant.revoke { "REVOKE" } else { "GRANT" })
    }

    /// ALTER DEFAULT PRIVILEGES; gives the tag.
    pub(super) fn change_defaults(
        &self,
        definitions: &mut Definitions,
        change: &DefaultPrivileges,
    ) -> Result<&'static str> {
        let change = DefaultPrivileges {
            roles: self.named_roles(&change.roles),
            grant: change.grant.named(&|name| self.named_role(name)),
            ..change.clone()
        };
        definitions.change_defaults(&change, &self.role())?;
        Ok("ALTER DEFAULT PRIVILEGES")
    }
}

/// The role that a name in the files means: who asks there is the owner.
pub(super) fn role_of_files(name: &str) -> String {
    match name {
        CURRENT_USER | SESSION_USER => OWNER.to_string(),
        name => name.to_string(),
    }
}

/// The role of a user mapping: `public`, one that is there, or who asks.
pub(super) fn mapped_role(definitions: &Definitions, user: &Option<String>, me: &str) -> Result<String> {
    match user.as_deref() {
        None => Ok(me.to_string()),
        Some("public") => Ok("public".to_string()),
        Some(other) if definitions.has_role(other) => Ok(other.to_string()),
        Some(other) => Err(undefined("role", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_no_more_sessions_than_its_limit() {
        let sessions = RoleSessions::default();
        sessions.enter("ayşe", 1).unwrap();
        assert_eq!(sessions.enter("ayşe", 1).unwrap_err().state(), SqlState::TOO_MANY_CONNECTIONS);
        sessions.enter("bob", -1).unwrap();
        sessions.leave("ayşe");
        sessions.enter("ayşe", 1).unwrap();
        assert_eq!(sessions.enter("never", 0).unwrap_err().state(), SqlState::TOO_MANY_CONNECTIONS);
    }

    #[test]
    fn only_scram_is_kept() {
        assert_eq!(verifier("md5d41d8cd98f00b204e9800998ecf8427e").unwrap_err().state(), SqlState("0A000"));
        assert!(verifier("md5 is a hash").unwrap().starts_with("SCRAM-SHA-256$"));
        let forever = RoleOptions { valid_until: Some("infinity".into()), ..RoleOptions::default() };
        assert_eq!(until(&forever, Zone::UTC).unwrap(), Some(i64::MAX));
    }
}
