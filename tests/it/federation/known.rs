//! Faults that the generator walks around, each as narrowly as it can be, until they are mended.
//!
//! `ONEROW_EQUALITY_ALL=1` walks into all of them. What is mended is taken off.

/// Whether to walk around them.
fn around() -> bool {
    std::env::var_os("ONEROW_EQUALITY_ALL").is_none()
}

/// `sum(integer)` and `sum(smallint)` of a table's column say that they are numeric,
/// and cannot be cast to bigint.
pub fn sum_of_integers() -> bool {
    around()
}

/// Which of `0` and `-0` stands for both in a group, in DISTINCT, `min` or `max`.
pub fn negative_zero() -> bool {
    around()
}

/// Errors of the local engine about plans that are right: a UNION ALL in whose parts two sorted columns are one
/// expression, a column of an aggregate whose nullability two parts of the planner see differently, and an aggregate
/// of a constant with FILTER over the one column of another.
pub fn is_engine_error(message: &str) -> bool {
    let known = [
        "does not satisfy order requirements",
        "Physical input schema should be the same",
        "does not match with the projection expression",
    ];
    around() && known.iter().any(|words| message.contains(words))
}
