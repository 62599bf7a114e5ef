//! What the catalog shows: where its content comes from, and what it needs to know of the session that asks.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::{
    AggregateUDF, Documentation, ScalarUDF, Signature, TypeSignature, Volatility, WindowUDF,
};

use super::backends::Backends;
use super::opened::Opened;
use crate::catalog::carried::carried_in_config;
use crate::catalog::definitions::{DATABASE, Definitions, OWNER, PUBLIC, RelationName};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::sources::activity::Activity;

/// Where the catalog's content comes from. Both calls answer from memory: no source is asked.
pub trait CatalogView: Debug + Send + Sync {
    /// What is defined now.
    fn definitions(&self) -> Arc<Definitions>;

    /// The functions that this program adds, for `pg_proc`; the same value every time.
    fn functions(&self) -> Arc<Vec<FunctionInfo>> {
        Arc::new(vec![])
    }
}

/// What the functions of a session answer: `current_user`, `current_setting` and the like.
pub trait SessionView: Debug + Send + Sync {
    /// The role that statements run as.
    fn current_user(&self) -> String {
        OWNER.to_string()
    }

    /// The role that logged in.
    fn session_user(&self) -> String {
        OWNER.to_string()
    }

    /// Schemas that bare names are looked up in, without `pg_catalog`.
    fn search_path(&self) -> Vec<String> {
        vec![PUBLIC.to_string()]
    }

    /// The number that cancels this connection.
    fn pid(&self) -> i32 {
        0
    }

    /// A setting as SHOW gives it; names are lower case.
    fn setting(&self, name: &str) -> Option<String> {
        self.settings().into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every setting, for `pg_settings`.
    fn settings(&self) -> Vec<(String, String)> {
        DEFAULT_SETTINGS.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect()
    }

    /// What sources were asked, for `onerow_stat_source`; none where nothing keeps that.
    fn source_activity(&self) -> Option<Arc<Activity>> {
        None
    }

    /// The connections that are open; none where there are no connections.
    fn backends(&self) -> Option<Arc<Backends>> {
        None
    }

    /// What is prepared and declared, for `pg_prepared_statements` and `pg_cursors`.
    fn opened(&self) -> Opened {
        Opened::default()
    }

    /// Does what `pg_notify(channel, payload)` asks.
    fn notify(&self, _channel: &str, _payload: &str) -> Result<()> {
        Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "nobody can be notified here"))
    }

    /// Does what `set_config(name, value, is_local)` asks, and gives the new value. Without a value the setting is what
    /// it was at first.
    fn set(&self, name: &str, _value: Option<&str>, _local: bool) -> Result<String> {
        Err(Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("parameter \"{name}\" cannot be changed here"),
        ))
    }
}

/// What is answered when no session has said otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultSession;

impl SessionView for DefaultSession {}

/// The version that clients are told: `server_version`, SHOW and `version()` agree on it.
pub const SERVER_VERSION: &str = "15.0";

const DEFAULT_SETTINGS: &[(&str, &str)] = &[
    ("application_name", ""),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("default_transaction_isolation", "read committed"),
    ("integer_datetimes", "on"),
    ("IntervalStyle", "postgres"),
    ("lc_collate", "C"),
    ("lc_ctype", "C"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("search_path", "\"$user\", public"),
    ("server_encoding", "UTF8"),
    ("server_version", SERVER_VERSION),
    ("server_version_num", "150000"),
    ("standard_conforming_strings", "on"),
    ("TimeZone", "UTC"),
    ("transaction_isolation", "read committed"),
];

/// Settings that Postgres was built with. They are no session's, and some clients ask for them.
pub const PRESETS: &[(&str, &str)] = &[("block_size", "8192"), ("max_function_args", "100"), ("max_index_keys", "32")];

/// The value of one of [`PRESETS`].
pub fn preset(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

/// What `version()` says.
pub fn version() -> String {
    format!("PostgreSQL {SERVER_VERSION}-compatible (Onerow {})", env!("CARGO_PKG_VERSION"))
}

/// Carries a session's [`SessionView`] in its DataFusion configuration, where functions and tables find it. The
/// engine inserts one when it makes a session: `config.options_mut().extensions.insert(CatalogSession(..))`.
#[derive(Clone, Debug)]
pub struct CatalogSession(pub Arc<dyn SessionView>);

impl CatalogSession {
    /// The session's view, or the default one where none was set.
    pub fn of(options: &ConfigOptions) -> Arc<dyn SessionView> {
        match options.extensions.get::<CatalogSession>() {
            Some(session) => Arc::clone(&session.0),
            None => Arc::new(DefaultSession),
        }
    }
}

carried_in_config!(CatalogSession, "onerow_catalog");

/// Carries what is defined, as the statement at hand sees it, in its DataFusion configuration: a statement looks
/// everything up in one state of the catalog, and one in a transaction block sees the block's own changes. Where there
/// is none, what the [`CatalogView`] says counts.
#[derive(Clone, Debug)]
pub struct CatalogMoment(pub Arc<Definitions>);

carried_in_config!(CatalogMoment, "onerow_moment");

/// How much a table holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSize {
    /// Its rows.
    pub rows: u64,
    /// The memory that they take.
    pub bytes: u64,
}

/// How large the local tables are.
pub trait Sizes: Debug + Send + Sync {
    /// The size of a local table. Its rows may be read from the state folder for it.
    fn size(&self, name: &RelationName) -> Result<TableSize>;

    /// The same where the rows are in memory; none where they are not.
    fn known(&self, name: &RelationName) -> Option<TableSize>;
}

/// Carries the sizes of the state of the catalog that the statement at hand sees.
#[derive(Clone, Debug)]
pub struct CatalogSizes(pub Arc<dyn Sizes>);

carried_in_config!(CatalogSizes, "onerow_sizes");

impl CatalogSizes {
    /// The sizes that a statement with these options sees; none where nobody has said them.
    pub fn of(options: &ConfigOptions) -> Option<Arc<dyn Sizes>> {
        options.extensions.get::<CatalogSizes>().map(|sizes| Arc::clone(&sizes.0))
    }
}

/// One function that this program adds, as `pg_proc` and `\df` show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Its name.
    pub name: String,
    /// `pg_proc.prokind`: `f` a function, `a` an aggregate, `w` a window function.
    pub kind: &'static str,
    /// Its result's type, in words.
    pub result: String,
    /// Its arguments, in words.
    pub arguments: String,
    /// How many arguments are named in `arguments`.
    pub argument_count: i16,
    /// `pg_proc.provolatile`.
    pub volatility: &'static str,
    /// Whether it gives a set of rows.
    pub returns_set: bool,
    /// What it does.
    pub description: Option<String>,
}

impl FunctionInfo {
    /// A scalar function, from its documentation and signature.
    pub fn scalar(function: &ScalarUDF) -> Self {
        let result = |types: &[DataType]| function.return_type(types).ok();
        Self::described(function.name(), "f", function.signature(), function.documentation(), result)
    }

    /// An aggregate, from its documentation and signature.
    pub fn aggregate(function: &AggregateUDF) -> Self {
        let result = |types: &[DataType]| function.return_type(types).ok();
        Self::described(function.name(), "a", function.signature(), function.documentation(), result)
    }

    /// A window function, from its documentation and signature.
    pub fn window(function: &WindowUDF) -> Self {
        Self::described(function.name(), "w", function.signature(), function.documentation(), |_| None)
    }

    /// A table function; its arguments and columns in words.
    pub fn table(name: &str, arguments: &str, columns: &str, description: &str) -> Self {
        FunctionInfo {
            name: name.to_string(),
            kind: "f",
            result: format!("TABLE({columns})"),
            arguments: arguments.to_string(),
            argument_count: count(arguments),
            volatility: "s",
            returns_set: true,
            description: Some(description.to_string()),
        }
    }

    fn described(
        name: &str,
        kind: &'static str,
        signature: &Signature,
        documentation: Option<&Documentation>,
        result: impl Fn(&[DataType]) -> Option<DataType>,
    ) -> Self {
        // Only an exact signature says its types; any other takes what its arguments in the documentation say.
        let exact = match &signature.type_signature {
            TypeSignature::Exact(types) => Some(types.clone()),
            TypeSignature::Nullary => Some(vec![]),
            TypeSignature::String(n) => Some(vec![DataType::Utf8; *n]),
            TypeSignature::Uniform(n, types) if types.len() == 1 => {
                Some(types.iter().cycle().take(*n).cloned().collect())
            }
            _ => None,
        };
        let names: Vec<String> = match documentation {
            Some(Documentation { arguments: Some(arguments), .. }) => {
                arguments.iter().map(|(name, _)| name.clone()).collect()
            }
            Some(documentation) => {
                let inside = documentation.syntax_example.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
                inside
                    .map(|(inside, _)| {
                        inside.split(',').map(|a| a.trim().to_string()).filter(|a| !a.is_empty()).collect()
                    })
                    .unwrap_or_default()
            }
            None => vec![],
        };
        let arguments = match &exact {
            Some(types) => types
                .iter()
                .enumerate()
                .map(|(at, data_type)| {
                    let pg_type = PgType::of_arrow(data_type);
                    names.get(at).map_or_else(|| pg_type.to_string(), |name| format!("{name} {pg_type}"))
                })
                .collect::<Vec<_>>()
                .join(", "),
            None => names.join(", "),
        };
        // What does not depend on the arguments is known without them.
        let result = result(&exact.unwrap_or_default());
        FunctionInfo {
            name: name.to_string(),
            kind,
            result: result.map_or_else(|| "anyelement".to_string(), |t| PgType::of_arrow(&t).to_string()),
            argument_count: count(&arguments),
            arguments,
            volatility: match signature.volatility {
                Volatility::Immutable => "i",
                Volatility::Stable => "s",
                Volatility::Volatile => "v",
            },
            returns_set: false,
            description: documentation.map(|d| d.description.clone()),
        }
    }
}

fn count(arguments: &str) -> i16 {
    if arguments.trim().is_empty() { 0 } else { i16::try_from(arguments.split(',').count()).unwrap_or(i16::MAX) }
}

/// The name of the one database, for `current_database()` and `pg_database`.
pub fn database() -> &'static str {
    DATABASE
}
