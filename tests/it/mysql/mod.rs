//! MariaDB as a source: its types, its collations, and what it is sent.

mod login;
mod pushdown;
mod types;

use super::Test;

pub const TESTS: &[Test] = &[
    ("every_type_reads_as_it_is", types::every_type),
    ("users_who_sign_are_let_in", login::signature),
    ("zero_dates_are_null", types::zero_dates),
    ("zones_are_of_the_server_and_its_clocks", types::zones),
    ("odd_names_are_names", types::odd_names),
    ("empty_and_wide_tables", types::empty_and_wide),
    ("character_sets_become_utf8", types::character_sets),
    ("declared_columns_are_converted", types::declared),
    ("large_tables_come_whole", types::large),
    ("text_filters_keep_their_meaning", pushdown::texts),
    ("other_case_does_not_match", pushdown::collations),
    ("typed_filters_keep_their_meaning", pushdown::typed),
    ("literals_stay_literals", pushdown::literals),
    ("only_what_is_needed_is_sent", pushdown::needed),
    ("filters_reach_through_views", pushdown::through_views),
];
