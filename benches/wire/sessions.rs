//! Sessions that do nothing: what memory they hold.

use std::time::Duration;

use super::Extent;
use super::program::{Program, runtime};
use super::support::Project;
use super::support::onerow::connect;
use super::support::postgres::Postgres;
use super::table::{Reach, Table};

/// How many there are.
const SESSIONS: u64 = 1_000;

/// How long everything may settle before memory is looked at.
const SETTLE: Duration = Duration::from_secs(2);

/// What a session asks before it is idle for good.
const ASKED: &str = "SELECT name FROM erp.customer WHERE id = $1";

/// Sessions that have logged in, and the same once each has prepared and run a statement.
pub fn idle(extent: &Extent, table: &mut Table) {
    let postgres = Postgres::start();
    postgres.sql(
        "CREATE TABLE customer (id integer PRIMARY KEY, name text);
         INSERT INTO customer SELECT i, 'Müşteri 客户 ' || i FROM generate_series(1, 1000) AS i; ANALYZE customer;",
    );
    let declared = postgres.declared("erp");
    let project = Project::new(&format!("{declared}IMPORT FOREIGN SCHEMA public FROM SERVER erp INTO erp;"));
    let program = Program::start(project.path());
    let count = extent.of(SESSIONS);
    runtime().block_on(async {
        // What the first statements of a server take is no session's.
        let first = connect(&program.config()).await.expect("a session");
        for id in 0..100 {
            first.query(ASKED, &[&id]).await.expect("rows");
        }
        tokio::time::sleep(SETTLE).await;
        let before = program.memory("RssAnon");
        let mut clients = vec![];
        for _ in 0..count {
            clients.push(connect(&program.config()).await.expect("a session"));
        }
        tokio::time::sleep(SETTLE).await;
        let fresh = program.memory("RssAnon") - before;
        let mut kept = vec![];
        for (client, id) in clients.iter().zip(1..) {
            let statement = client.prepare(ASKED).await.expect("a statement");
            let id: i32 = id;
            assert_eq!(client.query(&statement, &[&id]).await.expect("rows").len(), usize::from(id <= 1000));
            // A statement that is dropped is closed at the server.
            kept.push(statement);
        }
        tokio::time::sleep(SETTLE).await;
        let used = program.memory("RssAnon") - before;
        println!("\n{count} idle sessions, of a server that has {before:.1} MiB");
        println!(
            "  {:.1} KiB each at first, {:.1} with a statement",
            fresh * 1024.0 / count as f64,
            used * 1024.0 / count as f64
        );
        table.add(format!("memory of {count} idle sessions"), fresh, " MiB", Reach::AtMost(100.0));
        table.add(format!("memory of {count} that have prepared and run one"), used, " MiB", Reach::AtMost(100.0));
    });
}
