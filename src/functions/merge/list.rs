//! The one list of merge functions.

use datafusion::logical_expr::AggregateUDF;

use super::function::MergeFunction;
use super::rule::MergeRule;
use super::{
    all_values, longest, majority, most_trusted, newest, oldest, shortest, unanimous, weighted_avg, weighted_majority,
};

static RULES: [&MergeRule; 10] = [
    &newest::RULE,
    &oldest::RULE,
    &most_trusted::RULE,
    &majority::RULE,
    &weighted_majority::RULE,
    &unanimous::RULE,
    &longest::RULE,
    &shortest::RULE,
    &weighted_avg::RULE,
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
