//! Counts what Parquet files are asked for.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::error::Result as DfResult;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, Time};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::error::{Error, SqlState};
use crate::sources::activity::{Activity, Call};
use crate::sources::traffic::{Traffic, waited};

/// Opens files for one scan, and keeps its account: what is asked of the store, and the bytes of columns that come.
/// Footers count as requests and not as bytes.
pub struct CountedReaders {
    inner: Arc<dyn ParquetFileReaderFactory>,
    account: Arc<Account>,
}

impl CountedReaders {
    /// Readers of `inner` for a scan, which is told as `statement`.
    pub fn new(
        inner: Arc<dyn ParquetFileReaderFactory>,
        server: &str,
        statement: String,
        activity: Option<Arc<Activity>>,
    ) -> Self {
        let account = Account {
            server: server.to_string(),
            statement,
            activity,
            traffic: Traffic::default(),
            metrics: OnceLock::new(),
        };
        CountedReaders { inner, account: Arc::new(account) }
    }
}

impl fmt::Debug for CountedReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedReaders").field("reads", &self.account.statement).finish_non_exhaustive()
    }
}

impl ParquetFileReaderFactory for CountedReaders {
    fn create_reader(
        &self,
        partition_index: usize,
        partitioned_file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> DfResult<Box<dyn AsyncFileReader + Send>> {
        let name = partitioned_file.object_meta.location.to_string();
        let inner = self.inner.create_reader(partition_index, partitioned_file, metadata_size_hint, metrics)?;
        self.account.metrics.get_or_init(|| metrics.clone());
        Ok(Box::new(CountedReader {
            inner,
            name,
            counts: Counts {
                account: Arc::clone(&self.account),
                bytes: MetricBuilder::new(metrics).counter("bytes_received", partition_index),
                round_trips: MetricBuilder::new(metrics).counter("round_trips", partition_index),
                time: MetricBuilder::new(metrics).subset_time("time_at_source", partition_index),
            },
        }))
    }
}

/// What one scan has cost. It is remembered when the scan and its readers are gone.
struct Account {
    server: String,
    statement: String,
    activity: Option<Arc<Activity>>,
    traffic: Traffic,
    /// The scan's own, which know its rows; none before it reads.
    metrics: OnceLock<ExecutionPlanMetricsSet>,
}

impl Drop for Account {
    fn drop(&mut self) {
        if let (Some(activity), Some(metrics)) = (&self.activity, self.metrics.get()) {
            activity.record(&Call {
                server: &self.server,
                statement: &self.statement,
                rows: metrics.clone_inner().output_rows().unwrap_or_default() as u64,
                bytes: self.traffic.bytes(),
                round_trips: self.traffic.round_trips(),
                time: self.traffic.wait(),
                error: None,
            });
        }
    }
}

/// The counters of one open file.
struct Counts {
    account: Arc<Account>,
    bytes: Count,
    round_trips: Count,
    time: Time,
}

impl Counts {
    /// Does something that asks the store; `size` is how many bytes of columns came, none for a footer, which may be
    /// at hand.
    async fn count<T>(
        &self,
        work: impl Future<Output = ParquetResult<T>>,
        size: impl Fn(&T) -> Option<usize>,
    ) -> ParquetResult<T> {
        let asked = Traffic::default();
        let done = waited(&asked, asked.asked(work)).await;
        let size = done.as_ref().ok().and_then(size);
        let traffic = &self.account.traffic;
        if asked.round_trips() > 0 || size.is_some() {
            traffic.add_round_trip();
            self.round_trips.add(1);
        }
        traffic.add_wait(asked.wait());
        self.time.add_duration(asked.wait());
        traffic.add_bytes(size.unwrap_or_default() as u64);
        self.bytes.add(size.unwrap_or_default());
        done
    }
}

/// The error of a file whose end cannot be read, which the reader tells without its server.
fn unreadable(name: &str, server: &str, error: &ParquetError) -> ParquetError {
    let told = Error::new(SqlState::IO_ERROR, format!("file \"{name}\" of server \"{server}\" could not be read"))
        .with_detail(format!("{}.", error.to_string().trim_end_matches('.')));
    ParquetError::External(Box::new(told))
}

/// One open file.
struct CountedReader {
    inner: Box<dyn AsyncFileReader + Send>,
    /// Its name in the store.
    name: String,
    counts: Counts,
}

impl AsyncFileReader for CountedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.counts.count(self.inner.get_bytes(range), |bytes| Some(bytes.len())).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        let size = |parts: &Vec<Bytes>| Some(parts.iter().map(Bytes::len).sum());
        self.counts.count(self.inner.get_byte_ranges(ranges), size).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let name = self.name.clone();
        let server = self.counts.account.server.clone();
        let read = self.counts.count(self.inner.get_metadata(options), |_| None);
        read.map(move |read| read.map_err(|error| unreadable(&name, &server, &error))).boxed()
    }
}
