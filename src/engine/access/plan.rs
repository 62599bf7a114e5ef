//! May a role read all that a plan reads?

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, WriteOp};

use super::columns::{Scanned, scans};
use crate::catalog::definitions::{Definitions, OWNER, RelationKind, RelationName};
use crate::catalog::rights::{Rights, denied, relation_words};
use crate::engine::relation_calls::Caller;
use crate::error::{Error, Result};
use crate::planner::foreign::ForeignTable;
use crate::planner::local::LocalTable;
use crate::planner::remote_query::RemoteQueryTable;
use crate::planner::view::View;

/// 42501 unless a role may read every relation that a plan reads, in subqueries too, and write what it writes. The plan is
/// not analysed yet. The owner may, and nothing is looked at.
pub(in crate::engine) fn check_plan(plan: &LogicalPlan, definitions: &Definitions, role: &str) -> Result<()> {
    if role == OWNER {
        return Ok(());
    }
    Reader { definitions, unread: None }.check(plan, role)
}

/// The same for a plan that was made in a session's state, for the role that this was made for.
pub(in crate::engine) fn check_planned(plan: &LogicalPlan, state: &SessionState) -> Result<()> {
    let caller = state.config().get_extension::<Caller>();
    let caller = caller.ok_or_else(|| Error::internal("a plan was made in nobody's name"))?;
    if caller.role() == OWNER { Ok(()) } else { check_plan(plan, &caller.definitions(), caller.role()) }
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
    Reader { definitions, unread: Some(target) }.check(plan, role)
}

struct Reader<'a> {
    definitions: &'a Definitions,
    /// A relation of which it is no matter if no column of it is used.
    unread: Option<&'a RelationName>,
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
        if let Some(table) = provider.downcast_ref::<ForeignTable>() {
            return self.may_select(table.name(), scan, rights);
        }
        if let Some(table) = provider.downcast_ref::<LocalTable>() {
            return self.may_select(table.name(), scan, rights);
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
        self.may_select(&view.name, scan, rights)?;
        let invoker = match self.definitions.relation(&view.name).map(|relation| &relation.kind) {
            Some(RelationKind::View(def)) => def.security_invoker,
            _ => false,
        };
        let reader = if invoker { role } else { view.owner.as_str() };
        if reader == OWNER { Ok(()) } else { self.check(&view.written, reader) }
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
                && let Some(table) = source_as_provider(&dml.target)?.downcast_ref::<LocalTable>()
                && let Some(relation) = self.definitions.relation(table.name())
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
