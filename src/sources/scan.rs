//! The plan's leaf for sources that answer a request with a stream of rows.

mod keyed;

use std::fmt;
use std::sync::Arc;

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
use crate::federation::keys::Restriction;
use crate::sources::traffic::Traffic;

/// About how many rows a batch from a source holds.
pub const BATCH_ROWS: usize = 8192;

/// A request that a source can answer as a stream.
#[async_trait]
pub trait RemoteRead: fmt::Debug + Send + Sync {
    /// What is sent to the source, for EXPLAIN: its SQL with placeholders, never a secret.
    fn describe(&self) -> String;

    /// How many streams it can be read by; each is opened once.
    fn partitions(&self) -> usize {
        1
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

/// Distinct values of one column, without nulls: equality never keeps a null.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The values, of the column's Arrow type.
    pub values: ArrayRef,
}

/// Reads one request from one server.
#[derive(Debug)]
pub struct SourceScanExec {
    server: String,
    table: String,
    read: Arc<dyn RemoteRead>,
    rows: Option<u64>,
    restrictions: Vec<Restriction>,
    /// What became of the keys, once they were known; for EXPLAIN ANALYZE.
    sent: Arc<Mutex<Option<String>>>,
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
            restrictions: vec![],
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

    /// Whether the source can be asked for the rows whose column `column`, or whose `function(column)`, is among keys.
    pub fn takes_keys(&self, function: Option<&str>, column: usize) -> bool {
        keyed::keyed(&self.read, function, column).is_some()
    }

    /// The same scan, for which another number of rows is expected.
    pub fn with_rows(&self, rows: u64) -> Self {
        SourceScanExec { rows: Some(rows), ..self.copy() }
    }

    /// The same scan, which waits for keys before it asks the source.
    pub fn with_restriction(&self, restriction: Restriction) -> Self {
        let mut scan = self.copy();
        scan.restrictions.push(restriction);
        scan
    }

    fn copy(&self) -> Self {
        SourceScanExec {
            server: self.server.clone(),
            table: self.table.clone(),
            read: Arc::clone(&self.read),
            rows: self.rows,
            restrictions: self.restrictions.clone(),
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

impl DisplayAs for SourceScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceScan: server={}, table={}, sends={}", self.server, self.table, self.read.describe())?;
        if !self.restrictions.is_empty() {
            let keys: Vec<String> = self.restrictions.iter().map(ToString::to_string).collect();
            write!(f, ", keys=[{}]", keys.join(", "))?;
        }
        match self.sent.lock().as_deref() {
            Some(sent) => write!(f, ", sent=[{sent}]"),
            None => Ok(()),
        }
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

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let schema = self.schema();
        let table = self.table.clone();
        let reading = keyed::Reading {
            read: Arc::clone(&self.read),
            restrictions: self.restrictions.clone(),
            sent: Arc::clone(&self.sent),
            traffic: Arc::clone(&self.traffic),
            partition,
        };
        let stream = futures::stream::once(reading.open()).try_flatten().map(move |batch| {
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

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> DfResult<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        if let Some(rows) = self.rows {
            // Inexact always: an exact count would answer COUNT(*) from an estimate.
            statistics.num_rows = Precision::Inexact(usize::try_from(rows).unwrap_or(usize::MAX));
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
