//! From a source's rows to Arrow batches, for sources that give one value after another.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder, StringViewBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::scan::BATCH_ROWS;
use super::{decimal, float};
use crate::catalog::blanks::without_blanks;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// A batch ends early when its texts and blobs reach this many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// What rows are of, for errors: `table "orders" of server "erp"`, or the server for a query without a table.
pub fn object(server: &str, table: Option<&str>) -> String {
    match table {
        Some(table) => format!("table \"{table}\" of server \"{server}\""),
        None => format!("server \"{server}\""),
    }
}

/// Why a value does not fit its column, as the end of a sentence: `value 70000 is out of range for type smallint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit(pub String);

impl Unfit {
    /// The value is of a class that the type never holds, such as a blob in a date column.
    pub fn class(what: &str, pg_type: &str) -> Self {
        Unfit(format!("{what} cannot be read as {pg_type}"))
    }

    fn range(value: impl std::fmt::Display, pg_type: &str) -> Self {
        Unfit(format!("value {value} is out of range for type {pg_type}"))
    }

    fn inexact(value: impl std::fmt::Display, pg_type: &str) -> Self {
        Unfit(format!("value {value} is no exact value of type {pg_type}"))
    }

    fn text(text: &str, pg_type: &str) -> Self {
        // A long text says no more than its beginning.
        Unfit(format!("text \"{}\" is no exact value of type {pg_type}", text.chars().take(64).collect::<String>()))
    }
}

/// Builds one column. A value is held exactly, or refused.
#[derive(Debug)]
pub enum ColumnBuilder {
    /// `boolean`
    Bool(BooleanBuilder),
    /// `smallint`
    Int2(Int16Builder),
    /// `integer`
    Int4(Int32Builder),
    /// `bigint`
    Int8(Int64Builder),
    /// `real`
    Float4(Float32Builder),
    /// `double precision`
    Float8(Float64Builder),
    /// `numeric` of up to 38 digits: precision, scale
    Decimal128(Decimal128Builder, u8, i8),
    /// `numeric` of up to 76 digits: precision, scale
    Decimal256(Decimal256Builder, u8, i8),
    /// every type that is carried as text
    Text(StringViewBuilder),
    /// `bytea`
    Bytea(BinaryBuilder),
    /// `date`
    Date(Date32Builder),
    /// `time`
    Time(Time64MicrosecondBuilder),
    /// `timestamp` and `timestamp with time zone`
    Timestamp(TimestampMicrosecondBuilder),
    /// `interval`
    Interval(IntervalMonthDayNanoBuilder),
}

impl ColumnBuilder {
    /// A builder for the type, or none for those that no such source gives: arrays, records, oids.
    pub fn new(pg_type: &PgType) -> Option<Self> {
        let arrow = pg_type.arrow();
        Some(match (pg_type, &arrow) {
            (PgType::Oid | PgType::Record | PgType::Array(_) | PgType::Vector(_), _) => return None,
            (PgType::Bool, _) => ColumnBuilder::Bool(BooleanBuilder::new()),
            (PgType::Int2, _) => ColumnBuilder::Int2(Int16Builder::new()),
            (PgType::Int4, _) => ColumnBuilder::Int4(Int32Builder::new()),
            (PgType::Int8, _) => ColumnBuilder::Int8(Int64Builder::new()),
            (PgType::Float4, _) => ColumnBuilder::Float4(Float32Builder::new()),
            (PgType::Float8, _) => ColumnBuilder::Float8(Float64Builder::new()),
            (_, DataType::Decimal128(p, s)) => {
                ColumnBuilder::Decimal128(Decimal128Builder::new().with_data_type(arrow.clone()), *p, *s)
            }
            (_, DataType::Decimal256(p, s)) => {
                ColumnBuilder::Decimal256(Decimal256Builder::new().with_data_type(arrow.clone()), *p, *s)
            }
            (PgType::Bytea, _) => ColumnBuilder::Bytea(BinaryBuilder::new()),
            (PgType::Date, _) => ColumnBuilder::Date(Date32Builder::new()),
            (PgType::Time, _) => ColumnBuilder::Time(Time64MicrosecondBuilder::new()),
            (PgType::Timestamp | PgType::TimestampTz, _) => {
                ColumnBuilder::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(arrow.clone()))
            }
            (PgType::Interval, _) => ColumnBuilder::Interval(IntervalMonthDayNanoBuilder::new()),
            (
                PgType::Numeric(_)
                | PgType::Text
                | PgType::Varchar(_)
                | PgType::Bpchar(_)
                | PgType::Name
                | PgType::Char
                | PgType::Uuid
                | PgType::Json
                | PgType::Jsonb,
                _,
            ) => ColumnBuilder::Text(StringViewBuilder::new()),
        })
    }

    /// The type's name, for errors.
    pub fn type_name(&self) -> &'static str {
        match self {
            ColumnBuilder::Bool(_) => "boolean",
            ColumnBuilder::Int2(_) => "smallint",
            ColumnBuilder::Int4(_) => "integer",
            ColumnBuilder::Int8(_) => "bigint",
            ColumnBuilder::Float4(_) => "real",
            ColumnBuilder::Float8(_) => "double precision",
            ColumnBuilder::Decimal128(..) | ColumnBuilder::Decimal256(..) => "numeric",
            ColumnBuilder::Text(_) => "text",
            ColumnBuilder::Bytea(_) => "bytea",
            ColumnBuilder::Date(_) => "date",
            ColumnBuilder::Time(_) => "time",
            ColumnBuilder::Timestamp(_) => "timestamp",
            ColumnBuilder::Interval(_) => "interval",
        }
    }

    /// Appends a null.
    pub fn append_null(&mut self) {
        match self {
            ColumnBuilder::Bool(b) => b.append_null(),
            ColumnBuilder::Int2(b) => b.append_null(),
            ColumnBuilder::Int4(b) => b.append_null(),
            ColumnBuilder::Int8(b) => b.append_null(),
            ColumnBuilder::Float4(b) => b.append_null(),
            ColumnBuilder::Float8(b) => b.append_null(),
            ColumnBuilder::Decimal128(b, ..) => b.append_null(),
            ColumnBuilder::Decimal256(b, ..) => b.append_null(),
            ColumnBuilder::Text(b) => b.append_null(),
            ColumnBuilder::Bytea(b) => b.append_null(),
            ColumnBuilder::Date(b) => b.append_null(),
            ColumnBuilder::Time(b) => b.append_null(),
            ColumnBuilder::Timestamp(b) => b.append_null(),
            ColumnBuilder::Interval(b) => b.append_null(),
        }
    }

    /// Appends a whole number: to any number, to text in decimal digits, and 0 and 1 to a boolean.
    pub fn append_integer(&mut self, value: i128) -> Result<(), Unfit> {
        let name = self.type_name();
        let range = || Unfit::range(value, name);
        match self {
            ColumnBuilder::Bool(b) => b.append_value(match value {
                0 => false,
                1 => true,
                _ => return Err(range()),
            }),
            ColumnBuilder::Int2(b) => b.append_value(i16::try_from(value).map_err(|_| range())?),
            ColumnBuilder::Int4(b) => b.append_value(i32::try_from(value).map_err(|_| range())?),
            ColumnBuilder::Int8(b) => b.append_value(i64::try_from(value).map_err(|_| range())?),
            ColumnBuilder::Float4(b) => {
                let float = value as f32;
                if float as i128 != value {
                    return Err(Unfit::inexact(value, name));
                }
                b.append_value(float);
            }
            ColumnBuilder::Float8(b) => {
                let float = value as f64;
                if float as i128 != value {
                    return Err(Unfit::inexact(value, name));
                }
                b.append_value(float);
            }
            ColumnBuilder::Decimal128(b, p, s) => b.append_value(decimal::scale_128(value, *p, *s).ok_or_else(range)?),
            ColumnBuilder::Decimal256(b, p, s) => b.append_value(decimal::scale_256(value, *p, *s).ok_or_else(range)?),
            ColumnBuilder::Text(b) => b.append_value(value.to_string()),
            _ => return Err(Unfit::class("a number", name)),
        }
        Ok(())
    }

    /// Appends a double: to a real rounded to nearest, to whole numbers when it is one, to decimals and text by its
    /// shortest digits that give the same double, in text as Postgres writes them.
    pub fn append_double(&mut self, value: f64) -> Result<(), Unfit> {
        let name = self.type_name();
        match self {
            ColumnBuilder::Float8(b) => b.append_value(value),
            ColumnBuilder::Float4(b) => {
                let narrow = value as f32;
                if narrow.is_infinite() && value.is_finite() {
                    return Err(Unfit::range(value, name));
                }
                b.append_value(narrow);
            }
            ColumnBuilder::Text(_) | ColumnBuilder::Decimal128(..) | ColumnBuilder::Decimal256(..) => {
                return self.append_text(&float::double(value));
            }
            ColumnBuilder::Bool(_) | ColumnBuilder::Int2(_) | ColumnBuilder::Int4(_) | ColumnBuilder::Int8(_) => {
                // Beyond 2^63 no integer type holds it; below, the conversion is exact.
                if value.fract() != 0.0 || value.abs() > 9.3e18 {
                    return Err(Unfit::inexact(float::double(value), name));
                }
                return self.append_integer(value as i128);
            }
            _ => return Err(Unfit::class("a number", name)),
        }
        Ok(())
    }

    /// Appends a single-precision number; its digits are those of the single, not of the double nearest to it.
    pub fn append_single(&mut self, value: f32) -> Result<(), Unfit> {
        match self {
            ColumnBuilder::Text(_) | ColumnBuilder::Decimal128(..) | ColumnBuilder::Decimal256(..) => {
                self.append_text(&float::single(value))
            }
            _ => self.append_double(f64::from(value)),
        }
    }

    /// Appends text: as it is to text, parsed to numbers and booleans. Dates and times are the caller's to parse.
    pub fn append_text(&mut self, text: &str) -> Result<(), Unfit> {
        let name = self.type_name();
        let wrong = || Unfit::text(text, name);
        match self {
            ColumnBuilder::Text(b) => b.append_value(text),
            ColumnBuilder::Decimal128(b, p, s) => {
                b.append_value(decimal::parse_128(text, *p, *s).ok_or_else(wrong)?);
            }
            ColumnBuilder::Decimal256(b, p, s) => {
                b.append_value(decimal::parse_256(text, *p, *s).ok_or_else(wrong)?);
            }
            ColumnBuilder::Bool(b) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "t" | "1" => b.append_value(true),
                "false" | "f" | "0" => b.append_value(false),
                _ => return Err(wrong()),
            },
            ColumnBuilder::Int2(_) | ColumnBuilder::Int4(_) | ColumnBuilder::Int8(_) => {
                let value: i128 = text.trim().parse().map_err(|_| wrong())?;
                return self.append_integer(value);
            }
            ColumnBuilder::Float4(b) => b.append_value(text.trim().parse().map_err(|_| wrong())?),
            ColumnBuilder::Float8(b) => b.append_value(text.trim().parse().map_err(|_| wrong())?),
            _ => return Err(wrong()),
        }
        Ok(())
    }

    /// Appends bytes to a bytea.
    pub fn append_bytes(&mut self, bytes: &[u8]) -> Result<(), Unfit> {
        match self {
            ColumnBuilder::Bytea(b) => {
                b.append_value(bytes);
                Ok(())
            }
            _ => Err(Unfit::class("a blob", self.type_name())),
        }
    }

    /// Appends days since 1970-01-01 to a date.
    pub fn append_date(&mut self, days: i32) -> Result<(), Unfit> {
        match self {
            ColumnBuilder::Date(b) => {
                b.append_value(days);
                Ok(())
            }
            _ => Err(Unfit::class("a date", self.type_name())),
        }
    }

    /// Appends microseconds since midnight to a time.
    pub fn append_time(&mut self, micros: i64) -> Result<(), Unfit> {
        match self {
            ColumnBuilder::Time(b) => {
                b.append_value(micros);
                Ok(())
            }
            _ => Err(Unfit::class("a time", self.type_name())),
        }
    }

    /// Appends microseconds since 1970 to a timestamp.
    pub fn append_timestamp(&mut self, micros: i64) -> Result<(), Unfit> {
        match self {
            ColumnBuilder::Timestamp(b) => {
                b.append_value(micros);
                Ok(())
            }
            _ => Err(Unfit::class("a timestamp", self.type_name())),
        }
    }

    /// Appends a length of time to an interval, with neither days nor months.
    pub fn append_interval(&mut self, micros: i64) -> Result<(), Unfit> {
        match self {
            ColumnBuilder::Interval(b) => {
                let nanos = micros.checked_mul(1000).ok_or_else(|| Unfit::range(micros, "interval"))?;
                b.append_value(IntervalMonthDayNano::new(0, 0, nanos));
                Ok(())
            }
            _ => Err(Unfit::class("a length of time", self.type_name())),
        }
    }

    /// The column so far; the builder is empty afterwards.
    pub fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Bool(b) => Arc::new(b.finish()),
            ColumnBuilder::Int2(b) => Arc::new(b.finish()),
            ColumnBuilder::Int4(b) => Arc::new(b.finish()),
            ColumnBuilder::Int8(b) => Arc::new(b.finish()),
            ColumnBuilder::Float4(b) => Arc::new(b.finish()),
            ColumnBuilder::Float8(b) => Arc::new(b.finish()),
            ColumnBuilder::Decimal128(b, ..) => Arc::new(b.finish()),
            ColumnBuilder::Decimal256(b, ..) => Arc::new(b.finish()),
            ColumnBuilder::Text(b) => Arc::new(b.finish()),
            ColumnBuilder::Bytea(b) => Arc::new(b.finish()),
            ColumnBuilder::Date(b) => Arc::new(b.finish()),
            ColumnBuilder::Time(b) => Arc::new(b.finish()),
            ColumnBuilder::Timestamp(b) => Arc::new(b.finish()),
            ColumnBuilder::Interval(b) => Arc::new(b.finish()),
        }
    }
}

/// Builds batches of one schema, row by row.
#[derive(Debug)]
pub struct BatchBuilder {
    schema: SchemaRef,
    /// What the rows are of, for errors.
    origin: String,
    columns: Vec<ColumnBuilder>,
    rows: usize,
    bytes: usize,
}

impl BatchBuilder {
    /// A builder for the schema; 0A000 for a column of a type that [`ColumnBuilder::new`] does not know. `origin` is
    /// what the rows are of, as in `table "t" of server "s"`.
    pub fn new(schema: SchemaRef, origin: String) -> Result<Self> {
        let columns = schema
            .fields()
            .iter()
            .map(|field| {
                let pg_type = PgType::of_field(field);
                ColumnBuilder::new(&pg_type).ok_or_else(|| {
                    Error::new(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        format!("column \"{}\" cannot be read as type {pg_type}", field.name()),
                    )
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(BatchBuilder { schema, origin, columns, rows: 0, bytes: 0 })
    }

    /// The columns, in the schema's order. Each takes one value a row.
    pub fn columns(&mut self) -> &mut [ColumnBuilder] {
        &mut self.columns
    }

    /// Counts a row, with the bytes of its texts and blobs, and says whether the batch is full.
    pub fn end_row(&mut self, bytes: usize) -> bool {
        self.rows += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// The bytes of the values since the last batch: texts and blobs by their length, others by their type's width.
    pub fn received(&self) -> u64 {
        let width: usize = self.schema.fields().iter().filter_map(|field| field.data_type().primitive_width()).sum();
        u64::try_from(self.bytes.saturating_add(self.rows.saturating_mul(width))).unwrap_or(u64::MAX)
    }

    /// Whether no row has been counted since the last batch.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The batch of the rows so far; the builder is empty afterwards. A null in a column that has none is 23502.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        for (field, column) in self.schema.fields().iter().zip(&mut columns) {
            if matches!(PgType::of_field(field), PgType::Bpchar(_)) {
                *column = without_blanks(column);
            }
        }
        for (field, column) in self.schema.fields().iter().zip(&columns) {
            if !field.is_nullable() && column.null_count() > 0 {
                let (name, origin) = (field.name(), &self.origin);
                let message = format!("column \"{name}\" of {origin} holds a null, and is declared not null");
                return Err(Error::new(SqlState::NOT_NULL_VIOLATION, message)
                    .with_hint("Import the table again, or declare the column without NOT NULL."));
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        self.bytes = 0;
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|e| Error::internal(format!("the rows of {} do not fit their columns: {e}", self.origin)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Schema;

    use super::*;

    #[test]
    fn exact_or_refused() {
        let mut small = ColumnBuilder::new(&PgType::Int2).unwrap();
        assert!(small.append_integer(70_000).is_err());
        assert!(small.append_double(1.5).is_err());
        small.append_double(2.0).unwrap();
        small.append_text(" 7 ").unwrap();
        assert_eq!(small.finish().len(), 2);
        let mut money = ColumnBuilder::new(&PgType::Numeric(Some((10, 2)))).unwrap();
        money.append_double(0.1).unwrap();
        assert!(money.append_text("0.125").is_err());
        let mut double = ColumnBuilder::new(&PgType::Float8).unwrap();
        assert!(double.append_integer((1 << 53) + 1).is_err());
    }

    #[test]
    fn a_null_where_none_may_be_names_its_column() {
        let schema = Arc::new(Schema::new(vec![PgType::Int4.field("id", false)]));
        let mut batch = BatchBuilder::new(schema, "table \"t\" of server \"s\"".into()).unwrap();
        batch.columns()[0].append_null();
        batch.end_row(0);
        let error = batch.finish().unwrap_err();
        assert_eq!(error.state(), SqlState::NOT_NULL_VIOLATION);
        assert!(error.message().contains("column \"id\" of table \"t\" of server \"s\""));
    }
}
