//! Cursors and prepared statements in SQL, read-only transactions, notices.

use tokio_postgres::SimpleQueryMessage;

use super::super::support::wire::{Fault, rows};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::raw::{Wire, state, tags, zero_ended};

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

/// Cursors that go back, as far and as oddly as Postgres's do.
pub fn scroll(fixtures: &Fixtures) -> Outcome {
    let mut statements = vec![
        "CREATE TABLE t (id int, name text)",
        "INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, ''), (4, '张'), (5, 'İ'), (6, 'f'), (7, 'g')",
        "BEGIN",
        "DECLARE c SCROLL CURSOR FOR SELECT id, name FROM t ORDER BY id",
        "DECLARE e SCROLL CURSOR FOR SELECT id FROM t WHERE false",
    ];
    let fetches: Vec<String> = ["c", "e"]
        .iter()
        .flat_map(|cursor| {
            [
                "FETCH 0",
                "FETCH PRIOR",
                "FETCH NEXT",
                "FETCH 0",
                "FETCH PRIOR",
                "FETCH 3",
                "FETCH BACKWARD 2",
                "FETCH FORWARD 0",
                "FETCH LAST",
                "FETCH NEXT",
                "FETCH RELATIVE 0",
                "FETCH PRIOR",
                "FETCH FIRST",
                "FETCH ABSOLUTE 5",
                "FETCH ABSOLUTE -2",
                "FETCH ABSOLUTE 2",
                "FETCH ABSOLUTE 0",
                "FETCH ABSOLUTE 99",
                "FETCH BACKWARD ALL",
                "FETCH RELATIVE 2",
                "FETCH RELATIVE 3",
                "FETCH RELATIVE -2",
                "FETCH -1",
                "FETCH BACKWARD -2",
                "FETCH FORWARD ALL",
                "FETCH ALL",
                "FETCH BACKWARD 1",
                "FETCH ABSOLUTE -99",
                "MOVE 3",
                "MOVE 0",
                "MOVE BACKWARD 1",
                "MOVE ABSOLUTE 6",
                "MOVE RELATIVE -1",
                "FETCH 0",
                "MOVE ALL",
                "MOVE BACKWARD ALL",
                "FETCH 1",
                "MOVE LAST",
                "FETCH RELATIVE 0",
                "MOVE FORWARD 5",
                "MOVE BACKWARD 100",
                "FETCH NEXT",
            ]
            .map(|fetch| format!("{fetch} FROM {cursor}"))
        })
        .collect();
    statements.extend(fetches.iter().map(String::as_str));
    statements.extend([
        "FETCH FIRST c",
        "FETCH BACKWARD IN c",
        "MOVE ABSOLUTE 3 IN c",
        "COMMIT",
        // Forward only: what needs no way back is done.
        "BEGIN",
        "DECLARE n NO SCROLL CURSOR FOR SELECT id FROM t ORDER BY id",
        "FETCH FIRST FROM n",
        "FETCH ABSOLUTE 3 FROM n",
        "FETCH RELATIVE 2 FROM n",
        "MOVE 0 IN n",
        "FETCH ABSOLUTE 9 FROM n",
        "FETCH LAST FROM n",
        "ROLLBACK",
    ]);
    for refused in [
        "FETCH PRIOR FROM n",
        "FETCH 0 FROM n",
        "FETCH BACKWARD ALL FROM n",
        "FETCH FIRST FROM n",
        "FETCH ABSOLUTE 1 FROM n",
        "FETCH ABSOLUTE -1 FROM n",
        "FETCH -1 FROM n",
        "MOVE BACKWARD ALL IN n",
        "FETCH RELATIVE 0 FROM n",
    ] {
        statements.extend([
            "BEGIN; DECLARE n NO SCROLL CURSOR FOR SELECT id FROM t ORDER BY id; MOVE 2 IN n",
            refused,
            "FETCH 1 FROM n",
            "ROLLBACK",
        ]);
    }
    for wrong in [
        "DECLARE c SCROLL NO SCROLL CURSOR FOR SELECT 1",
        "DECLARE c INSENSITIVE ASENSITIVE CURSOR FOR SELECT 1",
        "DECLARE c NO CURSOR FOR SELECT 1",
        "FETCH 1.5 FROM c",
        "FETCH 3000000000 FROM c",
        "FETCH ABSOLUTE FROM c",
        "FETCH SIDEWAYS FROM c",
        "FETCH FORWARD - FROM c",
        "FETCH",
        "MOVE ALL",
    ] {
        statements.push(wrong);
    }
    compare(fixtures, "sql_scroll", &statements)
}

/// Cursors that outlive their transaction.
pub fn hold(fixtures: &Fixtures) -> Outcome {
    compare(
        fixtures,
        "sql_hold",
        &[
            "CREATE TABLE t (id int)",
            "INSERT INTO t VALUES (1), (2), (3), (4), (5)",
            "DECLARE plain CURSOR FOR SELECT id FROM t",
            "DECLARE h CURSOR WITH HOLD FOR SELECT id FROM t ORDER BY id",
            "FETCH 2 FROM h",
            "INSERT INTO t VALUES (6)",
            "FETCH ALL FROM h",
            "DECLARE h CURSOR WITH HOLD FOR SELECT 1",
            "BEGIN",
            "DECLARE s SCROLL CURSOR WITH HOLD FOR SELECT id FROM t ORDER BY id DESC",
            "DECLARE gone CURSOR FOR SELECT id FROM t",
            "FETCH 2 FROM s",
            "DELETE FROM t",
            "COMMIT",
            "FETCH 1 FROM gone",
            "FETCH NEXT FROM s",
            "FETCH FIRST FROM s",
            "FETCH LAST FROM s",
            "SELECT nope",
            "FETCH PRIOR FROM s",
            "BEGIN",
            "FETCH PRIOR FROM s",
            "DECLARE rolled CURSOR WITH HOLD FOR SELECT 1",
            "FETCH 1 FROM rolled",
            "ROLLBACK",
            "FETCH 1 FROM rolled",
            "FETCH PRIOR FROM s",
            "BEGIN",
            "DECLARE failed CURSOR WITH HOLD FOR SELECT 1",
            "SELECT nope",
            "COMMIT",
            "FETCH 1 FROM failed",
            "CLOSE s",
            "FETCH 1 FROM s",
            "DECLARE a CURSOR WITH HOLD FOR VALUES (1), (2)",
            "BEGIN; DECLARE b CURSOR WITH HOLD FOR VALUES (1), (2); COMMIT AND CHAIN; FETCH 1 FROM b; COMMIT",
            "FETCH 1 FROM b",
            "CLOSE ALL",
            "FETCH 1 FROM a",
            "DECLARE a CURSOR WITH HOLD FOR SELECT 1",
            "DISCARD ALL",
            "FETCH 1 FROM a",
            // The statements of one text are a transaction.
            "DECLARE one CURSOR FOR VALUES (1), (2); FETCH 1 FROM one",
            "FETCH 1 FROM one",
        ],
    )
}

/// More rows than a cursor holds in memory, back and forth, and those of a cursor whose transaction is long over.
pub fn many_rows(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let sql = "SELECT n, repeat('x', 400) || n AS pad FROM generate_series(1, 300000) AS g(n) ORDER BY n";
        rows(&client, &format!("DECLARE c SCROLL CURSOR WITH HOLD FOR {sql}")).await?;
        for (fetch, first) in [
            ("FETCH LAST FROM c", "300000"),
            ("FETCH FIRST FROM c", "1"),
            ("FETCH ABSOLUTE 150000 FROM c", "150000"),
            ("FETCH BACKWARD 3 FROM c", "149999"),
            ("FETCH RELATIVE 100000 FROM c", "249997"),
            ("FETCH ABSOLUTE -300000 FROM c", "1"),
        ] {
            let found = rows(&client, fetch).await?;
            let row = found.first().ok_or("no row")?;
            same!(row[0].as_deref(), Some(first), "{fetch}");
            same!(row[1].as_deref().is_some_and(|pad| pad.len() == 400 + first.len() && pad.ends_with(first)), true);
        }
        rows(&client, "MOVE LAST IN c").await?;
        let back = rows(&client, "FETCH BACKWARD ALL FROM c").await?;
        same!(back.len(), 299_999);
        let ordered = back.iter().enumerate().all(|(at, row)| row[0] == Some((299_999 - at).to_string()));
        same!(ordered, true, "the rows from the last to the first");
        rows(&client, "CLOSE c").await?;
        Ok(())
    })
}

/// Describe of a cursor, FETCH in binary, and Execute of a cursor by its name.
pub fn by_protocol(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    for (kind, binary) in [("", false), ("BINARY ", true), ("BINARY SCROLL ", true), ("SCROLL ", false)] {
        let declare =
            format!("BEGIN; DECLARE c {kind}CURSOR FOR SELECT n::int AS n FROM generate_series(1, 5) AS g(n)");
        wire.send(b'Q', &zero_ended(&[&declare]))?;
        same!(tags(&wire.until_ready()?), ["BEGIN", "DECLARE CURSOR"]);
        wire.send(b'Q', &zero_ended(&["FETCH 1 FROM c"]))?;
        let said = wire.until_ready()?;
        let row = said.iter().find(|(message, _)| *message == b'D').map(|(_, body)| body[6..].to_vec());
        same!(row, Some(if binary { vec![0, 0, 0, 1] } else { b"1".to_vec() }), "{kind}");
        // The columns of the portal, two of its rows, then the rest.
        wire.send(b'D', b"Pc\0")?;
        wire.send(b'E', &[b"c\0".as_slice(), &[0, 0, 0, 2]].concat())?;
        wire.send(b'E', &[b"c\0".as_slice(), &[0, 0, 0, 0]].concat())?;
        wire.send(b'S', &[])?;
        let kinds: Vec<u8> = wire.until_ready()?.into_iter().map(|(message, _)| message).collect();
        same!(String::from_utf8_lossy(&kinds), "TDDsDDCZ", "{kind}");
        wire.send(b'Q', &zero_ended(&["FETCH BACKWARD 1 FROM c"]))?;
        let back = wire.until_ready()?;
        match kind.contains("SCROLL") {
            true => same!(tags(&back), ["FETCH 1"]),
            false => same!(state(&back), Some("55000".to_string())),
        }
        wire.send(b'Q', &zero_ended(&["ROLLBACK"]))?;
        wire.until_ready()?;
    }
    Ok(())
}

/// The kinds of messages, and the texts of rows and tags, in their order.
fn told(wire: &mut Wire) -> Result<(String, Vec<String>), std::io::Error> {
    let messages = wire.until_ready()?;
    let text = |body: &[u8]| String::from_utf8_lossy(body).trim_end_matches('\0').to_string();
    let texts = messages.iter().filter_map(|(kind, body)| match kind {
        b'D' => body.get(6..).map(text),
        b'C' => Some(text(body)),
        _ => None,
    });
    let texts = texts.collect();
    Ok((messages.iter().map(|(kind, _)| char::from(*kind)).collect(), texts))
}

/// FETCH itself in parts, and of what the protocol opened: as PostgreSQL 15 answers.
pub fn fetched_by_protocol(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    let execute =
        |wire: &mut Wire, portal: &str, most: u8| wire.send(b'E', &[portal.as_bytes(), &[0, 0, 0, 0, most]].concat());
    let bind = |wire: &mut Wire, sql: &str, portal: &str| {
        wire.send(b'P', &[&zero_ended(&["", sql])[..], &[0, 0]].concat())?;
        wire.send(b'B', &[&zero_ended(&[portal, ""])[..], &[0; 6]].concat())
    };
    for kind in ["", "SCROLL "] {
        let declare = format!("DECLARE c {kind}CURSOR FOR SELECT a FROM (VALUES (1), (2), (3), (4)) v(a)");
        wire.send(b'Q', &zero_ended(&[&format!("BEGIN; {declare}")]))?;
        wire.until_ready()?;
        // All of its rows are taken from the cursor at once.
        bind(&mut wire, "FETCH 3 FROM c", "p")?;
        for most in [1, 1, 1, 1, 0] {
            execute(&mut wire, "p", most)?;
        }
        wire.send(b'S', &[])?;
        let (kinds, texts) = told(&mut wire)?;
        same!(kinds, "12DsDsDsCCZ", "{kind}");
        same!(texts, ["1", "2", "3", "FETCH 0", "FETCH 0"], "{kind}");
        wire.send(b'Q', &zero_ended(&["FETCH 1 FROM c"]))?;
        same!(told(&mut wire)?.1, ["4", "FETCH 1"], "{kind}");
        bind(&mut wire, "FETCH 3 FROM c", "p2")?;
        execute(&mut wire, "p2", 1)?;
        execute(&mut wire, "p2", 0)?;
        wire.send(b'S', &[])?;
        same!(told(&mut wire)?.1, ["FETCH 0", "FETCH 0"], "{kind}");
        // The columns of what is left are those of the cursor.
        wire.send(b'Q', &zero_ended(&[&format!("CLOSE c; {declare}")]))?;
        wire.until_ready()?;
        bind(&mut wire, "FETCH ALL FROM c", "p3")?;
        wire.send(b'D', b"Pp3\0")?;
        execute(&mut wire, "p3", 2)?;
        wire.send(b'D', b"Pp3\0")?;
        execute(&mut wire, "p3", 0)?;
        execute(&mut wire, "p3", 0)?;
        wire.send(b'S', &[])?;
        let (kinds, texts) = told(&mut wire)?;
        same!(kinds, "12TDDsTDDCCZ", "{kind}");
        same!(texts, ["1", "2", "3", "4", "FETCH 2", "FETCH 0"], "{kind}");
        wire.send(b'Q', &zero_ended(&["ROLLBACK"]))?;
        wire.until_ready()?;
    }
    // A portal that the protocol opened, of which nobody has asked.
    wire.send(b'Q', &zero_ended(&["BEGIN"]))?;
    wire.until_ready()?;
    bind(&mut wire, "SELECT 1", "q")?;
    wire.send(b'S', &[])?;
    wire.until_ready()?;
    wire.send(b'Q', &zero_ended(&["FETCH 1 FROM q"]))?;
    let (kinds, texts) = told(&mut wire)?;
    same!(kinds, "TDCZ");
    same!(texts, ["1", "FETCH 1"]);
    bind(&mut wire, "SELECT 7 AS x", "q2")?;
    wire.send(b'S', &[])?;
    wire.until_ready()?;
    bind(&mut wire, "FETCH 1 FROM q2", "p4")?;
    wire.send(b'D', b"S\0")?;
    wire.send(b'D', b"Pp4\0")?;
    execute(&mut wire, "p4", 5)?;
    execute(&mut wire, "p4", 5)?;
    wire.send(b'S', &[])?;
    let (kinds, texts) = told(&mut wire)?;
    same!(kinds, "12tTTDCCZ");
    same!(texts, ["7", "FETCH 1", "FETCH 0"]);
    Ok(())
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
            // Rows of other columns than were told of.
            "CREATE TABLE changed (v int)",
            "PREPARE changed AS SELECT v FROM changed",
            "EXECUTE changed",
            "DROP TABLE changed",
            "EXECUTE changed",
            "CREATE TABLE changed (v numeric(10,2))",
            "INSERT INTO changed VALUES (0.1)",
            "EXECUTE changed",
            "DROP TABLE changed",
            "CREATE TABLE changed (w text, v int)",
            "EXECUTE changed",
            "DEALLOCATE changed",
            "PREPARE ask AS SELECT 1",
            "DEALLOCATE ask",
            "EXECUTE ask (2)",
            "PREPARE plain AS SELECT count(*) FROM t; EXECUTE plain",
            "PREPARE lags AS SELECT id, lag(id, $1) OVER (ORDER BY id), lead(id, $1, 0) OVER (ORDER BY id) FROM t ORDER BY 1",
            "EXECUTE lags (NULL)",
            "EXECUTE lags (1)",
            "DEALLOCATE lags",
            // As it is written at PostgreSQL; here as it would be.
            "PREPARE asked (int, text) AS SELECT $1 + 1, $2",
            "SELECT name FROM pg_prepared_statements ORDER BY 1",
            "SELECT statement FROM pg_prepared_statements WHERE name = 'asked'",
            "SELECT array_to_string(parameter_types::text[], ' ') FROM pg_prepared_statements ORDER BY name",
            "SELECT name FROM pg_prepared_statements WHERE from_sql AND prepare_time <= now() ORDER BY 1",
            "EXECUTE asked (1, 'x')",
            "SELECT generic_plans || ' ' || custom_plans FROM pg_prepared_statements ORDER BY name",
            "DEALLOCATE ALL",
            "SELECT name FROM pg_prepared_statements",
            "BEGIN",
            "DECLARE c CURSOR FOR SELECT 1",
            "DECLARE \"D\" SCROLL CURSOR WITH HOLD FOR SELECT 2",
            "SELECT name FROM pg_cursors ORDER BY name",
            "SELECT statement FROM pg_cursors ORDER BY name",
            "SELECT name FROM pg_cursors WHERE is_holdable AND is_scrollable AND NOT is_binary ORDER BY name",
            "COMMIT",
            "SELECT name FROM pg_cursors WHERE creation_time <= now()",
            "CLOSE ALL",
            "SELECT count(*) FROM pg_cursors",
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
            // What a block is cannot change once it has read.
            "BEGIN; SELECT 1; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "ROLLBACK",
            "BEGIN; SELECT 1; SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "ROLLBACK",
            "BEGIN READ ONLY; SELECT 1; SET TRANSACTION READ WRITE",
            "ROLLBACK",
            "BEGIN READ ONLY; SELECT count(*) FROM t; SET transaction_read_only = off",
            "ROLLBACK",
            "BEGIN READ ONLY; SELECT set_config('transaction_read_only', 'off', false)",
            "ROLLBACK",
            "BEGIN READ ONLY; SET TRANSACTION READ WRITE; INSERT INTO t VALUES (4); ROLLBACK",
            "BEGIN; SAVEPOINT a; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "ROLLBACK",
            "BEGIN READ ONLY; SAVEPOINT a; SET TRANSACTION READ WRITE",
            "ROLLBACK",
            "BEGIN; SELECT 1; SET transaction_isolation = 'serializable'",
            "ROLLBACK",
            "BEGIN; SELECT 1; SET TRANSACTION READ ONLY; SHOW transaction_read_only",
            "ROLLBACK",
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
