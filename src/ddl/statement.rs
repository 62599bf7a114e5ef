//! What a statement says, as parsed.

mod access;

use datafusion::sql::parser::Statement as DfStatement;

use crate::catalog::definitions::ColumnDef;
use crate::catalog::rule::Severity;
use crate::models::TreeOptions;
use crate::sources::kind::ImportTables;
use crate::sources::options::Options;
use crate::sources::table::ColumnSpec;
pub use access::{
    DefaultPrivileges, Grant, GrantTarget, NamedPrivilege, PolicyChange, RoleGrant, RoleOptions, RowLevel,
    SecurityChange, SecurityStatement,
};

/// A relation's name as written: with or without a schema, folded to lower case unless quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRef {
    /// The schema, if given.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
    /// 1-based character offset in the statement.
    pub position: usize,
}

/// One change of ALTER .. OPTIONS (..).
#[derive(Clone, Debug, PartialEq)]
pub enum OptionChange {
    /// ADD, or no word
    Add(String, String),
    /// SET
    Set(String, String),
    /// DROP
    Drop(String),
}

/// What DROP drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropKind {
    /// DROP TABLE
    Table,
    /// DROP VIEW
    View,
    /// DROP FOREIGN TABLE
    ForeignTable,
}

impl DropKind {
    /// In lower case, for messages.
    pub fn words(self) -> &'static str {
        match self {
            DropKind::Table => "table",
            DropKind::View => "view",
            DropKind::ForeignTable => "foreign table",
        }
    }
}

/// What COMMENT ON comments.
#[derive(Clone, Debug, PartialEq)]
pub enum CommentTarget {
    /// A relation, with the kind that the statement names.
    Relation(DropKind, NameRef),
    /// A column of a relation.
    Column(NameRef, String),
    /// A schema.
    Schema(String),
    /// A server.
    Server(String),
    /// A model.
    Model(NameRef),
}

/// A rule of validation, as CREATE RULE says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// ON
    pub relation: NameRef,
    /// CHECK, as written
    pub check: String,
    /// where the expression begins in the statement: characters before it
    pub check_offset: usize,
    /// WITH (severity = ..)
    pub severity: Severity,
    /// WITH (trust = ..)
    pub trust: Option<f64>,
    /// WITH (message = ..)
    pub message: Option<String>,
}

/// A model, as CREATE MODEL says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its name.
    pub name: NameRef,
    /// WITH
    pub options: TreeOptions,
    /// the query after AS
    pub query: String,
    /// where the query begins in the statement: characters before it
    pub query_offset: usize,
    /// the whole statement, as written
    pub statement: String,
}

/// WITH of a view
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewOptions {
    /// security_invoker
    pub security_invoker: bool,
    /// security_barrier
    pub security_barrier: bool,
}

/// A change of the catalog, or of a local table.
#[derive(Clone, Debug, PartialEq)]
pub enum Ddl {
    /// CREATE SERVER
    CreateServer {
        /// its name
        name: String,
        /// IF NOT EXISTS
        if_not_exists: bool,
        /// FOREIGN DATA WRAPPER
        kind: String,
        /// TYPE
        server_type: Option<String>,
        /// VERSION
        version: Option<String>,
        /// OPTIONS
        options: Options,
    },
    /// ALTER SERVER
    AlterServer {
        /// its name
        name: String,
        /// VERSION
        version: Option<String>,
        /// OPTIONS
        changes: Vec<OptionChange>,
    },
    /// ALTER SERVER .. REFRESH
    RefreshServer {
        /// its name
        name: String,
    },
    /// DROP SERVER
    DropServer {
        /// their names
        names: Vec<String>,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// CREATE USER MAPPING
    CreateUserMapping {
        /// the role, `public`, or none for the one who asks
        user: Option<String>,
        /// SERVER
        server: String,
        /// IF NOT EXISTS
        if_not_exists: bool,
        /// OPTIONS
        options: Options,
    },
    /// ALTER USER MAPPING
    AlterUserMapping {
        /// the role
        user: Option<String>,
        /// SERVER
        server: String,
        /// OPTIONS
        changes: Vec<OptionChange>,
    },
    /// DROP USER MAPPING
    DropUserMapping {
        /// the role
        user: Option<String>,
        /// SERVER
        server: String,
        /// IF EXISTS
        if_exists: bool,
    },
    /// IMPORT FOREIGN SCHEMA
    Import {
        /// the schema at the source
        remote_schema: String,
        /// LIMIT TO or EXCEPT
        tables: ImportTables,
        /// FROM SERVER
        server: String,
        /// INTO
        into: String,
        /// OPTIONS
        options: Options,
    },
    /// CREATE FOREIGN TABLE
    CreateForeignTable {
        /// its name
        name: NameRef,
        /// IF NOT EXISTS
        if_not_exists: bool,
        /// its columns; empty when they are to be inferred
        columns: Vec<ColumnSpec>,
        /// SERVER
        server: String,
        /// OPTIONS
        options: Options,
    },
    /// CREATE SCHEMA
    CreateSchema {
        /// its name
        name: String,
        /// IF NOT EXISTS
        if_not_exists: bool,
    },
    /// DROP SCHEMA
    DropSchema {
        /// their names
        names: Vec<String>,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// CREATE [OR REPLACE] VIEW
    CreateView {
        /// its name
        name: NameRef,
        /// OR REPLACE
        or_replace: bool,
        /// column names, if given
        columns: Vec<String>,
        /// WITH
        options: ViewOptions,
        /// the query's text, as written
        query: String,
        /// where the query begins in the statement: characters before it
        query_offset: usize,
    },
    /// CREATE TABLE
    CreateTable {
        /// its name
        name: NameRef,
        /// IF NOT EXISTS
        if_not_exists: bool,
        /// its columns; empty for CREATE TABLE AS
        columns: Vec<ColumnDef>,
        /// PRIMARY KEY
        primary_key: Vec<String>,
        /// UNIQUE
        unique_keys: Vec<Vec<String>>,
        /// AS
        query: Option<String>,
    },
    /// DROP TABLE, VIEW or FOREIGN TABLE
    Drop {
        /// which
        kind: DropKind,
        /// their names
        names: Vec<NameRef>,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// CREATE [OR REPLACE] RULE
    CreateRule {
        /// what it says
        rule: Rule,
        /// OR REPLACE
        or_replace: bool,
    },
    /// DROP RULE
    DropRule {
        /// its name
        name: String,
        /// ON
        relation: NameRef,
        /// IF EXISTS
        if_exists: bool,
    },
    /// CREATE [OR REPLACE] MODEL
    CreateModel {
        /// what it says
        model: Model,
        /// OR REPLACE
        or_replace: bool,
    },
    /// DROP MODEL
    DropModel {
        /// their names
        names: Vec<NameRef>,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// TRUNCATE
    Truncate {
        /// the tables
        names: Vec<NameRef>,
    },
    /// COMMENT ON
    Comment {
        /// of what
        target: CommentTarget,
        /// the text; none takes it away
        text: Option<String>,
    },
    /// ALTER VIEW, ALTER TABLE .. RENAME TO
    Rename {
        /// what the statement calls it
        kind: DropKind,
        /// the relation
        name: NameRef,
        /// IF EXISTS
        if_exists: bool,
        /// its new name
        to: String,
    },
    /// GRANT, REVOKE
    Grant(Grant),
    /// ALTER DEFAULT PRIVILEGES
    DefaultPrivileges(DefaultPrivileges),
    /// CREATE ROLE, USER, GROUP
    CreateRole {
        /// its name
        name: String,
        /// what it is to be
        options: RoleOptions,
    },
    /// ALTER ROLE, USER, GROUP
    AlterRole {
        /// its name
        name: String,
        /// what changes
        options: RoleOptions,
    },
    /// ALTER ROLE, USER, GROUP .. RENAME
    RenameRole {
        /// its name
        name: String,
        /// TO
        to: String,
    },
    /// DROP ROLE, USER, GROUP
    DropRole {
        /// their names
        names: Vec<String>,
        /// IF EXISTS
        if_exists: bool,
    },
    /// DROP OWNED
    DropOwned {
        /// BY
        roles: Vec<String>,
        /// CASCADE
        cascade: bool,
    },
    /// REASSIGN OWNED
    ReassignOwned {
        /// BY
        roles: Vec<String>,
        /// TO
        to: String,
    },
    /// GRANT and REVOKE of membership in roles
    GrantRole(RoleGrant),
    /// Row level security and masks
    Security(SecurityStatement),
}

/// What a transaction is to be, where the statement says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionModes {
    /// ISOLATION LEVEL, in lower case
    pub isolation: Option<&'static str>,
    /// READ ONLY, READ WRITE
    pub read_only: Option<bool>,
}

/// A statement about the session itself.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionStatement {
    /// SET name = value; none for DEFAULT
    Set {
        /// the setting
        name: String,
        /// its value
        value: Option<String>,
        /// SET LOCAL
        local: bool,
    },
    /// SET ROLE; none for NONE and RESET ROLE
    SetRole {
        /// the role
        role: Option<String>,
        /// SET LOCAL ROLE
        local: bool,
        /// RESET ROLE
        reset: bool,
    },
    /// SET SESSION AUTHORIZATION; none for DEFAULT
    SetAuthorization {
        /// the role
        role: Option<String>,
        /// SET LOCAL
        local: bool,
        /// RESET SESSION AUTHORIZATION
        reset: bool,
    },
    /// SHOW name, or ALL
    Show(String),
    /// RESET name, or ALL
    Reset(String),
    /// BEGIN, START TRANSACTION; the tag, and what the block is to be
    Begin(&'static str, TransactionModes),
    /// SET TRANSACTION
    SetTransaction(TransactionModes),
    /// SET SESSION CHARACTERISTICS AS TRANSACTION
    SetCharacteristics(TransactionModes),
    /// COMMIT, END
    Commit {
        /// AND CHAIN
        chain: bool,
    },
    /// ROLLBACK, ABORT
    Rollback {
        /// AND CHAIN
        chain: bool,
    },
    /// SAVEPOINT
    Savepoint(String),
    /// ROLLBACK TO
    RollbackTo(String),
    /// RELEASE
    Release(String),
    /// DISCARD ALL, PLANS, SEQUENCES, TEMP; the tag
    Discard(&'static str),
    /// LISTEN
    Listen(String),
    /// UNLISTEN; none for all channels
    Unlisten(Option<String>),
    /// NOTIFY
    Notify {
        /// where
        channel: String,
        /// what; empty for nothing
        payload: String,
    },
    /// SET CONSTRAINTS and others that are accepted and do nothing; the tag
    Accepted(&'static str),
}

/// What a statement is.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// Only comments and white space.
    Empty,
    /// Changes the catalog or a local table's definition.
    Ddl(Box<Ddl>),
    /// Changes the session.
    Session(SessionStatement),
    /// For DataFusion: queries, EXPLAIN, INSERT, UPDATE, DELETE.
    Plan(Box<DfStatement>),
}

/// One statement of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Its text, without the semicolon.
    pub text: String,
    /// How many characters of the script stand before it.
    pub offset: usize,
    /// What it is.
    pub kind: StatementKind,
}

impl Statement {
    /// The statement's own text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds only comments and white space.
    pub fn is_empty(&self) -> bool {
        matches!(self.kind, StatementKind::Empty)
    }
}
