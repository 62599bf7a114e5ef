//! What is constant below an outer join, a union or grouping sets is not constant above.
//!
//! DataFusion knows of each operator's rows which columns hold one value and which are always equal. It believes the
//! same of what is made of them, although an outer join gives NULL where there is no partner, each input of a union has
//! a constant of its own, and grouping sets give NULL for what they do not group by. Columns would then be left out of
//! sorts and exchanges: rows came in a wrong order, were deduplicated away or stood twice.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Statistics, internal_err};
use datafusion::error::Result as DfResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, replace_children_if_necessary};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec, SymmetricHashJoinExec};
use datafusion::physical_plan::projection::{ProjectionExec, make_with_child};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr, PlanProperties,
};

/// Puts [`ForgetConstants`] where something would be believed that is not so. It runs before anything depends on it.
#[derive(Debug, Default)]
pub struct Forgetful;

impl PhysicalOptimizerRule for Forgetful {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let forgotten = plan.transform_up(|node| {
            let doubted = doubted(&node);
            let mut changed = false;
            let mut children: Vec<Arc<dyn ExecutionPlan>> = vec![];
            for (child, doubted) in node.children().into_iter().zip(doubted) {
                let forgets = doubted && knows(child) && !child.is::<ForgetConstants>();
                changed |= forgets;
                children.push(match forgets {
                    true => Arc::new(ForgetConstants::new(Arc::clone(child))),
                    false => Arc::clone(child),
                });
            }
            Ok(match changed {
                true => Transformed::yes(replace_children_if_necessary(node, children)?),
                false => Transformed::no(node),
            })
        })?;
        Ok(forgotten.data)
    }

    fn name(&self) -> &str {
        "forgetful"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether it is known of a plan that columns hold one value or are always equal.
fn knows(plan: &Arc<dyn ExecutionPlan>) -> bool {
    !plan.equivalence_properties().eq_group().is_empty()
}

/// For each child, whether what is known of its rows need not be so of the operator's.
fn doubted(plan: &Arc<dyn ExecutionPlan>) -> Vec<bool> {
    let children = plan.children();
    if plan.is::<UnionExec>() || plan.is::<InterleaveExec>() {
        return vec![true; children.len()];
    }
    if let Some(join_type) = join_type(plan) {
        return match join_type {
            JoinType::Left => vec![false, true],
            JoinType::Right => vec![true, false],
            JoinType::Full => vec![true, true],
            _ => vec![false, false],
        };
    }
    // What groups by sets is doubted by what is above it: its keys may be constants themselves.
    children.into_iter().map(groups_by_sets).collect()
}

fn groups_by_sets(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.downcast_ref::<AggregateExec>().is_some_and(|groups| groups.group_expr().has_grouping_set())
}

fn join_type(plan: &Arc<dyn ExecutionPlan>) -> Option<JoinType> {
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        return Some(*join.join_type());
    }
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        return Some(*join.join_type());
    }
    if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
        return Some(join.join_type());
    }
    plan.downcast_ref::<SymmetricHashJoinExec>().map(|join| *join.join_type())
}

/// Gives the rows of its input, and says nothing of columns that are constant or equal. It says nothing of their order
/// either: a sort that is asked for above would be moved below, and there leave out the columns that are constant.
#[derive(Debug, Clone)]
pub struct ForgetConstants {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl ForgetConstants {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let nothing = EquivalenceProperties::new(input.schema());
        let properties = input.properties().as_ref().clone().with_eq_properties(nothing);
        ForgetConstants { input, properties: Arc::new(properties) }
    }

    /// What a plan is when it is shown: the operator does nothing that could be seen.
    pub fn shown(plan: &Arc<dyn ExecutionPlan>) -> &Arc<dyn ExecutionPlan> {
        let mut plan = plan;
        while let Some(forgets) = plan.downcast_ref::<ForgetConstants>() {
            plan = &forgets.input;
        }
        plan
    }
}

impl DisplayAs for ForgetConstants {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForgetConstants")
    }
}

impl ExecutionPlan for ForgetConstants {
    fn name(&self) -> &str {
        "ForgetConstants"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(ForgetConstants::new(input))),
            _ => internal_err!("what forgets constants has one input"),
        }
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _: &StatisticsArgs) -> DfResult<Arc<Statistics>> {
        Ok(match inputs.first() {
            Some(input) => Arc::clone(input),
            None => Arc::new(Statistics::new_unknown(&self.schema())),
        })
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn try_swapping_with_projection(&self, projection: &ProjectionExec) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let below = make_with_child(projection, &self.input)?;
        Ok(Some(Arc::new(ForgetConstants::new(below))))
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> DfResult<FilterDescription> {
        FilterDescription::from_children(parent_filters, &self.children())
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> DfResult<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::common::NullEquality;
    use datafusion::physical_expr::expressions::{Column, lit};
    use datafusion::physical_plan::empty::EmptyExec;
    use datafusion::physical_plan::joins::PartitionMode;

    use super::*;

    fn labelled(label: &str) -> Arc<dyn ExecutionPlan> {
        let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
        let id: Arc<dyn PhysicalExpr> = Arc::new(Column::new("id", 0));
        let columns = vec![(id, "id".to_string()), (lit(label), "label".to_string())];
        Arc::new(ProjectionExec::try_new(columns, Arc::new(EmptyExec::new(schema))).unwrap())
    }

    fn joined(join_type: JoinType) -> Arc<dyn ExecutionPlan> {
        let key: Arc<dyn PhysicalExpr> = Arc::new(Column::new("id", 0));
        let join = HashJoinExec::try_new(
            labelled("a"),
            labelled("b"),
            vec![(Arc::clone(&key), key)],
            None,
            &join_type,
            None,
            PartitionMode::Auto,
            NullEquality::NullEqualsNothing,
            false,
        );
        Arc::new(join.unwrap())
    }

    fn forgetful(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Forgetful.optimize(plan, &ConfigOptions::default()).unwrap()
    }

    fn forgets(plan: &Arc<dyn ExecutionPlan>) -> Vec<bool> {
        plan.children().into_iter().map(|child| child.is::<ForgetConstants>()).collect()
    }

    #[test]
    fn constants_of_optional_sides_are_forgotten() {
        for (join_type, expected) in [
            (JoinType::Inner, [false, false]),
            (JoinType::LeftSemi, [false, false]),
            (JoinType::Left, [false, true]),
            (JoinType::Right, [true, false]),
            (JoinType::Full, [true, true]),
        ] {
            let plan = forgetful(joined(join_type));
            assert_eq!(forgets(&plan), expected, "{join_type}");
            assert_eq!(forgets(&forgetful(plan)), expected, "{join_type} again");
        }
    }

    #[test]
    fn a_projection_moves_below() {
        let plan = forgetful(joined(JoinType::Left));
        let forgets = Arc::clone(plan.children()[1]);
        let id: Arc<dyn PhysicalExpr> = Arc::new(Column::new("id", 0));
        let narrower = ProjectionExec::try_new(vec![(id, "id".to_string())], Arc::clone(&forgets)).unwrap();
        let swapped = forgets.try_swapping_with_projection(&narrower).unwrap().unwrap();
        assert!(swapped.is::<ForgetConstants>());
        assert_eq!(swapped.schema(), narrower.schema());
        // Once: it is not met again below.
        let below: Vec<&str> = swapped.children()[0].children().into_iter().map(|child| child.name()).collect();
        assert_eq!(below, ["ProjectionExec"]);
    }

    #[test]
    fn inputs_of_a_union_forget_theirs() {
        let plan = forgetful(UnionExec::try_new(vec![labelled("a"), labelled("b")]).unwrap());
        assert_eq!(forgets(&plan), [true, true]);
        assert_eq!(ForgetConstants::shown(plan.children()[0]).name(), "ProjectionExec");
    }
}
