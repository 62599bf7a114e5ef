//! What the ORDER BY in a call sorts by, as byte strings of that order: the smaller comes first.

use datafusion::arrow::array::{ArrayRef, new_empty_array, new_null_array};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::Result;

use super::columns::unexpected;
use super::order::{Zeros, code, coded_type, orderable, restore};
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// Turns the columns that an ORDER BY names into byte strings, and back.
#[derive(Debug)]
pub(super) struct SortKeys {
    converter: RowConverter,
    plain: Vec<DataType>,
    null: Box<[u8]>,
}

impl SortKeys {
    /// Columns of these types with these options. A type without an order is an error (42883).
    pub(super) fn try_new(types: &[DataType], options: &[SortOptions]) -> Result<Self> {
        if let Some(unordered) = types.iter().find(|data_type| !orderable(data_type)) {
            let unordered = PgType::of_arrow(unordered);
            let message = format!("could not identify an ordering operator for type {unordered}");
            return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message).into());
        }
        if types.len() != options.len() {
            return Err(Error::internal("a merge function was given an ORDER BY without options").into());
        }
        let coded: Vec<DataType> = types.iter().map(coded_type).collect();
        let fields = coded
            .iter()
            .zip(options)
            .map(|(data_type, options)| SortField::new_with_options(data_type.clone(), *options));
        let converter = RowConverter::new(fields.collect())?;
        let nulls: Vec<ArrayRef> = coded.iter().map(|data_type| new_null_array(data_type, 1)).collect();
        let null = converter.convert_columns(&nulls)?.row(0).data().into();
        Ok(SortKeys { converter, plain: types.to_vec(), null })
    }

    /// One byte string a row.
    pub(super) fn encode(&self, columns: &[ArrayRef]) -> Result<Rows> {
        let coded = columns.iter().map(|column| code(column, Zeros::Equal)).collect::<Result<Vec<_>>>()?;
        Ok(self.converter.convert_columns(&coded)?)
    }

    /// The columns again; none stands for nulls.
    pub(super) fn decode<'a>(&self, rows: impl IntoIterator<Item = Option<&'a [u8]>>) -> Result<Vec<ArrayRef>> {
        let parser = self.converter.parser();
        let rows: Vec<_> = rows.into_iter().map(|row| parser.parse(row.unwrap_or(&self.null))).collect();
        if rows.is_empty() {
            return Ok(self.plain.iter().map(new_empty_array).collect());
        }
        let columns = self.converter.convert_rows(rows)?;
        if columns.len() != self.plain.len() {
            return Err(self.plain.first().map_or_else(|| Error::internal("no sort keys").into(), unexpected));
        }
        columns.into_iter().zip(&self.plain).map(|(column, plain)| restore(column, plain)).collect()
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.converter.size() + self.null.len()
    }
}
