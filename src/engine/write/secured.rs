//! INSERT, UPDATE and DELETE of a local table by those whom its policies concern.
//!
//! UPDATE and DELETE write the whole table anew, with the rows that the role may not touch as they are. What the statement
//! computes is planned over the other rows alone, behind a barrier, so that it is never evaluated on a row that is hidden.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{concat_batches, filter_record_batch, not};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::scalar::ScalarValue;

use super::planned;
use super::rows::{check_keys, check_nulls, conform, schema};
use crate::audit::Touched;
use crate::catalog::definitions::{LocalTableDef, OWNER, RelationDef, RelationName, quote_identifier, quoted};
use crate::catalog::security::{Condition, PolicyCommand, RowCheck, row_refused, would_be_affected};
use crate::catalog::store::RowChange;
use crate::ddl::statement::Statement;
use crate::engine::access;
use crate::engine::planning;
use crate::engine::run::{bind, collect};
use crate::engine::session::Session;
use crate::engine::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::planner::bounds;
use crate::planner::local::LocalTable;
use crate::planner::secured::ROWS;

/// The column that says whether a row is one that the statement changes; no user can type it.
const TOUCHED: &str = "\u{1}touched";

/// What an UPDATE or DELETE does with the rows that it may touch.
pub(super) struct Rewrite<'a> {
    /// The table's definition.
    pub table: &'a LocalTableDef,
    /// `update` or `delete`.
    pub access: &'static str,
    /// What is looked for, as SQL.
    pub wanted: &'a str,
    /// What each column becomes, as SQL over the table's own columns; none for DELETE.
    pub items: Option<Vec<String>>,
    /// What of that and of the condition the statement itself has written.
    pub reads: Vec<&'a str>,
    /// The table under its alias, or its name.
    pub name: String,
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

    /// Runs an UPDATE or DELETE of a table that policies or masks keep from the session's role; gives how many rows were
    /// touched.
    pub(super) async fn rewrite_secured(
        &self,
        state: &SessionState,
        relation: &RelationDef,
        rewrite: Rewrite<'_>,
        statement: &Statement,
        parameters: &[ScalarValue],
    ) -> Result<i64> {
        let (catalog, role) = (self.catalog(), self.role());
        let definitions = &catalog.definitions;
        if definitions.masks(relation, &role).is_some() {
            return Err(Error::unsupported(format!(
                "cannot {} table \"{}\" with masked columns",
                rewrite.access, relation.name.name
            ))
            .with_hint("Its owner and members of onerow_unmask can."));
        }
        self.check_row_security(relation)?;
        let snapshot = self.engine.snapshot_of(Arc::clone(&catalog))?;
        let plain = Box::pin(snapshot.plain(relation, &role)).await?;
        let command = if rewrite.items.is_some() { PolicyCommand::Update } else { PolicyCommand::Delete };
        let mut condition = definitions.row_condition(relation, &role, command);
        let mut checks = match rewrite.items {
            Some(_) => definitions.row_checks(relation, &role, command),
            None => vec![],
        };
        if self.reads_target(state, &snapshot, relation, &plain, &rewrite, statement).await? {
            // Whoever looks at rows finds those that may be read, and may not make one that may not.
            let read = definitions.row_condition(relation, &role, PolicyCommand::Select);
            if rewrite.items.is_some() {
                checks.push(RowCheck { sql: read.sql.clone(), policy: None });
            }
            let mut policies = [condition.policies, read.policies].concat();
            policies.sort();
            policies.dedup();
            condition = Condition { sql: format!("({}) AND ({})", condition.sql, read.sql), policies };
        }
        let columns: Vec<String> = rewrite.table.columns.iter().map(|c| quote_identifier(&c.name)).collect();
        let hidden = format!(
            "SELECT {} FROM {} AS {} WHERE ({}) IS NOT TRUE",
            columns.join(", "),
            quoted(ROWS),
            quoted(&relation.name.name),
            condition.sql
        );
        let securing = snapshot.securing_state(relation, Arc::clone(&plain), &role, true)?;
        let hidden = Box::pin(planning::plan_query(&securing, &hidden)).await.map_err(|e| e.with_position(None))?;
        access::check_beside(&hidden, &plain, definitions, &role)?;
        let secured = snapshot.secured_by(relation, plain, &role, Some(condition)).await?;
        let items = rewrite.items.as_ref().unwrap_or(&columns);
        let query = format!(
            "SELECT {}, ({}) IS TRUE AS {} FROM {} AS {}",
            items.join(", "),
            rewrite.wanted,
            quoted(TOUCHED),
            quoted(ROWS),
            rewrite.name
        );
        let own = self.state_over(state, Arc::new(secured));
        let visible = planned(&own, &query, statement).await?;
        bounds::check(&visible)?;
        let visible = bind(visible, parameters.to_vec())?;
        let all = rewrite.items.as_ref().map_or_else(Vec::new, |_| names_of(rewrite.table));
        self.before(|names| {
            let read = Touched::by_plan(&visible, names).with(Touched::by_plan(&hidden, names));
            read.writing(&relation.name, rewrite.access, all)
        })
        .await?;
        let (rows, touched) = split(&collect(&own, &visible).await?, rewrite.table)?;
        let count = touched.num_rows();
        if count == 0 {
            return Ok(0);
        }
        let kept = conform(&collect(state, &hidden).await?, rewrite.table)?;
        let rows = match rewrite.items {
            Some(_) => {
                self.check_rows(state, relation, rewrite.table, &touched, &checks).await?;
                concat_batches(&kept.schema(), [&kept, &rows, &touched])?
            }
            None => concat_batches(&kept.schema(), [&kept, &rows])?,
        };
        check_nulls(&rows, &relation.name, rewrite.table)?;
        check_keys(std::iter::once(&rows), &relation.name, rewrite.table).map_err(without_detail)?;
        self.commit_change(
            definitions.as_ref().clone(),
            &[(relation.name.clone(), RowChange::Replace(std::slice::from_ref(&rows)))],
        )?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Whether what a statement has written uses columns of its table; 42501 unless the role may read them.
    async fn reads_target(
        &self,
        state: &SessionState,
        snapshot: &Snapshot,
        relation: &RelationDef,
        plain: &Arc<dyn TableProvider>,
        rewrite: &Rewrite<'_>,
        statement: &Statement,
    ) -> Result<bool> {
        let role = self.role();
        // Which rows there are does not matter here.
        let every = Some(Condition { sql: "true".to_string(), policies: vec![] });
        let secured = Arc::new(snapshot.secured_by(relation, Arc::clone(plain), &role, every).await?);
        let own = self.state_over(state, secured);
        let items: Vec<String> = (0..).zip(&rewrite.reads).map(|(at, text)| format!("({text}) AS c{at}")).collect();
        let query = format!("SELECT {} FROM {} AS {}", items.join(", "), quoted(ROWS), rewrite.name);
        let plan = planned(&own, &query, statement).await?;
        access::check_read(&plan, &self.catalog().definitions, &role, &relation.name)?;
        access::uses_columns(&plan, &relation.name)
    }

    /// The session's state in which the name of a statement's rows means `rows`.
    fn state_over(&self, state: &SessionState, rows: Arc<dyn TableProvider>) -> SessionState {
        let mut own = state.clone();
        let snapshot = Snapshot { rows: Some(rows), ..Snapshot::new(Arc::clone(&self.engine), self.catalog()) };
        self.engine.pin_to(&mut own, snapshot, &self.scope());
        own
    }

    /// 42501 where the session has turned `row_security` off.
    fn check_row_security(&self, relation: &RelationDef) -> Result<()> {
        match self.setting("row_security").as_deref() {
            Some("off") => Err(would_be_affected(&relation.name.name)),
            _ => Ok(()),
        }
    }

    /// 42501 unless every row meets the policies.
    async fn check_rows(
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

fn names_of(table: &LocalTableDef) -> Vec<String> {
    table.columns.iter().map(|column| column.name.clone()).collect()
}

/// The rows that stay and those that the statement touches, of batches whose last column says which is which.
fn split(batches: &[RecordBatch], table: &LocalTableDef) -> Result<(RecordBatch, RecordBatch)> {
    let (mut stay, mut touched) = (vec![], vec![]);
    let columns: Vec<usize> = (0..table.columns.len()).collect();
    for batch in batches {
        let Some(marks) = batch.columns().last().and_then(|column| column.as_boolean_opt()) else {
            return Err(Error::internal("rows came without their marks"));
        };
        let rows = batch.project(&columns)?;
        touched.push(filter_record_batch(&rows, marks)?);
        stay.push(filter_record_batch(&rows, &not(marks)?)?);
    }
    Ok((conform(&stay, table)?, conform(&touched, table)?))
}

/// A key that is there already may be one of a row that is hidden.
pub(super) fn without_detail(error: Error) -> Error {
    let plain = Error::new(error.state(), error.message());
    match error.subject() {
        Some(subject) => plain.with_subject(subject.clone()),
        None => plain,
    }
}
