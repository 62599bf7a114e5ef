//! `remote_query(server, query)`: statements that go to a source as they are.

use std::time::Duration;

use rusqlite::Connection;

use super::Test;
use super::support::process::eventually;
use super::support::wire::{Fault, rows};
use super::support::{Fixtures, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("answers_of_every_kind", answers),
    ("nothing_is_written_unless_allowed", read_only),
    ("writes_where_allowed", written),
    ("errors_are_the_source_s_own", errors),
    ("a_view_over_a_raw_query", views),
    ("a_raw_query_is_cancelled", cancelled),
    ("a_raw_query_is_planned_without_running", planned),
];

fn project(fixtures: &Fixtures, schema: &str) -> Result<Project, rusqlite::Error> {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(&format!(
        "CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (id int, name text, price numeric(8,2), at timestamptz);
         INSERT INTO {schema}.t SELECT g, 'n' || g, g / 4.0, '2024-01-01 12:00Z' FROM generate_series(1, 20000) g;"
    ));
    mariadb.sql(&format!(
        "CREATE DATABASE {schema}; USE {schema};
         CREATE TABLE t (id INT, name VARCHAR(20), price DECIMAL(8,2)) ENGINE = InnoDB;
         INSERT INTO t SELECT seq, CONCAT('n', seq), seq / 4.0 FROM seq_1_to_20000;"
    ));
    let project = Project::new(&format!(
        "{} {} CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '.');",
        postgres.declared("pg"),
        mariadb.declared("my")
    ));
    let database = Connection::open(project.path().join("lite.db"))?;
    database.execute_batch(
        "CREATE TABLE t (id INTEGER, name TEXT, price DECIMAL(8,2));
         WITH RECURSIVE g (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM g WHERE id < 20000)
           INSERT INTO t SELECT id, 'n' || id, id / 4.0 FROM g;",
    )?;
    Ok(project)
}

fn answers(fixtures: &Fixtures) -> Outcome {
    let project = project(fixtures, "raw_answers")?;
    let onerow = project.serve();
    let ask = |server: &str, query: &str, rest: &str| {
        onerow.sql(&format!("SELECT {rest} FROM remote_query('{server}', $q${query}$q$) AS r"))
    };
    for (server, table) in [("pg", "raw_answers.t"), ("my", "raw_answers.t"), ("lite", "t")] {
        let all = format!("SELECT id, name, price FROM {table}");
        same!(
            ask(server, &all, "count(*), sum(id), sum(r.price), max(name)")?,
            "20000|200010000|50002500.00|n9999",
            "{server}"
        );
        same!(ask(server, &format!("{all} WHERE id = 3;"), "*")?, "3|n3|0.75", "{server}");
        same!(
            ask(server, &format!("WITH x AS ({all}) SELECT name FROM x WHERE id < 3 ORDER BY id DESC"), "*")?,
            "n2\nn1",
            "{server}"
        );
        // What is around it is made here, and what it does not need is not waited for.
        same!(ask(server, &all, "name || '!' AS m, normalize_text(name)")?.lines().count(), 20000, "{server}");
        same!(onerow.sql(&format!("SELECT name FROM remote_query('{server}', '{all}') WHERE id = 7 LIMIT 1"))?, "n7");
        same!(onerow.sql(&format!("SELECT count(*) FROM remote_query('{server}', '{all}') a JOIN remote_query('{server}', '{all}') b ON a.id = b.id"))?, "20000");
    }
    same!(onerow.sql("SELECT remote_query.a FROM remote_query('pg', 'SELECT 1 AS a, NULL::int AS b')")?, "1");
    same!(onerow.sql("SELECT x, y FROM remote_query('pg', 'SELECT 1, now() IS NULL AS b') AS r (x, y)")?, "1|f");
    same!(onerow.sql("SELECT * FROM remote_query('pg', 'SELECT ''2024-01-02''::date AS d, ARRAY[1,2] AS a, ''127.0.0.1''::inet AS i, ''a''::\"char\" AS c')")?, "2024-01-02|{1,2}|127.0.0.1|a");
    same!(onerow.sql("SELECT version LIKE '%MariaDB%' FROM remote_query('my', 'SHOW VARIABLES LIKE ''version''') AS r (n, version)")?, "t");
    same!(onerow.sql("SELECT * FROM remote_query('lite', 'SELECT count(*) AS n FROM t')")?, "20000");
    onerow.sql("CREATE TABLE kept (id int, name text)")?;
    onerow.sql(
        "INSERT INTO kept SELECT id, name FROM remote_query('pg', 'SELECT id, name FROM raw_answers.t WHERE id <= 2')",
    )?;
    onerow
        .sql("INSERT INTO kept SELECT * FROM remote_query('my', 'SELECT id, name FROM raw_answers.t WHERE id = 5')")?;
    same!(onerow.sql("SELECT count(*), max(name) FROM kept")?, "3|n5");
    holds!(onerow.psql(&["-c", "\\df remote_query"]).0, "server text, query text");
    // Prepared statements and the types of their columns.
    block_on(async {
        let client = onerow.client().await;
        let sql = "SELECT id, price FROM remote_query('pg', 'SELECT id, price FROM raw_answers.t') WHERE id = $1";
        let prepared = client.prepare(sql).await?;
        same!(prepared.columns()[1].type_().name(), "numeric");
        same!(client.query(&prepared, &[&5i32]).await?.len(), 1);
        Ok(())
    })
}

fn read_only(fixtures: &Fixtures) -> Outcome {
    let project = project(fixtures, "raw_reading")?;
    let onerow = project.serve();
    let ask = |server: &str, query: &str| onerow.sql(&format!("SELECT * FROM remote_query('{server}', $q${query}$q$)"));
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE FUNCTION raw_reading.write() RETURNS int LANGUAGE sql AS 'DELETE FROM raw_reading.t RETURNING 1';
         CREATE FUNCTION raw_reading.loosen() RETURNS int LANGUAGE plpgsql AS $$
           BEGIN PERFORM set_config('transaction_read_only', 'off', true); DELETE FROM raw_reading.t; RETURN 1; END $$;
         CREATE PROCEDURE raw_reading.gives(INOUT n int) LANGUAGE plpgsql AS $$
           BEGIN COMMIT; SET default_transaction_read_only = off; COMMIT; DELETE FROM raw_reading.t; END $$;",
    );
    for query in [
        "DELETE FROM raw_reading.t RETURNING id",
        "WITH gone AS (DELETE FROM raw_reading.t RETURNING id) SELECT * FROM gone",
        "SELECT raw_reading.write()",
        "SELECT nextval(pg_get_serial_sequence('raw_reading.s', 'id'))",
    ] {
        if query.contains("nextval") {
            postgres.sql("CREATE TABLE raw_reading.s (id serial)");
        }
        refused!(ask("pg", query), "25006");
    }
    refused!(ask("pg", "SELECT raw_reading.loosen()"), "25001");
    same!(ask("pg", "CALL raw_reading.gives(1)").is_err(), true);
    for query in ["DELETE FROM raw_reading.t", "SET default_transaction_read_only = off", "COMMIT", "VACUUM"] {
        refused!(ask("pg", query), "0A000", "must give columns");
    }
    for query in ["SELECT 1; SELECT 2", "SELECT 1; DELETE FROM raw_reading.t"] {
        refused!(ask("pg", query), "42601");
        refused!(ask("my", query), "42000");
    }
    refused!(ask("lite", "SELECT 1; SELECT 2"), "42601", "one statement");
    for query in
        ["DELETE FROM t", "INSERT INTO t VALUES (1, 'a', 2) RETURNING id", "SET autocommit = 0", "DROP TABLE t"]
    {
        refused!(ask("my", query), "25006");
        refused!(ask("lite", query), "25006");
    }
    refused!(ask("lite", "WITH x AS (SELECT 1) INSERT INTO t SELECT 1, 'a', 2"), "25006");
    refused!(ask("lite", "PRAGMA journal_mode"), "25006");
    refused!(ask("lake", "SELECT 1"), "0A000", "no query language");
    refused!(ask("none", "SELECT 1"), "42704");
    refused!(ask("pg", "SELECT $1::int"), "42P02");
    refused!(ask("my", "SELECT ?"), "42P02");
    refused!(ask("lite", "SELECT ?"), "42P02");
    refused!(ask("pg", "SELECT 1 AS a, 2 AS a"), "42701");
    refused!(onerow.sql("SELECT * FROM remote_query('pg')"), "42883");
    refused!(onerow.sql("SELECT * FROM remote_query('pg', 'SELECT ' || '1')"), "0A000", "literals");
    same!(postgres.sql("SELECT count(*) FROM raw_reading.t").trim().to_string(), "20000");
    // A server's own option forbids even reading.
    onerow.sql("CREATE SERVER shut FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db', raw_queries 'off')")?;
    refused!(ask("shut", "SELECT 1"), "42501", "no raw queries");
    refused!(
        onerow.sql("CREATE SERVER bad FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db', raw_queries 'write')"),
        "HV00N"
    );
    refused!(
        onerow.sql("CREATE SERVER bad FOREIGN DATA WRAPPER files OPTIONS (location '.', raw_queries 'read')"),
        "HV00D"
    );
    Ok(())
}

fn written(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE SCHEMA raw_writing; CREATE TABLE raw_writing.t (id int, name text);");
    let project = Project::new(&postgres.declared_with("pg", ", raw_queries 'write'"));
    let onerow = project.serve();
    let count = || postgres.sql("SELECT count(*) FROM raw_writing.t").trim().to_string();
    let insert = "remote_query('pg', 'INSERT INTO raw_writing.t SELECT g, ''n'' || g FROM generate_series(1, 3) g RETURNING id')";
    onerow.sql(&format!("EXPLAIN SELECT * FROM {insert}"))?;
    same!(count(), "0", "planning writes nothing");
    same!(onerow.sql(&format!("SELECT sum(id) FROM {insert}"))?, "6");
    same!(count(), "3");
    // What fails before its rows were read to their end is undone.
    let many = insert.replace("(1, 3)", "(1, 300000)");
    refused!(onerow.sql(&format!("SELECT 1 / (id - id) FROM {many}")), "22012");
    // How many of few rows are read is not a LIMIT's to say, so there is none, nor around a view; nor is a view read twice.
    refused!(onerow.sql(&format!("SELECT id FROM {insert} LIMIT 1")), "0A000", "read with a LIMIT");
    refused!(onerow.sql(&format!("SELECT (SELECT id FROM {insert} FETCH FIRST 1 ROW ONLY)")), "0A000", "LIMIT");
    onerow.sql(&format!("CREATE VIEW inserted AS SELECT id FROM {insert}"))?;
    refused!(onerow.sql("SELECT * FROM inserted LIMIT 1"), "0A000", "read with a LIMIT");
    refused!(onerow.sql("SELECT * FROM inserted a JOIN inserted b ON true"), "0A000", "read twice");
    refused!(onerow.sql(&format!("CREATE VIEW one AS SELECT id FROM {insert} LIMIT 1")), "0A000");
    same!(count(), "3");
    refused!(onerow.sql(&format!("WITH x AS (SELECT id FROM {insert}) SELECT * FROM x a, x b")), "0A000", "read twice");
    same!(count(), "3");
    onerow.sql("CREATE TABLE ids (id int); INSERT INTO ids VALUES (1), (2), (3)")?;
    let each = format!("SELECT (SELECT count(*) FROM ids b WHERE b.id > a.id) FROM {insert} a");
    refused!(onerow.sql(&each), "0A000");
    same!(count(), "3");
    refused!(
        onerow.sql("CREATE SERVER other FOREIGN DATA WRAPPER mysql OPTIONS (host 'localhost', raw_queries 'write')"),
        "HV00N",
        "raw_queries"
    );
    Ok(())
}

fn errors(fixtures: &Fixtures) -> Outcome {
    let project = project(fixtures, "raw_errors")?;
    let onerow = project.serve();
    let ask = |server: &str, query: &str| onerow.sql(&format!("SELECT * FROM remote_query('{server}', '{query}')"));
    refused!(ask("pg", "SELEC 1"), "42601", "server \"pg\": syntax error");
    refused!(ask("pg", "SELECT nam FROM raw_errors.t"), "42703");
    refused!(ask("pg", "SELECT 1 FROM raw_errors.none"), "42P01");
    refused!(ask("pg", "SELECT ''x''::json AS j"), "22P02");
    refused!(ask("pg", "SELECT 1 / (id - 3) AS n FROM raw_errors.t"), "22012");
    refused!(ask("my", "SELECT nam FROM raw_errors.t"), "42S22", "nam");
    refused!(ask("my", "SELECT 1 FROM raw_errors.none"), "42S02");
    refused!(ask("lite", "SELECT nam FROM t"), "42703");
    refused!(ask("lite", "SELECT 1 FROM none"), "42P01");
    refused!(ask("lite", "SELECT * FORM t"), "42601");
    // psql's caret stands below the place in the query.
    let said =
        onerow.psql(&["-c", "SELECT *\n  FROM remote_query('pg', 'SELECT ''it''''s'', nam FROM raw_errors.t')"]).1;
    let lines: Vec<&str> = said.lines().collect();
    let caret = lines.iter().position(|line| line.trim() == "^").ok_or(said.clone())?;
    let column = lines[caret].find('^').unwrap_or_default();
    same!(lines[caret - 1].get(column..column + 3), Some("nam"), "{said}");
    let said = onerow.psql(&["-c", "SELECT * FROM remote_query('lite', $$SELECT nam FROM t$$)"]).1;
    holds!(said, "LINE 1: SELECT * FROM remote_query('lite', $$SELECT nam FROM t$$)");
    Ok(())
}

fn views(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         CREATE VIEW people AS SELECT id::int AS id, upper(name) AS name FROM remote_query('lite', 'SELECT id, name FROM t WHERE id < 3');
         CREATE VIEW above AS SELECT count(*) AS n FROM people;
         CREATE VIEW apart AS SELECT 1 AS one;",
    );
    let lite = project.path().join("lite.db");
    Connection::open(&lite)?
        .execute_batch("CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');")?;
    let state = tempfile::tempdir()?;
    let folder = state.path().display().to_string();
    let onerow = project.serve_with(&["--state", &folder], &[]);
    same!(onerow.sql("SELECT * FROM people ORDER BY id")?, "1|A\n2|B");
    same!(onerow.sql("SELECT n FROM above")?, "2");
    holds!(onerow.psql(&["-c", "\\d people"]).0, "name");
    onerow.sql("CREATE VIEW typed AS SELECT r.* FROM remote_query('lite', 'SELECT * FROM t') r")?;
    same!(onerow.sql("SELECT name FROM typed WHERE id = 3")?, "c");
    refused!(onerow.sql("CREATE VIEW wrong AS SELECT * FROM remote_query('lite', 'SELECT gone FROM t')"), "42703");
    // A column more is there at once.
    Connection::open(&lite)?.execute_batch("ALTER TABLE t ADD COLUMN city TEXT DEFAULT 'Bern'")?;
    same!(onerow.sql("SELECT city FROM typed WHERE id = 3")?, "Bern");
    drop(onerow);
    // A source that is down fails its views alone, and they are back when it is.
    let away = project.path().join("away.db");
    std::fs::rename(&lite, &away)?;
    let onerow = project.serve_with(&["--state", &folder], &[]);
    same!(onerow.sql("SELECT one FROM apart")?, "1");
    for view in ["people", "above", "typed"] {
        refused!(onerow.sql(&format!("SELECT * FROM {view}")), "08006", "lite");
    }
    std::fs::rename(&away, &lite)?;
    same!(onerow.sql("SELECT n FROM above")?, "2");
    same!(onerow.sql("SELECT city FROM typed WHERE id = 3")?, "Bern");
    Ok(())
}

fn cancelled(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    let project = Project::new(&postgres.declared_with("pg", ", application_name 'raw_cancelled'"));
    let onerow = project.serve();
    let active = || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'raw_cancelled' AND state = 'active'";
        postgres.sql(sql).trim().to_string()
    };
    block_on(async {
        let client = onerow.client().await;
        let failed = rows(
            &client,
            "SET statement_timeout = '1s'; SELECT * FROM remote_query('pg', 'SELECT pg_sleep(60) IS NULL AS s')",
        )
        .await;
        same!(failed.map_err(|fault: Fault| fault.state), Err("57014".to_string()));
        Ok::<(), libtest_mimic::Failed>(())
    })?;
    same!(eventually(Duration::from_secs(10), || active() == "0"), true, "it goes on at the source");
    // Rows that nobody wants are not waited for.
    let some = "SELECT * FROM remote_query('pg', 'SELECT g, pg_sleep(CASE WHEN g > 30000 THEN 1 ELSE 0 END) IS NULL AS s FROM generate_series(1, 60000) g') LIMIT 5";
    same!(onerow.sql(some)?.lines().count(), 5);
    same!(eventually(Duration::from_secs(10), || active() == "0"), true, "it goes on at the source");
    Ok(())
}

fn planned(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA raw_planned; CREATE SEQUENCE raw_planned.seen;
         CREATE FUNCTION raw_planned.f() RETURNS int LANGUAGE sql AS 'SELECT pg_sleep(0.3); SELECT 1';",
    );
    let project = Project::new(&postgres.declared("pg"));
    let onerow = project.serve();
    let sql = "SELECT * FROM remote_query('pg', 'SELECT raw_planned.f() AS n')";
    let plan = onerow.sql(&format!("EXPLAIN {sql}"))?;
    holds!(plan, "SourceScan: server=pg, table=remote_query, sends=SELECT raw_planned.f() AS n");
    lacks!(plan, "received");
    onerow.sql("SELECT onerow_stat_reset()")?;
    block_on(async {
        let client = onerow.client().await;
        client.prepare(sql).await?;
        Ok::<(), libtest_mimic::Failed>(())
    })?;
    same!(onerow.sql("SELECT count(*) FROM onerow_stat_source")?, "0");
    same!(onerow.sql(sql)?, "1");
    same!(onerow.sql("SELECT calls, rows, round_trips FROM onerow_stat_source")?, "1|1|3");
    Ok(())
}
