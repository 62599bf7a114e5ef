//! Who reads slowly makes the source wait, and the program's memory does not grow.

use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio_postgres::NoTls;

use crate::support::wire::{Fault, value};
use crate::support::{Fixtures, Outcome, Project, block_on};

/// What may be on its way: sockets, batches, and what the allocator keeps.
const ON_THE_WAY: u64 = 160 << 20;

pub fn slow_reader(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(
        "CREATE SCHEMA slow_reader;
         CREATE VIEW slow_reader.endless AS
           SELECT a AS id, repeat('x', 1000) AS pad FROM generate_series(1, 1000000) a, generate_series(1, 1000) b;
         CREATE TABLE slow_reader.t AS
           SELECT g AS id, repeat(md5(g::text), 30) AS pad FROM generate_series(1, 200000) g;
         ANALYZE slow_reader.t;",
    );
    mariadb.sql(
        "CREATE DATABASE slow_reader; USE slow_reader;
         CREATE VIEW endless AS SELECT a.seq AS id, REPEAT('x', 1000) AS pad FROM seq_1_to_1000000 a, seq_1_to_1000 b;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA slow_reader FROM SERVER pg INTO pg;
         {} IMPORT FOREIGN SCHEMA slow_reader FROM SERVER my INTO my;
         CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;",
        postgres.declared_with("pg", ", application_name 'slow_reader', parallel_reads '3'"),
        mariadb.declared("my")
    ));
    rusqlite::Connection::open(project.path().join("lite.db"))?.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         INSERT INTO t WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 3000) SELECT n FROM s;
         CREATE VIEW endless AS SELECT a.id AS id, CAST(printf('%01000d', a.id) AS TEXT) AS pad FROM t a, t b, t c;",
    )?;
    let onerow = project.serve();
    block_on(async {
        let asking = postgres.client("postgres").await;
        for table in ["pg.endless", "pg.t", "my.endless", "lite.endless"] {
            let client = onerow.client().await;
            let token = client.cancel_token();
            let before = onerow.memory("VmRSS");
            let sql = format!("SELECT * FROM {table}");
            let mut messages = Box::pin(client.simple_query_raw(&sql).await.map_err(Fault::from)?);
            for _ in 0..10 {
                messages.next().await.ok_or("the rows ended")?.map_err(Fault::from)?;
            }
            let mut most = 0;
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                most = most.max(onerow.memory("VmRSS"));
            }
            let grown = most.saturating_sub(before);
            eprintln!("{table}: {} MB more", grown >> 20);
            same!(grown < ON_THE_WAY, true, "{table}: {} MB more", grown >> 20);
            if table.starts_with("pg.") {
                // The source waits for us, with every connection: until more can be sent, or until it is asked for
                // further pages.
                let waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'slow_reader'
                                AND (state = 'active' AND wait_event = 'ClientWrite' OR state = 'idle in transaction')";
                let expected = if table == "pg.t" { "3" } else { "1" };
                let until = Instant::now() + Duration::from_secs(20);
                while value(&asking, waiting).await? != expected && Instant::now() < until {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                same!(value(&asking, waiting).await?, expected, "{table}");
            }
            token.cancel_query(NoTls).await.map_err(Fault::from)?;
            // The next read is given connections that this one no longer has.
            let busy =
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'slow_reader' AND state <> 'idle'";
            while value(&asking, busy).await? != "0" {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Ok(())
    })
}
