//! Rows into record batches of bounded size.

use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::column::Column;
use super::fault::Fault;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::sources::postgres::errors::{self, Place};
use crate::sources::scan::BATCH_ROWS;

/// A batch is full at so many bytes too, so that wide rows stay within memory.
const BATCH_BYTES: usize = 4 << 20;

/// How one column of a query is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sources::postgres) struct ColumnPlan {
    /// Its name, for errors.
    pub(in crate::sources::postgres) name: String,
    /// The type that comes.
    pub(in crate::sources::postgres) wire: PgType,
    /// The type here.
    pub(in crate::sources::postgres) target: PgType,
    /// Whether null may come.
    pub(in crate::sources::postgres) nullable: bool,
    /// Where its local times are, when not where those of the others are.
    pub(in crate::sources::postgres) zone: Option<Tz>,
}

/// Collects rows into batches.
pub(in crate::sources::postgres) struct BatchDecoder {
    place: Arc<Place>,
    schema: SchemaRef,
    columns: Vec<(ColumnPlan, Column)>,
    rows: usize,
    bytes: usize,
}

impl BatchDecoder {
    /// A decoder of rows with these columns into batches of `schema`, which has the same columns. Local times
    /// that become instants are in `zone`.
    pub(in crate::sources::postgres) fn new(
        place: Arc<Place>,
        schema: SchemaRef,
        plans: &[ColumnPlan],
        zone: Tz,
    ) -> Result<BatchDecoder> {
        let columns = plans
            .iter()
            .map(|plan| {
                let column = Column::new(&plan.wire, &plan.target, plan.zone.unwrap_or(zone))
                    .map_err(|error| error.with_context(format!("{place}, column \"{}\"", plan.name)))?;
                Ok((plan.clone(), column))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(BatchDecoder { place, schema, columns, rows: 0, bytes: 0 })
    }

    /// Takes one row. An error names the column; the decoder cannot be used after it.
    pub(in crate::sources::postgres) fn push(&mut self, row: &Row) -> Result<()> {
        for (index, (plan, column)) in self.columns.iter_mut().enumerate() {
            let Wire(raw) = row.try_get(index).map_err(|error| {
                Error::new(
                    SqlState::PROTOCOL_VIOLATION,
                    format!("{}: column \"{}\" is missing: {}", self.place, plan.name, errors::reason(&error)),
                )
            })?;
            column.append(raw).map_err(|fault| fault.at(&self.place, &plan.name))?;
        }
        self.rows += 1;
        self.bytes += row.raw_size_bytes();
        Ok(())
    }

    /// Whether it is time for [`Self::finish`].
    pub(in crate::sources::postgres) fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// The rows taken since the last batch; none when there are none.
    pub(in crate::sources::postgres) fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (plan, column) in &mut self.columns {
            let array = column.finish().map_err(|fault: Fault| fault.at(&self.place, &plan.name))?;
            if !plan.nullable && array.null_count() > 0 {
                return Err(Error::new(
                    SqlState::NOT_NULL_VIOLATION,
                    format!("{}: column \"{}\" holds a null, and is declared not null", self.place, plan.name),
                )
                .with_hint("Import the table again, or declare the column without NOT NULL."));
            }
            arrays.push(array);
        }
        // Without columns only the number of rows counts.
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| Error::internal(format!("{}: a batch does not fit its schema: {error}", self.place)))?;
        self.rows = 0;
        self.bytes = 0;
        Ok(Some(batch))
    }
}

/// A value as it travels, of whatever type.
struct Wire<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Wire<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Wire(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Wire(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
