//! `json_object` of names and values in arrays, for `jsonb` too.

use datafusion::logical_expr::ScalarUDF;

use super::convert::{jsonb, quoted};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::row_function::{Call, Param, Spec, text};

const NAMES_AND_VALUES: &[Param] = &[Param::Texts, Param::Texts];

/// The functions of this file.
pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        Spec::new("json_object", NAMES_AND_VALUES, |_| PgType::Json, |call| Ok(text(object(call)?))).requires(1).udf(),
        Spec::new("jsonb_object", NAMES_AND_VALUES, |_| PgType::Jsonb, |call| Ok(Some(jsonb(&object(call)?)?)))
            .requires(1)
            .udf(),
    ]
}

fn object(call: &Call<'_>) -> Result<String> {
    let first = call.texts(0)?.unwrap_or_default();
    if call.values.len() > 1 {
        let values = call.texts(1)?.unwrap_or_default();
        if first.len() != values.len() {
            return Err(Error::new(SqlState("2202E"), "mismatched array dimensions"));
        }
        return written(first.iter().zip(&values));
    }
    if !first.len().is_multiple_of(2) {
        return Err(Error::new(SqlState("2202E"), "array must have even number of elements"));
    }
    written(first.chunks_exact(2).filter_map(|pair| Some((pair.first()?, pair.last()?))))
}

fn written<'a>(members: impl Iterator<Item = (&'a Option<String>, &'a Option<String>)>) -> Result<String> {
    let mut parts = vec![];
    for (name, value) in members {
        let Some(name) = name else {
            return Err(Error::new(SqlState("22004"), "null value not allowed for object key"));
        };
        let value = value.as_deref().map_or("null".to_string(), quoted);
        parts.push(format!("{} : {value}", quoted(name)));
    }
    Ok(format!("{{{}}}", parts.join(", ")))
}
