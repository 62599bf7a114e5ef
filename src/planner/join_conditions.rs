//! Conditions of joins that look whether their statement should go on.
//!
//! A join tries every pair of a batch and of what it has collected before it gives way, and gives way only with a batch of
//! pairs that meet the condition. A million rows beside a batch are eight thousand million pairs: hours, in which nothing
//! else could end it, whatever became of its client. The condition is asked for some thousands of pairs at a time.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinType, internal_err};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::lit;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder};

use super::interrupt::Interrupt;
use super::large_constants;

/// The rule.
#[derive(Debug)]
pub struct JoinConditions;

impl PhysicalOptimizerRule for JoinConditions {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let Some(interrupt) = config.extensions.get::<Interrupt>() else { return Ok(plan) };
        let looking = plan.transform_up(|node| {
            if let Some(join) = node.downcast_ref::<HashJoinExec>() {
                let filter = match join.filter() {
                    Some(filter) => Some(asking(filter, interrupt)?),
                    // Each pair of equal keys is tried, and gives a row once or never.
                    None if gives_one_side(*join.join_type()) && !join.null_aware => {
                        Some(asking(&JoinFilter::new(lit(true), vec![], Arc::new(Schema::empty())), interrupt)?)
                    }
                    None => None,
                };
                if let Some(filter) = filter {
                    return Ok(Transformed::yes(join.builder().with_filter(Some(filter)).build_exec()?));
                }
            }
            if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>()
                && let Some(filter) = join.filter()
            {
                let filter = asking(filter, interrupt)?;
                let join = NestedLoopJoinExecBuilder::from(join).with_filter(Some(filter)).build()?;
                return Ok(Transformed::yes(Arc::new(join) as Arc<dyn ExecutionPlan>));
            }
            Ok(Transformed::no(node))
        })?;
        Ok(looking.data)
    }

    fn name(&self) -> &str {
        "join_conditions"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether a join gives rows of one side, each once, however many of the other side they meet.
fn gives_one_side(join: JoinType) -> bool {
    matches!(
        join,
        JoinType::LeftSemi
            | JoinType::LeftAnti
            | JoinType::LeftMark
            | JoinType::RightSemi
            | JoinType::RightAnti
            | JoinType::RightMark
    )
}

fn asking(filter: &JoinFilter, interrupt: &Interrupt) -> DfResult<JoinFilter> {
    let condition = Arc::new(Condition::new(Arc::clone(filter.expression()), interrupt.clone())?);
    Ok(JoinFilter::new(condition, filter.column_indices().to_vec(), Arc::clone(filter.schema())))
}

/// A condition, and what ends its statement.
#[derive(Debug)]
struct Condition {
    of: Arc<dyn PhysicalExpr>,
    /// What may be large in it and is the same for every pair.
    constants: Vec<Arc<dyn PhysicalExpr>>,
    interrupt: Interrupt,
}

impl Condition {
    fn new(of: Arc<dyn PhysicalExpr>, interrupt: Interrupt) -> DfResult<Condition> {
        Ok(Condition { constants: large_constants::constants_of(&of)?, of, interrupt })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of.fmt(f)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Condition) -> bool {
        self.of.eq(&other.of)
    }
}

impl Eq for Condition {}

impl Hash for Condition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.of.hash(state);
    }
}

impl PhysicalExpr for Condition {
    fn data_type(&self, input: &Schema) -> DfResult<DataType> {
        self.of.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> DfResult<bool> {
        self.of.nullable(input)
    }

    fn return_field(&self, input: &Schema) -> DfResult<FieldRef> {
        self.of.return_field(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> DfResult<ColumnarValue> {
        self.interrupt.check_cancelled()?;
        large_constants::evaluate(&self.of, &self.constants, batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.of]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> DfResult<Arc<dyn PhysicalExpr>> {
        match children.pop() {
            Some(of) => Ok(Arc::new(Condition::new(of, self.interrupt.clone())?)),
            None => internal_err!("a condition is one expression"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of.fmt_sql(f)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int32Array};
    use datafusion::catalog::memory::MemorySourceConfig;
    use datafusion::common::{JoinSide, NullEquality};
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::{binary, col};
    use datafusion::physical_plan::joins::PartitionMode;
    use datafusion::physical_plan::joins::utils::ColumnIndex;
    use datafusion::prelude::SessionContext;
    use futures::TryStreamExt;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::error::{Error, SqlState};

    fn side(name: &str) -> Arc<dyn ExecutionPlan> {
        let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..10));
        let batch = RecordBatch::try_from_iter([(name, numbers)]).unwrap();
        let schema = batch.schema();
        MemorySourceConfig::try_new_exec(&[vec![batch]], schema, None).unwrap()
    }

    /// How many pairs a join of ten rows with ten gives where `a < b`, or why it gives none.
    async fn pairs(interrupt: Interrupt) -> Result<usize, SqlState> {
        let (left, right) = (side("a"), side("b"));
        let both = Arc::new(Schema::new(
            left.schema().fields().iter().chain(right.schema().fields()).cloned().collect::<Vec<FieldRef>>(),
        ));
        let less = binary(col("a", &both).unwrap(), Operator::Lt, col("b", &both).unwrap(), &both).unwrap();
        let indices =
            vec![ColumnIndex { index: 0, side: JoinSide::Left }, ColumnIndex { index: 0, side: JoinSide::Right }];
        let join = NestedLoopJoinExecBuilder::new(left, right, JoinType::Inner)
            .with_filter(Some(JoinFilter::new(less, indices, both)))
            .build()
            .unwrap();
        rows_of(Arc::new(join), interrupt).await
    }

    /// How many of ten rows have one of the same number among ten others.
    async fn met(join: JoinType, interrupt: Interrupt) -> Result<usize, SqlState> {
        let (left, right) = (side("a"), side("b"));
        let on = vec![(col("a", &left.schema()).unwrap(), col("b", &right.schema()).unwrap())];
        let (mode, nulls) = (PartitionMode::CollectLeft, NullEquality::NullEqualsNothing);
        let join = HashJoinExec::try_new(left, right, on, None, &join, None, mode, nulls, false).unwrap();
        rows_of(Arc::new(join), interrupt).await
    }

    async fn rows_of(join: Arc<dyn ExecutionPlan>, interrupt: Interrupt) -> Result<usize, SqlState> {
        let mut config = ConfigOptions::default();
        config.extensions.insert(interrupt);
        let plan = JoinConditions.optimize(join, &config).unwrap();
        let rows = plan.execute(0, SessionContext::new().task_ctx()).unwrap();
        let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(|error| Error::from(error).state())?;
        Ok(batches.iter().map(RecordBatch::num_rows).sum())
    }

    #[tokio::test]
    async fn a_join_ends_with_its_statement() {
        let cancel = CancellationToken::new();
        let interrupt = Interrupt { cancel: cancel.clone(), deadline: None };
        assert_eq!(pairs(interrupt.clone()).await, Ok(45));
        let counts = [
            (JoinType::LeftSemi, 10),
            (JoinType::LeftAnti, 0),
            (JoinType::LeftMark, 10),
            (JoinType::RightSemi, 10),
            (JoinType::RightAnti, 0),
            (JoinType::RightMark, 10),
        ];
        for (join, count) in counts {
            assert_eq!(met(join, interrupt.clone()).await, Ok(count), "{join:?}");
        }
        cancel.cancel();
        assert_eq!(pairs(interrupt.clone()).await, Err(SqlState::QUERY_CANCELED));
        for (join, _) in counts {
            assert_eq!(met(join, interrupt.clone()).await, Err(SqlState::QUERY_CANCELED), "{join:?}");
        }
    }
}
