//! Values that are large and the same for every row: what computes with one gets few rows at a time.
//!
//! DataFusion repeats such a value for every row of a batch before most functions see it. An array of a million numbers,
//! as `ARRAY(SELECT ..)` gives it, would take sixty gigabytes beside eight thousand rows, in no account of memory.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, replace_children_if_necessary};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

/// What the values may take that are repeated for the rows of one batch.
const ROOM: usize = 64 << 20;
/// A literal up to this size never takes more, whatever the batch.
const SMALL: usize = 4 << 10;

/// The rule.
#[derive(Debug)]
pub struct LargeConstants;

impl PhysicalOptimizerRule for LargeConstants {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let sliced = plan.transform_up(|node| {
            if !["ProjectionExec", "FilterExec", "AggregateExec"].contains(&node.name()) {
                return Ok(Transformed::no(node));
            }
            let mut constants = vec![];
            node.apply_expressions(&mut |root| {
                constants.extend(constants_of(root)?);
                Ok(TreeNodeRecursion::Continue)
            })?;
            if constants.is_empty() {
                return Ok(Transformed::no(node));
            }
            let constants: Arc<[Arc<dyn PhysicalExpr>]> = constants.into();
            let slice = |input: &Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
                Arc::new(FewRowsExec { input: Arc::clone(input), constants: Arc::clone(&constants) })
            };
            let inputs = node.children().into_iter().map(slice).collect::<Vec<_>>();
            Ok(Transformed::yes(replace_children_if_necessary(node, inputs)?))
        })?;
        Ok(sliced.data)
    }

    fn name(&self) -> &str {
        "large_constants"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What in an expression may be a large value that is the same for every row.
pub(super) fn constants_of(root: &Arc<dyn PhysicalExpr>) -> DfResult<Vec<Arc<dyn PhysicalExpr>>> {
    let mut found = vec![];
    root.apply(|expression| {
        let may_be_large = match expression.downcast_ref::<Literal>() {
            Some(literal) => literal.value().size() > SMALL,
            None => {
                expression.downcast_ref::<ScalarSubqueryExpr>().is_some()
                    && !is_small(&expression.data_type(&Schema::empty())?)
            }
        };
        if may_be_large {
            found.push(Arc::clone(expression));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Whether every value of a type is a few bytes.
fn is_small(kind: &DataType) -> bool {
    kind.is_primitive() || matches!(kind, DataType::Null | DataType::Boolean)
}

/// How many rows may be computed at a time; at least one.
fn rows_at_a_time(constants: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> DfResult<usize> {
    let row = batch.slice(0, batch.num_rows().min(1));
    let mut size = 0_usize;
    for constant in constants {
        if let ColumnarValue::Scalar(value) = constant.evaluate(&row)? {
            size = size.saturating_add(value.size());
        }
    }
    Ok((ROOM / size.max(1)).max(1))
}

/// A batch in pieces of so many rows.
fn pieces(batch: &RecordBatch, most: usize) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    (0..rows).step_by(most.max(1)).map(|at| batch.slice(at, most.min(rows - at))).collect()
}

/// An expression's values for a batch, of few rows at a time where one of these constants in it is large.
pub(super) fn evaluate(
    expression: &Arc<dyn PhysicalExpr>,
    constants: &[Arc<dyn PhysicalExpr>],
    batch: &RecordBatch,
) -> DfResult<ColumnarValue> {
    if constants.is_empty() || batch.num_rows() == 0 {
        return expression.evaluate(batch);
    }
    let most = rows_at_a_time(constants, batch)?;
    if most >= batch.num_rows() {
        return expression.evaluate(batch);
    }
    let mut parts: Vec<ArrayRef> = vec![];
    for piece in pieces(batch, most) {
        parts.push(expression.evaluate(&piece)?.into_array(piece.num_rows())?);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(ColumnarValue::Array(concat(&parts)?))
}

/// Gives the rows of its input, as many at a time as the constants leave room for.
#[derive(Debug)]
pub struct FewRowsExec {
    input: Arc<dyn ExecutionPlan>,
    constants: Arc<[Arc<dyn PhysicalExpr>]>,
}

impl DisplayAs for FewRowsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FewRowsExec")
    }
}

impl ExecutionPlan for FewRowsExec {
    fn name(&self) -> &str {
        "FewRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
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
        match children.pop() {
            Some(input) => Ok(Arc::new(FewRowsExec { input, constants: Arc::clone(&self.constants) })),
            None => internal_err!("rows come from one input"),
        }
    }

    /// The constants are those of the operator above, which shows them.
    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let constants = Arc::clone(&self.constants);
        // The value is the same for every batch.
        let mut known = None;
        let cut = move |batch: DfResult<RecordBatch>| {
            let batch = batch?;
            let most = match known {
                Some(most) => most,
                None => *known.insert(rows_at_a_time(&constants, &batch)?),
            };
            Ok::<_, DataFusionError>(stream::iter(pieces(&batch, most).into_iter().map(Ok::<_, DataFusionError>)))
        };
        let rows = self.input.execute(partition, context)?.map(cut).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{AsArray, Int32Array};
    use datafusion::arrow::datatypes::{Field, Int32Type};
    use datafusion::catalog::memory::MemorySourceConfig;
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::{binary, col, lit};
    use datafusion::physical_plan::filter::FilterExec;
    use datafusion::prelude::SessionContext;

    use super::*;

    fn numbers(count: i32) -> RecordBatch {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, false)]));
        RecordBatch::try_new(schema, vec![Arc::new(Int32Array::from_iter_values(0..count))]).unwrap()
    }

    /// `long = long AND n >= 0`, of a text of so many bytes.
    fn condition(bytes: usize) -> Arc<dyn PhysicalExpr> {
        let schema = numbers(1).schema();
        let long = "x".repeat(bytes);
        let same = binary(lit(long.clone()), Operator::Eq, lit(long), &schema).unwrap();
        let positive = binary(col("n", &schema).unwrap(), Operator::GtEq, lit(0), &schema).unwrap();
        binary(same, Operator::And, positive, &schema).unwrap()
    }

    #[tokio::test]
    async fn large_values_meet_few_rows() {
        for (bytes, sliced) in [(8, false), (8 << 20, true)] {
            let batch = numbers(100);
            let schema = batch.schema();
            let input = MemorySourceConfig::try_new_exec(&[vec![batch]], schema, None).unwrap();
            let filter: Arc<dyn ExecutionPlan> = Arc::new(FilterExec::try_new(condition(bytes), input).unwrap());
            let plan = LargeConstants.optimize(filter, &ConfigOptions::default()).unwrap();
            let child = Arc::clone(plan.children()[0]);
            assert_eq!(child.name() == "FewRowsExec", sliced);
            let context = SessionContext::new().task_ctx();
            let batches: Vec<RecordBatch> = child.execute(0, context).unwrap().try_collect().await.unwrap();
            assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 100);
            let most = batches.iter().map(RecordBatch::num_rows).max().unwrap();
            // Two texts of eight megabytes: four rows take what there is room for, and hardly less fits.
            assert!(if sliced { (3..=4).contains(&most) } else { most == 100 }, "{most}");
        }
    }

    #[test]
    fn expressions_give_the_same_of_few_rows() {
        let (batch, long) = (numbers(100), condition(8 << 20));
        let constants = constants_of(&long).unwrap();
        assert_eq!(constants.len(), 2);
        let schema = batch.schema();
        let odd = binary(col("n", &schema).unwrap(), Operator::Modulo, lit(2), &schema).unwrap();
        let of_few = evaluate(&odd, &constants, &batch).unwrap().into_array(100).unwrap();
        let at_once = odd.evaluate(&batch).unwrap().into_array(100).unwrap();
        assert_eq!(of_few.as_primitive::<Int32Type>(), at_once.as_primitive::<Int32Type>());
    }
}
