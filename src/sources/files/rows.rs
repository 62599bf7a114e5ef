//! Rows of a text file on their way to batches, with errors that say where a value stands.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::arrow::array::RecordBatchOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::scalar::ScalarValue;

use super::builder::{BadValue, ColumnBuilder, shown};
use super::infer::{self, Shape};
use super::json_value;
use super::partitions::remote_name;
use crate::error::{Error, Result, SqlState};
use crate::sources::options::invalid;
use crate::sources::scan::BATCH_ROWS;
use crate::sources::table::ColumnSpec;

/// What a column's remote type says when its type was inferred from values.
pub const INFERRED: &str = "inferred";

/// Where a column's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file; the number counts the table's columns that are in the file.
    File(usize),
    /// A folder's name; the number is among the file's folder values.
    Folder(usize),
}

/// A column that a scan gives.
#[derive(Clone, Debug)]
pub struct ScanColumn {
    /// The column as it was declared.
    pub spec: ColumnSpec,
    /// Where its values come from.
    pub place: Place,
    /// In JSON, the steps to the value; the first is a key of the row's object.
    pub path: Vec<String>,
    force_null: bool,
    force_not_null: bool,
}

impl ScanColumn {
    /// A column with its options read.
    pub fn new(spec: &ColumnSpec, place: Place) -> Result<ScanColumn> {
        let path = match spec.options.get("pointer") {
            Some(text) => json_value::pointer(text).ok_or_else(|| {
                invalid("pointer", "is not a JSON pointer").with_hint("It begins with a slash, as in '/address/city'.")
            })?,
            None => vec![remote_name(spec).to_string()],
        };
        Ok(ScanColumn {
            place,
            path,
            force_null: spec.options.flag("force_null", false)?,
            force_not_null: spec.options.flag("force_not_null", false)?,
            spec: spec.clone(),
        })
    }

    /// Its name in the file.
    pub fn remote(&self) -> &str {
        remote_name(&self.spec)
    }

    /// Whether a field of CSV is null here: when it is not quoted and holds what nulls hold.
    pub fn is_null(&self, field: &[u8], quoted: bool, null: &str) -> bool {
        field == null.as_bytes() && (self.force_null || !quoted) && !self.force_not_null
    }
}

/// Builds batches from one file's rows.
#[derive(Debug)]
pub struct Rows {
    columns: Arc<[ScanColumn]>,
    schema: SchemaRef,
    zone: Option<Tz>,
    builders: Vec<ColumnBuilder>,
    /// The value of each column that is the same in the whole file.
    constants: Vec<Option<ScalarValue>>,
    file: String,
    rows: usize,
    left: usize,
    ready: VecDeque<RecordBatch>,
}

impl Rows {
    /// No rows yet of a file that errors call `file`; at most `left` rows are taken.
    pub fn new(
        columns: &Arc<[ScanColumn]>,
        schema: &SchemaRef,
        zone: Option<Tz>,
        folders: &[ScalarValue],
        file: String,
        left: usize,
    ) -> Rows {
        Rows {
            builders: columns.iter().map(|column| ColumnBuilder::new(&column.spec.pg_type, zone)).collect(),
            constants: columns
                .iter()
                .map(|column| match column.place {
                    Place::Folder(index) => folders.get(index).cloned(),
                    Place::File(_) => None,
                })
                .collect(),
            columns: Arc::clone(columns),
            schema: Arc::clone(schema),
            zone,
            file,
            rows: 0,
            left,
            ready: VecDeque::new(),
        }
    }

    /// How many more rows are wanted.
    pub fn left(&self) -> usize {
        self.left
    }

    /// The file, as errors name it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Adds a value of text, or null, to a column of the row that `line` begins.
    pub fn text(&mut self, column: usize, line: u64, text: Option<&str>) -> Result<()> {
        let zoned = self.zone.is_some();
        self.add(column, line, |column, builder| match text {
            None => null(column, builder),
            Some(text) => {
                let inferred = column.spec.remote_type == INFERRED;
                if inferred && !infer::fits(&column.spec.pg_type, infer::text_shape(text), zoned) {
                    return Err(unlike(column, text));
                }
                builder.append_text(text)
            }
        })
    }

    /// Adds a JSON value, or null, to a column of the row that `line` begins.
    pub fn json(&mut self, column: usize, line: u64, raw: Option<&str>) -> Result<()> {
        let zoned = self.zone.is_some();
        self.add(column, line, |column, builder| match raw {
            Some(raw) if json_value::kind(raw) != json_value::Kind::Null => {
                let inferred = column.spec.remote_type == INFERRED;
                let shape = || infer::json_shape(raw).unwrap_or(Shape::Text);
                if inferred && !infer::fits(&column.spec.pg_type, shape(), zoned) {
                    return Err(unlike(column, raw));
                }
                builder.append_json(raw)
            }
            _ => null(column, builder),
        })
    }

    fn add(
        &mut self,
        column: usize,
        line: u64,
        add: impl FnOnce(&ScanColumn, &mut ColumnBuilder) -> Result<(), BadValue>,
    ) -> Result<()> {
        let (Some(spec), Some(builder)) = (self.columns.get(column), self.builders.get_mut(column)) else {
            return Err(Error::internal("a value for a column that is not scanned"));
        };
        add(spec, builder).map_err(|bad| {
            let name = &spec.spec.name;
            let error = Error::new(bad.state, bad.message)
                .with_context(format!("{}, line {line}, column \"{name}\"", self.file));
            if spec.spec.remote_type == INFERRED {
                error.with_hint(format!(
                    "The type of column \"{name}\" was inferred from the first rows. Declare the table's columns, this \
                     one as text, or raise infer_rows."
                ))
            } else {
                error
            }
        })
    }

    /// Ends a row. The answer is whether more are wanted.
    pub fn end_row(&mut self) -> Result<bool> {
        self.rows += 1;
        self.left = self.left.saturating_sub(1);
        if self.rows >= BATCH_ROWS {
            self.flush()?;
        }
        Ok(self.left > 0)
    }

    /// Makes a batch of the rows so far.
    pub fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return Ok(());
        }
        let mut arrays = Vec::with_capacity(self.builders.len());
        for (builder, constant) in self.builders.iter_mut().zip(&self.constants) {
            arrays.push(match constant {
                Some(value) => value.to_array_of_size(rows).map_err(|e| Error::internal(e.to_string()))?,
                None => builder.finish()?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|e| Error::internal(format!("could not build a batch: {e}")))?;
        self.ready.push_back(batch);
        Ok(())
    }

    /// The next batch that is done.
    pub fn take(&mut self) -> Option<RecordBatch> {
        self.ready.pop_front()
    }
}

fn null(column: &ScanColumn, builder: &mut ColumnBuilder) -> Result<(), BadValue> {
    if !column.spec.nullable {
        return Err(BadValue::new(
            SqlState::NOT_NULL_VIOLATION,
            format!("null value in column \"{}\" violates not-null constraint", column.spec.name),
        ));
    }
    builder.append_null();
    Ok(())
}

fn unlike(column: &ScanColumn, text: &str) -> BadValue {
    BadValue::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("value \"{}\" is not of the inferred type {}", shown(text), column.spec.pg_type),
    )
}
