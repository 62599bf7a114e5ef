//! `onerow check`: every source reached, every view planned.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::Engine;
use super::snapshot::Snapshot;
use crate::catalog::definitions::{OWNER, Origin, RelationKind, quote_identifier};
use crate::error::Error;
use crate::planner::names::Relations;

/// What was found of one source.
#[derive(Clone, Debug)]
pub struct CheckLine {
    /// The server.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// What it says of itself, or why it cannot be reached.
    pub reached: Result<String, Error>,
    /// How many foreign tables it has here.
    pub tables: usize,
    /// How long it took to answer.
    pub took: Duration,
}

/// A relation that cannot be used.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Its name.
    pub name: String,
    /// As Postgres names its kind: `view`, `foreign table`; or `rule`, `model`.
    pub kind: &'static str,
    /// Why.
    pub error: Error,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// One line a source, in order of name.
    pub servers: Vec<CheckLine>,
    /// How many views plan.
    pub views: usize,
    /// Views that do not, and foreign tables whose columns are not known.
    pub broken: Vec<Broken>,
    /// What is no error and worth a look.
    pub warnings: Vec<String>,
}

impl Check {
    /// Whether nothing failed.
    pub fn passed(&self) -> bool {
        self.broken.is_empty() && self.servers.iter().all(|line| line.reached.is_ok())
    }
}

impl Engine {
    /// Reaches every source and looks at every view.
    pub async fn check(self: &Arc<Self>) -> Check {
        // All of it is checked in one state of the catalog.
        let snapshot = Snapshot::new(Arc::clone(self), self.current());
        let definitions = snapshot.definitions();
        let servers = join_all(definitions.servers.values().map(|server| {
            let definitions = &definitions;
            async move {
                let began = Instant::now();
                let reached = match self.sources.get(definitions, &server.name, OWNER) {
                    Ok(source) => source.ping().await,
                    Err(e) => Err(e),
                };
                let reached = reached.map_err(|error| placed(error, &server.origin));
                CheckLine {
                    name: server.name.clone(),
                    kind: server.kind.clone(),
                    reached,
                    tables: definitions.tables_of(&server.name).count(),
                    took: began.elapsed(),
                }
            }
        }))
        .await;
        let mut check = Check { servers, ..Check::default() };
        for relation in definitions.relations.values() {
            let broken = match &relation.kind {
                RelationKind::View(view) => view.broken.clone(),
                RelationKind::Foreign(foreign) => foreign.broken.clone(),
                RelationKind::Local(_) => None,
            };
            let planned = match broken {
                Some(error) => Err(error),
                None => snapshot.relation(&relation.name, OWNER).await,
            };
            match planned {
                Ok(Some(provider)) => {
                    if let Some(view) = provider.downcast_ref::<crate::planner::view::View>() {
                        check.views += 1;
                        check.warnings.extend(nullable_keys(view));
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    let name = relation.name.to_string();
                    let error = placed(error, &relation.origin);
                    check.broken.push(Broken { name, kind: relation.kind_name(), error });
                }
            }
        }
        for rule in definitions.rules.values() {
            // A relation that cannot be used is told above.
            let relation = definitions.relation(&rule.relation).map(|relation| relation.name.to_string());
            if check.broken.iter().any(|broken| relation.as_ref() == Some(&broken.name)) {
                continue;
            }
            if let Err(error) = Box::pin(snapshot.plan_rule(rule)).await {
                let error = placed(error.with_position(None), &rule.origin);
                let name = format!("{} on {}", quote_identifier(&rule.name), rule.relation);
                check.broken.push(Broken { name, kind: "rule", error });
            }
        }
        for model in definitions.models.values() {
            let checked = match &model.tree().untrained {
                Some(error) => Err(error.clone()),
                None => Box::pin(snapshot.check_model(model)).await,
            };
            if let Err(error) = checked {
                let error = placed(error.with_position(None), &model.origin);
                check.broken.push(Broken { name: model.name.to_string(), kind: "model", error });
            }
        }
        check
    }
}

/// Says in which file the thing is defined that an error is about, unless the error says where it is itself.
fn placed(error: Error, origin: &Origin) -> Error {
    match origin {
        Origin::File(place) if error.location().is_none() => error.with_location(place.clone()),
        _ => error,
    }
}

/// GROUP BY is SQL's: rows whose key is null form one group, which is rarely one customer.
fn nullable_keys(view: &crate::planner::view::View) -> Vec<String> {
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
    use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, utils::split_conjunction};
    let mut warnings = vec![];
    let mut merges = false;
    let _ = view.written.apply(|node| {
        if let LogicalPlan::Aggregate(aggregate) = node {
            merges = aggregate.aggr_expr.iter().any(|e| {
                let name = e.to_string();
                crate::functions::registry::aggregates().iter().any(|f| name.starts_with(&format!("{}(", f.name())))
            });
            let guarded: Vec<String> = match aggregate.input.as_ref() {
                LogicalPlan::Filter(filter) => split_conjunction(&filter.predicate)
                    .into_iter()
                    .filter_map(|e| match e {
                        Expr::IsNotNull(inner) => Some(inner.to_string()),
                        _ => None,
                    })
                    .collect(),
                _ => vec![],
            };
            for key in &aggregate.group_expr {
                let nullable = key.to_field(aggregate.input.schema()).is_ok_and(|(_, f)| f.is_nullable());
                if merges && nullable && !guarded.contains(&key.to_string()) {
                    warnings.push(format!(
                        "view \"{}\" groups by {key}, which can be null: rows without it become one group; \
                         add WHERE {key} IS NOT NULL if they are not one customer",
                        view.name
                    ));
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    warnings
}
