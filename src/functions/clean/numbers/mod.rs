//! Numbers in text: `parse_number`, and what it reads.

mod marks;
mod read;

pub(super) mod parse_number;
