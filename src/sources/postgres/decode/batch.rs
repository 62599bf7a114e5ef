//! Rows into record batches of bounded size.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::column::Column;
use super::fault::Fault;
use super::values::{self, Malformed};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::sources::postgres::diversion::message;
use crate::sources::postgres::errors::{self, Place};
use crate::sources::postgres::forms::Form;
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
    /// How many rows of the statement under way have been taken, in all batches.
    taken: u64,
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
        Ok(BatchDecoder { place, schema, columns, rows: 0, bytes: 0, taken: 0 })
    }

    /// Takes a row. An error names the column; the decoder cannot be used after it.
    pub(in crate::sources::postgres) fn take_row(&mut self, row: &Row) -> Result<()> {
        self.bytes += row.raw_size_bytes();
        self.push(row)
    }

    /// Takes rows from whole messages with their numerics in this form, until the batch is full; what is left stays.
    pub(in crate::sources::postgres) fn take_messages(&mut self, messages: &mut Bytes, numerics: Form) -> Result<()> {
        let mut rest = messages.as_ref();
        while !self.is_full() && !rest.is_empty() {
            let (body, after) = message(rest).ok_or_else(|| Unread::Malformed.at(&self.place))?;
            self.bytes += body.len();
            rest = after;
            self.push_message(body, numerics).map_err(|unread| unread.at(&self.place))?;
        }
        let left = rest.len();
        messages.advance(messages.len() - left);
        Ok(())
    }

    /// A statement has ended of which its server says that it sent so many rows, if it says so: if others came the
    /// answer is refused (08P01). Another may follow.
    pub(in crate::sources::postgres) fn end_statement(&mut self, sent: Option<u64>) -> Result<()> {
        let taken = std::mem::take(&mut self.taken);
        match sent {
            Some(sent) if sent != taken => Err(Error::new(
                SqlState::PROTOCOL_VIOLATION,
                format!("{}: {taken} rows came of {sent} that the server says it sent", self.place),
            )),
            _ => Ok(()),
        }
    }

    #[inline]
    fn push_message(&mut self, body: &[u8], numerics: Form) -> Result<(), Unread> {
        let (count, mut values) = values::row(body)?;
        // Where only the number of rows counts there is one constant a row.
        if count != self.columns.len() && !self.columns.is_empty() {
            return Err(Unread::Malformed);
        }
        for (plan, column) in &mut self.columns {
            let raw = values::value(&mut values)?;
            column.append(raw, numerics).map_err(|fault| Unread::Value(fault.at(&self.place, &plan.name)))?;
        }
        // Nothing but whole rows, each as long as it says.
        if !values.is_empty() && !self.columns.is_empty() {
            return Err(Unread::Malformed);
        }
        self.rows += 1;
        self.taken += 1;
        Ok(())
    }

    fn push(&mut self, row: &Row) -> Result<()> {
        for (index, (plan, column)) in self.columns.iter_mut().enumerate() {
            let Wire(raw) = row.try_get(index).map_err(|error| {
                Error::new(
                    SqlState::PROTOCOL_VIOLATION,
                    format!("{}: column \"{}\" is missing: {}", self.place, plan.name, errors::reason(&error)),
                )
            })?;
            column.append(raw, Form::Binary).map_err(|fault| fault.at(&self.place, &plan.name))?;
        }
        self.rows += 1;
        self.taken += 1;
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

/// Why a row could not be read.
enum Unread {
    Malformed,
    Value(Error),
}

impl From<Malformed> for Unread {
    fn from(_: Malformed) -> Self {
        Unread::Malformed
    }
}

impl Unread {
    fn at(self, place: &Place) -> Error {
        match self {
            Unread::Value(error) => error,
            Unread::Malformed => {
                Error::new(SqlState::PROTOCOL_VIOLATION, format!("{place}: a row of the answer is not whole"))
            }
        }
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

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::{Int32Type, Schema};

    use super::*;

    fn decoder() -> BatchDecoder {
        let column = PgType::Int4;
        let schema = Arc::new(Schema::new(vec![column.field("n", true)]));
        let plan = ColumnPlan { name: "n".into(), wire: column.clone(), target: column, nullable: true, zone: None };
        let place = Place::table("s", "t");
        BatchDecoder::new(Arc::new(place), schema, &[plan], Tz::UTC).unwrap()
    }

    /// Rows of one number each.
    fn messages(numbers: &[i32]) -> Bytes {
        let of = |number: &i32| [&[b'D', 0, 0, 0, 14, 0, 1, 0, 0, 0, 4][..], &number.to_be_bytes()].concat();
        numbers.iter().flat_map(of).collect()
    }

    #[test]
    fn an_answer_has_as_many_rows_as_were_sent() {
        let mut decoder = decoder();
        decoder.take_messages(&mut messages(&[1, 2]), Form::Binary).unwrap();
        decoder.end_statement(Some(2)).unwrap();
        // Another one, in the same batch.
        decoder.take_messages(&mut messages(&[3]), Form::Text).unwrap();
        assert_eq!(decoder.end_statement(Some(2)).unwrap_err().state(), SqlState::PROTOCOL_VIOLATION);
        let batch = decoder.finish().unwrap().unwrap();
        assert_eq!(batch.column(0).as_primitive::<Int32Type>().values(), &[1, 2, 3]);
    }

    #[test]
    fn a_row_that_is_not_whole_is_refused() {
        let whole = messages(&[7]);
        for cut in 1..whole.len() {
            assert!(decoder().take_messages(&mut whole.slice(..cut), Form::Binary).is_err(), "{cut}");
        }
        // A row of two values, where one is expected.
        let mut two = Bytes::from_static(&[b'D', 0, 0, 0, 14, 0, 2, 255, 255, 255, 255, 255, 255, 255, 255]);
        assert!(decoder().take_messages(&mut two, Form::Binary).is_err());
    }
}
