//! Sources that fail, are slow, are full or change: what is asked again, what is left alone, what is left out, what is
//! limited. Never a short answer.

pub mod breaker;
pub mod drift;
pub mod files;
pub mod limits;
pub mod lost;
pub mod skip;

use super::Test;
use super::support::Onerow;

/// Runs SQL in psql: its rows, and the notices and errors that came with them.
fn told(onerow: &Onerow, sql: &str) -> (String, String) {
    let (rows, said) = onerow.psql(&["-qAt", "-P", "null=NULL", "-v", "VERBOSITY=verbose", "-c", sql]);
    (rows.trim_end().to_string(), said)
}
