//! A value of any type as JSON.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::scalar::ScalarValue;

use crate::catalog::types::{PG_TYPE_KEY, PgType};
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::row_function::Call;
use crate::functions::pg::whole_row::is_whole;
use crate::values::{Zone, read_text, text_values};

/// An argument as JSON; `null` for NULL.
pub(super) fn json(call: &Call<'_>, at: usize) -> Result<String> {
    let (Some(value), Some(field)) = (call.values.get(at), call.fields.get(at)) else {
        return Err(Error::internal("an argument is missing"));
    };
    let array = value.to_array()?;
    let field = laid_out(&PgType::of_field(field), array.data_type());
    element(&array, 0, &field, call.zone)
}

/// The field of a value of this type: a list that was taken out of an array of lists says nothing of its elements.
pub(super) fn laid_out(kind: &PgType, of: &DataType) -> Field {
    match (kind, of) {
        (PgType::Array(element), DataType::List(item)) => {
            let item = laid_out(element, item.data_type()).with_name(item.name());
            Field::new("", DataType::List(Arc::new(item)), true)
        }
        _ => Field::new("", of.clone(), true).with_metadata([(PG_TYPE_KEY.to_string(), kind.to_string())].into()),
    }
}

/// An argument as the text that Postgres shows; none for NULL.
pub(super) fn words(call: &Call<'_>, at: usize) -> Result<Option<String>> {
    let (Some(value), Some(field)) = (call.values.get(at), call.fields.get(at)) else { return Ok(None) };
    let array = value.to_array()?;
    let field = field.as_ref().clone().with_data_type(array.data_type().clone());
    shown(&array, &field, call.zone)
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// JSON in the form of `jsonb`.
pub(super) fn jsonb(json: &str) -> Result<ScalarValue> {
    read_text(&PgType::Jsonb, json, Zone::UTC)
}

/// A value of an array as JSON; `null` for NULL.
pub(super) fn element(array: &ArrayRef, row: usize, field: &Field, zone: Zone) -> Result<String> {
    if matches!(array.data_type(), DataType::Null) || array.is_null(row) {
        return Ok("null".to_string());
    }
    if let Some(list) = array.as_list_opt::<i32>() {
        let DataType::List(item) = field.data_type() else { return Err(Error::internal("a list without items")) };
        let values = list.value(row);
        let parts = (0..values.len()).map(|at| element(&values, at, item, zone)).collect::<Result<Vec<_>>>()?;
        return Ok(format!("[{}]", parts.join(",")));
    }
    if let Some(record) = array.as_struct_opt() {
        // What `row(..)` calls its fields, and what Postgres does.
        let unnamed = !is_whole(record.fields())
            && record.fields().iter().enumerate().all(|(at, field)| *field.name() == format!("c{at}"));
        let name = |at: usize, field: &Field| if unnamed { format!("f{}", at + 1) } else { field.name().clone() };
        let parts = record
            .fields()
            .iter()
            .zip(record.columns())
            .enumerate()
            .map(|(at, (field, column))| {
                Ok(format!("{}:{}", quoted(&name(at, field)), element(column, row, field, zone)?))
            })
            .collect::<Result<Vec<_>>>()?;
        return Ok(format!("{{{}}}", parts.join(",")));
    }
    let one = array.slice(row, 1);
    let Some(text) = shown(&one, field, zone)? else { return Ok("null".to_string()) };
    Ok(match PgType::of_field(field) {
        PgType::Bool => String::from(if text == "t" { "true" } else { "false" }),
        PgType::Json | PgType::Jsonb => text,
        PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Oid => text,
        PgType::Float4 | PgType::Float8 | PgType::Numeric(_) if is_number(&text) => text,
        // ISO 8601 has a T between date and time, and minutes in the offset.
        PgType::Timestamp => quoted(&text.replacen(' ', "T", 1)),
        PgType::TimestampTz => {
            let mut iso = text.replacen(' ', "T", 1);
            let bytes = iso.as_bytes();
            if bytes.len() > 3 && matches!(bytes.get(bytes.len() - 3), Some(b'+' | b'-')) {
                iso.push_str(":00");
            }
            quoted(&iso)
        }
        _ => quoted(&text),
    })
}

/// `NaN` and `Infinity` are no JSON numbers.
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e'))
}

fn shown(array: &ArrayRef, field: &Field, zone: Zone) -> Result<Option<String>> {
    let schema = Arc::new(Schema::new(vec![field.clone().with_nullable(true)]));
    let batch = RecordBatch::try_new(schema, vec![Arc::clone(array)])?;
    let name = match zone {
        Zone::Fixed(0) => "UTC".to_string(),
        Zone::Fixed(seconds) => {
            let (sign, size) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
            format!("{sign}{:02}:{:02}:{:02}", size / 3_600, size / 60 % 60, size % 60)
        }
        Zone::Named(zone) => zone.name().to_string(),
    };
    Ok(text_values(&batch, &name)?.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
}

/// 22023, for a member without a name.
pub(super) fn no_name(message: String) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
