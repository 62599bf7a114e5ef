//! `most_trusted(v, trust [, ts])`: the value from where trust is greatest.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, Key, MergeRule, Role, TIME, TRUST, VALUE, describe};

/// The value with the greatest trust. Null values are skipped, and null trust ranks below every other. Of values
/// with the same trust, the one with the latest timestamp wins when timestamps are given (one without a timestamp
/// last), then the greater value.
pub(super) static RULE: MergeRule = MergeRule {
    name: "most_trusted",
    choice: Choice::Ranked(&[Key::Greatest(Role::Trust), Key::Greatest(Role::Time)]),
    arguments: &[VALUE, TRUST, TIME],
    required: 2,
    documentation,
};

fn documentation() -> Documentation {
    describe(
        "The value with the greatest trust. Null values are skipped, and null trust ranks below every other. Of \
         values with the same trust, the one with the latest timestamp wins when timestamps are given (one \
         without a timestamp last), then the greater value.",
        "most_trusted(v, trust [, ts])",
        "
SELECT most_trusted(city, CASE source WHEN 'erp' THEN 2 ELSE 1 END, at)
  FROM (VALUES ('erp', 'Bern', DATE '2024-01-01'), ('shop', 'Basel', DATE '2024-03-01')) AS t(source, city, at);
 most_trusted
--------------
 Bern",
    )
    .with_argument(
        "v",
        "What is merged, of any type with an order. A struct keeps its fields together; it is skipped only when \
         all of them are null.",
    )
    .with_argument(
        "trust",
        "How far the value is trusted: a number, the greater the more. NaN is above every number, as in Postgres.",
    )
    .with_argument("ts", "When the value was observed: a timestamp, date, time or number. May be left out.")
    .build()
}
