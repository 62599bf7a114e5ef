//! What one statement, and all of them together, may take of a source.

use std::time::{Duration, Instant};

use futures::future::join_all;
use rusqlite::Connection;

use super::super::support::process::eventually;
use super::super::support::wire::rows;
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::Test;

pub const TESTS: &[Test] = &[
    ("rows_and_bytes", rows_and_bytes),
    ("time", time),
    ("statements_take_turns", turns),
    ("one_statement_at_a_time_is_never_a_deadlock", no_deadlock),
];

const LIMIT: Duration = Duration::from_secs(20);

fn rows_and_bytes(fixtures: &Fixtures) -> Outcome {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(
        "CREATE SCHEMA limited;
         CREATE TABLE limited.t AS SELECT g AS id, repeat('x', 100) AS pad FROM generate_series(1, 200000) AS g;",
    );
    mariadb.sql(
        "CREATE DATABASE limited; USE limited;
         CREATE TABLE t AS SELECT seq AS id, REPEAT('x', 100) AS pad FROM seq_1_to_200000;",
    );
    let limits = ", max_rows '1000', application_name 'limited_rows'";
    let project = Project::new(&format!(
        "{} {} {} {}
         CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db', max_rows '1000');
         CREATE SERVER bytes_lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db', max_bytes '1MB');
         IMPORT FOREIGN SCHEMA limited FROM SERVER pg INTO pg; IMPORT FOREIGN SCHEMA limited FROM SERVER my INTO my;
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;
         IMPORT FOREIGN SCHEMA limited FROM SERVER bytes_pg INTO bytes_pg;
         IMPORT FOREIGN SCHEMA limited FROM SERVER bytes_my INTO bytes_my;
         IMPORT FOREIGN SCHEMA main FROM SERVER bytes_lite INTO bytes_lite;",
        postgres.declared_with("pg", limits),
        mariadb.declared_with("my", ", max_rows '1000'"),
        postgres.declared_with("bytes_pg", ", max_bytes '1MB', application_name 'limited_bytes'"),
        mariadb.declared_with("bytes_my", ", max_bytes '1MB'"),
    ));
    Connection::open(project.path().join("lite.db"))?.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, pad TEXT);
         WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 200000)
           INSERT INTO t SELECT n, printf('%.100c', 'x') FROM g;",
    )?;
    let onerow = project.serve();
    for kind in ["pg", "my", "lite"] {
        let server = format!("\"{kind}\"");
        let sql = format!("SELECT count(*) FROM {kind}.t WHERE blank_to_null(pad) IS NOT NULL AND id <= ");
        same!(onerow.sql(&format!("{sql} 1000"))?, "1000");
        refused!(onerow.sql(&format!("{sql} 1001")), "53400", server, "\"t\"", "more than 1000 rows", "max_rows");
        refused!(onerow.sql(&format!("SELECT * FROM {kind}.t")), "53400", server);
        // What the source counts itself is one row.
        same!(onerow.sql(&format!("SELECT count(*) FROM {kind}.t"))?, "200000");
        same!(onerow.sql(&format!("SELECT id FROM {kind}.t ORDER BY id DESC LIMIT 1"))?, "200000");
        let sql = format!("SELECT count(*) FROM bytes_{kind}.t WHERE blank_to_null(pad) IS NOT NULL AND id <= ");
        same!(onerow.sql(&format!("{sql} 5000"))?, "5000");
        refused!(onerow.sql(&format!("{sql} 200000")), "53400", format!("bytes_{kind}"), "max_bytes");
    }
    let active = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'limited_%' AND state = 'active'";
    same!(eventually(LIMIT, || postgres.sql(active).trim() == "0"), true, "a statement goes on at the source");
    Ok(())
}

fn time(fixtures: &Fixtures) -> Outcome {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(
        "CREATE SCHEMA in_time; CREATE TABLE in_time.t (id int); INSERT INTO in_time.t VALUES (1);
         CREATE VIEW in_time.slow AS SELECT g AS id, pg_sleep(0.02) IS NULL AS slept
           FROM generate_series(1, 100000) AS g;",
    );
    mariadb.sql(
        "CREATE DATABASE in_time; USE in_time; CREATE TABLE t AS SELECT seq AS id FROM seq_1_to_100000;
         CREATE VIEW slow AS SELECT id, SLEEP(0.02) AS slept FROM t;",
    );
    let project = Project::new(&format!(
        "{} {} IMPORT FOREIGN SCHEMA in_time FROM SERVER pg INTO pg;
         IMPORT FOREIGN SCHEMA in_time FROM SERVER my INTO my;",
        postgres.declared_with("pg", ", max_time '1s', application_name 'in_time'"),
        mariadb.declared_with("my", ", max_time '1s'")
    ));
    let onerow = project.serve();
    let running = |kind: &str| match kind {
        "pg" => postgres
            .sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'in_time' AND state = 'active'"),
        _ => mariadb.sql(
            "SELECT COUNT(*) FROM information_schema.processlist
              WHERE info LIKE '%in_time%' AND info NOT LIKE '%processlist%' AND command <> 'Sleep'",
        ),
    };
    for kind in ["pg", "my"] {
        let began = Instant::now();
        refused!(
            onerow.sql(&format!("SELECT sum(id) FROM {kind}.slow WHERE slept IS NOT NULL")),
            "57014",
            kind,
            "max_time"
        );
        same!(began.elapsed() < Duration::from_secs(5), true, "{kind}: {:?}", began.elapsed());
        same!(eventually(LIMIT, || running(kind).trim() == "0"), true, "{kind}: it goes on at the source");
        same!(onerow.sql(&format!("SELECT count(*) FROM {kind}.t"))?.is_empty(), false);
    }
    Ok(())
}

fn turns(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA turns; CREATE VIEW turns.slow AS SELECT 1 AS id, pg_sleep(0.1) IS NULL AS slept;
         CREATE VIEW turns.slower AS SELECT 1 AS id, pg_sleep(5) IS NULL AS slept;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA turns FROM SERVER pg INTO pg;",
        postgres.declared_with("pg", ", max_statements '2', acquire_timeout '3s', application_name 'turns'")
    ));
    let onerow = project.serve();
    block_on(async {
        // Twelve of them, two at a time, all in time.
        let asked = (0..12).map(|_| async {
            let client = onerow.client().await;
            rows(&client, "SELECT id FROM pg.slow WHERE slept IS NOT NULL").await
        });
        for answer in join_all(asked).await {
            same!(answer.map(|rows| rows.len()), Ok(1));
        }
        // Who waits too long is told why.
        let asked = (0..3).map(|_| async {
            let client = onerow.client().await;
            rows(&client, "SELECT id FROM pg.slower WHERE slept IS NOT NULL").await
        });
        let answers = join_all(asked).await;
        let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        same!(refused.len(), 1, "{answers:?}");
        for fault in refused {
            same!(fault.state, "53400");
            holds!(fault.message, "pg");
            holds!(fault.detail, "max_statements");
        }
        Ok(())
    })
}

/// Queries that read two tables of one server that runs one statement, or has one connection: they answer, or say why
/// not in time.
fn no_deadlock(fixtures: &Fixtures) -> Outcome {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(
        "CREATE SCHEMA lock_free;
         CREATE TABLE lock_free.a AS SELECT g AS id, repeat('x', 300) AS pad FROM generate_series(1, 60000) AS g;
         CREATE TABLE lock_free.b AS SELECT g AS id, repeat('y', 300) AS pad FROM generate_series(1, 60000) AS g;",
    );
    mariadb.sql(
        "CREATE DATABASE lock_free; USE lock_free;
         CREATE TABLE a AS SELECT seq AS id, REPEAT('x', 300) AS pad FROM seq_1_to_60000;
         CREATE TABLE b AS SELECT seq AS id, REPEAT('y', 300) AS pad FROM seq_1_to_60000;",
    );
    let statements = ", max_statements '1', acquire_timeout '2s'";
    let connections = ", max_connections '1', acquire_timeout '2s'";
    let mut sql = String::new();
    for (name, options) in [("statements", statements), ("connections", connections)] {
        sql.push_str(&postgres.declared_with(&format!("{name}_pg"), options));
        sql.push_str(&mariadb.declared_with(&format!("{name}_my"), options));
        sql.push_str(&format!(
            "CREATE SERVER {name}_lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db'{options});
             IMPORT FOREIGN SCHEMA lock_free FROM SERVER {name}_pg INTO {name}_pg;
             IMPORT FOREIGN SCHEMA lock_free FROM SERVER {name}_my INTO {name}_my;
             IMPORT FOREIGN SCHEMA main FROM SERVER {name}_lite INTO {name}_lite;"
        ));
    }
    let project = Project::new(&sql);
    Connection::open(project.path().join("lite.db"))?.execute_batch(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, pad TEXT); CREATE TABLE b (id INTEGER PRIMARY KEY, pad TEXT);
         WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 60000)
           INSERT INTO a SELECT n, printf('%.300c', 'x') FROM g;
         INSERT INTO b SELECT * FROM a;",
    )?;
    let onerow = project.serve();
    let here = "SET onerow.push_down = filters; ";
    for schema in
        ["statements_pg", "statements_my", "statements_lite", "connections_pg", "connections_my", "connections_lite"]
    {
        let (a, b) = (format!("{schema}.a"), format!("{schema}.b"));
        // One side is read to its end before the other is asked for.
        let hash =
            format!("{here} SELECT count(*), sum(length(a.pad) + length(b.pad)) FROM {a} a JOIN {b} b ON a.id = b.id");
        let union =
            format!("{here} SELECT count(*), sum(length(pad)) FROM (SELECT * FROM {a} UNION ALL SELECT * FROM {b}) u");
        let merge =
            format!("SET datafusion.optimizer.prefer_hash_join = false; SET onerow.run_time_keys = off; {hash}");
        for (what, sql) in [("hash", &hash), ("union", &union), ("merge", &merge)] {
            let began = Instant::now();
            match onerow.sql(sql) {
                Ok(found) => {
                    let expected = if what == "union" { "120000|36000000" } else { "60000|36000000" };
                    same!(found, expected, "{schema}, {what}");
                }
                Err(said) => {
                    same!(what != "hash", true, "{schema}: {said}");
                    holds!(said, if schema.starts_with("statements") { "53400" } else { "53300" });
                    holds!(said, schema);
                }
            }
            same!(began.elapsed() < LIMIT, true, "{schema}, {what}: {:?}", began.elapsed());
        }
        // Nothing is left behind.
        same!(onerow.sql(&format!("SELECT count(*) FROM {a}"))?, "60000", "{schema}");
    }
    Ok(())
}
