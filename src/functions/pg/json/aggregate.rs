//! `json_agg` and `json_object_agg`, for `jsonb` too: the text of what `array_agg` collected.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::build::member;
use super::convert::jsonb;
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::functions::pg::row_function::{Call, Param, Spec, returns_text, text};

/// The functions of this file. Forms of SQL are rewritten to them; see `planner::forms`.
pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        Spec::new("onerow_json_agg", &[Param::Texts], |_| PgType::Json, |call| Ok(text(list(call)?))).udf(),
        Spec::new("onerow_jsonb_agg", &[Param::Texts], |_| PgType::Jsonb, |call| Ok(Some(jsonb(&list(call)?)?))).udf(),
        Spec::new("onerow_json_member", &[Param::Any, Param::Text], returns_text, member).called_on_null().udf(),
        Spec::new("onerow_json_object_agg", &[Param::Texts], |_| PgType::Json, |call| Ok(text(object(call)?))).udf(),
        Spec::new(
            "onerow_jsonb_object_agg",
            &[Param::Texts],
            |_| PgType::Jsonb,
            |call| Ok(Some(jsonb(&object(call)?)?)),
        )
        .udf(),
    ]
}

fn list(call: &Call<'_>) -> Result<String> {
    Ok(format!("[{}]", parts(call)?.join(", ")))
}

fn object(call: &Call<'_>) -> Result<String> {
    Ok(format!("{{ {} }}", parts(call)?.join(", ")))
}

fn parts(call: &Call<'_>) -> Result<Vec<String>> {
    let Some(ScalarValue::List(list)) = call.values.first() else { return Ok(vec![]) };
    if list.is_empty() || list.is_null(0) {
        return Ok(vec![]);
    }
    let values = list.value(0);
    let values = values.as_string_view_opt().ok_or_else(|| Error::internal("elements that are no text"))?;
    Ok(values.iter().map(|value| value.unwrap_or("null").to_string()).collect())
}
