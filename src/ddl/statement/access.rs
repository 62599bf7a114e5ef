//! What statements about roles, privileges and policies say.

use super::{DropKind, NameRef};
use crate::catalog::acl::ObjectKind;
use crate::catalog::security::PolicyDef;
use crate::ddl::routine::{RoutineKind, RoutineRef};

/// What privileges are granted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantTarget {
    /// Tables, views and foreign tables.
    Relations(Vec<NameRef>),
    /// All of them in schemas.
    AllIn(Vec<String>),
    /// Schemas.
    Schemas(Vec<String>),
    /// Foreign servers.
    Servers(Vec<String>),
    /// Databases.
    Databases(Vec<String>),
    /// Functions, by the word that they are named with.
    Functions(RoutineKind, Vec<RoutineRef>),
    /// All of them in schemas.
    FunctionsIn(RoutineKind, Vec<String>),
}

/// A privilege that GRANT names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPrivilege {
    /// Its name in lower case; none for ALL.
    pub name: Option<String>,
    /// The columns that it is on; none for the object as a whole.
    pub columns: Vec<String>,
}

/// GRANT or REVOKE of privileges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whether it is REVOKE.
    pub revoke: bool,
    /// The privileges; one at least.
    pub privileges: Vec<NamedPrivilege>,
    /// ON
    pub on: GrantTarget,
    /// TO or FROM; none is PUBLIC.
    pub grantees: Vec<Option<String>>,
    /// WITH GRANT OPTION, or GRANT OPTION FOR
    pub option: bool,
    /// GRANTED BY: nobody but who asks.
    pub granted_by: Option<String>,
    /// CASCADE
    pub cascade: bool,
}

/// ALTER DEFAULT PRIVILEGES
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultPrivileges {
    /// FOR ROLE; who asks where none is named.
    pub roles: Vec<String>,
    /// IN SCHEMA
    pub schemas: Vec<String>,
    /// ON TABLES, SCHEMAS or FUNCTIONS
    pub kind: ObjectKind,
    /// What is granted; what it is on does not count.
    pub grant: Grant,
}

/// GRANT role TO role, or REVOKE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleGrant {
    /// Whether it is REVOKE.
    pub revoke: bool,
    /// The roles.
    pub roles: Vec<String>,
    /// TO or FROM
    pub members: Vec<String>,
    /// WITH ADMIN OPTION, or ADMIN OPTION FOR
    pub admin: bool,
    /// GRANTED BY: who asks, or anybody where the owner asks.
    pub granted_by: Option<String>,
    /// CASCADE
    pub cascade: bool,
}

/// What CREATE ROLE and ALTER ROLE say of a role; none where they do not say.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RoleOptions {
    /// LOGIN, NOLOGIN
    pub login: Option<bool>,
    /// INHERIT, NOINHERIT
    pub inherit: Option<bool>,
    /// CONNECTION LIMIT; -1 for none
    pub connection_limit: Option<i32>,
    /// BYPASSRLS, NOBYPASSRLS
    pub bypass_rls: Option<bool>,
    /// STATEMENT LIMIT; -1 for none
    pub statement_limit: Option<i32>,
    /// VALID UNTIL, as written
    pub valid_until: Option<String>,
    /// PASSWORD, as written; PASSWORD NULL is none in it
    pub password: Option<Option<String>>,
    /// IN ROLE
    pub in_roles: Vec<String>,
    /// ROLE
    pub members: Vec<String>,
    /// ADMIN
    pub admins: Vec<String>,
}

impl std::fmt::Debug for RoleOptions {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleOptions").field("login", &self.login).finish_non_exhaustive()
    }
}

/// ENABLE, DISABLE, FORCE or NO FORCE ROW LEVEL SECURITY
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowLevel {
    /// ENABLE
    Enable,
    /// DISABLE
    Disable,
    /// FORCE
    Force,
    /// NO FORCE
    NoForce,
}

/// What ALTER POLICY changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyChange {
    /// RENAME TO
    Rename(String),
    /// The others; none where they stay.
    Parts {
        /// TO; nobody named is PUBLIC
        roles: Option<Vec<String>>,
        /// USING
        using: Option<String>,
        /// WITH CHECK
        check: Option<String>,
    },
}

/// A statement about row level security or masks of one relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityStatement {
    /// The relation.
    pub relation: NameRef,
    /// What it does.
    pub change: SecurityChange,
}

/// What such a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityChange {
    /// ALTER TABLE .. ROW LEVEL SECURITY
    RowLevel {
        /// The kind that ALTER names; TABLE may be any.
        kind: DropKind,
        /// IF EXISTS
        if_exists: bool,
        /// what changes, in order
        changes: Vec<RowLevel>,
    },
    /// CREATE POLICY
    CreatePolicy {
        /// its name
        name: String,
        /// what it says
        policy: PolicyDef,
        /// where USING and WITH CHECK begin in the statement: characters before them
        offsets: [usize; 2],
    },
    /// ALTER POLICY
    AlterPolicy {
        /// its name
        name: String,
        /// what changes
        change: PolicyChange,
        /// where USING and WITH CHECK begin
        offsets: [usize; 2],
    },
    /// DROP POLICY
    DropPolicy {
        /// its name
        name: String,
        /// IF EXISTS
        if_exists: bool,
    },
    /// SECURITY LABEL ON COLUMN
    Label {
        /// the column
        column: String,
        /// the label; none takes it away
        label: Option<String>,
    },
}
