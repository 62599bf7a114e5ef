//! `violations('relation')`: a row for each row and rule that it breaks.

use async_trait::async_trait;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::checked::Checked;
use super::outcome::{broken_rules, text_of};
use crate::catalog::definitions::{RelationDef, quoted};
use crate::catalog::rule::RuleDef;
use crate::error::{Error, Result};
use crate::planner::relation_function::{Argument, RelationCall, RelationContext, RelationFunction, Takes};

/// The number of a broken rule, on its way to the rule's texts.
const NUMBER: &str = "$number";

/// The function.
#[derive(Debug)]
pub struct Violations;

#[async_trait]
impl RelationFunction for Violations {
    fn name(&self) -> &'static str {
        "violations"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[Argument { name: "relation", takes: Takes::Relation, required: true }]
    }

    fn description(&self) -> &'static str {
        "Each row of a relation with each rule that it breaks."
    }

    async fn plan(&self, call: &RelationCall, context: &dyn RelationContext) -> Result<LogicalPlan> {
        let relation = &call.relation(0)?.definition;
        let told = [text_column(relation, "source"), text_column(relation, "record_id"), whole_row(relation)];
        let checked = Checked::of(&relation.name, context, &told, &[]).await?;
        let [source, record_id, row] = checked.more.as_slice() else {
            return Err(Error::internal("a relation's rows were planned with other columns"));
        };
        let found = checked
            .breaking()?
            .project([
                broken_rules(checked.broken()).alias(NUMBER),
                source.clone().alias("source"),
                record_id.clone().alias("record_id"),
                row.clone().alias("row"),
            ])?
            .unnest_column(Column::new_unqualified(NUMBER))?;
        let text = |name: &'static str, of: &dyn Fn(&RuleDef) -> String| {
            let texts = checked.rules().map(of).collect();
            text_of(name, Expr::Column(Column::new_unqualified(NUMBER)), texts).alias(name)
        };
        let columns = [
            text("rule", &|rule| rule.name.clone()),
            text("severity", &|rule| rule.severity.word().to_string()),
            text("message", &RuleDef::told),
            Expr::Column(Column::new_unqualified("source")),
            Expr::Column(Column::new_unqualified("record_id")),
            Expr::Column(Column::new_unqualified("row")),
        ];
        Ok(found.project(columns)?.build()?)
    }
}

/// A column as text; null where the relation has none of this name.
fn text_column(relation: &RelationDef, name: &str) -> String {
    match relation.columns().iter().any(|column| column.name == name) {
        true => format!("{}::text", quoted(name)),
        false => "NULL::text".to_string(),
    }
}

/// The row as jsonb.
fn whole_row(relation: &RelationDef) -> String {
    let members: Vec<String> = relation
        .columns()
        .iter()
        .map(|column| format!("'{}', {}", column.name.replace('\'', "''"), quoted(&column.name)))
        .collect();
    format!("jsonb_build_object({})", members.join(", "))
}
