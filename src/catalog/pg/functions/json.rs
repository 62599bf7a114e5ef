//! JSON from values, as clients ask for details of a column in one.

use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use super::spec::Call;
use super::text::words;
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// `json_build_object(name, value, ..)` of one row.
pub fn object(call: &Call<'_>, row: usize) -> Result<String> {
    if !call.count().is_multiple_of(2) {
        let message = "argument list must have even number of elements";
        return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message).into());
    }
    let mut members = Vec::with_capacity(call.count() / 2);
    for at in (0..call.count()).step_by(2) {
        let name = words(call, at, row)?.ok_or_else(|| {
            Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("argument {}: key must not be null", at + 1))
        })?;
        members.push(format!("{} : {}", quoted(&name), value(call, at + 1, row)?));
    }
    Ok(format!("{{{}}}", members.join(", ")))
}

fn value(call: &Call<'_>, at: usize, row: usize) -> Result<String> {
    let Some(text) = words(call, at, row)? else { return Ok("null".to_string()) };
    let plain = match call.raw(at).map(|values| values.data_type()) {
        Some(DataType::Boolean) => return Ok(if text == "t" { "true" } else { "false" }.to_string()),
        Some(DataType::Float16 | DataType::Float32 | DataType::Float64) => {
            text.parse::<f64>().is_ok_and(f64::is_finite)
        }
        Some(data_type) => data_type.is_numeric(),
        None => false,
    };
    let json = call.fields.get(at).is_some_and(|field| matches!(PgType::of_field(field), PgType::Json | PgType::Jsonb));
    Ok(if plain || json { text } else { quoted(&text) })
}

/// A text in JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(quoted("a\"b\\\n\u{1}"), r#""a\"b\\\n\u0001""#);
    }
}
