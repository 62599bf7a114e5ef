//! Merging in less memory than the states need: they are written to disk and read back, and the rows are the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::functions::registry;

const GROUPS: u64 = 30_000;
const ROWS: u64 = 120_000;

/// A number without a pattern.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Records of customers, with long names. They are merged by one stream: of several that share the memory, one may be
/// left without any.
fn context(memory: Option<usize>) -> SessionContext {
    let batch = |first: u64| {
        let rows = first..first + 4000;
        let name = |row: u64| {
            let number = mixed(row) % 5;
            (number > 0).then(|| format!("{} 客户 {number} {}", mixed(row) % GROUPS, "long and winding ".repeat(6)))
        };
        RecordBatch::try_from_iter_with_nullable([
            (
                "k",
                Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| (mixed(row) % GROUPS) as i64)))
                    as ArrayRef,
                true,
            ),
            ("v", Arc::new(rows.clone().map(name).collect::<StringViewArray>()), true),
            (
                "ts",
                Arc::new(TimestampMicrosecondArray::from_iter_values(
                    rows.clone().map(|row| (mixed(!row) % 50) as i64),
                )),
                true,
            ),
            (
                "n",
                Arc::new(rows.map(|row| (row % 7 > 0).then_some((mixed(row) % 9) as i64)).collect::<Int64Array>()),
                true,
            ),
        ])
        .expect("a batch")
    };
    let batches: Vec<RecordBatch> = (0..ROWS / 4000).map(|nth| batch(nth * 4000)).collect();
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(memory) = memory {
        runtime = runtime.with_memory_limit(memory, 1.0);
    }
    let config = SessionConfig::new().with_target_partitions(1).with_batch_size(1024);
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime.build_arc().expect("a runtime"))
        .with_default_features()
        .build();
    registry::register(&mut state).expect("functions");
    let context = SessionContext::new_with_state(state);
    let table = MemTable::try_new(batches[0].schema(), vec![batches]).expect("a table");
    context.register_table("t", Arc::new(table)).expect("registered");
    context
}

/// The merged rows by key, and how often something was written to disk.
async fn merged(context: &SessionContext, call: &str) -> (BTreeMap<String, String>, usize) {
    let plan = context.sql(&format!("SELECT k, {call} AS v FROM t GROUP BY k")).await.expect("a plan");
    let plan = plan.create_physical_plan().await.expect("a physical plan");
    let batches = collect(Arc::clone(&plan), context.task_ctx()).await;
    let mut rows = BTreeMap::new();
    for batch in batches.unwrap_or_else(|error| panic!("{call}: {error}")) {
        let text = |column: usize, row: usize| array_value_to_string(batch.column(column), row).expect("text");
        for row in 0..batch.num_rows() {
            assert!(rows.insert(text(0, row), text(1, row)).is_none(), "{call} has a group twice");
        }
    }
    (rows, spills(plan.as_ref()))
}

fn spills(plan: &dyn ExecutionPlan) -> usize {
    let own = plan.metrics().and_then(|metrics| metrics.spill_count()).unwrap_or(0);
    own + plan.children().into_iter().map(|child| spills(child.as_ref())).sum::<usize>()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_that_do_not_fit_are_spilled() {
    // The names alone are 10 MB.
    let (free, limited) = (context(None), context(Some(6 << 20)));
    for call in [
        "newest(v, ts)",
        "most_trusted(v, n, ts)",
        "most_complete(v, n)",
        "survivor(v ORDER BY n DESC, ts)",
        "majority(v)",
        "weighted_majority(v, n)",
        "all_values(v)",
    ] {
        let ((expected, none), (found, some)) = (merged(&free, call).await, merged(&limited, call).await);
        assert_eq!(none, 0, "{call}");
        assert!(some > 0, "{call} was not spilled");
        assert!(expected == found, "{call} differs once it was spilled");
    }
}
