//! `scale(numeric)`: how many digits a number has behind the point; `min_scale(numeric)`: how many it needs.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// Both of them.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    let spec = |name, body| Spec::new(name, &[Param::Any], |_| PgType::Int4, body).udf();
    vec![spec("scale", |call| digits(call, "scale", false)), spec("min_scale", |call| digits(call, "min_scale", true))]
}

fn digits(call: &Call<'_>, name: &str, needed: bool) -> Result<Option<ScalarValue>> {
    let Some(value) = call.values.first() else { return Ok(None) };
    let scale = match value {
        ScalarValue::Decimal128(Some(_), _, scale) | ScalarValue::Decimal256(Some(_), _, scale) => *scale,
        value if value.data_type().is_integer() => 0,
        value => {
            let kind = PgType::of_arrow(&value.data_type()).base_name();
            return Err(Error::new(SqlState::UNDEFINED_FUNCTION, format!("function {name}({kind}) does not exist"))
                .with_hint(
                    "No function matches the given name and argument types. You might need to add explicit type casts.",
                ));
        }
    };
    let zeros = match (needed, value) {
        (true, ScalarValue::Decimal128(Some(number), ..)) => zeros(&number.to_string()),
        (true, ScalarValue::Decimal256(Some(number), ..)) => zeros(&number.to_string()),
        _ => 0,
    };
    let digits = usize::try_from(scale).unwrap_or(0).saturating_sub(zeros);
    Ok(i32::try_from(digits).ok().map(|digits| ScalarValue::Int32(Some(digits))))
}

/// How many zeros a number ends with; zero has no end to them.
fn zeros(number: &str) -> usize {
    match number.trim_start_matches('-') {
        "0" => usize::MAX,
        digits => digits.len() - digits.trim_end_matches('0').len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_at_the_end() {
        assert_eq!((zeros("8410"), zeros("-100"), zeros("7"), zeros("0")), (1, 2, 0, usize::MAX));
    }
}
