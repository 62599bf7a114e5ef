//! The columns that COPY .. FROM does not fill: their defaults, or nulls.

use datafusion::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use datafusion::common::tree_node::TreeNode;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;

use super::target::CopyIn;
use crate::catalog::definitions::{ColumnDef, LocalTableDef};
use crate::ddl::script;
use crate::ddl::statement::{Statement, StatementKind};
use crate::engine::run::collect;
use crate::engine::{access, planning, write};
use crate::error::{Error, Result};
use crate::planner::{bounds, forms};

/// The columns that are left out.
pub(super) struct Omitted {
    /// Those without a default, which are null: indexes of the table's columns.
    nulls: Vec<usize>,
    /// Those with one.
    defaults: Vec<usize>,
    /// The defaults of the first row.
    first: Option<RecordBatch>,
    /// Whether other rows may have others.
    volatile: bool,
}

impl Omitted {
    /// Finds them, and computes the first row's defaults.
    pub async fn find(state: &SessionState, into: &CopyIn) -> Result<Omitted> {
        let left: Vec<usize> = (0..into.table.columns.len()).filter(|index| !into.columns.contains(index)).collect();
        let has_default = |index: &usize| into.table.columns.get(*index).is_some_and(|c| c.default.is_some());
        let (defaults, nulls): (Vec<usize>, Vec<usize>) = left.into_iter().partition(has_default);
        let mut omitted = Omitted { nulls, defaults, first: None, volatile: false };
        if !omitted.defaults.is_empty() {
            let filled = omitted.defaults.iter().filter_map(|index| into.table.columns.get(*index));
            access::check_defaults(state, filled).await?;
            let (plan, batch) = omitted.compute(state, into, 1).await?;
            let volatile = |node: &LogicalPlan| Ok(node.expressions().iter().any(Expr::is_volatile));
            omitted.volatile = plan.exists(volatile)?;
            omitted.first = Some(batch);
        }
        Ok(omitted)
    }

    /// Whether the columns may differ from row to row.
    pub fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// Whether a column has a value that is null in every row.
    pub fn is_null(&self, column: usize) -> bool {
        self.nulls.contains(&column) || (!self.volatile && self.value(column).is_ok_and(|value| value.is_null()))
    }

    /// A column's value in the first row.
    pub fn value(&self, column: usize) -> Result<ScalarValue> {
        let at = self.defaults.iter().position(|index| *index == column);
        match (at, &self.first) {
            (Some(at), Some(first)) => Ok(ScalarValue::try_from_array(first.column(at), 0)?),
            _ => Ok(ScalarValue::Null),
        }
    }

    /// The columns of so many rows, each with its index in the table.
    pub async fn arrays(&self, state: &SessionState, into: &CopyIn, rows: usize) -> Result<Vec<(usize, ArrayRef)>> {
        let schema = write::schema(&into.table);
        let mut arrays = Vec::with_capacity(self.nulls.len() + self.defaults.len());
        for index in &self.nulls {
            arrays.push((*index, new_null_array(schema.field(*index).data_type(), rows)));
        }
        if self.volatile {
            let (_, batch) = self.compute(state, into, rows).await?;
            arrays.extend(self.defaults.iter().copied().zip(batch.columns().iter().cloned()));
        } else if let Some(first) = &self.first {
            for (index, column) in self.defaults.iter().zip(first.columns()) {
                arrays.push((*index, ScalarValue::try_from_array(column, 0)?.to_array_of_size(rows)?));
            }
        }
        Ok(arrays)
    }

    /// The defaults of so many rows.
    async fn compute(&self, state: &SessionState, into: &CopyIn, rows: usize) -> Result<(LogicalPlan, RecordBatch)> {
        let columns = self.defaults.iter().filter_map(|index| into.table.columns.get(*index));
        let columns: Vec<ColumnDef> = columns.cloned().collect();
        let items: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(at, c)| format!("CAST(({}) AS {}) AS d{at}", c.default.as_deref().unwrap_or("NULL"), c.pg_type))
            .collect();
        let text = format!("SELECT {} FROM generate_series(1, {rows})", items.join(", "));
        let Some(Statement { kind: StatementKind::Plan(mut parsed), text, .. }) = script::parse(&text)?.pop() else {
            return Err(Error::internal("the defaults of a table did not parse"));
        };
        forms::rewrite(&mut parsed)?;
        let plan = planning::to_plan(state, *parsed, &text).await.map_err(|e| Error::from(e).with_position(None))?;
        bounds::check(&plan)?;
        let computed = collect(state, &plan).await?;
        let table = LocalTableDef { columns, primary_key: vec![], unique_keys: vec![] };
        Ok((plan, write::conform(&computed, &table)?))
    }
}
