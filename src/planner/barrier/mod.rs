//! A line in a plan that only harmless conditions cross: what is below is hidden from whoever wrote what is above.
//!
//! Policies of row level security, masks and views with `security_barrier` are below. A condition of the reader's that
//! moved below would be evaluated on rows, or on values, that the reader may not see, and could tell of them: by an error
//! that carries one, or by being evaluated at a source. `crossing.rs` says which conditions tell nothing.

mod crossing;
mod exec;
mod node;

pub use crossing::guarded;
pub use exec::BarrierExec;
pub use node::{BarrierPlanner, SecurityBarrier};
