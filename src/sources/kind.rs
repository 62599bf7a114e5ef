//! What a kind of source must provide.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::options::{OptionSpec, Options};
use super::scan::RemoteRead;
use super::table::TableSpec;
use crate::error::{Error, Result};
use crate::federation::dialect::RemoteDialect;
use crate::federation::query::RemoteQuery;
use crate::federation::statistics::TableStatistics;

/// One kind of source, by the name that `FOREIGN DATA WRAPPER` gives it.
pub trait SourceKind: Debug + Send + Sync {
    /// The name in `FOREIGN DATA WRAPPER name`.
    fn name(&self) -> &'static str;

    /// One sentence for the catalog and the reference.
    fn description(&self) -> &'static str;

    /// Every option it takes, with its place, whether it is a secret, its default and its documentation. The
    /// statements refuse any other (HV00D).
    fn options(&self) -> &'static [OptionSpec];

    /// Makes the source. It validates the options' values (HV00N) and connects to nothing: a source that is
    /// down must not stop the server from starting.
    fn open(&self, server: ServerSpec) -> Result<Arc<dyn Source>>;
}

/// A server with everything it takes to reach it. Secrets are resolved here and only here; `Debug` shows none.
#[derive(Clone, Debug)]
pub struct ServerSpec {
    /// The server's name, for errors and logs.
    pub name: String,
    /// The options of CREATE SERVER.
    pub options: Options,
    /// The options of the user mapping that applies.
    pub user: Options,
    /// What a relative path in `options` is relative to.
    pub folder: PathBuf,
    /// Where its sockets are looked after; where they are asked for when there is none. A statement's own threads may be
    /// taken by others, and end before its connections do.
    pub sockets: Option<Handle>,
}

/// What IMPORT FOREIGN SCHEMA asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRequest {
    /// The schema (or database) at the source.
    pub schema: String,
    /// Which tables of it.
    pub tables: ImportTables,
    /// The statement's own options.
    pub options: Options,
}

/// Which tables an import takes; names are the source's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportTables {
    /// Every table and view.
    #[default]
    All,
    /// LIMIT TO: these; one that is missing is an error.
    LimitTo(Vec<String>),
    /// EXCEPT: all but these.
    Except(Vec<String>),
}

impl ImportTables {
    /// Whether a table of this name is wanted.
    pub fn wants(&self, name: &str) -> bool {
        match self {
            ImportTables::All => true,
            ImportTables::LimitTo(names) => names.iter().any(|n| n == name),
            ImportTables::Except(names) => !names.iter().any(|n| n == name),
        }
    }
}

/// What a query needs of one table, as far as it is known when it is planned.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// Columns by index into the table's schema, in output order; empty when only the number of rows counts.
    pub projection: Vec<usize>,
    /// Predicates that all must be true, each one that [`Source::filter_support`] took.
    pub filters: Vec<Expr>,
    /// At most so many rows; given only when every filter was taken as exact.
    pub limit: Option<usize>,
}

/// A statement in a source's own language that is prepared and was not run.
#[derive(Clone, Debug)]
pub struct RawQuery {
    /// What it gives. Every column may be null.
    pub schema: SchemaRef,
    /// Runs and reads it, with all its columns.
    pub read: Arc<dyn RemoteRead>,
    /// Whether it may change something at the source. It takes effect when its rows were read to their end.
    pub writes: bool,
}

/// One server of some kind, with its pool. Every error it gives names the server and, where there is one, the
/// table; a server that cannot be reached is 08006.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// Reaches the source in one round trip and says its version in a few words.
    async fn ping(&self) -> Result<String>;

    /// The tables and views of one of its schemas, with their columns and keys. A column whose type has no
    /// mapping is text.
    async fn introspect(&self, request: &ImportRequest) -> Result<Vec<TableSpec>>;

    /// Completes a foreign table as declared: columns that were left out are inferred, remote types looked up.
    /// Declared columns keep their names, order and types.
    async fn describe(&self, declared: &TableSpec) -> Result<TableSpec>;

    /// What this source does with a predicate over the table: exact, a superset that is rechecked here, or not
    /// at all. It must be exact only when the source's rows are provably those that the local engine would keep.
    fn filter_support(&self, table: &TableSpec, filter: &Expr) -> TableProviderFilterPushDown;

    /// Plans a scan that streams with bounded memory. It does not touch the source before it is executed,
    /// unless planning needs the source's file listing. The plan's schema is the table's, projected.
    async fn scan(
        &self,
        session: &dyn Session,
        table: &Arc<TableSpec>,
        request: ScanRequest,
    ) -> Result<Arc<dyn ExecutionPlan>>;

    /// What it speaks, when it is SQL that whole queries can be written in.
    fn dialect(&self) -> Option<&dyn RemoteDialect> {
        None
    }

    /// Plans the reading of a whole query, in [`Source::dialect`]'s words; `query.columns` says what comes back, and
    /// `schema` in which fields. About `rows` rows are expected.
    async fn query(
        &self,
        _query: RemoteQuery,
        _schema: SchemaRef,
        _rows: Option<u64>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Err(Error::internal("a query was planned for a source without SQL"))
    }

    /// Whether reading few of its rows leaves the thread to others whenever the source is waited for, and starts nothing
    /// that computes for long: then it may be done where clients are listened to.
    fn gives_way(&self) -> bool {
        false
    }

    /// Whether its rows need not travel far: it runs on this machine.
    fn is_near(&self) -> bool {
        false
    }

    /// What is known of a table's rows and values by now. It asks nothing and waits for nothing; where what is known is
    /// old it may have the source asked behind.
    fn statistics(&self, _table: &TableSpec) -> Option<Arc<TableStatistics>> {
        None
    }

    /// An estimate of a table's number of rows, or none when the source has no cheap one.
    async fn row_estimate(&self, table: &TableSpec) -> Result<Option<u64>>;

    /// Prepares one statement in the source's own language, and runs nothing. An error of the source has its own
    /// SQLSTATE, and a position that counts in `query`. 0A000 for a source that has no language, for several statements
    /// and for one that gives no columns; 42501 where the server's option `raw_queries` forbids it.
    async fn raw_query(&self, query: &str) -> Result<RawQuery>;
}
