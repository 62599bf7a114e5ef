//! What stands between a scan and its source: a statement that fails before its first row is sent once more, a source
//! that fails again and again is left alone for a while, and no statement takes more of a source than it may.
//!
//! [`GuardedSource`] wraps what a kind opened, so that no kind knows of it. Its scans carry a [`ScanGuard`], and when one
//! is executed the read that it opens is a guarded one. All of a server's scans share one [`ServerGuard`], whoever
//! they are for.
//!
//! # Nobody waits for ever
//!
//! A statement waits for its turn before it takes a connection, in the order of arrival and for `acquire_timeout` at
//! most. One that waits holds nothing of the source. Two scans of one query may need each other's rows, as those of a
//! merge join do; where the server may run one statement only, the second fails when its time is over, and with it the
//! query.

mod breaker;
mod limits;
mod options;
mod plan;
mod read;
mod scan;
mod server;
mod skip;
mod source;
mod stream;

pub use breaker::{Breaker, BreakerState};
pub use limits::Limits;
pub use options::{BREAKER_FAILURES, BREAKER_PAUSE, MAX_BYTES, MAX_ROWS, MAX_STATEMENTS, MAX_TIME};
pub use scan::{ScanGuard, WhenDown};
pub use server::{ServerGuard, ServerHealth, ShapeWatch};
pub use skip::{Skipped, Skipping};
pub use source::GuardedSource;
