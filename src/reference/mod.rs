//! The reference under `docs/reference/`, rendered from what the program itself declares: functions, options and
//! the command line.
//!
//! `cargo run --example reference` writes it; with `-- --check` it says which page is stale.

mod command_line;
mod functions;
mod markdown;
mod options;
mod pages;

pub use pages::{REFRESH, pages};
