//! Groups of many rows by one key.
//!
//! DataFusion looks a row's group up in a table, waits for what that reads, and looks at the next. With a million groups
//! nearly every look misses the processor's caches, and grouping takes most of a query's time. Here the groups of many
//! rows are looked up side by side (`table`), of numbers (`keys`) and of texts (`texts`). Everything else is as it was: the calls are the same, and when memory does
//! not do, DataFusion's own grouping goes on from what there is (`rest`).

mod exec;
mod groups;
mod keys;
mod rest;
mod table;
mod texts;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as DfResult;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

pub use exec::HashGroupsExec;

use super::one_step::MANY_GROUPED;
use crate::federation::keys::rows;

/// The rule: it puts [`HashGroupsExec`] where many rows are grouped, or nobody knows how many.
#[derive(Debug)]
pub struct HashGroups;

impl PhysicalOptimizerRule for HashGroups {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let near = plan.transform_up(|node| {
            let many = node.downcast_ref::<AggregateExec>().filter(|aggregate| groups_many(aggregate)).cloned();
            Ok(match many.map(HashGroupsExec::try_new).transpose()?.flatten() {
                Some(groups) => Transformed::yes(Arc::new(groups) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(node),
            })
        })?;
        Ok(near.data)
    }

    fn name(&self) -> &str {
        "hash_groups"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn groups_many(aggregate: &AggregateExec) -> bool {
    let last = matches!(aggregate.mode(), AggregateMode::FinalPartitioned | AggregateMode::SinglePartitioned);
    last && aggregate.group_expr().is_single()
        && aggregate.group_expr().expr().len() == 1
        // Rows in the order of their keys are grouped without a table, and a bound on groups ends early.
        && *aggregate.input_order_mode() == InputOrderMode::Linear
        && aggregate.limit_options().is_none()
        && rows(aggregate.input()).is_none_or(|rows| rows >= MANY_GROUPED)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::catalog::MemTable;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::physical_expr::Partitioning;
    use datafusion::physical_plan::repartition::RepartitionExec;
    use datafusion::physical_plan::{collect, displayable};
    use datafusion::prelude::{SessionConfig, SessionContext};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::functions::registry;

    /// Groups of every kind of call: those of DataFusion and of ours, with FILTER and without.
    const GROUPS: &str = "SELECT k, count(*), sum(v), avg(v), max(t), count(v) FILTER (WHERE v > 0), newest(t, v),
                                 weighted_avg(v, w) FILTER (WHERE v <> 1), majority(t)
                            FROM r GROUP BY k";

    /// The same by texts, of which some have room in a view.
    fn by_texts() -> String {
        let text = "CASE WHEN k % 2 = 0 THEN concat('n', k) ELSE concat('customer.', k, '@example.com') END";
        GROUPS.replace("FROM r", &format!("FROM (SELECT arrow_cast({text}, 'Utf8View') AS k, v, w, t FROM r) AS r"))
    }

    fn session(memory: Option<usize>, rows: usize, groups: i64) -> SessionContext {
        let runtime = RuntimeEnvBuilder::new();
        let runtime = match memory {
            Some(bytes) => runtime.with_memory_limit(bytes, 1.0),
            None => runtime,
        };
        let config = SessionConfig::new().with_target_partitions(3).with_batch_size(1000);
        let context = SessionContext::new_with_config_rt(config, runtime.build_arc().unwrap());
        let mut state = context.state();
        registry::register(&mut state).unwrap();
        let context = SessionContext::new_with_state(state);
        let mut dice = ChaCha8Rng::seed_from_u64(3);
        let keys: Int64Array =
            (0..rows).map(|_| dice.random_bool(0.99).then(|| dice.random_range(0..groups))).collect();
        let values: Int64Array = (0..rows).map(|_| dice.random_bool(0.9).then(|| dice.random_range(-9..9))).collect();
        let weights: Int64Array = (0..rows).map(|_| Some(dice.random_range(0..4))).collect();
        let texts: StringArray =
            (0..rows).map(|_| dice.random_bool(0.9).then(|| format!("{}", dice.random_range(0..5)))).collect();
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("k", Arc::new(keys) as _, true),
            ("v", Arc::new(values) as _, true),
            ("w", Arc::new(weights) as _, true),
            ("t", Arc::new(texts) as _, true),
        ])
        .unwrap();
        let part = |part: usize| vec![batch.slice(rows * part / 3, rows * (part + 1) / 3 - rows * part / 3)];
        let table = MemTable::try_new(batch.schema(), (0..3).map(part).collect()).unwrap();
        context.register_table("r", Arc::new(table)).unwrap();
        context
    }

    /// Each grouping's last step is made here; `raw`: in one step.
    fn grouped_here(plan: Arc<dyn ExecutionPlan>, raw: bool) -> Arc<dyn ExecutionPlan> {
        let made = plan.transform_up(|node| {
            let Some(last) = node.downcast_ref::<AggregateExec>() else { return Ok(Transformed::no(node)) };
            if *last.mode() != AggregateMode::FinalPartitioned {
                return Ok(Transformed::no(node));
            }
            let first = last.input().children()[0].downcast_ref::<AggregateExec>().unwrap();
            let one = || {
                let keys = Partitioning::Hash(first.group_expr().input_exprs(), 3);
                let input = Arc::new(RepartitionExec::try_new(Arc::clone(first.input()), keys)?);
                let (calls, filters) = (first.aggr_expr().to_vec(), first.filter_expr().to_vec());
                let mode = AggregateMode::SinglePartitioned;
                AggregateExec::try_new(mode, first.group_expr().clone(), calls, filters, input, first.input_schema())
            };
            let aggregate = if raw { one()? } else { last.clone() };
            Ok(match HashGroupsExec::try_new(aggregate)? {
                Some(groups) => Transformed::yes(Arc::new(groups)),
                None => Transformed::no(node),
            })
        });
        made.unwrap().data
    }

    /// The lines of the answer in order, and how often something was written to disk.
    async fn answer(context: &SessionContext, sql: &str, here: Option<bool>) -> (Vec<String>, usize) {
        let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
        let plan = match here {
            Some(raw) => grouped_here(plan, raw),
            None => plan,
        };
        let text = displayable(plan.as_ref()).indent(false).to_string();
        assert_eq!(text.contains("HashGroupsExec: AggregateExec"), here.is_some(), "{text}");
        let batches = collect(Arc::clone(&plan), context.task_ctx()).await.unwrap();
        let mut lines: Vec<String> =
            pretty_format_batches(&batches).unwrap().to_string().lines().map(str::to_string).collect();
        lines.sort();
        let (mut spills, mut rows) = (0, 0);
        plan.apply(|node| {
            if node.is::<HashGroupsExec>() {
                let metrics = node.metrics().unwrap();
                spills += metrics.spill_count().unwrap_or_default();
                rows += metrics.output_rows().unwrap_or_default();
            }
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        })
        .unwrap();
        let given: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, if here.is_some() { given } else { 0 });
        (lines, spills)
    }

    #[tokio::test]
    async fn groups_are_those_of_datafusion() {
        for (rows, groups) in [(1, 1), (30_000, 7), (30_000, 20_000)] {
            let context = session(None, rows, groups);
            for sql in [GROUPS, &by_texts()] {
                let (expected, _) = answer(&context, sql, None).await;
                for raw in [false, true] {
                    let (lines, spills) = answer(&context, sql, Some(raw)).await;
                    assert_eq!((lines, spills), (expected.clone(), 0), "{rows} {groups} {raw} {sql}");
                }
            }
        }
    }

    #[tokio::test]
    async fn what_memory_has_no_room_for_is_written_to_disk() {
        for sql in [GROUPS, &by_texts()] {
            let (expected, _) = answer(&session(None, 200_000, 100_000), sql, None).await;
            for raw in [false, true] {
                let (lines, spills) = answer(&session(Some(24 << 20), 200_000, 100_000), sql, Some(raw)).await;
                assert_eq!(lines, expected, "{raw} {sql}");
                assert!(spills > 0, "{raw}: nothing was written of {sql}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_grouped_here_is_left_alone() {
        let context = session(None, 1000, 10);
        for sql in ["SELECT t, count(*) FROM r GROUP BY t", "SELECT k, array_agg(v ORDER BY v) FROM r GROUP BY k"] {
            let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
            let plan = displayable(grouped_here(plan, false).as_ref()).indent(false).to_string();
            assert!(plan.contains("mode=FinalPartitioned") && !plan.contains("HashGroupsExec"), "{plan}");
        }
    }
}
