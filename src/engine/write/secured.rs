//! INSERT, UPDATE and DELETE of a local table by those whom its policies concern.
//!
//! UPDATE and DELETE write the whole table anew, with the rows that the role may not touch as they are. What the statement
//! computes is planned over the other rows alone, so that it is never evaluated on a row that is hidden.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;

use super::change::{Change, NUMBER, numbers, rows_of, take_rows};
use super::rows::schema;
use crate::catalog::definitions::{LocalTableDef, OWNER, RelationDef, RelationName, quoted};
use crate::catalog::security::{Condition, PolicyCommand, RowCheck, row_refused, would_be_affected};
use crate::ddl::statement::Statement;
use crate::engine::access;
use crate::engine::planning;
use crate::engine::run::collect;
use crate::engine::session::Session;
use crate::engine::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::planner::local::LocalTable;
use crate::planner::secured::ROWS;

/// A change of rows that policies keep from the session's role.
pub(super) struct Guarded {
    pub relation: RelationDef,
    /// Finds the numbers of the rows that may be touched.
    pub policies: LogicalPlan,
    /// The policies that say which these are.
    pub names: Vec<String>,
    /// What new rows must meet.
    pub checks: Vec<RowCheck>,
}

impl Session {
    /// A relation that policies or masks keep from the session's role; none where it sees all of it.
    pub(super) fn secured_relation(&self, name: &RelationName) -> Option<RelationDef> {
        let role = self.role();
        if role == OWNER {
            return None;
        }
        let catalog = self.catalog();
        let relation = catalog.definitions.relation(name)?;
        catalog.definitions.is_secured(relation, &role).then(|| relation.clone())
    }

    /// 0A000 where policies say which rows may be written: rows that are copied are not looked at one by one.
    pub(in crate::engine) fn refuse_copy(&self, name: &RelationName) -> Result<()> {
        match self.secured_relation(name) {
            Some(relation) if self.catalog().definitions.is_under_policies(&relation, &self.role()) => {
                Err(Error::unsupported("COPY FROM not supported with row-level security")
                    .with_hint("Use INSERT statements instead."))
            }
            _ => Ok(()),
        }
    }

    /// 42501 unless the rows of an INSERT meet the policies that concern the session's role.
    pub(super) async fn check_inserted(
        &self,
        state: &SessionState,
        name: &RelationName,
        table: &LocalTableDef,
        rows: &RecordBatch,
    ) -> Result<()> {
        let Some(relation) = self.secured_relation(name) else { return Ok(()) };
        let catalog = self.catalog();
        let role = self.role();
        if !catalog.definitions.is_under_policies(&relation, &role) {
            return Ok(());
        }
        self.check_row_security(&relation)?;
        let checks = catalog.definitions.row_checks(&relation, &role, PolicyCommand::Insert);
        self.check_rows(state, &relation, table, rows, &checks).await
    }

    /// What policies say of a change; 42501 or 0A000 where it may not be.
    pub(super) async fn guard_change(
        &self,
        state: &SessionState,
        relation: RelationDef,
        change: &Change,
        all: &RecordBatch,
        statement: &Statement,
    ) -> Result<Guarded> {
        let (catalog, role) = (self.catalog(), self.role());
        let definitions = &catalog.definitions;
        if definitions.masks(&relation, &role).is_some() {
            return Err(Error::unsupported(format!(
                "cannot {} table \"{}\" with masked columns",
                change.verb(),
                relation.name.name
            ))
            .with_hint("Its owner and members of onerow_unmask can."));
        }
        self.check_row_security(&relation)?;
        let snapshot = self.engine.snapshot_of(Arc::clone(&catalog))?;
        let command = if change.updates() { PolicyCommand::Update } else { PolicyCommand::Delete };
        let Condition { sql: mut condition, policies: mut names } =
            definitions.row_condition(&relation, &role, command);
        let mut checks = match change.updates() {
            true => definitions.row_checks(&relation, &role, command),
            false => vec![],
        };
        let plain = rows_of(&relation.name, all)?;
        if self.reads_target(state, &snapshot, &relation, &plain, change, statement).await? {
            // Whoever looks at rows finds those that may be read, and may not make one that may not.
            let Condition { sql: read, policies } = definitions.row_condition(&relation, &role, PolicyCommand::Select);
            names.extend(policies);
            names.sort();
            names.dedup();
            if change.updates() {
                checks.push(RowCheck { sql: read.clone(), policy: None });
            }
            condition = format!("({condition}\n) AND ({read}\n)");
        }
        let query = format!(
            "SELECT {} FROM {} AS {} WHERE ({condition}\n)",
            quoted(NUMBER),
            quoted(ROWS),
            quoted(&relation.name.name)
        );
        let securing = snapshot.securing_state(&relation, Arc::clone(&plain), &role, true)?;
        let policies = Box::pin(planning::plan_query(&securing, &query)).await.map_err(|e| e.with_position(None))?;
        access::check_beside(&policies, &plain, definitions, &role)?;
        Ok(Guarded { relation, policies, names, checks })
    }

    /// The rows that may be touched. Policies are evaluated once: every other row stays as it is.
    pub(super) async fn visible(
        &self,
        state: &SessionState,
        guarded: &Guarded,
        all: &RecordBatch,
    ) -> Result<RecordBatch> {
        take_rows(all, &numbers(&collect(state, &guarded.policies).await?)?)
    }

    /// 42501 unless the session's role may read what a change reads; of its table no column need be read.
    pub(super) fn check_change_reads(&self, reads: &[LogicalPlan], relation: &RelationName) -> Result<()> {
        let (catalog, role) = (self.catalog(), self.role());
        reads.iter().try_for_each(|plan| access::check_read(plan, &catalog.definitions, &role, relation))
    }

    /// Whether what a statement has written uses columns of its rows; 42501 unless the role may read them.
    async fn reads_target(
        &self,
        state: &SessionState,
        snapshot: &Snapshot,
        relation: &RelationDef,
        plain: &Arc<dyn TableProvider>,
        change: &Change,
        statement: &Statement,
    ) -> Result<bool> {
        let role = self.role();
        // Which rows there are does not matter here.
        let every = Some(Condition { sql: "true".to_string(), policies: vec![] });
        let rows: Arc<dyn TableProvider> =
            Arc::new(snapshot.secured_by(relation, Arc::clone(plain), &role, every).await?);
        let own = self.state_over(state, Arc::clone(&rows));
        let reads = change.reads(&own, statement).await?;
        self.check_change_reads(&reads, &relation.name)?;
        let used = reads.iter().map(|plan| access::uses_columns(plan, &rows));
        used.collect::<Result<Vec<bool>>>().map(|used| used.contains(&true))
    }

    /// 42501 where the session has turned `row_security` off.
    fn check_row_security(&self, relation: &RelationDef) -> Result<()> {
        match self.setting("row_security").as_deref() {
            Some("off") => Err(would_be_affected(&relation.name.name)),
            _ => Ok(()),
        }
    }

    /// 42501 unless every row meets the policies.
    pub(super) async fn check_rows(
        &self,
        state: &SessionState,
        relation: &RelationDef,
        table: &LocalTableDef,
        rows: &RecordBatch,
        checks: &[RowCheck],
    ) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let role = self.role();
        let catalog = self.catalog();
        let snapshot = self.engine.snapshot_of(Arc::clone(&catalog))?;
        let memory = MemTable::try_new(schema(table), vec![vec![rows.clone()]])?;
        let new: Arc<dyn TableProvider> = Arc::new(LocalTable::new(relation.name.clone(), memory));
        let securing = snapshot.securing_state(relation, Arc::clone(&new), &role, true)?;
        for check in checks {
            let query = format!(
                "SELECT 1 AS refused FROM {} AS {} WHERE ({}) IS NOT TRUE LIMIT 1",
                quoted(ROWS),
                quoted(&relation.name.name),
                check.sql
            );
            let plan: LogicalPlan =
                Box::pin(planning::plan_query(&securing, &query)).await.map_err(|e| e.with_position(None))?;
            access::check_beside(&plan, &new, &catalog.definitions, &role)?;
            let refused: usize = collect(state, &plan).await?.iter().map(RecordBatch::num_rows).sum();
            if refused > 0 {
                return Err(row_refused(check, &relation.name.name));
            }
        }
        Ok(())
    }
}

impl Session {
    /// Whether a key that is there already is not for the role to be told: of a relation behind policies or masks, and as
    /// in Postgres where it may not read the columns of keys.
    pub(in crate::engine) fn hides_keys(&self, name: &RelationName, table: &LocalTableDef) -> bool {
        let role = self.role();
        if role == OWNER {
            return false;
        }
        let catalog = self.catalog();
        let Some(relation) = catalog.definitions.relation(name) else { return true };
        let rights = catalog.definitions.rights(&role);
        let mut columns = table.primary_key.iter().chain(table.unique_keys.iter().flatten());
        catalog.definitions.is_secured(relation, &role) || !columns.all(|column| rights.column(relation, column, "r"))
    }
}

/// A key that is there already may be one of a row that is hidden.
pub(in crate::engine) fn without_detail(error: Error) -> Error {
    let plain = Error::new(error.state(), error.message());
    match error.subject() {
        Some(subject) => plain.with_subject(subject.clone()),
        None => plain,
    }
}
