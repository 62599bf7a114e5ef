//! Figures against peers, each as a ratio measured in one run: `cargo bench --bench ratios [-- NAME]`.
//!
//! The machine may be noisy: both sides run in turn, and the medians are compared.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops, and prints its figures"
)]

#[expect(dead_code, unused_imports, reason = "the tests' servers, of which the benches need some")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use support::postgres::{PASSWORD, Postgres, USER};
use support::{Project, block_on};

fn main() {
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let runs: [(&str, fn()); 3] = [("newest", newest), ("select_500k", select_500k), ("select_1", select_1)];
    for (name, run) in runs {
        if wanted.as_deref().is_none_or(|w| name.contains(w)) {
            run();
        }
    }
}

/// Runs both sides in turn and prints their medians and the ratio.
fn compare(what: &str, rounds: usize, ours: &mut dyn FnMut(), peer_name: &str, peer: &mut dyn FnMut()) {
    let (mut mine, mut theirs) = (vec![], vec![]);
    let clock = |side: &mut dyn FnMut()| {
        let began = Instant::now();
        side();
        began.elapsed()
    };
    for round in 0..=rounds {
        let (a, b) = (clock(ours), clock(peer));
        // The first round only warms up.
        if round > 0 {
            mine.push(a);
            theirs.push(b);
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1000.0
    };
    let (mine, theirs) = (median(&mut mine), median(&mut theirs));
    println!("{what}: onerow {mine:.2} ms, {peer_name} {theirs:.2} ms, ratio {:.2}", mine / theirs);
}

/// `newest` over 10 million rows in 1 million groups, beside `first_value(v ORDER BY ts DESC)`.
fn newest() {
    const ROWS: usize = 10_000_000;
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let batches: Vec<RecordBatch> = (0..ROWS / 8192)
        .map(|_| {
            let key: Vec<i64> = (0..8192).map(|_| (random.next_u64() % 1_000_000) as i64).collect();
            let at: Vec<i64> = (0..8192).map(|_| (random.next_u64() >> 20) as i64).collect();
            let value: Vec<String> = (0..8192).map(|_| format!("value number {}", random.next_u32())).collect();
            RecordBatch::try_from_iter([
                ("k", Arc::new(Int64Array::from(key)) as ArrayRef),
                ("ts", Arc::new(TimestampMicrosecondArray::from(at))),
                ("v", Arc::new(StringViewArray::from_iter_values(value))),
            ])
            .expect("a batch")
        })
        .collect();
    let config = SessionConfig::new().with_target_partitions(2);
    let mut state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    onerow::functions::registry::register(&mut state).expect("functions");
    let context = SessionContext::new_with_state(state);
    let (first, second) = batches.split_at(batches.len() / 2);
    let table = MemTable::try_new(batches[0].schema(), vec![first.to_vec(), second.to_vec()]).expect("a table");
    context.register_table("t", Arc::new(table)).expect("registered");
    let run = |sql: &str| {
        block_on(async {
            let mut stream = context.sql(sql).await.expect("a plan").execute_stream().await.expect("a stream");
            let mut rows = 0;
            while let Some(batch) = stream.next().await {
                rows += batch.expect("rows").num_rows();
            }
            assert!(rows > 900_000, "{rows}");
        });
    };
    compare(
        "newest, 10 million rows in 1 million groups",
        5,
        &mut || run("SELECT k, newest(v, ts) FROM t GROUP BY k"),
        "first_value(v ORDER BY ts DESC)",
        &mut || run("SELECT k, first_value(v ORDER BY ts DESC) FROM t GROUP BY k"),
    );
}

/// The same 500 thousand rows in PostgreSQL and in a Parquet file here.
fn select_500k() {
    const ROWS: i64 = 500_000;
    let postgres = Postgres::start();
    postgres.sql(&format!(
        "CREATE TABLE t AS SELECT i::bigint AS id, 'customer number ' || i AS name,
           timestamptz '2020-01-01 00:00:00+00' + i * interval '1 second' AS at
         FROM generate_series(1, {ROWS}) i; ANALYZE t;"
    ));
    let project = Project::new(
        "CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '.');
         CREATE FOREIGN TABLE t SERVER lake OPTIONS (path 't.parquet');",
    );
    let ids: Vec<i64> = (1..=ROWS).collect();
    let at: Vec<i64> = ids.iter().map(|i| (1_577_836_800 + i) * 1_000_000).collect();
    let batch = RecordBatch::try_from_iter([
        (
            "name",
            Arc::new(StringViewArray::from_iter_values(ids.iter().map(|i| format!("customer number {i}")))) as ArrayRef,
        ),
        ("at", Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC"))),
        ("id", Arc::new(Int64Array::from(ids))),
    ])
    .expect("a batch");
    let mut writer = ArrowWriter::try_new(vec![], batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    project.write("t.parquet", writer.into_inner().expect("a file"));
    let server = project.serve();
    block_on(async {
        let ours = server.client().await;
        let theirs = postgres_client(&postgres).await;
        for (form, simple) in [("text", true), ("binary", false)] {
            let read = |client: &tokio_postgres::Client| {
                tokio::task::block_in_place(|| {
                    tokio::runtime::Handle::current().block_on(async {
                        let sql = "SELECT id, name, at FROM t";
                        let mut rows = 0;
                        if simple {
                            let stream = client.simple_query_raw(sql).await.expect("a stream");
                            let mut stream = std::pin::pin!(stream);
                            while let Some(message) = stream.next().await {
                                rows += i64::from(matches!(
                                    message.expect("a row"),
                                    tokio_postgres::SimpleQueryMessage::Row(_)
                                ));
                            }
                        } else {
                            let none: [i32; 0] = [];
                            let stream = client.query_raw(sql, none).await.expect("a stream");
                            let mut stream = std::pin::pin!(stream);
                            while let Some(row) = stream.next().await {
                                row.expect("a row");
                                rows += 1;
                            }
                        }
                        assert_eq!(rows, ROWS);
                    });
                });
            };
            compare(&format!("SELECT of 500 thousand rows, {form}"), 9, &mut || read(&ours), "PostgreSQL", &mut || {
                read(&theirs)
            });
        }
    });
}

/// The smallest statement there is.
fn select_1() {
    let postgres = Postgres::start();
    let project = Project::new("CREATE SCHEMA x;");
    let server = project.serve();
    block_on(async {
        let ours = server.client().await;
        let theirs = postgres_client(&postgres).await;
        let read = |client: &tokio_postgres::Client| {
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    for _ in 0..200 {
                        client.simple_query("SELECT 1").await.expect("an answer");
                    }
                });
            });
        };
        compare("SELECT 1, 200 times", 15, &mut || read(&ours), "PostgreSQL", &mut || read(&theirs));
    });
}

async fn postgres_client(postgres: &Postgres) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::Config::new()
        .host("127.0.0.1")
        .port(postgres.port)
        .user(USER)
        .password(PASSWORD)
        .dbname("postgres")
        .connect(tokio_postgres::NoTls)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    client
}
