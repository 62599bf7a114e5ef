//! Rows as lines of JSON, one object each: what COPY writes and reads in JSON mode.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::convert::{element, laid_out, quoted};
use super::scan::{Json, invalid, member, read};
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::functions::limited::{MOST, too_large};
use crate::values::Zone;

/// The schema of rows as objects: one column of texts.
pub(crate) fn object_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("row", DataType::Utf8View, false)]))
}

/// Each row of a batch as an object on one line; `timestamptz` is shown in `zone`. `schema` says what the columns are in
/// Postgres.
pub(crate) fn objects(schema: &Schema, batch: &RecordBatch, zone: Zone) -> Result<RecordBatch> {
    let columns: Vec<_> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, array)| (quoted(field.name()), array, laid_out(&PgType::of_field(field), array.data_type())))
        .collect();
    let mut lines = StringViewBuilder::new();
    let mut line = String::new();
    for row in 0..batch.num_rows() {
        line.clear();
        line.push('{');
        for (at, (name, array, field)) in columns.iter().enumerate() {
            if at > 0 {
                line.push(',');
            }
            line.push_str(name);
            line.push(':');
            line.push_str(&element(array, row, field, zone)?);
        }
        line.push('}');
        if line.len() as u64 > MOST {
            return Err(too_large("A row", line.len() as u64));
        }
        // A document may be written over several lines: between its parts, where a space is as good.
        if line.contains(['\n', '\r']) {
            line = line.replace(['\n', '\r'], " ");
        }
        lines.append_value(&line);
    }
    Ok(RecordBatch::try_new(object_schema(), vec![Arc::new(lines.finish())])?)
}

/// The texts that an object has for these columns, as their types read them; none for what is `null` or not there. Other
/// members mean nothing.
pub(crate) fn texts<'a>(
    line: &str,
    columns: impl Iterator<Item = (&'a str, &'a PgType)>,
) -> Result<Vec<Option<String>>> {
    serde_json::from_str::<serde::de::IgnoredAny>(line).map_err(|error| invalid().with_detail(error.to_string()))?;
    let Json::Object(members) = read(line)? else {
        return Err(Error::new(invalid().state(), "a line of JSON is no object")
            .with_hint("Each row is an object on a line of its own: {\"column\": value, ..}."));
    };
    columns.map(|(name, kind)| member(&members, name).map_or(Ok(None), |value| text(value, kind))).collect()
}

/// A value as the text that a type reads.
fn text(value: &str, kind: &PgType) -> Result<Option<String>> {
    Ok(match (kind, read(value)?) {
        (_, Json::Null) => None,
        (PgType::Json | PgType::Jsonb, _) => Some(value.to_string()),
        (PgType::Array(_), Json::Array(elements)) => Some(array(&elements)?),
        (_, Json::Text(words)) => Some(words),
        _ => Some(value.to_string()),
    })
}

/// The elements of an array as Postgres writes one.
fn array(elements: &[&str]) -> Result<String> {
    let written = |value: &&str| -> Result<String> {
        Ok(match read(value)? {
            Json::Null => "NULL".to_string(),
            Json::Bool(_) | Json::Number(_) => value.to_string(),
            Json::Array(inner) => array(&inner)?,
            Json::Text(words) => in_quotes(&words),
            Json::Object(_) => in_quotes(value),
        })
    };
    Ok(format!("{{{}}}", elements.iter().map(written).collect::<Result<Vec<_>>>()?.join(",")))
}

fn in_quotes(words: &str) -> String {
    format!("\"{}\"", words.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, AsArray, Int32Array, StringViewArray};

    use super::*;

    #[test]
    fn rows_become_lines() {
        let schema = Schema::new(vec![
            Field::new("id", DataType::Int32, true),
            Field::new("a \"b\"", DataType::Utf8View, true),
            PgType::Json.field("doc", true),
        ]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![Some(1), None])),
            Arc::new(StringViewArray::from(vec![Some("x\ny"), None])),
            Arc::new(StringViewArray::from(vec![Some("{\"a\":\n1}"), None])),
        ];
        let batch = RecordBatch::try_new(Arc::new(schema.clone()), columns).unwrap();
        let lines = objects(&schema, &batch, Zone::UTC).unwrap();
        let lines: Vec<_> = lines.column(0).as_string_view().iter().map(Option::unwrap).collect();
        assert_eq!(lines, [r#"{"id":1,"a \"b\"":"x\ny","doc":{"a": 1}}"#, r#"{"id":null,"a \"b\"":null,"doc":null}"#]);
    }

    #[test]
    fn members_become_the_texts_of_columns() {
        let list = PgType::Array(Box::new(PgType::Text));
        let columns = [
            ("n", &PgType::Int4),
            ("t", &PgType::Text),
            ("doc", &PgType::Jsonb),
            ("list", &list),
            ("gone", &PgType::Bool),
        ];
        let of = |line: &str| texts(line, columns.into_iter());
        let found = of(r#" {"n": 1, "t": "a\"b", "doc": {"x": [1]}, "list": ["a\"b", null, 1, "c\\d"], "other": 2} "#);
        let found: Vec<Option<String>> = found.unwrap();
        let found: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
        let list = r#"{"a\"b",NULL,1,"c\\d"}"#;
        assert_eq!(found, [Some("1"), Some("a\"b"), Some(r#"{"x": [1]}"#), Some(list), None]);
        assert_eq!(of(r#"{"t": [1, 2], "n": null}"#).unwrap()[..2], [None, Some("[1, 2]".to_string())]);
        for line in ["[1]", "{\"a\": }", "1", "{} {}", "", "{\"a\": 01}"] {
            assert_eq!(of(line).unwrap_err().state().0, "22P02", "{line}");
        }
    }
}
