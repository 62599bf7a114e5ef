//! Relations behind policies and masks: how what is left of them is planned.
//!
//! What policies say is planned as a query over the relation's rows, with the rights of whoever reads it, as in Postgres:
//! other relations that it names are read as that role reads them, behind policies of their own. Names that give no
//! schema are in `public`, as those of views are.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use super::planning;
use super::snapshot::Snapshot;
use crate::catalog::definitions::{ColumnDef, OWNER, RelationDef, quoted};
use crate::catalog::mask::Mask;
use crate::catalog::security::{Condition, PolicyCommand};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::planner::bounds;
use crate::planner::mask;
use crate::planner::secured::{Protection, ROWS, Secured};

/// What stands before a policy's expression in the query that it is planned in.
const BEFORE: &str = "SELECT (";

impl Snapshot {
    /// What a role sees of a relation, of which `plain` has all.
    pub(super) async fn secured(
        &self,
        relation: &RelationDef,
        plain: Arc<dyn TableProvider>,
        role: &str,
    ) -> Result<Secured> {
        let definitions = &self.state.definitions;
        let under = definitions.is_under_policies(relation, role);
        let condition = under.then(|| definitions.row_condition(relation, role, PolicyCommand::Select));
        self.secured_by(relation, plain, role, condition).await
    }

    /// The same where other policies than those of reading say which rows are left.
    pub(super) async fn secured_by(
        &self,
        relation: &RelationDef,
        plain: Arc<dyn TableProvider>,
        role: &str,
        condition: Option<Condition>,
    ) -> Result<Secured> {
        let state = self.securing_state(relation, Arc::clone(&plain), role, condition.is_some())?;
        let wanted = condition.as_ref().map_or_else(String::new, |condition| format!(" WHERE {}", condition.sql));
        let query = format!("SELECT * FROM {} AS {}{wanted}", quoted(ROWS), quoted(&relation.name.name));
        let written = Box::pin(planning::plan_query(&state, &query)).await;
        let written = written.map_err(|error| of_policies(error, relation))?;
        let mut protection = Protection { by_policies: condition.is_some(), ..Protection::default() };
        protection.policies = condition.map(|condition| condition.policies).unwrap_or_default();
        let written = self.masked(written, relation, role, &mut protection)?;
        let size = bounds::check_view(&written)?;
        let analyzed = state.analyzer().execute_and_check(written.clone(), state.config_options(), |_, _| {});
        let analyzed = analyzed.map_err(|error| of_policies(error.into(), relation))?;
        Ok(Secured::new(relation.name.clone(), plain, protection, written, analyzed, size))
    }

    /// Puts masks in the places of columns. A column that is to be masked and is not there is an error: it may be there
    /// under another name.
    fn masked(
        &self,
        plan: LogicalPlan,
        relation: &RelationDef,
        role: &str,
        protection: &mut Protection,
    ) -> Result<LogicalPlan> {
        let Some(labels) = self.state.definitions.masks(relation, role) else { return Ok(plan) };
        let mut items = vec![];
        let mut left: Vec<&String> = labels.keys().collect();
        for (column, field) in plan.schema().columns().into_iter().zip(plan.schema().fields()) {
            let name = column.name.clone();
            let Some(label) = labels.get(&name) else {
                items.push(datafusion::logical_expr::col(column));
                continue;
            };
            let wanted = Mask::parse(label)?;
            wanted.check_type(&PgType::of_field(field), &name)?;
            items.push(mask::masked(wanted, self.engine.mask_key().as_ref(), column)?.alias(name.clone()));
            left.retain(|left| **left != name);
            protection.masked.push(name);
        }
        if let Some(missing) = left.first() {
            return Err(Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{missing}\" of relation \"{}\" does not exist", relation.name.name),
            )
            .with_detail("It has a mask, so the relation is not shown without it.")
            .with_hint("Take its label away, and label the column that has taken its place."));
        }
        Ok(LogicalPlanBuilder::from(plan).project(items)?.build()?)
    }

    /// The state that a relation's policies are planned in for a role; `plain` is what the name of its rows means.
    /// 42P17 for policies that are being planned already.
    pub(super) fn securing_state(
        &self,
        relation: &RelationDef,
        plain: Arc<dyn TableProvider>,
        role: &str,
        by_policies: bool,
    ) -> Result<SessionState> {
        let mut securing = self.securing.clone();
        if by_policies {
            if securing.contains(&relation.name) {
                return Err(Error::new(
                    SqlState::INVALID_OBJECT_DEFINITION,
                    format!("infinite recursion detected in policy for relation \"{}\"", relation.name.name),
                ));
            }
            securing.push(relation.name.clone());
        }
        let (engine, state) = (Arc::clone(&self.engine), Arc::clone(&self.state));
        let asker = Some(self.asker.clone().unwrap_or_else(|| role.to_string()));
        Ok(self.state_as(role, Snapshot { engine, state, securing, rows: Some(plain), asker }))
    }

    /// Makes sure that an expression of a policy plans, and is boolean. A position in an error counts from the
    /// expression's start.
    pub(super) async fn check_policy(&self, relation: &RelationDef, expression: &str) -> Result<()> {
        let plain = Box::pin(self.plain(relation, OWNER)).await?;
        let state = self.securing_state(relation, plain, OWNER, false)?;
        let query = format!("{BEFORE}{expression}\n) FROM {} AS {}", quoted(ROWS), quoted(&relation.name.name));
        let written = Box::pin(planning::plan_query(&state, &query)).await.map_err(placed)?;
        let LogicalPlan::Projection(projection) = &written else { return Err(not_alone()) };
        match projection.input.as_ref() {
            LogicalPlan::TableScan(_) | LogicalPlan::SubqueryAlias(_) => {}
            LogicalPlan::Aggregate(_) => {
                let message = "aggregate functions are not allowed in policy expressions";
                return Err(Error::new(SqlState::GROUPING_ERROR, message));
            }
            LogicalPlan::Window(_) => {
                let message = "window functions are not allowed in policy expressions";
                return Err(Error::new(SqlState("42P20"), message));
            }
            _ => return Err(not_alone()),
        }
        let analyzed = state.analyzer().execute_and_check(written.clone(), state.config_options(), |_, _| {});
        let analyzed = analyzed.map_err(|error| placed(error.into()))?;
        let given = analyzed.schema().fields().first().map(|field| PgType::of_field(field));
        match given {
            Some(PgType::Bool) => Ok(()),
            given => {
                let given = given.map_or_else(|| "unknown".to_string(), |given| given.to_string());
                let message = format!("argument of POLICY must be type boolean, not type {given}");
                Err(Error::new(SqlState::DATATYPE_MISMATCH, message).with_position(Some(1)))
            }
        }
    }

    /// Makes sure that the masks of a relation's columns fit their types.
    pub(super) fn check_masks(&self, relation: &RelationDef, columns: &[ColumnDef]) -> Result<()> {
        for (name, label) in &relation.security.labels {
            let wanted = Mask::parse(label)?;
            if let Some(column) = columns.iter().find(|column| column.name == *name) {
                wanted.check_type(&column.pg_type(), name)?;
            }
            mask::check_key(&wanted, self.engine.mask_key().as_ref())?;
        }
        Ok(())
    }
}

fn not_alone() -> Error {
    Error::unsupported("a policy has one expression")
}

/// An error of the query for one expression, with its position counted from the start of the expression.
fn placed(error: Error) -> Error {
    let before = BEFORE.chars().count();
    let position = error.position().and_then(|position| position.checked_sub(before)).filter(|at| *at > 0);
    error.with_position(position)
}

/// An error of what a relation's policies are: its position would mislead.
fn of_policies(error: Error, relation: &RelationDef) -> Error {
    error.with_position(None).with_context(format!("policies of relation \"{}\"", relation.name))
}
