//! The node that evaluates rules which can fail, each by its name: an error says of which rule it is.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DFSchemaRef, internal_err, plan_err};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use super::exec::{RuleExpr, RulesExec};

/// The name of one rule's result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Tested {
    /// The column that has it.
    pub column: String,
    /// The rule in messages.
    pub label: String,
}

/// Its input with a boolean column for each rule: whether the row keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleNode {
    input: LogicalPlan,
    rules: Vec<Tested>,
    exprs: Vec<Expr>,
    schema: DFSchemaRef,
}

impl RuleNode {
    /// Evaluates the expressions over `input`, each under its name.
    pub fn try_new(input: LogicalPlan, rules: Vec<Tested>, exprs: Vec<Expr>) -> DfResult<Self> {
        if rules.len() != exprs.len() {
            return internal_err!("{} rules have {} expressions", rules.len(), exprs.len());
        }
        let there = input.schema();
        let mut fields: Vec<_> = there.iter().map(|(table, field)| (table.cloned(), Arc::clone(field))).collect();
        fields.extend(rules.iter().map(|rule| (None, Arc::new(Field::new(&rule.column, DataType::Boolean, true)))));
        let schema = Arc::new(DFSchema::new_with_metadata(fields, there.metadata().clone())?);
        Ok(RuleNode { input, rules, exprs, schema })
    }
}

impl PartialOrd for RuleNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.input.partial_cmp(&other.input) {
            Some(Ordering::Equal) => self.rules.partial_cmp(&other.rules),
            ordering => ordering,
        }
    }
}

impl UserDefinedLogicalNodeCore for RuleNode {
    fn name(&self) -> &str {
        "TestRules"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.exprs.clone()
    }

    /// Conditions on other columns than the results go through: a row that is not wanted need not be tested.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.rules.iter().map(|rule| rule.column.clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<String> =
            self.rules.iter().zip(&self.exprs).map(|(rule, expr)| format!("{}: {expr}", rule.label)).collect();
        write!(f, "TestRules: {}", rules.join(", "))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> DfResult<Self> {
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => RuleNode::try_new(input, self.rules.clone(), exprs),
            _ => internal_err!("rules are tested over one input"),
        }
    }

    /// Of the input, what is wanted above; what the rules themselves need is added by who asks.
    fn necessary_children_exprs(&self, output: &[usize]) -> Option<Vec<Vec<usize>>> {
        let columns = self.input.schema().fields().len();
        Some(vec![output.iter().copied().filter(|index| *index < columns).collect()])
    }
}

/// Plans [`RuleNode`]s.
#[derive(Debug, Default)]
pub struct RulePlanner;

#[async_trait]
impl ExtensionPlanner for RulePlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        inputs: &[&LogicalPlan],
        plans: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<RuleNode>() else { return Ok(None) };
        let ([input], [plan]) = (inputs, plans) else { return plan_err!("rules are tested over one input") };
        let schema = plan.schema();
        let mut columns: Vec<(Arc<dyn PhysicalExpr>, String)> = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(at, field)| (Arc::new(Column::new(field.name(), at)) as Arc<dyn PhysicalExpr>, field.name().clone()))
            .collect();
        for (rule, expr) in node.rules.iter().zip(&node.exprs) {
            let inner = planner.create_physical_expr(expr, input.schema(), session, context)?;
            columns.push((Arc::new(RuleExpr { label: rule.label.clone(), inner }), rule.column.clone()));
        }
        let labels = node.rules.iter().map(|rule| rule.label.clone()).collect();
        Ok(Some(Arc::new(RulesExec::try_new(columns, labels, Arc::clone(plan))?)))
    }
}
