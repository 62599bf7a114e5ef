//! About how many rows a source gives: what is read first, and what is shipped, depends on it, never what comes out.

use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::statistics::TableStatistics;
use crate::sources::table::TableSpec;

/// One row of so many is taken to pass a filter, as the engine itself takes it.
const FILTER_KEEPS: u64 = 5;

/// One row of so many is taken to have one value of a column that is no key.
const VALUE_KEEPS: u64 = 100;

/// About how many rows a table has: what its source said last, else what was known when it was defined.
pub fn size(table: &TableSpec, known: Option<&TableStatistics>) -> Option<u64> {
    known.and_then(|known| known.rows).or(table.row_estimate)
}

/// About how many rows a scan of a table gives. A key that is pinned gives one.
pub fn scan(table: &TableSpec, filters: &[Expr], limit: Option<usize>, known: Option<&TableStatistics>) -> Option<u64> {
    let all = size(table, known);
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
        (None, Some(all)) => Some(filters.iter().fold(all, |rows, filter| kept(table, filter, rows, known))),
        (None, None) => None,
    };
    match (rows, limit) {
        (Some(rows), Some(limit)) => Some(rows.min(limit)),
        // A limit is only the most that can come, but it is all that is known.
        (rows, limit) => rows.or(limit),
    }
}

/// About how many of so many rows a filter keeps; at least one.
fn kept(table: &TableSpec, filter: &Expr, rows: u64, known: Option<&TableStatistics>) -> u64 {
    let remote = |name: &str| table.column(name).map(|column| column.remote.as_str());
    let kept = match (pinned(filter), filter) {
        (Some((column, values)), _) => {
            let one = known.zip(remote(column)).and_then(|(known, column)| known.with_value(column, rows));
            one.map_or(rows.saturating_mul(values) / VALUE_KEEPS, |one| one.saturating_mul(values))
        }
        (None, Expr::IsNull(inner) | Expr::IsNotNull(inner)) => {
            let column = match inner.as_ref() {
                Expr::Column(column) => remote(&column.name),
                _ => None,
            };
            let are = matches!(filter, Expr::IsNull(_));
            let nulls = known.zip(column).and_then(|(known, column)| known.nulls(column, rows, are));
            nulls.unwrap_or(rows / FILTER_KEEPS)
        }
        _ => rows / FILTER_KEEPS,
    };
    kept.clamp(1, rows.max(1))
}

/// About how many rows a filter keeps, or groups there are, of so many.
pub fn fraction(rows: Option<u64>) -> Option<u64> {
    rows.map(|rows| (rows / FILTER_KEEPS).max(1))
}

/// About how many groups so many rows make; `values` has for each key how many groups it makes by itself, where that is
/// known.
pub fn groups(rows: Option<u64>, values: &[Option<u64>]) -> Option<u64> {
    let rows = rows?;
    let most = values.iter().try_fold(1u64, |most, values| Some(most.saturating_mul((*values)?)));
    match most {
        Some(most) => Some(most.min(rows).max(1)),
        None => fraction(Some(rows)),
    }
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
    use crate::federation::statistics::{ColumnStatistics, Distinct};
    use crate::sources::table::ColumnSpec;

    #[test]
    fn groups_are_as_many_as_there_are_values() {
        assert_eq!(groups(Some(1000), &[Some(3)]), Some(3));
        assert_eq!(groups(Some(1000), &[Some(3), Some(4)]), Some(12));
        assert_eq!(groups(Some(10), &[Some(3), Some(4)]), Some(10));
        assert_eq!(groups(Some(1000), &[Some(3), None]), Some(200));
        assert_eq!(groups(None, &[Some(3)]), None);
    }

    #[test]
    fn a_pinned_key_gives_one_row() {
        let table = TableSpec {
            name: "t".into(),
            columns: vec![ColumnSpec::new("id", PgType::Int4), ColumnSpec::new("name", PgType::Text)],
            primary_key: vec!["id".into()],
            row_estimate: Some(1000),
            ..TableSpec::default()
        };
        let rows = |filters: Vec<Expr>, limit| scan(&table, &filters, limit, None);
        assert_eq!(rows(vec![], None), Some(1000));
        assert_eq!(rows(vec![], Some(10)), Some(10));
        assert_eq!(rows(vec![col("name").gt(lit("a"))], None), Some(200));
        assert_eq!(rows(vec![col("name").eq(lit("a"))], None), Some(10));
        assert_eq!(rows(vec![lit(7).eq(col("id"))], None), Some(1));
        assert_eq!(rows(vec![col("id").in_list(vec![lit(7), lit(8)], false)], None), Some(2));
        let unknown = TableSpec { row_estimate: None, ..table.clone() };
        assert_eq!(scan(&unknown, &[], None, None), None);
        let column = ColumnStatistics { distinct: Some(Distinct::Count(50)), nulls: Some(0.5), tails: None };
        let known = TableStatistics { rows: Some(10_000), columns: [("name".to_string(), column)].into() };
        let rows = |filter: Expr| scan(&unknown, &[filter], None, Some(&known));
        assert_eq!(rows(col("name").eq(lit("a"))), Some(100));
        assert_eq!(rows(col("name").is_null()), Some(5000));
        assert_eq!(rows(col("id").eq(lit(7))), Some(1));
    }
}
