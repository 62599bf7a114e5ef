//! `oldest(v, ts)`: the value with the earliest timestamp.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, Key, MergeRule, Role, TIME, VALUE, describe};

/// The value with the earliest timestamp. Null values are skipped; a value without a timestamp wins only where none
/// has one. Of values with the same timestamp, the greater wins.
pub(super) static RULE: MergeRule = MergeRule {
    name: "oldest",
    choice: Choice::Ranked(&[Key::Smallest(Role::Time)]),
    arguments: &[VALUE, TIME],
    required: 2,
    documentation,
};

fn documentation() -> Documentation {
    describe(
        "The value with the earliest timestamp. Null values are skipped; a value without a timestamp wins only \
         where none has one. Of values with the same timestamp, the greater wins.",
        "oldest(v, ts)",
        "
SELECT oldest(city, at)
  FROM (VALUES ('Bern', DATE '2024-01-01'), ('Basel', DATE '2024-03-01'), ('Chur', NULL)) AS t(city, at);
 oldest
--------
 Bern",
    )
    .with_argument(
        "v",
        "What is merged, of any type with an order. A struct keeps its fields together; it is skipped only when \
         all of them are null.",
    )
    .with_argument("ts", "When the value was observed: a timestamp, date, time or number.")
    .build()
}
