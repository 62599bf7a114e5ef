//! `onerow.on_source_down = skip`: the others answer, it is said, and no row appears that would not be there.

use std::time::Duration;

use futures::StreamExt;
use rusqlite::Connection;

use super::super::support::mariadb::Mariadb;
use super::super::support::postgres::Postgres;
use super::super::support::process::eventually;
use super::super::support::relay::Relay;
use super::super::support::wire::Fault;
use super::super::support::{Fixtures, Onerow, Outcome, Project, block_on};
use super::{Test, told};

pub const TESTS: &[Test] = &[
    ("merged_views_answer_from_the_others", merged),
    ("rows_that_would_appear_are_refused", appearing),
    ("half_of_a_table_is_an_error", half),
    ("what_is_written_lacks_nothing", written),
    ("every_protocol_is_told", protocols),
    ("the_setting_is_checked", setting),
];

const SKIP: &str = "SET onerow.on_source_down = skip; ";

struct Stage {
    postgres: Postgres,
    mariadb: Mariadb,
    project: Project,
    onerow: Onerow,
}

/// One population over three sources; PostgreSQL is the one that goes down.
fn stage() -> Result<Stage, libtest_mimic::Failed> {
    let (postgres, mariadb) = (Postgres::start(), Mariadb::start());
    postgres.sql(
        "CREATE TABLE person (id int PRIMARY KEY, email text, name text, at timestamp);
         INSERT INTO person VALUES (1, 'ann@x.org', 'Ann of pg', '2026-03-01'),
           (2, 'bob@x.org', 'Bob of pg', '2026-01-01'),
           (3, 'pat@x.org', 'Pat', '2026-01-01');
         CREATE TABLE blocked (email text); INSERT INTO blocked VALUES ('bob@x.org');",
    );
    mariadb.sql(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE person (id int PRIMARY KEY, email varchar(50) COLLATE utf8mb4_bin,
           name varchar(50) COLLATE utf8mb4_bin,
           at datetime);
         INSERT INTO person VALUES (1, 'ann@x.org', 'Ann of my', '2026-02-01'), (2, 'mia@x.org', 'Mia', '2026-01-01');",
    );
    let project = Project::new(&format!(
        "{} {} CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         IMPORT FOREIGN SCHEMA public FROM SERVER pg INTO pg; IMPORT FOREIGN SCHEMA shop FROM SERVER my INTO my;
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;
         CREATE VIEW person AS SELECT 'pg' AS source, email, name, at FROM pg.person
           UNION ALL SELECT 'my', email, name, at FROM my.person
           UNION ALL SELECT 'lite', email, name, at FROM lite.person;
         CREATE VIEW customer AS SELECT email, newest(name, at) AS name, count(*) AS records
           FROM person GROUP BY email;",
        postgres.declared_with("pg", ", breaker_failures '0'"),
        mariadb.declared("my")
    ));
    let database = Connection::open(project.path().join("lite.db"))?;
    database.execute_batch(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, email TEXT, name TEXT, at DATETIME);
         INSERT INTO person VALUES (1, 'bob@x.org', 'Bob of lite', '2026-02-01 00:00:00'),
           (2, 'liv@x.org', 'Liv', '2026-01-01 00:00:00');",
    )?;
    let onerow = project.serve();
    same!(onerow.sql("SELECT count(*) FROM customer")?, "5");
    Ok(Stage { postgres, mariadb, project, onerow })
}

fn merged(_: &Fixtures) -> Outcome {
    let mut stage = stage()?;
    let all = "SELECT email, name, records FROM customer ORDER BY email";
    let (rows, said) = told(&stage.onerow, &format!("{SKIP}{all}"));
    same!(rows, "ann@x.org|Ann of pg|2\nbob@x.org|Bob of lite|2\nliv@x.org|Liv|1\nmia@x.org|Mia|1\npat@x.org|Pat|1");
    same!(said, "");
    stage.postgres.stop();
    refused!(stage.onerow.sql(all), "08006", "pg");
    for push_down in ["on", "filters", "off"] {
        let set = format!("{SKIP} SET onerow.push_down = {push_down}; ");
        let (rows, said) = told(&stage.onerow, &format!("{set}{all}"));
        same!(
            rows,
            "ann@x.org|Ann of my|1\nbob@x.org|Bob of lite|1\nliv@x.org|Liv|1\nmia@x.org|Mia|1",
            "{push_down}: {said}"
        );
        holds!(said, "WARNING:  01000: server \"pg\" was skipped: \"person\" gave no rows");
        same!(said.matches("WARNING").count(), 1, "{said}");
        // Once a statement, however many of its tables are read.
        let twice = "SELECT count(*) FROM person p JOIN pg.blocked b ON p.email = b.email";
        let (rows, said) = told(&stage.onerow, &format!("{set}{twice}"));
        same!(rows, "0", "{push_down}");
        same!(said.matches("WARNING").count(), 1, "{said}");
        // The key finds rows in the others; joins with them lack rows.
        let one = told(&stage.onerow, &format!("{set} SELECT name FROM customer WHERE email = 'ann@x.org'"));
        same!(one.0, "Ann of my", "{push_down}: {}", one.1);
        let joined = "SELECT c.name FROM customer c JOIN my.person m ON m.email = c.email ORDER BY 1";
        same!(told(&stage.onerow, &format!("{set}{joined}")).0, "Ann of my\nMia", "{push_down}");
        let member = "SELECT email FROM my.person WHERE email IN (SELECT email FROM pg.person)";
        same!(told(&stage.onerow, &format!("{set}{member}")).0, "", "{push_down}");
        // Of two that are down each is told of.
        let (rows, said) =
            told(&stage.onerow, &format!("{set} SELECT source FROM person WHERE source = 'lite' LIMIT 1"));
        same!(rows, "lite", "{push_down}: {said}");
    }
    stage.mariadb.stop();
    let (rows, said) = told(&stage.onerow, &format!("{SKIP}{all}"));
    same!(rows, "bob@x.org|Bob of lite|1\nliv@x.org|Liv|1", "{said}");
    same!(said.matches("WARNING").count(), 2, "{said}");
    // A query that is of the one source alone gives nothing; so does the part that it would run itself.
    let (rows, said) = told(&stage.onerow, &format!("{SKIP} SELECT email FROM pg.person"));
    same!((rows.as_str(), said.matches("WARNING").count()), ("", 1));
    let (code, out, err) = stage.project.query(&format!("{SKIP} SELECT email FROM person ORDER BY email"));
    same!(code, 0, "{err}");
    same!(out, "email\nbob@x.org\nliv@x.org\n");
    holds!(err, "WARNING: server \"pg\" was skipped");
    Ok(())
}

/// Each would give rows, or values, that are not in the answer when every source is there.
fn appearing(_: &Fixtures) -> Outcome {
    let mut stage = stage()?;
    stage.postgres.stop();
    for (sql, why) in [
        (
            "SELECT email FROM my.person m WHERE NOT EXISTS (SELECT 1 FROM pg.person p WHERE p.email = m.email)",
            "NOT EXISTS",
        ),
        ("SELECT email FROM my.person WHERE email NOT IN (SELECT email FROM pg.person)", "NOT IN"),
        ("SELECT email FROM my.person EXCEPT SELECT email FROM pg.person", "EXCEPT"),
        ("SELECT m.email, p.name FROM my.person m LEFT JOIN pg.person p ON p.email = m.email", "outer join"),
        ("SELECT m.email, p.name FROM pg.person p RIGHT JOIN my.person m ON p.email = m.email", "outer join"),
        ("SELECT m.email, p.name FROM pg.person p FULL JOIN my.person m ON p.email = m.email", "outer join"),
        ("SELECT email FROM person ORDER BY email LIMIT 2", "ORDER BY with LIMIT"),
        ("SELECT email FROM person ORDER BY email OFFSET 1", "ORDER BY with LIMIT"),
        ("SELECT email FROM customer WHERE records = 1", "a condition on an aggregate"),
        ("SELECT email FROM customer WHERE name = 'Ann of my'", "not skipped"),
        ("SELECT email FROM person GROUP BY email HAVING count(*) < 2", "a condition on an aggregate"),
        ("SELECT records, count(*) FROM customer GROUP BY records", "groups by an aggregate"),
        ("SELECT (SELECT count(*) FROM person) AS n, email FROM my.person", "not skipped"),
        (
            "SELECT email FROM (SELECT email, row_number() OVER (ORDER BY at) AS n FROM person) t WHERE n = 1",
            "not skipped",
        ),
    ] {
        let (rows, said) = told(&stage.onerow, &format!("{SKIP}{sql}"));
        same!(rows, "", "{sql}");
        holds!(said, "ERROR:  08006");
        holds!(said, why);
        holds!(said, "onerow.on_source_down");
    }
    // The other side of the same joins may lack rows.
    for (sql, expected) in [
        ("SELECT p.email, m.name FROM pg.person p LEFT JOIN my.person m ON p.email = m.email", ""),
        ("SELECT email FROM pg.person EXCEPT SELECT email FROM my.person", ""),
        ("SELECT email FROM pg.person WHERE email NOT IN (SELECT email FROM my.person)", ""),
        ("SELECT DISTINCT source FROM person ORDER BY source", "lite\nmy"),
        (
            "SELECT email, count(*) OVER () AS n FROM person ORDER BY 1, 2",
            "ann@x.org|4\nbob@x.org|4\nliv@x.org|4\nmia@x.org|4",
        ),
        ("SELECT email FROM person WHERE email LIKE 'm%' OR email LIKE 'l%' ORDER BY 1", "liv@x.org\nmia@x.org"),
    ] {
        let (rows, said) = told(&stage.onerow, &format!("{SKIP}{sql}"));
        same!(rows, expected, "{sql}: {said}");
        same!(said.matches("WARNING:  01000").count(), 1, "{sql}: {said}");
    }
    // EXPLAIN tells before anything is down.
    let plan = stage.onerow.sql(&format!("{SKIP} EXPLAIN SELECT email FROM customer"))?;
    holds!(plan, "when down it is skipped");
    let plan =
        stage.onerow.sql(&format!("{SKIP} EXPLAIN SELECT email FROM my.person EXCEPT SELECT email FROM pg.person"))?;
    holds!(plan, "when down it fails, since NOT IN");
    lacks!(stage.onerow.sql("EXPLAIN SELECT email FROM customer")?, "when down");
    Ok(())
}

fn half(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA half; CREATE TABLE half.t AS SELECT g AS id, repeat('x', 200) AS pad
           FROM generate_series(1, 50000) AS g;",
    );
    let relay = Relay::to(postgres.port);
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA half FROM SERVER pg INTO pg;",
        postgres.declared_at("pg", relay.port, ", breaker_failures '0', sslmode 'disable'")
    ));
    let onerow = project.serve();
    let sql = "SELECT count(*) FROM pg.t WHERE blank_to_null(pad) IS NOT NULL";
    same!(onerow.sql(sql)?, "50000");
    relay.cut_after(5_000_000);
    let (rows, said) = told(&onerow, &format!("{SKIP}{sql}"));
    same!(rows, "");
    holds!(said, "ERROR:  08006");
    relay.mend();
    same!(onerow.sql(sql)?, "50000");
    relay.cut_after(0);
    let (rows, said) = told(&onerow, &format!("{SKIP}{sql}"));
    same!(rows, "0", "{said}");
    holds!(said, "WARNING:  01000");
    Ok(())
}

fn written(_: &Fixtures) -> Outcome {
    let mut stage = stage()?;
    stage.onerow.sql("CREATE TABLE kept (email text); INSERT INTO kept VALUES ('zoe@x.org')")?;
    stage.postgres.stop();
    for sql in [
        "INSERT INTO kept SELECT email FROM person",
        "CREATE TABLE copied AS SELECT email FROM person",
        "DELETE FROM kept WHERE email NOT IN (SELECT email FROM person)",
        "UPDATE kept SET email = 'x' WHERE email IN (SELECT email FROM person)",
    ] {
        refused!(stage.onerow.sql(&format!("{SKIP}{sql}")), "08006", "pg");
    }
    same!(stage.onerow.sql("SELECT email FROM kept")?, "zoe@x.org");
    Ok(())
}

fn protocols(_: &Fixtures) -> Outcome {
    let mut stage = stage()?;
    stage.postgres.stop();
    let onerow = &stage.onerow;
    // A cursor is told when it comes to the source.
    let (rows, said) = told(
        onerow,
        &format!(
            "{SKIP} BEGIN; DECLARE c CURSOR FOR SELECT email FROM person ORDER BY email; FETCH ALL FROM c; COMMIT"
        ),
    );
    same!(rows, "ann@x.org\nbob@x.org\nliv@x.org\nmia@x.org", "{said}");
    holds!(said, "WARNING:  01000");
    block_on(async {
        let (client, mut connection) = onerow.config().connect(tokio_postgres::NoTls).await.map_err(Fault::from)?;
        let (tell, mut told) = futures::channel::mpsc::unbounded();
        tokio::spawn(async move {
            let mut messages = futures::stream::poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let tokio_postgres::AsyncMessage::Notice(notice) = message {
                    let _ = tell.unbounded_send(notice.message().to_string());
                }
            }
        });
        client.batch_execute("SET onerow.on_source_down = skip").await.map_err(Fault::from)?;
        // By the extended protocol, with parameters, as drivers ask.
        let rows =
            client.query("SELECT email FROM person WHERE email <> $1", &[&"mia@x.org"]).await.map_err(Fault::from)?;
        same!(rows.len(), 3);
        let notice = told.next().await.unwrap_or_default();
        holds!(notice, "server \"pg\" was skipped");
        // A session that does not skip is not changed by one that does.
        same!(eventually(Duration::from_secs(1), || onerow.sql("SELECT email FROM person").is_err()), true);
        Ok(())
    })
}

fn setting(_: &Fixtures) -> Outcome {
    let onerow = Project::new("CREATE VIEW fine AS SELECT 1 AS n;").serve();
    same!(onerow.sql("SHOW onerow.on_source_down")?, "error");
    same!(onerow.sql("SET onerow.on_source_down = SKIP; SHOW onerow.on_source_down")?, "skip");
    refused!(onerow.sql("SET onerow.on_source_down = maybe"), "22023", "error, skip");
    Ok(())
}
