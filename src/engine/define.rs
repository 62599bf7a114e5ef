//! Statements that change the catalog: typed over the wire, and those that files may hold too.

mod apply;
mod dependencies;
mod foreign;
mod placed;
mod rename;
mod security;
mod servers;
mod statement;
mod view;

pub(super) use dependencies::{cycle_error, cycle_from, dependencies, references};
pub(super) use foreign::{add_from, add_imported, foreign};
pub(super) use security::{apply_security, check_security};
pub(super) use view::planned_columns;
