//! The large side of a join is asked for while its other side is read, by connections that nobody else needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::postgres::Postgres;
use crate::support::wire::{Fault, rows, value};
use crate::support::{Fixtures, Outcome, Project, block_on};

/// A join that is made here, of which no keys are sent.
const JOIN: &str = "SELECT count(*), sum(b.n), max(length(a.name)) FROM b JOIN a ON a.id = b.id";
const GIVEN: &str = r#"[[Some("100000"), Some("5000050000"), Some("300")]]"#;

/// Two large tables.
fn tables(postgres: &Postgres, schema: &str) {
    postgres.sql(&format!(
        "CREATE SCHEMA {schema};
         CREATE TABLE {schema}.a AS SELECT g AS id, repeat('y', 300) AS name FROM generate_series(1, 100000) g;
         CREATE TABLE {schema}.b AS SELECT g AS id, g AS n, repeat('x', 150) AS pad FROM generate_series(1, 150000) g;
         ANALYZE {schema}.a; ANALYZE {schema}.b;"
    ));
}

/// Waits until the plan says that no keys will be sent: how many there are is asked behind the queries.
async fn without_keys(client: &tokio_postgres::Client) -> Result<(), Fault> {
    for setting in ["onerow.push_down = filters", "onerow.max_keys = 100"] {
        rows(client, &format!("SET {setting}")).await?;
    }
    for _ in 0..100 {
        if format!("{:?}", rows(client, &format!("EXPLAIN {JOIN}")).await?).contains("too many keys") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Both statements are there at once.
pub fn begins(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    tables(postgres, "early");
    let declared = postgres.declared_with("s", ", application_name 'early', parallel_reads '2'");
    let project = Project::new(&format!("{declared} IMPORT FOREIGN SCHEMA early FROM SERVER s INTO public;"));
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        without_keys(&client).await?;
        let stopped = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stopped);
        let asked = tokio::spawn(async move {
            let mut given = vec![];
            while !until.load(Ordering::Relaxed) {
                given.push(rows(&client, JOIN).await?);
            }
            Ok::<_, Fault>(given)
        });
        let source = postgres.client("postgres").await;
        let seen = "SELECT count(*) FILTER (WHERE query LIKE '%\"b\"%') > 0 AND count(*) FILTER (WHERE query LIKE '%\"a\"%') > 0
                      FROM pg_stat_activity WHERE application_name = 'early' AND state = 'active'";
        let (mut both, began) = (false, Instant::now());
        while !both && !asked.is_finished() && began.elapsed() < Duration::from_secs(30) {
            both = value(&source, seen).await? == "t";
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        stopped.store(true, Ordering::Relaxed);
        for given in asked.await?? {
            same!(format!("{given:?}"), GIVEN);
        }
        same!(both, true, "one table was asked for after the other");
        Ok(())
    })
}

/// However few connections there are, and however many statements want some.
pub fn few_connections(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    tables(postgres, "early_few");
    for most in [1, 2, 3, 5] {
        let declared = postgres.declared_with("s", &format!(", parallel_reads '2', max_connections '{most}'"));
        let project = Project::new(&format!("{declared} IMPORT FOREIGN SCHEMA early_few FROM SERVER s INTO public;"));
        let onerow = project.serve();
        block_on(async {
            without_keys(&onerow.client().await).await?;
            let many = (0..6).map(|_| async {
                let client = onerow.client().await;
                without_keys(&client).await?;
                for _ in 0..3 {
                    same!(format!("{:?}", rows(&client, JOIN).await?), GIVEN, "{most} connections");
                }
                same!(value(&client, "SELECT count(*) FROM b").await?, "150000");
                Outcome::Ok(())
            });
            let all = tokio::time::timeout(Duration::from_secs(100), futures::future::join_all(many)).await?;
            all.into_iter().collect::<Outcome>()
        })?;
    }
    Ok(())
}
