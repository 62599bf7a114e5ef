//! `all_values(v)`: every distinct value.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, MergeRule, VALUE, describe};

/// All distinct values as an array, in ascending order. Null values are skipped; null where there is no value, as
/// array_agg. DISTINCT is allowed and changes nothing.
pub(super) static RULE: MergeRule =
    MergeRule { name: "all_values", choice: Choice::AllValues, arguments: &[VALUE], required: 1, documentation };

fn documentation() -> Documentation {
    describe(
        "All distinct values as an array, in ascending order. Null values are skipped; null where there is no \
         value, as array_agg. DISTINCT is allowed and changes nothing.",
        "all_values(v)",
        "
SELECT all_values(phone) FROM (VALUES ('2'), ('1'), ('2'), (NULL)) AS t(phone);
 all_values
------------
 {1,2}",
    )
    .with_argument("v", "What is collected, of any type with an order. 0 and -0 are one value, and so are all NaNs.")
    .build()
}
