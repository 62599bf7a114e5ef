//! The plan's leaf for sources that answer a request with a stream of rows.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
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

use crate::error::{Error, Result, SqlState};

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

    /// Opens one stream. The stream owns its connection; dropping it cancels the request at the source. Its
    /// batches have the scan's schema.
    async fn open(&self, partition: usize) -> Result<BoxStream<'static, Result<RecordBatch>>>;
}

/// Reads one request from one server.
#[derive(Debug)]
pub struct SourceScanExec {
    server: String,
    table: String,
    read: Arc<dyn RemoteRead>,
    rows: Option<u64>,
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
            properties,
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
        write!(f, "SourceScan: server={}, table={}, sends={}", self.server, self.table, self.read.describe())
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
        let read = Arc::clone(&self.read);
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let schema = self.schema();
        let table = self.table.clone();
        let stream = futures::stream::once(async move { read.open(partition).await }).try_flatten().map(move |batch| {
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
