//! From the node of lineage to its operator.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, plan_err};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, UserDefinedLogicalNode};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use super::exec::LineageExec;
use super::guards::{Guards, Judge};
use super::node::{Call, CallArgument, LineageNode};
use crate::catalog::types::PgType;
use crate::error::Error;

/// Plans [`LineageNode`]s.
#[derive(Debug, Default)]
pub struct LineagePlanner;

#[async_trait]
impl ExtensionPlanner for LineagePlanner {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        plans: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let Some(lineage) = node.as_any().downcast_ref::<LineageNode>() else { return Ok(None) };
        let [input] = plans else { return plan_err!("lineage has one input") };
        let schema = input.schema();
        let cells = lineage.layout.cells.iter();
        let functions = cells.map(|cell| physical(&cell.call, &schema)).collect::<DfResult<Vec<_>>>()?;
        Ok(Some(Arc::new(LineageExec::new(
            Arc::clone(input),
            Arc::clone(&lineage.layout),
            lineage.gives,
            lineage.view.clone(),
            Arc::new(functions),
            Arc::new(judge(&lineage.layout.guards, &schema, session)?),
            Arc::clone(node.schema().inner()),
        ))))
    }
}

/// What asks the guards.
fn judge(guards: &Guards, input: &Arc<Schema>, session: &dyn Session) -> DfResult<Judge> {
    if guards.exprs.is_empty() && guards.shows.is_empty() {
        return Ok(Judge::new(guards.clone(), vec![], vec![], vec![]));
    }
    let functions = guards.calls.iter().map(|call| physical(&call.call, input)).collect::<DfResult<Vec<_>>>()?;
    let fields = guards.fields.iter().map(|field| (None, Arc::clone(field))).collect();
    let schema = Arc::new(DFSchema::new_with_metadata(fields, HashMap::new())?);
    // No optimizer sees them.
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(&schema))
        .with_config_options(Arc::new(session.config_options().clone()))
        .with_query_execution_start_time(session.execution_props().query_execution_start_time)
        .build();
    let simplifier = ExprSimplifier::new(context);
    let guard = |guard: &Expr| session.create_physical_expr(simplifier.simplify(guard.clone())?, &schema);
    let exprs = guards.exprs.iter().map(guard).collect::<DfResult<Vec<_>>>()?;
    let mut shows = vec![];
    for expr in &guards.shows {
        let (_, field) = expr.to_field(schema.as_ref())?;
        shows.push((PgType::of_field(&field), guard(expr)?));
    }
    Ok(Judge::new(guards.clone(), functions, exprs, shows))
}

fn physical(call: &Call, schema: &Arc<Schema>) -> DfResult<AggregateFunctionExpr> {
    let column = |at: usize| -> DfResult<Arc<dyn PhysicalExpr>> {
        match schema.fields().get(at) {
            Some(field) => Ok(Arc::new(Column::new(field.name(), at))),
            None => Err(Error::internal(format!("lineage lacks its column {at}")).into()),
        }
    };
    let mut arguments = vec![];
    for argument in &call.arguments {
        arguments.push(match argument {
            CallArgument::Column(at) => column(*at)?,
            CallArgument::Literal(value) => Arc::new(Literal::new(value.clone())) as Arc<dyn PhysicalExpr>,
        });
    }
    let mut order = vec![];
    for key in &call.order {
        let options = SortOptions { descending: key.descending, nulls_first: key.nulls_first };
        order.push(PhysicalSortExpr::new(column(key.column)?, options));
    }
    AggregateExprBuilder::new(Arc::clone(&call.function), arguments)
        .schema(Arc::clone(schema))
        .alias(call.function.name())
        .order_by(order)
        .with_distinct(call.distinct)
        .build()
}
