//! Groups that memory has no room for: DataFusion's grouping goes on with them, which writes to disk.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::internal_datafusion_err;
use datafusion::error::Result as DfResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode, AggregateMode};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, stream};

use super::groups::Groups;

/// The schema of the states that the first of two steps of a grouping would give.
fn state_schema(aggregate: &AggregateExec) -> DfResult<SchemaRef> {
    if aggregate.mode().input_mode() == AggregateInputMode::Partial {
        return Ok(aggregate.input().schema());
    }
    let first = AggregateExec::try_new(
        AggregateMode::Partial,
        aggregate.group_expr().clone(),
        aggregate.aggr_expr().to_vec(),
        aggregate.filter_expr().to_vec(),
        Arc::clone(aggregate.input()),
        aggregate.input_schema(),
    )?;
    Ok(first.schema())
}

/// The values of what is grouped already and of the rows that are left. What is known of the spilling is added to
/// `metrics`.
pub(super) fn handed_over(
    aggregate: &AggregateExec,
    mut groups: Groups,
    rows: SendableRecordBatchStream,
    context: Arc<TaskContext>,
    metrics: &ExecutionPlanMetricsSet,
) -> DfResult<SendableRecordBatchStream> {
    let schema = state_schema(aggregate)?;
    let most = context.session_config().batch_size();
    let begun = groups.take_states(&schema)?;
    let pieces =
        (0..begun.num_rows()).step_by(most).map(move |at| Ok(begun.slice(at, most.min(begun.num_rows() - at))));
    let of_rows = Arc::clone(&schema);
    let states = rows.map(move |rows| if groups.merges() { rows } else { groups.as_states(&rows?, &of_rows) });
    let states = RecordBatchStreamAdapter::new(Arc::clone(&schema), stream::iter(pieces).chain(states));
    let states = States { schema: Arc::clone(&schema), stream: Mutex::new(Some(Box::pin(states))) };
    let input = StreamingTableExec::try_new(schema, vec![Arc::new(states)], None, [], false, None)?;
    let keys = match aggregate.mode().input_mode() {
        AggregateInputMode::Raw => aggregate.group_expr().as_final(),
        AggregateInputMode::Partial => aggregate.group_expr().clone(),
    };
    let last = AggregateExec::try_new(
        AggregateMode::Final,
        keys,
        aggregate.aggr_expr().to_vec(),
        vec![None; aggregate.aggr_expr().len()],
        Arc::new(input),
        aggregate.input_schema(),
    )?;
    let values = last.execute(0, context)?;
    for metric in last.metrics().iter().flat_map(|metrics| metrics.iter()) {
        if metric.value().name().starts_with("spill") {
            metrics.register(Arc::clone(metric));
        }
    }
    Ok(values)
}

/// States of groups, to be read once.
struct States {
    schema: SchemaRef,
    stream: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States").finish_non_exhaustive()
    }
}

impl PartitionStream for States {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        stream.unwrap_or_else(|| {
            let error = Err(internal_datafusion_err!("the states of groups are read twice"));
            Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream::iter([error])))
        })
    }
}
