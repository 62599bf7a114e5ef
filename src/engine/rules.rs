//! Rules of validation: CREATE RULE and DROP RULE, and how a rule is planned.

use datafusion::execution::SessionState;

use super::session::Session;
use super::snapshot::Snapshot;
use super::{access, planning};
use crate::catalog::definitions::{Definitions, OWNER, Origin, RelationName};
use crate::catalog::rule::RuleDef;
use crate::ddl::statement::{NameRef, Rule};
use crate::error::{Error, Result, SqlState};
use crate::quality::rule::{self, PlannedRule};

impl Snapshot {
    /// Plans a rule over its relation with its owner's rights; a position in an error counts from the expression's
    /// start.
    pub(super) async fn plan_rule(&self, rule: &RuleDef) -> Result<PlannedRule> {
        planned(&self.view_state(OWNER), rule).await
    }
}

/// Plans a rule in a state.
async fn planned(state: &SessionState, rule: &RuleDef) -> Result<PlannedRule> {
    let written = planning::plan_query(state, &rule::query(rule)).await.map_err(rule::placed)?;
    PlannedRule::new(rule.clone(), &written, state)
}

/// The rule that a statement makes.
pub(super) fn defined(rule: &Rule, relation: RelationName, origin: Origin) -> RuleDef {
    RuleDef {
        relation,
        name: rule.name.clone(),
        expression: rule.check.clone(),
        severity: rule.severity,
        trust: rule.trust,
        message: rule.message.clone(),
        origin,
    }
}

impl Session {
    /// CREATE [OR REPLACE] RULE: its expression must plan. Positions count from the statement's start.
    pub(super) async fn create_rule(&self, definitions: &mut Definitions, rule: &Rule, or_replace: bool) -> Result<()> {
        let relation = self.ruled(definitions, &rule.relation)?;
        let made = defined(rule, relation, Origin::State);
        // Before it is planned: a name that is taken is the plainer error.
        definitions.add_rule(made.clone(), or_replace)?;
        let snapshot = self.engine.snapshot_of(self.catalog())?;
        if self.role() != OWNER {
            // What else the expression reads is for whoever makes the rule to read.
            let state = snapshot.view_state(&self.role());
            let written = Box::pin(planning::plan_query(&state, &rule::query(&made))).await.map_err(rule::placed);
            let written = written.map_err(|error| error.shifted(rule.check_offset))?;
            access::check_planned(&written, &state)?;
        }
        Box::pin(snapshot.plan_rule(&made)).await.map_err(|error| error.shifted(rule.check_offset))?;
        Ok(())
    }

    /// DROP RULE; gives what is to be told.
    pub(super) fn drop_rule(
        &self,
        definitions: &mut Definitions,
        relation: &NameRef,
        name: &str,
        if_exists: bool,
    ) -> Result<Vec<String>> {
        let relation = match self.ruled(definitions, relation) {
            // A relation that its source has no more may have left its rules.
            Err(error)
                if error.state() == SqlState::UNDEFINED_TABLE
                    && definitions.rules.contains_key(&(relation.to_create(), name.to_string())) =>
            {
                relation.to_create()
            }
            Err(error) if if_exists && error.state() == SqlState::UNDEFINED_TABLE => {
                return Ok(vec![format!("relation \"{}\" does not exist, skipping", relation.name)]);
            }
            found => found?,
        };
        Ok(definitions.drop_rule(&relation, name, if_exists)?.into_iter().collect())
    }

    /// The relation that a rule is about; who makes or drops one must own it.
    fn ruled(&self, definitions: &Definitions, name: &NameRef) -> Result<RelationName> {
        let found = definitions.find(name, &self.path()).ok_or_else(|| missing(name))?;
        definitions.rights(&self.role()).need_own(found)?;
        Ok(found.name.clone())
    }
}

/// 42P01 at the name.
pub(super) fn missing(name: &NameRef) -> Error {
    Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", name.shown()))
        .with_position(Some(name.position))
}
