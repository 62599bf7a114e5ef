//! What is planned of a source without SQL: files, which are listed while a query is planned.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};

use super::read;
use super::scan::ScanGuard;
use crate::error::{Error, Result};
use crate::sources::activity::Literals;
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::traffic::Traffic;

/// A read of a source that could not be reached when its files were listed: it fails, or is left out, when it runs.
#[derive(Clone)]
pub(super) struct Unreachable {
    /// The table, in words.
    pub(super) what: String,
    pub(super) error: Error,
}

impl fmt::Debug for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unreachable").field("what", &self.what).finish_non_exhaustive()
    }
}

#[async_trait]
impl RemoteRead for Unreachable {
    fn describe(&self) -> String {
        format!("{} (its files could not be listed)", self.what)
    }

    fn literals(&self) -> Literals {
        Literals::Written
    }

    fn is_repeatable(&self) -> bool {
        false
    }

    async fn open(&self, _: usize, _: &[Keys], _: &Arc<Traffic>) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        Err(self.error.clone())
    }
}

/// Holds what DataFusion reads by itself to its server's limits.
#[derive(Debug)]
pub(super) struct LimitedExec {
    pub(super) input: Arc<dyn ExecutionPlan>,
    pub(super) guard: ScanGuard,
}

impl DisplayAs for LimitedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LimitedExec: server={}", self.guard.server.name())
    }
}

impl ExecutionPlan for LimitedExec {
    fn name(&self) -> &str {
        "LimitedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) => Ok(Arc::new(LimitedExec { input, guard: self.guard.clone() })),
            None => internal_err!("what is limited has one input"),
        }
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let (input, guard) = (Arc::clone(&self.input), self.guard.clone());
        let opening = async move {
            let send = || {
                let (input, context) = (Arc::clone(&input), Arc::clone(&context));
                async move {
                    let rows = input.execute(partition, context).map_err(Error::from)?;
                    Ok(rows.map_err(Error::from).boxed())
                }
                .boxed()
            };
            read::open(&guard.server, &guard.tables, false, send, || {}).await
        };
        let rows = futures::stream::once(opening).try_flatten().map_err(DataFusionError::from);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _: &StatisticsArgs) -> DfResult<Arc<Statistics>> {
        Ok(inputs.first().map_or_else(|| Arc::new(Statistics::new_unknown(&self.schema())), Arc::clone))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}
