//! Which side of a join is read first: the one whose keys are worth sending.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result as DfResult;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;

use super::estimate::rows;
use super::gather::can_be_key;
use super::options::KeyOptions;
use super::rule::probe_can_be_restricted;
use super::trace::{Key, trace};

/// How many rows a key is taken to find.
const ROWS_A_KEY: u64 = 4;

/// Up to how many rows a build side is collected whole, as the engine itself does.
const COLLECTED_ROWS: u64 = 128 * 1024;

/// Up to how many rows a build side is collected whole where the other side has far more: sending each of those to the
/// part that its key belongs to would cost more than the parts save.
const COLLECTED_BESIDE_MANY: u64 = 1_000_000;

/// How many times as many rows far more are.
const FAR_MORE: u64 = 5;

/// Makes the small side of a join the one that is read first, where the other side's source takes its keys. It runs
/// right after the engine's own choice, which knows nothing of keys, and goes from the top down: a side that will get
/// few keys is small itself in the joins below.
#[derive(Debug, Default)]
pub struct SmallSideFirst;

impl PhysicalOptimizerRule for SmallSideFirst {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let options = KeyOptions::of(config);
        if !options.run_time_keys || !config.optimizer.join_reordering {
            return Ok(plan);
        }
        choose(plan, &options)
    }

    fn name(&self) -> &str {
        "small_side_first"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn choose(plan: Arc<dyn ExecutionPlan>, options: &KeyOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
    if plan.is::<RecursiveQueryExec>() || plan.children().is_empty() {
        return Ok(plan);
    }
    let Some(join) = plan.downcast_ref::<HashJoinExec>() else {
        let children: Vec<_> = plan.children().into_iter().map(Arc::clone).collect();
        let chosen = children.into_iter().map(|child| choose(child, options)).collect::<DfResult<Vec<_>>>()?;
        return replace_children_if_necessary(plan, chosen);
    };
    if !should_swap(join, options)? {
        return below(join, options);
    }
    let mode = match rows(join.right()) {
        Some(rows) if rows >= COLLECTED_ROWS => PartitionMode::Partitioned,
        // One that turns out larger than was thought is collected in one place: slower, not wrong.
        _ => PartitionMode::CollectLeft,
    };
    let swapped = join.swap_inputs(mode)?;
    if let Some(join) = swapped.downcast_ref::<HashJoinExec>() {
        return below(join, options);
    }
    // It stands under a projection that puts the columns back.
    let joins = swapped.children().into_iter().map(|child| match child.downcast_ref::<HashJoinExec>() {
        Some(join) => below(join, options),
        None => Ok(Arc::clone(child)),
    });
    let joins = joins.collect::<DfResult<Vec<_>>>()?;
    replace_children_if_necessary(swapped, joins)
}

/// Goes on below a join, with the expectations that its keys give.
fn below(join: &HashJoinExec, options: &KeyOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
    let mut probe = Arc::clone(join.right());
    let build = rows(join.left()).filter(|rows| *rows <= options.max_keys as u64);
    if let (Some(build), true) = (build, probe_can_be_restricted(join)) {
        for (_, key) in &join.on {
            probe = expecting(&probe, key, build.saturating_mul(ROWS_A_KEY))?;
        }
    }
    let children = vec![choose(Arc::clone(join.left()), options)?, choose(probe, options)?];
    join.builder().with_partition_mode(mode(join)).recompute_properties().with_new_children(children)?.build_exec()
}

/// How the sides are brought together: as the engine has chosen, unless one is far larger.
fn mode(join: &HashJoinExec) -> PartitionMode {
    match (join.partition_mode(), rows(join.left()), rows(join.right())) {
        (PartitionMode::Partitioned, Some(build), Some(probe))
            if build <= COLLECTED_BESIDE_MANY && build.saturating_mul(FAR_MORE) <= probe =>
        {
            PartitionMode::CollectLeft
        }
        (mode, _, _) => *mode,
    }
}

/// The plan whose scans that `key` reaches are expected to give no more than `most` rows.
fn expecting(
    plan: &Arc<dyn ExecutionPlan>,
    key: &Arc<dyn PhysicalExpr>,
    most: u64,
) -> DfResult<Arc<dyn ExecutionPlan>> {
    let Some(key) = Key::of(key, plan) else { return Ok(Arc::clone(plan)) };
    let lowered = trace(plan, &key, &mut |scan, _| {
        let expected = scan.rows().map_or(most, |rows| rows.min(most));
        Ok(Some(Arc::new(scan.with_rows(expected)) as Arc<dyn ExecutionPlan>))
    })?;
    Ok(lowered.unwrap_or_else(|| Arc::clone(plan)))
}

fn should_swap(join: &HashJoinExec, options: &KeyOptions) -> DfResult<bool> {
    let swapped_restricts = matches!(
        join.join_type,
        JoinType::Inner | JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::LeftSemi
    );
    if join.null_aware || !join.join_type.supports_swap() {
        return Ok(false);
    }
    let (left, right) = (rows(join.left()), rows(join.right()));
    // Neither side has so few rows that its keys would be sent. The engine's own choice knows less of how many there
    // are: the side that is kept in memory is the smaller one.
    if let (Some(left), Some(right)) = (left, right)
        && left.min(right) > options.max_keys as u64
    {
        return Ok(right < left);
    }
    if !swapped_restricts {
        return Ok(false);
    }
    let to_left = reaches(join.left(), join.on.iter().map(|(left, _)| left))?;
    if !to_left {
        return Ok(false);
    }
    let to_right = probe_can_be_restricted(join) && reaches(join.right(), join.on.iter().map(|(_, right)| right))?;
    let few = |rows: Option<u64>| rows.is_some_and(|rows| rows <= options.max_keys as u64);
    Ok(match (left, right) {
        // Both ways send keys: the smaller side first. Otherwise the one way that does, unless the side that would be
        // kept in memory is the far larger one.
        (Some(left), Some(right)) if to_right => right < left,
        (Some(left), Some(right)) => right <= left || few(Some(right)),
        (None, right) => few(right) || (!to_right && right.is_none()),
        // Nobody knows the other side: it is tried, as the left one is known to be too large for keys.
        (Some(left), None) => !to_right && !few(Some(left)),
    })
}

/// Whether keys of one of these columns reach a source.
fn reaches<'a>(plan: &Arc<dyn ExecutionPlan>, keys: impl Iterator<Item = &'a Arc<dyn PhysicalExpr>>) -> DfResult<bool> {
    for key in keys {
        if !can_be_key(&key.data_type(&plan.schema())?) {
            continue;
        }
        let Some(key) = Key::of(key, plan) else { continue };
        let reached = trace(plan, &key, &mut |scan, _| {
            Ok(Some(Arc::new(scan.with_rows(scan.rows().unwrap_or_default())) as Arc<dyn ExecutionPlan>))
        })?;
        if reached.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch};
    use datafusion::catalog::memory::MemorySourceConfig;
    use datafusion::common::NullEquality;
    use datafusion::physical_expr::expressions::Column;

    use super::*;

    fn table(rows: i32) -> Arc<dyn ExecutionPlan> {
        let keys: ArrayRef = Arc::new(Int32Array::from_iter_values(0..rows));
        let batch = RecordBatch::try_from_iter([("k", keys)]).unwrap();
        MemorySourceConfig::try_new_exec(&[vec![batch.clone()]], batch.schema(), None).unwrap()
    }

    /// How many rows are read first.
    fn first(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
        match plan.downcast_ref::<HashJoinExec>() {
            Some(join) => rows(join.left()),
            None => plan.children().into_iter().find_map(first),
        }
    }

    #[test]
    fn of_two_large_sides_the_smaller_one_is_kept_in_memory() {
        let chosen = |left, right| {
            let key: Arc<dyn PhysicalExpr> = Arc::new(Column::new("k", 0));
            let join = HashJoinExec::try_new(
                table(left),
                table(right),
                vec![(Arc::clone(&key), key)],
                None,
                &JoinType::Inner,
                None,
                PartitionMode::CollectLeft,
                NullEquality::NullEqualsNothing,
                false,
            );
            let plan = SmallSideFirst.optimize(Arc::new(join.unwrap()), &ConfigOptions::default());
            first(&plan.unwrap())
        };
        assert_eq!(chosen(60_000, 30_000), Some(30_000));
        assert_eq!(chosen(30_000, 60_000), Some(30_000));
        // No source takes keys here: what the engine has chosen stays.
        assert_eq!(chosen(100, 50), Some(100));
    }

    #[test]
    fn what_is_far_smaller_is_collected_whole() {
        let chosen = |left, right| {
            let key: Arc<dyn PhysicalExpr> = Arc::new(Column::new("k", 0));
            let join = HashJoinExec::try_new(
                table(left),
                table(right),
                vec![(Arc::clone(&key), key)],
                None,
                &JoinType::Inner,
                None,
                PartitionMode::Partitioned,
                NullEquality::NullEqualsNothing,
                false,
            );
            let plan = SmallSideFirst.optimize(Arc::new(join.unwrap()), &ConfigOptions::default()).unwrap();
            *plan.downcast_ref::<HashJoinExec>().unwrap().partition_mode()
        };
        assert_eq!(chosen(30_000, 600_000), PartitionMode::CollectLeft);
        assert_eq!(chosen(30_000, 60_000), PartitionMode::Partitioned);
    }
}
