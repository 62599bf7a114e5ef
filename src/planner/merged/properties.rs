//! Merged views give the same rows whether they are searched or built.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Array, AsArray, BooleanArray, Int64Array, RecordBatch, StringViewArray};
use datafusion::arrow::compute::{concat_batches, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result as DfResult;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::optimizer::Optimizer;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use proptest::prelude::*;

use super::{MergedFilter, MergedOrder};
use crate::error::Result;
use crate::federation::keys::{KeyOptions, RunTimeKeys, SmallSideFirst};
use crate::functions::registry;
use crate::planner::shipping::ShippingPlanner;
use crate::sources::activity::Literals;
use crate::sources::scan::{Keys, RemoteRead, SourceScanExec};
use crate::sources::traffic::Traffic;

/// A source that takes every predicate and checks none, and finds keys without regard to the case of letters: as bad as
/// a source may be.
#[derive(Debug)]
struct Careless {
    rows: RecordBatch,
}

#[async_trait]
impl TableProvider for Careless {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DfResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let rows = match projection {
            Some(projection) => self.rows.project(projection)?,
            None => self.rows.clone(),
        };
        let read = CarelessRead { rows: rows.clone(), columns: vec![] };
        Ok(Arc::new(SourceScanExec::new("careless", "t", rows.schema(), Arc::new(read), Some(10))))
    }
}

#[derive(Debug)]
struct CarelessRead {
    rows: RecordBatch,
    columns: Vec<usize>,
}

#[async_trait]
impl RemoteRead for CarelessRead {
    fn describe(&self) -> String {
        "rows".into()
    }

    fn literals(&self) -> Literals {
        Literals::Written
    }

    fn keyed(&self, column: usize) -> Option<Arc<dyn RemoteRead>> {
        let mut columns = self.columns.clone();
        columns.push(column);
        (*self.rows.column(column).data_type() == DataType::Utf8View)
            .then(|| Arc::new(CarelessRead { rows: self.rows.clone(), columns }) as Arc<dyn RemoteRead>)
    }

    fn keys_at_once(&self) -> usize {
        2
    }

    async fn open(&self, _: usize, keys: &[Keys], _: &Arc<Traffic>) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        assert_eq!(keys.len(), self.columns.len());
        let mut rows = self.rows.clone();
        for (column, keys) in self.columns.iter().zip(keys) {
            let keys: Vec<String> = keys.values.as_string_view().iter().flatten().map(str::to_lowercase).collect();
            let values = rows.column(*column).as_string_view().clone();
            let kept = values.iter().map(|value| value.is_some_and(|value| keys.contains(&value.to_lowercase())));
            rows = filter_record_batch(&rows, &BooleanArray::from(kept.collect::<Vec<_>>()))?;
        }
        Ok(stream::once(async move { Ok(rows) }).boxed())
    }
}

type Row = (Option<&'static str>, Option<&'static str>, Option<i64>);

fn batch(rows: &[Row]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("key", DataType::Utf8View, true),
        Field::new("value", DataType::Utf8View, true),
        Field::new("at", DataType::Int64, true),
    ]);
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(StringViewArray::from_iter(rows.iter().map(|row| row.0))),
            Arc::new(StringViewArray::from_iter(rows.iter().map(|row| row.1))),
            Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.2))),
        ],
    )
    .unwrap()
}

fn context(options: KeyOptions, tables: &[(&str, &[Row])]) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(2);
    config.options_mut().extensions.insert(options);
    let mut logical = Optimizer::new().rules;
    let pushed = logical.iter().position(|rule| rule.name() == "push_down_filter").unwrap();
    logical.insert(pushed + 1, Arc::new(MergedFilter));
    logical.insert(pushed + 2, Arc::new(MergedOrder));
    let mut physical = PhysicalOptimizer::new().rules;
    let choice = physical.iter().position(|rule| rule.name() == "join_selection").unwrap();
    physical.insert(choice + 1, Arc::new(SmallSideFirst));
    physical.push(Arc::new(RunTimeKeys));
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_optimizer_rules(logical)
        .with_physical_optimizer_rules(physical)
        .with_query_planner(Arc::new(ShippingPlanner))
        .build();
    registry::register(&mut state).unwrap();
    let context = SessionContext::new_with_state(state);
    for (name, rows) in tables {
        context.register_table(*name, Arc::new(Careless { rows: batch(rows) })).unwrap();
    }
    context
}

const VIEW: &str =
    "(SELECT key, newest(value, at) AS v, majority(value) AS m, longest(value) FILTER (WHERE at > 1) AS l,
       count(*) AS n, max(at) AS last
  FROM (SELECT key, value, at FROM a UNION ALL SELECT key, upper(value), at FROM b) r GROUP BY key) merged";

const PREDICATES: &[&str] = &[
    "v = 'a'",
    "v <> 'a'",
    "v > 'A' AND v < 'b'",
    "v LIKE 'a%'",
    "v NOT LIKE 'a%'",
    "v IN ('a', 'b', 'B', 'A', 'ab')",
    "v NOT IN ('a', 'b', 'B', 'c')",
    "v = 'a' AND m = 'b'",
    "v = 'A' AND m = 'A' AND l = 'AB' AND n > 1",
    "v = 'a' OR v = 'B'",
    "v = 'a' OR m = 'b'",
    "l = 'ab'",
    "v IS NULL",
    "v IS NULL OR v = 'a'",
    "NOT (v = 'a' OR v = 'b')",
    "n > 1 AND v = 'a'",
    "key = 'x' AND v = 'a'",
    "key > 'X' AND m = 'A'",
    "upper(v) = 'A'",
    "coalesce(v, 'a') = 'a'",
    "v = l",
    "v BETWEEN 'A' AND 'a'",
    "last > 1 AND m <> 'b'",
];

const JOINS: &[&str] = &[
    "SELECT s.at, merged.* FROM small s JOIN VIEW ON merged.key = s.key",
    "SELECT s.at, merged.* FROM small s LEFT JOIN VIEW ON merged.key = s.key",
    "SELECT s.at, merged.* FROM VIEW LEFT JOIN small s ON merged.key = s.key",
    "SELECT s.at, merged.* FROM VIEW FULL JOIN small s ON merged.key = s.key",
    "SELECT s.at, merged.n FROM VIEW JOIN small s ON merged.key IS NOT DISTINCT FROM s.key",
    "SELECT * FROM VIEW WHERE key IN (SELECT key FROM small)",
    "SELECT * FROM VIEW WHERE key NOT IN (SELECT key FROM small WHERE key IS NOT NULL)",
    "SELECT * FROM VIEW WHERE key NOT IN (SELECT key FROM small)",
    "SELECT s.at, merged.n FROM VIEW JOIN small s ON merged.key = s.key AND merged.v = s.value WHERE merged.m = 'a'",
];

/// With an order that is whole, so that its first rows are the same ones.
const FIRSTS: &[&str] = &[
    "SELECT * FROM VIEW ORDER BY key LIMIT 2",
    "SELECT * FROM VIEW ORDER BY key DESC LIMIT 3",
    "SELECT * FROM VIEW WHERE key IS NOT NULL ORDER BY key LIMIT 2 OFFSET 1",
    "SELECT * FROM VIEW WHERE key > 'X' ORDER BY key DESC NULLS LAST LIMIT 2",
    "SELECT v, key AS k FROM VIEW ORDER BY k NULLS FIRST LIMIT 2",
    "SELECT v FROM VIEW WHERE m = 'a' ORDER BY key LIMIT 2",
    "SELECT at, newest(value, at) AS v, key FROM (SELECT * FROM a UNION ALL SELECT * FROM b) r GROUP BY key, at
      ORDER BY key NULLS LAST, at DESC LIMIT 3",
];

async fn rows(context: &SessionContext, query: &str) -> Vec<String> {
    let frame = context.sql(query).await.unwrap();
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.unwrap();
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    let all = concat_batches(&schema, &batches).unwrap();
    let mut lines: Vec<String> =
        pretty_format_batches(&[all]).unwrap().to_string().lines().skip(3).map(str::to_string).collect();
    lines.sort();
    lines
}

fn text(choices: &'static [Option<&'static str>]) -> impl Strategy<Value = Option<&'static str>> {
    proptest::sample::select(choices)
}

fn table() -> impl Strategy<Value = Vec<Row>> {
    let key = text(&[None, Some("x"), Some("X"), Some("y"), Some("z"), Some("u"), Some("")]);
    let value = text(&[None, Some("a"), Some("A"), Some("b"), Some("ab"), Some("")]);
    proptest::collection::vec((key, value, proptest::option::of(0i64..4)), 0..12)
}

fn off() -> KeyOptions {
    KeyOptions { run_time_keys: false, merged_filter: false, merged_order: false, ..KeyOptions::default() }
}

/// Some of all queries: a case costs most where it plans.
fn queries() -> impl Strategy<Value = Vec<String>> {
    let filters = PREDICATES.iter().map(|predicate| format!("SELECT * FROM {VIEW} WHERE {predicate}"));
    let joins = JOINS.iter().chain(FIRSTS).map(|join| join.replace("VIEW", VIEW));
    proptest::sample::subsequence(filters.chain(joins).collect::<Vec<_>>(), 4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rows_are_the_same(
        (a, b, small) in (table(), table(), table()),
        queries in queries(),
        max_keys in 0usize..6,
    ) {
        let tables: [(&str, &[Row]); 3] = [("a", &a), ("b", &b), ("small", &small)];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let built = context(off(), &tables);
            let searched = context(KeyOptions { max_keys, ..KeyOptions::default() }, &tables);
            for query in &queries {
                let expected = rows(&built, query).await;
                let found = rows(&searched, query).await;
                prop_assert_eq!(found, expected, "{}", query);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_filter_on_a_merged_column_searches() {
    let rows: [Row; 3] = [(Some("x"), Some("a"), Some(1)), (Some("y"), Some("b"), Some(1)), (Some("x"), None, Some(2))];
    let context = context(KeyOptions::default(), &[("a", &rows), ("b", &rows)]);
    let plan = |predicate: &str| {
        let query = format!("EXPLAIN SELECT * FROM {VIEW} WHERE {predicate}");
        let context = &context;
        async move { self::rows(context, &query).await.join("\n") }
    };
    assert!(plan("v = 'a'").await.contains("CandidatesExec"));
    // Neither is a condition on one of the inputs.
    assert!(!plan("v IS NULL").await.contains("CandidatesExec"));
    assert!(!plan("n = 1").await.contains("CandidatesExec"));
    assert!(!plan("v = m").await.contains("CandidatesExec"));
}

#[tokio::test]
async fn the_first_groups_by_key_are_searched() {
    let rows: [Row; 3] = [(Some("x"), Some("a"), Some(1)), (Some("y"), Some("b"), Some(1)), (Some("x"), None, Some(2))];
    let context = context(KeyOptions::default(), &[("a", &rows), ("b", &rows)]);
    let plan = |rest: &str| {
        let query = format!("EXPLAIN SELECT * FROM {VIEW} {rest}");
        let context = &context;
        async move { self::rows(context, &query).await.join("\n") }
    };
    assert!(plan("ORDER BY key LIMIT 1").await.contains("CandidatesExec"));
    assert!(!plan("ORDER BY key").await.contains("CandidatesExec"));
    assert!(!plan("ORDER BY v, key LIMIT 1").await.contains("CandidatesExec"));
    assert!(!plan("WHERE n > 1 ORDER BY key LIMIT 1").await.contains("CandidatesExec"));
}
