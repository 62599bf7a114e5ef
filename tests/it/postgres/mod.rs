//! PostgreSQL as a source: its types, its names, and what it is sent.

mod names;
mod pushdown;
mod types;

use super::Test;

pub const TESTS: &[Test] = &[
    ("every_type_reads_as_it_is", types::every_type),
    ("every_type_filters_as_it_is", types::filters),
    ("types_without_a_carrier_are_text", types::as_text),
    ("numbers_that_do_not_fit_are_refused", types::too_wide),
    ("zones_are_of_the_server_and_its_clocks", types::zones),
    ("declared_columns_are_converted", types::declared),
    ("large_tables_come_whole", types::large),
    ("odd_names_are_names", names::odd),
    ("empty_and_wide_tables", names::empty_and_wide),
    ("partitions_views_and_the_like", names::kinds),
    ("text_filters_keep_their_meaning", pushdown::texts),
    ("collations_keep_their_meaning", pushdown::collations),
    ("typed_filters_keep_their_meaning", pushdown::typed),
    ("literals_stay_literals", pushdown::literals),
    ("only_what_is_needed_is_sent", pushdown::needed),
    ("filters_reach_through_views", pushdown::through_views),
    ("limits_are_sent", pushdown::limits),
    ("what_is_not_the_sources_stays_here", pushdown::kept),
];
