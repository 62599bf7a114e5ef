//! The Postgres endpoint: listener, authentication, queries, encoding and errors.
//!
//! Passwords (SCRAM), the messages sent and the stream type are pgwire's. Messages received are read by
//! `frontend`, because pgwire's decoders trust lengths and counts that an unauthenticated client sends.

mod attempts;
mod auditing;
mod backend;
mod base64;
mod cancel;
mod connection;
mod copy;
mod copy_in;
mod cursor_commands;
mod cursor_place;
mod cursor_words;
mod data_row;
mod door;
mod errors;
mod extended;
mod frontend;
mod hba;
mod listener;
mod lobby;
mod metrics;
mod metrics_page;
mod negotiate;
mod opened;
pub(crate) mod password;
mod portal;
mod rows;
mod running;
mod script;
mod scroll;
mod simple;
mod startup;
mod tls;
mod transport;
mod workers;

pub use door::DoorConfig;
pub use listener::{ListenConfig, Listener, Reloader};
