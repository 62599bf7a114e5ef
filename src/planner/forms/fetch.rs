//! `FETCH FIRST n ROWS ONLY` is `LIMIT n`; see [`ties`] for `WITH TIES`.

use datafusion::sql::sqlparser::ast::{Expr, LimitClause, Query, Value};

use super::ties;
use crate::error::{Error, Result};

/// Turns FETCH into LIMIT, or into what `WITH TIES` means. `PERCENT` is refused.
pub(super) fn limit(query: &mut Query) -> Result<()> {
    let Some(fetch) = query.fetch.take() else { return Ok(()) };
    if fetch.percent {
        return Err(Error::syntax("FETCH FIRST takes a number of rows", None));
    }
    let count = fetch.quantity.unwrap_or_else(|| Expr::Value(Value::Number("1".to_string(), false).with_empty_span()));
    if fetch.with_ties {
        return ties::fetch(query, count);
    }
    match &mut query.limit_clause {
        None => {
            query.limit_clause = Some(LimitClause::LimitOffset { limit: Some(count), offset: None, limit_by: vec![] });
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(count),
        Some(_) => return Err(Error::syntax("multiple LIMIT clauses not allowed", None)),
    }
    Ok(())
}
