//! `most_complete(v, fields..)`: the value of the row that says the most.

use datafusion::logical_expr::Documentation;

use super::rule::{Argument, Choice, Key, MergeRule, Role, VALUE, describe};

/// The value from the row of which the most fields hold something. Null values are skipped. A field counts when it is
/// not null; a struct among them when one of its fields holds something. Without fields, the value is a struct and its
/// own fields count. Of rows as complete as each other, the greater value wins.
pub(super) static RULE: MergeRule = MergeRule {
    name: "most_complete",
    choice: Choice::Ranked(&[Key::MostComplete]),
    arguments: &[VALUE, Argument { name: "fields", role: Role::Field }],
    required: 1,
    documentation,
};

fn documentation() -> Documentation {
    describe(
        "The value from the row of which the most fields hold something. Null values are skipped. A field counts when \
         it is not null; a struct among them when one of its fields holds something. Without fields, the value is a \
         struct and its own fields count. Of rows as complete as each other, the greater value wins.",
        "most_complete(v, fields..)",
        "
SELECT most_complete(city, street, city, zip)
  FROM (VALUES ('Main St 1', 'Bern', '3000'), (NULL, 'Zug', '6300')) AS t(street, city, zip);
 most_complete
---------------
 Bern",
    )
    .with_argument(
        "v",
        "What is merged, of any type with an order. A struct keeps its fields together; it is skipped only when \
         all of them are null.",
    )
    .with_argument(
        "fields",
        "What makes a row complete, of any types. An empty text holds something: write `blank_to_null(street)` where \
         it should not. May be left out when v is a struct.",
    )
    .build()
}
