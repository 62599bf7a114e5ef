//! `survivor(v ORDER BY ..)`: the first value by an order of one's own.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, MergeRule, VALUE, describe};

/// The first value by the ORDER BY in the call. Null values are skipped. Of rows that the ORDER BY leaves equal, the
/// greater value wins.
pub(super) static RULE: MergeRule =
    MergeRule { name: "survivor", choice: Choice::Ordered, arguments: &[VALUE], required: 1, documentation };

fn documentation() -> Documentation {
    describe(
        "The first value by the ORDER BY in the call. Null values are skipped. Of rows that the ORDER BY leaves equal, \
         the greater value wins. As everywhere in Postgres, nulls come last in ascending order and first in \
         descending order; write NULLS LAST where a missing key should not win. Without ORDER BY it is an error \
         (42601). It is no window function: first_value is.",
        "survivor(v ORDER BY keys)",
        "
SELECT survivor(city ORDER BY verified DESC NULLS LAST, rank)
  FROM (VALUES ('Bern', true, 2), ('Basel', true, 1), ('Zug', NULL, 0)) AS t(city, verified, rank);
 survivor
----------
 Basel",
    )
    .with_argument(
        "v",
        "What is merged, of any type with an order. A struct keeps its fields together; it is skipped only when \
         all of them are null.",
    )
    .with_argument(
        "keys",
        "What the rows are sorted by, the most important first, each with DESC, NULLS FIRST or NULLS LAST.",
    )
    .build()
}
