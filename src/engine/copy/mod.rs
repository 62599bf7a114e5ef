//! COPY: which rows go to the client, and rows of the client's in local tables.
//!
//! Rows that come are read and checked while they come, and held back; when all are there they are checked against the
//! table's keys, made durable and shown, all or none. Only then other writers wait: a client may take its time.

mod failing;
mod incoming;
mod omitted;
mod taking;
mod target;

pub use taking::CopyPiece;
pub use target::{CopyIn, CopyOut};
