//! COPY .. TO STDOUT.

use super::super::super::support::wire::all_well;
use super::super::super::support::{Fixtures, Outcome, Project, block_on};
use super::{compared, data, sent, taken};

pub fn out(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE copy_out");
    let onerow = Project::new("").serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("copy_out").await);
        let rows = data::odd_text();
        for client in [&ours, &theirs] {
            client.batch_execute(data::ODD).await?;
            client
                .batch_execute("CREATE TABLE \"Odd, \"\"name\" (\"a,b\" text, \"c\"\"d\" text, \"e\tf\" text)")
                .await?;
            client.batch_execute("CREATE TABLE one (b text)").await?;
            taken(client, "COPY odd FROM STDIN", &[&rows]).await?;
            taken(client, "COPY one FROM STDIN csv", &[b"\"\\.\"\n\"\"\n\n\\N\nx\n"]).await?;
        }
        let mut statements = vec![];
        for options in [
            "",
            "csv",
            "binary",
            "csv header",
            "(header)",
            "(format csv, force_quote *)",
            "(format csv, quote '''', escape '\\', delimiter ';', null 'NULL')",
            "(format csv, delimiter '1')",
            "(format csv, delimiter '-', quote ':')",
            "(format csv, null '1')",
            "(delimiter ',', null '')",
            "(delimiter '|', null 'NULL')",
            "(delimiter '-')",
            "delimiters ';' with null as '-'",
            "csv quote as '$' force quote t, v",
        ] {
            statements.push(format!("COPY odd TO STDOUT {options}"));
        }
        for statement in [
            "COPY one TO STDOUT",
            "COPY one TO STDOUT csv",
            "COPY one TO STDOUT (format csv, null '\\.')",
            "COPY BINARY one TO STDOUT",
            "COPY odd (v, id) TO STDOUT csv header",
            "COPY public.odd (\"id\") TO STDIN WITH (FORMAT binary)",
            "COPY \"Odd, \"\"name\" TO STDOUT csv header",
            "COPY \"Odd, \"\"name\" TO STDOUT (header)",
            "COPY \"Odd, \"\"name\" TO STDOUT binary",
            "COPY (SELECT id, t FROM odd WHERE id < 6 ORDER BY id DESC) TO STDOUT csv header",
            "COPY (VALUES (1, 'x'), (2, NULL)) TO STDOUT csv header",
            "COPY (TABLE one) TO STDOUT",
            "COPY ((SELECT 1)) TO STDOUT",
            "COPY (WITH w AS (SELECT 1 AS x) SELECT x, x + 1 AS y FROM w) TO STDOUT (format csv, header true)",
            "COPY (SELECT 1 AS a, 2 AS a) TO STDOUT (format csv, header, force_quote (a))",
            "COPY (SELECT id FROM odd WHERE false) TO STDOUT binary",
            "COPY (SELECT id FROM odd WHERE false) TO STDOUT csv header",
            "COPY (SELECT NULL, '', ' ') TO STDOUT csv",
            "COPY (SELECT now() IS NULL, 1.50, 'é'::bytea, array['a,b', NULL]) TO STDOUT csv",
            "COPY (SELECT 1) TO STDOUT ENCODING 'UTF8'",
            "COPY (SELECT 'a;b') TO STDOUT (DELIMITER ';', FREEZE off, HEADER 0)",
        ] {
            statements.push(statement.to_string());
        }
        let mut differing = vec![];
        for statement in &statements {
            let shown = |data: Result<Vec<u8>, String>| match data {
                Ok(data) => data.escape_ascii().to_string(),
                Err(error) => error,
            };
            let (here, there) = (shown(sent(&ours, statement).await), shown(sent(&theirs, statement).await));
            compared(&mut differing, statement, &here, &there);
        }
        for client in [&ours, &theirs] {
            client.batch_execute("SET TimeZone = 'Asia/Tokyo'").await?;
        }
        let zoned = "COPY (SELECT tz FROM odd WHERE tz > '1950-01-01' AND id <> 11 ORDER BY id) TO STDOUT";
        same!(sent(&ours, zoned).await, sent(&theirs, zoned).await);
        all_well(&differing, statements.len())
    })
}

pub fn refused(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE copy_refused");
    let onerow = Project::new("").serve();
    let statements = [
        "COPY nope TO STDOUT",
        "COPY nosch.t TO STDOUT",
        "COPY v TO STDOUT",
        "COPY information_schema.tables TO STDOUT",
        "COPY t (nope) TO STDOUT",
        "COPY t (a, a) TO STDOUT",
        "COPY t FROM STDIN (FORCE_NULL (b))",
        "COPY t FROM STDIN (FORMAT csv, FORCE_NULL (zz))",
        "COPY t (a) FROM STDIN (FORMAT csv, FORCE_NULL (b))",
        "COPY t (a) FROM STDIN (FORMAT csv, FORCE_NOT_NULL (b))",
        "COPY t (a) TO STDOUT (FORMAT csv, FORCE_QUOTE (b))",
        "COPY (select 1 as x) TO STDOUT (FORMAT csv, FORCE_QUOTE (b))",
        "COPY t TO STDOUT (format nope)",
        "COPY t TO STDOUT (format csv, format csv)",
        "COPY t TO STDOUT (nope 1)",
        "COPY t TO STDOUT (format)",
        "COPY t TO STDOUT (header 2)",
        "COPY t TO STDOUT (header match)",
        "COPY t TO STDOUT (header nope)",
        "COPY t TO STDOUT (freeze nope)",
        "COPY t TO STDOUT (force_quote a)",
        "COPY t TO STDOUT (force_null *)",
        "COPY t TO STDOUT (encoding 'nope')",
        "COPY t TO STDOUT (format binary, delimiter ',')",
        "COPY t TO STDOUT (format binary, null 'x')",
        "COPY t TO STDOUT (format binary, header)",
        "COPY t TO STDOUT (delimiter ',,')",
        "COPY t TO STDOUT (delimiter 'ş')",
        "COPY t TO STDOUT (delimiter E'\\n')",
        "COPY t TO STDOUT (null E'a\\nb')",
        "COPY t TO STDOUT (delimiter 'a')",
        "COPY t TO STDOUT (delimiter '\\')",
        "COPY t TO STDOUT (delimiter 5)",
        "COPY t TO STDOUT (quote 'x')",
        "COPY t TO STDOUT csv quote 'xx'",
        "COPY t TO STDOUT csv quote ','",
        "COPY t TO STDOUT (escape 'x')",
        "COPY t TO STDOUT csv escape 'xx'",
        "COPY t TO STDOUT force quote a",
        "COPY t FROM STDIN csv force quote a",
        "COPY t TO STDOUT csv force not null a",
        "COPY t TO STDOUT csv force null a",
        "COPY t FROM STDIN force not null a",
        "COPY t TO STDOUT delimiter ',' null 'a,b'",
        "COPY t TO STDOUT csv null 'a\"b'",
        "SELECT 1; COPY t TO STDOUT header header",
        "COPY t TO STDOUT WHERE a = 1",
        "COPY t TO",
        "COPY t",
        "COPY",
        "COPY (select 1) FROM STDIN",
        "COPY (show all) TO STDOUT",
        "COPY (explain select 1) TO STDOUT",
        "COPY (insert into t values (1)) TO STDOUT",
        "SELECT 1; COPY (select nope from t) TO STDOUT",
        "COPY (select 1 / 0) TO STDOUT",
        "COPY t TO STDOUT WITH csv, header",
        "COPY t TO STDOUT (FORMAT csv HEADER)",
        "COPY t TO STDOUT ()",
        "COPY t () TO STDOUT",
        "COPY t TO PROGRAM STDOUT",
        "COPY BINARY t TO STDOUT csv",
        "COPY t TO STDOUT (\"FORMAT\" csv)",
        "COPY t TO STDOUT (format 'CSV')",
        "COPY t TO STDOUT (null)",
        "COPY t TO STDOUT csv null 5",
        "EXPLAIN COPY t TO STDOUT",
        "EXPLAIN (costs off) COPY t TO STDOUT",
        "EXPLAIN ANALYZE COPY t TO STDOUT",
        "PREPARE x AS COPY t TO STDOUT",
        "DECLARE c CURSOR FOR COPY t TO STDOUT",
    ];
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("copy_refused").await);
        let mut differing = vec![];
        for client in [&ours, &theirs] {
            client.batch_execute("CREATE TABLE t (a int, b text); CREATE VIEW v AS SELECT 1 AS x").await?;
        }
        for statement in statements {
            let mut seen = vec![];
            for client in [&ours, &theirs] {
                let told = match client.simple_query(statement).await {
                    Ok(_) => "nothing".to_string(),
                    Err(error) => super::told(error),
                };
                // What was expected, we say besides.
                seen.push(told.split(" [detail Expected").next().unwrap_or_default().to_string() + position(&told));
            }
            compared(
                &mut differing,
                statement,
                &seen[0].replace(" [detail RETURNING is not supported either.]", ""),
                &seen[1],
            );
        }
        all_well(&differing, statements.len())
    })
}

/// The position that stands behind a detail.
fn position(told: &str) -> &str {
    if told.contains(" [detail Expected") {
        told.rfind(" at ").and_then(|at| told.get(at..)).unwrap_or_default()
    } else {
        ""
    }
}

pub fn psql(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE copy_psql");
    let project = Project::new("");
    let onerow = project.serve();
    let file = |name: &str| project.path().join(name).display().to_string();
    let input = project.write("input.csv", "id,name\n1,\"张,三\"\n2,\"Ş\n\"\"x\"\"\"\n3,\n4,\"\"\n");
    let input = input.display().to_string();
    let steps = |own: &str| {
        vec![
            "CREATE TABLE customer (id int PRIMARY KEY, name text)".to_string(),
            format!("\\copy customer FROM '{input}' CSV HEADER"),
            format!("\\copy (SELECT * FROM customer ORDER BY id) TO '{}' CSV HEADER", file(&format!("{own}.csv"))),
            format!("\\copy customer TO '{}'", file(&format!("{own}.txt"))),
            format!("\\copy customer (name, id) TO '{}' (FORMAT binary)", file(&format!("{own}.bin"))),
            "DELETE FROM customer".to_string(),
            format!("\\copy customer (name, id) FROM '{}' WITH BINARY", file(&format!("{own}.bin"))),
            "DELETE FROM customer".to_string(),
            format!("\\copy customer FROM '{}'", file(&format!("{own}.txt"))),
            "COPY customer TO STDOUT; SELECT count(*) FROM customer; COPY (SELECT 1) TO STDOUT".to_string(),
            format!("\\copy customer FROM '{}'", file(&format!("{own}.txt"))),
            "COPY customer FROM '/etc/passwd'".to_string(),
        ]
    };
    for step in steps("ours").iter().zip(steps("theirs")).enumerate() {
        let (at, (ours, theirs)) = step;
        let (out, err) = onerow.psql(&["-c", ours]);
        let (out_there, err_there) = postgres.psql_output(&["-d", "copy_psql", "-c", &theirs]);
        same!(out, out_there, "{ours}");
        if at == 11 {
            holds!(err, "is not supported");
            holds!(err, "\\copy");
        } else {
            same!(err, err_there, "{ours}");
        }
    }
    for kind in ["csv", "txt", "bin"] {
        let read = |name: &str| std::fs::read(project.path().join(format!("{name}.{kind}")));
        same!(read("ours")?, read("theirs")?, "{kind}");
    }
    let typed = "COPY customer FROM STDIN;\n7\tseven\n8\teight\n\\.\nSELECT name FROM customer WHERE id = 8;\n";
    let script = project.write("typed.psql", typed).display().to_string();
    let (out, err) = onerow.psql(&["-f", &script]);
    holds!(out, "COPY 2");
    holds!(out, "eight");
    same!(err, "");
    let (code, _, said) = project.query("COPY customer TO STDOUT");
    same!(code == 0, false);
    holds!(said, "COPY needs a connection to the server");
    Ok(())
}

/// Many rows go out without being gathered, an error in the middle is one, and a cancel and a timeout end them.
pub fn streams(_: &Fixtures) -> Outcome {
    let onerow = Project::new("").serve_with(&["--memory", "64MB"], &[]);
    block_on(async {
        let client = onerow.client().await;
        let many =
            sent(&client, "COPY (SELECT n, repeat('x', 500) FROM generate_series(1, 300000) AS n) TO STDOUT csv")
                .await?;
        same!(many.iter().filter(|byte| **byte == b'\n').count(), 300_000);
        let peak = onerow.memory("VmHWM");
        if peak > 700 << 20 {
            return Err(format!("it took {peak} bytes").into());
        }
        let wrong =
            sent(&client, "COPY (SELECT 10 / (5 - n) FROM generate_series(1, 10) AS n ORDER BY 1) TO STDOUT").await;
        same!(wrong, Err("22012: division by zero".to_string()));
        client.batch_execute("SET statement_timeout = 300").await?;
        let long = "COPY (SELECT a FROM generate_series(1, 100000000) AS a) TO STDOUT";
        same!(sent(&client, long).await, Err("57014: canceling statement due to statement timeout".to_string()));
        client.batch_execute("SET statement_timeout = 0").await?;
        let token = client.cancel_token();
        let cancelled = tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            token.cancel_query(tokio_postgres::NoTls).await
        });
        same!(sent(&client, long).await, Err("57014: canceling statement due to user request".to_string()));
        cancelled.await??;
        same!(sent(&client, "COPY (SELECT 1) TO STDOUT").await, Ok(b"1\n".to_vec()));
        Ok(())
    })
}
