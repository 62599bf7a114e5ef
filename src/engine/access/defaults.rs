//! May a role have columns filled in with their defaults?

use datafusion::execution::SessionState;

use super::functions::{Written, check_own_calls};
use crate::catalog::definitions::{ColumnDef, OWNER};
use crate::engine::planning;
use crate::engine::relation_calls::Caller;
use crate::error::{Error, Result};

/// 42501 unless the role that a session's state was made for may call the functions in the defaults of these columns, as if
/// it had written them out.
pub(in crate::engine) async fn check_defaults(
    state: &SessionState,
    columns: impl Iterator<Item = &ColumnDef>,
) -> Result<()> {
    let caller = state.config().get_extension::<Caller>();
    let caller = caller.ok_or_else(|| Error::internal("a plan was made in nobody's name"))?;
    let definitions = caller.definitions();
    if caller.role() == OWNER || definitions.database.functions.is_empty() {
        return Ok(());
    }
    // A comment in one must not reach the next.
    let defaults: Vec<String> =
        columns.filter_map(|column| Some(format!("({}\n)", column.default.as_deref()?))).collect();
    if defaults.is_empty() {
        return Ok(());
    }
    let query = format!("SELECT {}", defaults.join(", "));
    let plan = Box::pin(planning::plan_query(state, &query)).await.map_err(|error| error.with_position(None))?;
    check_own_calls(&plan, Written::Query(&query), &definitions, &definitions.rights(caller.role()))
}
