//! About how many rows a source gives: what is read first, and what is shipped, depends on it, never what comes out.

use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::sources::table::TableSpec;

/// One row of so many is taken to pass a filter, as the engine itself takes it.
const FILTER_KEEPS: u64 = 5;

/// One row of so many is taken to have one value of a column that is no key.
const VALUE_KEEPS: u64 = 100;

/// About how many rows a scan of a table gives, by what was kept of the table's size. A key that is pinned gives one.
pub fn scan(table: &TableSpec, filters: &[Expr], limit: Option<usize>) -> Option<u64> {
    scan_of(table, filters, limit, table.row_estimate)
}

/// The same for a table of about `all` rows.
pub fn scan_of(table: &TableSpec, filters: &[Expr], limit: Option<usize>, all: Option<u64>) -> Option<u64> {
    let limit = limit.map(|limit| u64::try_from(limit).unwrap_or(u64::MAX));
    let pinned: Vec<(&str, u64)> = filters.iter().filter_map(pinned).collect();
    let keys = std::iter::once(&table.primary_key).chain(&table.unique_keys).filter(|key| !key.is_empty());
    let by_key = keys.filter_map(|key| {
        key.iter().try_fold(1u64, |rows, column| {
            let (_, values) = pinned.iter().find(|(name, _)| name == column)?;
            Some(rows.saturating_mul(*values))
        })
    });
    let rows = match (by_key.min(), all) {
        (Some(by_key), all) => Some(all.map_or(by_key, |all| by_key.min(all.max(1)))),
        (None, Some(all)) => Some(filters.iter().fold(all, |rows, filter| match self::pinned(filter) {
            Some((_, values)) => (rows.saturating_mul(values) / VALUE_KEEPS).clamp(1, rows.max(1)),
            None => (rows / FILTER_KEEPS).max(1),
        })),
        (None, None) => None,
    };
    match (rows, limit) {
        (Some(rows), Some(limit)) => Some(rows.min(limit)),
        // A limit is only the most that can come, but it is all that is known.
        (rows, limit) => rows.or(limit),
    }
}

/// About how many rows a filter keeps, or groups there are, of so many.
pub fn fraction(rows: Option<u64>) -> Option<u64> {
    rows.map(|rows| (rows / FILTER_KEEPS).max(1))
}

/// The column that a filter compares with literals by `=` or IN, and with how many.
fn pinned(filter: &Expr) -> Option<(&str, u64)> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(..)) | (Expr::Literal(..), Expr::Column(column)) => {
                Some((column.name.as_str(), 1))
            }
            _ => None,
        },
        Expr::InList(InList { expr, list, negated: false }) => match expr.as_ref() {
            Expr::Column(column) if list.iter().all(|member| matches!(member, Expr::Literal(..))) => {
                Some((column.name.as_str(), u64::try_from(list.len()).unwrap_or(u64::MAX)))
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;
    use crate::catalog::types::PgType;
    use crate::sources::table::ColumnSpec;

    #[test]
    fn a_pinned_key_gives_one_row() {
        let table = TableSpec {
            name: "t".into(),
            columns: vec![ColumnSpec::new("id", PgType::Int4), ColumnSpec::new("name", PgType::Text)],
            primary_key: vec!["id".into()],
            row_estimate: Some(1000),
            ..TableSpec::default()
        };
        let rows = |filters: Vec<Expr>, limit| scan(&table, &filters, limit);
        assert_eq!(rows(vec![], None), Some(1000));
        assert_eq!(rows(vec![], Some(10)), Some(10));
        assert_eq!(rows(vec![col("name").gt(lit("a"))], None), Some(200));
        assert_eq!(rows(vec![col("name").eq(lit("a"))], None), Some(10));
        assert_eq!(rows(vec![lit(7).eq(col("id"))], None), Some(1));
        assert_eq!(rows(vec![col("id").in_list(vec![lit(7), lit(8)], false)], None), Some(2));
        assert_eq!(scan_of(&table, &[], None, None), None);
    }
}
