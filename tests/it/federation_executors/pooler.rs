//! A pooler that leads each connection elsewhere.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::support::wire::{Fault, rows, value};
use crate::support::{Fixtures, Outcome, Project, block_on};

/// Listens on a port of its own and leads every other connection to another database of the server, whose name
/// has as many letters. It ends with the tests.
fn pooler(server: u16, database: &'static str, other: &'static str) -> Result<u16, std::io::Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            let Ok(there) = TcpStream::connect(("127.0.0.1", server)) else { continue };
            let _ = lead(client, there, (number % 2 > 0).then_some((database, other)));
        }
    });
    Ok(port)
}

fn lead(mut client: TcpStream, mut server: TcpStream, renamed: Option<(&str, &str)>) -> Result<(), std::io::Error> {
    let mut first = vec![0; 4096];
    let length = client.read(&mut first)?;
    first.truncate(length);
    if let Some((from, to)) = renamed {
        let wanted = format!("database\0{from}\0");
        let found = first.windows(wanted.len()).position(|bytes| bytes == wanted.as_bytes());
        if let Some(at) = found {
            first[at..at + wanted.len()].copy_from_slice(format!("database\0{to}\0").as_bytes());
        }
    }
    server.write_all(&first)?;
    for (mut from, mut to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

/// The rows are those of one connection, and EXPLAIN says what was found out.
pub fn apart(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    let table = "CREATE SCHEMA apart; CREATE TABLE apart.t AS
           SELECT g AS id, repeat('x', 300) AS pad FROM generate_series(1, 100000) g;
         ANALYZE apart.t;";
    postgres.sql(table);
    postgres.sql("CREATE DATABASE postgre2");
    // Any connection may be led there, also one that only looks the table up.
    block_on(async { postgres.client("postgre2").await.batch_execute(table).await.map_err(Fault::from) })?;
    let port = pooler(postgres.port, "postgres", "postgre2")?;
    let declared = postgres.declared_with("pg", ", sslmode 'disable', parallel_reads '3'");
    let declared = declared.replace(&format!("port '{}'", postgres.port), &format!("port '{port}'"));
    let project = Project::new(&format!("{declared} IMPORT FOREIGN SCHEMA apart FROM SERVER pg INTO pg;"));
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "SET onerow.push_down = filters").await?;
        let sql = "SELECT count(DISTINCT id) FROM pg.t";
        holds!(format!("{:?}", rows(&client, &format!("EXPLAIN {sql}")).await?), "in 3 parts by ctid, one snapshot");
        let ran = format!("{:?}", rows(&client, &format!("EXPLAIN ANALYZE {sql}")).await?);
        holds!(ran, "there were fewer: its connections do not share snapshots");
        same!(value(&client, sql).await?, "100000");
        // It is not tried again for a while.
        let plan = format!("{:?}", rows(&client, &format!("EXPLAIN {sql}")).await?);
        holds!(plan, "in one part: its connections do not share snapshots");
        lacks!(plan, "parts by ctid");
        holds!(onerow.log(), "do not share snapshots");
        Ok(())
    })
}
