//! The last rule of physical planning: it links joins with the scans that take their keys.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, NullEquality};
use datafusion::error::Result as DfResult;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::candidates::CandidatesExec;
use super::collect::{Collected, KeyCollectExec};
use super::estimate::values;
use super::gather::can_be_key;
use super::options::KeyOptions;
use super::restriction::Restriction;
use super::slot::Slot;
use super::trace::{Key, trace};
use crate::sources::scan::{Begun, SourceScanExec};

/// Sends the keys of joins' small sides to the sources of their large sides. It must be the last rule that changes the
/// plan: what it links must not be taken apart.
#[derive(Debug, Default)]
pub struct RunTimeKeys;

impl PhysicalOptimizerRule for RunTimeKeys {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        Linker { options: KeyOptions::of(config), slots: 0 }.link(plan)
    }

    fn name(&self) -> &str {
        "run_time_keys"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether rows of a join's probe side that have no equal on its build side can be left out: nothing comes of them.
/// For NOT IN they can not, as one null among them makes all the difference, and none at all another.
pub(super) fn probe_can_be_restricted(join: &HashJoinExec) -> bool {
    let by_type = matches!(
        join.join_type,
        JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::RightSemi
    );
    by_type && !join.null_aware
}

/// When the sources say that there are so many times as many keys as may be sent, a scan does not wait for them.
const MANY_TIMES: u64 = 10;

struct Linker {
    options: KeyOptions,
    /// How many slots there are.
    slots: usize,
}

impl Linker {
    fn link(&mut self, plan: Arc<dyn ExecutionPlan>) -> DfResult<Arc<dyn ExecutionPlan>> {
        // The same operators run again with other rows.
        if plan.is::<RecursiveQueryExec>() {
            return Ok(plan);
        }
        let plan = if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            self.link_join(join)?.unwrap_or(plan)
        } else if let Some(candidates) = plan.downcast_ref::<CandidatesExec>() {
            self.link_candidates(candidates)?
        } else {
            plan
        };
        let children = plan.children().into_iter().map(Arc::clone).collect::<Vec<_>>();
        if children.is_empty() {
            return Ok(plan);
        }
        let linked = children.into_iter().map(|child| self.link(child)).collect::<DfResult<Vec<_>>>()?;
        replace_children_if_necessary(plan, linked)
    }

    fn link_join(&mut self, join: &HashJoinExec) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        if !self.options.run_time_keys || !probe_can_be_restricted(join) {
            return Ok(None);
        }
        let mut build = Arc::clone(join.left());
        let nulls_match = join.null_equality == NullEquality::NullEqualsNull;
        let mut probe = Arc::clone(join.right());
        let mut collected = vec![];
        for (build_key, probe_key) in &join.on {
            let data_type = build_key.data_type(&build.schema())?;
            if !can_be_key(&data_type) || probe_key.data_type(&probe.schema())? != data_type {
                continue;
            }
            let known = values(&build, build_key).map_or(0, |known| known.values);
            if known >= MANY_TIMES.saturating_mul(self.options.max_keys as u64) {
                // They would be waited for in vain.
                let why = format!("about {known} of {}", origin(build_key, &build));
                let begun = only_scan(&build).map(|scan| (scan.server().to_string(), Begun::default()));
                if let Some((passed, is_early)) = pass_over(&probe, probe_key, &why, begun.as_ref())? {
                    probe = passed;
                    if let Some((_, begun)) = begun.filter(|_| is_early) {
                        build = telling(build, &begun)?;
                    }
                }
                continue;
            }
            let number = self.slots + 1;
            let (publisher, slot) = Slot::new(number, origin(build_key, &build));
            let Some(restricted) = restrict(&probe, probe_key, &slot)? else { continue };
            self.slots = number;
            probe = restricted;
            collected.push(Collected::new(
                Arc::clone(build_key),
                &build.schema(),
                build.output_partitioning().partition_count(),
                self.options.bounds(),
                nulls_match,
                (number, publisher),
            )?);
        }
        if collected.is_empty() {
            if Arc::ptr_eq(&probe, join.right()) {
                return Ok(None);
            }
            return join.builder().with_new_children(vec![build, probe])?.build_exec().map(Some);
        }
        let build: Arc<dyn ExecutionPlan> = Arc::new(KeyCollectExec::new(build, collected));
        join.builder().with_new_children(vec![build, probe])?.build_exec().map(Some)
    }

    /// Links each search for candidates with the scans below; a search that no source can use is left out.
    fn link_candidates(&mut self, node: &CandidatesExec) -> DfResult<Arc<dyn ExecutionPlan>> {
        let mut input = Arc::clone(node.input());
        let mut linked = vec![];
        for candidate in node.candidates() {
            let mut publishers = vec![];
            for (index, key) in node.keys().iter().enumerate() {
                let field = candidate.plan.schema().field(index).clone();
                if !can_be_key(field.data_type()) || key.data_type(&input.schema())? != *field.data_type() {
                    continue;
                }
                let number = self.slots + 1;
                let (publisher, slot) = Slot::new(number, candidate.search.clone());
                if let Some(restricted) = restrict(&input, key, &slot)? {
                    self.slots = number;
                    input = restricted;
                    publishers.push((index, number, publisher));
                }
            }
            if !publishers.is_empty() {
                linked.push(candidate.linked(publishers, self.options.bounds())?);
            }
        }
        if linked.is_empty() {
            return Ok(input);
        }
        Ok(Arc::new(node.with_linked(input, linked)))
    }
}

/// Restricts the scans that `expression` over `plan` comes from; none when there is none that can be.
fn restrict(
    plan: &Arc<dyn ExecutionPlan>,
    expression: &Arc<dyn PhysicalExpr>,
    slot: &Slot,
) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
    let Some(key) = Key::of(expression, plan) else { return Ok(None) };
    trace(plan, &key, &mut |scan, key| {
        let restriction = Restriction {
            slot: slot.clone(),
            column: key.column,
            name: scan.schema().field(key.column).name().clone(),
            function: key.function(scan)?,
            casts: key.casts.clone(),
        };
        Ok(Some(Arc::new(scan.with_restriction(restriction)) as Arc<dyn ExecutionPlan>))
    })
}

/// Says of the scans that `expression` over `plan` comes from why they do not wait for its keys; none when keys could not
/// be sent anyway. Those of the server that has `begun` to answer the build side ask it meanwhile, which is told too: a
/// statement is held open for no longer than its own server takes, and who would wait for another?
fn pass_over(
    plan: &Arc<dyn ExecutionPlan>,
    expression: &Arc<dyn PhysicalExpr>,
    why: &str,
    begun: Option<&(String, Begun)>,
) -> DfResult<Option<(Arc<dyn ExecutionPlan>, bool)>> {
    let Some(key) = Key::of(expression, plan) else { return Ok(None) };
    let mut is_early = false;
    let passed = trace(plan, &key, &mut |scan, key| {
        let name = scan.schema().field(key.column).name().clone();
        let mut passed = scan.with_keys_passed_over(format!("{name}: {why}"));
        if let Some((_, begun)) = begun.filter(|(server, _)| server == scan.server()) {
            passed = passed.early(begun.clone());
            is_early = true;
        }
        Ok(Some(Arc::new(passed) as Arc<dyn ExecutionPlan>))
    })?;
    Ok(passed.map(|passed| (passed, is_early)))
}

/// The scan that all rows of a plan come from, where it reads nothing else.
fn only_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&SourceScanExec> {
    match plan.downcast_ref::<SourceScanExec>() {
        Some(scan) => Some(scan),
        None => match plan.children().as_slice() {
            [only] => only_scan(only),
            _ => None,
        },
    }
}

/// The same plan, whose scan tells when its first rows have come.
fn telling(plan: Arc<dyn ExecutionPlan>, begun: &Begun) -> DfResult<Arc<dyn ExecutionPlan>> {
    let told = plan.transform_down(|node| {
        Ok(match node.downcast_ref::<SourceScanExec>() {
            Some(scan) => Transformed::yes(Arc::new(scan.telling(begun.clone())) as Arc<dyn ExecutionPlan>),
            None => Transformed::no(node),
        })
    });
    told.data()
}

/// What keys are of, for EXPLAIN: the expression, and the tables that its rows come from.
fn origin(expression: &Arc<dyn PhysicalExpr>, rows: &Arc<dyn ExecutionPlan>) -> String {
    const SHOWN: usize = 3;
    let mut tables: Vec<String> = vec![];
    scans(rows, &mut |scan| {
        let name = format!("{}.{}", scan.server(), scan.table());
        if !tables.contains(&name) {
            tables.push(name);
        }
    });
    let name = expression.to_string();
    let name = name.rsplit_once('@').map_or(name.as_str(), |(name, _)| name);
    let more = if tables.len() > SHOWN { ", .." } else { "" };
    tables.truncate(SHOWN);
    if tables.is_empty() { name.to_string() } else { format!("{name} of {}{more}", tables.join(", ")) }
}

fn scans(plan: &Arc<dyn ExecutionPlan>, found: &mut dyn FnMut(&SourceScanExec)) {
    if let Some(scan) = plan.downcast_ref::<SourceScanExec>() {
        found(scan);
    }
    for child in plan.children() {
        scans(child, found);
    }
}
