//! One server of files.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::describe::{MAX_FILES, describe};
use super::format::{Format, FormatOptions, hint};
use super::import;
use super::listing;
use super::location::Location;
use super::parquet::{Footers, ParquetScan};
use super::partitions::{Partitions, is_known, is_simple};
use super::read::{TextScan, groups};
use super::rows::{Place, ScanColumn};
use crate::error::{Error, Result};
use crate::sources::kind::{ImportRequest, RawQuery, ScanRequest, ServerSpec, Source};
use crate::sources::options::Options;
use crate::sources::scan::SourceScanExec;
use crate::sources::table::TableSpec;

/// How many bytes of CSV or JSON a row is taken to have, where nobody has counted rows.
const ROW_BYTES: u64 = 64;

/// The files at one location.
#[derive(Debug)]
pub struct FilesSource {
    options: Options,
    location: Arc<Location>,
    footers: Footers,
}

impl FilesSource {
    /// Checks a server's options. Nothing is reached.
    pub fn open(spec: &ServerSpec) -> Result<FilesSource> {
        FormatOptions::new(&Options::new(), &spec.options)?;
        let location = Arc::new(Location::open(spec)?);
        Ok(FilesSource { options: spec.options.clone(), footers: Footers::new(&location)?, location })
    }

    fn format_options(&self, table: &TableSpec) -> Result<FormatOptions> {
        FormatOptions::new(&table.options, &self.options)
    }
}

fn path(table: &TableSpec) -> &str {
    table.options.get("path").unwrap_or_default()
}

#[async_trait]
impl Source for FilesSource {
    async fn ping(&self) -> Result<String> {
        self.location.ping().await
    }

    async fn introspect(&self, request: &ImportRequest) -> Result<Vec<TableSpec>> {
        import::tables(&self.location, &self.footers, &self.options, request).await
    }

    async fn describe(&self, declared: &TableSpec) -> Result<TableSpec> {
        describe(&self.location, &self.footers, declared, &self.format_options(declared)?).await
    }

    fn filter_support(&self, table: &TableSpec, filter: &Expr) -> TableProviderFilterPushDown {
        let Ok(options) = self.format_options(table) else { return TableProviderFilterPushDown::Unsupported };
        let used = filter.column_refs();
        let known = |name: &str| table.column(name).is_some_and(|column| is_known(column, &options));
        if used.is_empty() || has_foreign_parts(filter) {
            TableProviderFilterPushDown::Unsupported
        } else if used.iter().all(|column| known(&column.name)) {
            TableProviderFilterPushDown::Exact
        } else if is_simple(filter)
            && !matches!(options.named().or(hint(path(table)).format), Some(Format::Csv | Format::Json))
        {
            // Parquet, or a folder that may hold it: row groups are skipped, rows are checked here.
            TableProviderFilterPushDown::Inexact
        } else {
            TableProviderFilterPushDown::Unsupported
        }
    }

    async fn scan(
        &self,
        session: &dyn Session,
        table: &Arc<TableSpec>,
        request: ScanRequest,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = self.format_options(table)?;
        let server = self.location.server();
        let files = listing::files(&self.location, path(table), &options).await?;
        let format = options.format_of(files.iter().map(|file| file.name.as_str()))?;
        let listed = files.len();
        let mut partitions = Partitions::new(table, files, &options, server)?;
        let predicates = partitions.prune(session, table, request.filters)?;
        let schema = table
            .schema()
            .project(&request.projection)
            .map_err(|e| Error::internal(format!("projection out of range on table \"{}\": {e}", table.name)))?;
        let schema = Arc::new(schema);
        if partitions.files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        if format == Format::Parquet {
            let scan = ParquetScan {
                table: table.as_ref(),
                projection: &request.projection,
                predicates,
                limit: request.limit,
                partitions: &partitions,
                options: &options,
            };
            return self.footers.scan(session, scan).await;
        }
        let mut columns = Vec::with_capacity(request.projection.len());
        for index in &request.projection {
            let place = match partitions.columns.iter().position(|column| column == index) {
                Some(folder) => Place::Folder(folder),
                None => Place::File(index - partitions.columns.iter().filter(|column| *column < index).count()),
            };
            let column = table.columns.get(*index).ok_or_else(|| Error::internal("projection out of range"))?;
            columns.push(ScanColumn::new(column, place)?);
        }
        let streams = session.config_options().execution.target_partitions;
        let bytes = partitions.files.iter().fold(0u64, |sum, file| sum.saturating_add(file.file.meta.size));
        let all = table.row_estimate.or(Some((bytes / ROW_BYTES).max(1)));
        let rows = request.limit.map_or(all, |limit| all.map(|all| all.min(limit as u64)));
        let scan = TextScan {
            location: Arc::clone(&self.location),
            format,
            groups: groups(partitions.files.len(), streams),
            width: table.columns.len() - partitions.columns.len(),
            listed,
            files: partitions.files,
            columns: columns.into(),
            schema: Arc::clone(&schema),
            limit: request.limit,
            options,
        };
        Ok(Arc::new(SourceScanExec::new(server, &table.name, schema, Arc::new(scan), rows)))
    }

    async fn row_estimate(&self, table: &TableSpec) -> Result<Option<u64>> {
        let options = self.format_options(table)?;
        let files = listing::files(&self.location, path(table), &options).await?;
        let format = options.format_of(files.iter().map(|file| file.name.as_str()))?;
        if format != Format::Parquet || files.len() > MAX_FILES {
            return Ok(None);
        }
        self.footers.rows(&files).await.map(Some)
    }

    async fn raw_query(&self, _: &str) -> Result<RawQuery> {
        Err(Error::unsupported(format!(
            "server \"{}\" is of kind files, which has no query language",
            self.location.server()
        ))
        .with_hint("Query its foreign tables."))
    }
}

/// Whether an expression needs more than a row: another query, a parameter, or chance.
fn has_foreign_parts(expr: &Expr) -> bool {
    expr.is_volatile()
        || expr
            .exists(|expr| {
                Ok(matches!(
                    expr,
                    Expr::ScalarSubquery(_)
                        | Expr::InSubquery(_)
                        | Expr::SetComparison(_)
                        | Expr::Exists(_)
                        | Expr::OuterReferenceColumn(..)
                        | Expr::Placeholder(_)
                ))
            })
            .unwrap_or(true)
}

#[cfg(test)]
mod tests;
