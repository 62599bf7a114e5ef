//! How long a value is: characters of text, bytes of binary, elements of lists, and for a struct the sum over its
//! fields, where a field that has no length of its own counts the characters of its text form.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{can_cast_types, cast};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use super::columns::{takes_part, unexpected};

/// Whether values of the type have a length.
pub(super) fn has_length(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => true,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _) => true,
        DataType::Struct(fields) => fields
            .iter()
            .all(|field| has_length(field.data_type()) || can_cast_types(field.data_type(), &DataType::Utf8)),
        _ => false,
    }
}

/// The length of each row's value; 0 for null.
pub(super) fn lengths(column: &ArrayRef) -> Result<Vec<i64>> {
    let data_type = column.data_type();
    let lost = || unexpected(data_type);
    fn characters(text: Option<&str>) -> i64 {
        text.map_or(0, |text| text.chars().count() as i64)
    }
    fn bytes(value: Option<&[u8]>) -> i64 {
        value.map_or(0, |value| value.len() as i64)
    }
    Ok(match data_type {
        DataType::Utf8 => column.as_string_opt::<i32>().ok_or_else(lost)?.iter().map(characters).collect(),
        DataType::LargeUtf8 => column.as_string_opt::<i64>().ok_or_else(lost)?.iter().map(characters).collect(),
        DataType::Utf8View => column.as_string_view_opt().ok_or_else(lost)?.iter().map(characters).collect(),
        DataType::Binary => column.as_binary_opt::<i32>().ok_or_else(lost)?.iter().map(bytes).collect(),
        DataType::LargeBinary => column.as_binary_opt::<i64>().ok_or_else(lost)?.iter().map(bytes).collect(),
        DataType::BinaryView => column.as_binary_view_opt().ok_or_else(lost)?.iter().map(bytes).collect(),
        DataType::FixedSizeBinary(size) | DataType::FixedSizeList(_, size) => {
            let nulls = column.nulls();
            (0..column.len()).map(|row| if takes_part(nulls, row) { i64::from(*size) } else { 0 }).collect()
        }
        DataType::List(_) => {
            let list = column.as_list_opt::<i32>().ok_or_else(lost)?;
            let sizes = list.offsets().lengths().enumerate();
            sizes.map(|(row, size)| if list.is_valid(row) { size as i64 } else { 0 }).collect()
        }
        DataType::LargeList(_) => {
            let list = column.as_list_opt::<i64>().ok_or_else(lost)?;
            let sizes = list.offsets().lengths().enumerate();
            sizes.map(|(row, size)| if list.is_valid(row) { size as i64 } else { 0 }).collect()
        }
        DataType::Struct(_) => {
            let record = column.as_struct_opt().ok_or_else(lost)?;
            let mut sums = vec![0; record.len()];
            for field in record.columns() {
                let field_lengths = if has_length(field.data_type()) {
                    lengths(field)?
                } else {
                    lengths(&cast(field, &DataType::Utf8)?)?
                };
                for (sum, length) in sums.iter_mut().zip(field_lengths) {
                    *sum += length;
                }
            }
            sums
        }
        other => return Err(unexpected(other)),
    })
}
