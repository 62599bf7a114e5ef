//! `trusted('relation')`: all rows, with what their broken rules leave of the trust in them.

use async_trait::async_trait;
use datafusion::logical_expr::LogicalPlan;

use super::checked::Checked;
use super::outcome::trust;
use crate::catalog::rule::RuleDef;
use crate::error::Result;
use crate::planner::relation_function::{Argument, RelationCall, RelationContext, RelationFunction, Takes};

/// The column that is added.
const RULE_TRUST: &str = "rule_trust";

/// The function.
#[derive(Debug)]
pub struct Trusted;

#[async_trait]
impl RelationFunction for Trusted {
    fn name(&self) -> &'static str {
        "trusted"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[Argument { name: "relation", takes: Takes::Relation, required: true }]
    }

    fn description(&self) -> &'static str {
        "The rows of a relation with rule_trust: the product of the trust that each broken rule leaves, 1 without any."
    }

    async fn plan(&self, call: &RelationCall, context: &dyn RelationContext) -> Result<LogicalPlan> {
        let relation = &call.relation(0)?.definition.name;
        let checked = Checked::of(relation, context, &[], &[RULE_TRUST]).await?;
        let factors: Vec<f64> = checked.rules().map(RuleDef::factor).collect();
        let mut columns = checked.columns.clone();
        columns.push(trust(checked.broken(), &factors).alias(RULE_TRUST));
        Ok(checked.rows().project(columns)?.build()?)
    }
}
