//! What sources are asked: the answers are those of the local engine and of PostgreSQL, whatever is pushed down.

mod answer;
mod dice;
mod equality;
mod expression;
mod hazards;
mod kind;
mod known;
mod literals;
mod load;
mod names;
mod population;
mod query;

use super::Test;

pub const TESTS: &[Test] = &[
    ("the_same_rows_pushed_or_not", equality::pushed_or_not),
    ("every_text_finds_its_own_row", literals::of_text),
    ("every_value_finds_its_own_row", literals::of_other_types),
    ("every_name_is_a_name", names::of_every_kind),
    ("a_view_over_sources_is_no_wall", hazards::views),
    ("limits_stay_where_they_are", hazards::limits),
    ("our_functions_stay_here", hazards::functions),
    ("streams_do_not_share_a_connection", hazards::connections),
    ("times_of_every_year", hazards::times),
    ("words_of_sql_in_literals", hazards::words),
    ("words_that_mean_something_else_there", hazards::meanings),
    ("subqueries_that_stay_in_a_filter", hazards::subqueries),
    ("types_without_a_counterpart_in_shipped_queries", hazards::types),
    ("alike_servers_are_kept_apart", hazards::servers),
];
