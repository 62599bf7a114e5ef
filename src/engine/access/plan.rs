//! May a role read all that a plan reads?

use std::cell::OnceCell;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, WriteOp};
use datafusion::sql::parser::Statement as DfStatement;

use super::columns::{Scanned, scans};
use super::functions::{Written, check_calls, check_own_calls};
use crate::catalog::definitions::{Definitions, OWNER, RelationKind, RelationName};
use crate::catalog::rights::{Rights, denied, relation_words};
use crate::catalog::security::would_be_affected;
use crate::engine::relation_calls::Caller;
use crate::error::{Error, Result};
use crate::planner::foreign::ForeignTable;
use crate::planner::local::LocalTable;
use crate::planner::remote_query::RemoteQueryTable;
use crate::planner::secured::Secured;
use crate::planner::view::View;

/// 42501 unless a role may read every relation that a plan reads, in subqueries too, call the functions that it calls, and
/// write what it writes. The plan is
/// not analysed yet. The owner may, and nothing is looked at.
pub(in crate::engine) fn check_plan(plan: &LogicalPlan, definitions: &Definitions, role: &str) -> Result<()> {
    if role == OWNER {
        return Ok(());
    }
    check_calls(plan, Written::Unknown, definitions, role)?;
    Reader::new(definitions, role).check(plan, role)
}

/// Whether policies are applied: the setting `row_security`. Where they are not, what they would change is refused.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct RowSecurity(pub bool);

/// The same for a plan that was made in a session's state, for the role that this was made for.
pub(in crate::engine) fn check_planned(plan: &LogicalPlan, state: &SessionState) -> Result<()> {
    check_written(plan, state, Written::Unknown)
}

/// The same for the plan of a statement, which says by what names it calls functions.
pub(in crate::engine) fn check_planned_of(
    plan: &LogicalPlan,
    state: &SessionState,
    statement: &DfStatement,
) -> Result<()> {
    check_written(plan, state, Written::Statement(statement))
}

fn check_written(plan: &LogicalPlan, state: &SessionState, written: Written<'_>) -> Result<()> {
    let caller = state.config().get_extension::<Caller>();
    let caller = caller.ok_or_else(|| Error::internal("a plan was made in nobody's name"))?;
    if caller.role() == OWNER {
        return Ok(());
    }
    check_calls(plan, written, &caller.definitions(), caller.role())?;
    let row_security = state.config().get_extension::<RowSecurity>().is_none_or(|applied| applied.0);
    let definitions = caller.definitions();
    Reader { row_security, ..Reader::new(&definitions, caller.role()) }.check(plan, caller.role())
}

/// The same for what an UPDATE or DELETE of `target` reads: of that table no column need be read.
pub(in crate::engine) fn check_read(
    plan: &LogicalPlan,
    definitions: &Definitions,
    role: &str,
    target: &RelationName,
) -> Result<()> {
    if role == OWNER {
        return Ok(());
    }
    check_calls(plan, Written::Unknown, definitions, role)?;
    Reader { unread: Some(target), ..Reader::new(definitions, role) }.check(plan, role)
}

/// 42501 unless a role may read what a plan of policies reads besides the relation `inner` that they are about.
pub(in crate::engine) fn check_beside(
    plan: &LogicalPlan,
    inner: &Arc<dyn TableProvider>,
    definitions: &Definitions,
    role: &str,
) -> Result<()> {
    if role == OWNER {
        return Ok(());
    }
    let rights = definitions.rights(role);
    check_own_calls(plan, Written::Unknown, definitions, &rights)?;
    Reader::new(definitions, role).check_scans(plan, inner, &rights, role)
}

/// Whether a plan reads rows that the role of its session may not: of relations beneath views that it has no privilege
/// on, or behind policies and masks. How many there are, and what sources are asked, is not for it to be told.
pub(in crate::engine) fn hides_beneath(plan: &LogicalPlan, state: &SessionState) -> Result<bool> {
    let Some(caller) = state.config().get_extension::<Caller>() else { return Ok(true) };
    if caller.role() == OWNER {
        return Ok(false);
    }
    let definitions = caller.definitions();
    let reader = Reader::new(&definitions, caller.role());
    reader.hides(plan, &definitions.rights(caller.role()), caller.role())
}

/// Whether a plan uses any column of these rows, which other scans of the same relation are not.
pub(in crate::engine) fn uses_columns(plan: &LogicalPlan, rows: &Arc<dyn TableProvider>) -> Result<bool> {
    Ok(scans(plan)?.iter().any(|scan| !scan.used.is_empty() && Arc::ptr_eq(&scan.provider, rows)))
}

struct Reader<'a> {
    definitions: &'a Definitions,
    /// A relation of which it is no matter if no column of it is used.
    unread: Option<&'a RelationName>,
    /// Whether policies are applied.
    row_security: bool,
    /// Who asks: some views read with his rights, also within those that read with their owners'.
    asker: &'a str,
    /// Whether there are such views, once that was looked for.
    invokers: OnceCell<bool>,
}

impl<'a> Reader<'a> {
    fn new(definitions: &'a Definitions, asker: &'a str) -> Reader<'a> {
        Reader { definitions, unread: None, row_security: true, asker, invokers: OnceCell::new() }
    }
}

impl Reader<'_> {
    fn check(&self, plan: &LogicalPlan, role: &str) -> Result<()> {
        let rights = self.definitions.rights(role);
        self.check_writes(plan, &rights)?;
        for scan in scans(plan)? {
            self.check_scan(&scan, &rights, role)?;
        }
        Ok(())
    }

    fn check_scan(&self, scan: &Scanned, rights: &Rights<'_>, role: &str) -> Result<()> {
        let provider = scan.provider.as_ref();
        if let Some(secured) = provider.downcast_ref::<Secured>() {
            return self.check_secured(secured, scan, rights, role);
        }
        if let Some(table) = provider.downcast_ref::<ForeignTable>() {
            return self.may_read_all(table.name(), scan, rights, role);
        }
        if let Some(table) = provider.downcast_ref::<LocalTable>() {
            return self.may_read_all(table.name(), scan, rights, role);
        }
        if let Some(query) = provider.downcast_ref::<RemoteQueryTable>() {
            let server = self.definitions.servers.get(&query.server);
            return match server.is_some_and(|server| rights.server(server)) {
                true => Ok(()),
                false => Err(denied(&format!("foreign server {}", query.server))),
            };
        }
        let Some(view) = provider.downcast_ref::<View>() else { return Ok(()) };
        // A call of a function over relations is planned for this role: what it reads is the role's to read.
        if view.name.schema == "pg_catalog" {
            return self.check(&view.written, role);
        }
        self.may_read_all(&view.name, scan, rights, role)?;
        self.check_view(view)
    }

    /// What a view reads, for its owner, or for who asks.
    fn check_view(&self, view: &View) -> Result<()> {
        let invoker = match self.definitions.relation(&view.name).map(|relation| &relation.kind) {
            Some(RelationKind::View(def)) => def.security_invoker,
            _ => false,
        };
        let reader = if invoker { self.asker } else { view.owner.as_str() };
        let any_invoker = || *self.invokers.get_or_init(|| self.definitions.has_invokers());
        match reader == OWNER && !any_invoker() {
            true => Ok(()),
            false => self.check(&view.written, reader),
        }
    }

    /// A relation behind policies or masks: its columns are the role's to read as those of any other, and what policies
    /// read besides is read by the role, as in Postgres. What they read of the relation itself needs no privilege.
    fn check_secured(&self, secured: &Secured, scan: &Scanned, rights: &Rights<'_>, role: &str) -> Result<()> {
        self.may_select(&secured.name, scan, rights)?;
        if secured.protection.by_policies && !self.row_security {
            return Err(would_be_affected(&secured.name.name));
        }
        self.check_scans(&secured.written, &secured.inner, rights, role)?;
        match secured.inner.downcast_ref::<View>() {
            Some(view) => self.check_view(view),
            None => Ok(()),
        }
    }

    fn hides(&self, plan: &LogicalPlan, rights: &Rights<'_>, role: &str) -> Result<bool> {
        for scan in scans(plan)? {
            let provider = scan.provider.as_ref();
            let hidden = if provider.is::<Secured>() {
                true
            } else if let Some(table) = provider.downcast_ref::<ForeignTable>() {
                self.may_read_all(table.name(), &scan, rights, role).is_err()
            } else if let Some(table) = provider.downcast_ref::<LocalTable>() {
                self.may_read_all(table.name(), &scan, rights, role).is_err()
            } else if let Some(query) = provider.downcast_ref::<RemoteQueryTable>() {
                self.definitions.servers.get(&query.server).is_none_or(|server| !rights.server(server))
            } else if let Some(view) = provider.downcast_ref::<View>() {
                (view.name.schema != "pg_catalog" && self.may_read_all(&view.name, &scan, rights, role).is_err())
                    || self.hides(&view.written, rights, role)?
            } else {
                false
            };
            if hidden {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The scans of a plan but for those of one relation.
    fn check_scans(
        &self,
        plan: &LogicalPlan,
        but: &Arc<dyn TableProvider>,
        rights: &Rights<'_>,
        role: &str,
    ) -> Result<()> {
        for read in scans(plan)? {
            if !Arc::ptr_eq(&read.provider, but) {
                self.check_scan(&read, rights, role)?;
            }
        }
        Ok(())
    }

    /// A relation that is read as it is, with nothing between. Where policies or masks concern the role that is not to
    /// be: what tells of the rows beneath a view, such as its lineage, would tell of those that the role may not see.
    fn may_read_all(&self, name: &RelationName, scan: &Scanned, rights: &Rights<'_>, role: &str) -> Result<()> {
        self.may_select(name, scan, rights)?;
        match self.definitions.relation(name) {
            Some(relation) if self.definitions.is_secured(relation, role) => Err(would_be_affected(&name.name)
                .with_detail("What is asked for is made of its rows as they are, without its policies and masks.")),
            _ => Ok(()),
        }
    }

    fn may_select(&self, name: &RelationName, scan: &Scanned, rights: &Rights<'_>) -> Result<()> {
        let Some(relation) = self.definitions.relation(name) else {
            return Err(denied(&format!("relation {}", name.name)));
        };
        if rights.relation(relation, "r") {
            return Ok(());
        }
        let schema = scan.provider.schema();
        let mut columns = scan.used.iter().filter_map(|index| schema.fields().get(*index));
        let may = match scan.used.is_empty() {
            true => self.unread == Some(name) || rights.any_column(relation, "r"),
            false => columns.all(|column| rights.column(relation, column.name(), "r")),
        };
        if may { Ok(()) } else { Err(denied(&relation_words(relation))) }
    }

    /// What EXPLAIN is asked of a statement that writes.
    fn check_writes(&self, plan: &LogicalPlan, rights: &Rights<'_>) -> Result<()> {
        let mut refused = None;
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::Dml(dml) = node
                && let Some(name) = written_name(source_as_provider(&dml.target)?.as_ref())
                && let Some(relation) = self.definitions.relation(name)
            {
                let letters = match dml.op {
                    WriteOp::Insert(_) => "a",
                    WriteOp::Update => "w",
                    WriteOp::Delete => "d",
                    _ => "D",
                };
                if !rights.any_column(relation, letters) {
                    refused = Some(denied(&relation_words(relation)));
                    return Ok(TreeNodeRecursion::Stop);
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        refused.map_or(Ok(()), Err)
    }
}

/// The local table that a plan writes.
fn written_name(provider: &dyn TableProvider) -> Option<&RelationName> {
    match provider.downcast_ref::<Secured>() {
        Some(secured) => Some(&secured.name),
        None => provider.downcast_ref::<LocalTable>().map(LocalTable::name),
    }
}
