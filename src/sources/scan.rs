//! The plan's leaf for sources that answer a request with a stream of rows.

mod asked;
mod early;
mod keyed;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, SendableRecordBatchStream,
};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;

use crate::error::{Error, Result, SqlState};
use crate::federation::again::Conditions;
use crate::federation::keys::Restriction;
use crate::sources::activity::{Activity, Literals, without_literals};
use crate::sources::guard::ScanGuard;
use crate::sources::traffic::Traffic;
use asked::Asking;
pub use early::Begun;

/// About how many rows a batch from a source holds.
pub const BATCH_ROWS: usize = 8192;

/// A request that a source can answer as a stream.
#[async_trait]
pub trait RemoteRead: fmt::Debug + Send + Sync {
    /// What is sent to the source, for EXPLAIN: its SQL with placeholders, never a secret.
    fn describe(&self) -> String;

    /// How the literals of what [`RemoteRead::describe`] gives are written: they are left out where it is remembered. A
    /// read that hands on to another must hand this on too.
    fn literals(&self) -> Literals;

    /// What is remembered of it: what [`RemoteRead::describe`] gives, without literals.
    fn remembered(&self) -> Arc<str> {
        without_literals(&self.describe(), self.literals()).into()
    }

    /// The same read with other conditions in place of its own, of a table's columns and each one exact; none when that is
    /// another statement, or not known to be the same. It has one stream, and takes no keys.
    fn with_conditions(&self, _conditions: &Conditions) -> Option<Arc<dyn RemoteRead>> {
        None
    }

    /// How that is read, in words, where it is not by one statement: in how many parts, or why in fewer. It may say more
    /// while it runs.
    fn how(&self) -> Option<String> {
        None
    }

    /// How many streams it can be read by; each is opened once.
    fn partitions(&self) -> usize {
        1
    }

    /// Whether a stream that has given nothing may be opened a second time. Where there are several, they may have to
    /// see one moment of the source, which a second try does not.
    fn is_repeatable(&self) -> bool {
        self.partitions() == 1
    }

    /// The same read restricted to rows whose output column `column` (an index into the schema it gives) is among keys
    /// that are known when it is opened; none when this source cannot be asked that, or would not keep every such row.
    fn keyed(&self, _column: usize) -> Option<Arc<dyn RemoteRead>> {
        None
    }

    /// As [`RemoteRead::keyed`], for keys that are values of `function(column)`, one of the functions of this program.
    fn keyed_through(&self, _function: &str, _column: usize) -> Option<Arc<dyn RemoteRead>> {
        None
    }

    /// How many keys of one column a statement may have. More are sent in several, one after the other.
    fn keys_at_once(&self) -> usize {
        usize::MAX
    }

    /// What its streams need to be opened before their rows are wanted, taken such that nobody has to wait for it
    /// meanwhile; none where that is not to be had. It is the same for all streams, and held until they have begun.
    fn reserve(&self) -> Option<Reserved> {
        None
    }

    /// The same read for another run of its plan, where runs must not share what their streams share.
    fn again(&self) -> Option<Arc<dyn RemoteRead>> {
        None
    }

    /// Opens one stream. `keys`: one for each `keyed` or `keyed_through` call that made this read, in order. The stream
    /// owns its connection; dropping it cancels the request at the source. Its batches have the scan's schema. Rows that
    /// are not among the keys may come too: what is above compares again.
    /// `traffic` is told what it costs.
    async fn open(
        &self,
        partition: usize,
        keys: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>>;
}

/// What a read has taken before it begins; it is given back when this is dropped.
pub type Reserved = Arc<dyn Any + Send + Sync>;

/// Distinct values of one column, without nulls: equality never keeps a null.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The values, of the column's Arrow type.
    pub values: ArrayRef,
}

/// What a scan has cost at its source; [`Traffic`] says what counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Rows that came.
    pub rows: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// How often the source was asked and waited for.
    pub round_trips: u64,
    /// How long the source was waited for.
    pub time: Duration,
}

/// What became of a scan's keys.
#[derive(Clone, Debug)]
struct Sent {
    /// In words.
    note: String,
    /// Whether some were sent, or none had to be asked for: then its parts are not read side by side.
    restricts: bool,
}

/// Reads one request from one server.
#[derive(Debug)]
pub struct SourceScanExec {
    server: String,
    table: String,
    read: Arc<dyn RemoteRead>,
    rows: Option<u64>,
    /// About how many values each column has, where that is known.
    values: Vec<Option<u64>>,
    restrictions: Vec<Restriction>,
    /// The keys that it does not wait for, and why.
    passed_over: Vec<String>,
    /// What it waits for when it asks the source before its rows are wanted.
    early: Option<Begun>,
    /// Who is told that its first rows have come.
    tells: Option<Begun>,
    /// What stands between it and its server.
    guard: Option<ScanGuard>,
    /// What became of the keys, once they were known; for EXPLAIN ANALYZE.
    sent: Arc<Mutex<Option<Sent>>>,
    /// What it has cost at the source; for EXPLAIN ANALYZE.
    traffic: Arc<Traffic>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SourceScanExec {
    /// A scan of `table` at `server` that gives rows of `schema`, about `rows` of them.
    pub fn new(server: &str, table: &str, schema: SchemaRef, read: Arc<dyn RemoteRead>, rows: Option<u64>) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(read.partitions()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        SourceScanExec {
            server: server.to_string(),
            table: table.to_string(),
            read,
            rows,
            values: vec![],
            restrictions: vec![],
            passed_over: vec![],
            early: None,
            tells: None,
            guard: None,
            sent: Arc::default(),
            traffic: Arc::default(),
            properties,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The server's name.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// About how many rows it gives, where that is known.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// About how many different values a column has in the whole table, where that is known.
    pub fn values(&self, column: usize) -> Option<u64> {
        self.values.get(column).copied().flatten()
    }

    /// What it sends, without a secret and without keys. How that is read is said only where no keys change it.
    pub fn sends(&self) -> String {
        let whole = self.restrictions.is_empty() || self.sent.lock().as_ref().is_some_and(|sent| !sent.restricts);
        match self.read.how().filter(|_| whole) {
            Some(how) => format!("{} {how}", self.read.describe()),
            None => self.read.describe(),
        }
    }

    /// The keys that it waits for, in words.
    pub fn keys(&self) -> Vec<String> {
        self.restrictions.iter().map(ToString::to_string).collect()
    }

    /// What became of the keys, once they were known.
    pub fn sent(&self) -> Option<String> {
        self.sent.lock().as_ref().map(|sent| sent.note.clone())
    }

    /// What it has cost so far; none before it runs.
    pub fn cost(&self) -> Option<Cost> {
        let rows = self.metrics.clone_inner().output_rows()?;
        Some(Cost {
            rows: rows as u64,
            bytes: self.traffic.bytes(),
            round_trips: self.traffic.round_trips(),
            time: self.traffic.wait(),
        })
    }

    /// Whether the source can be asked for the rows whose column `column`, or whose `function(column)`, is among keys.
    pub fn takes_keys(&self, function: Option<&str>, column: usize) -> bool {
        keyed::keyed(&self.read, function, column).is_some()
    }

    /// The same scan, for which another number of rows is expected.
    pub fn with_rows(&self, rows: u64) -> Self {
        SourceScanExec { rows: Some(rows), ..self.copy() }
    }

    /// The same scan, of whose columns it is known about how many different values they have.
    pub fn with_values(&self, values: Vec<Option<u64>>) -> Self {
        SourceScanExec { values, ..self.copy() }
    }

    /// The same scan, which waits for keys before it asks the source.
    pub fn with_restriction(&self, restriction: Restriction) -> Self {
        let mut scan = self.copy();
        scan.restrictions.push(restriction);
        scan
    }

    /// The same scan, which does not wait for some keys, as `what` says.
    pub fn with_keys_passed_over(&self, what: String) -> Self {
        let mut scan = self.copy();
        scan.passed_over.push(what);
        scan
    }

    /// The same scan, which asks the source when another scan has `begun`, where that takes nothing from others: its rows
    /// are sure to be wanted then, and soon.
    pub fn early(&self, begun: Begun) -> Self {
        SourceScanExec { early: Some(begun), ..self.copy() }
    }

    /// The same scan, which tells when its first rows have come.
    pub fn telling(&self, begun: Begun) -> Self {
        SourceScanExec { tells: Some(begun), ..self.copy() }
    }

    /// The same scan of a read with other conditions, as [`RemoteRead::with_conditions`] makes it.
    pub fn with_conditions(&self, conditions: &Conditions) -> Option<Self> {
        if !self.restrictions.is_empty() {
            return None;
        }
        Some(SourceScanExec { read: self.read.with_conditions(conditions)?, ..self.copy() })
    }

    /// The same scan, which opens its streams by way of `guard`.
    pub fn with_guard(&self, guard: ScanGuard) -> Self {
        SourceScanExec { guard: Some(guard), ..self.copy() }
    }

    /// What stands between it and its server.
    pub fn guard(&self) -> Option<&ScanGuard> {
        self.guard.as_ref()
    }

    fn copy(&self) -> Self {
        SourceScanExec {
            server: self.server.clone(),
            table: self.table.clone(),
            read: Arc::clone(&self.read),
            rows: self.rows,
            values: self.values.clone(),
            restrictions: self.restrictions.clone(),
            passed_over: self.passed_over.clone(),
            early: self.early.clone(),
            tells: self.tells.clone(),
            guard: self.guard.clone(),
            sent: Arc::default(),
            traffic: Arc::default(),
            properties: Arc::clone(&self.properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

/// Says which table it was that could not be read, where the error knows of the server alone: a connection is made
/// for any table.
fn with_table(error: Error, table: &str) -> Error {
    let name = format!("\"{table}\"");
    let told = error.message().contains(&name) || error.context().is_some_and(|context| context.contains(&name));
    if error.state() == SqlState::CONNECTION_FAILURE && !told {
        error.with_context(format!("table {name}"))
    } else {
        error
    }
}

impl SourceScanExec {
    /// Its line in EXPLAIN: with `estimates`, how many rows are expected; with `times`, how long its source was waited
    /// for.
    pub fn write(&self, f: &mut fmt::Formatter<'_>, estimates: bool, times: bool) -> fmt::Result {
        write!(f, "SourceScan: server={}, table={}, sends={}", self.server, self.table, self.sends())?;
        if let Some(rows) = self.rows.filter(|_| estimates) {
            write!(f, ", rows=~{rows}")?;
        }
        if !self.restrictions.is_empty() {
            write!(f, ", keys=[{}]", self.keys().join(", "))?;
        }
        if !self.passed_over.is_empty() {
            write!(f, ", too many keys=[{}]", self.passed_over.join(", "))?;
        }
        if let Some(guard) = &self.guard {
            write!(f, "{guard}")?;
        }
        if let Some(sent) = self.sent() {
            write!(f, ", sent=[{sent}]")?;
        }
        let Some(Cost { rows, bytes, round_trips, time }) = self.cost() else { return Ok(()) };
        write!(f, ", received=[rows={rows}, bytes={bytes}, round_trips={round_trips}")?;
        if times {
            write!(f, ", time_at_source={:.3}ms", time.as_secs_f64() * 1000.0)?;
        }
        f.write_str("]")
    }
}

impl DisplayAs for SourceScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, true, true)
    }
}

impl ExecutionPlan for SourceScanExec {
    fn name(&self) -> &str {
        "SourceScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a source scan has no children") }
    }

    fn reset_state(self: Arc<Self>) -> DfResult<Arc<dyn ExecutionPlan>> {
        let Some(read) = self.read.again() else { return Ok(self) };
        let (sent, traffic) = (Arc::clone(&self.sent), Arc::clone(&self.traffic));
        let metrics = self.metrics.clone();
        Ok(Arc::new(SourceScanExec { read, sent, traffic, metrics, ..self.copy() }))
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let schema = self.schema();
        let table = self.table.clone();
        let read = match &self.guard {
            Some(guard) => guard.guarded(&self.read, &context),
            None => Arc::clone(&self.read),
        };
        let reading = keyed::Reading {
            read,
            restrictions: self.restrictions.clone(),
            sent: Arc::clone(&self.sent),
            asking: Asking {
                server: Arc::from(self.server.as_str()),
                traffic: Arc::clone(&self.traffic),
                activity: context.session_config().get_extension::<Activity>(),
            },
            partition,
        };
        let begun = self.early.clone().filter(|_| self.restrictions.is_empty());
        let read = Arc::clone(&reading.read);
        let stream = futures::stream::once(reading.open()).try_flatten().boxed();
        let stream = match begun {
            Some(begun) => early::begin(stream, read, begun),
            None => stream,
        };
        let tells = self.tells.clone();
        let stream = stream.map(move |batch| {
            if let Some(begun) = &tells {
                begun.tell();
            }
            if let Ok(batch) = &batch {
                baseline.record_output(batch.num_rows());
            }
            batch.map_err(|error| DataFusionError::from(with_table(error, &table)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> DfResult<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        if let Some(rows) = self.rows {
            // One stream has its share. Inexact always: an exact count would answer COUNT(*) from an estimate.
            let streams = if args.partition().is_some() { self.read.partitions().max(1) } else { 1 };
            statistics.num_rows = Precision::Inexact(usize::try_from(rows).unwrap_or(usize::MAX) / streams);
        }
        Ok(Arc::new(statistics))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_source_is_told_with_its_table() {
        let down = || Error::new(SqlState::CONNECTION_FAILURE, "server \"erp\": could not connect");
        assert_eq!(with_table(down(), "customer").context(), Some("table \"customer\""));
        let told = down().with_context("table \"customer\"");
        assert_eq!(with_table(told, "customer").context(), Some("table \"customer\""));
        let other = Error::new(SqlState::QUERY_CANCELED, "canceling statement due to user request");
        assert_eq!(with_table(other, "customer").context(), None);
    }
}
