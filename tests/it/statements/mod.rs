//! Statements that change the catalog: typed over the wire, kept in the state, written in files.

mod as_postgres;
mod files;
mod import;
mod reload;
mod secrets;
mod state;

use super::Test;

pub const TESTS: &[Test] = &[
    ("servers_and_mappings_answer_as_postgres", as_postgres::servers_and_mappings),
    ("schemas_and_foreign_tables_answer_as_postgres", as_postgres::schemas_and_foreign_tables),
    ("views_and_drops_answer_as_postgres", as_postgres::views_and_drops),
    ("comments_answer_as_postgres", as_postgres::comments),
    ("grants_answer_as_postgres", as_postgres::grants),
    ("files_grant", files::grants),
    ("views_cannot_read_themselves", as_postgres::cycles_over_the_wire),
    ("options_are_checked", as_postgres::options),
    ("import_takes_what_it_is_told", import::limits),
    ("import_infers_and_quotes", import::names_and_types),
    ("what_is_typed_survives_kill", state::survives_kill),
    ("what_is_dropped_stays_dropped", state::drops_survive_kill),
    ("a_file_wins_over_the_state", state::file_wins),
    ("a_files_object_is_changed_in_the_file", state::files_are_not_changed),
    ("a_function_in_from_is_no_relation", state::functions_in_from),
    ("secrets_of_files_are_shown_nowhere", secrets::of_files),
    ("secrets_of_the_wire_are_shown_nowhere", secrets::of_the_wire),
    ("secrets_that_are_missing_are_named", secrets::missing),
    ("files_are_in_any_order", files::any_order),
    ("files_show_the_chain_of_a_cycle", files::cycle),
    ("files_show_where_a_name_is_missing", files::missing_name),
    ("files_show_both_places_of_a_name", files::duplicate_name),
    ("files_refuse_changes", files::refused_statements),
    ("files_show_every_mistake", files::every_mistake),
    ("relative_paths_are_of_the_file", files::relative_paths),
    ("hangup_reloads_all", reload::all),
    ("hangup_reloads_none", reload::none),
];
