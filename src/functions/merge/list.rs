//! The one list of merge functions.

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use super::function::MergeFunction;
use super::rule::MergeRule;
use super::{
    all_values, longest, majority, median, most_complete, most_trusted, newest, oldest, shortest, survivor,
    tree_choice, trust_decay, unanimous, weighted_avg, weighted_majority,
};

static RULES: [&MergeRule; 14] = [
    &newest::RULE,
    &oldest::RULE,
    &most_trusted::RULE,
    &tree_choice::RULE,
    &most_complete::RULE,
    &survivor::RULE,
    &majority::RULE,
    &weighted_majority::RULE,
    &unanimous::RULE,
    &longest::RULE,
    &shortest::RULE,
    &weighted_avg::RULE,
    &median::RULE,
    &all_values::RULE,
];

/// Every merge function, ready to register.
pub fn all() -> Vec<AggregateUDF> {
    rules().iter().map(|rule| AggregateUDF::from(MergeFunction::new(rule))).collect()
}

/// What every merge function does.
pub fn rules() -> &'static [&'static MergeRule] {
    &RULES
}

/// What the merge function of this name does. Null when there is none.
pub fn rule(name: &str) -> Option<&'static MergeRule> {
    rules().iter().copied().find(|rule| rule.name == name)
}

/// The scalar functions that merging takes: of trust.
pub fn scalars() -> Vec<ScalarUDF> {
    vec![trust_decay::udf()]
}
