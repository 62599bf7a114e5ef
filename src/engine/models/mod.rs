//! Models: how they are trained and kept, and how calls of `tree_choice` are planned.

mod calls;
mod create;
mod kept;
mod training;
mod waiting;

pub(super) use calls::prepared;
pub(super) use create::{defined, models_of};
pub(super) use kept::Kept;
