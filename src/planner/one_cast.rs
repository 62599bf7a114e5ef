//! One cast, planned by the rules of all casts, as something that columns can be given to one after the other.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{Field, FieldRef, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{EmptyRelation, Expr, ExprSchemable, LogicalPlan, Projection};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};

use super::array_casts::ArrayCasts;
use super::clock_casts::ClockCasts;
use super::each;
use super::infinite_casts::infinite;
use super::input::TextInputRules;
use super::number_casts::NumberCasts;
use super::output::TextOutputRules;
use crate::error::Error;

/// What the value is called in the plan of the cast.
const VALUE: &str = "value";

/// A cast from one type to another.
#[derive(Debug)]
pub(super) struct OneCast {
    cast: Arc<dyn PhysicalExpr>,
    from: SchemaRef,
    to: FieldRef,
    is_plain: bool,
}

impl PartialEq for OneCast {
    fn eq(&self, other: &Self) -> bool {
        self.cast.as_ref() == other.cast.as_ref() && self.from == other.from && self.to == other.to
    }
}

impl Eq for OneCast {}

impl Hash for OneCast {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cast.hash(state);
        self.from.hash(state);
        self.to.hash(state);
    }
}

impl OneCast {
    /// The cast of values like those of `from` to the type of `to`.
    pub(super) fn planned(from: &Field, to: FieldRef, config: &ConfigOptions) -> DfResult<OneCast> {
        let from = from.clone().with_name(VALUE).with_nullable(true);
        let input = DFSchema::from_unqualified_fields(vec![from].into(), HashMap::new())?;
        let cast = Expr::Cast(Cast::new_from_field(Box::new(Expr::Column(Column::new_unqualified(VALUE))), to));
        let empty = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema: Arc::new(input) });
        let mut plan = LogicalPlan::Projection(Projection::try_new(vec![cast], Arc::new(empty))?);
        let rules: [&dyn AnalyzerRule; 5] = [&ArrayCasts, &TextInputRules, &TextOutputRules, &ClockCasts, &NumberCasts];
        for rule in rules {
            plan = rule.analyze(plan, config)?;
        }
        let plan = each::expression(plan, infinite)?.data;
        let LogicalPlan::Projection(projection) = &plan else {
            return Err(Error::internal("the plan of a cast is no projection").into());
        };
        let input = projection.input.schema();
        let cast = projection.expr.first().ok_or_else(|| Error::internal("the plan of a cast has no column"))?;
        let is_plain = match cast {
            Expr::Cast(Cast { expr, .. }) => matches!(expr.as_ref(), Expr::Column(_)),
            _ => false,
        };
        let (_, to) = cast.to_field(input)?;
        let props = ExecutionProps { config_options: Some(Arc::new(config.clone())), ..ExecutionProps::new() };
        let cast = create_physical_expr(cast, input, &props, &PhysicalPlanningContext::default())?;
        Ok(OneCast { cast, from: Arc::clone(input.inner()), to, is_plain })
    }

    /// Whether no rule has changed it: it is Arrow's cast.
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// What it gives.
    pub(super) fn to(&self) -> &FieldRef {
        &self.to
    }

    /// The rows that hold some values.
    pub(super) fn rows(&self, values: ArrayRef) -> DfResult<RecordBatch> {
        Ok(RecordBatch::try_new(Arc::clone(&self.from), vec![values])?)
    }

    /// What becomes of the values of some rows.
    pub(super) fn of(&self, rows: &RecordBatch) -> DfResult<ArrayRef> {
        self.cast.evaluate(rows)?.into_array(rows.num_rows())
    }
}
