//! The operator that evaluates rules which can fail, each by its name.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use crate::error::Error;

/// A projection that no filter passes: one on a rule's result would become the rule itself, and be tested on rows that
/// the filters below leave out.
///
/// What it says of a row depends on that row alone, so with fewer rows of its input it gives the same of those that are
/// left.
#[derive(Debug)]
pub struct RulesExec {
    inner: Arc<dyn ExecutionPlan>,
    labels: Arc<[String]>,
}

impl RulesExec {
    /// Gives these columns of `input`, among them the rules of these labels.
    pub(super) fn try_new(
        columns: Vec<(Arc<dyn PhysicalExpr>, String)>,
        labels: Vec<String>,
        input: Arc<dyn ExecutionPlan>,
    ) -> DfResult<Self> {
        Ok(RulesExec { inner: Arc::new(ProjectionExec::try_new(columns, input)?), labels: labels.into() })
    }

    /// The projection that it is: the input's columns, and those of the rules.
    pub fn projection(&self) -> Option<&ProjectionExec> {
        self.inner.downcast_ref::<ProjectionExec>()
    }
}

impl DisplayAs for RulesExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RulesExec: {}", self.labels.join(", "))
    }
}

impl ExecutionPlan for RulesExec {
    fn name(&self) -> &str {
        "RulesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.inner.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.inner.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inner.children()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        let inner = replace_children_if_necessary(Arc::clone(&self.inner), children)?;
        Ok(Arc::new(RulesExec { inner, labels: Arc::clone(&self.labels) }))
    }

    fn apply_expressions(
        &self,
        apply: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        self.inner.apply_expressions(apply)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        self.inner.execute(partition, context)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.inner.metrics()
    }
}

/// A rule's expression: its errors name the rule.
#[derive(Debug)]
pub(super) struct RuleExpr {
    /// The rule in messages.
    pub label: String,
    /// The expression.
    pub inner: Arc<dyn PhysicalExpr>,
}

impl PartialEq for RuleExpr {
    fn eq(&self, other: &Self) -> bool {
        self.label == other.label && self.inner.eq(&other.inner)
    }
}

impl Eq for RuleExpr {}

impl Hash for RuleExpr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.label.hash(state);
        self.inner.hash(state);
    }
}

impl fmt::Display for RuleExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner)
    }
}

impl PhysicalExpr for RuleExpr {
    fn data_type(&self, schema: &Schema) -> DfResult<DataType> {
        self.inner.data_type(schema)
    }

    /// As the logical node says.
    fn nullable(&self, _: &Schema) -> DfResult<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> DfResult<ColumnarValue> {
        self.inner
            .evaluate(batch)
            .map_err(|error| DataFusionError::from(Error::from(error).with_context(self.label.clone())))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> DfResult<Arc<dyn PhysicalExpr>> {
        match children.pop() {
            Some(inner) => Ok(Arc::new(RuleExpr { label: self.label.clone(), inner })),
            None => internal_err!("a rule has one expression"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
