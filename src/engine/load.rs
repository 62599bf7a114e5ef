//! Loads the SQL files and the state: all of it, or none if a file is wrong.
//!
//! Objects may be used before they are defined: servers come first, then what they hold, then views in the order
//! of what they read. A source that is down never makes loading fail: what it would have told is taken from the
//! state, and where there is nothing there its schema answers with the source's error.

mod catalog;
mod files;
mod models;
mod order;
mod refresh;
mod rules;
mod security;
mod state;
mod tables;
mod views;

pub(super) use models::waits;
pub(super) use order::closest;
