//! `shortest(v)`: the shortest value.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, Key, MergeRule, VALUE, describe};

/// The shortest value: by characters for text, bytes for bytea, elements for arrays; for a struct by the sum over
/// its fields, where a number or date counts the characters of its text. Null values are skipped; an empty text is
/// a value, the shortest. Of values as long as each other, the greater wins.
pub(super) static RULE: MergeRule = MergeRule {
    name: "shortest",
    choice: Choice::Ranked(&[Key::Shortest]),
    arguments: &[VALUE],
    required: 1,
    documentation,
};

fn documentation() -> Documentation {
    describe(
        "The shortest value: by characters for text, bytes for bytea, elements for arrays; for a struct by the \
         sum over its fields, where a number or date counts the characters of its text. Null values are skipped; \
         an empty text is a value, the shortest. Of values as long as each other, the greater wins.",
        "shortest(v)",
        "
SELECT shortest(name) FROM (VALUES ('A. Lee'), ('Ann Lee'), (NULL)) AS t(name);
 shortest
----------
 A. Lee",
    )
    .with_argument("v", "What is merged: text, bytea, an array or a struct.")
    .build()
}
