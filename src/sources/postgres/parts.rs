//! Reading one table over several connections: ranges of its pages ([`super::ranges`]), all in one exported snapshot.
//!
//! A row that an UPDATE moves from one page to another has one version in any one snapshot, and so is in exactly one
//! range. Each connection locks the table before anything else (ACCESS SHARE, as any SELECT does), the first one before
//! its snapshot is taken: what does not respect snapshots, such as TRUNCATE or a rewrite by ALTER TABLE, waits until
//! every part has been read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::errors::{self, Place};
use super::pool::{Lease, Pool};
use super::query::{Failure, field};
use super::ranges::Ranges;
use crate::error::Result;
use crate::sources::table::TableSpec;

/// A part of fewer pages is not worth a connection of its own: 8 MB in pages of the usual size.
const LEAST_PAGES: u64 = 1024;

/// With fewer rows to come, an index is likely to serve better than reading the table in parts.
const LEAST_ROWS: u64 = 50_000;

/// How many pages one packed value is made of at most: no more than 20 MB of eight bytes a row in pages of the usual size.
const MOST_PAGES_OF_A_PIECE: u64 = 8192;

/// How long the further connections may take to be ready; those that are not by then are done without.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it is remembered that a server does not share snapshots.
const REMEMBERED: Duration = Duration::from_secs(600);

/// What a snapshot is asked for, with what tells whether another connection has the same.
const EXPORT: &str = "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.pg_current_snapshot()::text, \
     pg_catalog.pg_postmaster_start_time()::text, \
     pg_catalog.pg_relation_size($1::text::pg_catalog.regclass) / pg_catalog.current_setting('block_size')::bigint";

/// What tells whether this connection has the exported snapshot, of the same server.
const COMPARE: &str = "SELECT pg_catalog.pg_current_snapshot()::text, pg_catalog.pg_postmaster_start_time()::text";

/// One connection, and what it reads.
pub(super) struct Part {
    /// The connection: in a transaction block of the shared snapshot, unless it reads alone.
    pub(super) lease: Lease,
    /// What it and the others take their pages from; none when it reads everything, by one statement.
    pub(super) ranges: Option<Arc<Ranges>>,
}

/// Why a server's tables are not read in parts, as far as that has been found out.
#[derive(Debug, Default)]
pub(super) struct Refusal(parking_lot::Mutex<Option<(String, Instant)>>);

impl Refusal {
    /// The reason, if it was found out lately.
    pub(super) fn reason(&self) -> Option<String> {
        self.0.lock().as_ref().filter(|(_, since)| since.elapsed() < REMEMBERED).map(|(reason, _)| reason.clone())
    }

    fn remember(&self, server: &str, reason: String) {
        tracing::warn!(server, "tables are read by one connection each: {reason}");
        *self.0.lock() = Some((reason, Instant::now()));
    }
}

/// In how many parts a table is read of which about `rows` rows are wanted, when there may be up to `most`.
pub(super) fn count(table: &TableSpec, rows: Option<u64>, most: usize) -> usize {
    match table.pages {
        Some(pages) if rows.is_some_and(|rows| rows >= LEAST_ROWS) => of_pages(pages, most),
        _ => 1,
    }
}

/// In how many parts a table of so many pages is read, when there may be up to `most`.
pub(super) fn of_pages(pages: u64, most: usize) -> usize {
    usize::try_from(pages / LEAST_PAGES).unwrap_or(usize::MAX).min(most).max(1)
}

/// Up to `most` connections in one snapshot, with the pages that each is to read. One is waited for, further ones are
/// taken if they are free at once. `permit`: that for the first one, where it is there already. `table` is the table's name as SQL. Whatever stands in the way of sharing a snapshot
/// leaves one connection that reads everything; `told` is given the reason. `packed`: each range gives one row.
pub(super) async fn prepare(
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
    place: Arc<Place>,
    table: String,
    most: usize,
    packed: bool,
    told: impl FnOnce(String) + Send,
) -> Result<Vec<Part>> {
    let mut first = match permit {
        Some(permit) => pool.acquire_spare(permit).await?,
        None => pool.acquire().await?,
    };
    let exported = loop {
        match export(&mut first, &table).await {
            Ok(exported) => break exported,
            Err(Failure::Remote(error)) if first.reused && errors::is_lost(&error) => first.reconnect().await?,
            Err(Failure::Remote(error)) if refuses(&error) => {
                let reason = format!("no snapshot can be exported ({})", errors::reason(&error));
                first.leave_block().await.map_err(|failure| failure.at(&place, &mut first))?;
                if error.code() != Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
                    pool.refusal().remember(pool.server(), reason.clone());
                }
                told(reason);
                return Ok(vec![Part { lease: first, ranges: None }]);
            }
            Err(failure) => return Err(failure.at(&place, &mut first)),
        }
    };
    let further = (1..most).map(|_| import(&pool, &exported, &table));
    let further = join_all(further).await;
    let mut leases = vec![first];
    let mut why = None;
    for import in further {
        match import {
            Import::Ready(lease) => leases.push(*lease),
            Import::NotFree => {
                why.get_or_insert_with(|| "no other connection was free".to_string());
            }
            Import::Apart(reason) => {
                pool.refusal().remember(pool.server(), reason.clone());
                why = Some(reason);
            }
        }
    }
    if leases.len() < most {
        told(why.unwrap_or_default());
    }
    let ranges = Arc::new(Ranges::new(exported.pages, leases.len(), packed.then_some(MOST_PAGES_OF_A_PIECE)));
    Ok(leases.into_iter().map(|lease| Part { lease, ranges: Some(Arc::clone(&ranges)) }).collect())
}

/// A snapshot that others may share.
struct Exported {
    id: String,
    /// What it is made of.
    snapshot: String,
    /// Since when the server has run: two servers do not share a snapshot, whatever they call it.
    started: String,
    /// How many pages the table has.
    pages: u64,
}

enum Import {
    Ready(Box<Lease>),
    /// There was no connection, or the table was about to be locked.
    NotFree,
    /// The connection has no part in the snapshot.
    Apart(String),
}

/// Whether an error means that this server has no snapshots to share, or does not let this user lock the table: the
/// table may be read all the same.
fn refuses(error: &tokio_postgres::Error) -> bool {
    // insufficient_privilege, feature_not_supported, and whatever else a pooler may say to a BEGIN.
    error.code().is_some_and(|code| matches!(code.code(), "42501" | "0A000" | "42883" | "42601" | "25001" | "55000"))
}

async fn export(lease: &mut Lease, table: &str) -> Result<Exported, Failure> {
    // A lock first, and then the snapshot: after a TRUNCATE between the two the table would seem empty.
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE {table} IN ACCESS SHARE MODE; \
         SET LOCAL idle_in_transaction_session_timeout = 0"
    );
    let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&table, Type::TEXT)];
    let row = lease.begin(&begin, EXPORT, &parameters).await?;
    let pages: i64 = field(&row, 3)?;
    Ok(Exported {
        id: field(&row, 0)?,
        snapshot: field(&row, 1)?,
        started: field(&row, 2)?,
        pages: u64::try_from(pages).unwrap_or(0),
    })
}

async fn import(pool: &Arc<Pool>, exported: &Exported, table: &str) -> Import {
    // It stands in SQL.
    if !exported.id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        return Import::Apart(format!("the snapshot's name is odd: {}", exported.id));
    }
    let Some(permit) = pool.spare() else { return Import::NotFree };
    let importing = async {
        let Ok(mut lease) = pool.acquire_spare(permit).await else { return Import::NotFree };
        // NOWAIT: who waits for a stronger lock waits for the first connection, which waits for this one.
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{}'; \
             SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE {table} IN ACCESS SHARE MODE NOWAIT",
            exported.id
        );
        let shared = match lease.begin(&begin, COMPARE, &[]).await {
            Ok(row) => {
                let (snapshot, started) = (field::<String>(&row, 0), field::<String>(&row, 1));
                snapshot.is_ok_and(|s| s == exported.snapshot) && started.is_ok_and(|s| s == exported.started)
            }
            // invalid_parameter_value and undefined_object: there is no such snapshot. feature_not_supported: it is of
            // another database.
            Err(Failure::Remote(error))
                if error.code().is_some_and(|code| matches!(code.code(), "22023" | "42704" | "0A000")) =>
            {
                false
            }
            Err(_) => return Import::NotFree,
        };
        if shared {
            Import::Ready(Box::new(lease))
        } else {
            // Wherever it leads: it is not where the first one does.
            lease.keep = false;
            Import::Apart(APART.to_string())
        }
    };
    tokio::time::timeout(PATIENCE, importing).await.unwrap_or(Import::NotFree)
}

/// What it means that a snapshot is not there on another connection.
const APART: &str = "its connections do not share snapshots, as behind a pooler that leads to several servers";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_reads_of_known_tables_are_cut() {
        let table = |pages| TableSpec { pages, ..TableSpec::default() };
        assert_eq!(count(&table(Some(10_000)), Some(1_000_000), 4), 4);
        assert_eq!(count(&table(Some(3_000)), Some(1_000_000), 4), 2);
        assert_eq!(count(&table(Some(10_000)), Some(1_000_000), 1), 1);
        assert_eq!(count(&table(Some(10_000)), Some(100), 4), 1);
        assert_eq!(count(&table(Some(10_000)), None, 4), 1);
        assert_eq!(count(&table(Some(10)), Some(1_000_000), 4), 1);
        assert_eq!(count(&table(None), Some(1_000_000), 4), 1);
    }
}
