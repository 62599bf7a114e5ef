//! What a connection is told first, and what depends on the server's version.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

/// What every connection is told first. The empty sql_mode switches off ANSI_QUOTES, NO_BACKSLASH_ESCAPES,
/// PAD_CHAR_TO_FULL_LENGTH and all else that changes what is read; TIMESTAMP reads as UTC; no result is cut short by
/// sql_select_limit; sorts look at as many bytes as `expressions::SORTED_BYTES` says; and a reader that is slow for a
/// while is not disconnected.
const SETUP: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET SESSION sql_mode = '', time_zone = '+00:00', sql_auto_is_null = 0, autocommit = 1, \
     sql_select_limit = 18446744073709551615, max_sort_length = 1024, net_write_timeout = 3600",
    "SET SESSION TRANSACTION READ ONLY",
];

/// The statements for a server of this version, `limit` being the longest that one may take, zero for none.
pub(super) fn setup(version: &str, limit: Duration) -> Vec<Arc<str>> {
    let limit = (!limit.is_zero()).then(|| Arc::from(limit_time(version, limit)));
    SETUP.iter().map(|statement| Arc::from(*statement)).chain(limit).collect()
}

/// What the server says it is, such as `8.0.36` or `10.11.6-MariaDB-0+deb12u1`.
pub(super) async fn version(conn: &mut Conn) -> mysql_async::Result<String> {
    let row: Option<Row> = conn.query_first("SELECT VERSION()").await?;
    Ok(match row.as_ref().and_then(|row| row.as_ref(0)) {
        Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    })
}

/// Whether a server of this version has window functions: MySQL since 8.0, MariaDB since 10.2.
pub(super) fn has_windows(version: (u16, u16, u16)) -> bool {
    matches!(version, (8 | 9, ..) | (10, 2.., _) | (11.., ..))
}

/// MariaDB counts seconds with a fraction, MySQL milliseconds.
fn limit_time(version: &str, limit: Duration) -> String {
    if version.contains("MariaDB") {
        format!("SET SESSION max_statement_time = {}", limit.as_secs_f64())
    } else {
        format!("SET SESSION max_execution_time = {}", limit.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_came_late() {
        assert!(
            has_windows((8, 0, 36)) && has_windows((9, 1, 0)) && has_windows((10, 11, 6)) && has_windows((11, 4, 2))
        );
        assert!(!has_windows((5, 7, 44)) && !has_windows((10, 1, 48)) && !has_windows((0, 0, 0)));
    }

    #[test]
    fn both_servers_limit_time() {
        let limit = Duration::from_millis(1500);
        assert_eq!(limit_time("8.0.36", limit), "SET SESSION max_execution_time = 1500");
        assert_eq!(limit_time("10.11.6-MariaDB", limit), "SET SESSION max_statement_time = 1.5");
    }
}
