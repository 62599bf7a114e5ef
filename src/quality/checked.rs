//! A relation's rows with what its rules say of them.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::logical_expr::utils::{conjunction, disjunction};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, LogicalPlanBuilder, lit};

use super::node::{RuleNode, Tested};
use super::rule::{PlannedRule, query};
use crate::catalog::definitions::RelationName;
use crate::catalog::rule::{RuleDef, Severity};
use crate::error::{Error, Result, SqlState};
use crate::planner::relation_function::RelationContext;

/// The rows of a relation, and whether each breaks each rule.
pub(super) struct Checked {
    /// The rows, with a column for each rule that can fail.
    plan: LogicalPlan,
    /// The relation's columns.
    pub columns: Vec<Expr>,
    /// What else was asked of each row.
    pub more: Vec<Expr>,
    /// The rules in order of name, each with an expression that is true for a row which breaks it.
    broken: Vec<(RuleDef, Expr)>,
}

impl Checked {
    /// Plans the rules of a relation over its rows. `more` are expressions in SQL over them; the names in `added` are
    /// not to be its columns'.
    pub async fn of(
        relation: &RelationName,
        context: &dyn RelationContext,
        more: &[String],
        added: &[&str],
    ) -> Result<Self> {
        let known = context.relation(relation).await?;
        let mut prefix = "$more_".to_string();
        while known.definition.columns().iter().any(|column| column.name.starts_with(&prefix)) {
            prefix.insert(0, '$');
        }
        let more: String = more.iter().enumerate().map(|(at, item)| format!(", {item} AS \"{prefix}{at}\"")).collect();
        let rows = context.query(&format!("SELECT *{more} FROM {}", relation.quoted())).await?;
        let LogicalPlan::Projection(rows) = rows else {
            return Err(Error::internal("a relation's rows were planned in another form"));
        };
        let is_more = |expr: &Expr| matches!(expr, Expr::Alias(alias) if alias.name.starts_with(&prefix));
        let (more, columns): (Vec<Expr>, Vec<Expr>) = rows.expr.iter().cloned().partition(is_more);
        check_names(relation, &columns, added)?;
        let mut rules = vec![];
        for rule in context.definitions().rules_on(relation) {
            let named = |error: Error| error.with_position(None).with_context(rule.label());
            let written = context.query(&query(rule)).await.map_err(named)?;
            rules.push(PlannedRule::new(rule.clone(), &written, context.state()).map_err(named)?);
        }
        let (plan, broken) = tested(Arc::unwrap_or_clone(rows.input), rules)?;
        Ok(Checked { plan, columns, more: more.into_iter().map(Expr::unalias).collect(), broken })
    }

    /// The rules, in order of name.
    pub fn rules(&self) -> impl Iterator<Item = &RuleDef> {
        self.broken.iter().map(|(rule, _)| rule)
    }

    /// Whether a row breaks each of the rules.
    pub fn broken(&self) -> Vec<Expr> {
        self.broken.iter().map(|(_, broken)| broken.clone()).collect()
    }

    /// The same for rules of errors alone.
    pub fn errors(mut self) -> Self {
        self.broken.retain(|(rule, _)| rule.severity == Severity::Error);
        self
    }

    /// All rows.
    pub fn rows(&self) -> LogicalPlanBuilder {
        LogicalPlanBuilder::from(self.plan.clone())
    }

    /// The rows that break a rule.
    pub fn breaking(&self) -> Result<LogicalPlanBuilder> {
        Ok(self.rows().filter(disjunction(self.broken()).unwrap_or_else(|| lit(false)))?)
    }

    /// The rows that break none.
    pub fn keeping(&self) -> Result<LogicalPlanBuilder> {
        let kept = self.broken().into_iter().map(|broken| Expr::IsNotTrue(Box::new(broken)));
        Ok(match conjunction(kept) {
            Some(kept) => self.rows().filter(kept)?,
            None => self.rows(),
        })
    }
}

/// The rows with a node for the rules that can fail, and for each rule whether a row breaks it. The others are ordinary
/// conditions, for the optimizer and the sources.
pub(super) fn tested(rows: LogicalPlan, rules: Vec<PlannedRule>) -> Result<(LogicalPlan, Vec<(RuleDef, Expr)>)> {
    let (mut names, mut exprs, mut broken) = (vec![], vec![], vec![]);
    for (at, planned) in rules.into_iter().enumerate() {
        let kept = if planned.infallible {
            planned.expr
        } else {
            let mut column = format!("$rule_{at}");
            while rows.schema().has_column_with_unqualified_name(&column) {
                column.insert(0, '$');
            }
            names.push(Tested { column: column.clone(), label: planned.rule.label() });
            exprs.push(planned.expr);
            Expr::Column(Column::new_unqualified(column))
        };
        broken.push((planned.rule, Expr::Not(Box::new(kept))));
    }
    if names.is_empty() {
        return Ok((rows, broken));
    }
    let node = RuleNode::try_new(rows, names, exprs)?;
    Ok((LogicalPlan::Extension(Extension { node: Arc::new(node) }), broken))
}

/// Fails (42701) where a relation has a column of the name of one that is added to it.
fn check_names(relation: &RelationName, columns: &[Expr], added: &[&str]) -> Result<()> {
    let taken = columns.iter().find_map(|column| {
        let name = column.qualified_name().1;
        added.contains(&name.as_str()).then_some(name)
    });
    match taken {
        Some(name) => Err(Error::new(
            SqlState::DUPLICATE_COLUMN,
            format!("relation \"{}\" has a column \"{name}\" already", relation.shown()),
        )
        .with_hint("Read a view of it in which the column has another name.")),
        None => Ok(()),
    }
}
