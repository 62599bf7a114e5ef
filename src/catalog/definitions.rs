//! What is defined: servers, user mappings, schemas and relations, as one immutable value.
//!
//! A change makes a new value, so a query plans against one state of the catalog and a reload takes all or
//! nothing. Secrets are here as they were written (`${env:NAME}` unresolved); they are resolved when a source is
//! opened.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::acl::Acl;
use crate::catalog::model::ModelDef;
use crate::catalog::reserved::is_quoted;
use crate::catalog::role::{DatabaseDef, RoleDef};
use crate::catalog::rule::RuleDef;
use crate::catalog::security::Security;
use crate::catalog::time_precision;
use crate::catalog::types::PgType;
use crate::error::Location;
use crate::sources::kind::ImportRequest;
use crate::sources::options::Options;
use crate::sources::table::TableSpec;

/// The name of the one database, and of its owner.
pub const DATABASE: &str = "onerow";

/// The role that owns the database and may do everything.
pub const OWNER: &str = "onerow";

/// The schema of relations that name none.
pub const PUBLIC: &str = "public";

/// The name under which the planner finds the schemas of a session's search path; no user can name it.
pub const SEARCH_PATH_SCHEMA: &str = "$search_path";

/// A relation's full name; both parts as they are, unquoted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelationName {
    /// The schema.
    pub schema: String,
    /// The relation in it.
    pub name: String,
}

impl RelationName {
    /// A name from its two parts.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        RelationName { schema: schema.into(), name: name.into() }
    }
}

impl RelationName {
    /// The name in SQL whatever the search path is: both parts, in double quotes.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// The name for a message, which puts it in quotes: `public` left out, and nothing quoted in it.
    pub fn shown(&self) -> String {
        if self.schema == PUBLIC { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }
}

/// An identifier in double quotes.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl fmt::Display for RelationName {
    /// As a user writes it: `public` left out, quoted where it must be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schema != PUBLIC {
            write!(f, "{}.", quote_identifier(&self.schema))?;
        }
        f.write_str(&quote_identifier(&self.name))
    }
}

/// An identifier as it must stand in SQL: bare when it is lower case and plain, else in double quotes.
pub fn quote_identifier(name: &str) -> String {
    let plain = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !is_quoted(name);
    if plain { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Where a definition came from, and so where it is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// A statement of the SQL files.
    File(Location),
    /// A statement over the wire, kept in the state folder.
    #[default]
    State,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerDef {
    /// Its name.
    pub name: String,
    /// Its kind, as in FOREIGN DATA WRAPPER.
    pub kind: String,
    /// CREATE SERVER .. TYPE
    pub server_type: Option<String>,
    /// CREATE SERVER .. VERSION
    pub version: Option<String>,
    /// Its options as written.
    pub options: Options,
    /// The folder that a relative path in its options is relative to.
    pub folder: PathBuf,
    /// Its owner.
    pub owner: String,
    /// Where it was defined.
    #[serde(skip)]
    pub origin: Origin,
    /// Who was granted what; none until something was.
    #[serde(default)]
    pub acl: Option<Acl>,
    /// COMMENT ON SERVER
    pub comment: Option<String>,
}

/// Who a server is reached as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserMappingDef {
    /// The server.
    pub server: String,
    /// The local role, or `public`.
    pub user: String,
    /// Its options as written.
    pub options: Options,
    /// Where it was defined.
    #[serde(skip)]
    pub origin: Origin,
}

/// One schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchemaDef {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// Where it was defined.
    #[serde(skip)]
    pub origin: Origin,
    /// Who was granted what; none until something was.
    #[serde(default)]
    pub acl: Option<Acl>,
    /// COMMENT ON SCHEMA
    pub comment: Option<String>,
}

/// One column of a relation, as the catalog shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDef {
    /// Its name.
    pub name: String,
    /// Its type's name, as `format_type` prints it.
    pub pg_type: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// Its default, as SQL.
    #[serde(default)]
    pub default: Option<String>,
}

impl ColumnDef {
    /// The column's type.
    pub fn pg_type(&self) -> PgType {
        PgType::parse(&self.pg_type).unwrap_or(PgType::Text)
    }

    /// To how many digits of a second its times are rounded; none when they keep all.
    pub fn digits(&self) -> Option<u8> {
        time_precision::of_name(&self.pg_type)
    }

    /// Its type modifier, as in `pg_attribute.atttypmod`.
    pub fn typmod(&self) -> i32 {
        time_precision::typmod(&self.pg_type(), self.digits())
    }
}

/// A view: SQL over other relations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewDef {
    /// The query after AS, as it was written.
    pub query: String,
    /// Column names given in CREATE VIEW name (a, b); empty when the query's own hold.
    pub column_names: Vec<String>,
    /// WITH (security_invoker): it reads with the rights of who asks, and not with its owner's.
    #[serde(default)]
    pub security_invoker: bool,
    /// WITH (security_barrier): conditions of who asks are not looked at before its own.
    #[serde(default)]
    pub security_barrier: bool,
    /// Its columns, once it has been planned; empty before, and when it does not plan.
    pub columns: Vec<ColumnDef>,
    /// The relations it reads, resolved.
    pub depends_on: Vec<RelationName>,
    /// The models that it asks, resolved.
    #[serde(default)]
    pub models: Vec<RelationName>,
    /// Where its columns come from, once it has been planned: in what it reads itself.
    #[serde(default)]
    pub lineage: Vec<ColumnLineage>,
    /// Why it does not plan now; its own queries fail with this, nothing else does.
    #[serde(skip)]
    pub broken: Option<crate::error::Error>,
}

/// Where a column of a view comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnLineage {
    /// The column.
    pub column: String,
    /// What it is made of; nothing for a literal.
    pub origins: Vec<ColumnOrigin>,
    /// The merge functions in it, by name.
    pub rule: Option<String>,
    /// The same with what they rank by: `newest by updated_at`.
    pub description: Option<String>,
}

/// A column that another is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnOrigin {
    /// A relation that the view reads itself.
    pub relation: RelationName,
    /// Its column.
    pub column: String,
    /// The functions that the column goes through, the first first.
    pub functions: Vec<String>,
}

/// A foreign table: a table at a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignTableDef {
    /// The server.
    pub server: String,
    /// What is known of it.
    pub table: Arc<TableSpec>,
    /// Whether an IMPORT made it, and not a CREATE FOREIGN TABLE of its own.
    pub imported: bool,
    /// What the IMPORT asked for that was typed over the wire; none where a file has it.
    #[serde(default)]
    pub request: Option<Arc<ImportRequest>>,
    /// Why its columns are not known: its source was down when it was declared without columns.
    #[serde(skip)]
    pub broken: Option<crate::error::Error>,
}

/// A small local table, kept in the state folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalTableDef {
    /// Its columns.
    pub columns: Vec<ColumnDef>,
    /// Its primary key, or none.
    pub primary_key: Vec<String>,
    /// Further unique keys.
    pub unique_keys: Vec<Vec<String>>,
}

/// What a relation is; its size is that of its largest kind, and there is one of each relation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RelationKind {
    /// A view.
    View(ViewDef),
    /// A foreign table.
    Foreign(ForeignTableDef),
    /// A local table.
    Local(LocalTableDef),
}

/// One relation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelationDef {
    /// Its name.
    pub name: RelationName,
    /// Its owner.
    pub owner: String,
    /// Where it was defined.
    #[serde(skip)]
    pub origin: Origin,
    /// Who was granted what; none until something was.
    #[serde(default)]
    pub acl: Option<Acl>,
    /// Who was granted what on a column, by column name.
    #[serde(default)]
    pub column_acls: BTreeMap<String, Acl>,
    /// COMMENT ON TABLE, VIEW or FOREIGN TABLE, else the comment at the source.
    pub comment: Option<String>,
    /// COMMENT ON COLUMN, by column name.
    pub column_comments: BTreeMap<String, String>,
    /// Row level security and masks.
    #[serde(default)]
    pub security: Security,
    /// What it is.
    pub kind: RelationKind,
}

impl RelationDef {
    /// Its columns as the catalog shows them; empty for one that is broken.
    pub fn columns(&self) -> Vec<ColumnDef> {
        match &self.kind {
            RelationKind::View(view) => view.columns.clone(),
            RelationKind::Local(table) => table.columns.clone(),
            RelationKind::Foreign(foreign) => foreign
                .table
                .columns
                .iter()
                .map(|c| ColumnDef {
                    name: c.name.clone(),
                    pg_type: c.pg_type.to_string(),
                    nullable: c.nullable,
                    default: None,
                })
                .collect(),
        }
    }

    /// As Postgres names its kind in messages.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            RelationKind::View(_) => "view",
            RelationKind::Foreign(_) => "foreign table",
            RelationKind::Local(_) => "table",
        }
    }

    /// As `pg_class.relkind` names its kind.
    pub fn relkind(&self) -> &'static str {
        match self.kind {
            RelationKind::View(_) => "v",
            RelationKind::Foreign(_) => "f",
            RelationKind::Local(_) => "r",
        }
    }
}

/// Everything that is defined, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    /// Servers by name.
    pub servers: BTreeMap<String, ServerDef>,
    /// User mappings by (server, user).
    pub user_mappings: BTreeMap<(String, String), UserMappingDef>,
    /// Schemas by name; `public` is always there.
    pub schemas: BTreeMap<String, SchemaDef>,
    /// Relations by name.
    pub relations: BTreeMap<RelationName, RelationDef>,
    /// Rules of validation by relation and name.
    pub rules: BTreeMap<(RelationName, String), RuleDef>,
    /// Models by name.
    pub models: BTreeMap<RelationName, ModelDef>,
    /// Roles by name; the owner is none of them.
    pub roles: BTreeMap<String, RoleDef>,
    /// What belongs to the database itself.
    pub database: DatabaseDef,
}

impl Definitions {
    /// A relation by its name.
    pub fn relation(&self, name: &RelationName) -> Option<&RelationDef> {
        self.relations.get(name)
    }

    /// Whether any view reads with the rights of who asks.
    pub fn has_invokers(&self) -> bool {
        self.relations
            .values()
            .any(|relation| matches!(&relation.kind, RelationKind::View(view) if view.security_invoker))
    }

    /// The mapping that applies to a role at a server: its own, else PUBLIC's.
    pub fn user_mapping(&self, server: &str, role: &str) -> Option<&UserMappingDef> {
        [role, "public"].iter().find_map(|user| self.user_mappings.get(&(server.to_string(), (*user).to_string())))
    }

    /// The views that read a relation, directly.
    pub fn readers<'a>(&'a self, name: &'a RelationName) -> impl Iterator<Item = &'a RelationDef> {
        self.relations.values().filter(
            move |r| matches!(&r.kind, RelationKind::View(view) if view.depends_on.contains(name) && r.name != *name),
        )
    }
}
