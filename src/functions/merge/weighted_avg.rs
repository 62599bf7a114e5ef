//! `weighted_avg(v, w)`: the mean of the values by their weights.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, MergeRule, VALUE, WEIGHT, describe};

/// The weighted mean, sum(v * w) / sum(w), in double precision. Rows where the value or the weight is null are
/// skipped; null when the weights sum to 0. Integers and numerics are summed exactly and doubles in twice their
/// precision, so the order of rows does not show. A negative, infinite or NaN weight is an error (22023), a sum
/// beyond the range of doubles is one too (22003).
pub(super) static RULE: MergeRule = MergeRule {
    name: "weighted_avg",
    choice: Choice::WeightedAverage,
    arguments: &[VALUE, WEIGHT],
    required: 2,
    documentation,
};

fn documentation() -> Documentation {
    describe(
        "The weighted mean, sum(v * w) / sum(w), in double precision. Rows where the value or the weight is null \
         are skipped; null when the weights sum to 0. Integers and numerics are summed exactly and doubles in \
         twice their precision, so the order of rows does not show. A negative, infinite or NaN weight is an \
         error (22023), a sum beyond the range of doubles is one too (22003).",
        "weighted_avg(v, w)",
        "
SELECT weighted_avg(revenue, w) FROM (VALUES (100, 1), (200, 3), (NULL, 5)) AS t(revenue, w);
 weighted_avg
--------------
          175",
    )
    .with_argument("v", "A number.")
    .with_argument("w", "How much the row counts: a number of zero or more.")
    .build()
}
