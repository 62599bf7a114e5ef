//! `conflicts('customer')`: the merged cells whose candidates disagree.

use async_trait::async_trait;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::scalar::ScalarValue;

use super::candidates::merged_view;
use super::columns::Fixed;
use super::node::Gives;
use super::plan;
use crate::error::Result;
use crate::functions::merge;
use crate::planner::relation_function::{Argument, RelationCall, RelationContext, RelationFunction, Takes};

/// `conflicts(view)`: each merged cell that has more than one value among its candidates, with the values and the
/// sources of each. Cells of plain aggregates are none, and neither are collections, which are made to differ.
#[derive(Debug)]
pub struct Conflicts;

#[async_trait]
impl RelationFunction for Conflicts {
    fn name(&self) -> &'static str {
        "conflicts"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[Argument { name: "view", takes: Takes::Relation, required: true }]
    }

    fn description(&self) -> &'static str {
        "The merged cells of a view whose candidates disagree, with their values and the sources of each."
    }

    async fn plan(&self, call: &RelationCall, _: &dyn RelationContext) -> Result<LogicalPlan> {
        let (view, merges) = merged_view(call.relation(0)?)?;
        let cells = plan::plan(&view.name.shown(), view.analyzed(), &merges, Gives::Cells)?;
        let keys = merges.keys;
        let column = |fixed: Fixed| Expr::Column(Column::new_unqualified(fixed.name_among(&keys)));
        let rules = merge::rules().iter().map(|rule| lit(ScalarValue::Utf8View(Some(rule.name.to_string()))));
        let disagrees = column(Fixed::DistinctValues)
            .gt(lit(1_i64))
            .and(column(Fixed::Single))
            .and(column(Fixed::Rule).in_list(rules.collect(), false));
        let shown = keys.iter().map(|key| Expr::Column(Column::new_unqualified(key)));
        let shown =
            shown.chain(Fixed::of(Gives::Cells).iter().filter(|fixed| **fixed != Fixed::Single).map(|f| column(*f)));
        let shown: Vec<Expr> = shown.collect();
        Ok(LogicalPlanBuilder::from(cells).filter(disagrees)?.project(shown)?.build()?)
    }
}
