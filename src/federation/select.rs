//! The SELECT that a scan of one table sends.

use datafusion::logical_expr::{BinaryExpr, Expr, Operator, binary_expr};
use datafusion::scalar::ScalarValue;

use super::dialect::RemoteDialect;
use super::fragment::Fragment;
use super::predicate::{TableScope, Writer};
use super::query::{From, RemoteQuery, Select};
use crate::error::{Error, Result};
use crate::sources::kind::ScanRequest;
use crate::sources::table::TableSpec;

/// A condition without `OR NULL`, which lets no further row through: `x = x` becomes `x IS NOT NULL OR NULL` once it
/// is simplified.
fn known(filter: &Expr) -> Expr {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return filter.clone() };
    let is_null = |side: &Expr| matches!(side, Expr::Literal(value, _) if value.is_null());
    match op {
        Operator::Or if is_null(right) => known(left),
        Operator::Or if is_null(left) => known(right),
        Operator::And | Operator::Or => binary_expr(known(left), *op, known(right)),
        _ => filter.clone(),
    }
}

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
            .predicate(&known(filter))
            .ok_or_else(|| Error::internal(format!("a filter was taken that cannot be sent: {filter}")))?;
        select.filters.push(predicate.sql);
    }
    select.limit = request.limit.map(|limit| u64::try_from(limit).unwrap_or(u64::MAX));
    Ok(RemoteQuery::new(select, columns, vec![table.name.clone()]))
}

#[cfg(test)]
mod tests {
    use std::ops::Not;

    use datafusion::logical_expr::{col, lit};

    use super::*;

    #[test]
    fn what_is_unknown_lets_no_row_through() {
        let null = || lit(ScalarValue::Boolean(None));
        let some = col("x").is_not_null();
        assert_eq!(known(&some.clone().or(null())), some);
        assert_eq!(known(&null().or(some.clone())), some);
        assert_eq!(known(&some.clone().or(null()).and(col("y").eq(lit(1)))), some.clone().and(col("y").eq(lit(1))));
        assert_eq!(known(&some.clone().not()), some.not());
    }
}
