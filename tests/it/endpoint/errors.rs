//! SQLSTATEs, positions and words of errors, against a real PostgreSQL.

use tokio_postgres::SimpleQueryMessage;

use super::super::support::wire::{Fault, alike, rows};
use super::super::support::{Fixtures, Outcome, Project, block_on};

/// A table that both have: `t (id int, name text, price numeric(10,2), at timestamptz)` with three rows.
const TABLE: &[&str] = &[
    "CREATE TABLE t (id int, name text, price numeric(10,2), at timestamptz)",
    "INSERT INTO t VALUES (1, 'a', 1.5, '2024-01-01 00:00:00+00'), (2, 'b', NULL, NULL), (0, 'x', 0, NULL)",
];

fn compare(fixtures: &Fixtures, database: &str, statements: &[&str], seen: fn(&Fault) -> String) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(&format!("CREATE DATABASE {database}"));
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client(database).await);
        let all: Vec<&str> = TABLE.iter().chain(statements).copied().collect();
        alike(&ours, &theirs, &all, seen).await
    })
}

pub fn states(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "error_states",
        &[
            // 42601
            "SELEC 1",
            "SELECT FROM WHERE",
            "SELECT * FROM t WHERE",
            "SELECT (1",
            "SELECT 'open",
            "SELECT 1 1",
            "FROM t",
            "INSERT INTO t VALUES",
            // 42P01, 3F000
            "SELECT * FROM nope",
            "SELECT * FROM public.nope",
            "SELECT * FROM t JOIN nope ON true",
            "SELECT (SELECT 1 FROM nope)",
            "SELECT nope.id FROM t",
            // 42703, 42702
            "SELECT nope FROM t",
            "SELECT t.nope FROM t",
            "SELECT id FROM t WHERE nope = 1",
            "SELECT id FROM t ORDER BY nope",
            "SELECT id FROM t GROUP BY nope",
            "SELECT id FROM t a JOIN t b ON a.id = b.id",
            // 42883
            "SELECT nope(1)",
            "SELECT nope(id) FROM t",
            "SELECT upper(name, name) FROM t",
            "SELECT * FROM nope(1)",
            "SELECT 1 + true",
            // 22012
            "SELECT 1 / 0",
            "SELECT 1 % 0",
            "SELECT 1 / id FROM t",
            "SELECT 1.5::numeric / 0",
            "SELECT 1::float8 / 0",
            // 22P02, 22007, 22008
            "SELECT 'abc'::int4",
            "SELECT '1.5'::int4",
            "SELECT ''::int8",
            "SELECT 'abc'::numeric",
            "SELECT 'maybe'::bool",
            "SELECT 'abc'::float8",
            "SELECT name::int4 FROM t",
            "SELECT 'not a uuid'::uuid",
            "SELECT '{'::json",
            "SELECT 'never'::date",
            "SELECT 'never'::timestamptz",
            "SELECT '2023-02-29'::date",
            "SELECT '25:00'::time",
            "SELECT 'long'::interval",
            "SELECT * FROM t WHERE id = 'abc'",
            // 22003
            "SELECT 2147483647 + 1",
            "SELECT 9223372036854775807 + 1",
            "SELECT 32767::int2 + 1::int2",
            "SELECT -2147483648::int4 - 1",
            "SELECT 2147483647 * 2",
            "SELECT 70000::int2",
            "SELECT 3000000000::int4",
            "SELECT '3000000000'::int4",
            "SELECT 1e400::float8",
            "SELECT 1000::numeric(3,0)",
            "SELECT abs((-2147483648)::int4)",
            "SELECT (id + 2147483647) * 2 FROM t",
            // 42803, 42P20 and others of planning
            "SELECT id, count(*) FROM t",
            "SELECT id FROM t WHERE count(*) > 1",
            "SELECT count(count(*)) FROM t",
            "SELECT 1 UNION SELECT 1, 2",
            "SELECT 1 UNION SELECT true",
            "SELECT id FROM t ORDER BY 5",
            "SELECT * FROM t WHERE name",
            "SELECT * FROM t LIMIT -1",
            "SELECT (SELECT id FROM t)",
            "SELECT CASE WHEN 1 THEN 2 END",
            "SELECT 1::nope",
            "SELECT sum(id) OVER w FROM t",
            "SELECT nope.* FROM t",
            "SELECT row_number() FROM t",
            "SELECT id FROM t HAVING id > 1",
            "SELECT * FROM t WHERE id LIKE 'x'",
            "INSERT INTO t (id, name) VALUES (1)",
            "INSERT INTO t (id) VALUES (1, 2)",
            "INSERT INTO t VALUES (1, 'a'), (2)",
            "SELECT ARRAY[1, date '2020-01-01']",
            "SELECT id[1] FROM t",
            "SELECT id FROM t WHERE id = ANY (1)",
            "SELECT id || 1 FROM t",
            "SELECT date '2020-01-01' * 2",
            "INSERT INTO t (id) SELECT DATE '2020-01-01'",
            "INSERT INTO t (at) VALUES (1)",
            "SELECT date '2020-01-01'::int",
            "SELECT id::uuid FROM t",
            "SELECT now()::date::time",
            // 42704, 22023
            "SET nope = 1",
            "SHOW nope",
            "SET TimeZone = 'Mars/Olympus'",
            "SET statement_timeout = 'long'",
            "SET client_encoding = 'nope'",
            // transactions
            "SAVEPOINT a",
            "ROLLBACK TO a",
            "COMMIT",
            "ROLLBACK",
            "BEGIN",
            "ROLLBACK TO nope",
            "ROLLBACK",
            "SELECT id FROM t ORDER BY id",
        ],
        Fault::code,
    )
}

pub fn places(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "error_places",
        &[
            "SELECT * FROM nope",
            "SELECT *\n  FROM t, public.nope AS n",
            "SELECT '张伟🙂', id FROM nope",
            "SELECT (SELECT max(id) FROM nope) FROM t",
            "WITH w AS (SELECT 1 FROM nope) SELECT * FROM w",
            "SELECT nope FROM t",
            "SELECT id,\n       t.nope\n  FROM t",
            "SELECT '张伟🙂', nope FROM t",
            "SELECT id FROM t WHERE id > 0 AND nope = 1",
            "SELECT id FROM t ORDER BY nope",
            "SELECT count(*) FROM t GROUP BY nope",
            "SELECT a.id FROM t a JOIN t b ON a.id = b.nope",
            "SELECT upper(nope) FROM t",
            "   SELECT nope FROM t",
            "SELECT 1; SELECT nope FROM t",
            "/* comment */ SELECT id FROM nope -- end",
            "CREATE VIEW v AS SELECT nope FROM t",
            "CREATE VIEW v AS\n SELECT id FROM nope",
            "SELECT 1 +",
            "SELECT '张', 1 FROM",
            "SELECT 1; SELECT id FROM t WHERE",
            "SELECT '张'::nope",
            "SELECT CAST('1' AS nope)",
            "SELECT '张' || 'x'::int",
            "SELECT date '2024-02-30'",
            "SELECT 'x'::uuid,\n 1",
            "INSERT INTO nope VALUES (1)",
            "INSERT INTO t (nope) VALUES (1)",
            "INSERT INTO t (id) VALUES ('x')",
            "UPDATE t SET nope = 1",
            "DELETE FROM t WHERE nope = 1",
            "SELECT 1; UPDATE nope SET a = 1",
            // What is called, compared or grouped.
            "SELECT 1, upper (id) FROM t",
            "SELECT sum(name) FROM t",
            "SELECT * FROM nope(1)",
            "SELECT id + name FROM t",
            "SELECT id = name FROM t",
            "SELECT id FROM t WHERE name > 1",
            "SELECT id IN (name) FROM t",
            "SELECT * FROM t WHERE id LIKE 'x'",
            "SELECT id FROM t WHERE '张' = name AND count(*) > 1",
            "SELECT sum(count(*)) FROM t",
            "SELECT id FROM t WHERE (t.name)",
            "SELECT CASE WHEN id THEN 1 END FROM t",
            "SELECT max(id) FILTER (WHERE id) FROM t",
            "SELECT id FROM t ORDER BY 5",
            "SELECT id FROM t GROUP BY 5",
            "SELECT DISTINCT id FROM t ORDER BY name",
            "SELECT id FROM t UNION SELECT id, name FROM t",
            "VALUES (1), (2, 3)",
            "INSERT INTO t (id, id) VALUES (1, 2)",
            "INSERT INTO t (id, name) VALUES (1)",
            "INSERT INTO t (id) VALUES (1, 2)",
            "INSERT INTO t VALUES (1, 'a', 2, now(), 3)",
            "SELECT sum(id) OVER w FROM t",
            "SELECT row_number() FROM t",
            "SELECT nope.* FROM t",
            "SELECT 'nope'::regclass",
            "SELECT id::date FROM t",
            "SELECT CAST(at AS interval) FROM t",
            "SELECT true::date",
        ],
        Fault::place,
    )
}

pub fn words(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "error_words",
        &[
            "SELECT * FROM nope",
            "SELECT * FROM public.nope",
            "SELECT nope FROM t",
            "SELECT t.nope FROM t",
            "SELECT id, count(*) FROM t",
            "SELECT upper(a.name), max(id) FROM public.t AS a",
            "SELECT id + 1 FROM t GROUP BY id ORDER BY name",
            "SELECT max(id) FROM t GROUP BY id HAVING name = 'a'",
            "SELECT id FROM t a JOIN t b ON a.id = b.id",
            "SELECT 1 / 0",
            "SELECT 'abc'::int4",
            "SELECT 'abc'::int8",
            "SELECT 'abc'::float8",
            "SELECT 'maybe'::bool",
            "SELECT 'never'::date",
            "SELECT 2147483647 + 1",
            "SELECT 9223372036854775807 + 1",
            "SHOW nope",
            "SET nope = 1",
            "SAVEPOINT a",
            "SELECT (SELECT id FROM t)",
        ],
        Fault::words,
    )
}

pub fn failed_transaction(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "error_transactions",
        &[
            "BEGIN",
            "SELECT nope",
            "SELECT 1",
            "SET TimeZone = 'UTC'",
            "SHOW TimeZone",
            "INSERT INTO t (id) VALUES (9)",
            "COMMIT",
            "SELECT 1",
            "BEGIN",
            "SAVEPOINT a",
            "SELECT nope",
            "SELECT 1",
            "ROLLBACK TO a",
            "SELECT 1",
            "COMMIT",
            "BEGIN; SELECT 1; SELECT nope; SELECT 2",
            "SELECT 1",
            "ROLLBACK",
            "SELECT 1; SELECT nope; SELECT 2",
            "SELECT count(*) FROM t WHERE id = 9",
        ],
        Fault::words,
    )
}

/// An error after rows were sent is an error to the client, and the session goes on.
pub fn in_the_middle(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        use futures::TryStreamExt;
        let client = onerow.client().await;
        let sql = "SELECT 10 / (99999 - v) AS n FROM generate_series(1, 200000) AS t(v)";
        let failed = client.simple_query(sql).await.map(|m| m.len()).map_err(Fault::from);
        same!(failed.map_err(|f| f.state), Err("22012".to_string()));
        let stream = client.query_raw(sql, Vec::<i32>::new()).await.map_err(Fault::from)?;
        let failed = stream.try_collect::<Vec<_>>().await.map(|rows| rows.len()).map_err(Fault::from);
        same!(failed.map_err(|f| f.state), Err("22012".to_string()));
        // Of several statements those after the one that fails are not run.
        let messages = client.simple_query("SELECT 1 / 0; CREATE TABLE never (id int)").await;
        same!(messages.map_err(|e| Fault::from(e).state).map(|m| m.len()), Err("22012".to_string()));
        same!(rows(&client, "SELECT * FROM never").await.map_err(|f| f.state), Err("42P01".to_string()));
        let messages = client.simple_query("SELECT 1").await.map_err(Fault::from)?;
        same!(messages.iter().filter(|m| matches!(m, SimpleQueryMessage::Row(_))).count(), 1);
        Ok(())
    })
}
