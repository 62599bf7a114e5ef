//! Merge functions over records in Parquet, beside the same in DuckDB; and lineage beside the view that it is of.
//!
//! ```sh
//! cargo bench --bench merge                   # all lines
//! cargo bench --bench merge -- newest view    # these alone
//! cargo bench --bench merge -- lineage_one lineage_all
//! cargo bench --bench merge -- ours           # without DuckDB, for a profiler
//! ```
//!
//! `ONEROW_BENCH_SCALE` multiplies rows and groups (1: 10 million records of 1 million customers; for lineage three
//! systems with a record each of 200 thousand customers),
//! `ONEROW_BENCH_ROUNDS` is how many runs the medians are of (5), after one that warms up. Every round asks both sides
//! in turn, so that a noisy machine is noisy for both. Where both have to give the same, answers are compared: a side
//! that answers otherwise is told. DuckDB is the one of `tests/install-peers`; both use every core.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops, and prints its figures"
)]

mod data;
mod duckdb;
mod here;
mod lines;

use std::time::Duration;

use data::Customers;
use duckdb::DuckDb;
use here::{Here, SYSTEMS};

fn main() {
    let scale = number("ONEROW_BENCH_SCALE", 1.0);
    let rounds = number("ONEROW_BENCH_ROUNDS", 5.0) as usize;
    let mut wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let alone = wanted.iter().any(|name| name == "ours");
    wanted.retain(|name| name != "ours");
    let (rows, groups) = ((10_000_000.0 * scale) as u64, (1_000_000.0 * scale) as u64);
    // Enough for the one that is asked for.
    let customers = ((200_000.0 * scale) as u64).max(10);
    println!("{rows} records of {groups} customers, in Parquet; for lineage {customers} in each of three systems");
    let folder = tempfile::tempdir().expect("a folder");
    data::write(&folder.path().join("record.parquet"), rows, groups, Customers::Any, 7);
    for (system, seed) in SYSTEMS.iter().zip(8..) {
        let path = folder.path().join(format!("{system}.parquet"));
        data::write(&path, customers, customers, Customers::Each, seed);
    }
    let mut peer = if alone { Err("left out".to_string()) } else { DuckDb::start(folder.path()) };
    match &peer {
        Ok(peer) => println!("DuckDB {}", peer.version),
        Err(why) => println!("no DuckDB: {why}"),
    }
    let here = Here::open(folder.path(), None);
    for line in lines::all() {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == line.name) {
            continue;
        }
        let limited = line.share.map(|share| Here::open(folder.path(), Some(data::bytes(rows) / share)));
        let side = limited.as_ref().unwrap_or(&here);
        let (mut ours, mut theirs) = (vec![], vec![]);
        let mut answers = (None, None);
        for round in 0..=rounds {
            let (took, said) = side.ask(line.here);
            answers.0 = Some(said);
            if round > 0 {
                ours.push(took);
            }
            if let Some(beside) = line.beside {
                let (took, said) = here.ask(beside);
                answers.1 = Some(said);
                if round > 0 {
                    theirs.push(took);
                }
            } else if let Ok(peer) = &mut peer {
                let (took, said) = peer.ask(line.there).expect("an answer");
                answers.1 = Some(said);
                if round > 0 {
                    theirs.push(took);
                }
            }
        }
        let name = if line.beside.is_some() { "here, the other" } else { "DuckDB" };
        let (mine, other) = (median(&mut ours), median(&mut theirs));
        let ratio = match (mine, other) {
            (Some(mine), Some(other)) => format!("{name} {other:.0} ms, ratio {:.2}", mine / other),
            _ => String::new(),
        };
        println!("{:<16} {}: {:.0} ms, {ratio}", line.name, line.what, mine.unwrap_or_default());
        if line.same && answers.1.is_some() && answers.0 != answers.1 {
            println!("    ANSWERS OTHERWISE\n    here  {:?}\n    there {:?}", answers.0, answers.1);
        }
    }
}

/// In milliseconds.
fn median(times: &mut [Duration]) -> Option<f64> {
    times.sort();
    times.get(times.len() / 2).map(|time| time.as_secs_f64() * 1000.0)
}

/// A number from the environment.
fn number(name: &str, default: f64) -> f64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
