//! Searches that run before their input is read, and restrict it to the keys that they find.

use std::fmt;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::ArrayRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt, TryStreamExt};
use parking_lot::Mutex;

use super::gather::{Bounds, Gather};
use super::slot::{Outcome, Publisher};

/// When a search has found so few keys, what they make be read is less than what another search would read.
const ENOUGH: usize = 1_000;

/// One search: a query for keys.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What is searched for, for EXPLAIN.
    pub search: String,
    /// The query; its first columns are the keys, in the order of [`CandidatesExec::keys`].
    pub plan: Arc<dyn ExecutionPlan>,
    /// Once linked: the columns whose keys somebody waits for.
    searched: Arc<Vec<Searched>>,
}

#[derive(Debug)]
struct Searched {
    column: usize,
    number: usize,
    publisher: Publisher,
    /// Until the search runs.
    gather: Mutex<Option<Gather>>,
}

impl Candidate {
    /// A search that nobody waits for yet.
    pub fn new(search: String, plan: Arc<dyn ExecutionPlan>) -> Self {
        Candidate { search, plan, searched: Arc::default() }
    }

    /// The same search, whose keys are told: of each column (index, number, where to).
    pub fn linked(&self, publishers: Vec<(usize, usize, Publisher)>, bounds: Bounds) -> DfResult<Candidate> {
        let schema = self.plan.schema();
        let searched = publishers
            .into_iter()
            .map(|(column, number, publisher)| {
                // A group may have a null key, which cannot be asked for among others.
                let gather = Gather::new(schema.field(column).data_type().clone(), bounds, true)?;
                Ok(Searched { column, number, publisher, gather: Mutex::new(Some(gather)) })
            })
            .collect::<DfResult<Vec<_>>>()?;
        Ok(Candidate { searched: Arc::new(searched), ..self.clone() })
    }

    /// Runs the search until its end, or until no keys of it can be used. Gives how many keys of one column it found at
    /// least, if somebody waits for them all.
    async fn run(self, context: Arc<TaskContext>) -> DfResult<Option<usize>> {
        let mut gathers = vec![];
        for searched in self.searched.iter() {
            match searched.gather.lock().take() {
                Some(gather) => gathers.push((searched, gather)),
                // A second run may find others, and who waits has the first one's.
                None => searched.publisher.publish(Outcome::Incomplete),
            }
        }
        if gathers.is_empty() {
            return Ok(None);
        }
        let mut rows = self.plan.execute(0, context)?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            for (searched, gather) in &mut gathers {
                let values: &ArrayRef = batch.column(searched.column);
                gather.push(values)?;
            }
            if gathers.iter().all(|(_, gather)| gather.is_over()) {
                break;
            }
        }
        drop(rows);
        let mut found: Option<usize> = None;
        for (searched, gather) in gathers {
            let outcome = gather.outcome()?;
            if let Outcome::Keys(keys) = &outcome {
                found = Some(found.map_or(keys.len(), |least| least.min(keys.len())));
            }
            searched.publisher.publish(outcome);
        }
        Ok(found)
    }

    /// Lets nobody wait for the search, which is not run.
    fn skip(self) {
        for searched in self.searched.iter() {
            searched.publisher.publish(Outcome::NotSearched);
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.search)?;
        for searched in self.searched.iter() {
            write!(f, " #{}", searched.number)?;
            if let Some(outcome) = searched.publisher.published() {
                write!(f, ": {outcome}")?;
            }
        }
        Ok(())
    }
}

type Search = Shared<BoxFuture<'static, Result<(), Arc<DataFusionError>>>>;

/// Runs its searches before it reads its input, whose scans wait for the keys that they find. It changes no row: what
/// is above must leave out the groups that are not whole.
#[derive(Debug)]
pub struct CandidatesExec {
    input: Arc<dyn ExecutionPlan>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    candidates: Vec<Candidate>,
    search: OnceLock<Search>,
}

impl CandidatesExec {
    /// Searches for values of `keys`, expressions over `input`.
    pub fn new(input: Arc<dyn ExecutionPlan>, keys: Vec<Arc<dyn PhysicalExpr>>, candidates: Vec<Candidate>) -> Self {
        CandidatesExec { input, keys, candidates, search: OnceLock::new() }
    }

    /// What is read after the searches.
    pub fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }

    /// The keys, over the input.
    pub fn keys(&self) -> &[Arc<dyn PhysicalExpr>] {
        &self.keys
    }

    /// The searches.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The same with an input that waits, and the searches that it waits for.
    pub fn with_linked(&self, input: Arc<dyn ExecutionPlan>, candidates: Vec<Candidate>) -> Self {
        CandidatesExec::new(input, self.keys.clone(), candidates)
    }

    /// One search after the other, until one has found few keys; whoever reads the input drives them. Each search only
    /// makes fewer rows be read, so that any of them can be left out, and each asks every source.
    fn search(&self, context: &Arc<TaskContext>) -> Search {
        let start = || {
            let (candidates, context) = (self.candidates.clone(), Arc::clone(context));
            let searching = async move {
                let mut enough = false;
                for candidate in candidates {
                    if enough {
                        candidate.skip();
                    } else {
                        let found = candidate.run(Arc::clone(&context)).await.map_err(Arc::new)?;
                        enough = found.is_some_and(|keys| keys <= ENOUGH);
                    }
                }
                Ok(())
            };
            searching.boxed().shared()
        };
        self.search.get_or_init(start).clone()
    }
}

impl DisplayAs for CandidatesExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        let searches: Vec<String> = self.candidates.iter().map(ToString::to_string).collect();
        write!(f, "CandidatesExec: keys=[{}], searches=[{}]", keys.join(", "), searches.join(", "))
    }
}

impl ExecutionPlan for CandidatesExec {
    fn name(&self) -> &str {
        "CandidatesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        std::iter::once(&self.input).chain(self.candidates.iter().map(|candidate| &candidate.plan)).collect()
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        let mut required = vec![Distribution::SinglePartition; self.candidates.len() + 1];
        if let Some(input) = required.first_mut() {
            *input = Distribution::UnspecifiedDistribution;
        }
        required
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        let mut maintains = vec![false; self.candidates.len() + 1];
        if let Some(input) = maintains.first_mut() {
            *input = true;
        }
        maintains
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.candidates.len() + 1]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        if children.len() != self.candidates.len() + 1 {
            return internal_err!("searches and their input were given {} plans", children.len());
        }
        let plans = children.split_off(1);
        let candidates = self.candidates.iter().zip(plans).map(|(c, plan)| Candidate { plan, ..c.clone() }).collect();
        let Some(input) = children.pop() else { return internal_err!("searches without an input") };
        Ok(Arc::new(CandidatesExec::new(input, self.keys.clone(), candidates)))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        for key in &self.keys {
            if f(key)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let search = self.search(&context);
        let input = self.input.execute(partition, context)?;
        let schema = self.schema();
        let searched = async move {
            search.await.map_err(DataFusionError::Shared)?;
            Ok::<_, DataFusionError>(input)
        };
        let stream = futures::stream::once(searched).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        let mut requests = vec![ChildStats::Skip; self.candidates.len() + 1];
        if let Some(input) = requests.first_mut() {
            *input = ChildStats::At(partition);
        }
        requests
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _: &StatisticsArgs) -> DfResult<Arc<Statistics>> {
        let input = inputs.first().map_or_else(|| Statistics::new_unknown(&self.schema()), |s| s.as_ref().clone());
        Ok(Arc::new(input.to_inexact()))
    }
}
