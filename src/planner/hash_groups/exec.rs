//! The operator.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coop::cooperative;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, replace_children_if_necessary};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};

use super::groups::Groups;
use super::rest::handed_over;

/// Groups as the [`AggregateExec`] that it is made of says, of each part of its input the rows of their own.
#[derive(Debug)]
pub struct HashGroupsExec {
    aggregate: Arc<AggregateExec>,
    metrics: ExecutionPlanMetricsSet,
}

impl HashGroupsExec {
    /// What groups as this aggregate says, which has a group's rows in one part of its input. None when its key or one of
    /// its calls is of a kind that is not grouped here.
    pub(super) fn try_new(aggregate: AggregateExec) -> DfResult<Option<HashGroupsExec>> {
        let known = Groups::of(&aggregate)?.is_some();
        Ok(known.then(|| HashGroupsExec { aggregate: Arc::new(aggregate), metrics: ExecutionPlanMetricsSet::new() }))
    }

    /// What is grouped, and how.
    pub fn aggregate(&self) -> &AggregateExec {
        &self.aggregate
    }
}

impl DisplayAs for HashGroupsExec {
    fn fmt_as(&self, how: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashGroupsExec: ")?;
        self.aggregate.fmt_as(how, f)
    }
}

impl ExecutionPlan for HashGroupsExec {
    fn name(&self) -> &str {
        "HashGroupsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.aggregate.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.aggregate.input_distribution_requirements()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.aggregate.children()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        let aggregate: Arc<dyn ExecutionPlan> = Arc::<AggregateExec>::clone(&self.aggregate);
        let made = replace_children_if_necessary(aggregate, children)?;
        let aggregate = made.downcast_ref::<AggregateExec>().cloned();
        match aggregate.map(HashGroupsExec::try_new).transpose()?.flatten() {
            Some(groups) => Ok(Arc::new(groups)),
            None => internal_err!("a grouping of other rows is another grouping"),
        }
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        self.aggregate.apply_expressions(f)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let Some(groups) = Groups::of(&self.aggregate)? else {
            return internal_err!("a grouping has become another");
        };
        let (aggregate, metrics) = (Arc::clone(&self.aggregate), self.metrics.clone());
        let rows = stream::once(grouped(aggregate, groups, partition, context, metrics)).try_flatten().boxed();
        Ok(Box::pin(cooperative(RecordBatchStreamAdapter::new(self.schema(), rows))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> DfResult<Arc<Statistics>> {
        self.aggregate.statistics_from_inputs(inputs, args)
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.aggregate.cardinality_effect()
    }
}

/// The groups of one part of the rows, once all of them have come.
async fn grouped(
    aggregate: Arc<AggregateExec>,
    mut groups: Groups,
    partition: usize,
    context: Arc<TaskContext>,
    metrics: ExecutionPlanMetricsSet,
) -> DfResult<BoxStream<'static, DfResult<RecordBatch>>> {
    let baseline = BaselineMetrics::new(&metrics, partition);
    let consumer = MemoryConsumer::new(format!("HashGroups[{partition}]")).with_can_spill(true);
    let reservation = consumer.register(context.memory_pool());
    let mut rows = aggregate.input().execute(partition, Arc::clone(&context))?;
    while let Some(batch) = rows.try_next().await? {
        let timer = baseline.elapsed_compute().timer();
        groups.add(&batch)?;
        timer.done();
        drop(batch);
        if reservation.try_resize(groups.size()).is_err() {
            drop(reservation);
            let values = handed_over(&aggregate, groups, rows, context, &metrics)?;
            return Ok(values.inspect_ok(move |rows| baseline.record_output(rows.num_rows())).boxed());
        }
    }
    drop(rows);
    let timer = baseline.elapsed_compute().timer();
    let values = groups.into_values(&aggregate.schema())?;
    timer.done();
    reservation.resize(values.get_array_memory_size());
    let most = context.session_config().batch_size();
    let pieces = (0..values.num_rows()).step_by(most).map(move |at| {
        // It is given back with the last piece.
        let _held = &reservation;
        let piece = values.slice(at, most.min(values.num_rows() - at));
        baseline.record_output(piece.num_rows());
        Ok::<_, DataFusionError>(piece)
    });
    Ok(stream::iter(pieces).boxed())
}
