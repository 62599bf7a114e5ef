//! Tells each scan whether it may be skipped.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::Result as DfResult;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;

use super::mode::SkipsDown;
use super::way::{Way, through};
use crate::sources::guard::WhenDown;
use crate::sources::scan::SourceScanExec;

/// Follows the rows of each scan up to the answer. It must run after all that changes what operators there are, and
/// before joins are linked with scans.
#[derive(Debug, Default)]
pub struct SkipRule;

impl PhysicalOptimizerRule for SkipRule {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        if config.extensions.get::<SkipsDown>().is_none() {
            return Ok(plan);
        }
        let mut ways = ways(&plan).into_iter();
        told(plan, &mut ways)
    }

    fn name(&self) -> &str {
        "skip_what_is_down"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The way of each scan below, in the order in which they stand.
fn ways(plan: &Arc<dyn ExecutionPlan>) -> Vec<Way> {
    if plan.is::<SourceScanExec>() {
        return vec![Ok(Default::default())];
    }
    let mut all = vec![];
    for (index, child) in plan.children().into_iter().enumerate() {
        all.extend(ways(child).into_iter().map(|way| way.and_then(|changed| through(plan, index, &changed))));
    }
    all
}

fn told(plan: Arc<dyn ExecutionPlan>, ways: &mut impl Iterator<Item = Way>) -> DfResult<Arc<dyn ExecutionPlan>> {
    if let Some(scan) = plan.downcast_ref::<SourceScanExec>() {
        let when_down = match ways.next() {
            Some(Ok(_)) => WhenDown::Skip,
            Some(Err(reason)) => WhenDown::Refuse(reason),
            None => WhenDown::Fail,
        };
        return Ok(match scan.guard() {
            Some(guard) => Arc::new(scan.with_guard(guard.when_down(when_down))) as Arc<dyn ExecutionPlan>,
            None => plan,
        });
    }
    let children: Vec<_> = plan.children().into_iter().map(Arc::clone).collect();
    if children.is_empty() {
        return Ok(plan);
    }
    let children = children.into_iter().map(|child| told(child, ways)).collect::<DfResult<Vec<_>>>()?;
    replace_children_if_necessary(plan, children)
}
