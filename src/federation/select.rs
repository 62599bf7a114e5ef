//! The SELECT that a scan of one table sends.

use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;

use super::dialect::RemoteDialect;
use super::fragment::Fragment;
use super::predicate::{TableScope, Writer};
use super::query::{From, RemoteQuery, Select};
use crate::error::{Error, Result};
use crate::sources::kind::ScanRequest;
use crate::sources::table::TableSpec;

/// The query for a request whose filters the dialect took.
pub fn write(dialect: &dyn RemoteDialect, table: &TableSpec, request: &ScanRequest) -> Result<RemoteQuery> {
    let scope = TableScope::new(dialect, table);
    let items = request
        .projection
        .iter()
        .map(|index| scope.at(*index))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::internal(format!("projection out of range on table \"{}\"", table.name)))?;
    let columns = items.iter().map(|item| dialect.selected(item).column).collect();
    let from = From::Table(Fragment::sql(dialect.table_name(&table.options, &table.name)));
    let mut select = Select::new(from, items);
    let writer = Writer::new(dialect, &scope);
    for filter in &request.filters {
        // A filter that the source took may turn out later to hold of every row, `NOT (id IS NULL)` of a key, or of none.
        match filter {
            Expr::Literal(ScalarValue::Boolean(Some(true)), _) => continue,
            Expr::Literal(value, _) if value.is_null() => {
                select.filters.push(Fragment::sql("1 = 0"));
                continue;
            }
            _ => {}
        }
        let predicate = writer
            .predicate(filter)
            .ok_or_else(|| Error::internal(format!("a filter was taken that cannot be sent: {filter}")))?;
        select.filters.push(predicate.sql);
    }
    select.limit = request.limit.map(|limit| u64::try_from(limit).unwrap_or(u64::MAX));
    Ok(RemoteQuery::new(select, columns, vec![table.name.clone()]))
}
