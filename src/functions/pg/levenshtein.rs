//! `levenshtein(a, b [, insert, delete, substitute])`: the cost of turning one text into another.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// The most characters a text may have.
const LONGEST: usize = 255;

/// `levenshtein`
pub(super) fn udf() -> ScalarUDF {
    Spec::new(
        "levenshtein",
        &[Param::Text, Param::Text, Param::Int, Param::Int, Param::Int],
        |_| PgType::Int4,
        |call| {
            let costs = match call.values.len() {
                2 => [1; 3],
                5 => [2, 3, 4].map(|at| call.int(at).unwrap_or(1)),
                count => {
                    return Err(Error::new(
                        SqlState::UNDEFINED_FUNCTION,
                        format!("function levenshtein does not take {count} arguments"),
                    ));
                }
            };
            let cost = distance(call.text(0).unwrap_or_default(), call.text(1).unwrap_or_default(), costs)?;
            Ok(Some(ScalarValue::Int32(i32::try_from(cost).ok())))
        },
    )
    .requires(2)
    .udf()
}

fn distance(from: &str, to: &str, [insert, delete, substitute]: [i64; 3]) -> Result<i64> {
    let to: Vec<char> = to.chars().take(LONGEST + 1).collect();
    if to.len() > LONGEST || from.chars().nth(LONGEST).is_some() {
        return Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("levenshtein argument exceeds maximum length of {LONGEST} characters"),
        ));
    }
    // Costs saturate: they are the caller's.
    let mut row: Vec<i64> = (0..=to.len() as i64).map(|count| insert.saturating_mul(count)).collect();
    for letter in from.chars() {
        let mut left = row.first().copied().unwrap_or(0).saturating_add(delete);
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (wanted, above) in to.iter().zip(row.windows(2)) {
            let [diagonal, above] = above else { continue };
            let turned = if *wanted == letter { *diagonal } else { diagonal.saturating_add(substitute) };
            left = left.saturating_add(insert).min(above.saturating_add(delete)).min(turned);
            next.push(left);
        }
        row = next;
    }
    Ok(row.last().copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_count() {
        assert_eq!(distance("GUMBO", "GAMBOL", [1, 1, 1]).unwrap(), 2);
        assert_eq!(distance("GUMBO", "GAMBOL", [2, 1, 1]).unwrap(), 3);
        assert_eq!(distance("", "äö", [1, 1, 1]).unwrap(), 2);
        assert_eq!(distance("abc", "", [1, 2, 1]).unwrap(), 6);
        assert!(distance(&"x".repeat(255), "y", [1, 1, 1]).is_ok());
        assert!(distance(&"x".repeat(256), "y", [1, 1, 1]).is_err());
    }
}
