//! Rows as JSON: arrays and structs as such, numbers with all their digits, what JSON has no form for as the text that
//! the wire would send.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Schema;

use crate::catalog::types::PgType;
use crate::error::Result;
use crate::values::text_values;

/// The rows of a batch, each as one object in one line.
pub(super) fn lines(batch: &RecordBatch) -> Result<Vec<String>> {
    let schema = batch.schema();
    let mut columns = vec![];
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        columns.push((quoted(field.name()), values(&PgType::of_field(field), column)?));
    }
    Ok(objects(&columns, batch.num_rows()))
}

/// The values of a column.
fn values(kind: &PgType, column: &ArrayRef) -> Result<Vec<String>> {
    if let Some(lists) = column.as_list_opt::<i32>() {
        let items = lists.values();
        // An array of any number of dimensions is of one type.
        let of_items = match kind {
            PgType::Array(_) if items.as_list_opt::<i32>().is_some() => kind.clone(),
            PgType::Array(item) | PgType::Vector(item) => item.as_ref().clone(),
            _ => PgType::of_arrow(items.data_type()),
        };
        let items = values(&of_items, items)?;
        let list = |(row, bounds): (usize, &[i32])| {
            let [start, end] = bounds else { return null() };
            let (start, end) = (usize::try_from(*start).unwrap_or(0), usize::try_from(*end).unwrap_or(0));
            let own = items.get(start..end).filter(|_| lists.is_valid(row));
            own.map_or_else(null, |own| format!("[{}]", own.join(",")))
        };
        return Ok(lists.value_offsets().windows(2).enumerate().map(list).collect());
    }
    if let Some(structs) = column.as_struct_opt() {
        let mut fields = vec![];
        for (field, values_of) in structs.fields().iter().zip(structs.columns()) {
            fields.push((quoted(field.name()), values(&PgType::of_field(field), values_of)?));
        }
        let objects = objects(&fields, structs.len()).into_iter().enumerate();
        return Ok(objects.map(|(row, object)| if structs.is_null(row) { null() } else { object }).collect());
    }
    let field = kind.field("value", true).with_data_type(column.data_type().clone());
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::clone(column)])?;
    let texts = text_values(&batch, "UTC")?.into_iter().map(|row| row.into_iter().next().flatten());
    Ok(texts.map(|text| text.map_or_else(null, |text| value(kind, text))).collect())
}

fn objects(members: &[(String, Vec<String>)], rows: usize) -> Vec<String> {
    let of_row = |row: usize| {
        let members = members.iter().map(|(name, values)| {
            let value = values.get(row).map_or("null", String::as_str);
            format!("{name}:{value}")
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    (0..rows).map(of_row).collect()
}

/// A text of the wire as JSON. NaN and the infinities are no numbers there.
fn value(kind: &PgType, text: String) -> String {
    let is_json = || serde_json::from_str::<serde_json::Value>(&text).is_ok();
    match kind {
        PgType::Bool => (text == "t").to_string(),
        PgType::Int2
        | PgType::Int4
        | PgType::Int8
        | PgType::Oid
        | PgType::Numeric(_)
        | PgType::Float4
        | PgType::Float8
            if is_json() =>
        {
            text
        }
        // A line ends between values only: within a text it would be written as \n.
        PgType::Json | PgType::Jsonb if is_json() => text.replace(['\n', '\r'], " "),
        _ => quoted(&text),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn null() -> String {
    "null".to_string()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Float64Array, Int32Array, ListArray, StringViewArray, StructArray};
    use datafusion::arrow::datatypes::{DataType, Field, Int32Type};

    use super::*;

    #[test]
    fn lists_and_structs_are_what_they_are_in_json() {
        let numbers =
            ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
        let names: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a\"b"), None, Some("李")]));
        let counts: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
        let structs = StructArray::from(vec![
            (Arc::new(Field::new("name", DataType::Utf8View, true)), names),
            (Arc::new(Field::new("n", DataType::Int32, true)), counts),
        ]);
        let doubles: ArrayRef = Arc::new(Float64Array::from(vec![1.5, f64::NAN, f64::NEG_INFINITY]));
        let columns: [(&str, ArrayRef); 3] = [("l", Arc::new(numbers)), ("s", Arc::new(structs)), ("d", doubles)];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        assert_eq!(
            lines(&batch).unwrap(),
            [
                r#"{"l":[1,null],"s":{"name":"a\"b","n":1},"d":1.5}"#,
                r#"{"l":null,"s":{"name":null,"n":2},"d":"NaN"}"#,
                r#"{"l":[],"s":{"name":"李","n":3},"d":"-Infinity"}"#,
            ]
        );
    }

    #[test]
    fn json_stays_in_its_line_and_numbers_keep_their_digits() {
        assert_eq!(value(&PgType::Json, "{\n\"a\": \"\\n\"}".to_string()), "{ \"a\": \"\\n\"}");
        let digits = "12345678901234567890.1230000000";
        assert_eq!(value(&PgType::Numeric(None), digits.to_string()), digits);
        assert_eq!(value(&PgType::Bytea, "\\x00ff".to_string()), "\"\\\\x00ff\"");
    }
}
