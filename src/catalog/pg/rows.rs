//! Builds the rows of a system relation from named cells.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int16Array, Int16Builder, Int32Array, Int32Builder, Int64Array,
    ListBuilder, RecordBatch, RecordBatchOptions, StringViewArray, StringViewBuilder, TimestampMicrosecondArray,
    new_null_array,
};
use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::error::Result;

use super::shapes::Shape;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// NULL
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number of any width, an OID among them.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// Text, a name or a `"char"`.
    Text(String),
    /// An array of text.
    Texts(Vec<String>),
    /// An array of whole numbers.
    Ints(Vec<i64>),
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Cell::Bool(value)
    }
}

impl From<i16> for Cell {
    fn from(value: i16) -> Self {
        Cell::Int(value.into())
    }
}

impl From<i32> for Cell {
    fn from(value: i32) -> Self {
        Cell::Int(value.into())
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Cell::Int(value)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Cell::Float(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Cell::Text(value.to_string())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Cell::Text(value)
    }
}

impl From<Vec<String>> for Cell {
    fn from(value: Vec<String>) -> Self {
        Cell::Texts(value)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

/// The rows of one relation, being made.
#[derive(Debug)]
pub struct Rows {
    shape: &'static Shape,
    rows: Vec<Vec<Cell>>,
    blank: Vec<Cell>,
}

impl Rows {
    /// No rows yet.
    pub fn new(shape: &'static Shape) -> Self {
        let blank = shape
            .columns
            .iter()
            .zip(shape.schema.fields())
            .map(|(column, field)| if column.not_null { zero(field.data_type()) } else { Cell::Null })
            .collect();
        Rows { shape, rows: vec![], blank }
    }

    /// Adds a row. A column that is not named is NULL, or its type's zero where Postgres allows no NULL; a name
    /// that the relation does not have is left out.
    pub fn push<const N: usize>(&mut self, cells: [(&str, Cell); N]) {
        self.push_all(cells);
    }

    /// Adds a row from cells that are listed elsewhere; see [`Rows::push`].
    pub fn push_all<'a>(&mut self, cells: impl IntoIterator<Item = (&'a str, Cell)>) {
        let mut row = self.blank.clone();
        for (name, cell) in cells {
            let position = self.shape.columns.iter().position(|c| c.name == name);
            debug_assert!(position.is_some(), "{} has no column {name}", self.shape.name);
            if let Some(slot) = position.and_then(|at| row.get_mut(at)) {
                *slot = cell;
            }
        }
        self.rows.push(row);
    }

    /// The rows as a batch of the relation's schema.
    pub fn finish(self) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = self
            .shape
            .schema
            .fields()
            .iter()
            .enumerate()
            .map(|(at, field)| {
                let cells: Vec<&Cell> = self.rows.iter().map(|row| row.get(at).unwrap_or(&Cell::Null)).collect();
                array(field.data_type(), &cells)
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.shape.schema), columns, &options)?)
    }
}

fn zero(data_type: &DataType) -> Cell {
    match data_type {
        DataType::Boolean => Cell::Bool(false),
        DataType::Int16 | DataType::Int32 | DataType::Int64 => Cell::Int(0),
        DataType::Float32 | DataType::Float64 => Cell::Float(0.0),
        DataType::Utf8View => Cell::Text(String::new()),
        _ => Cell::Null,
    }
}

/// One column. A cell that is not of the column's type is NULL.
pub fn array(data_type: &DataType, cells: &[&Cell]) -> ArrayRef {
    let ints = || {
        cells.iter().map(|cell| match cell {
            Cell::Int(value) => Some(*value),
            _ => None,
        })
    };
    let floats = || {
        cells.iter().map(|cell| match cell {
            Cell::Float(value) => Some(*value),
            Cell::Int(value) => Some(*value as f64),
            _ => None,
        })
    };
    match data_type {
        DataType::Boolean => Arc::new(
            cells
                .iter()
                .map(|cell| match cell {
                    Cell::Bool(value) => Some(*value),
                    _ => None,
                })
                .collect::<BooleanArray>(),
        ),
        DataType::Int16 => Arc::new(ints().map(|v| v.and_then(|v| i16::try_from(v).ok())).collect::<Int16Array>()),
        DataType::Int32 => Arc::new(ints().map(|v| v.and_then(|v| i32::try_from(v).ok())).collect::<Int32Array>()),
        DataType::Int64 => Arc::new(ints().collect::<Int64Array>()),
        DataType::Float32 => Arc::new(floats().map(|v| v.map(|v| v as f32)).collect::<Float32Array>()),
        DataType::Float64 => Arc::new(floats().collect::<Float64Array>()),
        // Microseconds since 1970.
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            Arc::new(ints().collect::<TimestampMicrosecondArray>().with_timezone_opt(zone.clone()))
        }
        DataType::Utf8View => Arc::new(
            cells
                .iter()
                .map(|cell| match cell {
                    Cell::Text(value) => Some(value.as_str()),
                    _ => None,
                })
                .collect::<StringViewArray>(),
        ),
        DataType::List(item) => list(data_type, item, cells),
        other => new_null_array(other, cells.len()),
    }
}

fn list(data_type: &DataType, item: &FieldRef, cells: &[&Cell]) -> ArrayRef {
    match item.data_type() {
        DataType::Utf8View => {
            let mut builder = ListBuilder::new(StringViewBuilder::new()).with_field(Arc::clone(item));
            for cell in cells {
                match cell {
                    Cell::Texts(values) => {
                        for value in values {
                            builder.values().append_value(value);
                        }
                        builder.append(true);
                    }
                    _ => builder.append(false),
                }
            }
            Arc::new(builder.finish())
        }
        DataType::Int16 => {
            let mut builder = ListBuilder::new(Int16Builder::new()).with_field(Arc::clone(item));
            for cell in cells {
                match cell {
                    Cell::Ints(values) => {
                        for value in values {
                            builder.values().append_option(i16::try_from(*value).ok());
                        }
                        builder.append(true);
                    }
                    _ => builder.append(false),
                }
            }
            Arc::new(builder.finish())
        }
        DataType::Int32 => {
            let mut builder = ListBuilder::new(Int32Builder::new()).with_field(Arc::clone(item));
            for cell in cells {
                match cell {
                    Cell::Ints(values) => {
                        for value in values {
                            builder.values().append_option(i32::try_from(*value).ok());
                        }
                        builder.append(true);
                    }
                    _ => builder.append(false),
                }
            }
            Arc::new(builder.finish())
        }
        _ => new_null_array(data_type, cells.len()),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Array;

    use super::*;
    use crate::catalog::pg::shapes;

    #[test]
    fn blanks_follow_not_null() {
        let mut rows = Rows::new(&shapes::pg_catalog()["pg_class"]);
        rows.push([("oid", 16_384.into()), ("relname", "t".into()), ("reltuples", (-1.0).into())]);
        let batch = rows.finish().unwrap();
        assert_eq!(batch.num_rows(), 1);
        let not_null = batch.column_by_name("relhasindex").unwrap();
        assert_eq!(not_null.null_count(), 0);
        assert_eq!(batch.column_by_name("relacl").unwrap().null_count(), 1);
    }

    #[test]
    fn every_relation_can_be_built() {
        for shape in shapes::all() {
            let mut rows = Rows::new(shape);
            rows.push([]);
            assert_eq!(rows.finish().unwrap().num_rows(), 1, "{}", shape.name);
        }
    }
}
