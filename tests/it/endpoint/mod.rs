//! The endpoint as drivers meet it: values, errors, protocol, sessions, limits.

mod cursors;
mod errors;
mod forms;
mod fuzz;
mod limits;
mod parameters;
mod password;
mod protocol;
mod raw;
mod sessions;
mod types;

use super::Test;

pub const TESTS: &[Test] = &[
    ("values_are_postgres_values", types::literals),
    ("arrays_are_postgres_arrays", types::arrays),
    ("times_follow_the_zone", types::zones),
    ("parameters_come_back_as_they_went", types::parameters),
    ("columns_have_postgres_types", types::column_types),
    ("forms_of_queries", forms::queries),
    ("json_is_postgres_json", forms::json),
    ("functions_are_postgres_functions", forms::functions),
    ("functions_of_extensions", forms::fuzzy),
    ("errors_have_postgres_states", errors::states),
    ("errors_have_postgres_places", errors::places),
    ("errors_have_postgres_words", errors::words),
    ("failed_transactions_wait_for_their_end", errors::failed_transaction),
    ("errors_in_rows_are_errors", errors::in_the_middle),
    ("several_statements_in_one_string", protocol::several),
    ("empty_queries", protocol::empty),
    ("prepared_statements_are_reused", protocol::prepared),
    ("parameters_with_and_without_types", protocol::typed_parameters),
    ("parameter_types_are_found", parameters::found),
    ("declared_parameters_come_back", parameters::declared),
    ("parameters_reach_their_statement", parameters::used),
    ("cursors_give_rows_in_parts", cursors::cursors),
    ("statements_prepared_in_sql", cursors::prepared),
    ("transactions_that_only_read", cursors::read_only),
    ("notices_have_states", cursors::notices),
    ("portals_give_rows_in_parts", protocol::portals),
    ("command_tags", protocol::tags),
    ("unknown_names_are_refused", protocol::unknown_names),
    ("bad_messages_end_nothing_else", protocol::bad_messages),
    ("sessions_are_separate", sessions::separate),
    ("settings_follow_the_transaction", sessions::transactions),
    ("the_server_says_what_it_is", sessions::identity),
    ("catalog_changes_are_seen_by_all", sessions::catalog),
    ("passwords", password::scram),
    ("stored_passwords", password::stored),
    ("unknown_databases", password::database),
    ("cancel_ends_a_statement", limits::cancel),
    ("statement_timeout_ends_a_statement", limits::timeout),
    ("a_client_that_leaves_ends_its_statement", limits::disconnect),
    ("too_many_clients", limits::too_many),
    ("shutdown_tells_clients", limits::shutdown),
    ("large_results_stream", limits::large),
    ("no_statement_takes_the_server", limits::hostile),
    ("values_end_at_a_gigabyte", limits::growth),
    ("planning_gives_way", limits::planning),
    ("views_on_views_end", limits::views),
    ("mutated_messages", fuzz::messages),
    ("mutated_statements", fuzz::statements),
    ("hostile_parameters", fuzz::parameters),
    ("hostile_files", fuzz::files),
];
