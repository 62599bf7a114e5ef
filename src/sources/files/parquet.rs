//! Parquet files: their footers, and a scan by DataFusion's reader.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::Session;
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile as ScanFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::parquet::{CachedParquetFileReaderFactory, DefaultParquetFileReaderFactory};
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::cache::cache_manager::{CachedFileMetadataEntry, FileMetadataCache};
use datafusion::execution::cache::default_cache::DefaultCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::conjunction;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::adapter::CheckedAdapters;
use super::convert::{self, Conversion};
use super::counted::CountedReaders;
use super::describe::MAX_FILES;
use super::format::FormatOptions;
use super::listing::DataFile;
use super::location::Location;
use super::partitions::{Partitions, remote_name, renamed};
use super::pieces::Pieces;
use crate::error::{Error, Result, SqlState};
use crate::sources::activity::Activity;
use crate::sources::table::{ColumnSpec, TableSpec};

/// How much memory one server's footers may take, in bytes.
const CACHE: usize = 32 * 1024 * 1024;
/// How much of a file's end is read at first, in bytes: most footers are shorter.
const FOOTER: usize = 64 * 1024;

/// What ends a file: the length of its footer, and a mark.
const END: u64 = 8;

/// Numbers the stores, so that two servers with one bucket and different credentials are told apart.
static STORES: AtomicU64 = AtomicU64::new(0);

/// One server's Parquet files.
pub struct Footers {
    location: Arc<Location>,
    /// Footers by file. A web server need not say when a file changed, so its footers are read each time.
    cache: Option<Arc<FileMetadataCache>>,
    url: ObjectStoreUrl,
}

impl fmt::Debug for Footers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Footers").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What a scan of Parquet files gives.
pub struct ParquetScan<'a> {
    /// The table.
    pub table: &'a TableSpec,
    /// Its columns to give, by index.
    pub projection: &'a [usize],
    /// What rows must satisfy; row groups are skipped by it, rows are not.
    pub predicates: Vec<Expr>,
    /// How many rows are wanted at most.
    pub limit: Option<usize>,
    /// The files.
    pub partitions: &'a Partitions,
    /// How they are read.
    pub options: &'a FormatOptions,
}

impl ParquetScan<'_> {
    /// What is read, in words.
    fn told(&self) -> String {
        let columns: Vec<&str> =
            self.projection.iter().filter_map(|index| Some(self.table.columns.get(*index)?.name.as_str())).collect();
        let path = self.table.options.get("path").unwrap_or_default();
        format!("parquet {path}, columns=[{}]", columns.join(", "))
    }
}

impl Footers {
    /// Nothing is read yet.
    pub fn new(location: &Arc<Location>) -> Result<Footers> {
        let number = STORES.fetch_add(1, Ordering::Relaxed);
        let cache: Arc<FileMetadataCache> = Arc::new(DefaultCache::<Path, CachedFileMetadataEntry>::new(CACHE));
        Ok(Footers {
            location: Arc::clone(location),
            cache: (!location.is_web()).then_some(cache),
            url: ObjectStoreUrl::parse(format!("onerow-files://server{number}"))
                .map_err(|e| Error::internal(e.to_string()))?,
        })
    }

    /// The columns that the files have, in the order in which they are first seen.
    pub async fn columns(&self, files: &[DataFile], options: &FormatOptions) -> Result<Vec<ColumnSpec>> {
        let mut columns: Vec<ColumnSpec> = vec![];
        for file in files {
            for field in self.schema(file).await?.fields() {
                let pg_type = convert::pg_type(field, options.zone.is_some());
                match columns.iter_mut().find(|column| column.name == *field.name()) {
                    Some(column) => column.pg_type = convert::wider(column.pg_type.clone(), &pg_type),
                    None => columns.push(ColumnSpec {
                        remote_type: field.data_type().to_string(),
                        ..ColumnSpec::new(field.name(), pg_type)
                    }),
                }
            }
        }
        Ok(columns)
    }

    /// How many rows the files hold together.
    pub async fn rows(&self, files: &[DataFile]) -> Result<u64> {
        let mut rows = 0u64;
        for file in files {
            rows = rows.saturating_add(rows_of(self.footer(file).await?.as_ref()));
        }
        Ok(rows)
    }

    async fn footer(&self, file: &DataFile) -> Result<Arc<ParquetMetaData>> {
        let store = self.location.store()?;
        self.check_end(store.as_ref(), file).await?;
        DFParquetMetadata::new(store.as_ref(), &file.meta)
            .with_metadata_size_hint(Some(FOOTER))
            .with_file_metadata_cache(self.cache.clone())
            .fetch_metadata()
            .await
            .map_err(|e| self.error(file, &e))
    }

    /// A scan's files for so many streams, as pieces where that serves: a group of another machine would be fetched
    /// once for each of its pieces, and of many files each is a piece.
    async fn pieces(&self, files: Vec<(ScanFile, &DataFile)>, streams: usize) -> Result<Vec<ScanFile>> {
        if !self.location.is_local() || streams == 1 || files.len() > streams.saturating_mul(2) {
            return Ok(files.into_iter().map(|(file, _)| file).collect());
        }
        let mut footers = Vec::with_capacity(files.len());
        for (_, file) in &files {
            footers.push(self.footer(file).await?);
        }
        let mut pieces = Pieces::new(footers.iter().map(|footer| rows_of(footer)).sum(), streams);
        let files = files.into_iter().zip(&footers);
        Ok(files.flat_map(|((file, _), footer)| pieces.cut(file, footer)).collect())
    }

    /// About how many rows a scan's files hold, by the size of the first file, whose footer was read before.
    async fn estimate(&self, scan: &ParquetScan<'_>) -> Option<usize> {
        let first = scan.partitions.files.first()?;
        let rows = self.rows(std::slice::from_ref(&first.file)).await.ok()?;
        let bytes: u128 = scan.partitions.files.iter().map(|file| u128::from(file.file.meta.size)).sum();
        let all = u128::from(rows) * bytes / u128::from(first.file.meta.size.max(1));
        usize::try_from(all).ok()
    }

    /// Refuses a file whose footer would be longer than the file: the reader subtracts the one from the other. Asked
    /// of files of this machine, where it costs nothing.
    async fn check_end(&self, store: &dyn ObjectStore, file: &DataFile) -> Result<()> {
        let size = file.meta.size;
        if size < END || !self.location.is_local() {
            return Ok(());
        }
        let end = store.get_range(&file.meta.location, size - END..size).await;
        let end = end.map_err(|error| self.location.error(&file.name, &error))?;
        match end[..] {
            [a, b, c, d, ..] if u64::from(u32::from_le_bytes([a, b, c, d])) > size - END => {
                Err(self.invalid(file, "Its footer would be longer than the file."))
            }
            _ => Ok(()),
        }
    }

    async fn schema(&self, file: &DataFile) -> Result<Schema> {
        let store = self.location.store()?;
        self.check_end(store.as_ref(), file).await?;
        DFParquetMetadata::new(store.as_ref(), &file.meta)
            .with_metadata_size_hint(Some(FOOTER))
            .with_file_metadata_cache(self.cache.clone())
            .with_coerce_int96(Some(TimeUnit::Microsecond))
            .fetch_schema()
            .await
            .map_err(|e| self.error(file, &e))
    }

    /// What the files store these columns as, from as few footers as show them all. A column of `unseen`, which no
    /// file has shown before, must be in one of them; one that was seen may be in files that a filter left out.
    async fn stored(
        &self,
        partitions: &Partitions,
        names: &[&str],
        unseen: &[&str],
    ) -> Result<HashMap<String, DataType>> {
        let mut stored: HashMap<String, DataType> = HashMap::new();
        for file in partitions.files.iter().take(MAX_FILES) {
            if names.iter().all(|name| stored.contains_key(*name)) {
                break;
            }
            for field in self.schema(&file.file).await?.fields() {
                stored.entry(field.name().clone()).or_insert_with(|| field.data_type().clone());
            }
        }
        // With more files than were looked into, a column may yet be in one of them.
        if partitions.files.len() <= MAX_FILES
            && let Some(missing) = unseen.iter().find(|name| !stored.contains_key(**name))
        {
            let file = partitions.files.first().map_or("", |file| file.file.name.as_str());
            return Err(Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("file \"{file}\" of server \"{}\" has no column \"{missing}\"", self.location.server()),
            )
            .with_hint("Names are compared with their case. Give the name in the file with the option column_name."));
        }
        Ok(stored)
    }

    /// Plans a scan. Row groups and pages are skipped by their statistics.
    pub async fn scan(&self, session: &dyn Session, scan: ParquetScan<'_>) -> Result<Arc<dyn ExecutionPlan>> {
        let reading = self.reading(&scan).await?;
        let file_schema: SchemaRef = Arc::new(Schema::new(reading.fields.clone()));
        let folders = Folders::new(&scan, &reading);

        let mut parquet = TableParquetOptions {
            global: session.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        parquet.global.coerce_int96 = Some("us".to_string());
        let table_schema =
            TableSchema::builder(Arc::clone(&file_schema)).with_table_partition_cols(folders.fields.clone()).build();
        let mut statistics = Statistics::new_unknown(table_schema.table_schema());
        statistics.num_rows = self.estimate(&scan).await.map_or(Precision::Absent, Precision::Inexact);
        let mut source =
            ParquetSource::new(table_schema).with_table_parquet_options(parquet).with_metadata_size_hint(FOOTER);
        let store = self.location.store()?;
        for file in scan.partitions.files.iter().take(MAX_FILES) {
            self.check_end(store.as_ref(), &file.file).await?;
        }
        let readers: Arc<dyn ParquetFileReaderFactory> = match &self.cache {
            Some(cache) => Arc::new(CachedParquetFileReaderFactory::new(Arc::clone(&store), Arc::clone(cache))),
            None => Arc::new(DefaultParquetFileReaderFactory::new(Arc::clone(&store))),
        };
        let readers = CountedReaders::new(
            readers,
            self.location.server(),
            scan.told(),
            session.config().get_extension::<Activity>(),
        );
        source = source.with_parquet_file_reader_factory(Arc::new(readers));
        if let Some(predicate) = reading.predicate(session, &scan, &file_schema) {
            source = source.with_predicate(predicate);
        }

        // What the reader gives: each column once, in the order in which it is first wanted.
        let mut given: Vec<usize> = vec![];
        let mut wanted: Vec<(usize, &ColumnSpec, Conversion)> = vec![];
        for index in scan.projection {
            let column = scan.table.columns.get(*index).ok_or_else(out_of_range)?;
            let (position, conversion) = match (reading.places.get(index), folders.places.get(index)) {
                (Some((position, conversion)), _) => (*position, *conversion),
                (None, Some(position)) => (reading.fields.len() + position, Conversion::Same),
                (None, None) => return Err(out_of_range()),
            };
            let output = given.iter().position(|known| *known == position).unwrap_or_else(|| {
                given.push(position);
                given.len() - 1
            });
            wanted.push((output, column, conversion));
        }

        session.runtime_env().register_object_store(self.url.as_ref(), store);
        let files: Vec<(ScanFile, &DataFile)> = scan
            .partitions
            .files
            .iter()
            .map(|file| {
                let values = folders.values.iter().filter_map(|index| file.values.get(*index).cloned()).collect();
                (ScanFile::new_from_meta(file.file.meta.clone()).with_partition_values(values), &file.file)
            })
            .collect();
        let streams = session.config_options().execution.target_partitions.max(1);
        let pieces = self.pieces(files, streams).await?;
        let adapter = CheckedAdapters {
            server: self.location.server().to_string(),
            config: Arc::clone(session.config().options()),
        };
        let config = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file_groups(FileGroup::new(pieces).split_files(streams))
            .with_limit(scan.limit)
            .with_statistics(statistics)
            .with_expr_adapter(Some(Arc::new(adapter)))
            .with_projection_indices(Some(given))
            .map_err(internal)?
            .build();
        let plan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(config);
        self.finished(session, plan, &wanted)
    }

    /// Gives the reader's columns the table's names and types, where they differ.
    fn finished(
        &self,
        session: &dyn Session,
        plan: Arc<dyn ExecutionPlan>,
        wanted: &[(usize, &ColumnSpec, Conversion)],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = plan.schema();
        let done = wanted.len() == schema.fields().len()
            && wanted.iter().zip(schema.fields()).enumerate().all(|(index, ((output, column, _), field))| {
                *output == index && **field == column.pg_type.field(&column.name, column.nullable)
            });
        if done {
            return Ok(plan);
        }
        let mut expressions: Vec<(Arc<dyn PhysicalExpr>, String)> = Vec::with_capacity(wanted.len());
        for (output, column, conversion) in wanted {
            let field = schema.fields().get(*output).ok_or_else(out_of_range)?;
            let input: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), *output));
            let target = column.pg_type.field(field.name(), column.nullable);
            let expression = if **field == target {
                input
            } else {
                convert::expression(input, column, *conversion, self.location.server(), session.config().options())
            };
            expressions.push((expression, column.name.clone()));
        }
        Ok(Arc::new(ProjectionExec::try_new(expressions, plan).map_err(internal)?))
    }

    async fn reading(&self, scan: &ParquetScan<'_>) -> Result<Reading> {
        let mut needed: Vec<usize> = scan.projection.to_vec();
        for predicate in &scan.predicates {
            let used: HashSet<&str> = predicate.column_refs().into_iter().map(|column| column.name.as_str()).collect();
            let indexes = scan.table.columns.iter().enumerate().filter(|(_, c)| used.contains(c.name.as_str()));
            needed.extend(indexes.map(|(index, _)| index));
        }
        needed.retain(|index| !scan.partitions.columns.contains(index));
        let mut seen = HashSet::new();
        needed.retain(|index| seen.insert(*index));
        let columns: Vec<(usize, &ColumnSpec)> =
            needed.iter().filter_map(|index| scan.table.columns.get(*index).map(|column| (*index, column))).collect();
        let names: Vec<&str> = columns.iter().map(|(_, column)| remote_name(column)).collect();
        let declared = columns.iter().filter(|(_, column)| column.remote_type.is_empty());
        let unseen: Vec<&str> = declared.map(|(_, column)| remote_name(column)).collect();
        let stored = match names.is_empty() {
            true => HashMap::new(),
            false => self.stored(scan.partitions, &names, &unseen).await?,
        };

        let mut reading = Reading { fields: vec![], places: HashMap::new() };
        for (index, column) in columns {
            let remote = remote_name(column);
            let (data_type, conversion) = match stored.get(remote) {
                Some(stored) => convert::plan(stored, column, scan.options.zone)?,
                None => (column.pg_type.arrow(), Conversion::Same),
            };
            let field: FieldRef = Arc::new(match conversion {
                Conversion::Same => column.pg_type.field(remote, true),
                _ => Field::new(remote, data_type, true),
            });
            let position = match reading.fields.iter().position(|known| known.name() == remote) {
                Some(position) if reading.fields.get(position) == Some(&field) => position,
                Some(_) => {
                    return Err(Error::unsupported(format!(
                        "column \"{remote}\" of the file is declared twice with different types"
                    ))
                    .with_hint("Declare it once, and cast it in a view."));
                }
                None => {
                    reading.fields.push(field);
                    reading.fields.len() - 1
                }
            };
            reading.places.insert(index, (position, conversion));
        }
        Ok(reading)
    }

    fn error(&self, file: &DataFile, error: &DataFusionError) -> Error {
        match error {
            DataFusionError::ObjectStore(error) => self.location.error(&file.name, error),
            other => self.invalid(file, &format!("{}.", other.strip_backtrace())),
        }
    }

    fn invalid(&self, file: &DataFile, detail: &str) -> Error {
        Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("file \"{}\" of server \"{}\" is not a valid Parquet file", file.name, self.location.server()),
        )
        .with_detail(detail)
    }
}

/// What is read from the files themselves.
struct Reading {
    fields: Vec<FieldRef>,
    /// The field of a table's column, and what is to be done with it.
    places: HashMap<usize, (usize, Conversion)>,
}

impl Reading {
    /// The predicates over columns that are read as they are stored. Others only keep more rows.
    fn predicate(
        &self,
        session: &dyn Session,
        scan: &ParquetScan<'_>,
        schema: &SchemaRef,
    ) -> Option<Arc<dyn PhysicalExpr>> {
        let schema = DFSchema::try_from(Arc::clone(schema)).ok()?;
        let place = |name: &str| {
            let index = scan.table.columns.iter().position(|column| column.name == name)?;
            let (position, conversion) = self.places.get(&index)?;
            (*conversion == Conversion::Same).then(|| self.fields.get(*position)).flatten()
        };
        let physical: Vec<Arc<dyn PhysicalExpr>> = scan
            .predicates
            .iter()
            .filter(|predicate| predicate.column_refs().iter().all(|column| place(&column.name).is_some()))
            .filter_map(|predicate| {
                let name = |name: &str| place(name).map_or_else(String::new, |field| field.name().clone());
                session.create_physical_expr(renamed(predicate.clone(), name).ok()?, &schema).ok()
            })
            .collect();
        (!physical.is_empty()).then(|| conjunction(physical))
    }
}

/// What comes from the files' folders.
struct Folders {
    fields: Vec<FieldRef>,
    /// Which of a file's folder values each field is.
    values: Vec<usize>,
    /// The field of a table's column.
    places: HashMap<usize, usize>,
}

impl Folders {
    fn new(scan: &ParquetScan<'_>, reading: &Reading) -> Folders {
        let mut folders = Folders { fields: vec![], values: vec![], places: HashMap::new() };
        for index in scan.projection {
            let value = scan.partitions.columns.iter().position(|column| column == index);
            let (Some(value), Some(column)) = (value, scan.table.columns.get(*index)) else { continue };
            if folders.places.contains_key(index) {
                continue;
            }
            let mut name = column.name.clone();
            while reading.fields.iter().any(|field| *field.name() == name) {
                name.push('_');
            }
            folders.places.insert(*index, folders.fields.len());
            folders.fields.push(Arc::new(column.pg_type.field(&name, column.nullable)));
            folders.values.push(value);
        }
        folders
    }
}

fn rows_of(footer: &ParquetMetaData) -> u64 {
    u64::try_from(footer.file_metadata().num_rows()).unwrap_or_default()
}

fn out_of_range() -> Error {
    Error::internal("projection out of range on a table of Parquet files")
}

fn internal(error: DataFusionError) -> Error {
    Error::internal(error.strip_backtrace())
}
