//! What a source may run: which predicates keep their meaning there, and the SQL it is sent.
//!
//! Values never become text here: every literal travels as a bound parameter, so no quoting rule of a source
//! can be got wrong. `federation` does no I/O.

pub mod dialect;
pub mod predicate;
pub mod select;
