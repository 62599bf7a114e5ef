//! `majority(v)`: the value that most rows have.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, MergeRule, VALUE, describe};

/// The value that most rows have. Null values are skipped. Of values that as many rows have, the greater wins.
pub(super) static RULE: MergeRule =
    MergeRule { name: "majority", choice: Choice::Majority, arguments: &[VALUE], required: 1, documentation };

fn documentation() -> Documentation {
    describe(
        "The value that most rows have. Null values are skipped. Of values that as many rows have, the greater \
         wins.",
        "majority(v)",
        "
SELECT majority(city) FROM (VALUES ('Bern'), ('Basel'), ('Bern'), (NULL), (NULL), (NULL)) AS t(city);
 majority
----------
 Bern",
    )
    .with_argument("v", "What is merged, of any type with an order. 0 and -0 are one value, and so are all NaNs.")
    .build()
}
