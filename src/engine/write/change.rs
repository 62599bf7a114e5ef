//! UPDATE and DELETE: which rows a statement finds, what becomes of them, and the table's rows after it.
//!
//! Every row of the table has a number while that is found out. What is looked for is evaluated once a row, for the rows
//! that policies let the role touch and for no other; what is set is evaluated once for each row that was found. So
//! nothing that answers otherwise the second time can make two halves of a statement disagree.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt64Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Ident};

use super::rows::{check_keys, check_nulls, conform};
use super::secured::without_detail;
use super::statement::{filled, folded, place, refuse_several_rows, unqualified};
use crate::audit::Touched;
use crate::catalog::definitions::{ColumnDef, LocalTableDef, RelationName, quote_identifier, quoted};
use crate::catalog::store::RowChange;
use crate::catalog::types::PgType;
use crate::ddl::statement::Statement;
use crate::engine::run::{bind, collect};
use crate::engine::session::Session;
use crate::engine::snapshot::Snapshot;
use crate::engine::{access, planning};
use crate::error::{Error, Result};
use crate::planner::local::LocalTable;
use crate::planner::secured::ROWS;
use crate::planner::{bounds, cast_pairs, forms};

/// The column that holds a row's number.
pub(super) const NUMBER: &str = "\u{1}number";

/// What a column is set to.
pub(super) enum Value {
    /// DEFAULT: the column's, as SQL.
    Default(String),
    /// As the statement has it.
    Written(Box<SqlExpr>),
}

/// What an UPDATE or DELETE says.
pub(super) struct Change {
    pub relation: RelationName,
    pub table: LocalTableDef,
    /// What the rows go by in it.
    rows: Ident,
    /// WHERE, then what is set, as parsed.
    expressions: Vec<SqlExpr>,
    has_condition: bool,
    /// What columns are set to, as SQL with places for expressions; none for DELETE.
    set: Option<HashMap<String, String>>,
    /// The columns that are set to their defaults.
    defaulted: Vec<String>,
}

impl Change {
    /// A change of this table, whose rows go by `rows`.
    pub fn new(
        relation: RelationName,
        table: LocalTableDef,
        rows: Ident,
        wanted: Option<SqlExpr>,
        set: Option<Vec<(String, Value)>>,
    ) -> Change {
        let has_condition = wanted.is_some();
        let mut expressions: Vec<SqlExpr> = wanted.into_iter().collect();
        let is_default = |(_, value): &&(String, Value)| matches!(value, Value::Default(_));
        let defaulted = set.iter().flatten().filter(is_default).map(|(column, _)| column.clone()).collect();
        let set = set.map(|set| {
            let mut items = HashMap::new();
            for (column, value) in set {
                let value = match value {
                    Value::Default(sql) => format!("({sql}\n)"),
                    Value::Written(expr) => {
                        expressions.push(*expr);
                        place(expressions.len() - 1)
                    }
                };
                let kind = table.columns.iter().find(|c| c.name == column).map_or("text", |c| c.pg_type.as_str());
                items.insert(column, format!("CAST({value} AS {kind})"));
            }
            items
        });
        if folded(&rows) == relation.name {
            expressions = expressions.into_iter().map(|expr| unqualified(expr, &relation)).collect();
        }
        Change { relation, table, rows, expressions, has_condition, set, defaulted }
    }

    /// The columns that are set to their defaults.
    fn defaulted(&self) -> impl Iterator<Item = &ColumnDef> {
        self.table.columns.iter().filter(|column| self.defaulted.contains(&column.name))
    }

    /// Whether it is an UPDATE.
    pub fn updates(&self) -> bool {
        self.set.is_some()
    }

    /// `update` or `delete`.
    pub fn verb(&self) -> &'static str {
        if self.updates() { "update" } else { "delete" }
    }

    /// A query over the rows, with the expressions in their places.
    async fn plan(
        &self,
        state: &SessionState,
        items: &str,
        wanted: bool,
        statement: &Statement,
    ) -> Result<LogicalPlan> {
        let condition = if wanted && self.has_condition { format!(" WHERE {}", place(0)) } else { String::new() };
        let rows = quoted(&folded(&self.rows));
        let text = format!("SELECT {items} FROM {} AS {rows}{condition}", quoted(ROWS));
        let mut parsed = filled(&text, &self.expressions)?;
        forms::rewrite(&mut parsed)?;
        // Positions would count in the text above, so they are left out.
        let plan = planning::to_plan(state, parsed, &statement.text).await;
        plan.map_err(|error| Error::from(error).with_position(None))
    }

    /// The error of a value that is none of a column's, where it says that there is no cast: it is ours, and not one that
    /// the statement has written.
    fn of_column(&self, error: Error) -> Error {
        let Some(types) = error.message().strip_prefix("cannot cast type ").filter(|_| error.state().0 == "42846")
        else {
            return error;
        };
        let Some((from, to)) = types.rsplit_once(" to ") else { return error };
        let is_set = |column: &&ColumnDef| {
            self.set.as_ref().is_some_and(|set| set.contains_key(&column.name))
                && PgType::parse(&column.pg_type).is_some_and(|kind| kind.base_name() == to)
        };
        match self.table.columns.iter().find(is_set) {
            Some(column) => cast_pairs::not_of_type(&column.name, from, to),
            None => error,
        }
    }

    /// What the statement itself has written: what it looks for, and what it sets.
    pub async fn reads(&self, state: &SessionState, statement: &Statement) -> Result<Vec<LogicalPlan>> {
        let items = |from: usize| {
            let places = (from..self.expressions.len()).map(|number| format!("{} AS c{number}", place(number)));
            places.collect::<Vec<_>>().join(", ")
        };
        let mut plans = vec![];
        if self.has_condition {
            let found = self.plan(state, "1 AS found", true, statement).await?;
            refuse_several_rows(&found, "WHERE")?;
            plans.push(found);
        }
        let set = items(usize::from(self.has_condition));
        if !set.is_empty() {
            let set = self.plan(state, &set, false, statement).await?;
            refuse_several_rows(&set, "UPDATE")?;
            plans.push(set);
        }
        Ok(plans)
    }

    /// The columns that are written, for the record of what was done.
    fn written(&self) -> Vec<String> {
        match &self.set {
            Some(_) => self.table.columns.iter().map(|column| column.name.clone()).collect(),
            None => vec![],
        }
    }
}

impl Session {
    /// Carries a change out; gives how many rows it found.
    pub(super) async fn change_rows(
        &self,
        state: &SessionState,
        change: &Change,
        statement: &Statement,
        parameters: &[ScalarValue],
    ) -> Result<i64> {
        let catalog = self.catalog();
        let there = catalog.rows.read(&self.engine.store, &change.relation)?;
        let all = numbered(&conform(&there, &change.table)?)?;
        let guarded = match self.secured_relation(&change.relation) {
            Some(relation) => Some(Box::pin(self.guard_change(state, relation, change, &all, statement)).await?),
            None => None,
        };
        let own = self.state_over(state, rows_of(&change.relation, &all)?);
        let reads = change.reads(&own, statement).await?;
        if guarded.is_none() {
            self.check_change_reads(&reads, &change.relation)?;
        }
        access::check_defaults(&own, change.defaulted()).await?;
        self.before(|names| {
            let policies = guarded.iter().map(|guarded| &guarded.policies);
            let read = reads.iter().chain(policies).map(|plan| Touched::by_plan(plan, names));
            let target = Touched::default().writing(&change.relation, change.verb(), change.written());
            let touched = read.fold(target, |all, one| one.with(all));
            match &guarded {
                Some(guarded) => touched.behind(&change.relation, &guarded.names),
                None => touched,
            }
        })
        .await?;

        let visible = match &guarded {
            Some(guarded) => Box::pin(self.visible(state, guarded, &all)).await?,
            None => all.clone(),
        };
        let own = self.state_over(state, rows_of(&change.relation, &visible)?);
        let number = quoted(NUMBER);
        let found = change.plan(&own, &number, true, statement).await?;
        let found = numbers(&self.collected(&own, found, parameters).await?)?;
        let touched = take_rows(&all, &found)?;
        if found.is_empty() {
            return Ok(0);
        }
        let rows = match &change.set {
            None => without(&all, &found)?,
            Some(set) => {
                let own = self.state_over(state, rows_of(&change.relation, &touched)?);
                let items = change.table.columns.iter().map(|column| {
                    let name = quote_identifier(&column.name);
                    let value = set.get(&column.name).unwrap_or(&name);
                    format!("{value} AS {name}")
                });
                let items = std::iter::once(number).chain(items).collect::<Vec<_>>().join(", ");
                let new = change.plan(&own, &items, false, statement).await.map_err(|e| change.of_column(e))?;
                let new = self.collected(&own, new, parameters).await?;
                let order = numbers(&new)?;
                if order != found {
                    return Err(Error::unsupported("set-returning functions are not allowed in UPDATE"));
                }
                let new = in_order(&new, &change.table)?;
                if let Some(guarded) = &guarded {
                    self.check_rows(state, &guarded.relation, &change.table, &new, &guarded.checks).await?;
                }
                replaced(&all, &found, &new)?
            }
        };
        check_nulls(&rows, &change.relation, &change.table)?;
        check_keys(std::iter::once(&rows), &change.relation, &change.table).map_err(|error| {
            if self.hides_keys(&change.relation, &change.table) { without_detail(error) } else { error }
        })?;
        self.commit_change(
            catalog.definitions.as_ref().clone(),
            &[(change.relation.clone(), RowChange::Replace(std::slice::from_ref(&rows)))],
        )?;
        Ok(i64::try_from(found.len()).unwrap_or(i64::MAX))
    }

    async fn collected(
        &self,
        state: &SessionState,
        plan: LogicalPlan,
        parameters: &[ScalarValue],
    ) -> Result<Vec<RecordBatch>> {
        bounds::check(&plan)?;
        collect(state, &bind(plan, parameters.to_vec())?).await
    }

    /// The session's state in which the name of a statement's rows means `rows`.
    pub(super) fn state_over(&self, state: &SessionState, rows: Arc<dyn TableProvider>) -> SessionState {
        let mut own = state.clone();
        let snapshot = Snapshot { rows: Some(rows), ..Snapshot::new(Arc::clone(&self.engine), self.catalog()) };
        self.engine.pin_to(&mut own, snapshot, &self.scope());
        own
    }
}

/// Rows as a table of this name.
pub(super) fn rows_of(relation: &RelationName, rows: &RecordBatch) -> Result<Arc<dyn TableProvider>> {
    let memory = MemTable::try_new(rows.schema(), vec![vec![rows.clone()]])?;
    Ok(Arc::new(LocalTable::new(relation.clone(), memory)))
}

/// The rows with their numbers as the last column.
fn numbered(rows: &RecordBatch) -> Result<RecordBatch> {
    let count = i64::try_from(rows.num_rows()).unwrap_or(i64::MAX);
    let mut fields: Vec<_> = rows.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(NUMBER, DataType::Int64, false)));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(Int64Array::from_iter_values(0..count)) as ArrayRef);
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The numbers in the first column, in order. A number that stands twice is a row that was made into several.
pub(super) fn numbers(batches: &[RecordBatch]) -> Result<Vec<u64>> {
    let mut found = vec![];
    for batch in batches {
        let Some(numbers) = batch.columns().first().and_then(|column| column.as_primitive_opt::<Int64Type>()) else {
            return Err(Error::internal("rows came without their numbers"));
        };
        found.extend(numbers.values().iter().filter_map(|number| u64::try_from(*number).ok()));
    }
    found.sort_unstable();
    if found.is_sorted_by(|one, next| one < next) {
        Ok(found)
    } else {
        Err(Error::unsupported("set-returning functions are not allowed in WHERE"))
    }
}

/// The rows with these numbers.
pub(super) fn take_rows(all: &RecordBatch, numbers: &[u64]) -> Result<RecordBatch> {
    Ok(take_record_batch(all, &UInt64Array::from(numbers.to_vec()))?)
}

fn plain(rows: &RecordBatch) -> Result<RecordBatch> {
    Ok(rows.project(&(0..rows.num_columns().saturating_sub(1)).collect::<Vec<_>>())?)
}

/// The rows without those that have these numbers, and without numbers.
fn without(all: &RecordBatch, numbers: &[u64]) -> Result<RecordBatch> {
    let left = (0..all.num_rows() as u64).filter(|number| numbers.binary_search(number).is_err());
    plain(&take_rows(all, &left.collect::<Vec<_>>())?)
}

/// New rows, in the order of the numbers in their first column, and without them.
fn in_order(batches: &[RecordBatch], table: &LocalTableDef) -> Result<RecordBatch> {
    let Some(first) = batches.first() else { return conform(&[], table) };
    let all = concat_batches(&first.schema(), batches)?;
    let mut order: Vec<(i64, u64)> =
        match all.columns().first().and_then(|column| column.as_primitive_opt::<Int64Type>()) {
            Some(numbers) => numbers.values().iter().copied().zip(0..).collect(),
            None => vec![],
        };
    order.sort_unstable();
    let rows = all.project(&(1..all.num_columns()).collect::<Vec<_>>())?;
    let order: Vec<u64> = order.into_iter().map(|(_, at)| at).collect();
    conform(&[take_rows(&rows, &order)?], table)
}

/// All rows, with new ones in the places of those that have these numbers, and without numbers.
fn replaced(all: &RecordBatch, numbers: &[u64], new: &RecordBatch) -> Result<RecordBatch> {
    let old = plain(all)?;
    let count = old.num_rows() as u64;
    let order = (0..count).map(|number| match numbers.binary_search(&number) {
        Ok(at) => count + at as u64,
        Err(_) => number,
    });
    let both = concat_batches(&new.schema(), [&old.with_schema(new.schema())?, new])?;
    take_rows(&both, &order.collect::<Vec<_>>())
}
