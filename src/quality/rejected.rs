//! `rejected('relation')`: the rows that break a rule of errors, with the reasons.

use async_trait::async_trait;
use datafusion::logical_expr::LogicalPlan;

use super::checked::Checked;
use super::outcome::reasons;
use crate::catalog::rule::RuleDef;
use crate::error::Result;
use crate::planner::relation_function::{Argument, RelationCall, RelationContext, RelationFunction, Takes};

/// The column that is added.
const REASONS: &str = "reasons";

/// The function.
#[derive(Debug)]
pub struct Rejected;

#[async_trait]
impl RelationFunction for Rejected {
    fn name(&self) -> &'static str {
        "rejected"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[Argument { name: "relation", takes: Takes::Relation, required: true }]
    }

    fn description(&self) -> &'static str {
        "The rows of a relation that break a rule of severity error, with the messages of those rules."
    }

    async fn plan(&self, call: &RelationCall, context: &dyn RelationContext) -> Result<LogicalPlan> {
        let relation = &call.relation(0)?.definition.name;
        let checked = Checked::of(relation, context, &[], &[REASONS]).await?.errors();
        let texts = checked.rules().map(RuleDef::told).collect();
        let mut columns = checked.columns.clone();
        columns.push(reasons(checked.broken(), texts).alias(REASONS));
        Ok(checked.breaking()?.project(columns)?.build()?)
    }
}
