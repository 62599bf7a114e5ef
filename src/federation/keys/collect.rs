//! The operator above a join's small side: it passes rows through and gathers their keys.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_datafusion_err};
use datafusion::error::Result as DfResult;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, RecordBatchStream, SendableRecordBatchStream,
};
use futures::{Stream, StreamExt};
use parking_lot::Mutex;

use super::gather::{Bounds, Gather};
use super::slot::{Outcome, Publisher};

/// One column of keys under way.
#[derive(Debug)]
pub struct Collected {
    expression: Arc<dyn PhysicalExpr>,
    number: usize,
    publisher: Publisher,
    progress: Mutex<Progress>,
}

/// How far gathering has come.
#[derive(Debug)]
struct Progress {
    gather: Gather,
    /// Which streams have begun.
    begun: Vec<bool>,
    /// How many streams have not been read to their end.
    left: usize,
}

impl Collected {
    /// Gathers `expression` over rows that come in `streams` streams.
    pub fn new(
        expression: Arc<dyn PhysicalExpr>,
        input: &SchemaRef,
        streams: usize,
        bounds: Bounds,
        nulls_match: bool,
        (number, publisher): (usize, Publisher),
    ) -> DfResult<Collected> {
        let gather = Gather::new(expression.data_type(input)?, bounds, nulls_match)?;
        let progress = Mutex::new(Progress { gather, begun: vec![false; streams], left: streams });
        Ok(Collected { expression, number, publisher, progress })
    }

    /// A stream is about to be read. Of rows that are read a second time the keys may be others: then none are told.
    fn begin(&self, stream: usize) {
        let mut progress = self.progress.lock();
        match progress.begun.get_mut(stream) {
            Some(begun) if !*begun => *begun = true,
            _ => self.publisher.publish(Outcome::Incomplete),
        }
    }

    fn take(&self, batch: &RecordBatch) -> DfResult<()> {
        let mut progress = self.progress.lock();
        if progress.gather.is_over() {
            return Ok(());
        }
        let values = self.expression.evaluate(batch)?.into_array(batch.num_rows())?;
        progress.gather.push(&values)?;
        if progress.gather.is_over() && self.publisher.published().is_none() {
            // Those that wait need not wait for the end.
            self.publisher.publish(progress.gather.outcome()?);
        }
        Ok(())
    }

    fn end(&self) -> DfResult<()> {
        let mut progress = self.progress.lock();
        progress.left = progress.left.saturating_sub(1);
        if progress.left == 0 && self.publisher.published().is_none() {
            self.publisher.publish(progress.gather.outcome()?);
        }
        Ok(())
    }

    /// A stream was given up before its end.
    fn abandon(&self) {
        let _progress = self.progress.lock();
        if self.publisher.published().is_none() {
            self.publisher.publish(Outcome::Incomplete);
        }
    }
}

impl fmt::Display for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}", self.number, self.expression)?;
        match self.publisher.published() {
            Some(outcome) => write!(f, ": {outcome}"),
            None => Ok(()),
        }
    }
}

/// Passes rows through and publishes the distinct keys among them when all are through.
#[derive(Debug)]
pub struct KeyCollectExec {
    input: Arc<dyn ExecutionPlan>,
    collected: Arc<Vec<Collected>>,
}

impl KeyCollectExec {
    /// Gathers `collected` of the rows of `input`.
    pub fn new(input: Arc<dyn ExecutionPlan>, collected: Vec<Collected>) -> Self {
        KeyCollectExec { input, collected: Arc::new(collected) }
    }

    /// Whose rows pass through.
    pub fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }
}

impl DisplayAs for KeyCollectExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.collected.iter().map(ToString::to_string).collect();
        write!(f, "KeyCollectExec: keys=[{}]", keys.join(", "))
    }
}

impl ExecutionPlan for KeyCollectExec {
    fn name(&self) -> &str {
        "KeyCollectExec"
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
        let input = children.pop().ok_or_else(|| internal_datafusion_err!("keys are gathered of one input"))?;
        Ok(Arc::new(KeyCollectExec { input, collected: Arc::clone(&self.collected) }))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        for collected in self.collected.iter() {
            if f(&collected.expression)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        for collected in self.collected.iter() {
            collected.begin(partition);
        }
        // From here on the stream tells when it is given up.
        let mut stream = CollectStream { input: None, collected: Arc::clone(&self.collected), schema: self.schema() };
        match self.input.execute(partition, context) {
            Ok(input) => stream.input = Some(input),
            Err(error) => {
                stream.give_up();
                return Err(error);
            }
        }
        Ok(Box::pin(stream))
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

struct CollectStream {
    /// Until its end.
    input: Option<SendableRecordBatchStream>,
    collected: Arc<Vec<Collected>>,
    schema: SchemaRef,
}

impl CollectStream {
    fn give_up(&mut self) {
        self.input = None;
        for collected in self.collected.iter() {
            collected.abandon();
        }
    }
}

impl Stream for CollectStream {
    type Item = DfResult<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(input) = &mut self.input else { return Poll::Ready(None) };
        let next = std::task::ready!(input.poll_next_unpin(context));
        let done = match &next {
            Some(Ok(batch)) => self.collected.iter().try_for_each(|collected| collected.take(batch)),
            Some(Err(_)) => {
                self.give_up();
                Ok(())
            }
            None => {
                self.input = None;
                self.collected.iter().try_for_each(Collected::end)
            }
        };
        Poll::Ready(match done {
            Ok(()) => next,
            Err(error) => {
                self.give_up();
                Some(Err(error))
            }
        })
    }
}

impl Drop for CollectStream {
    fn drop(&mut self) {
        if self.input.is_some() {
            self.give_up();
        }
    }
}

impl RecordBatchStream for CollectStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
