//! Small local tables: PostgreSQL's answers, kept for good.

use super::Test;
use super::support::wire::{Fault, alike, rows, value};
use super::support::{Fixtures, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("statements_answer_as_postgres", statements),
    ("keys_and_nulls_answer_as_postgres", constraints),
    ("values_that_do_not_fit_are_refused", values),
    ("types_come_back_as_they_were", types),
    ("parameters_are_typed", parameters),
    ("views_are_copied_into_tables", from_views),
    ("views_and_foreign_tables_are_refused", refused_targets),
    ("what_is_not_there_is_said", unsupported),
    ("a_failed_statement_changes_nothing", all_or_nothing),
    ("many_writers_lose_nothing", writers),
    ("rows_survive_kill", durable),
];

/// Runs the statements here and in a database of their own at PostgreSQL.
fn compare(fixtures: &Fixtures, database: &str, statements: &[&str], seen: fn(&Fault) -> String) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(&format!("CREATE DATABASE {database}"));
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client(database).await);
        alike(&ours, &theirs, statements, seen).await
    })
}

fn statements(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "local_statements",
        &[
            "CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL DEFAULT 'none', price numeric(10,2) DEFAULT 1.5,
               at timestamptz DEFAULT '2024-01-01 00:00:00+00', ok boolean DEFAULT true)",
            "CREATE TABLE t (id int)",
            "CREATE TABLE IF NOT EXISTS t (id int)",
            "SELECT * FROM t",
            "INSERT INTO t (id) VALUES (1)",
            "INSERT INTO t VALUES (2, 'two', 2.25, '2024-06-01 12:00:00+02', false), (3, 'three', NULL, NULL, NULL)",
            "INSERT INTO t (name, id) VALUES ('four', 4)",
            "INSERT INTO t (id, name) SELECT g, 'row ' || g FROM generate_series(5, 7) AS s(g)",
            "INSERT INTO t VALUES (8)",
            "INSERT INTO t (id, name) VALUES (9, DEFAULT)",
            "SELECT * FROM t ORDER BY id",
            "SELECT name, price FROM t WHERE id = 2",
            "UPDATE t SET name = upper(name), price = price * 2 WHERE id IN (2, 3)",
            "UPDATE t SET price = 0 WHERE price IS NULL",
            "UPDATE t SET name = DEFAULT WHERE id = 4",
            "UPDATE t AS x SET ok = NOT x.ok WHERE x.id = 1",
            "UPDATE t SET id = id + 100 WHERE id > 6",
            "UPDATE t SET name = 'nobody' WHERE false",
            "SELECT * FROM t ORDER BY id",
            "DELETE FROM t WHERE name LIKE 'row%'",
            "DELETE FROM t x WHERE x.id = 1",
            "DELETE FROM t WHERE price > (SELECT max(price) - 0.01 FROM t)",
            "SELECT id, name FROM t ORDER BY id",
            "DELETE FROM t WHERE NULL",
            "SELECT count(*) FROM t",
            "CREATE TABLE copy AS SELECT id, name FROM t WHERE id < 100",
            "SELECT * FROM copy ORDER BY id",
            "CREATE TABLE \"Odd Name\" (\"a b\" int, \"select\" text, \"Ünï\" text)",
            "INSERT INTO \"Odd Name\" (\"select\", \"a b\") VALUES ('s', 1)",
            "UPDATE \"Odd Name\" SET \"select\" = \"select\" || 'x', \"Ünï\" = 'u' WHERE \"a b\" = 1",
            "SELECT \"a b\", \"select\", \"Ünï\" FROM \"Odd Name\"",
            "TRUNCATE copy",
            "SELECT count(*) FROM copy",
            "TRUNCATE TABLE t, copy",
            "SELECT count(*) FROM t",
            "DELETE FROM t",
            "INSERT INTO nope VALUES (1)",
            "UPDATE nope SET a = 1",
            "DELETE FROM nope",
            "TRUNCATE nope",
            "DROP TABLE t",
            "SELECT * FROM t",
            "DROP TABLE IF EXISTS t, copy, \"Odd Name\"",
        ],
        Fault::words,
    )
}

fn constraints(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "local_constraints",
        &[
            "CREATE TABLE t (id int PRIMARY KEY, code text UNIQUE, a int, b text NOT NULL DEFAULT 'b', UNIQUE (a, b))",
            "INSERT INTO t VALUES (1, 'one', 1, 'x')",
            "INSERT INTO t VALUES (1, 'two', 2, 'y')",
            "INSERT INTO t VALUES (2, 'one', 2, 'y')",
            "INSERT INTO t VALUES (2, 'two', 1, 'x')",
            "INSERT INTO t VALUES (5, 'five', 5, 'x'), (5, 'six', 6, 'x')",
            "INSERT INTO t VALUES (NULL, 'two', 2, 'y')",
            "INSERT INTO t (id, b) VALUES (2, NULL)",
            "INSERT INTO t VALUES (2, NULL, NULL, 'x'), (3, NULL, NULL, 'x')",
            "UPDATE t SET id = 1 WHERE id = 2",
            "UPDATE t SET code = 'one' WHERE id = 3",
            "UPDATE t SET b = NULL WHERE id = 3",
            "UPDATE t SET nope = 1",
            "UPDATE t SET a = 1, a = 2",
            "INSERT INTO t (nope) VALUES (1)",
            "SELECT * FROM t ORDER BY id",
            "CREATE TABLE u (id bigint, at timestamptz, price numeric(10,2), day date, name varchar(20), raw bytea,
               key uuid, PRIMARY KEY (id, at))",
            "INSERT INTO u VALUES (1, '2024-01-01 00:00:00+00', 1.5, '2024-02-29', 'a', '\\x00ff', NULL)",
            "INSERT INTO u VALUES (1, '2024-01-01 01:00:00+01', 1.5, '2024-02-29', 'a', '\\x00ff', NULL)",
            "CREATE TABLE p (price numeric(10,2) UNIQUE, day date UNIQUE, name varchar(20) UNIQUE, ok boolean UNIQUE)",
            "INSERT INTO p VALUES (1.5, '2024-02-29', 'with, comma', true)",
            "INSERT INTO p (price) VALUES (1.50)",
            "INSERT INTO p (day) VALUES ('2024-02-29')",
            "INSERT INTO p (name) VALUES ('with, comma')",
            "INSERT INTO p (ok) VALUES (true)",
            "CREATE TABLE w (id int, id text)",
            "CREATE TABLE w (id int PRIMARY KEY, name text PRIMARY KEY)",
            "CREATE TABLE w (id int, PRIMARY KEY (nope))",
            "CREATE TABLE w (id nope)",
        ],
        Fault::words,
    )
}

fn values(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "local_values",
        &[
            "CREATE TABLE t (small smallint, whole int, price numeric(5,2), code varchar(3), day date, at timestamptz,
               ok boolean, key uuid, doc jsonb)",
            "INSERT INTO t (small) VALUES (32768)",
            "INSERT INTO t (whole) VALUES (2147483648)",
            "INSERT INTO t (whole) VALUES ('12')",
            "INSERT INTO t (whole) VALUES ('abc')",
            "INSERT INTO t (price) VALUES (1000)",
            "INSERT INTO t (price) VALUES (1.255)",
            "INSERT INTO t (code) VALUES ('abcd')",
            "INSERT INTO t (code) VALUES ('abc')",
            "INSERT INTO t (day) VALUES ('2023-02-29')",
            "INSERT INTO t (day) VALUES ('tomorrowish')",
            "INSERT INTO t (at) VALUES ('2024-01-01 25:00:00')",
            "INSERT INTO t (ok) VALUES ('maybe')",
            "INSERT INTO t (ok) VALUES ('yes')",
            "INSERT INTO t (key) VALUES ('not a uuid')",
            "INSERT INTO t (doc) VALUES ('{\"a\":')",
            "INSERT INTO t (small, whole) VALUES (1)",
            "INSERT INTO t (small) VALUES (1, 2)",
            "SELECT small, whole, price, code, ok FROM t ORDER BY 1, 2, 3, 4, 5",
        ],
        Fault::code,
    )
}

fn types(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "local_types",
        &[
            "CREATE TABLE t (id int, flag boolean, small smallint, whole integer, big bigint, single real,
               double double precision, price numeric(38,10), label text, code varchar(10), fixed char(5), raw bytea,
               day date, clock time, naive timestamp, instant timestamptz, span interval, key uuid, doc json,
               docb jsonb, words text[], numbers int[])",
            "INSERT INTO t VALUES (1, true, -32768, -2147483648, -9223372036854775808, 1.5, -1e300,
               -9999999999999999999999999999.9999999999, 'it''s \\ 张', 'Ünï', 'abc', '\\x00deadbeef', '0001-01-01',
               '23:59:59.999999', '1969-12-31 23:59:59.999999', '2024-03-31 01:30:00+01', '1 mon -2 days 03:04:05.006',
               'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{\"a\" : 1}', '{\"a\": [1, null]}', ARRAY['a,b', NULL, '\"', ''],
               ARRAY[1, NULL, -3])",
            "INSERT INTO t (id) VALUES (2)",
            "INSERT INTO t (id, single, double, day, instant, words, numbers) VALUES (3, 'NaN', '-Infinity', '9999-12-31',
               '9999-12-31 23:59:59.999999+00', ARRAY[]::text[], ARRAY[]::int[])",
            "SELECT * FROM t ORDER BY id",
            "UPDATE t SET label = label || '!' WHERE id = 1",
            "SELECT * FROM t ORDER BY id",
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 't'
               ORDER BY ordinal_position",
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass
               AND attnum > 0 ORDER BY attnum",
        ],
        Fault::words,
    )
}

fn parameters(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "CREATE TABLE t (id int PRIMARY KEY, name text, price float8, at timestamptz)").await?;
        let insert = client.prepare("INSERT INTO t (id, name, price, at) VALUES ($1, $2, $3, $4)").await;
        let insert = insert.map_err(Fault::from)?;
        let names: Vec<&str> = insert.params().iter().map(|t| t.name()).collect();
        same!(names, ["int4", "text", "float8", "timestamptz"]);
        for id in 0..20i32 {
            let name = (id % 3 != 0).then(|| format!("it's \\ {id}"));
            let at = chrono::DateTime::from_timestamp(i64::from(id) * 86_400, 500_000);
            let count =
                client.execute(&insert, &[&id, &name, &(f64::from(id) / 4.0), &at]).await.map_err(Fault::from)?;
            same!(count, 1);
        }
        let update = "UPDATE t SET name = $1 WHERE id < $2 AND name IS NULL";
        same!(client.execute(update, &[&"none", &10i32]).await.map_err(Fault::from)?, 4);
        same!(client.execute("DELETE FROM t WHERE id >= $1", &[&15i32]).await.map_err(Fault::from)?, 5);
        let row =
            client.query_one("SELECT name, price, at FROM t WHERE id = $1", &[&7i32]).await.map_err(Fault::from)?;
        same!(row.get::<_, String>(0), r"it's \ 7");
        same!(row.get::<_, f64>(1), 1.75);
        same!(Some(row.get::<_, chrono::DateTime<chrono::Utc>>(2)), chrono::DateTime::from_timestamp(604_800, 500_000));
        same!(value(&client, "SELECT count(*) FROM t WHERE name = 'none'").await?, "4");
        Ok(())
    })
}

fn from_views(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm;
         CREATE VIEW customer AS SELECT id, upper(name) AS name FROM crm.account;
         CREATE TABLE kept (id bigint PRIMARY KEY, name text NOT NULL, seen date DEFAULT '2024-01-01');",
    );
    let database = rusqlite::Connection::open(project.path().join("crm.db"))?;
    database.execute_batch(
        "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO account VALUES (1, 'Ann'), (2, 'Bob'), (3, NULL);",
    )?;
    let onerow = project.serve();
    onerow.sql("INSERT INTO kept (id, name) SELECT id, name FROM customer WHERE name IS NOT NULL")?;
    refused!(onerow.sql("INSERT INTO kept (id, name) SELECT id, name FROM customer WHERE id = 3"), "23502", "name");
    refused!(
        onerow.sql("INSERT INTO kept (id, name) SELECT id, name FROM customer WHERE id = 1"),
        "23505",
        "kept_pkey"
    );
    same!(onerow.sql("SELECT * FROM kept ORDER BY id")?, "1|ANN|2024-01-01\n2|BOB|2024-01-01");
    onerow.sql("UPDATE kept SET name = (SELECT max(name) FROM customer) WHERE id = 1")?;
    onerow.sql("DELETE FROM kept WHERE id IN (SELECT id FROM crm.account WHERE name = 'Bob')")?;
    same!(onerow.sql("SELECT name FROM kept")?, "BOB");
    // A table that views read, and that reads itself.
    onerow.sql("INSERT INTO kept SELECT id + 10, name FROM kept")?;
    same!(onerow.sql("SELECT count(*) FROM kept JOIN crm.account a ON a.id = kept.id")?, "1");
    Ok(())
}

fn refused_targets(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm;
         CREATE VIEW customer AS SELECT id FROM crm.account;",
    );
    let database = rusqlite::Connection::open(project.path().join("crm.db"))?;
    database.execute_batch("CREATE TABLE account (id INTEGER); INSERT INTO account VALUES (1);")?;
    let onerow = project.serve();
    for relation in ["customer", "crm.account"] {
        for statement in [
            format!("INSERT INTO {relation} VALUES (2)"),
            format!("INSERT INTO {relation} SELECT 2"),
            format!("UPDATE {relation} SET id = 3"),
            format!("DELETE FROM {relation}"),
            format!("TRUNCATE {relation}"),
        ] {
            let said = onerow.sql(&statement);
            // PostgreSQL tells TRUNCATE that it is no table.
            let states = if statement.starts_with("TRUNCATE") { ["55000:", "42809:"] } else { ["55000:", "55000:"] };
            if !matches!(&said, Err(said) if states.iter().any(|state| said.contains(state))) {
                return Err(format!("{statement} gave {said:?}").into());
            }
        }
    }
    let count: i64 = database.query_row("SELECT count(*) FROM account WHERE id = 1", [], |row| row.get(0))?;
    same!(count, 1);
    Ok(())
}

fn unsupported(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    onerow.sql("CREATE TABLE t (id int PRIMARY KEY, n int)")?;
    for statement in [
        "CREATE TABLE c (n int CHECK (n > 0))",
        "CREATE TABLE c (n int REFERENCES t (id))",
        "CREATE EXTERNAL TABLE c STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/onerow_must_not_be_written'",
        "COPY t TO '/tmp/onerow_must_not_be_written'",
        "COPY t FROM '/etc/passwd'",
        "SELECT id FROM t FOR UPDATE",
    ] {
        refused!(onerow.sql(statement), "0A000");
    }
    same!(std::path::Path::new("/tmp/onerow_must_not_be_written").exists(), false);
    Ok(())
}

fn all_or_nothing(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    onerow.sql("CREATE TABLE t (id int PRIMARY KEY, n int)")?;
    onerow.sql("INSERT INTO t VALUES (1, 1), (2, 2), (3, 0)")?;
    refused!(onerow.sql("INSERT INTO t VALUES (4, 4), (5, 5), (1, 6)"), "23505");
    refused!(onerow.sql("INSERT INTO t SELECT g + 10, 10 / (g - 3) FROM generate_series(1, 5) AS s(g)"), "22012");
    refused!(onerow.sql("UPDATE t SET n = 10 / n"), "22012");
    refused!(onerow.sql("UPDATE t SET id = id + 1 WHERE id < 3"), "23505");
    refused!(onerow.sql("DELETE FROM t WHERE 1 / n > 0"), "22012");
    same!(onerow.sql("SELECT * FROM t ORDER BY id")?, "1|1\n2|2\n3|0");
    Ok(())
}

fn writers(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE TABLE t (writer int, n int, PRIMARY KEY (writer, n));");
    let onerow = project.serve();
    block_on(async {
        let mut tasks = vec![];
        for writer in 0..6 {
            let client = onerow.client().await;
            tasks.push(tokio::spawn(async move {
                for n in 0..10 {
                    rows(&client, &format!("INSERT INTO t VALUES ({writer}, {n})")).await?;
                }
                Ok::<(), Fault>(())
            }));
        }
        for task in tasks {
            task.await??;
        }
        let client = onerow.client().await;
        same!(value(&client, "SELECT count(*) FROM t").await?, "60");
        Ok(())
    })
}

fn durable(_: &Fixtures) -> Outcome {
    let project =
        Project::new("CREATE VIEW newest_rule AS SELECT max(id) AS id FROM rule; CREATE TABLE rule (id int, n text);");
    let mut expected = vec![];
    for round in 0..3 {
        let onerow = project.serve();
        let ask = "SELECT string_agg(id || n, ',' ORDER BY id) FROM rule";
        same!(onerow.sql(ask)?, if round == 0 { "NULL".to_string() } else { expected.join(",") });
        onerow.sql(&format!("INSERT INTO rule VALUES ({round}, '张'), ({round} + 10, 'gone')"))?;
        onerow.sql("DELETE FROM rule WHERE n = 'gone'")?;
        expected.push(format!("{round}张"));
        // What has answered is there, at whatever moment the process ends.
        onerow.kill();
    }
    let (code, out, said) = project.query("SELECT id FROM newest_rule");
    same!((code, out.as_str()), (0, "id\n2\n"), "{said}");
    Ok(())
}
