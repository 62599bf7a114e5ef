//! `lineage('customer')`: every candidate of every merged cell.

use async_trait::async_trait;
use datafusion::logical_expr::LogicalPlan;

use super::merged::{self, Merges};
use super::node::Gives;
use super::plan;
use crate::error::{Error, Result, SqlState};
use crate::planner::relation_function::{
    Argument, NamedRelation, RelationCall, RelationContext, RelationFunction, Takes,
};
use crate::planner::secured::Secured;
use crate::planner::view::View;

/// `lineage(view)`: for each merged cell of a view each value that could have been there, with where it came from,
/// which was chosen and what decided. The view's keys stand first, under their own names.
#[derive(Debug)]
pub struct Lineage;

#[async_trait]
impl RelationFunction for Lineage {
    fn name(&self) -> &'static str {
        "lineage"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[Argument { name: "view", takes: Takes::Relation, required: true }]
    }

    fn description(&self) -> &'static str {
        "Every candidate of every merged cell of a view: where it came from, which was chosen, and what decided."
    }

    async fn plan(&self, call: &RelationCall, _: &dyn RelationContext) -> Result<LogicalPlan> {
        let (view, merges) = merged_view(call.relation(0)?)?;
        plan::plan(&view.name.shown(), view.analyzed(), &merges, Gives::Candidates)
    }
}

/// The error for a view of which policies or masks hide something from who asks: what it is made of would show that.
/// None for any other relation. `told` is what is asked for.
pub fn hidden(relation: &NamedRelation, told: &str) -> Option<Error> {
    let secured = relation.provider.downcast_ref::<Secured>()?;
    secured.inner.downcast_ref::<View>()?;
    let message = format!("permission denied for the {told} of view \"{}\"", relation.name().shown());
    let masked = secured.protection.masked.join(", ");
    let detail = match masked.is_empty() {
        true => "Policies decide which of its rows you see.".to_string(),
        false => format!("You see masks in the place of what is in {masked}."),
    };
    Some(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message).with_detail(detail))
}

/// The view that a relation is, and all that it merges. 42809 for what is no view, or merges nothing; 42501 for a view of
/// which something is hidden.
pub(super) fn merged_view(relation: &NamedRelation) -> Result<(&View, Merges)> {
    let Some(view) = relation.view() else {
        if let Some(error) = hidden(relation, "lineage") {
            return Err(error);
        }
        return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a view", relation.name().shown()))
            .with_detail("Lineage is that of views with merge functions, such as newest or most_trusted."));
    };
    let merges = merged::find(view.analyzed(), &view.name.shown())?;
    Ok((view, merges))
}
