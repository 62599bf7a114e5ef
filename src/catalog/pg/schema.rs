//! The schemas `pg_catalog` and `information_schema` as DataFusion sees them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemTable, SchemaProvider, Session};
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::{TableProvider, TableType};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use parking_lot::Mutex;

use super::callable;
use super::cluster;
use super::information;
use super::relations;
use super::rows::Rows;
use super::shapes::{self, INFORMATION_SCHEMA, PG_CATALOG, Shape};
use super::snapshot::Snapshot;
use super::statics::Statics;
use super::view::{CatalogMoment, CatalogSession, CatalogSizes, CatalogView};
use crate::catalog::definitions::OWNER;
use crate::catalog::rights::denied;

/// What schemas, tables and functions share: where the content comes from, and the snapshot that was made last.
pub struct Catalog {
    view: Arc<dyn CatalogView>,
    last: Mutex<Option<Arc<Snapshot>>>,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").finish_non_exhaustive()
    }
}

impl Catalog {
    /// A catalog of what `view` says.
    pub fn new(view: Arc<dyn CatalogView>) -> Arc<Self> {
        Arc::new(Catalog { view, last: Mutex::new(None) })
    }

    /// What is defined as the statement with these options sees it; the same value for as long as the definitions are.
    pub fn snapshot(&self, options: &ConfigOptions) -> Arc<Snapshot> {
        let definitions = match options.extensions.get::<CatalogMoment>() {
            Some(moment) => Arc::clone(&moment.0),
            None => self.view.definitions(),
        };
        let functions = self.view.functions();
        let mut last = self.last.lock();
        match &*last {
            Some(snapshot)
                if Arc::ptr_eq(&snapshot.definitions, &definitions)
                    && (Arc::ptr_eq(&snapshot.functions, &functions) || snapshot.functions == functions) =>
            {
                Arc::clone(snapshot)
            }
            _ => {
                let snapshot = Arc::new(Snapshot::new(definitions, functions));
                *last = Some(Arc::clone(&snapshot));
                snapshot
            }
        }
    }
}

/// The schema `pg_catalog`. It is shared among sessions and asks no source.
pub fn pg_catalog_schema(view: Arc<dyn CatalogView>) -> Arc<dyn SchemaProvider> {
    Arc::new(SystemSchema { name: PG_CATALOG, catalog: Catalog::new(view) })
}

/// The schema `information_schema`. It is shared among sessions and asks no source.
pub fn information_schema(view: Arc<dyn CatalogView>) -> Arc<dyn SchemaProvider> {
    Arc::new(SystemSchema { name: INFORMATION_SCHEMA, catalog: Catalog::new(view) })
}

#[derive(Debug)]
struct SystemSchema {
    name: &'static str,
    catalog: Arc<Catalog>,
}

impl SystemSchema {
    fn shape(&self, name: &str) -> Option<&'static Shape> {
        match self.name {
            PG_CATALOG => shapes::pg_catalog().get(name),
            _ => shapes::information_schema().get(name),
        }
    }
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        shapes::all().filter(|shape| shape.schema_name == self.name).map(|shape| shape.name.to_string()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        Ok(self
            .shape(name)
            .map(|shape| Arc::new(SystemTable { shape, catalog: Arc::clone(&self.catalog) }) as Arc<dyn TableProvider>))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.shape(name).is_some()
    }
}

/// Whether a system relation is the owner's alone, as it is a superuser's in Postgres.
pub fn is_secret(name: &str) -> bool {
    matches!(
        name,
        "pg_authid" | "pg_shadow" | "pg_user_mapping" | "pg_largeobject" | "pg_statistic" | "pg_subscription"
    )
}

/// The OID of a system relation and the number of its column at an index from 0; none for other relations.
pub fn system_column(relation: &dyn TableProvider, index: usize) -> Option<(i32, i16)> {
    let table = relation.downcast_ref::<SystemTable>()?;
    Some((table.shape.oid, i16::try_from(index).ok()?.checked_add(1)?))
}

/// One system relation. Its rows are made when it is scanned.
#[derive(Debug)]
struct SystemTable {
    shape: &'static Shape,
    catalog: Arc<Catalog>,
}

#[async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shape.schema)
    }

    fn table_type(&self) -> TableType {
        if self.shape.relkind == "v" { TableType::View } else { TableType::Base }
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let snapshot = self.catalog.snapshot(state.config_options());
        let session = CatalogSession::of(state.config_options());
        if is_secret(self.shape.name) && session.current_user() != OWNER {
            let kind = if self.shape.relkind == "v" { "view" } else { "table" };
            return Err(denied(&format!("{kind} {}", self.shape.name)).into());
        }
        let statics = Statics::get()?;
        let mut rows = Rows::new(self.shape);
        let mut batches = vec![];
        if self.shape.schema_name == PG_CATALOG {
            if self.shape.name == "pg_class" {
                let sizes = CatalogSizes::of(state.config_options());
                relations::pg_class(&snapshot, &session.current_user(), sizes.as_deref(), &mut rows);
            } else {
                cluster::fill(self.shape.name, &snapshot, statics, &session, &mut rows);
            }
            if let Some(unchanging) = statics.table(self.shape.name) {
                batches.push(match self.shape.name {
                    "pg_proc" => callable::with_privileges(unchanging, &snapshot.definitions)?,
                    _ => unchanging.clone(),
                });
            }
        } else {
            information::fill(self.shape.name, &snapshot, &session, &mut rows);
        }
        batches.push(rows.finish()?);
        MemTable::try_new(self.schema(), vec![batches])?.scan(state, projection, filters, limit).await
    }
}
