//! The SELECT that a scan of one table sends.

use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;

use super::dialect::{Parameter, RemoteDialect};
use super::predicate::PredicateWriter;
use crate::error::{Error, Result};
use crate::sources::kind::ScanRequest;
use crate::sources::table::{ColumnSpec, TableSpec};

/// A SELECT in a source's SQL.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteSelect {
    /// The statement, with placeholders.
    pub sql: String,
    /// The placeholders' values, in order.
    pub parameters: Vec<Parameter>,
    /// The columns it gives; empty when it gives one constant a row, for counting.
    pub columns: Vec<ColumnSpec>,
}

/// Writes the SELECT for a request whose filters the dialect took.
pub fn write(dialect: &dyn RemoteDialect, table: &TableSpec, request: &ScanRequest) -> Result<RemoteSelect> {
    let columns: Vec<ColumnSpec> = request
        .projection
        .iter()
        .map(|index| table.columns.get(*index).cloned())
        .collect::<Option<_>>()
        .ok_or_else(|| Error::internal(format!("projection out of range on table \"{}\"", table.name)))?;
    let items: Vec<String> = columns.iter().map(|column| dialect.select_item(column)).collect();
    let items = if items.is_empty() { "1".to_string() } else { items.join(", ") };
    let mut sql = format!("SELECT {items} FROM {}", dialect.table_name(&table.options, &table.name));
    let mut writer = PredicateWriter::new(dialect, table);
    let mut conjuncts = Vec::with_capacity(request.filters.len());
    for filter in &request.filters {
        // A filter that the source took may turn out later to hold of every row: `NOT (id IS NULL)` of a key.
        if matches!(filter, Expr::Literal(ScalarValue::Boolean(Some(true)), _)) {
            continue;
        }
        let predicate = writer
            .write(filter)
            .ok_or_else(|| Error::internal(format!("a filter was taken that cannot be sent: {filter}")))?;
        conjuncts.push(predicate.sql);
    }
    if !conjuncts.is_empty() {
        sql.push_str(&format!(" WHERE {}", conjuncts.join(" AND ")));
    }
    if let Some(limit) = request.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    Ok(RemoteSelect { sql, parameters: writer.parameters, columns })
}
