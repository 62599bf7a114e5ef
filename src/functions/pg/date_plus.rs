//! A date and a number of days, as functions that `date + integer` and `date - integer` are planned as.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::calendar::{FIRST_DAY, LAST_DAY};

/// `onerow_date_plus(date, bigint)`
pub fn plus() -> ScalarUDF {
    Spec::new("onerow_date_plus", &[Param::Any, Param::Int], |_| PgType::Date, |call| moved(call, Some)).udf()
}

/// `onerow_date_minus(date, bigint)`
pub fn minus() -> ScalarUDF {
    Spec::new("onerow_date_minus", &[Param::Any, Param::Int], |_| PgType::Date, |call| moved(call, i64::checked_neg))
        .udf()
}

fn moved(call: &Call<'_>, sign: fn(i64) -> Option<i64>) -> Result<Option<ScalarValue>> {
    let (Some(ScalarValue::Date32(Some(day))), Some(days)) = (call.values.first(), call.int(1)) else {
        return Ok(None);
    };
    Ok(Some(ScalarValue::Date32(Some(after(*day, sign(days))?))))
}

/// The day so many days after another; an infinite one stays.
fn after(day: i32, days: Option<i64>) -> Result<i32> {
    if matches!(day, i32::MIN | i32::MAX) {
        return Ok(day);
    }
    let moved = days.and_then(|days| i64::from(day).checked_add(days));
    moved
        .filter(|day| (FIRST_DAY..=LAST_DAY).contains(day))
        .and_then(|day| i32::try_from(day).ok())
        .ok_or_else(|| Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_end_where_postgres_ends_them() {
        assert_eq!(after(0, Some(LAST_DAY)).unwrap(), 2_145_042_905);
        assert_eq!(after(0, Some(LAST_DAY + 1)).unwrap_err().state(), SqlState::DATETIME_FIELD_OVERFLOW);
        assert_eq!(after(0, Some(FIRST_DAY)).unwrap(), -2_440_588);
        assert!(after(0, Some(FIRST_DAY - 1)).is_err() && after(0, None).is_err());
        assert_eq!(after(i32::MAX, Some(-5)).unwrap(), i32::MAX);
    }
}
