//! All of the statements, one after the other.

use super::super::super::support::wire::{Fault, alike};
use super::super::super::support::{Fixtures, Outcome, Project, block_on};
use super::{characters, columns, forms, joins, lateral, queries, sets, times};

/// Runs all of them here and in a database of their own.
pub fn statements(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE meaning LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("meaning").await);
        let all = [
            characters::CHARACTERS,
            times::TIMES,
            forms::FORMS,
            queries::QUERIES,
            columns::COLUMNS,
            queries::REPORTS,
            joins::JOINS,
            lateral::LATERAL,
            sets::SETS,
        ]
        .concat();
        alike(&ours, &theirs, &all, Fault::code).await
    })
}
