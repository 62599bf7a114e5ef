//! The functions of `pg_catalog` that clients call, answered from the catalog's snapshot and the session.

mod definitions;
mod format;
mod lists;
mod names;
mod privileges;
mod register;
mod session;
mod spec;
mod text;

pub use lists::OR_EMPTY;
pub use names::{REG_IN, REG_NAMES, REG_OUT, ROLE_NAMES, identifier_path};
pub use register::{register_functions, scalar_functions};
pub use text::{LIKE_PATTERN, OPTIONS_SHOWN};
