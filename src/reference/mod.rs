//! The reference under `docs/reference/`, rendered from what the program itself declares: functions, options and
//! the command line.
//!
//! `cargo run --example reference` writes it, and the figures of the example that other pages show; with `-- --check` it
//! says which page is stale.

mod block;
mod command_line;
mod functions;
mod markdown;
mod options;
mod pages;

pub use block::with_block;
pub use pages::{REFRESH, pages};
