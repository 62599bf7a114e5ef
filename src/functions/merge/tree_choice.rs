//! `tree_choice(v, model, features..)`: the value that a learned decision tree believes most.
//!
//! What is aggregated is the value and its score: before a call is planned, the model's name and the features become a
//! call of the model's tree (`crate::models::TreeScore`), which holds all that it needs.

use datafusion::logical_expr::Documentation;

use super::rule::{Argument, Choice, Key, MergeRule, Role, VALUE, describe};

/// The value with the greatest score. Null values are skipped; of values with the same score the greater one wins.
pub(super) static RULE: MergeRule = MergeRule {
    name: "tree_choice",
    choice: Choice::Ranked(&[Key::Greatest(Role::Score)]),
    arguments: &[VALUE, Argument { name: "score", role: Role::Score }],
    required: 2,
    documentation,
};

fn documentation() -> Documentation {
    describe(
        "The value that a model believes most. `CREATE MODEL` learns a decision tree from labelled rows; a value's \
         score is the share of rows that were right at the leaf to which its features lead. Null values are \
         skipped, and of values with the same score the greater one wins.",
        "tree_choice(v, model, features, ..)",
        "
CREATE MODEL city_model FOR tree_choice WITH (min_leaf = 2, holdout = 0) AS
  SELECT * FROM (VALUES (true, 10, true), (true, 20, true), (false, 900, true), (false, 800, false),
                        (true, 30, false), (false, 700, true)) AS t(correct, age, valid);
SELECT tree_choice(city, 'city_model', age, valid)
  FROM (VALUES ('Bern', 400, true), ('Zug', 15, true)) AS t(city, age, valid);
 tree_choice
-------------
 Zug",
    )
    .with_argument(
        "v",
        "What is merged, of any type with an order. A struct keeps its fields together; it is skipped only when \
         all of them are null.",
    )
    .with_argument("model", "The name of a model for tree_choice, as a literal. It is looked up as a view's is.")
    .with_argument(
        "features",
        "What the model asks for, in the order of the columns that it was learned from: numbers, truth values and \
         texts. NULL and texts that the model has not learned are unknown, for which each question has an answer.",
    )
    .build()
}
