//! From a search for keys to the operator that carries it out.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::plan_err;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use super::node::SearchNode;
use crate::federation::keys::{Candidate, CandidatesExec};

/// Plans [`SearchNode`]s.
#[derive(Debug, Default)]
pub struct SearchPlanner;

#[async_trait]
impl ExtensionPlanner for SearchPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        inputs: &[&LogicalPlan],
        plans: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<SearchNode>() else { return Ok(None) };
        let (Some(input), Some((plan, searches))) = (inputs.first(), plans.split_first()) else {
            return plan_err!("a search for keys has no input");
        };
        let keys = node
            .keys
            .iter()
            .map(|key| planner.create_physical_expr(key, input.schema(), session, context))
            .collect::<DfResult<Vec<_>>>()?;
        let candidates = node.searches.iter().zip(searches);
        let candidates = candidates.map(|(search, plan)| Candidate::new(search.words.clone(), Arc::clone(plan)));
        Ok(Some(Arc::new(CandidatesExec::new(Arc::clone(plan), keys, candidates.collect()))))
    }
}
