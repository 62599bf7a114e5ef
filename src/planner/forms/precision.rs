//! How many digits the seconds of a time have: `now()::timestamp(0)`, `time(3) '10:00:00.12345'`, `current_timestamp(0)`.

use datafusion::sql::sqlparser::ast::{DataType, Expr, Function, Value};

use super::call::{self, call};

/// What rounds a value to so many digits of a second.
const TO_PRECISION: &str = "onerow_to_precision";

/// Rounds what a cast gives, or a literal with its type, where the type says to how many digits.
pub(super) fn rounded(expr: &mut Expr) {
    let data_type = match expr {
        Expr::Cast { data_type, .. } => data_type,
        Expr::TypedString(typed) => &mut typed.data_type,
        _ => return,
    };
    let digits = match data_type {
        DataType::Time(digits, _) | DataType::Timestamp(digits, _) => digits.take(),
        DataType::Interval { fields: None, precision } => precision.take(),
        _ => None,
    };
    if let Some(digits) = digits {
        *expr = to(call::take(expr), digits);
    }
}

/// `current_timestamp(n)` and `localtimestamp(n)`; none for other calls.
pub(super) fn of_clock(function: &mut Function, moment: Expr) -> Option<Expr> {
    let [digits]: [&mut Expr; 1] = call::plain_arguments(function)?.try_into().ok()?;
    let Expr::Value(value) = digits else { return None };
    match &value.value {
        Value::Number(digits, _) => Some(to(moment, digits.parse().ok()?)),
        _ => None,
    }
}

fn to(value: Expr, digits: u64) -> Expr {
    call(TO_PRECISION, vec![value, Expr::value(Value::Number(digits.to_string(), false))])
}
