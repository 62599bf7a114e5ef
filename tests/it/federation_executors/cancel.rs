//! Statements end at their source when nobody wants their rows any more.

use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio_postgres::{Client, NoTls};

use super::watch::{SOON, Watch};
use crate::support::wire::{Fault, rows, value};
use crate::support::{Fixtures, Onerow, Outcome, Project, block_on};

/// How often a way to end is tried: once it must take no longer than [`SOON`]. Other tests use the same cores, and the
/// machine may be busy for as long as several tries take; so there are many, and the later ones wait before they begin.
const TRIES: usize = 20;

/// How long tries took.
#[derive(Default)]
struct Tries(Vec<Duration>);

impl Tries {
    /// Adds one; true when it was soon enough.
    async fn add(&mut self, took: Duration) -> bool {
        /// Tries that follow each other at once.
        const AT_ONCE: usize = 4;
        self.0.push(took);
        if took > SOON && self.0.len() >= AT_ONCE {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        took <= SOON
    }
}

/// How a statement ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Cancel,
    Timeout,
    Disconnect,
}

const WAYS: [Way; 3] = [Way::Cancel, Way::Timeout, Way::Disconnect];

/// Where it is when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Before the first row.
    Waiting,
    /// Rows have come, and nobody takes more.
    Stalled,
    /// Rows come and are taken.
    Flowing,
}

pub fn postgres(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA ends_soon;
         CREATE VIEW ends_soon.pairs AS
           SELECT a AS id, b AS other FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b;
         CREATE VIEW ends_soon.counted AS SELECT count(*) AS n FROM ends_soon.pairs;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA ends_soon FROM SERVER pg INTO pg;",
        // Compiling a plan cannot be interrupted.
        postgres.declared_with("pg", ", application_name 'ends_soon', options '-c jit=off'")
    ));
    let onerow = project.serve();
    block_on(async {
        let mut watch = Watch::postgres(postgres.client("postgres").await, "ends_soon");
        // An aggregate that is shipped whole, a view that gives its first row after an hour, and rows.
        for way in WAYS {
            for sql in ["SELECT other, count(*) FROM pg.pairs GROUP BY other", "SELECT n FROM pg.counted"] {
                ends(&onerow, &mut watch, sql, 1, Moment::Waiting, way).await?;
            }
            ends(&onerow, &mut watch, "SELECT * FROM pg.pairs", 1, Moment::Stalled, way).await?;
            ends(&onerow, &mut watch, "SELECT * FROM pg.pairs", 1, Moment::Flowing, way).await?;
        }
        limited(&onerow, &mut watch, "pg.pairs").await?;
        same!(rows(&onerow.client().await, "SELECT id FROM pg.pairs LIMIT 3").await?.len(), 3);
        Ok(())
    })
}

pub fn parts(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA parts_end; CREATE TABLE parts_end.t AS
           SELECT g AS id, repeat('x', 300) AS pad FROM generate_series(1, 600000) g;
         ANALYZE parts_end.t;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA parts_end FROM SERVER pg INTO pg;",
        postgres.declared_with("pg", ", application_name 'parts_end', parallel_reads '3'")
    ));
    let onerow = project.serve();
    block_on(async {
        let mut watch = Watch::postgres(postgres.client("postgres").await, "parts_end");
        for way in WAYS {
            ends(&onerow, &mut watch, "SELECT * FROM pg.t", 3, Moment::Stalled, way).await?;
        }
        limited(&onerow, &mut watch, "pg.t").await?;
        // The connections are free again, and none is left in a transaction.
        for _ in 0..3 {
            let client = onerow.client().await;
            rows(&client, "SET onerow.push_down = filters").await?;
            same!(value(&client, "SELECT count(DISTINCT id) FROM pg.t").await?, "600000");
        }
        let left = "SELECT count(*) FROM pg_stat_activity
                     WHERE application_name = 'parts_end' AND state LIKE 'idle in transaction%'";
        let asking = postgres.client("postgres").await;
        for _ in 0..100 {
            if value(&asking, left).await? == "0" {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err("connections are left in transactions".into())
    })
}

pub fn mariadb(fixtures: &Fixtures) -> Outcome {
    let mariadb = fixtures.mariadb();
    mariadb.sql(
        "CREATE DATABASE ends_soon; USE ends_soon;
         CREATE VIEW pairs AS SELECT a.seq AS id, b.seq AS other FROM seq_1_to_1000000 a, seq_1_to_1000000 b;
         CREATE VIEW counted AS SELECT COUNT(*) AS n FROM pairs;",
    );
    let project =
        Project::new(&format!("{} IMPORT FOREIGN SCHEMA ends_soon FROM SERVER my INTO my;", mariadb.declared("my")));
    let onerow = project.serve();
    block_on(async {
        let mut watch = Watch::mariadb(mariadb, "`ends_soon`.").await?;
        for way in WAYS {
            for sql in ["SELECT other, count(*) FROM my.pairs GROUP BY other", "SELECT n FROM my.counted"] {
                ends(&onerow, &mut watch, sql, 1, Moment::Waiting, way).await?;
            }
            ends(&onerow, &mut watch, "SELECT * FROM my.pairs", 1, Moment::Stalled, way).await?;
            ends(&onerow, &mut watch, "SELECT * FROM my.pairs", 1, Moment::Flowing, way).await?;
        }
        limited(&onerow, &mut watch, "my.pairs").await?;
        same!(rows(&onerow.client().await, "SELECT id FROM my.pairs LIMIT 3").await?.len(), 3);
        Ok(())
    })
}

pub fn mariadb_parts(fixtures: &Fixtures) -> Outcome {
    let mariadb = fixtures.mariadb();
    mariadb.sql(
        "CREATE DATABASE parts_end; USE parts_end; CREATE TABLE t (id INT PRIMARY KEY, pad VARCHAR(400));
         INSERT INTO t SELECT seq, REPEAT('x', 300) FROM seq_1_to_200000; ANALYZE TABLE t;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA parts_end FROM SERVER my INTO my;",
        mariadb.declared_with("my", ", parallel_reads '3'")
    ));
    let onerow = project.serve();
    block_on(async {
        let mut watch = Watch::mariadb(mariadb, "`parts_end`.").await?;
        for way in WAYS {
            ends(&onerow, &mut watch, "SELECT * FROM my.t", 3, Moment::Stalled, way).await?;
        }
        Ok(())
    })
}

/// SQLite has no list of statements: the only reader that there may be is free again.
pub fn sqlite(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db', max_connections '1');
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;",
    );
    rusqlite::Connection::open(project.path().join("lite.db"))?.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         INSERT INTO t WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 3000) SELECT n FROM s;
         CREATE VIEW pairs AS SELECT a.id AS id, b.id AS other, c.id AS third FROM t a, t b, t c;
         CREATE VIEW counted AS SELECT CAST(count(*) AS TEXT) AS n FROM pairs;",
    )?;
    let onerow = project.serve();
    block_on(async {
        for (sql, moment) in
            [("SELECT n FROM lite.counted", Moment::Waiting), ("SELECT * FROM lite.pairs", Moment::Stalled)]
        {
            for way in WAYS {
                let (mut tries, mut soon) = (Tries::default(), false);
                while !soon && tries.0.len() < TRIES {
                    let next = onerow.client().await;
                    value(&next, "SELECT 1").await?;
                    let began = end(&onerow, sql, moment, way, async || {
                        tokio::time::sleep(Duration::from_millis(300)).await;
                        Ok(())
                    })
                    .await?;
                    same!(value(&next, "SELECT id FROM lite.t WHERE id = 7").await?, "7");
                    soon = tries.add(began.elapsed()).await;
                }
                same!(soon, true, "{way:?}, {moment:?}: {sql} ended after {:?}", tries.0);
            }
        }
        Ok(())
    })
}

/// Ends `sql` in this way at this moment, once it runs as `count` statements: they must all be gone soon.
async fn ends(onerow: &Onerow, watch: &mut Watch, sql: &str, count: u32, moment: Moment, way: Way) -> Outcome {
    let (mut tries, mut soon) = (Tries::default(), false);
    while !soon && tries.0.len() < TRIES {
        watch.rest().await?;
        let began = match end(onerow, sql, moment, way, async || watch.started(count).await).await {
            Ok(began) => began,
            // The connections of the try before may not be free yet: then there are fewer parts.
            Err(_) if tries.0.len() + 1 < TRIES => {
                tries.add(Duration::MAX).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let took = watch.gone(began).await.map_err(|said| format!("{way:?}, {moment:?}: {sql}: {said}"))?;
        soon = tries.add(took).await;
    }
    eprintln!("{way:?}, {moment:?}: gone after {:?}: {sql}", tries.0);
    if soon { Ok(()) } else { Err(format!("{way:?}, {moment:?}: {sql} ended after {:?}", tries.0).into()) }
}

/// Runs `sql` and ends it; when that was.
async fn end(
    onerow: &Onerow,
    sql: &str,
    moment: Moment,
    way: Way,
    started: impl AsyncFnOnce() -> Result<(), String>,
) -> Result<Instant, libtest_mimic::Failed> {
    const TIMEOUT: Duration = Duration::from_millis(1500);
    let (client, connection) = onerow.config().connect(NoTls).await.map_err(Fault::from)?;
    let connection = tokio::spawn(connection);
    if way == Way::Timeout {
        rows(&client, &format!("SET statement_timeout = '{}ms'", TIMEOUT.as_millis())).await?;
    }
    let token = client.cancel_token();
    let sent = Instant::now();
    let text = sql.to_string();
    let reading = tokio::spawn(async move { read(client, text, moment).await });
    if let Err(said) = started().await {
        connection.abort();
        reading.abort();
        return Err(format!("{way:?}, {moment:?}: {sql}: {said}").into());
    }
    if moment != Moment::Waiting {
        // Until rows have filled what is between.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let began = match way {
        Way::Cancel => {
            let began = Instant::now();
            token.cancel_query(NoTls).await.map_err(Fault::from)?;
            began
        }
        Way::Disconnect => {
            let began = Instant::now();
            connection.abort();
            began
        }
        Way::Timeout => {
            let at = sent + TIMEOUT;
            tokio::time::sleep_until(at.into()).await;
            at
        }
    };
    // A reader that has stalled stays so, and so does its connection, until the test is over.
    drop(reading);
    Ok(began)
}

async fn read(client: Client, sql: String, moment: Moment) -> Result<u64, Fault> {
    let mut messages = Box::pin(client.simple_query_raw(&sql).await?);
    let mut count = 0;
    while let Some(message) = messages.next().await {
        message?;
        count += 1;
        if moment == Moment::Stalled && count > 100 {
            std::future::pending::<()>().await;
        }
    }
    Ok(count)
}

/// A LIMIT that is met here, by rows that a function of ours keeps, ends the statement too.
async fn limited(onerow: &Onerow, watch: &mut Watch, table: &str) -> Outcome {
    let client = onerow.client().await;
    let sql = format!("SELECT id FROM {table} WHERE blank_to_null(id::text) IS NOT NULL LIMIT 5");
    let (mut tries, mut soon) = (Tries::default(), false);
    while !soon && tries.0.len() < TRIES {
        same!(rows(&client, &sql).await?.len(), 5);
        soon = tries.add(watch.gone(Instant::now()).await?).await;
    }
    eprintln!("limit: gone after {:?}: {sql}", tries.0);
    same!(soon, true, "{sql} ended after {:?}", tries.0);
    Ok(())
}
