//! Rows that have come and are not in their table yet.

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::scalar::ScalarValue;

use super::failing;
use super::omitted::Omitted;
use super::target::CopyIn;
use crate::catalog::store::RowChange;
use crate::catalog::types::PgType;
use crate::engine::session::Session;
use crate::engine::write;
use crate::error::{Error, Result, SqlState};

/// A batch has so many rows, or values of so many bytes.
const BATCH_ROWS: usize = 8 << 10;
const BATCH_BYTES: usize = 1 << 20;
/// What the set of a key's values takes for each row, about.
const KEY_BYTES: usize = 96;

/// The rows, and where in the data they stood.
pub(super) struct Incoming<'a> {
    session: &'a Session,
    into: &'a CopyIn,
    state: SessionState,
    /// The types of the columns that come.
    kinds: Vec<PgType>,
    /// The values of the batch that is being filled, column by column.
    values: Vec<Vec<ScalarValue>>,
    rows: usize,
    size: usize,
    /// Columns that may not be null, each with its place among those that come.
    required: Vec<(usize, Option<usize>)>,
    /// None before the first row.
    omitted: Option<Omitted>,
    batches: Vec<RecordBatch>,
    /// Rows in the batches.
    total: usize,
    batch_bytes: usize,
    /// Rows whose line is not the one behind the line of the row before, with their lines.
    lines: Vec<(usize, u64)>,
    last_line: u64,
    memory: MemoryReservation,
}

impl<'a> Incoming<'a> {
    pub fn new(session: &'a Session, into: &'a CopyIn) -> Self {
        let state = session.state();
        let memory = MemoryConsumer::new("COPY").register(&state.runtime_env().memory_pool);
        let columns = &into.table.columns;
        let kinds = into.columns.iter().filter_map(|column| columns.get(*column)).map(|c| c.pg_type()).collect();
        let required = columns.iter().enumerate().filter(|(_, column)| !column.nullable);
        let required =
            required.map(|(index, _)| (index, into.columns.iter().position(|column| *column == index))).collect();
        Incoming {
            session,
            into,
            state,
            kinds,
            values: vec![vec![]; into.columns.len()],
            rows: 0,
            size: 0,
            required,
            omitted: None,
            batches: vec![],
            total: 0,
            batch_bytes: 0,
            lines: vec![],
            last_line: 0,
            memory,
        }
    }

    /// The type of a column by its place among those that come.
    pub fn kind(&self, at: usize) -> &PgType {
        self.kinds.get(at).unwrap_or(&PgType::Text)
    }

    /// Adds a value to the row that comes; `bytes` is about what it takes.
    pub fn push(&mut self, at: usize, value: ScalarValue, bytes: usize) {
        if let Some(column) = self.values.get_mut(at) {
            column.push(value);
        }
        self.size += bytes + size_of::<ScalarValue>();
    }

    /// Makes sure that there is memory for the rows and `more` bytes; 53200 when there is not.
    pub fn hold(&self, more: usize) -> Result<()> {
        Ok(self.memory.try_resize(self.batch_bytes + self.size + more)?)
    }

    /// The row is whole, and stood on this line. A null where none may be is an error (23502).
    pub async fn end_row(&mut self, line: u64) -> Result<()> {
        let omitted = match &mut self.omitted {
            Some(omitted) => omitted,
            none => none.insert(Omitted::find(&self.state, self.into).await?),
        };
        let missing = self.required.iter().any(|(index, at)| match at {
            Some(at) => self.values.get(*at).and_then(|column| column.last()).is_none_or(ScalarValue::is_null),
            None => omitted.is_null(*index),
        });
        if missing {
            return Err(self.failing()?);
        }
        if line != self.last_line + 1 || self.lines.is_empty() {
            self.lines.push((self.total + self.rows, line));
        }
        self.last_line = line;
        self.rows += 1;
        if self.rows >= BATCH_ROWS || self.size >= BATCH_BYTES {
            self.end_batch().await?;
            // Other statements and a cancel have their turn.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// The error for the last row, which has a null where none may be.
    fn failing(&self) -> Result<Error> {
        let row = (0..self.into.table.columns.len()).map(|index| {
            let at = self.into.columns.iter().position(|column| *column == index);
            match (at, &self.omitted) {
                (Some(at), _) => {
                    let last = self.values.get(at).and_then(|column| column.last());
                    Ok(last.cloned().unwrap_or(ScalarValue::Null))
                }
                (None, Some(omitted)) => omitted.value(index),
                (None, None) => Ok(ScalarValue::Null),
            }
        });
        let row = row.collect::<Result<Vec<ScalarValue>>>()?;
        failing::null(self.into, row, &self.session.zone_name())
    }

    async fn end_batch(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let Some(omitted) = self.omitted.as_ref().filter(|_| rows > 0) else { return Ok(()) };
        let schema = write::schema(&self.into.table);
        let mut columns: Vec<Option<ArrayRef>> = vec![None; schema.fields().len()];
        for (index, values) in self.into.columns.iter().zip(&mut self.values) {
            let array = ScalarValue::iter_to_array(std::mem::take(values))?;
            let array = match self.into.table.columns.get(*index) {
                Some(column) => write::rounded(array, column)?,
                None => array,
            };
            if let Some(place) = columns.get_mut(*index) {
                *place = Some(array);
            }
        }
        for (index, array) in omitted.arrays(&self.state, self.into, rows).await? {
            if let Some(place) = columns.get_mut(index) {
                *place = Some(array);
            }
        }
        let columns = columns.into_iter().collect::<Option<Vec<ArrayRef>>>();
        let columns = columns.ok_or_else(|| Error::internal("a column of a row is missing"))?;
        let batch = RecordBatch::try_new(schema, columns)?;
        if omitted.is_volatile() {
            write::check_nulls(&batch, &self.into.relation, &self.into.table)?;
        }
        self.batch_bytes += batch.get_array_memory_size();
        self.size = 0;
        self.total += rows;
        self.batches.push(batch);
        self.hold(0)
    }

    /// Adds the rows to the table, all or none; how many there were.
    pub async fn keep(mut self) -> Result<u64> {
        self.end_batch().await?;
        if self.total == 0 {
            return Ok(0);
        }
        let (_writing, _) = self.session.start_changing().await;
        let (relation, table) = self.session.writable_ref(&self.into.name, "copy to")?;
        if relation != self.into.relation || table != self.into.table {
            return Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("table \"{relation}\" was defined anew while its rows came"),
            )
            .with_hint("Copy again."));
        }
        let catalog = self.session.catalog();
        let there = catalog.rows.read(&self.session.engine.store, &relation)?;
        let before: usize = there.iter().map(RecordBatch::num_rows).sum();
        let keys = table.unique_keys.len() + usize::from(!table.primary_key.is_empty());
        self.hold(if keys == 0 { 0 } else { (before + self.total) * KEY_BYTES })?;
        if let Some((row, error)) = write::first_duplicate(there.iter().chain(&self.batches), &relation, &table)? {
            let hidden = self.session.hides_keys(&relation, &table);
            let error = if hidden { write::without_detail(error) } else { error };
            let line = row.checked_sub(before).map(|row| self.line(row));
            return Err(match line {
                Some(line) => error.with_context(format!("COPY {}, line {line}", relation.name)),
                None => error,
            });
        }
        let change = [(relation, RowChange::Append(&self.batches))];
        self.session.commit_change(catalog.definitions.as_ref().clone(), &change)?;
        Ok(self.total as u64)
    }

    /// The line of a row.
    fn line(&self, row: usize) -> u64 {
        let at = self.lines.partition_point(|(first, _)| *first <= row);
        match at.checked_sub(1).and_then(|at| self.lines.get(at)) {
            Some((first, line)) => line + (row - first) as u64,
            None => 0,
        }
    }
}
