//! Cleaning and merge functions alone: `cargo bench --bench functions`.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use onerow::functions::registry;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const ROWS: usize = 1 << 20;

/// A table of records with 100 thousand customers among them.
fn context() -> SessionContext {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut draw = |below: u64| random.next_u64() % below;
    let key: Vec<i64> = (0..ROWS).map(|_| draw(100_000) as i64).collect();
    let at: Vec<i64> = (0..ROWS).map(|_| draw(1_000_000_000) as i64).collect();
    let name: Vec<String> = (0..ROWS).map(|_| format!("  ANN SMITH {}", draw(5_000))).collect();
    let email: Vec<String> = (0..ROWS).map(|_| format!(" Ann.{}@Example.COM ", draw(100_000))).collect();
    let phone: Vec<String> = (0..ROWS).map(|_| format!("0151 {:08}", draw(100_000_000))).collect();
    let batch = RecordBatch::try_from_iter([
        ("key", Arc::new(Int64Array::from(key)) as ArrayRef),
        ("at", Arc::new(TimestampMicrosecondArray::from(at))),
        ("name", Arc::new(StringViewArray::from_iter_values(name))),
        ("email", Arc::new(StringViewArray::from_iter_values(email))),
        ("phone", Arc::new(StringViewArray::from_iter_values(phone))),
    ])
    .expect("a batch");
    let schema = batch.schema();
    let batches: Vec<RecordBatch> = (0..ROWS / 8192).map(|i| batch.slice(i * 8192, 8192)).collect();
    let mut state = SessionStateBuilder::new().with_default_features().build();
    registry::register(&mut state).expect("functions");
    let context = SessionContext::new_with_state(state);
    let table = MemTable::try_new(schema, vec![batches]).expect("a table");
    context.register_table("record", Arc::new(table)).expect("registered");
    context
}

fn functions(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let context = context();
    let mut group = criterion.benchmark_group("functions");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(10);
    for (name, sql) in [
        ("normalize_email", "SELECT count(normalize_email(email)) FROM record"),
        ("normalize_name", "SELECT count(normalize_name(name)) FROM record"),
        ("normalize_phone", "SELECT count(normalize_phone(phone, 'DE')) FROM record"),
        ("newest", "SELECT count(v) FROM (SELECT newest(name, at) AS v FROM record GROUP BY key)"),
        ("most_trusted", "SELECT count(v) FROM (SELECT most_trusted(name, at % 3, at) AS v FROM record GROUP BY key)"),
        ("majority", "SELECT count(v) FROM (SELECT majority(name) AS v FROM record GROUP BY key)"),
        ("all_values", "SELECT count(v) FROM (SELECT all_values(name) AS v FROM record GROUP BY key)"),
    ] {
        let sql = sql.replace("at % 3", "CAST(at AS BIGINT) % 3");
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || (context.clone(), sql.clone()),
                |(context, sql)| {
                    runtime.block_on(async {
                        black_box(context.sql(&sql).await.expect("a plan").collect().await.expect("rows"))
                    })
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, functions);
criterion_main!(benches);
