//! The operator of physical plans: it passes rows through, and no rule for physical plans passes it.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::TryStreamExt;

use crate::error::{Error, SqlState};

/// Gives the rows of its input. It does keep their order, and says that it does not: a sort would be moved below, and
/// evaluate the reader's expressions there. Filters that are found at run time, projections and limits stay above it, as
/// they do with every operator that does not say otherwise.
#[derive(Debug)]
pub struct BarrierExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl BarrierExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let unordered = EquivalenceProperties::new(input.schema());
        let properties = input.properties().as_ref().clone().with_eq_properties(unordered);
        BarrierExec { input, properties: Arc::new(properties) }
    }
}

impl DisplayAs for BarrierExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecurityBarrierExec")
    }
}

/// An error about what rows hold, without what that is: the row may be one that the reader does not see, or the value one
/// that is masked. Why a source could not be reached, or was given up, is told as it is.
fn without_values(error: DataFusionError) -> DataFusionError {
    let error = Error::from(error);
    let state = error.state();
    let is_of_values =
        (state.0.starts_with("22") && state != SqlState::DIVISION_BY_ZERO) || state == SqlState::FDW_INVALID_DATA_TYPE;
    if !is_of_values {
        return error.into();
    }
    Error::new(state, "a value behind a policy, a mask or a security barrier could not be read")
        .with_detail("It is not shown, as it may be one that is hidden.")
        .with_hint("Whoever reads the relations beneath as they are is told which it is.")
        .into()
}

impl ExecutionPlan for BarrierExec {
    fn name(&self) -> &str {
        "SecurityBarrierExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
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
            Some(input) => Ok(Arc::new(BarrierExec::new(input))),
            None => internal_err!("a barrier has one input"),
        }
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, context)?.map_err(without_values);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    /// How many rows there are about; nothing is to be answered from that, nor from the columns' extremes.
    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _: &StatisticsArgs) -> DfResult<Arc<Statistics>> {
        let mut known = Statistics::new_unknown(&self.schema());
        if let Some(input) = inputs.first() {
            known.num_rows = input.num_rows.to_inexact();
        }
        Ok(Arc::new(known))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}
