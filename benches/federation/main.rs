//! One population in PostgreSQL, MariaDB, SQLite and files: what a question costs here, in DuckDB and in postgres_fdw.
//!
//! ```sh
//! cargo bench --bench federation              # all lines
//! cargo bench --bench federation -- a c       # these alone
//! cargo bench --bench federation -- grow      # a, b, c and j again with tables ten times the size
//! ```
//!
//! `ONEROW_BENCH_SCALE` multiplies every table (1: 200 thousand customers in each source, 2 million orders, 5 million
//! events), `ONEROW_BENCH_ROUNDS` is how many rounds there are (7), after one that warms up. Every round asks all sides in
//! turn, so that a noisy machine is noisy for all of them, a short question several times in a row; the best time of
//! each side counts, and its median is shown. Answers are compared: a side that answers otherwise is told, not timed.
//!
//! DuckDB is the one of `tests/install-peers`, with its scanners; postgres_fdw has its own database, in which MariaDB's
//! table is mysql_fdw's where that is installed.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops, and prints its figures"
)]

#[expect(dead_code, unused_imports, reason = "the tests' servers, of which the benches need some")]
#[path = "../../tests/it/support/mod.rs"]
mod support;

mod data;
mod lines;
mod measure;
mod peers;
mod relay;
mod stage;

use data::Scale;
use stage::Stage;

fn main() {
    let scale = Scale::of(number("ONEROW_BENCH_SCALE", 1.0));
    let rounds = number("ONEROW_BENCH_ROUNDS", 7.0) as usize;
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if wanted.iter().any(|name| name == "grow") {
        measure::grow(scale, rounds);
        return;
    }
    println!("{scale}");
    let mut stage = Stage::new(scale);
    let mut peers = peers::Peers::start(&stage);
    println!("{}", peers.said());
    for line in lines::all(&scale) {
        if wanted.is_empty() || wanted.iter().any(|name| name == line.name) {
            measure::line(&mut stage, &mut peers, &line, rounds);
        }
    }
    if wanted.is_empty() || wanted.iter().any(|name| name == "k") {
        measure::clients(&mut stage, &mut peers);
    }
}

/// A number from the environment.
fn number(name: &str, default: f64) -> f64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
