//! One server as a source.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::catalog::Session;
use datafusion::logical_expr::{Expr, Operator, TableProviderFilterPushDown};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};

use super::decode::ColumnPlan;
use super::dialect::{PostgresDialect, remote_name};
use super::errors::Place;
use super::parameter::{self, TextParameter};
use super::pool::Pool;
use super::query::{fetch, field};
use super::read::PostgresRead;
use super::{catalog, introspect, raw, types};
use crate::error::{Error, Result};
use crate::federation::dialect::Parameter;
use crate::federation::{predicate, select};
use crate::sources::kind::{ImportRequest, ScanRequest, ServerSpec, Source};
use crate::sources::scan::SourceScanExec;
use crate::sources::table::TableSpec;

/// A PostgreSQL database, reached as one user.
pub(super) struct PostgresSource {
    pool: Arc<Pool>,
    /// Where the server's local times are, when that was said.
    zone: Option<Tz>,
}

impl PostgresSource {
    /// Reads the options; nothing is connected to.
    pub(super) fn open(spec: &ServerSpec) -> Result<PostgresSource> {
        Ok(PostgresSource { pool: Arc::new(Pool::new(spec)?), zone: introspect::zone_of(&spec.options)? })
    }
}

impl fmt::Debug for PostgresSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSource").field("pool", &self.pool).finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for PostgresSource {
    async fn ping(&self) -> Result<String> {
        let place = Place::server(self.pool.server());
        let rows = fetch(&self.pool, &place, "SELECT pg_catalog.version()", &[]).await?;
        let row = rows.first().ok_or_else(|| Error::internal("a catalog query gave no row"))?;
        let version: String = field(row, 0)?;
        // PostgreSQL 16.3 (..) on x86_64 ..
        Ok(version.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    }

    async fn introspect(&self, request: &ImportRequest) -> Result<Vec<TableSpec>> {
        introspect::import(&self.pool, self.zone, request).await
    }

    async fn describe(&self, declared: &TableSpec) -> Result<TableSpec> {
        introspect::describe(&self.pool, self.zone, declared).await
    }

    fn filter_support(&self, table: &TableSpec, filter: &Expr) -> TableProviderFilterPushDown {
        predicate::support(&PostgresDialect, table, filter)
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        table: &Arc<TableSpec>,
        request: ScanRequest,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (_, name) = remote_name(&table.options, &table.name);
        let place = Arc::new(Place::table(self.pool.server(), name));
        let zone = introspect::zone_of(&table.options)
            .map_err(|error| error.with_context(place.to_string()))?
            .or(self.zone)
            .unwrap_or(Tz::UTC);
        let schema = table
            .schema()
            .project(&request.projection)
            .map_err(|_| Error::internal(format!("projection out of range on table \"{}\"", table.name)))?;
        let select = select::write(&PostgresDialect, table, &request)?;
        let columns = select
            .columns
            .iter()
            .map(|column| ColumnPlan {
                name: column.name.clone(),
                wire: types::access(column).wire,
                target: column.pg_type.clone(),
                nullable: column.nullable,
            })
            .collect();
        let parameters = select.parameters.iter().map(bind).collect::<Result<Vec<_>>>()?;
        let schema = Arc::new(schema);
        let rows = rows_of(table, &request);
        let read = PostgresRead {
            pool: Arc::clone(&self.pool),
            place,
            sql: select.sql,
            parameters,
            columns,
            schema: Arc::clone(&schema),
            zone,
        };
        Ok(Arc::new(SourceScanExec::new(self.pool.server(), &table.name, schema, Arc::new(read), rows)))
    }

    async fn row_estimate(&self, table: &TableSpec) -> Result<Option<u64>> {
        let (schema, name) = remote_name(&table.options, &table.name);
        catalog::row_estimate(&self.pool, schema, name).await
    }

    async fn raw_query(&self, query: &str) -> Result<SendableRecordBatchStream> {
        raw::run(&self.pool, query).await
    }
}

fn bind(parameter: &Parameter) -> Result<TextParameter> {
    parameter::text(&parameter.value).map(TextParameter).ok_or_else(|| {
        Error::internal(format!("a literal compared with column \"{}\" cannot be sent", parameter.column.name))
    })
}

/// About how many rows a scan gives. A key that is pinned gives one; any other filter is taken to keep a fifth, as
/// the engine itself takes it.
fn rows_of(table: &TableSpec, request: &ScanRequest) -> Option<u64> {
    let limit = request.limit.map(|limit| u64::try_from(limit).unwrap_or(u64::MAX));
    let pinned: Vec<&str> = request.filters.iter().filter_map(pinned_column).collect();
    let is_pinned = |key: &Vec<String>| !key.is_empty() && key.iter().all(|column| pinned.contains(&column.as_str()));
    let rows = if is_pinned(&table.primary_key) || table.unique_keys.iter().any(is_pinned) {
        Some(1)
    } else if request.filters.is_empty() {
        table.row_estimate
    } else {
        table.row_estimate.map(|rows| (rows / 5).max(1))
    };
    match (rows, limit) {
        (Some(rows), Some(limit)) => Some(rows.min(limit)),
        // A limit is only the most that can come, but it is all that is known.
        (rows, limit) => rows.or(limit),
    }
}

/// The column that a filter compares with one literal by `=`.
fn pinned_column(filter: &Expr) -> Option<&str> {
    let Expr::BinaryExpr(binary) = filter else { return None };
    match (binary.op, binary.left.as_ref(), binary.right.as_ref()) {
        (Operator::Eq, Expr::Column(column), Expr::Literal(..))
        | (Operator::Eq, Expr::Literal(..), Expr::Column(column)) => Some(column.name.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;
    use crate::catalog::types::PgType;
    use crate::sources::table::ColumnSpec;

    #[test]
    fn a_pinned_key_gives_one_row() {
        let table = TableSpec {
            name: "t".into(),
            columns: vec![ColumnSpec::new("id", PgType::Int4), ColumnSpec::new("name", PgType::Text)],
            primary_key: vec!["id".into()],
            row_estimate: Some(1000),
            ..TableSpec::default()
        };
        let rows = |filters: Vec<Expr>, limit| rows_of(&table, &ScanRequest { projection: vec![0], filters, limit });
        assert_eq!(rows(vec![], None), Some(1000));
        assert_eq!(rows(vec![], Some(10)), Some(10));
        assert_eq!(rows(vec![col("name").eq(lit("a"))], None), Some(200));
        assert_eq!(rows(vec![lit(7).eq(col("id"))], None), Some(1));
    }
}
