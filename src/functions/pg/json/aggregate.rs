//! `json_agg` and `json_object_agg`, for `jsonb` too: the text of what `array_agg` collected.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::logical_expr::{ScalarUDF, Volatility};
use datafusion::scalar::ScalarValue;

use super::build::member;
use super::convert::{json, jsonb};
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::functions::limited::{MOST, too_large};
use crate::functions::pg::row_function::{Call, Param, Spec, returns_text, text};

/// The functions of this file. Forms of SQL are rewritten to them; see `planner::forms`.
pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        Spec::new("onerow_json_agg", &[Param::Texts], |_| PgType::Json, |call| Ok(text(list(call)?))).udf(),
        Spec::new("onerow_jsonb_agg", &[Param::Texts], |_| PgType::Jsonb, |call| Ok(Some(jsonb(&list(call)?)?))).udf(),
        Spec::new("onerow_json_element", &[Param::Any], |_| PgType::Json, element).is(Volatility::Stable).udf(),
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

/// What stands before a row or an array in `json_agg`, unless it is the first: Postgres begins a line for each.
const LINE: &str = "\n ";

/// A value as an element of `json_agg`.
fn element(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let line = if matches!(call.pg_type(0), Some(PgType::Array(_) | PgType::Record)) { LINE } else { "" };
    Ok(text(format!("{line}{}", json(call, 0)?)))
}

fn list(call: &Call<'_>) -> Result<String> {
    written(call, "[", "]")
}

fn object(call: &Call<'_>) -> Result<String> {
    written(call, "{ ", " }")
}

/// The members between their brackets, written once: there may be a gigabyte of them, and no more (54000).
fn written(call: &Call<'_>, begin: &str, end: &str) -> Result<String> {
    let members = match call.values.first() {
        Some(ScalarValue::List(list)) if !list.is_empty() && !list.is_null(0) => Some(list.value(0)),
        _ => None,
    };
    let members = match &members {
        Some(members) => {
            Some(members.as_string_view_opt().ok_or_else(|| Error::internal("elements that are no text"))?)
        }
        None => None,
    };
    let texts = || members.iter().flat_map(|members| members.iter()).map(|member| member.unwrap_or("null"));
    let bytes = texts().map(|text| text.len() as u64 + 2).sum::<u64>();
    if bytes > MOST {
        return Err(too_large("What was collected", bytes));
    }
    let mut json = String::with_capacity(bytes as usize + begin.len() + end.len());
    json.push_str(begin);
    for (nth, text) in texts().enumerate() {
        if nth > 0 {
            json.push_str(", ");
            json.push_str(text);
        } else {
            json.push_str(text.strip_prefix(LINE).unwrap_or(text));
        }
    }
    json.push_str(end);
    Ok(json)
}
