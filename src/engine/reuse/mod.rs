//! Plans that are used again.
//!
//! A query that is asked again is not analysed and optimised again. Its plan is kept with the state of the catalog that
//! it was made in, so that it goes with that state: any change of definitions, and a block's own changes, have others.
//! What a plan may depend on besides is in its key (`key.rs`): the query itself, the types of its parameters, the role
//! and the session's settings. Physical planning, in which sources write their SQL and sizes of tables are looked at,
//! is done each time, but for what is a single scan (`direct.rs`). A prepared statement remembers its plan (`memo.rs`).
//!
//! Two queries that differ in what they look up (`email = 'a'`, `email = 'b'`) share a plan: `literals.rs` takes such
//! literals out, `generic.rs` makes the plan without them, puts values in, and proves that the rows are the same.

mod direct;
mod generic;
mod key;
mod literals;
mod lookup;
mod memo;
mod recent;
mod session;
#[cfg(test)]
mod tests;

pub(super) use key::{Asked, DescribedKey};
pub use lookup::Lookup;
pub use memo::PlanMemo;
pub(super) use recent::Recent;
pub(super) use session::Known;
