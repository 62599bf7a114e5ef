//! A kept plan that is one scan of a table at a server: the source is asked without a plan being made.
//!
//! The rows are those of the plan. Let G be a kept plan (`generic.rs`) that is a choice of columns over a filter over a scan,
//! where each conjunct of the filter is one of the scan's own filters. With values V in it, where the source says of each
//! filter that it takes it exactly, `Generic::bound` leaves nothing above the scan but the choice of columns. That scan is
//! asked for here, with the columns that are chosen. Where a source does not take a filter exactly for these values, there
//! is nothing to ask for, and the plan is made as any other. What DataFusion and we do with physical plans changes nothing
//! about the rows of a single scan. Where few rows are expected the scan is not planned again either: `federation/again.rs`
//! says when that asks the source for the same.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Column;
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as DfResult;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, SendableRecordBatchStream, execute_stream};
use futures::StreamExt;

use super::generic::{filled, placeholders};
use crate::engine::parameters::Parameter;
use crate::federation::again::conditions;
use crate::planner::foreign::ForeignTable;
use crate::sources::scan::{BATCH_ROWS, SourceScanExec};

/// One scan.
#[derive(Debug)]
pub(in crate::engine) struct Direct {
    table: Arc<dyn TableProvider>,
    /// The columns of the table that are chosen, each once.
    projection: Vec<usize>,
    filters: Vec<Expr>,
    /// What its rows come as.
    schema: SchemaRef,
    light: bool,
    /// The scan as it was first planned: the next ones differ in their values alone.
    planned: OnceLock<Arc<dyn ExecutionPlan>>,
}

/// What a source is asked.
pub(in crate::engine) enum Asked {
    /// The same as before, with other values.
    Again(Box<SourceScanExec>),
    /// A scan that is still to be planned, with these filters.
    Anew(Vec<Expr>),
}

impl Direct {
    /// The scan that a kept plan is, which was planned as `physical` with some values; none when it is more.
    pub fn of(plan: &LogicalPlan, physical: &Arc<dyn ExecutionPlan>) -> Option<Direct> {
        let schema = &physical.schema();
        let mut chosen: Option<Vec<usize>> = None;
        let mut node = plan;
        let mut predicate = None;
        let scan = loop {
            match node {
                LogicalPlan::Projection(projection) if predicate.is_none() => {
                    let below = projection.input.schema();
                    let columns = projection.expr.iter().map(|expr| below.maybe_index_of_column(column(expr)?));
                    let columns = columns.collect::<Option<Vec<usize>>>()?;
                    chosen = Some(through(chosen, &columns)?);
                    node = projection.input.as_ref();
                }
                LogicalPlan::SubqueryAlias(alias) if predicate.is_none() => node = alias.input.as_ref(),
                LogicalPlan::Filter(filter) if predicate.is_none() => {
                    predicate = Some(&filter.predicate);
                    node = filter.input.as_ref();
                }
                LogicalPlan::TableScan(scan) => break scan,
                _ => return None,
            }
        };
        let above = predicate.map(split_conjunction).unwrap_or_default();
        if scan.fetch.is_some() || above.iter().any(|conjunct| !scan.filters.contains(conjunct)) {
            return None;
        }
        let table = source_as_provider(&scan.source).ok()?;
        // Whoever is asked for files lists them while that is planned, in a session of its own.
        let source = table.downcast_ref::<ForeignTable>()?.source();
        source.dialect()?;
        let light = source.gives_way() && is_small(physical);
        let projection = match &scan.projection {
            Some(columns) => through(chosen, columns)?,
            None => chosen.unwrap_or_else(|| (0..table.schema().fields().len()).collect()),
        };
        let distinct =
            projection.iter().enumerate().all(|(at, column)| !projection.iter().take(at).any(|c| c == column));
        let direct = Direct {
            filters: scan.filters.clone(),
            projection,
            schema: Arc::clone(schema),
            table,
            light,
            planned: OnceLock::new(),
        };
        (distinct && direct.gives(schema)).then_some(direct)
    }

    /// Whether the columns can be shown as those of a schema.
    fn gives(&self, schema: &SchemaRef) -> bool {
        let table = self.table.schema();
        let alike = |(index, wanted): (&usize, &Arc<datafusion::arrow::datatypes::Field>)| {
            table.fields().get(*index).is_some_and(|there| {
                there.data_type() == wanted.data_type() && (wanted.is_nullable() || !there.is_nullable())
            })
        };
        self.projection.len() == schema.fields().len() && self.projection.iter().zip(schema.fields()).all(alike)
    }

    /// Whether it is answered with little work: one stream of few rows, from a source that leaves the thread to others
    /// while it waits.
    pub fn is_light(&self) -> bool {
        self.light
    }

    /// What the source is asked with these values; none where it does not take every filter exactly.
    pub fn asked(&self, parameters: &[Parameter]) -> DfResult<Option<Asked>> {
        let filters = self.filters.iter().map(|filter| match placeholders(filter)? {
            0 => Ok(filter.clone()),
            _ => filled(filter.clone(), parameters),
        });
        let filters = filters.collect::<DfResult<Vec<Expr>>>()?;
        if let Some(scan) = self.again(&filters) {
            return Ok(Some(Asked::Again(Box::new(scan))));
        }
        let taken = self.table.supports_filters_pushdown(&filters.iter().collect::<Vec<_>>())?;
        let exact = taken.iter().all(|taken| *taken == TableProviderFilterPushDown::Exact);
        Ok(exact.then_some(Asked::Anew(filters)))
    }

    /// The scan that was planned before, with these filters; none where that is another one.
    fn again(&self, filters: &[Expr]) -> Option<SourceScanExec> {
        let planned = self.planned.get()?.downcast_ref::<SourceScanExec>()?;
        let table = self.table.downcast_ref::<ForeignTable>()?;
        planned.with_conditions(&conditions(table.source().dialect()?, table.spec(), filters)?)
    }

    /// Asks the source.
    pub async fn stream(
        &self,
        asked: Asked,
        session: &dyn Session,
        context: Arc<TaskContext>,
    ) -> DfResult<SendableRecordBatchStream> {
        let stream = match asked {
            Asked::Again(scan) => scan.execute(0, context)?,
            Asked::Anew(filters) => {
                let scan = self.table.scan(session, Some(&self.projection), &filters, None).await?;
                if self.light {
                    self.planned.get_or_init(|| Arc::clone(&scan));
                }
                execute_stream(scan, context)?
            }
        };
        let named = Arc::clone(&self.schema);
        let rows = stream.map(move |batch| Ok(RecordBatch::try_new(Arc::clone(&named), batch?.columns().to_vec())?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows)))
    }
}

/// Whether a plan has one stream, of which no more than a batch of rows is expected.
fn is_small(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let known = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new()).ok();
    let rows = known.and_then(|known| known.num_rows.get_value().copied());
    plan.output_partitioning().partition_count() == 1 && rows.is_none_or(|rows| rows <= BATCH_ROWS)
}

/// The columns that are chosen among those below, which are columns of what is further below.
fn through(chosen: Option<Vec<usize>>, below: &[usize]) -> Option<Vec<usize>> {
    match chosen {
        Some(chosen) => chosen.iter().map(|index| below.get(*index).copied()).collect(),
        None => Some(below.to_vec()),
    }
}

/// The column that an expression is, under whatever name.
fn column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => column(&alias.expr),
        _ => None,
    }
}
