//! What a client waits for: whole tables, short statements, many sessions and a restart, beside PostgreSQL in one run.
//!
//! ```sh
//! cargo bench --bench wire                    # all
//! cargo bench --bench wire -- rows            # one of rows, memory, short, sessions, start
//! ```
//!
//! `ONEROW_BENCH_SCALE` multiplies tables and numbers of sessions (1: 2 million rows, 1 000 sessions, 2 000 tables),
//! `ONEROW_BENCH_ROUNDS` is how many rounds there are (5), after one that warms up, and `ONEROW_BENCH_PROGRAM` another
//! program than the one that was built with the bench. Every round asks both sides in turn, so that a noisy machine is
//! noisy for both, and medians are compared. Before anything is timed both sides have to give the same bytes.
//!
//! The clients are psycopg 3 (`tests/install`), psql and pgbench, of PostgreSQL's own packages. Each session is an open file
//! on both sides: `ulimit -n 4096` before.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops, and prints its figures"
)]

#[expect(dead_code, unused_imports, reason = "the tests' servers, of which the benches need some")]
#[path = "../../tests/it/support/mod.rs"]
mod support;

mod by_hand;
mod data;
mod program;
mod reads;
mod sessions;
mod short;
mod start;
mod table;

use table::Table;

/// How much there is of everything, and how often it is measured.
#[derive(Clone, Copy)]
pub struct Extent {
    scale: f64,
    pub rounds: usize,
}

impl Extent {
    /// A number of rows, tables or sessions at this scale.
    pub fn of(&self, number: u64) -> u64 {
        ((number as f64 * self.scale) as u64).max(10)
    }
}

/// What measures one thing, and writes what it found into the table.
type Part = fn(&Extent, &mut Table);

fn main() {
    let extent =
        Extent { scale: number("ONEROW_BENCH_SCALE", 1.0), rounds: number("ONEROW_BENCH_ROUNDS", 5.0) as usize };
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let parts: [(&str, Part); 5] = [
        ("rows", reads::rows),
        ("memory", reads::memory),
        ("short", short::statements),
        ("sessions", sessions::idle),
        ("start", start::until_answered),
    ];
    let mut table = Table::default();
    for (name, run) in parts {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            run(&extent, &mut table);
        }
    }
    println!("\n{table}");
}

/// A number from the environment.
fn number(name: &str, default: f64) -> f64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// The middle one of some measurements.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().expect("a measurement")
}
