//! Connections that end: before a statement, while it is sent, and in the middle of its rows.

use std::time::{Duration, Instant};

use super::super::support::mariadb::Mariadb;
use super::super::support::postgres::Postgres;
use super::super::support::process::eventually;
use super::super::support::relay::Relay;
use super::super::support::wire::{rows, value};
use super::super::support::{Fixtures, Onerow, Outcome, Project, block_on};
use super::Test;

pub const TESTS: &[Test] = &[
    ("a_killed_postgres_is_no_end_of_rows", killed_postgres),
    ("a_killed_mariadb_is_no_end_of_rows", killed_mariadb),
    ("a_statement_is_sent_once_more_before_its_first_row", sent_again),
    ("keys_in_several_statements_are_sent_once_more", keys_sent_again),
    ("a_connection_that_drops_in_the_middle_is_an_error", dropped),
    ("a_source_that_falls_silent_is_bounded", silent),
    ("a_source_without_room_says_so", full),
    ("a_wrong_password_is_tried_once", refused),
];

const LIMIT: Duration = Duration::from_secs(20);

fn killed_postgres(_: &Fixtures) -> Outcome {
    let mut postgres = Postgres::start();
    postgres.sql(
        "CREATE TABLE account AS SELECT g AS id, 'n' || g AS name FROM generate_series(1, 1000) AS g;
         CREATE VIEW slow AS SELECT g AS id, repeat('x', 2000) AS pad, pg_sleep(0.0005) IS NULL AS slept
           FROM generate_series(1, 1000000) AS g;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA public FROM SERVER erp INTO erp;",
        postgres.declared_with("erp", ", breaker_pause '100ms'")
    ));
    let onerow = project.serve();
    killed(&onerow, "erp", |alive| if alive { postgres.resume() } else { postgres.kill() })
}

fn killed_mariadb(_: &Fixtures) -> Outcome {
    let mut mariadb = Mariadb::start();
    mariadb.sql(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE account AS SELECT seq AS id, CONCAT('n', seq) AS name FROM seq_1_to_1000;
         CREATE TABLE many AS SELECT seq AS id, REPEAT('x', 2000) AS pad FROM seq_1_to_40000;
         CREATE VIEW slow AS SELECT id, pad, SLEEP(0.0005) AS slept FROM many;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA shop FROM SERVER shop INTO shop;",
        mariadb.declared_with("shop", ", breaker_pause '100ms'")
    ));
    let onerow = project.serve();
    killed(&onerow, "shop", |alive| if alive { mariadb.resume() } else { mariadb.stop() })
}

fn killed(onerow: &Onerow, schema: &str, mut alive: impl FnMut(bool)) -> Outcome {
    block_on(async {
        let client = onerow.client().await;
        let sum = format!("SELECT count(*), sum(id) FROM {schema}.account");
        same!(rows(&client, &sum).await?, vec![vec![Some("1000".to_string()), Some("500500".to_string())]]);
        // In the middle.
        let sql = format!("SELECT id, pad, slept FROM {schema}.slow");
        let stream = client.query_raw(sql.as_str(), Vec::<i32>::new()).await?;
        let mut stream = std::pin::pin!(stream);
        let mut count = 0;
        let fault = loop {
            match futures::StreamExt::next(&mut stream).await {
                Some(Ok(_)) => count += 1,
                Some(Err(error)) => break super::super::support::wire::Fault::from(error),
                None => return Err(format!("the scan ended after {count} rows as if that were all").into()),
            }
            if count == 1 {
                alive(false);
            }
        };
        same!(fault.state, "08006", "{fault}");
        holds!(fault.message, schema);
        // Before.
        let down = rows(&client, &sum).await;
        same!(down.map_err(|f| f.state), Err("08006".to_string()));
        // Between: connections that stood in the pool are dead.
        alive(true);
        same!(value(&client, &format!("SELECT name FROM {schema}.account WHERE id = 7")).await?, "n7");
        alive(false);
        alive(true);
        same!(value(&client, &sum).await?, "1000");
        Ok(())
    })
}

/// A query by way of a relay that ends connections: it does although two in a row are lost, and no more are.
fn sent_again(fixtures: &Fixtures) -> Outcome {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql("CREATE SCHEMA again; CREATE TABLE again.t AS SELECT g AS id FROM generate_series(1, 100) AS g;");
    mariadb.sql("CREATE DATABASE again; USE again; CREATE TABLE t AS SELECT seq AS id FROM seq_1_to_100;");
    let (to_postgres, to_mariadb) = (Relay::to(postgres.port), Relay::to(mariadb.port));
    let project = Project::new(&format!(
        "{} {} IMPORT FOREIGN SCHEMA again FROM SERVER pg INTO pg; IMPORT FOREIGN SCHEMA again FROM SERVER my INTO my;",
        postgres.declared_at("pg", to_postgres.port, ", breaker_pause '100ms', sslmode 'disable'"),
        mariadb.declared_at("my", to_mariadb.port, ", breaker_pause '100ms'")
    ));
    let onerow = project.serve();
    for (schema, relay) in [("pg", &to_postgres), ("my", &to_mariadb)] {
        let sql = format!("SELECT sum(id) FROM {schema}.t WHERE id <> 0");
        same!(onerow.sql(&sql)?, "5050");
        let before = relay.connections();
        relay.cut(2);
        same!(onerow.sql(&sql)?, "5050", "{schema}");
        let made = relay.connections() - before;
        same!((1..=3).contains(&made), true, "{schema}: {made} connections");
        // More than that is too much, and it stays bounded.
        relay.cut(1000);
        let before = relay.connections();
        refused!(onerow.sql(&sql), "08006", schema);
        let made = relay.connections() - before;
        same!(made <= 3, true, "{schema}: {made} connections");
        relay.mend();
        same!(onerow.sql(&sql)?, "5050", "{schema}");
    }
    Ok(())
}

fn keys_sent_again(fixtures: &Fixtures) -> Outcome {
    let mariadb = fixtures.mariadb();
    mariadb.sql(
        "CREATE DATABASE keyed_again; USE keyed_again;
         CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t SELECT seq, seq FROM seq_1_to_50000;",
    );
    let relay = Relay::to(mariadb.port);
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA keyed_again FROM SERVER my INTO my;",
        mariadb.declared_at("my", relay.port, ", breaker_pause '100ms'")
    ));
    let onerow = project.serve();
    // Twelve thousand keys are three statements.
    let sql = "SELECT sum(t.n) FROM (SELECT n * 3 AS id FROM generate_series(1, 12000) AS n) k JOIN my.t USING (id)";
    let expected = (1..=12000_i64).map(|n| n * 3).sum::<i64>().to_string();
    same!(onerow.sql(sql)?, expected);
    let plan = onerow.sql(&format!("EXPLAIN ANALYZE {sql}"))?;
    holds!(plan, "3 statements");
    relay.cut(2);
    same!(onerow.sql(sql)?, expected);
    relay.mend();
    // Later than the first statement's rows.
    for bytes in [30_000, 60_000, 90_000, 130_000] {
        relay.cut_after(bytes);
        let began = Instant::now();
        match onerow.sql(sql) {
            Ok(sum) => same!(sum, expected, "cut after {bytes} bytes"),
            Err(said) => holds!(said, "08006"),
        }
        same!(began.elapsed() < LIMIT, true);
        relay.mend();
        same!(eventually(LIMIT, || onerow.sql(sql).is_ok_and(|sum| sum == expected)), true);
    }
    Ok(())
}

fn dropped(fixtures: &Fixtures) -> Outcome {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(
        "CREATE SCHEMA dropped;
         CREATE TABLE dropped.t AS SELECT g AS id, repeat('x', 200) AS pad FROM generate_series(1, 50000) AS g;",
    );
    mariadb.sql(
        "CREATE DATABASE dropped; USE dropped;
         CREATE TABLE t AS SELECT seq AS id, REPEAT('x', 200) AS pad FROM seq_1_to_50000;",
    );
    let (to_postgres, to_mariadb) = (Relay::to(postgres.port), Relay::to(mariadb.port));
    let project = Project::new(&format!(
        "{} {} IMPORT FOREIGN SCHEMA dropped FROM SERVER pg INTO pg;
         IMPORT FOREIGN SCHEMA dropped FROM SERVER my INTO my;",
        postgres.declared_at("pg", to_postgres.port, ", breaker_failures '0', sslmode 'disable'"),
        mariadb.declared_at("my", to_mariadb.port, ", breaker_failures '0'")
    ));
    let onerow = project.serve();
    for (schema, relay) in [("pg", &to_postgres), ("my", &to_mariadb)] {
        // The rows are counted here, so that each of them must come.
        let sql = format!("SELECT count(*), sum(length(pad)) FROM {schema}.t WHERE blank_to_null(pad) IS NOT NULL");
        same!(onerow.sql(&sql)?, "50000|10000000");
        // It is over ten megabytes; wherever it is cut, it is an error.
        for bytes in [3_000_000, 6_000_001, 9_999_999] {
            relay.cut_after(bytes);
            refused!(onerow.sql(&sql), "08006", schema);
            relay.mend();
        }
        same!(onerow.sql(&sql)?, "50000|10000000");
    }
    Ok(())
}

fn silent(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA silent;
         CREATE TABLE silent.t AS SELECT g AS id, repeat('x', 200) AS pad FROM generate_series(1, 50000) AS g;",
    );
    let relay = Relay::to(postgres.port);
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA silent FROM SERVER pg INTO pg;",
        postgres.declared_at("pg", relay.port, ", max_time '2s', sslmode 'disable', application_name 'silent'")
    ));
    let onerow = project.serve();
    let sql = "SELECT count(*) FROM pg.t WHERE blank_to_null(pad) IS NOT NULL";
    same!(onerow.sql(sql)?, "50000");
    for bytes in [0, 1_000_000] {
        relay.stall_after(bytes);
        let began = Instant::now();
        refused!(onerow.sql(sql), "57014", "max_time", "\"t\"", "\"pg\"");
        same!(began.elapsed() < LIMIT, true, "{:?}", began.elapsed());
        refused!(onerow.sql(&format!("SET statement_timeout = '500ms'; {sql}")), "57014");
        relay.cut_all();
        relay.mend();
        same!(onerow.sql(sql)?, "50000");
    }
    let active = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'silent' AND state = 'active'";
    same!(eventually(LIMIT, || postgres.sql(active).trim() == "0"), true, "a statement goes on at the source");
    Ok(())
}

fn full(fixtures: &Fixtures) -> Outcome {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(
        "CREATE SCHEMA full_source; CREATE TABLE full_source.t (id int); INSERT INTO full_source.t VALUES (1);
         CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 0; GRANT USAGE ON SCHEMA full_source TO few;
         GRANT SELECT ON full_source.t TO few;",
    );
    mariadb.sql(
        "CREATE DATABASE full_source; USE full_source; CREATE TABLE t (id INT); INSERT INTO t VALUES (1);
         CREATE USER few@'%' IDENTIFIED BY 'few' WITH MAX_USER_CONNECTIONS 1; GRANT SELECT ON *.* TO few@'%';",
    );
    let project = Project::new(&format!(
        "CREATE SERVER pg FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1', port '{}', dbname 'postgres');
         CREATE USER MAPPING FOR PUBLIC SERVER pg OPTIONS (user 'few', password 'few');
         CREATE FOREIGN TABLE pg.t (id integer) SERVER pg OPTIONS (schema_name 'full_source');
         CREATE SERVER my FOREIGN DATA WRAPPER mysql OPTIONS (host '127.0.0.1', port '{}');
         CREATE USER MAPPING FOR PUBLIC SERVER my OPTIONS (username 'few', password 'few');
         CREATE FOREIGN TABLE my.t (id integer) SERVER my OPTIONS (dbname 'full_source');",
        postgres.port, mariadb.port
    ));
    let onerow = project.serve();
    // It does not count as being down, whatever the session leaves out.
    for _ in 0..7 {
        refused!(onerow.sql("SET onerow.on_source_down = skip; SELECT id FROM pg.t"), "53300", "\"pg\"");
    }
    lacks!(onerow.log(), "left alone");
    postgres.sql("ALTER ROLE few CONNECTION LIMIT 5");
    same!(eventually(LIMIT, || onerow.sql("SELECT id FROM pg.t").is_ok_and(|id| id == "1")), true, "{}", onerow.log());
    // Two connections at once, where the source allows one.
    let found = onerow
        .sql("SET onerow.push_down = off; SELECT count(*) FROM (SELECT id FROM my.t UNION ALL SELECT id FROM my.t) u");
    match found {
        Ok(count) => same!(count, "2"),
        Err(said) => {
            holds!(said, "53300");
            holds!(said, "\"my\"");
        }
    }
    Ok(())
}

/// A password that is wrong is wrong the next moment too, and trying it may lock the account.
fn refused(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA locked; CREATE TABLE locked.t (id int); INSERT INTO locked.t VALUES (1);
         CREATE ROLE locked LOGIN PASSWORD 'right'; GRANT USAGE ON SCHEMA locked TO locked;
         GRANT SELECT ON locked.t TO locked;",
    );
    let relay = Relay::to(postgres.port);
    let project = Project::new(&format!(
        "CREATE SERVER pg FOREIGN DATA WRAPPER postgres
           OPTIONS (host '127.0.0.1', port '{}', dbname 'postgres', sslmode 'disable');
         CREATE USER MAPPING FOR PUBLIC SERVER pg OPTIONS (user 'locked', password 'right');
         IMPORT FOREIGN SCHEMA locked FROM SERVER pg INTO pg;",
        relay.port
    ));
    let onerow = project.serve();
    same!(onerow.sql("SELECT id FROM pg.t")?, "1");
    // The table's size is asked for behind the query, by another connection: it must be there to be ended.
    std::thread::sleep(Duration::from_millis(700));
    postgres.sql(
        "ALTER ROLE locked PASSWORD 'other';
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'locked';",
    );
    let before = relay.connections();
    refused!(onerow.sql("SELECT id FROM pg.t"), "08006", "\"pg\"");
    same!(relay.connections() - before, 1);
    Ok(())
}
