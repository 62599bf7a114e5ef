//! How rows come from sources: in parts, at the pace of who reads them, and no longer than they are wanted.

mod cancel;
mod early;
mod files;
mod mysql_parts;
mod parts;
mod pieces;
mod pooler;
mod pressure;
mod watch;

use super::Test;

pub const TESTS: &[Test] = &[
    ("postgres_stops_within_a_tenth_of_a_second", cancel::postgres),
    ("postgres_stops_all_parts_of_a_read", cancel::parts),
    ("mariadb_stops_within_a_tenth_of_a_second", cancel::mariadb),
    ("mariadb_stops_all_parts_of_a_read", cancel::mariadb_parts),
    ("sqlite_stops_within_a_tenth_of_a_second", cancel::sqlite),
    ("the_same_rows_in_parts_or_not", parts::same_rows),
    ("aggregates_of_pieces_are_put_together", pieces::put_together),
    ("the_first_rows_are_where_statistics_say_or_not", pieces::first_rows),
    ("only_large_tables_are_read_in_parts", parts::when),
    ("a_read_in_parts_takes_keys", parts::keyed),
    ("rows_that_move_come_once", parts::moving),
    ("parts_wait_for_no_connection", parts::few_connections),
    ("the_other_side_of_a_join_begins_early", early::begins),
    ("who_begins_early_keeps_nobody_from_a_connection", early::few_connections),
    ("a_table_cannot_be_emptied_between_its_parts", parts::emptied),
    ("a_part_that_is_lost_is_an_error", parts::lost),
    ("values_that_do_not_fit_are_refused_in_copies", parts::unfit),
    ("servers_that_share_no_snapshot_are_read_by_one_connection", pooler::apart),
    ("the_same_rows_of_mariadb_in_parts_or_not", mysql_parts::same_rows),
    ("a_slow_reader_holds_back_its_source", pressure::slow_reader),
    ("a_sqlite_reader_sees_one_moment_of_its_log", files::one_moment),
];
