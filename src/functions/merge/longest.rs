//! `longest(v)`: the longest value.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, Key, MergeRule, VALUE, describe};

/// The longest value: by characters for text, bytes for bytea, elements for arrays; for a struct by the sum over
/// its fields, where a number or date counts the characters of its text. Null values are skipped. Of values as long
/// as each other, the greater wins.
pub(super) static RULE: MergeRule = MergeRule {
    name: "longest",
    choice: Choice::Ranked(&[Key::Longest]),
    arguments: &[VALUE],
    required: 1,
    documentation,
};

fn documentation() -> Documentation {
    describe(
        "The longest value: by characters for text, bytes for bytea, elements for arrays; for a struct by the sum \
         over its fields, where a number or date counts the characters of its text. Null values are skipped. Of \
         values as long as each other, the greater wins.",
        "longest(v)",
        "
SELECT longest(name) FROM (VALUES ('A. Lee'), ('Ann Lee'), (NULL)) AS t(name);
 longest
---------
 Ann Lee",
    )
    .with_argument("v", "What is merged: text, bytea, an array or a struct.")
    .build()
}
