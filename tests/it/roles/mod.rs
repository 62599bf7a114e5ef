//! Roles and privileges: who gets in, who may do what, and what each is shown of tables, rows and values.

mod catalog;
mod functions;
mod invoker;
mod login;
mod matrix;
mod policies;
mod reading;
mod rewriting;

use super::Test;

pub const TESTS: &[Test] = &[
    ("roles_log_in", login::roles),
    ("roles_need_a_password_of_the_owner", login::prerequisite),
    ("roles_of_files", login::files),
    ("roles_are_kept", login::kept),
    ("a_session_changes_its_role", login::changes),
    ("roles_answer_as_postgres", matrix::roles),
    ("renamed_roles_answer_as_postgres", matrix::renaming),
    ("grants_answer_as_postgres", matrix::grants),
    ("privileges_on_functions_answer_as_postgres", functions::granted),
    ("privileges_on_all_functions_are_kept", functions::of_schemas),
    ("a_dropped_role_is_nobody", functions::dropped),
    ("views_within_views_read_with_the_rights_of_who_asks", invoker::nested),
    ("every_statement_needs_its_privileges_as_in_postgres", matrix::statements),
    ("every_statement_follows_policies_as_in_postgres", matrix::under_policies),
    ("what_only_owners_may_is_refused_as_in_postgres", matrix::owners),
    ("functions_over_relations_need_privileges", reading::functions),
    ("plans_are_not_used_by_other_roles", reading::plans),
    ("foreign_tables_and_servers_need_privileges", reading::sources),
    ("the_catalog_shows_what_a_role_may_see", catalog::filtered),
    ("policies_answer_as_postgres", policies::reading),
    ("policies_of_writing_answer_as_postgres", policies::writing),
    ("barriers_keep_rows_as_in_postgres", policies::barriers),
    ("policies_reach_sources_and_views", policies::foreign),
    ("masks_stand_for_values", policies::masks),
    ("changes_under_policies_are_what_was_written", rewriting::written),
    ("changes_are_evaluated_once", rewriting::evaluated_once),
    ("errors_show_no_hidden_values", rewriting::values_stay_hidden),
    ("policies_of_files", policies::files),
    ("policies_are_kept", policies::kept),
    ("psql_shows_roles_and_privileges", catalog::psql),
];
