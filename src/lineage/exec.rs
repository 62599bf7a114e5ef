//! The operator of lineage: it takes its rows in, groups them as the view does, and then tells of one group after the
//! other.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::interleave_record_batch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as DfResult;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::aggregates::group_values::new_group_values;
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
    SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};

use super::guards::Judge;
use super::held::Held;
use super::node::{Gives, Layout, Shown};
use super::output::Maker;
use super::rank::Slice;
use crate::error::Error;
use crate::values::Zone;

/// How many rows of the input are told of at once, about, and of how many candidates: a view may merge many columns.
const ROWS: usize = 4096;
const CANDIDATES: usize = 1 << 16;
/// At least so many rows: what is prepared for each piece is worth no fewer.
const LEAST: usize = 32;

/// How many rows are told of at once where each is a candidate of so many cells.
fn rows_at_once(cells: usize) -> usize {
    (CANDIDATES / cells.max(1)).clamp(LEAST, ROWS)
}

/// Groups rows by their keys and tells how each group's merged cells came about.
#[derive(Debug)]
pub struct LineageExec {
    input: Arc<dyn ExecutionPlan>,
    layout: Arc<Layout>,
    gives: Gives,
    view: String,
    functions: Arc<Vec<AggregateFunctionExpr>>,
    judge: Arc<Judge>,
    properties: Arc<PlanProperties>,
}

impl LineageExec {
    /// Tells of the rows of `input`, whose columns are as `layout` says; `functions` are those of its cells, `judge`
    /// asks its guards, and `schema` is what the node gives.
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        layout: Arc<Layout>,
        gives: Gives,
        view: String,
        functions: Arc<Vec<AggregateFunctionExpr>>,
        judge: Arc<Judge>,
        schema: SchemaRef,
    ) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        LineageExec { input, layout, gives, view, functions, judge, properties: Arc::new(properties) }
    }

    /// The column of the input that a column of the output is, if it is a key.
    pub fn key(&self, column: usize) -> Option<usize> {
        self.layout.shown.get(column).copied()
    }

    /// How many columns of the output are keys; they come first.
    pub fn key_count(&self) -> usize {
        self.layout.shown.len()
    }

    fn keys(&self) -> Vec<Arc<dyn PhysicalExpr>> {
        let schema = self.input.schema();
        let fields = schema.fields().iter().take(self.layout.keys).enumerate();
        fields.map(|(at, field)| Arc::new(Column::new(field.name(), at)) as Arc<dyn PhysicalExpr>).collect()
    }
}

impl DisplayAs for LineageExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Shown { layout: &self.layout, view: &self.view })
    }
}

impl ExecutionPlan for LineageExec {
    fn name(&self) -> &str {
        "LineageExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![match self.keys() {
            keys if keys.is_empty() => Distribution::SinglePartition,
            keys => Distribution::KeyPartitioned(keys),
        }]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let (Some(input), true) = (children.pop(), children.is_empty()) else {
            return internal_err!("lineage has one input");
        };
        Ok(Arc::new(LineageExec::new(
            input,
            Arc::clone(&self.layout),
            self.gives,
            self.view.clone(),
            Arc::clone(&self.functions),
            Arc::clone(&self.judge),
            self.schema(),
        )))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        for key in self.keys() {
            if f(&key)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let mut input = self.input.execute(partition, Arc::clone(&context))?;
        let memory = MemoryConsumer::new("Lineage").register(context.memory_pool());
        let options = context.session_config().options();
        let zone = options.execution.time_zone.as_deref().and_then(Zone::parse).unwrap_or(Zone::UTC);
        let maker = Maker {
            layout: Arc::clone(&self.layout),
            gives: self.gives,
            functions: Arc::clone(&self.functions),
            judge: Arc::clone(&self.judge),
            schema: self.schema(),
            zone,
        };
        let batch_size = context.session_config().batch_size().max(1);
        let told = async move {
            let mut batches = vec![];
            let mut held = Held::default();
            while let Some(batch) = input.next().await {
                let batch = batch?;
                if batch.num_rows() > 0 {
                    memory.try_grow(held.add(&batch) + batch.num_rows() * size_of::<(usize, usize)>() * 2)?;
                    batches.push(batch);
                }
            }
            drop(input);
            let groups = Groups::of(batches, held.bytes, maker, memory, batch_size)?;
            Ok::<_, datafusion::error::DataFusionError>(futures::stream::iter(groups))
        };
        let stream = futures::stream::once(told).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream)))
    }
}

/// The rows in order of their groups; an iterator over what is told of them.
struct Groups {
    batches: Vec<RecordBatch>,
    /// Rows by (batch, row), those of a group next to each other.
    rows: Vec<(usize, usize)>,
    /// Where each group begins in `rows`, and the number of rows.
    starts: Vec<usize>,
    /// The groups' keys that are shown.
    keys: Vec<ArrayRef>,
    /// The next group.
    next: usize,
    /// What was made and is not given yet.
    made: Option<(RecordBatch, usize)>,
    maker: Maker,
    batch_size: usize,
    /// Held until all is told.
    memory: MemoryReservation,
    /// The bytes of it that are held for what is being told.
    held: usize,
    /// The bytes of a row, on the average.
    row_bytes: usize,
}

impl Groups {
    /// The groups of batches that hold so many bytes.
    fn of(
        batches: Vec<RecordBatch>,
        bytes: usize,
        maker: Maker,
        memory: MemoryReservation,
        batch_size: usize,
    ) -> DfResult<Groups> {
        let layout = Arc::clone(&maker.layout);
        let total: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let mut of_row: Vec<usize> = Vec::with_capacity(total);
        let mut keys: Vec<ArrayRef> = vec![];
        let mut count = usize::from(total > 0);
        if let Some(first) = batches.first()
            && layout.keys > 0
        {
            let fields: Vec<_> = first.schema().fields().iter().take(layout.keys).cloned().collect();
            let mut values = new_group_values(Arc::new(Schema::new(fields)), &GroupOrdering::None)?;
            let mut groups = vec![];
            for batch in &batches {
                let known = values.size();
                values.intern(batch.columns().get(..layout.keys).unwrap_or_default(), &mut groups)?;
                memory.try_grow(values.size().saturating_sub(known))?;
                of_row.extend_from_slice(&groups);
            }
            count = values.len();
            let all = values.emit(EmitTo::All)?;
            keys = layout.shown.iter().filter_map(|at| all.get(*at).cloned()).collect();
        } else {
            of_row.resize(total, 0);
        }
        // Sorted by counting: rows keep their order within a group.
        let mut starts = vec![0; count + 1];
        for group in &of_row {
            if let Some(size) = starts.get_mut(group + 1) {
                *size += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut free = starts.clone();
        let mut rows = vec![(0, 0); total];
        let places = batches.iter().enumerate().flat_map(|(at, batch)| (0..batch.num_rows()).map(move |row| (at, row)));
        for (place, group) in places.zip(&of_row) {
            let Some(at) = free.get_mut(*group) else {
                return Err(Error::internal(format!("lineage has no group {group}")).into());
            };
            if let Some(row) = rows.get_mut(*at) {
                *row = place;
            }
            *at += 1;
        }
        let row_bytes = bytes / total.max(1);
        Ok(Groups { batches, rows, starts, keys, next: 0, made: None, maker, batch_size, memory, held: 0, row_bytes })
    }

    /// The next groups, about [`rows_at_once`] of them by their rows; none at the end.
    fn advance(&mut self) -> DfResult<Option<RecordBatch>> {
        let first = self.next;
        let Some(from) = self.starts.get(first).copied().filter(|from| *from < self.rows.len()) else {
            return Ok(None);
        };
        let mut last = first + 1;
        let most = rows_at_once(self.maker.layout.cells.len());
        while self.starts.get(last + 1).is_some_and(|to| to - from <= most) {
            last += 1;
        }
        self.next = last;
        let to = self.starts.get(last).copied().unwrap_or(self.rows.len());
        // A group may have all rows.
        self.memory.shrink(std::mem::take(&mut self.held));
        let bytes = (to - from).saturating_mul(self.row_bytes).saturating_add(self.maker.bytes(to - from));
        self.memory.try_grow(bytes)?;
        self.held = bytes;
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let rows = interleave_record_batch(&batches, self.rows.get(from..to).unwrap_or_default())?;
        let starts: Vec<usize> = self.starts.get(first..=last).unwrap_or_default().iter().map(|at| at - from).collect();
        let mut groups = Vec::with_capacity(to - from);
        for (group, bounds) in starts.windows(2).enumerate() {
            if let [from, to] = bounds {
                groups.resize(groups.len() + (to - from), group);
            }
        }
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| key.slice(first, last - first)).collect();
        let slice = Slice { columns: rows.columns().to_vec(), starts, groups };
        self.maker.make(&slice, &keys).map(Some)
    }
}

impl Iterator for Groups {
    type Item = DfResult<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((made, from)) = self.made.take()
                && from < made.num_rows()
            {
                let length = self.batch_size.min(made.num_rows() - from);
                let piece = made.slice(from, length);
                self.made = Some((made, from + length));
                return Some(Ok(piece));
            }
            match self.advance() {
                Ok(Some(made)) => self.made = Some((made, 0)),
                Ok(None) => return None,
                Err(error) => {
                    // Nothing comes after an error.
                    self.next = self.starts.len();
                    return Some(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_views_are_told_of_in_smaller_pieces() {
        assert_eq!([0, 1, 12, 16].map(rows_at_once), [ROWS; 4]);
        assert_eq!(rows_at_once(1000), 65);
        assert_eq!(rows_at_once(100_000), LEAST);
    }
}
