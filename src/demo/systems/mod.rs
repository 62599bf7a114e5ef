//! The five systems, each with its own format, keys and habits.

mod crm;
mod erp;
mod files;
mod helpdesk;
mod marketing;
mod shop;
mod system;

pub use files::save;
pub use system::{Loaded, System};
