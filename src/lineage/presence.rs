//! Which rows of a view a merge has a part in: of an outer join those with a match, of a union those of its branch.
//!
//! A column is added where the rows come from, and carried up beside the others. So LIMIT and window functions above
//! see the rows that the view has.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Distinct, DistinctOn, Expr, Join, LogicalPlan, Projection, SubqueryAlias, Union};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, Result};

/// The column: not null where the merge has a part in the row.
pub const PRESENT: &str = "#present";

/// The column of a plan that has it.
pub fn column(plan: &LogicalPlan) -> Result<Expr> {
    let found = plan.schema().columns().into_iter().find(|column| column.name == PRESENT);
    found.map(Expr::Column).ok_or_else(|| Error::internal("the rows that a merge has a part in are not marked"))
}

/// A plan with the column, of all of its rows.
pub fn of_all(plan: &LogicalPlan) -> Result<LogicalPlan> {
    with(plan.clone(), Expr::Literal(ScalarValue::Boolean(Some(true)), None))
}

fn with(plan: LogicalPlan, present: Expr) -> Result<LogicalPlan> {
    let mut exprs: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    exprs.push(present.alias(PRESENT));
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan))?))
}

/// A node with one input over that input with the column.
pub fn above(node: &LogicalPlan, input: LogicalPlan) -> Result<LogicalPlan> {
    Ok(match node {
        LogicalPlan::Projection(projection) => {
            let mut exprs = projection.expr.clone();
            exprs.push(column(&input)?.alias(PRESENT));
            LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())?)
        }
        LogicalPlan::Distinct(Distinct::On(on)) => {
            let mut exprs = on.select_expr.clone();
            exprs.push(column(&input)?.alias(PRESENT));
            let on = DistinctOn::try_new(on.on_expr.clone(), exprs, on.sort_expr.clone(), Arc::new(input))?;
            LogicalPlan::Distinct(Distinct::On(on))
        }
        other => other.with_new_exprs(other.expressions(), vec![input])?,
    })
}

/// A join over one of its sides with the column.
pub fn in_join(join: &Join, side: LogicalPlan, is_left: bool) -> Result<LogicalPlan> {
    let (left, right) = (join.left.as_ref().clone(), join.right.as_ref().clone());
    let inputs = if is_left { vec![side, right] } else { vec![left, side] };
    let plan = LogicalPlan::Join(join.clone());
    Ok(plan.with_new_exprs(plan.expressions(), inputs)?)
}

/// A union over one of its branches with the column; it is null in the others.
pub fn in_union(union: &Union, branch: LogicalPlan, at: usize) -> Result<LogicalPlan> {
    let mut inputs = vec![];
    for (nth, input) in union.inputs.iter().enumerate() {
        inputs.push(Arc::new(if nth == at {
            // The column stands last.
            let mut exprs: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
            exprs.push(column(&branch)?.alias(PRESENT));
            LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(branch.clone()))?)
        } else {
            with(input.as_ref().clone(), Expr::Literal(ScalarValue::Boolean(None), None))?
        }));
    }
    // The union's own columns keep their names and qualifiers.
    let mut fields: Vec<_> =
        union.schema.iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field))).collect();
    fields.push((None, Arc::new(Field::new(PRESENT, DataType::Boolean, true))));
    let schema = DFSchema::new_with_metadata(fields, union.schema.metadata().clone())?;
    Ok(LogicalPlan::Union(Union { inputs, schema: Arc::new(schema) }))
}
