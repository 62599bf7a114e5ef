//! Reading one table over several connections: ranges of its primary key.
//!
//! Each range is a statement of its own that sees its own moment: these servers let no two connections share a
//! snapshot. A row is in one range as long as its key stays what it is. Hence this is done only where it was asked for.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value};
use tokio::time::timeout;

use super::dialect::MysqlDialect;
use super::errors;
use super::line::Line;
use super::pool::{Lease, Pool};
use super::types::MysqlType;
use crate::error::Result;
use crate::federation::dialect::RemoteDialect;
use crate::federation::fragment::Fragment;
use crate::sources::table::TableSpec;

/// With fewer rows to come a connection more is not worth its while.
const LEAST_ROWS: u64 = 50_000;

/// How long the further connections may take to be ready; those that are not by then are done without.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is cut, and where.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    /// The table's name as SQL.
    table: String,
    /// The key's name as SQL.
    key: String,
}

/// One connection, and the rows that it reads.
pub(super) struct Part {
    /// The connection.
    pub lease: Lease<Line>,
    /// The condition for its rows; none for all.
    pub range: Option<Fragment>,
}

/// How a table is cut of which about `rows` rows are wanted: by a primary key that is one whole number.
pub(super) fn cut(dialect: &MysqlDialect, table: &TableSpec, rows: Option<u64>) -> Option<Cut> {
    if rows.is_none_or(|rows| rows < LEAST_ROWS) {
        return None;
    }
    let [key] = table.primary_key.as_slice() else { return None };
    let key = table.column(key)?;
    let whole = matches!(
        MysqlType::parse(&key.remote_type)?,
        MysqlType::TinyInt | MysqlType::SmallInt | MysqlType::Int | MysqlType::BigInt | MysqlType::BigIntUnsigned
    );
    whole.then(|| Cut { table: dialect.table_name(&table.options, &table.name), key: dialect.quote(&key.remote) })
}

/// Up to `most` connections, with the range that each is to read. One is waited for, further ones are taken if they are
/// free at once. `told` hears of it when there are fewer.
pub(super) async fn prepare(
    pool: Arc<Pool>,
    table: String,
    cut: Cut,
    most: usize,
    told: impl FnOnce(String) + Send,
) -> Result<Vec<Part>> {
    let mut asked: Lease = pool.acquire().await?;
    let ends = format!("SELECT CAST(MIN({0}) AS CHAR), CAST(MAX({0}) AS CHAR) FROM {1}", cut.key, cut.table);
    let row: Option<Row> = match asked.conn.query_first(ends).await {
        Ok(row) => row,
        Err(error) => return Err(errors::query(pool.server(), Some(&table), &error)),
    };
    pool.release(asked);
    let first = pool.acquire().await?;
    let end = |index: usize| row.as_ref().and_then(|row| whole(row.as_ref(index)?));
    let (Some(least), Some(greatest)) = (end(0), end(1)) else {
        told("the table was empty".to_string());
        return Ok(vec![Part { lease: first, range: None }]);
    };
    let further = join_all((1..most).map(|_| timeout(PATIENCE, pool.spare()))).await;
    let further = further.into_iter().filter_map(|spare| spare.ok().flatten());
    let leases: Vec<Lease<Line>> = std::iter::once(first).chain(further).collect();
    if leases.len() < most {
        told("no other connection was free".to_string());
    }
    let ranges = ranges(&cut.key, least, greatest, leases.len());
    Ok(leases.into_iter().zip(ranges).map(|(lease, range)| Part { lease, range }).collect())
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Bytes(digits) => std::str::from_utf8(digits).ok()?.trim().parse().ok(),
        Value::Int(value) => Some(i128::from(*value)),
        Value::UInt(value) => Some(i128::from(*value)),
        _ => None,
    }
}

/// The values from least to greatest in so many ranges. The first has no beginning and the last no end, so that
/// together they hold every row, whatever has been added since.
fn ranges(key: &str, least: i128, greatest: i128, parts: usize) -> Vec<Option<Fragment>> {
    let parts = i128::try_from(parts.max(1)).unwrap_or(1);
    // Keys have 64 bits: this does not overflow.
    let start = |part: i128| least + (greatest - least + 1).max(0) * part / parts;
    (0..parts)
        .map(|part| {
            let from = (part > 0).then(|| format!("{key} >= {}", start(part)));
            let to = (part + 1 < parts).then(|| format!("{key} < {}", start(part + 1)));
            let conditions: Vec<String> = from.into_iter().chain(to).collect();
            (!conditions.is_empty()).then(|| Fragment::sql(conditions.join(" AND ")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::types::PgType;
    use crate::sources::table::ColumnSpec;

    #[test]
    fn ranges_hold_every_key_once() {
        let dialect = MysqlDialect::new(None);
        let text = |least, greatest, parts| -> Vec<String> {
            let ranges = ranges("`id`", least, greatest, parts);
            ranges.iter().flatten().map(|range| range.render(&dialect, None).sql).collect()
        };
        assert_eq!(text(-5, 5, 1), Vec::<String>::new());
        assert_eq!(text(-5, 4, 2), ["`id` < 0", "`id` >= 0"]);
        assert_eq!(text(0, i128::from(u64::MAX), 2), ["`id` < 9223372036854775808", "`id` >= 9223372036854775808"]);
        // Fewer keys than parts: some ranges are empty.
        assert_eq!(text(7, 7, 3), ["`id` < 7", "`id` >= 7 AND `id` < 7", "`id` >= 7"]);
    }

    #[test]
    fn only_large_tables_with_a_whole_number_as_key_are_cut() {
        let column = |name: &str, remote_type: &str| ColumnSpec {
            remote_type: remote_type.into(),
            ..ColumnSpec::new(name, PgType::Int8)
        };
        let table = |key: &[&str]| TableSpec {
            name: "t".into(),
            columns: vec![column("id", "bigint(20)"), column("code", "varchar(20)")],
            primary_key: key.iter().map(ToString::to_string).collect(),
            ..TableSpec::default()
        };
        let dialect = MysqlDialect::new(None);
        let cut = |key: &[&str], rows| cut(&dialect, &table(key), rows).is_some();
        assert!(cut(&["id"], Some(1_000_000)));
        assert!(!cut(&["id"], Some(10)));
        assert!(!cut(&["id"], None));
        assert!(!cut(&["code"], Some(1_000_000)));
        assert!(!cut(&["id", "code"], Some(1_000_000)));
        assert!(!cut(&[], Some(1_000_000)));
    }
}
