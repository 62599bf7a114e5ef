//! What these functions cannot be called with.

use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionDefinition};

use super::function::Columns;
use super::list::ORDERED;
use crate::error::{Error, Result, SqlState};

/// 42P20: a window that is not what a function needs.
const WINDOWING_ERROR: SqlState = SqlState("42P20");

/// Refuses a call of one of these functions that would mean nothing: 42P20 without the order that it follows, 0A000 for
/// DISTINCT and IGNORE NULLS. FILTER the planner refuses itself. Other functions pass.
pub fn check(call: &WindowFunction) -> Result<()> {
    let WindowFunctionDefinition::WindowUDF(function) = &call.fun else { return Ok(()) };
    if !function.inner().is::<Columns>() {
        return Ok(());
    }
    let name = function.name();
    let params = &call.params;
    let refused = |what: &str| Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{what} in a call of {name}")));
    if params.distinct {
        return refused("DISTINCT is not implemented");
    }
    if params.null_treatment.is_some() {
        return refused("IGNORE NULLS and RESPECT NULLS are not implemented");
    }
    if ORDERED.contains(&name) && params.order_by.is_empty() {
        return Err(Error::new(WINDOWING_ERROR, format!("window function {name} requires an ORDER BY"))
            .with_hint(format!("Say in which order the rows follow each other: {name}(..) OVER (ORDER BY ..).")));
    }
    Ok(())
}
