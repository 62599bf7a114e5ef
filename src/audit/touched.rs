//! What a plan reads: its relations with their columns, also those beneath its views.
//!
//! A column counts where an expression of the statement names it, as for Postgres's column privileges, whatever the
//! optimiser leaves of it. `SELECT *` names all. Where two relations could be meant by a name, as neither scope nor
//! qualifier tells them apart, the first one is taken, as the planner has refused what is ambiguous.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};
use serde::Serialize;

use crate::catalog::definitions::{Definitions, RelationKind, RelationName, SEARCH_PATH_SCHEMA};
use crate::ddl::statement::NameRef;
use crate::planner::foreign::ForeignTable;
use crate::planner::local::LocalTable;
use crate::planner::remote_query::RemoteQueryTable;
use crate::planner::secured::{Protection, Secured};
use crate::planner::view::View;

/// What a statement reads and changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// The relations, those that the statement names before those beneath its views.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<Relation>,
    /// What a definition is about, such as `server erp`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
    /// The role that the statement runs as, where that is not the one that logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A relation that a statement reads or changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Relation {
    /// With its schema.
    pub name: String,
    /// `table`, `view`, `foreign table`, `system catalog`, `remote query` or `function`.
    pub kind: &'static str,
    /// `select`, `insert`, `update` or `delete`.
    pub access: &'static str,
    /// The server that holds its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The columns, in order of name; none where only rows are counted.
    pub columns: Vec<String>,
    /// The view whose definition reads it; none where the statement itself does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// The policies of row level security that were applied, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// The columns that were masked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
}

/// What names mean.
pub struct Names {
    /// What is defined.
    pub definitions: Arc<Definitions>,
    /// The schemas of names that give none.
    pub path: Vec<String>,
}

impl Touched {
    /// What a plan reads, in which views are still scans of views.
    pub fn by_plan(plan: &LogicalPlan, names: &Names) -> Touched {
        let mut walk = Walk { names, found: BTreeMap::new(), protected: BTreeMap::new(), views: HashSet::new() };
        walk.visit(plan, None, None);
        let mut protected = walk.protected;
        let relations = walk.found.into_iter().map(|((via, name), (kind, server, columns))| {
            let key = (via, name);
            let protection = protected.remove(&key).unwrap_or_default();
            let (via, name) = key;
            Relation {
                name,
                kind,
                access: "select",
                server,
                // Columns of our own, as the numbers of rows that are changed, are nobody's.
                columns: columns.into_iter().filter(|column| !column.starts_with('\u{1}')).collect(),
                via,
                policies: protection.policies,
                masked: protection.masked,
            }
        });
        Touched { relations: relations.collect(), ..Touched::default() }
    }

    /// The same with what another plan reads.
    pub fn with(mut self, other: Touched) -> Touched {
        for relation in other.relations {
            let same = |known: &&mut Relation| {
                (&known.name, &known.via, known.access) == (&relation.name, &relation.via, relation.access)
            };
            match self.relations.iter_mut().find(same) {
                Some(known) => {
                    let columns: BTreeSet<String> = known.columns.drain(..).chain(relation.columns).collect();
                    known.columns = columns.into_iter().collect();
                    let policies: BTreeSet<String> = known.policies.drain(..).chain(relation.policies).collect();
                    known.policies = policies.into_iter().collect();
                }
                None => self.relations.push(relation),
            }
        }
        self.objects.extend(other.objects);
        self
    }

    /// The same where what is read of a relation is read behind policies.
    pub fn behind(mut self, name: &RelationName, policies: &[String]) -> Touched {
        let name = full(name);
        for relation in self.relations.iter_mut().filter(|relation| relation.name == name && relation.via.is_none()) {
            if relation.access == "select" {
                relation.policies = policies.to_vec();
            }
        }
        self
    }

    /// The same with a local table that is written.
    pub fn writing(mut self, name: &RelationName, access: &'static str, columns: Vec<String>) -> Touched {
        let relation = Relation { name: full(name), kind: "table", access, columns, ..Relation::default() };
        self.relations.insert(0, relation);
        self
    }
}

/// Under the view that reads it and its name: its kind, its server and its columns.
type Found = BTreeMap<(Option<String>, String), (&'static str, Option<String>, BTreeSet<String>)>;

struct Walk<'n> {
    names: &'n Names,
    found: Found,
    /// What was between, under the same.
    protected: BTreeMap<(Option<String>, String), Protection>,
    /// Views that were looked into.
    views: HashSet<String>,
}

/// A plan around a subquery, and what is around that.
struct Scope<'s> {
    plan: &'s LogicalPlan,
    outer: Option<&'s Scope<'s>>,
}

impl Walk<'_> {
    fn visit(&mut self, plan: &LogicalPlan, outer: Option<&Scope<'_>>, via: Option<&str>) {
        if let LogicalPlan::TableScan(scan) = plan {
            self.scan(scan, via);
        }
        let scope = Scope { plan, outer };
        let mut columns: Vec<(Column, bool)> = vec![];
        let mut subqueries: Vec<Arc<LogicalPlan>> = vec![];
        // Only gathering could fail, and it does not.
        let _ = plan.apply_expressions(|expression| gather(expression, &mut columns, &mut subqueries));
        for (column, is_outer) in columns {
            let origin = if is_outer { outer_origin(outer, &column) } else { origin(plan, &column) };
            if let Some((scan, column)) = origin {
                self.column(scan, column, via);
            }
        }
        for subquery in subqueries {
            self.visit(&subquery, Some(&scope), via);
        }
        for input in plan.inputs() {
            // What is LATERAL names columns of its neighbours.
            let lateral = matches!(plan, LogicalPlan::Join(_));
            self.visit(input, if lateral { Some(&scope) } else { outer }, via);
        }
    }

    fn scan(&mut self, scan: &TableScan, via: Option<&str>) {
        let (name, kind, server) = self.identify(scan);
        let key = (via.map(str::to_string), name.clone());
        self.found.entry(key.clone()).or_insert_with(|| (kind, server, BTreeSet::new()));
        let Ok(provider) = source_as_provider(&scan.source) else { return };
        let secured = provider.downcast_ref::<Secured>();
        if let Some(secured) = secured
            && !self.protected.contains_key(&key)
        {
            self.protected.insert(key, secured.protection.clone());
            // The relation itself is in it, and what its policies read.
            self.visit(&secured.written, None, Some(&name));
            self.found.remove(&(Some(name.clone()), name.clone()));
        }
        let inner = secured.map_or(&provider, |secured| &secured.inner);
        if kind == "view"
            && self.views.insert(name.clone())
            && let Some(view) = inner.downcast_ref::<View>()
        {
            self.visit(&view.written, None, Some(&name));
        }
    }

    fn column(&mut self, scan: &TableScan, column: String, via: Option<&str>) {
        let (name, kind, server) = self.identify(scan);
        let key = (via.map(str::to_string), name);
        self.found.entry(key).or_insert_with(|| (kind, server, BTreeSet::new())).2.insert(column);
    }

    /// A relation's name, kind and server.
    fn identify(&self, scan: &TableScan) -> (String, &'static str, Option<String>) {
        if let Ok(provider) = source_as_provider(&scan.source) {
            let provider = match provider.downcast_ref::<Secured>() {
                Some(secured) => Arc::clone(&secured.inner),
                None => provider,
            };
            if let Some(table) = provider.downcast_ref::<LocalTable>() {
                return (full(table.name()), "table", None);
            }
            if let Some(view) = provider.downcast_ref::<View>() {
                return (full(&view.name), "view", None);
            }
            if let Some(table) = provider.downcast_ref::<ForeignTable>() {
                let name = table.name();
                let server = self.names.definitions.relations.get(name).and_then(|relation| match &relation.kind {
                    RelationKind::Foreign(foreign) => Some(foreign.server.clone()),
                    _ => None,
                });
                return (full(name), "foreign table", server);
            }
            if let Some(query) = provider.downcast_ref::<RemoteQueryTable>() {
                return ("remote_query".to_string(), "remote query", Some(query.server.clone()));
            }
        }
        let table = &scan.table_name;
        let schema = table.schema().filter(|schema| *schema != SEARCH_PATH_SCHEMA);
        if let Some(schema @ ("pg_catalog" | "information_schema")) = schema {
            return (format!("{schema}.{}", table.table()), "system catalog", None);
        }
        let written = NameRef { schema: schema.map(str::to_string), name: table.table().to_string(), position: 1 };
        // The views of a view's definition are looked up in `public`, which a local table's name says by itself.
        match self.names.definitions.find(&written, &self.names.path) {
            Some(relation) => (full(&relation.name), "table", None),
            None if table.table().ends_with("()") => (table.table().to_string(), "function", None),
            None => self.unknown(table),
        }
    }

    fn unknown(&self, table: &TableReference) -> (String, &'static str, Option<String>) {
        let name = table.table();
        if name.starts_with("pg_") || name.starts_with("onerow_") {
            return (format!("pg_catalog.{name}"), "system catalog", None);
        }
        match self.names.definitions.relations.get(&RelationName::new("public", name)) {
            Some(relation) => (full(&relation.name), "table", None),
            None => (name.to_string(), "function", None),
        }
    }
}

/// A relation's name with its schema, whichever that is.
pub(super) fn full(name: &RelationName) -> String {
    format!("{}.{}", name.schema, name.name)
}

/// The columns and subqueries of an expression; with whether the column is one of a plan around.
fn gather(
    expression: &Expr,
    columns: &mut Vec<(Column, bool)>,
    subqueries: &mut Vec<Arc<LogicalPlan>>,
) -> DfResult<TreeNodeRecursion> {
    expression.apply(|part| {
        match part {
            Expr::Column(column) => columns.push((column.clone(), false)),
            Expr::OuterReferenceColumn(_, column) => columns.push((column.clone(), true)),
            Expr::ScalarSubquery(subquery) => subqueries.push(Arc::clone(&subquery.subquery)),
            Expr::Exists(exists) => subqueries.push(Arc::clone(&exists.subquery.subquery)),
            Expr::InSubquery(within) => subqueries.push(Arc::clone(&within.subquery.subquery)),
            Expr::SetComparison(compared) => subqueries.push(Arc::clone(&compared.subquery.subquery)),
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })
}

fn outer_origin<'p>(mut scope: Option<&'p Scope<'p>>, column: &Column) -> Option<(&'p TableScan, String)> {
    while let Some(around) = scope {
        if let Some(found) = origin(around.plan, column) {
            return Some(found);
        }
        scope = around.outer;
    }
    None
}

/// The scan that a column of a node's input comes from as it is, and its name there. What was computed on the way has
/// named its columns itself.
fn origin<'p>(node: &'p LogicalPlan, column: &Column) -> Option<(&'p TableScan, String)> {
    let mut column = column.clone();
    let mut plan = node;
    loop {
        // Where the column is found among a node's inputs, and under which name.
        let input = match plan {
            LogicalPlan::TableScan(scan) => {
                scan.projected_schema.maybe_index_of_column(&column)?;
                return Some((scan, column.name));
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let at = alias.schema.maybe_index_of_column(&column)?;
                column = Column::from(alias.input.schema().qualified_field(at));
                alias.input.as_ref()
            }
            // They give other columns than they take; the node in question names those that it takes.
            LogicalPlan::Projection(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::RecursiveQuery(_)
                if !std::ptr::eq(plan, node) =>
            {
                return None;
            }
            other => {
                other.inputs().into_iter().find(|input| input.schema().maybe_index_of_column(&column).is_some())?
            }
        };
        plan = input;
    }
}
