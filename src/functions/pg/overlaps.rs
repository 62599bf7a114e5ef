//! `onerow_overlaps(s1, e1, s2, e2)`: whether two times have a moment in common; one whose ends are the same is that moment.

use std::cmp::Ordering;

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::read_text;

const DAY: i64 = 86_400_000_000;

/// What `OVERLAPS` is rewritten to.
pub(super) fn udf() -> ScalarUDF {
    Spec::new(
        "onerow_overlaps",
        &[Param::Any; 4],
        |_| PgType::Bool,
        |call| {
            let of = |at: usize| moment(call, at);
            Ok(overlap((of(0)?, of(1)?), (of(2)?, of(3)?)).map(|overlap| ScalarValue::Boolean(Some(overlap))))
        },
    )
    .called_on_null()
    .udf()
}

/// A literal in quotes is of the type of the others.
fn moment(call: &Call<'_>, at: usize) -> Result<Option<i64>> {
    let micros = |value: &ScalarValue| match value {
        ScalarValue::Date32(Some(day)) => i64::from(*day).checked_mul(DAY),
        ScalarValue::TimestampMicrosecond(Some(micros), _) | ScalarValue::Time64Microsecond(Some(micros)) => {
            Some(*micros)
        }
        _ => None,
    };
    let Some(value) = call.values.get(at).filter(|value| !value.is_null()) else { return Ok(None) };
    let found = match value.try_as_str().flatten() {
        Some(text) => {
            let other = (0..4)
                .filter_map(|at| call.pg_type(at))
                .find(|kind| matches!(kind, PgType::Date | PgType::Time | PgType::Timestamp | PgType::TimestampTz));
            micros(&read_text(&other.unwrap_or(PgType::TimestampTz), text, call.zone)?)
        }
        None => micros(value),
    };
    found.map(Some).ok_or_else(|| {
        let kind = PgType::of_arrow(&value.data_type());
        Error::new(SqlState::UNDEFINED_FUNCTION, format!("OVERLAPS does not take a value of type {kind}"))
    })
}

type Period = (Option<i64>, Option<i64>);

/// The ends in their order; a period with one end begins there. None without any.
fn ordered((start, end): Period) -> Option<(i64, Option<i64>)> {
    match (start, end) {
        (Some(start), Some(end)) => Some((start.min(end), Some(start.max(end)))),
        (Some(one), None) | (None, Some(one)) => Some((one, None)),
        (None, None) => None,
    }
}

fn overlap(one: Period, other: Period) -> Option<bool> {
    let ((start1, end1), (start2, end2)) = (ordered(one)?, ordered(other)?);
    // What begins first must not have ended when the other begins; an end that is not known decides nothing.
    let reaches = |end: Option<i64>, start: i64, later: Option<i64>| match end {
        None => None,
        Some(end) if start < end => Some(true),
        Some(_) => later.map(|_| false),
    };
    match start1.cmp(&start2) {
        Ordering::Greater => reaches(end2, start1, end1),
        Ordering::Less => reaches(end1, start2, end2),
        Ordering::Equal => end1.and(end2).map(|_| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_overlap() {
        let of = |a: i64, b: i64| (Some(a), Some(b));
        assert_eq!(overlap(of(1, 5), of(4, 9)), Some(true));
        assert_eq!(overlap(of(5, 1), of(9, 4)), Some(true));
        assert_eq!(overlap(of(1, 5), of(5, 9)), Some(false));
        assert_eq!(overlap(of(1, 1), of(1, 1)), Some(true));
        assert_eq!(overlap((Some(1), None), of(2, 3)), None);
        assert_eq!(overlap((Some(5), None), of(2, 9)), Some(true));
        assert_eq!(overlap((None, None), of(2, 9)), None);
    }
}
