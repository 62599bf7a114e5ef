//! Who may connect from where, and how they prove who they are: rules in a file like Postgres's `pg_hba.conf`.

mod address;
mod parse;
mod rule;

pub(super) use parse::load;
pub(super) use rule::{Knock, Method, Rules};
