//! `unanimous(v)`: the value, where there is only one.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, MergeRule, VALUE, describe};

/// The value that all rows agree on, null where two differ. Null values are skipped.
pub(super) static RULE: MergeRule =
    MergeRule { name: "unanimous", choice: Choice::Unanimous, arguments: &[VALUE], required: 1, documentation };

fn documentation() -> Documentation {
    describe(
        "The value that all rows agree on, null where two differ. Null values are skipped.",
        "unanimous(v)",
        "
SELECT unanimous(city), unanimous(zip) FROM (VALUES ('Bern', 3000), ('Bern', 3001), (NULL, NULL)) AS t(city, zip);
 unanimous | unanimous
-----------+-----------
 Bern      |",
    )
    .with_argument("v", "What is merged, of any type with an order. 0 and -0 are one value, and so are all NaNs.")
    .build()
}
