//! A SQLite file whose application goes on writing while it is read.

use futures::StreamExt;
use rusqlite::Connection;
use tokio_postgres::SimpleQueryMessage;

use crate::support::wire::{Fault, value};
use crate::support::{Fixtures, Outcome, Project, block_on};

/// Rows that are committed while a reader is in the middle are not seen by it, and not held up.
pub fn one_moment(_: &Fixtures) -> Outcome {
    const ROWS: i64 = 200_000;
    let project = Project::new(
        "CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;",
    );
    let path = project.path().join("lite.db");
    let writer = Connection::open(&path)?;
    writer.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, pad TEXT);
         INSERT INTO t WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS})
           SELECT n, 1, 'pad ' || n FROM s;"
    ))?;
    let onerow = project.serve();
    let read: Outcome = block_on(async {
        let client = onerow.client().await;
        let mut messages = Box::pin(client.simple_query_raw("SELECT id, n FROM lite.t").await.map_err(Fault::from)?);
        let (mut count, mut sum) = (0i64, 0i64);
        let mut written = false;
        while let Some(message) = messages.next().await {
            if let SimpleQueryMessage::Row(row) = message.map_err(Fault::from)? {
                count += 1;
                sum += row.get(1).unwrap_or_default().parse::<i64>()?;
            }
            if count == 100 && !written {
                written = true;
                writer.execute("UPDATE t SET n = 1000 WHERE id > ?1", [ROWS / 2])?;
                writer.execute("DELETE FROM t WHERE id % 10 = 0", [])?;
                // What is read stays in the log.
                let busy: i64 = writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(0))?;
                same!(busy, 0);
            }
        }
        same!((count, sum), (ROWS, ROWS));
        let next = onerow.client().await;
        same!(value(&next, "SELECT count(*) FROM lite.t").await?, (ROWS - ROWS / 10).to_string());
        same!(value(&next, "SELECT count(*) FROM lite.t WHERE n = 1000").await?, (ROWS / 2 - ROWS / 20).to_string());
        Ok(())
    });
    read?;
    // Reading has left the file as its writer wants it.
    let mode: String = writer.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    same!(mode, "wal");
    let whole: String = writer.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    same!(whole, "ok");
    Ok(())
}
