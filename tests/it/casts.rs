//! Every pair of types is cast, or refused, as PostgreSQL does.

use super::Test;
use super::support::wire::rows;
use super::support::{Fixtures, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[("pairs_of_types_are_cast_as_in_postgres", pairs)];

const TYPES: &[&str] = &[
    "bool",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "text",
    "varchar",
    "bpchar",
    "\"char\"",
    "name",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "bytea",
    "json",
    "jsonb",
    "oid",
    "int4[]",
    "text[]",
];

fn pairs(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (here, there) = (onerow.client().await, postgres.client("postgres").await);
        for from in TYPES {
            for to in TYPES {
                let query = format!("SELECT (NULL::{from})::{to}");
                let found = rows(&here, &query).await.map_err(|fault| (fault.words(), fault.position));
                let expected = rows(&there, &query).await.map_err(|fault| (fault.words(), fault.position));
                // Of a statement with two casts to one type it is not said which is meant.
                let alike = match (&found, &expected) {
                    (Err((words, None)), Err((expected, _))) => words == expected,
                    (found, expected) => found == expected,
                };
                if !alike {
                    return Err(format!("{query}\n{found:?}\nPostgreSQL:\n{expected:?}").into());
                }
            }
        }
        Ok(())
    })
}
