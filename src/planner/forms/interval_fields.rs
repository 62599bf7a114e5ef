//! Casts to an interval of some fields: `'5'::interval minute`, `x::interval day to hour`.

use datafusion::sql::sqlparser::ast::{DataType, Expr, Value, ValueWithSpan};

use super::call::{self, call};
use crate::planner::written::in_fields;

/// Every digit of a second that is held.
const ALL: u64 = 6;

/// A literal is read as the type says and written plainly; the function cuts what any other value has.
pub(super) fn cut(expr: &mut Expr) {
    let (data_type, literal) = match expr {
        Expr::Cast { data_type, expr, .. } => match expr.as_mut() {
            Expr::Value(literal) => (data_type, Some(literal)),
            _ => (data_type, None),
        },
        Expr::TypedString(typed) => (&mut typed.data_type, Some(&mut typed.value)),
        _ => return,
    };
    let DataType::Interval { fields: fields @ Some(_), precision } = data_type else { return };
    let Some(named) = fields.take().map(|fields| fields.to_string()) else { return };
    let digits = precision.take().unwrap_or(ALL);
    if let Some(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = literal {
        // What is none is refused as any text that is cast to interval.
        if let Some(plain) = in_fields(text, &named, Some(digits), 1) {
            *text = plain;
        }
        return;
    }
    let digits = Expr::value(Value::Number(digits.to_string(), false));
    *expr = call("onerow_interval_fields", vec![call::take(expr), call::text(named), digits]);
}
