//! COPY .. FROM STDIN.

use super::super::super::support::wire::{all_well, rows, value};
use super::super::super::support::{Fixtures, Outcome, Project, block_on};
use super::super::raw::{Wire, state, tags, zero_ended};
use super::{compared, data, sent, taken};

/// Statements with their data, taken or refused alike; and what is in the table then.
pub fn into(fixtures: &Fixtures) -> Outcome {
    let odd = data::odd_text();
    let csv = "1,\"a\nb\",2\r\n";
    let cases: Vec<(&str, &str, Vec<u8>)> = [
        ("t", "COPY t FROM STDIN", &b"1\ta\n2\t\\N\n"[..]),
        ("t", "COPY t FROM STDIN", b""),
        ("t", "COPY t FROM STDIN", b"1\ta"),
        ("t", "COPY t FROM STDIN", b"1\tx\n\\.\nrubbish"),
        ("t", "COPY t FROM STDIN", b"1\tmid\\.\nrubbish\n"),
        ("t", "COPY t FROM STDIN", b"1\ta\\\nb\n2\tc\\\\\n3\tlone\\"),
        ("t", "COPY t FROM STDIN", b"1\ta\r\n2\tb\r\n\\.\r\nrubbish"),
        ("t", "COPY t FROM STDIN", b"1\ta\r2\tb\r"),
        ("t", "COPY t (b, a) FROM STDIN", b"x\t1\n\\\\N\t2\n\\N\t\\N\n"),
        ("t", "COPY t (b) FROM STDIN", b"\n\n\\.\n"),
        ("t", "COPY t FROM STDIN (NULL '', DELIMITER ',')", b"1,\n,x\n2,a\\,b\n"),
        ("t", "COPY t FROM STDIN (NULL '\\N', DELIMITER 'X')", b"1Xx\n2X\\N\n"),
        ("t", "COPY t FROM STDIN CSV", b"1,\"\"\n2,\n3,\"a,\"\"b\"\"\"\n4,a\"b,c\"d\n 5 ,x\n"),
        ("t", "COPY t FROM STDIN CSV", b"1,\"line\nfeed\"\n2,\"ret\rurn\"\n3,\"both\r\n\"\n"),
        ("t", "COPY t FROM STDIN CSV", b"1,x\r\n2,\"y\r\nz\"\r\n"),
        ("t", "COPY t FROM STDIN CSV", b"1,x\n\\.\nrubbish\n"),
        ("t", "COPY t (b) FROM STDIN CSV", b"x\n\\.more\n\"\\.\"\n\\"),
        ("t", "COPY t (b) FROM STDIN CSV HEADER", b"anything, even \"this\nnot\"\n1\n\n\"\"\n"),
        ("t", "COPY t FROM STDIN (FORMAT csv, HEADER match)", b"a,b\n1,x\n"),
        ("t", "COPY t FROM STDIN (HEADER match)", b"a\tb\n1\tx\n"),
        ("t", "COPY t FROM STDIN (FORMAT csv, FORCE_NOT_NULL (b))", b"1,\n2,\"\"\n"),
        ("t", "COPY t FROM STDIN (FORMAT csv, FORCE_NULL (b), NULL 'no')", b"1,no\n2,\"no\"\n3,\n"),
        ("t", "COPY t FROM STDIN (FORMAT csv, QUOTE '''', ESCAPE '\\', DELIMITER ';')", b"1;'it\\'s \\\\ \\x'\n2;\"\n"),
        ("t", "COPY t FROM STDIN CSV QUOTE AS '~' NULL AS 'x'", b"1,~a~~b~\n"),
        ("k", "COPY k (a, b) FROM STDIN", b"1\tabc\n2\tx  \n3\tabc   \n"),
        ("k", "COPY k (b, a, d) FROM STDIN", b"u\t1\t\\N\nv\t2\tw\n"),
        ("k", "COPY k FROM STDIN", b"1\ta\t1.005\tx\n2\tb\t-1.005\t\\N\n3\tc\t\\N\t\n4\td\t99.994\t1\n"),
        ("other", "COPY other (d, j) FROM STDIN", b"2024-02-29\t{\"b\":1,  \"a\": 2}\n2020-01-01\t[]\n"),
        ("other", "COPY other (arr, v, c) FROM STDIN CSV", b"\"{1,2,NULL}\",ab   ,x\n{},abc    ,\"\"\n"),
        ("other", "COPY other (y) FROM STDIN", b"\\\\x00FF\n\\\\\\\\\nabc\\\\001\n"),
    ]
    .into_iter()
    .map(|(table, sql, data)| (table, sql, data.to_vec()))
    .chain([("odd", "COPY odd FROM STDIN", odd), ("t", "COPY t (a) FROM STDIN CSV", csv.as_bytes().to_vec())])
    .collect();
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE copy_into");
    let onerow = Project::new("").serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("copy_into").await);
        let mut differing = vec![];
        for client in [&ours, &theirs] {
            client.batch_execute(data::ODD).await?;
            client.batch_execute(data::SMALL).await?;
        }
        for (table, sql, data) in &cases {
            let mut seen = vec![];
            for client in [&ours, &theirs] {
                let count = taken(client, sql, &[data]).await;
                let there = sent(client, &format!("COPY (SELECT * FROM {table} ORDER BY 1, 2) TO STDOUT")).await;
                let there = there.map(|there| there.escape_ascii().to_string());
                seen.push(format!("{count:?} {there:?}"));
                client.batch_execute(&format!("DELETE FROM {table}")).await?;
            }
            compared(&mut differing, &format!("{sql} {}", data.escape_ascii()), &seen[0], &seen[1]);
        }
        // What went out in each of the forms comes back.
        let odd = data::odd_text();
        taken(&ours, "COPY odd FROM STDIN", &[&odd]).await?;
        let first = sent(&ours, "COPY odd TO STDOUT").await?;
        for form in ["text", "csv", "binary"] {
            let data = sent(&ours, &format!("COPY odd TO STDOUT (FORMAT {form})")).await?;
            for client in [&ours, &theirs] {
                client.batch_execute("DELETE FROM odd").await?;
                same!(taken(client, &format!("COPY odd FROM STDIN (FORMAT {form})"), &[&data]).await, Ok(12), "{form}");
                let again = sent(client, "COPY odd TO STDOUT").await?;
                compared(&mut differing, form, &again.escape_ascii().to_string(), &first.escape_ascii().to_string());
            }
        }
        all_well(&differing, cases.len() + 6)
    })
}

/// Data that are refused, in the same words and at the same place; nothing of them stays.
pub fn refused_places(fixtures: &Fixtures) -> Outcome {
    let long = "ş".repeat(120);
    let binary = |rest: &[u8]| [data::BINARY, rest].concat();
    let mut cases: Vec<(&str, Vec<u8>)> = vec![];
    for (sql, data) in [
        ("COPY k FROM STDIN", "1\tabcd\t1\tx\n"),
        ("COPY k FROM STDIN", "1\tabc\t12345\tx\n"),
        ("COPY k FROM STDIN", "1\tabc\tx\tx\n"),
        ("COPY k FROM STDIN", "1\tabc\t1\tx\n2\t\\N\t1\tx\n"),
        ("COPY k FROM STDIN", "1\tabc\t1\tx\n2\t\\N\t1\tx\nmalformed\n"),
        ("COPY k FROM STDIN", "1\ta\t1\tx\n1\tb\t2\tx\n"),
        ("COPY k FROM STDIN", "1\ta\t1\tx\n2\ta\t1\tx\n3\tc\t1\tx\n1\td\t2\tx\n"),
        ("COPY k FROM STDIN", "1\ta\t1\tx\n2\tb\t1\tx\n1\ta\t2\tx\n"),
        ("COPY k FROM STDIN CSV HEADER", "a,b,c,d\n1,a,1,\"x\ny\"\n2,b,1,\"x\ny\"\n2,c,1,x\n"),
        ("COPY k FROM STDIN", "1\ta\t1\tx\textra\n"),
        ("COPY k FROM STDIN", "1\ta\n"),
        ("COPY k (a) FROM STDIN", "7\n"),
        ("COPY k (b) FROM STDIN", "\n"),
        ("COPY k (a, d) FROM STDIN", "7\tşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşşş\n"),
        ("COPY t FROM STDIN", "1\ta\n\n"),
        ("COPY t FROM STDIN", "99999999999\tx\n"),
        ("COPY t FROM STDIN", "1\tx\r\n2\ty\n"),
        ("COPY t FROM STDIN", "1\tx\n2\ty\r\n"),
        ("COPY t FROM STDIN", "1\tx\r2\ty\n"),
        ("COPY t FROM STDIN CSV", "1,x\r\n2,y\n"),
        ("COPY t FROM STDIN CSV", "1,x\n2,y\r\n"),
        ("COPY t FROM STDIN", "1\tok\n2\t\\xff\n"),
        ("COPY t FROM STDIN", "1\tok\n2\t\\000x\n"),
        ("COPY t FROM STDIN", "1\tx\n\\."),
        ("COPY t FROM STDIN", "1\tx\n\\.x\n"),
        ("COPY t FROM STDIN", "1\tx\n\\.\r\n"),
        ("COPY t FROM STDIN", "1\tx\r\n\\.\n"),
        ("COPY t FROM STDIN CSV", "1,\"abc\n"),
        ("COPY t FROM STDIN CSV", "1,\"x\ny\"\nz,1\n"),
        ("COPY t FROM STDIN CSV", "1,\"x\r\ny\"\r\nz,1\r\n"),
        ("COPY t FROM STDIN CSV HEADER", "a,b\n1,\"x\ny\"\n2,\"x\nx\"\nz,1\n"),
        ("COPY t FROM STDIN (FORMAT csv, FORCE_NOT_NULL (a))", "1,x\n,y\n"),
        ("COPY t FROM STDIN (HEADER match)", "a\tc\n1\t2\n"),
        ("COPY t FROM STDIN (HEADER match)", "a\n1\t2\n"),
        ("COPY t FROM STDIN (HEADER match)", "a\t\\N\n1\t2\n"),
        ("COPY other (f) FROM STDIN", "1e999\n"),
        ("COPY other (f) FROM STDIN", "1\nx\n"),
        ("COPY other (y) FROM STDIN", "\\\\xzz\n"),
        ("COPY other (arr) FROM STDIN", "{1,x}\n"),
        ("COPY other (n) FROM STDIN", "1.005\n999.995\n"),
        ("COPY other (v) FROM STDIN", "ab   \nabcde\n"),
        ("COPY other (c) FROM STDIN", "abc\n"),
        ("COPY other (u) FROM STDIN", "zz\n"),
        ("COPY other (d) FROM STDIN CSV", "\"\"\n"),
        ("COPY other (d) FROM STDIN", "2024-13-01\n"),
    ] {
        cases.push((sql, data.as_bytes().to_vec()));
    }
    cases.push(("COPY t FROM STDIN", b"1\t\xFF\n".to_vec()));
    cases.push(("COPY t FROM STDIN", b"1\ta\n2\ta\0b\n".to_vec()));
    cases.push(("COPY t FROM STDIN CSV", b"1,a\n2,\xC3\n".to_vec()));
    cases.push(("COPY t FROM STDIN", format!("1\tq\n{long}\tx\n").into_bytes()));
    cases.push(("COPY t FROM STDIN", format!("1\tq\n{long}\n").into_bytes()));
    cases.push(("COPY t FROM STDIN", format!("1\t{long}\n2\n").into_bytes()));
    for (table, rest) in [
        ("t", &b"\0\x01\0\0"[..]),
        ("t", b"\0\x02\0\0\0\x02\0\0"),
        ("t", b"\0\x02\0\0\0\x08\0\0\0\0\0\0\0\0"),
        ("t", b"\0\x02\0\0"),
        ("t", b"\0\x02\xFF\xFF\xFF\xFE"),
        ("t", b"\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01\xFF"),
        ("t", b"\xFF\xFFx"),
        ("k", b"\0\x04\0\0\0\x04\0\0\0\x07\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
        ("k", b"\0\x04\0\0\0\x04\0\0\0\x07\0\0\0\x04abcd\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
    ] {
        let sql = if table == "t" { "COPY t FROM STDIN BINARY" } else { "COPY k FROM STDIN BINARY" };
        cases.push((sql, binary(rest)));
    }
    for header in [
        &b"nope"[..],
        b"nope and more than eleven",
        b"PGCOPY\n\xFF\r\n\0\0\0",
        b"PGCOPY\n\xFF\r\n\0\0\x01\0\0\0\0\0\0\xFF\xFF",
    ] {
        cases.push(("COPY t FROM STDIN BINARY", header.to_vec()));
    }
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE copy_places");
    let onerow = Project::new("").serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("copy_places").await);
        let mut differing = vec![];
        for client in [&ours, &theirs] {
            client.batch_execute(data::SMALL).await?;
        }
        for (sql, data) in &cases {
            let (here, there) = (taken(&ours, sql, &[data]).await, taken(&theirs, sql, &[data]).await);
            let what = format!("{sql} {}", data.escape_ascii());
            compared(&mut differing, &what, &format!("{here:?}"), &format!("{there:?}"));
            if here.is_ok() {
                differing.push(format!("{what} was taken"));
            }
        }
        for table in ["t", "k", "other"] {
            same!(value(&ours, &format!("SELECT count(*) FROM {table}")).await?, "0", "{table}");
        }
        all_well(&differing, cases.len())
    })
}

/// Errors of the statement come before the data; a write is refused where INSERT is.
pub fn places(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW v AS SELECT 1 AS x;\nCREATE TABLE filed (a int);");
    project.write("people.csv", "id\n1\n");
    let folder = project.path().display().to_string();
    project.write(
        "20_files.sql",
        format!(
            "CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '{folder}');
             CREATE FOREIGN TABLE people (id int) SERVER lake OPTIONS (path 'people.csv', format 'csv', header 'true');"
        ),
    );
    let onerow = project.serve();
    refused!(onerow.sql("COPY v FROM STDIN"), "55000", "cannot copy to view \"v\"");
    refused!(onerow.sql("COPY people FROM STDIN"), "55000", "cannot copy to foreign table \"people\"");
    refused!(onerow.sql("COPY v TO STDOUT"), "42809", "Try the COPY (SELECT ...) TO variant.");
    refused!(onerow.sql("COPY people TO STDOUT"), "42809", "cannot copy from foreign table \"people\"");
    refused!(onerow.sql("COPY pg_class FROM STDIN"), "42501");
    refused!(onerow.sql("COPY filed FROM STDIN WHERE a > 1"), "0A000", "LINE 1: COPY filed FROM STDIN WHERE");
    refused!(onerow.sql("COPY filed FROM STDIN (ENCODING 'latin1')"), "0A000");
    refused!(onerow.sql("BEGIN READ ONLY; COPY filed FROM STDIN"), "25006", "cannot execute COPY FROM");
    refused!(onerow.sql("COPY filed TO '/tmp/x'"), "0A000", "psql's \\copy");
    refused!(onerow.sql("COPY filed FROM PROGRAM 'ls'"), "0A000", "psql's \\copy");
    same!(onerow.sql("COPY (SELECT * FROM people) TO STDOUT CSV HEADER")?, "id\n1");
    holds!(onerow.sql("COPY pg_namespace (nspname) TO STDOUT")?, "pg_catalog");
    let filled: Outcome = block_on(async {
        let client = onerow.client().await;
        same!(taken(&client, "COPY filed FROM STDIN", &[b"1\n", b"2\n"]).await, Ok(2));
        let table = "CREATE TABLE d (id int, r float8 DEFAULT random(), at timestamptz DEFAULT now(),
            n int NOT NULL DEFAULT 1 + 1)";
        client.batch_execute(table).await?;
        let ids: String = (0..20_000).map(|id| format!("{id}\n")).collect();
        same!(taken(&client, "COPY d (id) FROM STDIN", &[ids.as_bytes()]).await, Ok(20_000));
        let ask = "SELECT count(*), count(DISTINCT r) > 19000, count(DISTINCT at), min(n), max(id) FROM d";
        let seen: Vec<String> = rows(&client, ask).await?.concat().into_iter().flatten().collect();
        same!(seen, ["20000", "t", "1", "2", "19999"]);
        let wrong = "CREATE TABLE w (id int, n int DEFAULT 1 / 0)";
        client.batch_execute(wrong).await?;
        same!(
            taken(&client, "COPY w (id) FROM STDIN", &[b"1\n"])
                .await
                .expect_err("it is refused")
                .starts_with("22012: "),
            true
        );
        same!(taken(&client, "COPY w FROM STDIN", &[b"1\t1\n"]).await, Ok(1));
        Ok(())
    });
    filled?;
    let onerow = {
        onerow.kill();
        project.serve()
    };
    same!(onerow.sql("SELECT string_agg(a::text, ',' ORDER BY a) FROM filed")?, "1,2");
    same!(onerow.sql("SELECT count(*) FROM d")?, "20000");
    Ok(())
}

/// Sends a statement and messages of data; gives the tags, or the SQLSTATE, and the data that came.
fn poured(wire: &mut Wire, sql: &str, pieces: &[&[u8]]) -> Result<(String, Vec<u8>), std::io::Error> {
    wire.send(b'Q', &zero_ended(&[sql]))?;
    for piece in pieces {
        wire.send(b'd', piece)?;
    }
    if sql.contains("FROM STDIN") {
        wire.send(b'c', b"")?;
    }
    let said = wire.until_ready()?;
    let data = said.iter().filter(|(kind, _)| *kind == b'd').flat_map(|(_, body)| body.clone()).collect();
    Ok((state(&said).unwrap_or_else(|| tags(&said).join(" ")), data))
}

/// It does not matter where the data are cut into messages.
pub fn cut(_: &Fixtures) -> Outcome {
    let onerow = Project::new("").serve();
    onerow.sql("CREATE TABLE t (a int, b text)")?;
    let mut wire = Wire::connect(onerow.port)?;
    let texts: [(&str, &[u8]); 3] = [
        ("COPY t FROM STDIN", b"1\ta\\\\\\\nb\r\n2\t\xE5\xBC\xA0\\\\.x\r\n\\.\r\nrest"),
        ("COPY t FROM STDIN CSV", b"1,\"a\"\"\nb\"\r\n2,\"\xE5\xBC\xA0\"\r\n\\.\r\nrest"),
        (
            "COPY t FROM STDIN BINARY",
            b"PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\x02xy\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x03a\r\n\0\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        ),
    ];
    for (sql, data) in texts {
        let rows_of = "COPY (SELECT * FROM t ORDER BY a) TO STDOUT";
        let mut pour = |pieces: &[&[u8]]| -> Result<(String, Vec<u8>), std::io::Error> {
            let (told, _) = poured(&mut wire, sql, pieces)?;
            let (_, rows) = poured(&mut wire, rows_of, &[])?;
            poured(&mut wire, "DELETE FROM t", &[])?;
            Ok((told, rows))
        };
        let whole = pour(&[data])?;
        same!(whole.0, "COPY 2", "{sql}");
        for at in 0..=data.len() {
            let (before, after) = data.split_at(at);
            same!(pour(&[before, after])?, whole, "{sql} cut at {at}");
            // Cut off, it is taken or refused, and the connection goes on.
            let (told, _) = pour(&[before])?;
            same!(told.starts_with("COPY ") || told.starts_with("22"), true, "{sql} cut off at {at}: {told}");
        }
        let bytes: Vec<&[u8]> = data.chunks(1).collect();
        same!(pour(&bytes)?, whole, "{sql} byte by byte");
    }
    Ok(())
}

/// Rows as objects of JSON, one on a line, are taken as they are written.
pub fn objects(_: &Fixtures) -> Outcome {
    let onerow = Project::new("").serve();
    onerow.sql("CREATE TABLE t (a int, b text, c text[], d jsonb, e timestamptz, f boolean)")?;
    let mut wire = Wire::connect(onerow.port)?;
    let lines = r#"{"a":1,"b":"x\"y\\z\nw","c":["p",null,"q,\"r"],"d":{"k": [1, null]},"e":"2024-01-01T00:00:00+00:00","f":true}
{"a":2,"b":null,"c":[],"d":null,"e":null,"f":null}
{"a":3,"b":"","c":null,"d":"s","e":"infinity","f":false}
"#;
    let written = "COPY (SELECT * FROM t ORDER BY a) TO STDOUT (FORMAT json)";
    same!(poured(&mut wire, "COPY t FROM STDIN (FORMAT json)", &[lines.as_bytes()])?.0, "COPY 3");
    let (_, written) = poured(&mut wire, written, &[])?;
    same!(String::from_utf8_lossy(&written), lines);
    poured(&mut wire, "DELETE FROM t", &[])?;
    // What is no column means nothing, and what is not there is null.
    let some = b"{\"z\": 1, \"b\": [1, 2], \"a\": \"4\"}\n\n{\"f\": \"t\"}";
    same!(poured(&mut wire, "COPY t (f, b, a) FROM STDIN (FORMAT json)", &[&some[..]])?.0, "COPY 2");
    same!(onerow.sql("SELECT a, b, f FROM t ORDER BY a")?, "4|[1, 2]|NULL\nNULL|NULL|t");
    for (line, state) in
        [("{\"a\": \"x\"}", "22P02"), ("[1]", "22P02"), ("{\"a\": 1", "22P02"), ("{\"a\": 1.5}", "22P02")]
    {
        same!(poured(&mut wire, "COPY t FROM STDIN (FORMAT json)", &[line.as_bytes()])?.0, state, "{line}");
    }
    Ok(())
}
