//! What a source may run: which parts of a query keep their meaning there, and the SQL it is sent.
//!
//! Values never become text here: every literal travels as a bound parameter, so no quoting rule of a source
//! can be got wrong. `federation` does no I/O.

pub mod again;
pub mod cleaning;
pub mod dialect;
pub mod estimate;
pub mod fragment;
pub mod kept;
pub mod keys;
pub mod predicate;
pub mod query;
pub mod reason;
pub mod select;
pub mod ship;
pub mod statistics;
pub mod value;
