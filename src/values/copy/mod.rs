//! Rows as COPY carries them: lines of text, CSV, or Postgres's binary form.
//!
//! What comes is fed in pieces, however it was cut; what goes is written row by row.

mod binary;
mod fields;
mod format;
mod lines;
mod write;

pub(crate) use binary::{Tuple, Tuples};
pub(crate) use fields::Fields;
pub use format::{CopyFormat, CopyKind, ForceQuote, Header};
pub(crate) use lines::{Lines, Step};
pub(crate) use write::RowWriter;

use crate::error::{Error, SqlState};

/// What every binary COPY begins with.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xFF\r\n\0";

/// 22P04: data that are no rows of the format.
pub(crate) fn malformed(message: impl Into<String>) -> Error {
    Error::new(SqlState::BAD_COPY_FILE_FORMAT, message)
}
