//! `accepted('relation')`: the rows that break no rule of errors.

use async_trait::async_trait;
use datafusion::logical_expr::LogicalPlan;

use super::checked::Checked;
use crate::error::Result;
use crate::planner::relation_function::{Argument, RelationCall, RelationContext, RelationFunction, Takes};

/// The function.
#[derive(Debug)]
pub struct Accepted;

#[async_trait]
impl RelationFunction for Accepted {
    fn name(&self) -> &'static str {
        "accepted"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[Argument { name: "relation", takes: Takes::Relation, required: true }]
    }

    fn description(&self) -> &'static str {
        "The rows of a relation that break no rule of severity error."
    }

    async fn plan(&self, call: &RelationCall, context: &dyn RelationContext) -> Result<LogicalPlan> {
        let relation = &call.relation(0)?.definition.name;
        let checked = Checked::of(relation, context, &[], &[]).await?.errors();
        Ok(checked.keeping()?.project(checked.columns.clone())?.build()?)
    }
}
