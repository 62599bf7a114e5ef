//! The session's view of the catalog: schemas, and the search path for names that give none.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::error::Result as DfResult;
use parking_lot::RwLock;

use super::secured::ROWS;
use crate::catalog::definitions::{DATABASE, Definitions, OWNER, RelationName, SEARCH_PATH_SCHEMA};
use crate::catalog::rights::denied;
use crate::error::Result;

/// What planning asks of the engine.
#[async_trait]
pub trait Relations: Debug + Send + Sync {
    /// The catalog as it is now.
    fn definitions(&self) -> Arc<Definitions>;

    /// A relation to plan with, as `role` sees it; none when there is no such relation. A relation that is there
    /// and cannot be used is an error.
    async fn relation(&self, name: &RelationName, role: &str) -> Result<Option<Arc<dyn TableProvider>>>;
}

/// Through whose eyes names are resolved.
#[derive(Clone, Debug)]
pub struct NameScope {
    /// The effective role.
    pub role: String,
    /// The schemas of names that give none, in order.
    pub search_path: Arc<RwLock<Vec<String>>>,
    /// Whether names are looked up in schemas that the role may not use too: those of a view were looked up when it was
    /// made.
    pub looks_everywhere: bool,
}

impl NameScope {
    /// Whether names may be looked up in a schema.
    pub fn looks_in(&self, definitions: &Definitions, schema: &str) -> bool {
        self.looks_everywhere || self.role == OWNER || definitions.rights(&self.role).uses_schema(schema)
    }
}

/// The one database, as one session sees it.
#[derive(Debug)]
pub struct SessionCatalog {
    relations: Arc<dyn Relations>,
    scope: NameScope,
    /// `pg_catalog` and `information_schema`.
    system: Vec<(&'static str, Arc<dyn SchemaProvider>)>,
}

impl SessionCatalog {
    /// The database as `scope` sees it, with the system's schemas.
    pub fn new(
        relations: Arc<dyn Relations>,
        scope: NameScope,
        system: Vec<(&'static str, Arc<dyn SchemaProvider>)>,
    ) -> Self {
        SessionCatalog { relations, scope, system }
    }
}

impl CatalogProvider for SessionCatalog {
    fn schema_names(&self) -> Vec<String> {
        let system = self.system.iter().map(|(name, _)| (*name).to_string());
        self.relations.definitions().schemas.keys().cloned().chain(system).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name == SEARCH_PATH_SCHEMA {
            return Some(Arc::new(SearchPath {
                relations: Arc::clone(&self.relations),
                scope: self.scope.clone(),
                system: self.system.clone(),
            }));
        }
        if let Some((_, schema)) = self.system.iter().find(|(system, _)| *system == name) {
            return Some(Arc::clone(schema));
        }
        self.relations.definitions().schemas.contains_key(name).then(|| {
            Arc::new(UserSchema {
                relations: Arc::clone(&self.relations),
                scope: self.scope.clone(),
                name: name.to_string(),
            }) as Arc<dyn SchemaProvider>
        })
    }
}

/// One schema of the user's.
#[derive(Debug)]
struct UserSchema {
    relations: Arc<dyn Relations>,
    scope: NameScope,
    name: String,
}

#[async_trait]
impl SchemaProvider for UserSchema {
    fn table_names(&self) -> Vec<String> {
        let definitions = self.relations.definitions();
        definitions.relations.keys().filter(|r| r.schema == self.name).map(|r| r.name.clone()).collect()
    }

    async fn table(&self, name: &str) -> DfResult<Option<Arc<dyn TableProvider>>> {
        if !self.scope.looks_in(&self.relations.definitions(), &self.name) {
            return Err(denied(&format!("schema {}", self.name)).into());
        }
        Ok(self.relations.relation(&RelationName::new(&self.name, name), &self.scope.role).await?)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.relations.definitions().relations.contains_key(&RelationName::new(&self.name, name))
    }
}

/// The schemas of the search path as one, first match first; `pg_catalog` comes before them all, as in Postgres.
#[derive(Debug)]
struct SearchPath {
    relations: Arc<dyn Relations>,
    scope: NameScope,
    system: Vec<(&'static str, Arc<dyn SchemaProvider>)>,
}

#[async_trait]
impl SchemaProvider for SearchPath {
    fn table_names(&self) -> Vec<String> {
        let path = self.scope.search_path.read().clone();
        let definitions = self.relations.definitions();
        definitions.relations.keys().filter(|r| path.contains(&r.schema)).map(|r| r.name.clone()).collect()
    }

    async fn table(&self, name: &str) -> DfResult<Option<Arc<dyn TableProvider>>> {
        if name == ROWS {
            // It is in no schema.
            return Ok(self.relations.relation(&RelationName::new("", name), &self.scope.role).await?);
        }
        let path = self.scope.search_path.read().clone();
        if !path.iter().any(|schema| schema == "pg_catalog")
            && let Some((_, system)) = self.system.iter().find(|(schema, _)| *schema == "pg_catalog")
            && let Some(table) = system.table(name).await?
        {
            return Ok(Some(table));
        }
        for schema in &path {
            let found = match self.system.iter().find(|(system, _)| system == schema) {
                Some((_, system)) => system.table(name).await?,
                None if !self.scope.looks_in(&self.relations.definitions(), schema) => None,
                None => self.relations.relation(&RelationName::new(schema, name), &self.scope.role).await?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|table| table == name)
    }
}

/// The list that holds the one database.
#[derive(Debug)]
pub struct OneDatabase(pub Arc<SessionCatalog>);

impl CatalogProviderList for OneDatabase {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![DATABASE.to_string()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == DATABASE).then(|| Arc::clone(&self.0) as Arc<dyn CatalogProvider>)
    }
}
