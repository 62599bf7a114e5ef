//! What was done, by whom and from where: one record for each session and statement, in a file that shows whether it
//! was changed afterwards.
//!
//! The wire makes the records (`trail`), the engine says before a statement has an effect what its plan reads and
//! changes (`touched`), and one thread writes them (`log`). Each record is a line of JSON with its number, the code of
//! the record before it, and a code (HMAC-SHA-256) over all that, so that `verify` tells a line that was changed from
//! one that is missing.

mod chain;
mod file;
mod log;
mod objects;
mod record;
mod redact;
mod touched;
mod trail;
mod verify;

pub use chain::Head;
pub use log::AuditLog;
pub use objects::{of_copy, of_definition};
pub(crate) use redact::redact;
pub use touched::{Names, Relation, Touched};
pub use trail::{Entry, Settled, Trail, Visitor};
pub use verify::{Report, verify};
