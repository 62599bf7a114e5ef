//! COPY FROM message by message, in blocks, and with clients that do not do their part.

use std::time::Duration;

use super::super::super::support::wire::value;
use super::super::super::support::{Fixtures, Outcome, Project, block_on};
use super::super::raw::{Message, Wire, state, tags, zero_ended};
use super::taken;

fn kinds(messages: &[Message]) -> String {
    messages.iter().map(|(kind, _)| char::from(*kind)).collect()
}

/// The SQLSTATE of the first error; empty when there is none.
fn failed(messages: &[Message]) -> String {
    state(messages).unwrap_or_default()
}

/// The messages of the extended protocol for a statement without parameters.
fn extended(wire: &mut Wire, sql: &str) -> Result<(), std::io::Error> {
    wire.send(b'P', &[&zero_ended(&["", sql])[..], b"\0\0"].concat())?;
    wire.send(b'B', b"\0\0\0\0\0\0\0\0")?;
    wire.send(b'D', b"P\0")?;
    wire.send(b'E', b"\0\0\0\0\0")
}

pub fn messages(_: &Fixtures) -> Outcome {
    let onerow = Project::new("").serve();
    onerow.sql("CREATE TABLE t (a int, b text)")?;
    let mut wire = Wire::connect(onerow.port)?;
    let count = |expected: &str| -> Outcome {
        same!(onerow.sql("SELECT count(*) FROM t")?, expected);
        Ok(())
    };
    // Flush and Sync among the data mean nothing.
    wire.send(b'Q', &zero_ended(&["COPY t FROM STDIN; SELECT 1; COPY t TO STDOUT"]))?;
    for (kind, body) in [(b'd', &b"1\tx\n"[..]), (b'S', b""), (b'H', b""), (b'd', b"2\t"), (b'd', b"y"), (b'c', b"")] {
        wire.send(kind, body)?;
    }
    let said = wire.until_ready()?;
    same!(kinds(&said), "GCTDCHddcCZ");
    same!(said.first().map(|(_, body)| body.clone()), Some(b"\0\0\x02\0\0\0\0".to_vec()));
    same!(tags(&said), ["COPY 2", "SELECT 1", "COPY 2"]);
    // What the client says of its failure is the error.
    wire.send(b'Q', &zero_ended(&["COPY t FROM STDIN"]))?;
    wire.send(b'd', b"3\tx\n4")?;
    wire.send(b'f', b"why not\0")?;
    let said = wire.until_ready()?;
    same!(kinds(&said), "GEZ");
    same!(failed(&said), "57014");
    let text = String::from_utf8_lossy(&said.get(1).map(|(_, body)| body.clone()).unwrap_or_default()).into_owned();
    holds!(text, "MCOPY from stdin failed: why not\0");
    holds!(text, "WCOPY t, line 2\0");
    count("2")?;
    // After an error the rest of the data is passed over, in both protocols.
    wire.send(b'Q', &zero_ended(&["COPY t FROM STDIN; SELECT 1"]))?;
    for (kind, body) in [(b'd', &b"x\tx\n"[..]), (b'd', b"5\tx\n"), (b'c', b"")] {
        wire.send(kind, body)?;
    }
    let said = wire.until_ready()?;
    same!(kinds(&said), "GEZ");
    same!(failed(&said), "22P02");
    extended(&mut wire, "COPY t FROM STDIN")?;
    for (kind, body) in [(b'S', &b""[..]), (b'd', b"x\tx\n"), (b'd', b"5\tx\n"), (b'c', b""), (b'S', b"")] {
        wire.send(kind, body)?;
    }
    let said = wire.until_ready()?;
    same!(kinds(&said), "12nGEZ");
    same!(failed(&said), "22P02");
    extended(&mut wire, "COPY t FROM STDIN CSV")?;
    for (kind, body) in [(b'S', &b""[..]), (b'd', b"5,x\n"), (b'c', b""), (b'S', b"")] {
        wire.send(kind, body)?;
    }
    let said = wire.until_ready()?;
    same!((kinds(&said), tags(&said)), ("12nGCZ".to_string(), vec!["COPY 1".to_string()]));
    extended(&mut wire, "COPY t TO STDOUT (FORMAT binary)")?;
    wire.send(b'E', b"\0\0\0\0\0")?;
    wire.send(b'S', b"")?;
    let said = wire.until_ready()?;
    same!(kinds(&said), "12nHddddcCEZ");
    same!(failed(&said), "55000");
    count("3")?;
    // Another statement among the data: whoever sends it is not understood any more.
    for (kind, body) in [(b'Q', &b"SELECT 1\0"[..]), (b'P', b"\0SELECT 1\0\0\0"), (b'E', b"\0\0\0\0\0"), (b'F', b"x")] {
        let mut wire = Wire::connect(onerow.port)?;
        wire.send(b'Q', &zero_ended(&["COPY t FROM STDIN"]))?;
        wire.send(b'd', b"6\tx\n")?;
        wire.send(kind, body)?;
        let mut said = String::new();
        while let Ok((_, body)) = wire.message() {
            said.push_str(&String::from_utf8_lossy(&body));
        }
        holds!(said, format!("unexpected message type 0x{kind:02X} during COPY from stdin"));
        holds!(said, "SFATAL\0VFATAL\0C08P01\0Mterminating connection because protocol synchronization was lost");
    }
    count("3")
}

pub fn clients_that_fail(_: &Fixtures) -> Outcome {
    let onerow = Project::new("").serve_with(&["--memory", "32MB"], &[]);
    onerow.sql("CREATE TABLE t (a int, b text)")?;
    // Gone in the middle, with and without a goodbye.
    for goodbye in [true, false] {
        let mut wire = Wire::connect(onerow.port)?;
        wire.send(b'Q', &zero_ended(&["COPY t FROM STDIN"]))?;
        wire.send(b'd', b"1\tx\n2\ty\n")?;
        if goodbye {
            wire.send(b'X', b"")?;
        }
        wire.finish()?;
    }
    // One that says nothing is ended by its timeout, and holds up no other writer.
    let mut wire = Wire::connect(onerow.port)?;
    wire.send(b'Q', &zero_ended(&["SET statement_timeout = 700"]))?;
    wire.until_ready()?;
    wire.send(b'Q', &zero_ended(&["COPY t FROM STDIN"]))?;
    wire.send(b'd', b"1\tx\n")?;
    onerow.sql("SET statement_timeout = 500; INSERT INTO t VALUES (7, 'other')")?;
    let said = wire.until_ready()?;
    same!(kinds(&said), "GEZ");
    same!(failed(&said), "57014");
    wire.send(b'd', b"2\tx\n")?;
    wire.send(b'c', b"")?;
    wire.send(b'Q', &zero_ended(&["SELECT 1"]))?;
    same!(kinds(&wire.until_ready()?), "TDCZ");
    same!(onerow.sql("SELECT * FROM t")?, "7|other");
    block_on(async {
        let client = onerow.client().await;
        // Cancelled while it waits.
        let token = client.cancel_token();
        let cancelled = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            token.cancel_query(tokio_postgres::NoTls).await
        });
        let sink = client.copy_in::<_, bytes::Bytes>("COPY t FROM STDIN").await?;
        tokio::time::sleep(Duration::from_millis(600)).await;
        let mut sink = std::pin::pin!(sink);
        let ended = sink.as_mut().finish().await.map_err(super::told);
        same!(ended, Err("57014: canceling statement due to user request".to_string()));
        cancelled.await??;
        // More than there is memory for, in rows and in one line.
        let line = format!("1\t{}\n", "x".repeat(1 << 20));
        let many = vec![line.as_bytes(); 60];
        let refused = taken(&client, "COPY t FROM STDIN", &many).await.expect_err("it is refused");
        same!(refused.get(..6), Some("53200:"), "{refused}");
        let endless = vec![b"x".repeat(1 << 20); 60];
        let endless: Vec<&[u8]> = endless.iter().map(Vec::as_slice).collect();
        let refused = taken(&client, "COPY t FROM STDIN CSV", &endless).await.expect_err("it is refused");
        same!(refused.get(..6), Some("53200:"), "{refused}");
        same!(value(&client, "SELECT count(*) FROM t").await?, "1");
        Ok(())
    })
}

pub fn transactions(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    onerow.sql("CREATE TABLE t (a int PRIMARY KEY, b text)")?;
    block_on(async {
        let (client, other) = (onerow.client().await, onerow.client().await);
        let seen = async |client: &tokio_postgres::Client| {
            value(client, "SELECT string_agg(a::text, ',' ORDER BY a) FROM t").await
        };
        client.batch_execute("BEGIN; INSERT INTO t VALUES (1, 'x')").await?;
        same!(taken(&client, "COPY t FROM STDIN", &[b"2\ty\n3\tz\n"]).await, Ok(2));
        same!(seen(&client).await?, "1,2,3");
        same!(seen(&other).await?, "");
        client.batch_execute("SAVEPOINT s").await?;
        let twice = taken(&client, "COPY t FROM STDIN", &[b"4\ty\n2\tz\n"]).await;
        same!(
            twice,
            Err("23505: duplicate key value violates unique constraint \"t_pkey\" [detail Key (a)=(2) already exists.] \
                 [context COPY t, line 2]"
                .to_string())
        );
        let failed = taken(&client, "COPY t FROM STDIN", &[b"4\ty\n"]).await.expect_err("it is refused");
        same!(failed.get(..5), Some("25P02"));
        client.batch_execute("ROLLBACK TO s").await?;
        same!(taken(&client, "COPY t FROM STDIN", &[b"4\ty\n"]).await, Ok(1));
        client.batch_execute("COMMIT").await?;
        same!(seen(&other).await?, "1,2,3,4");
        client.batch_execute("BEGIN").await?;
        same!(taken(&client, "COPY t FROM STDIN", &[b"5\ty\n"]).await, Ok(1));
        client.batch_execute("ROLLBACK").await?;
        same!(seen(&client).await?, "1,2,3,4");
        // The table is another when the rows are there.
        let sink = client.copy_in::<_, bytes::Bytes>("COPY t FROM STDIN").await?;
        other.batch_execute("DROP TABLE t; CREATE TABLE t (a int, b text, c int)").await?;
        let mut sink = std::pin::pin!(sink);
        futures::SinkExt::send(&mut sink, bytes::Bytes::from_static(b"9\ty\n")).await?;
        let ended = sink.as_mut().finish().await.map_err(super::told);
        let ended = ended.expect_err("it is refused");
        same!(ended.get(..6), Some("55000:"), "{ended}");
        same!(seen(&client).await?, "");
        Ok(())
    })
}
