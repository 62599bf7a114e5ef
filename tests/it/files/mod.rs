//! Files as a source: CSV, JSON and Parquet, in folders, in S3 and on the web.

mod csv;
mod json;
mod parquet;
mod paths;
mod remote;

use super::Test;
use super::support::{Onerow, Project};

pub const TESTS: &[Test] = &[
    ("csv_dialects", csv::dialects),
    ("csv_packed", csv::packed),
    ("csv_types_are_inferred_with_care", csv::inferred),
    ("csv_declared_types", csv::declared),
    ("csv_nulls_and_empty_texts", csv::nulls),
    ("csv_errors_name_their_place", csv::bad_values),
    ("csv_errors_of_records", csv::bad_records),
    ("csv_filters_keep_their_meaning", csv::filters),
    ("csv_texts_are_matched_exactly", csv::literals),
    ("csv_large", csv::large),
    ("json_lines_and_arrays", json::lines_and_arrays),
    ("json_nested_values", json::nested),
    ("json_errors_name_their_place", json::bad_values),
    ("json_texts_are_matched_exactly", json::literals),
    ("parquet_types", parquet::types),
    ("parquet_filters", parquet::filters),
    ("parquet_partitions_and_patterns", parquet::partitions),
    ("parquet_is_read_in_pieces", parquet::pieces),
    ("parquet_errors", parquet::broken),
    ("paths_stay_in_the_location", paths::escape),
    ("missing_files", paths::missing),
    ("folders_are_imported", paths::import),
    ("files_are_read_anew", paths::changes),
    ("s3_reads_and_lists", remote::s3),
    ("s3_keys_are_needed_and_hidden", remote::s3_keys),
    ("web_servers", remote::web),
];

/// A served project with the server `lake`, the folder `data` of the project.
fn lake(files: &[(&str, &[u8])], tables: &str) -> (Project, Onerow) {
    let project = folder(files, tables);
    let onerow = project.serve();
    (project, onerow)
}

fn folder(files: &[(&str, &[u8])], tables: &str) -> Project {
    let project =
        Project::new(&format!("CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location 'data');\n{tables}"));
    project.write("data/.keep", "");
    for (name, bytes) in files {
        project.write(&format!("data/{name}"), bytes);
    }
    project
}
