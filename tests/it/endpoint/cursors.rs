//! Cursors and prepared statements in SQL, read-only transactions, notices.

use tokio_postgres::SimpleQueryMessage;

use super::super::support::wire::{Fault, rows};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::raw::{Wire, tags, zero_ended};

/// Runs each statement here and at PostgreSQL: rows and command tag's number, or the SQLSTATE.
fn compare(fixtures: &Fixtures, database: &str, statements: &[&str]) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(&format!("CREATE DATABASE {database}"));
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client(database).await);
        for sql in statements {
            let mut seen = vec![];
            for client in [&ours, &theirs] {
                seen.push(match client.simple_query(sql).await {
                    Ok(messages) => messages
                        .iter()
                        .map(|message| match message {
                            SimpleQueryMessage::Row(row) => format!("row {:?}", row.get(0)),
                            SimpleQueryMessage::CommandComplete(count) => format!("done {count}"),
                            _ => "columns".to_string(),
                        })
                        .collect::<Vec<_>>(),
                    Err(error) => vec![Fault::from(error).state],
                });
            }
            same!(seen[0], seen[1], "{sql}");
        }
        Ok(())
    })
}

pub fn cursors(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "sql_cursors",
        &[
            "CREATE TABLE t (id int)",
            "INSERT INTO t VALUES (1), (2), (3), (4), (5), (6), (7)",
            "DECLARE c CURSOR FOR SELECT id FROM t",
            "BEGIN",
            "DECLARE c NO SCROLL CURSOR WITHOUT HOLD FOR SELECT id FROM t ORDER BY id",
            "FETCH c",
            "FETCH NEXT FROM c",
            "FETCH 2 FROM c",
            "MOVE 1 IN c",
            "FETCH FORWARD 1 FROM c",
            "FETCH ALL FROM c",
            "FETCH ALL FROM c",
            "CLOSE c",
            "DECLARE \"C d\" CURSOR FOR SELECT id FROM t WHERE id > 5 ORDER BY id; FETCH FORWARD ALL FROM \"C d\"",
            "COMMIT",
            "FETCH ALL FROM \"C d\"",
            "BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id",
            "FETCH 1 FROM c",
            "DECLARE c CURSOR FOR SELECT 1",
            "ROLLBACK",
            "BEGIN",
            "FETCH 1 FROM nope",
            "ROLLBACK",
        ],
    )
}

pub fn prepared(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "sql_prepared",
        &[
            "CREATE TABLE t (id int, name text)",
            "PREPARE put (int, text) AS INSERT INTO t VALUES ($1, $2)",
            "EXECUTE put (1, 'a')",
            "EXECUTE put(1 + 1, 'b' || 'c')",
            "PREPARE ask AS SELECT name FROM t WHERE id = $1",
            "EXECUTE ask (2)",
            "EXECUTE ask ('1')",
            "EXECUTE ask (NULL)",
            "EXECUTE ask",
            "EXECUTE nope",
            "PREPARE ask AS SELECT 1",
            "DEALLOCATE ask",
            "EXECUTE ask (2)",
            "PREPARE plain AS SELECT count(*) FROM t; EXECUTE plain",
        ],
    )
}

pub fn read_only(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "read_only",
        &[
            "CREATE TABLE t (id int)",
            "BEGIN READ ONLY",
            "SHOW transaction_read_only",
            "SELECT count(*) FROM t",
            "INSERT INTO t VALUES (1)",
            "ROLLBACK",
            "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
            "SHOW transaction_isolation",
            "CREATE TABLE u (id int)",
            "ROLLBACK AND CHAIN",
            "SHOW transaction_isolation",
            "DROP TABLE t",
            "ROLLBACK",
            "SHOW transaction_isolation",
            "SET default_transaction_read_only = on",
            "DELETE FROM t",
            "BEGIN READ WRITE; INSERT INTO t VALUES (1); COMMIT",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
            "INSERT INTO t VALUES (2)",
            "BEGIN; SET TRANSACTION READ ONLY; UPDATE t SET id = 3",
            "ROLLBACK",
            "COMMIT AND CHAIN",
            "SELECT count(*) FROM t",
            "SET default_transaction_read_only = maybe",
            "SHOW password_encryption",
        ],
    )
}

pub fn notices(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    for (sql, expected) in [
        ("BEGIN", None),
        ("BEGIN", Some("WARNING 25001")),
        ("COMMIT", None),
        ("COMMIT", Some("WARNING 25P01")),
        ("CREATE TABLE t (id int)", None),
        ("CREATE TABLE IF NOT EXISTS t (id int)", Some("NOTICE 42P07")),
        ("DROP TABLE IF EXISTS nope", Some("NOTICE 00000")),
        ("SET TRANSACTION READ ONLY", Some("WARNING 25P01")),
    ] {
        wire.send(b'Q', &zero_ended(&[sql]))?;
        let messages = wire.until_ready()?;
        let told = messages.iter().find(|(kind, _)| *kind == b'N').map(|(_, body)| {
            let fields: Vec<String> =
                body.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned()).collect();
            let of = |code: char| fields.iter().find_map(|field| field.strip_prefix(code)).unwrap_or_default();
            format!("{} {}", of('V'), of('C'))
        });
        same!(told.as_deref(), expected, "{sql}");
    }
    for tag in ["DISCARD PLANS", "DISCARD SEQUENCES", "DISCARD TEMP", "DISCARD ALL"] {
        wire.send(b'Q', &zero_ended(&[tag]))?;
        same!(tags(&wire.until_ready()?), [tag]);
    }
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "BEGIN; COMMIT AND CHAIN; INSERT INTO t VALUES (1); ROLLBACK").await?;
        same!(rows(&client, "SELECT id FROM t").await?.len(), 0);
        Ok(())
    })
}
