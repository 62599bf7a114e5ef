//! Every test that needs the whole program: one binary, real servers, real drivers.
//!
//! `cargo test --release --test it -- NAME` runs the tests whose name holds NAME.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

#[macro_use]
mod support;

mod audit;
mod casts;
mod clients;
mod command_line;
mod correlated;
mod demo;
mod endpoint;
mod explain;
mod faults;
mod federation;
mod federation_executors;
mod federation_faults;
mod federation_keys;
mod federation_ship;
mod files;
mod grouping;
mod join_all;
mod lineage;
mod lineage_properties;
mod local_tables;
mod lookups;
mod models;
mod mysql;
mod plan_cache;
mod postgres;
mod psql;
mod quality;
mod remote_query;
mod roles;
mod slt;
mod sqlite;
mod stat_source;
mod statements;
mod transactions;

use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use support::{Fixtures, Outcome};

/// One test: its name and what it does.
pub type Test = (&'static str, fn(&Fixtures) -> Outcome);

fn main() {
    let fixtures = Arc::new(Fixtures::default());
    let modules: &[(&str, &[Test])] = &[
        ("audit", audit::TESTS),
        ("casts", casts::TESTS),
        ("clients", clients::TESTS),
        ("command_line", command_line::TESTS),
        ("correlated", correlated::TESTS),
        ("demo", demo::TESTS),
        ("endpoint", endpoint::TESTS),
        ("explain", explain::TESTS),
        ("faults", faults::TESTS),
        ("federation", federation::TESTS),
        ("federation_executors", federation_executors::TESTS),
        ("federation_faults::breaker", federation_faults::breaker::TESTS),
        ("federation_faults::drift", federation_faults::drift::TESTS),
        ("federation_faults::files", federation_faults::files::TESTS),
        ("federation_faults::limits", federation_faults::limits::TESTS),
        ("federation_faults::lost", federation_faults::lost::TESTS),
        ("federation_faults::skip", federation_faults::skip::TESTS),
        ("federation_keys", federation_keys::TESTS),
        ("federation_ship", federation_ship::TESTS),
        ("files", files::TESTS),
        ("grouping", grouping::TESTS),
        ("join_all", join_all::TESTS),
        ("lineage", lineage::TESTS),
        ("lineage_properties", lineage_properties::TESTS),
        ("local_tables", local_tables::TESTS),
        ("models", models::TESTS),
        ("mysql", mysql::TESTS),
        ("lookups", lookups::TESTS),
        ("plan_cache", plan_cache::TESTS),
        ("postgres", postgres::TESTS),
        ("psql", psql::TESTS),
        ("quality", quality::TESTS),
        ("remote_query", remote_query::TESTS),
        ("roles", roles::TESTS),
        ("sqlite", sqlite::TESTS),
        ("stat_source", stat_source::TESTS),
        ("statements", statements::TESTS),
        ("transactions", transactions::TESTS),
    ];
    let mut trials: Vec<Trial> = vec![];
    for (module, tests) in modules {
        for (name, test) in tests.iter() {
            let (fixtures, test) = (Arc::clone(&fixtures), *test);
            trials.push(Trial::test(format!("{module}::{name}"), move || test(&fixtures)));
        }
    }
    trials.extend(slt::trials());
    let mut arguments = Arguments::from_args();
    // Servers share two cores with the tests; more at once only makes time limits fail.
    arguments.test_threads.get_or_insert(4);
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The servers are stopped before the process ends, which `exit` would not do.
    drop(fixtures);
    conclusion.exit();
}
