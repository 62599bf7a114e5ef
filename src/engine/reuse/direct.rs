//! A kept plan that is one scan of a table at a server: the source is asked without a plan being made.
//!
//! The rows are those of the plan. Let G be a kept plan (`generic.rs`) that is a choice of columns over a filter over a scan,
//! where each conjunct of the filter is one of the scan's own filters. With values V in it, where the source says of each
//! filter that it takes it exactly, `Generic::bound` leaves nothing above the scan but the choice of columns. That scan is
//! asked for here, with the columns that are chosen. Where a source does not take a filter exactly for these values, there
//! is nothing to ask for, and the plan is made as any other. What DataFusion and we do with physical plans changes nothing
//! about the rows of a single scan.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Column;
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as DfResult;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use futures::StreamExt;

use super::generic::{filled, placeholders};
use crate::engine::parameters::Parameter;
use crate::planner::foreign::ForeignTable;

/// One scan.
#[derive(Debug)]
pub(in crate::engine) struct Direct {
    table: Arc<dyn TableProvider>,
    /// The columns of the table that are chosen, each once.
    projection: Vec<usize>,
    filters: Vec<Expr>,
    /// What its rows come as.
    schema: SchemaRef,
}

impl Direct {
    /// The scan that a kept plan is, whose rows came with this schema when it was planned; none when it is more.
    pub fn of(plan: &LogicalPlan, schema: &SchemaRef) -> Option<Direct> {
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
        table.downcast_ref::<ForeignTable>()?.source().dialect()?;
        let projection = match &scan.projection {
            Some(columns) => through(chosen, columns)?,
            None => chosen.unwrap_or_else(|| (0..table.schema().fields().len()).collect()),
        };
        let distinct =
            projection.iter().enumerate().all(|(at, column)| !projection.iter().take(at).any(|c| c == column));
        let direct = Direct { filters: scan.filters.clone(), projection, schema: Arc::clone(schema), table };
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

    /// Asks the source; none where it does not take every filter exactly with these values.
    pub async fn stream(
        &self,
        parameters: &[Parameter],
        session: &dyn Session,
        context: Arc<TaskContext>,
    ) -> DfResult<Option<SendableRecordBatchStream>> {
        let filters = self.filters.iter().map(|filter| match placeholders(filter)? {
            0 => Ok(filter.clone()),
            _ => filled(filter.clone(), parameters),
        });
        let filters = filters.collect::<DfResult<Vec<Expr>>>()?;
        let taken = self.table.supports_filters_pushdown(&filters.iter().collect::<Vec<_>>())?;
        if taken.iter().any(|taken| *taken != TableProviderFilterPushDown::Exact) {
            return Ok(None);
        }
        let scan = self.table.scan(session, Some(&self.projection), &filters, None).await?;
        let stream = execute_stream(scan, context)?;
        let named = Arc::clone(&self.schema);
        let rows = stream.map(move |batch| Ok(RecordBatch::try_new(Arc::clone(&named), batch?.columns().to_vec())?));
        Ok(Some(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))))
    }
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
