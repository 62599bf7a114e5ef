//! Who may do what is settled before anything is done: plans are walked as they are written, while views are still views
//! and nothing has been pushed down; definitions are looked at before they change anything.

mod columns;
mod defaults;
mod functions;
mod plan;
mod statement;

pub(super) use defaults::check_defaults;
pub(super) use plan::{
    RowSecurity, check_beside, check_plan, check_planned, check_planned_of, check_read, hides_beneath, uses_columns,
};
