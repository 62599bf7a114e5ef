//! Prepared statements that ask one source for a few rows, which are run by their connection's own task: they end, fail
//! and give rows like any other, also when they were expected to give few and give many.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use tokio_postgres::{Client, Statement};

use super::Test;
use super::support::postgres::Postgres;
use super::support::wire::{Fault, rows, value};
use super::support::{Fixtures, Onerow, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("look_ups_of_one_row_and_of_many", one_and_many),
    ("look_ups_that_are_waited_for_end", ends),
    ("look_ups_leave_their_connection_to_others", leaves),
    ("look_ups_of_what_has_changed_or_gone_fail", fails),
];

/// Rows of a group that statistics know nothing of.
const MANY: i64 = 30_000;

/// A table with a group of one row for each of its first ones, and one of many that came after statistics were taken.
fn made(postgres: &Postgres, schema: &str, options: &str) -> (Project, Onerow) {
    postgres.sql(&format!(
        "CREATE SCHEMA {schema};
         CREATE TABLE {schema}.item (id int PRIMARY KEY, grp int NOT NULL, label text)
           WITH (autovacuum_enabled = off);
         INSERT INTO {schema}.item SELECT i, i, 'Ürün 商品 ' || i FROM generate_series(1, 5000) i;
         ANALYZE {schema}.item;
         INSERT INTO {schema}.item SELECT i, -1, NULL FROM generate_series(10001, 10000 + {MANY}) i;"
    ));
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA {schema} FROM SERVER pg INTO pg;",
        postgres.declared_with("pg", options)
    ));
    let onerow = project.serve();
    (project, onerow)
}

const ASK: &str = "SELECT id, label FROM pg.item WHERE grp = $1";

/// A statement that was run before, so that its plan is kept.
async fn prepared(client: &Client) -> Result<Statement, libtest_mimic::Failed> {
    rows(client, "SET plan_cache_mode = force_generic_plan").await?;
    let statement = client.prepare(ASK).await?;
    for group in [7, 8, 9] {
        same!(client.query(&statement, &[&group]).await?.len(), 1);
    }
    Ok(statement)
}

fn one_and_many(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = made(fixtures.postgres(), "looked_up", "");
    block_on(async {
        let client = onerow.client().await;
        let statement = prepared(&client).await?;
        for group in [0i32, 1, 5000, -1, 2, -1, i32::MAX] {
            let found = client.query(&statement, &[&group]).await?;
            let (count, first) = match group {
                -1 => (usize::try_from(MANY)?, Some(10_001)),
                1..=5000 => (1, Some(group)),
                _ => (0, None),
            };
            same!(found.len(), count, "group {group}");
            let ids: Vec<i32> = found.iter().map(|row| row.get(0)).collect();
            same!(ids.iter().min().copied(), first, "group {group}");
            let sum: i64 = ids.iter().map(|id| i64::from(*id)).sum();
            let expected =
                if group == -1 { MANY * 10_000 + MANY * (MANY + 1) / 2 } else { i64::from(first.unwrap_or(0)) };
            same!(sum, expected, "group {group}");
            // The same as a text: another one each time, with the plan of the first.
            let texts = rows(&client, &ASK.replace("$1", &group.to_string())).await?;
            same!(texts.len(), count, "group {group} in a text");
            let ids = texts.iter().flat_map(|row| row.first().cloned().flatten()).flat_map(|id| id.parse::<i64>());
            same!(ids.sum::<i64>(), expected, "group {group} in a text");
        }
        // What it asked is remembered as what any other statement asked.
        let calls = "SELECT sum(calls)::text FROM onerow_stat_source WHERE statement LIKE '%looked_up%grp%'";
        let before: u64 = value(&client, calls).await?.parse()?;
        for group in 1..=10i32 {
            same!(client.query(&statement, &[&group]).await?.len(), 1);
        }
        same!(value(&client, calls).await?.parse::<u64>()?, before + 10);
        Ok(())
    })
}

fn ends(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    let (_project, onerow) = made(postgres, "looked_up_long", ", application_name 'looked_up_long'");
    block_on(async {
        let (client, source) = (onerow.client().await, postgres.client("postgres").await);
        let statement = prepared(&client).await?;
        rows(&source, "BEGIN; LOCK TABLE looked_up_long.item IN ACCESS EXCLUSIVE MODE").await?;
        let waits = "SELECT count(*) FROM pg_stat_activity \
                     WHERE application_name = 'looked_up_long' AND wait_event_type = 'Lock'";
        let watch = postgres.client("postgres").await;
        let gone = async || {
            for _ in 0..200 {
                if value(&watch, waits).await? == "0" {
                    return Ok::<bool, Fault>(true);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(false)
        };
        rows(&client, "SET statement_timeout = '300ms'").await?;
        let late = client.query(&statement, &[&7i32]).await.err().and_then(|error| error.code().cloned());
        same!(late.map(|code| code.code().to_string()), Some("57014".to_string()), "its time is over");
        same!(gone().await?, true, "it waits no longer at the source");
        let text = ASK.replace("$1", "7");
        let late = rows(&client, &text).await.map_err(|fault| fault.state).err();
        same!(late.as_deref(), Some("57014"), "{text}");
        same!(gone().await?, true, "it waits no longer at the source");
        rows(&client, "RESET statement_timeout").await?;
        let token = client.cancel_token();
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            token.cancel_query(tokio_postgres::NoTls).await
        };
        let (found, cancelled) = tokio::join!(client.query(&statement, &[&7i32]), cancel);
        cancelled?;
        let code = found.err().and_then(|error| error.code().map(|code| code.code().to_string()));
        same!(code, Some("57014".to_string()), "it was cancelled");
        same!(gone().await?, true, "it waits no longer at the source");
        // Many rows of which nobody takes the last ones.
        rows(&source, "ROLLBACK").await?;
        let mut stream = Box::pin(client.query_raw(&statement, [-1i32]).await?);
        same!(stream.next().await.transpose()?.is_some(), true);
        drop(stream);
        same!(client.query(&statement, &[&7i32]).await?.len(), 1, "the session goes on");
        Ok(())
    })
}

fn leaves(fixtures: &Fixtures) -> Outcome {
    let options = ", max_connections '1', acquire_timeout '3s'";
    let (_project, onerow) = made(fixtures.postgres(), "looked_up_one", options);
    block_on(async {
        let (mut client, other) = (onerow.client().await, onerow.client().await);
        let (statement, others) = (prepared(&client).await?, prepared(&other).await?);
        // A portal whose row is taken, and that is not at its end: the source has none left.
        let block = client.transaction().await?;
        let portal = block.bind(&statement, &[&7i32]).await?;
        let first: Vec<_> = block.query_portal_raw(&portal, 1).await?.try_collect().await?;
        same!(first.len(), 1);
        same!(other.query(&others, &[&8i32]).await?.len(), 1, "its connection is free");
        block.commit().await?;
        // Many at once.
        let all = futures::future::join_all((1..=50i32).map(|group| {
            let (other, others) = (&other, &others);
            async move { other.query(others, &[&group]).await.map(|found| found.len()) }
        }));
        for found in all.await {
            same!(found?, 1);
        }
        Ok(())
    })
}

fn fails(_: &Fixtures) -> Outcome {
    let mut postgres = Postgres::start();
    let (_project, onerow) = made(&postgres, "looked_up_gone", ", acquire_timeout '3s'");
    block_on(async {
        let client = onerow.client().await;
        let statement = prepared(&client).await?;
        postgres.sql("ALTER TABLE looked_up_gone.item ALTER label TYPE bytea USING convert_to(label, 'UTF8')");
        let code = |found: Result<Vec<tokio_postgres::Row>, tokio_postgres::Error>| {
            found.err().and_then(|error| error.code().map(|code| code.code().to_string()))
        };
        same!(code(client.query(&statement, &[&7i32]).await), Some("HV004".to_string()), "a column of another type");
        postgres.sql("ALTER TABLE looked_up_gone.item ALTER label TYPE text USING convert_from(label, 'UTF8')");
        // The server may have been asked what it has while the column was another.
        same!(found_again(&client, &statement).await, 1, "as it was");
        postgres.stop();
        same!(code(client.query(&statement, &[&7i32]).await), Some("08006".to_string()), "the source is down");
        postgres.resume();
        same!(found_again(&client, &statement).await, 1, "it is back");
        Ok(())
    })
}

/// How many rows a statement finds once it does not fail any more.
async fn found_again(client: &Client, statement: &Statement) -> usize {
    for _ in 0..100 {
        if let Ok(rows) = client.query(statement, &[&7i32]).await {
            return rows.len();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    0
}
