//! The simple and the extended protocol.

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::{ToSql, Type};

use super::super::support::wire::{Fault, alike, rows, value};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::raw::{Wire, is_silence, state, tags as tags_of, zero_ended};

pub fn several(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let script = "CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2);; SELECT id FROM t ORDER BY id;
                      -- nothing\n SELECT 'a;b' AS x, $$c;d$$ AS y; DROP TABLE t;";
        let messages = client.simple_query(script).await.map_err(Fault::from)?;
        let told: Vec<String> = messages
            .iter()
            .map(|message| match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    format!("columns {}", columns.iter().map(|c| c.name()).collect::<Vec<_>>().join(","))
                }
                SimpleQueryMessage::Row(row) => {
                    format!(
                        "row {}",
                        (0..row.len()).map(|i| row.get(i).unwrap_or("NULL")).collect::<Vec<_>>().join(",")
                    )
                }
                SimpleQueryMessage::CommandComplete(count) => format!("done {count}"),
                _ => "other".to_string(),
            })
            .collect();
        same!(
            told,
            [
                "done 0",
                "done 2",
                "columns id",
                "row 1",
                "row 2",
                "done 2",
                "columns x,y",
                "row a;b,c;d",
                "done 1",
                "done 0",
            ]
        );
        Ok(())
    })
}

/// The statements of one text are a transaction: after an error nothing of it is left.
pub fn together(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE texts");
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("texts").await);
        let statements = [
            "CREATE TABLE t (id int)",
            "INSERT INTO t VALUES (1); SELECT nope; INSERT INTO t VALUES (2)",
            "SELECT id FROM t ORDER BY id",
            "INSERT INTO t VALUES (3); INSERT INTO t VALUES (4); ROLLBACK; INSERT INTO t VALUES (5)",
            "SELECT id FROM t ORDER BY id",
            "INSERT INTO t VALUES (6); COMMIT; INSERT INTO t VALUES (7); SELECT nope",
            "SELECT id FROM t ORDER BY id",
            "INSERT INTO t VALUES (8); BEGIN; INSERT INTO t VALUES (9)",
            "ROLLBACK",
            "SELECT id FROM t ORDER BY id",
            "INSERT INTO t VALUES (10); SAVEPOINT s",
            "INSERT INTO t VALUES (11); COMMIT AND CHAIN",
            "BEGIN; INSERT INTO t VALUES (12); COMMIT; SELECT nope",
            "SET TimeZone = 'Asia/Tokyo'; SELECT nope",
            "SHOW TimeZone",
            "SET LOCAL TimeZone = 'Asia/Tokyo'; SHOW TimeZone",
            "SHOW TimeZone",
            "CREATE TABLE u (id int); INSERT INTO u VALUES (1); SELECT id FROM u; DROP TABLE t; SELECT nope",
            "SELECT id FROM u",
            "SELECT id FROM t ORDER BY id",
            "BEGIN",
            "INSERT INTO t VALUES (13); SELECT nope",
            "SELECT 1; SELECT 2",
            "ROLLBACK; SELECT id FROM t ORDER BY id",
            "DISCARD ALL; SELECT 1",
        ]
        .map(str::to_string);
        alike(&ours, &theirs, &statements, Fault::code).await
    })
}

pub fn empty(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    for text in ["", "  ", ";", "-- only a comment", "/* and another */ ;"] {
        wire.send(b'Q', &zero_ended(&[text]))?;
        let kinds: Vec<u8> = wire.until_ready()?.into_iter().map(|(kind, _)| kind).collect();
        same!(kinds, b"IZ", "{text:?}");
    }
    block_on(async {
        let client = onerow.client().await;
        let statement = client.prepare("").await.map_err(Fault::from)?;
        same!(statement.columns().len(), 0);
        same!(client.query(&statement, &[]).await.map_err(Fault::from)?.len(), 0);
        same!(value(&client, "SELECT 1").await?, "1");
        Ok(())
    })
}

pub fn prepared(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "CREATE TABLE t (id int, name text)").await?;
        rows(&client, "INSERT INTO t SELECT g, 'n' || g FROM generate_series(1, 100) AS s(g)").await?;
        let by_id = client.prepare("SELECT name FROM t WHERE id = $1").await.map_err(Fault::from)?;
        let between = client.prepare("SELECT count(*) FROM t WHERE id BETWEEN $1 AND $2").await.map_err(Fault::from)?;
        for id in 1..=100i32 {
            let row = client.query_one(&by_id, &[&id]).await.map_err(Fault::from)?;
            same!(row.get::<_, String>(0), format!("n{id}"));
            let row = client.query_one(&between, &[&id, &(id + 9)]).await.map_err(Fault::from)?;
            same!(row.get::<_, i64>(0), i64::from((101 - id).min(10)));
        }
        // A statement sees what was written after it was prepared.
        rows(&client, "UPDATE t SET name = 'new' WHERE id = 7").await?;
        same!(client.query_one(&by_id, &[&7i32]).await.map_err(Fault::from)?.get::<_, String>(0), "new");
        // Several in flight on one connection answer in order.
        let (one, two, text) = (1i32, 2i32, "x");
        let [first, second]: [&(dyn ToSql + Sync); 2] = [&one, &text];
        let both: [&(dyn ToSql + Sync); 2] = [&one, &two];
        let (first, second) = ([first], [second]);
        let (a, b, c) = futures::join!(
            client.query_one(&by_id, &first),
            client.query_one("SELECT $1::text", &second),
            client.query_one(&between, &both)
        );
        same!(a.map_err(Fault::from)?.get::<_, String>(0), "n1");
        same!(b.map_err(Fault::from)?.get::<_, String>(0), "x");
        same!(c.map_err(Fault::from)?.get::<_, i64>(0), 2);
        // One whose table is gone fails, and the connection does not.
        rows(&client, "DROP TABLE t").await?;
        let gone = client.query(&by_id, &[&1i32]).await.map_err(Fault::from);
        same!(gone.map(|r| r.len()).map_err(|f| f.state), Err("42P01".to_string()));
        same!(value(&client, "SELECT 1").await?, "1");
        Ok(())
    })
}

pub fn typed_parameters(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE typed_parameters");
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("typed_parameters").await);
        let table = "CREATE TABLE t (id int, big bigint, name text, price numeric(10,2), at timestamptz, ok boolean)";
        for client in [&ours, &theirs] {
            rows(client, table).await?;
        }
        // The types that are found where the client gives none.
        for sql in [
            "SELECT id FROM t WHERE id = $1 AND big > $2 AND name LIKE $3 AND at < $4 AND ok = $5",
            "SELECT id FROM t WHERE price BETWEEN $1 AND $2",
            "SELECT id FROM t WHERE $1 = name",
            "SELECT $1::int4 + 1, $2::text || 'x', $3::timestamptz",
            "SELECT id FROM t WHERE id IN ($1, $2)",
            "SELECT $1",
            "SELECT id FROM t LIMIT $1",
            "SELECT id FROM t WHERE id = $2 AND name = $1",
            "INSERT INTO t (id, name, ok) VALUES ($1, $2, $3)",
        ] {
            let mut found = vec![];
            for client in [&ours, &theirs] {
                let statement = client.prepare(sql).await.map_err(Fault::from)?;
                found.push(statement.params().iter().map(|t| t.name().to_string()).collect::<Vec<_>>().join(","));
            }
            same!(found[0], found[1], "parameter types of {sql}");
        }
        // Those that it gives are taken.
        let statement =
            ours.prepare_typed("SELECT $1 + $2 AS s", &[Type::INT8, Type::INT4]).await.map_err(Fault::from)?;
        same!(statement.params(), [Type::INT8, Type::INT4]);
        let sum = ours.query_one(&statement, &[&40i64, &2i32]).await.map_err(Fault::from)?;
        same!(sum.get::<_, i64>(0), 42);
        let row = ours.query_typed("SELECT $1 || '!'", &[(&"a", Type::TEXT)]).await.map_err(Fault::from)?;
        same!(row[0].get::<_, String>(0), "a!");
        // Too few values are an error, and no hang.
        let few = ours.simple_query("SELECT $1").await.map(|m| m.len()).map_err(|e| Fault::from(e).state);
        same!(few, Err("42P02".to_string()));
        Ok(())
    })
}

pub fn portals(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let mut client = onerow.client().await;
        let transaction = client.transaction().await.map_err(Fault::from)?;
        let sql = "SELECT v FROM generate_series(1, 20000) AS t(v) ORDER BY v";
        let portal = transaction.bind(sql, &[]).await.map_err(Fault::from)?;
        let other = transaction.bind("SELECT $1::text AS v", &[&"between"]).await.map_err(Fault::from)?;
        let mut seen: Vec<i64> = vec![];
        for limit in [1, 4, 0] {
            let part = transaction.query_portal(&portal, limit).await.map_err(Fault::from)?;
            same!(part.len(), if limit == 0 { 19_995 } else { limit as usize });
            for row in &part {
                seen.push(match row.columns()[0].type_() {
                    &Type::INT4 => row.get::<_, i32>(0).into(),
                    _ => row.get(0),
                });
            }
            if limit == 1 {
                let between = transaction.query_portal(&other, 10).await.map_err(Fault::from)?;
                same!(between[0].get::<_, String>(0), "between");
            }
        }
        same!(seen == (1..=20_000).collect::<Vec<_>>(), true);
        same!(transaction.query_portal(&portal, 5).await.map_err(Fault::from)?.len(), 0);
        // The greatest limit is one.
        let portal = transaction.bind("SELECT 1", &[]).await.map_err(Fault::from)?;
        same!(transaction.query_portal(&portal, i32::MAX).await.map_err(Fault::from)?.len(), 1);
        transaction.commit().await.map_err(Fault::from)?;
        same!(value(&client, "SELECT 1").await?, "1");
        Ok(())
    })
}

pub fn tags(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    for (sql, tag) in [
        ("SELECT 1 UNION ALL SELECT 2", "SELECT 2"),
        ("CREATE TABLE t (id int)", "CREATE TABLE"),
        ("INSERT INTO t VALUES (1), (2), (3)", "INSERT 0 3"),
        ("UPDATE t SET id = 0 WHERE id > 1", "UPDATE 2"),
        ("DELETE FROM t WHERE id = 1", "DELETE 1"),
        ("TRUNCATE t", "TRUNCATE TABLE"),
        ("CREATE VIEW v AS SELECT id FROM t", "CREATE VIEW"),
        ("CREATE OR REPLACE VIEW v AS SELECT id FROM t", "CREATE VIEW"),
        ("COMMENT ON VIEW v IS 'x'", "COMMENT"),
        ("DROP VIEW v", "DROP VIEW"),
        ("DROP TABLE t", "DROP TABLE"),
        ("CREATE SCHEMA s", "CREATE SCHEMA"),
        ("DROP SCHEMA s", "DROP SCHEMA"),
        ("CREATE TABLE c AS SELECT 1 AS a", "SELECT 1"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("SET TimeZone = 'UTC'", "SET"),
        ("RESET TimeZone", "RESET"),
        ("SHOW TimeZone", "SHOW"),
        ("BEGIN", "BEGIN"),
        ("SAVEPOINT a", "SAVEPOINT"),
        ("RELEASE SAVEPOINT a", "RELEASE"),
        ("COMMIT", "COMMIT"),
        ("START TRANSACTION", "START TRANSACTION"),
        ("ROLLBACK", "ROLLBACK"),
        ("DISCARD ALL", "DISCARD ALL"),
        ("CREATE SERVER f FOREIGN DATA WRAPPER files OPTIONS (location '.')", "CREATE SERVER"),
        ("ALTER SERVER f OPTIONS (SET location '/')", "ALTER SERVER"),
        ("CREATE USER MAPPING FOR PUBLIC SERVER f", "CREATE USER MAPPING"),
        ("DROP USER MAPPING FOR PUBLIC SERVER f", "DROP USER MAPPING"),
        ("DROP SERVER f", "DROP SERVER"),
    ] {
        wire.send(b'Q', &zero_ended(&[sql]))?;
        let messages = wire.until_ready()?;
        same!(tags_of(&messages), [tag], "{sql} ({:?})", state(&messages));
    }
    Ok(())
}

/// `26000` and `34000`, which no driver of good manners meets.
pub fn unknown_names(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    let mut bind = zero_ended(&["", "nope"]);
    bind.extend([0; 6]);
    for (kind, body, expected) in [
        (b'B', bind, "26000"),
        (b'D', [b"S".to_vec(), zero_ended(&["nope"])].concat(), "26000"),
        (b'D', [b"P".to_vec(), zero_ended(&["nope"])].concat(), "34000"),
        (b'E', [zero_ended(&["nope"]), vec![0; 4]].concat(), "34000"),
    ] {
        wire.send(kind, &body)?;
        // What follows an error is skipped up to Sync.
        wire.send(b'P', &[zero_ended(&["", "SELECT 1"]), vec![0; 2]].concat())?;
        wire.send(b'S', &[])?;
        let messages = wire.until_ready()?;
        same!(state(&messages), Some(expected.to_string()));
        same!(messages.iter().any(|(kind, _)| *kind == b'1'), false, "Parse after an error");
    }
    // To close what is not there is no error.
    wire.send(b'C', &[b"S".to_vec(), zero_ended(&["nope"])].concat())?;
    wire.send(b'S', &[])?;
    same!(wire.until_ready()?.iter().map(|(kind, _)| *kind).collect::<Vec<u8>>(), b"3Z");
    // A statement's name can be taken once.
    for expected in [None, Some("42P05")] {
        wire.send(b'P', &[zero_ended(&["mine", "SELECT 1"]), vec![0; 2]].concat())?;
        wire.send(b'S', &[])?;
        same!(state(&wire.until_ready()?), expected.map(str::to_string));
    }
    Ok(())
}

/// Lengths and counts that lie end the connection that sent them, and no other.
pub fn bad_messages(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let mut other = Wire::connect(onerow.port)?;
    let before_login: [&[u8]; 5] = [
        &[0, 0, 0, 4],
        &[0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0],
        &[0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[0, 0, 0, 9, 0, 3, 0, 0, b'u'],
    ];
    for bytes in before_login {
        let mut wire = Wire::open(onerow.port)?;
        wire.bytes(bytes)?;
        // An error or an end, but neither a greeting nor silence.
        match wire.message() {
            Ok((kind, _)) => same!(kind, b'E', "{bytes:?}"),
            Err(error) => same!(is_silence(&error), false, "silence after {bytes:?}"),
        }
    }
    let after_login: [(u8, Vec<u8>); 5] = [
        (b'Q', b"SELECT 1".to_vec()),
        (b'B', [zero_ended(&["", ""]), vec![0, 0, 0x7f, 0xff]].concat()),
        (b'P', zero_ended(&["", "SELECT 1"])),
        (b'?', vec![1, 2, 3]),
        (b'Q', vec![b'S', 0xff, 0xfe, 0]),
    ];
    for (kind, body) in after_login {
        let mut wire = Wire::connect(onerow.port)?;
        wire.send(kind, &body)?;
        match wire.message() {
            Ok((told, _)) => same!(told, b'E', "after {}", kind as char),
            Err(error) => same!(is_silence(&error), false, "silence after {}", kind as char),
        }
    }
    other.send(b'Q', &zero_ended(&["SELECT 1"]))?;
    same!(tags_of(&other.until_ready()?), ["SELECT 1"]);
    same!(onerow.sql("SELECT 1")?, "1");
    Ok(())
}

/// When errors of prepared statements come, and what a failed block still takes.
pub fn prepared_errors(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    let parse = |wire: &mut Wire, sql: &str| -> Result<Option<String>, std::io::Error> {
        // The statement's name, its text, no types.
        wire.send(b'P', &[zero_ended(&["", sql]), vec![0, 0]].concat())?;
        wire.send(b'S', &[])?;
        Ok(state(&wire.until_ready()?))
    };
    let ask = |wire: &mut Wire, sql: &str| -> Result<Option<String>, std::io::Error> {
        wire.send(b'Q', &zero_ended(&[sql]))?;
        Ok(state(&wire.until_ready()?))
    };
    same!(parse(&mut wire, "SELECT nope")?, Some("42703".to_string()));
    // It is not kept.
    wire.send(b'D', b"S\0")?;
    wire.send(b'S', &[])?;
    same!(state(&wire.until_ready()?), Some("26000".to_string()));
    same!(parse(&mut wire, "SELECT 1")?, None);
    ask(&mut wire, "BEGIN; SELECT 1/0")?;
    same!(parse(&mut wire, "SELECT 1")?, Some("25P02".to_string()));
    same!(parse(&mut wire, "SELEC 1")?, Some("42601".to_string()));
    same!(parse(&mut wire, "")?, None);
    same!(parse(&mut wire, "ROLLBACK")?, None);
    same!(ask(&mut wire, "ROLLBACK")?, None);
    // A value that is too short, and one that is too long.
    for (value, expected) in [(vec![0, 0, 1], "08P01"), (vec![0, 0, 0, 0, 1], "22P03")] {
        wire.send(b'P', &[zero_ended(&["", "SELECT $1::int"]), vec![0, 0]].concat())?;
        let length = i32::try_from(value.len()).unwrap_or_default().to_be_bytes();
        let body = [zero_ended(&["", ""]), vec![0, 1, 0, 1, 0, 1], length.to_vec(), value, vec![0, 0]].concat();
        wire.send(b'B', &body)?;
        wire.send(b'S', &[])?;
        same!(state(&wire.until_ready()?), Some(expected.to_string()));
    }
    // What would give other columns by now than its client was told of.
    same!(ask(&mut wire, "CREATE TABLE changed (v int)")?, None);
    wire.send(b'P', &[zero_ended(&["changed", "SELECT v FROM changed"]), vec![0, 0]].concat())?;
    for (ddl, expected) in [
        ("SELECT 1", None),
        ("DROP TABLE changed; CREATE TABLE changed (v numeric(10,2))", Some("0A000")),
        ("DROP TABLE changed; CREATE TABLE changed (v int)", None),
    ] {
        wire.send(b'S', &[])?;
        same!(state(&wire.until_ready()?), None);
        same!(ask(&mut wire, ddl)?, None);
        wire.send(b'B', &[zero_ended(&["", "changed"]), vec![0; 6]].concat())?;
        wire.send(b'E', &[0; 5])?;
        wire.send(b'S', &[])?;
        same!(state(&wire.until_ready()?), expected.map(str::to_string), "{ddl}");
    }
    Ok(())
}
