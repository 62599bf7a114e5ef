//! Parameters: the types that are found for them, and the types in which they come back.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::super::support::wire::{Fault, Raw, all_well, rows};
use super::super::support::{Fixtures, Outcome, Project, block_on};

const TABLE: &str = "CREATE TABLE t (id integer, big bigint, name text, email varchar(80), born date, \
    credit numeric(12,2), uid uuid, doc jsonb, tags text[], ok boolean, seen timestamptz, made timestamp, \
    f double precision, b bytea)";

/// Statements whose parameters the client gives no types.
const STATEMENTS: &[&str] = &[
    "SELECT id FROM t WHERE id = ANY($1)",
    "SELECT id FROM t WHERE name = ANY($1)",
    "SELECT id FROM t WHERE email = ANY($1)",
    "SELECT id FROM t WHERE uid = ANY($1)",
    "SELECT id FROM t WHERE id <> ALL($1)",
    "SELECT id FROM t WHERE $1 = ANY(tags)",
    "SELECT coalesce($1, 5)",
    "SELECT coalesce(name, $1) FROM t",
    "SELECT coalesce($1, $2)",
    "SELECT coalesce($1, 1, 2.5)",
    "SELECT nullif($1, 3)",
    "SELECT greatest(id, $1) FROM t",
    "SELECT CASE WHEN $1 THEN 1 ELSE 2 END",
    "SELECT CASE id WHEN $1 THEN 'a' ELSE $2 END FROM t",
    "SELECT CASE WHEN ok THEN $1 ELSE credit END FROM t",
    "SELECT $1 || name FROM t",
    "SELECT tags || $1 FROM t",
    "SELECT id FROM t WHERE name LIKE $1",
    "SELECT id FROM t WHERE $1 ILIKE name",
    "SELECT id FROM t WHERE name ~ $1",
    "SELECT id FROM t WHERE email LIKE $1",
    "SELECT id FROM t WHERE email = $1",
    "SELECT id FROM t WHERE id IN ($1, $2)",
    "SELECT id FROM t WHERE id NOT IN ($1, 7)",
    "SELECT id FROM t WHERE $1 IN (1, 2)",
    "SELECT id FROM t WHERE $1 IN (SELECT big FROM t)",
    "VALUES ($1, $2)",
    "VALUES (1, 'a'), ($1, $2)",
    "INSERT INTO t (id, name, email, credit, uid, doc) VALUES ($1, $2, $3, $4, $5, $6)",
    "INSERT INTO t (id, name) VALUES ($1 + 1, $2 || 'x')",
    "UPDATE t SET name = $1, credit = credit + $2 WHERE id = $3",
    "UPDATE t SET name = coalesce($1, name) WHERE id = ANY($2)",
    "DELETE FROM t WHERE seen < $1 AND tags = $2",
    "SELECT id FROM t LIMIT $1 OFFSET $2",
    "SELECT $1::jsonb",
    "SELECT $1::jsonb, $1",
    "SELECT seen + $1 FROM t",
    "SELECT seen - $1 FROM t",
    "SELECT born - $1 FROM t",
    "SELECT born + $1 FROM t",
    "SELECT made - $1 FROM t",
    "SELECT $1 + made FROM t",
    "SELECT $1 - made FROM t",
    "SELECT now() - $1",
    "SELECT interval '1 day' + $1",
    "SELECT id FROM t WHERE born >= $1 AND born < $1 + interval '1 month'",
    "SELECT id FROM t WHERE seen BETWEEN $1 AND $2",
    "SELECT id + $1 FROM t",
    "SELECT f * $1 FROM t",
    "SELECT credit * $1 FROM t",
    "SELECT 1.5 * $1",
    "SELECT $1 + 1",
    "SELECT big % $1 FROM t",
    "SELECT $1 = $2",
    "SELECT id FROM t WHERE id = $1 AND big = $1",
    "SELECT id FROM t WHERE $1",
    "SELECT id FROM t WHERE NOT $1",
    "SELECT id FROM t WHERE ok AND $1",
    "SELECT count(*) FROM t GROUP BY name HAVING count(*) > $1",
    "SELECT a.id FROM t a JOIN t b ON a.id = b.id AND b.name = $1",
    "SELECT id FROM t WHERE name IS DISTINCT FROM $1",
    "SELECT ARRAY[1, $1]",
    "SELECT lower($1)",
    "SELECT abs($1)",
    "SELECT substr(name, $1) FROM t",
    "SELECT split_part(name, $1, $2) FROM t",
    "SELECT repeat(name, $1) FROM t",
    "SELECT date_trunc($1, made) FROM t",
    "SELECT replace(name, $1, $2) FROM t",
    "SELECT id FROM t UNION ALL SELECT $1",
    "SELECT $1 AS a, $2 AS b",
    "WITH x AS (SELECT id FROM t WHERE id = $1) SELECT * FROM x WHERE id < $2",
    "SELECT id FROM t WHERE id = (SELECT max(id) FROM t WHERE name = $1)",
    "SELECT sum(credit * $1) FROM t",
    "SELECT id + $1 FROM t GROUP BY id + $1",
    "SELECT id FROM t WHERE id = ($1)",
    "SELECT id FROM t WHERE b = $1",
    "SELECT id FROM t WHERE id > $1 * 2",
    "SELECT id FROM t WHERE id = $1::int",
    "SELECT $2::text, $1::int",
];

async fn types_of(client: &Client, sql: &str) -> String {
    match client.prepare(sql).await {
        Ok(statement) => statement.params().iter().map(|kind| kind.name()).collect::<Vec<_>>().join(","),
        Err(error) => Fault::from(error).state,
    }
}

pub fn found(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE found_parameters");
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("found_parameters").await);
        for client in [&ours, &theirs] {
            rows(client, TABLE).await?;
        }
        let mut differing = vec![];
        for sql in STATEMENTS {
            let (here, there) = (types_of(&ours, sql).await, types_of(&theirs, sql).await);
            if here != there {
                differing.push(format!("{sql}\n    here:       {here}\n    PostgreSQL: {there}"));
            }
        }
        all_well(&differing, STATEMENTS.len())
    })
}

/// What a client declares is what it gets back, as the type and with the value.
pub fn declared(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, fixtures.postgres().client("postgres").await);
        let values: &[(Type, &[u8])] = &[
            (Type::UUID, &[7; 16]),
            (Type::JSON, b"{\"b\":1, \"a\" : 2}"),
            (Type::JSONB, b"\x01{\"a\": 2}"),
            (Type::VARCHAR, b"x"),
            (Type::BPCHAR, b"x"),
            (Type::NAME, b"n"),
            (Type::OID, &[0, 0, 1, 0]),
            (Type::TEXT, b"t"),
            (Type::INT2, &[0, 5]),
            (Type::BOOL, &[1]),
        ];
        let mut differing = vec![];
        for (kind, value) in values {
            let mut seen = vec![];
            for client in [&ours, &theirs] {
                let given = Raw(Some(value.to_vec()));
                let found = match client.prepare_typed("SELECT $1 AS v", std::slice::from_ref(kind)).await {
                    Ok(statement) => match client.query_one(&statement, &[&given]).await {
                        Ok(row) => format!("{} {:?}", statement.columns()[0].type_().name(), row.get::<_, Raw>(0)),
                        Err(error) => Fault::from(error).to_string(),
                    },
                    Err(error) => Fault::from(error).to_string(),
                };
                seen.push(found);
            }
            if seen[0] != seen[1] {
                differing.push(format!("{}\n    here:       {}\n    PostgreSQL: {}", kind.name(), seen[0], seen[1]));
            }
        }
        all_well(&differing, values.len())
    })
}

/// The values arrive: rows and writes with parameters whose types were found.
pub fn used(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        rows(&client, TABLE).await?;
        rows(&client, "INSERT INTO t (id, name, email) VALUES (1, 'a', 'a@x'), (2, 'b', 'b@x'), (3, NULL, NULL)")
            .await?;
        let ids = |rows: Vec<tokio_postgres::Row>| rows.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>();
        let found = client.query("SELECT id FROM t WHERE id = ANY($1) ORDER BY id", &[&vec![1i32, 3]]).await;
        same!(ids(found.map_err(Fault::from)?), [1, 3]);
        let found = client.query("SELECT id FROM t WHERE name = ANY($1)", &[&vec!["b", "c"]]).await;
        same!(ids(found.map_err(Fault::from)?), [2]);
        let found = client.query("SELECT id FROM t WHERE email = ANY($1)", &[&vec!["a@x"]]).await;
        same!(ids(found.map_err(Fault::from)?), [1]);
        let changed = client.execute("UPDATE t SET name = $1 WHERE id = ANY($2)", &[&"z", &vec![1i32, 2]]).await;
        same!(changed.map_err(Fault::from)?, 2);
        let gone = client.execute("DELETE FROM t WHERE id = ANY($1)", &[&vec![3i32]]).await;
        same!(gone.map_err(Fault::from)?, 1);
        let row = client.query_one("SELECT coalesce($1, 5), $2::text", &[&None::<i32>, &"x"]).await;
        same!(row.map_err(Fault::from)?.get::<_, String>(1), "x");
        // A value that is too long for its column is refused, and not cut.
        let long = "x".repeat(81);
        let refused = client.execute("INSERT INTO t (id, email) VALUES (9, $1)", &[&long]).await;
        same!(refused.map_err(|error| Fault::from(error).state), Err("22001".to_string()));
        Ok(())
    })
}
