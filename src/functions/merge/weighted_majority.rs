//! `weighted_majority(v, w)`: the value with the greatest sum of weights.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, MergeRule, VALUE, WEIGHT, describe};

/// The value with the greatest sum of weights. Null values are skipped, and a null weight counts 0. Of values with
/// the same sum, the greater wins. Weights are summed exactly, doubles too, so the order of rows never shows; a
/// negative, infinite or NaN weight is an error (22023).
pub(super) static RULE: MergeRule = MergeRule {
    name: "weighted_majority",
    choice: Choice::WeightedMajority,
    arguments: &[VALUE, WEIGHT],
    required: 2,
    documentation,
};

fn documentation() -> Documentation {
    describe(
        "The value with the greatest sum of weights. Null values are skipped, and a null weight counts 0. Of \
         values with the same sum, the greater wins. Weights are summed exactly, doubles too, so the order of \
         rows never shows; a negative, infinite or NaN weight is an error (22023).",
        "weighted_majority(v, w)",
        "
SELECT weighted_majority(city, w) FROM (VALUES ('Bern', 1), ('Basel', 3), ('Bern', 1)) AS t(city, w);
 weighted_majority
-------------------
 Basel",
    )
    .with_argument("v", "What is merged, of any type with an order. 0 and -0 are one value, and so are all NaNs.")
    .with_argument("w", "How much the row counts: a number of zero or more.")
    .build()
}
