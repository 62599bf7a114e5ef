//! Where operators write what does not fit in memory, and how, so that a query that spills comes to an end.
//!
//! DataFusion 55.2's `RepartitionExec` hands rows from several threads to several others. What it may not keep in memory
//! it writes to the spill pool of the reader that it is for (`spill_pool.rs`), and puts a marker into that reader's
//! channel. Whoever takes a marker waits for the pool's next batch. Two threads that spill at once open a file each, and
//! from then on batches go to the two in turns; but the reader looks at the older file alone until that is finished,
//! which it is at 128 MB or when all threads are done. So the batch of its marker may lie in the other file while it
//! waits for one more in its own. Once there are markers in the channels of all readers, the channels' gate is closed
//! (`distributor_channels.rs`) and no thread writes any more. The readers wait for the threads and these for the readers.
//!
//! Here every batch is a file: each is finished by the call that begins it, before its marker is sent. A reader then
//! waits for nothing but a call that is under way, and that waits for nobody. Two things follow from it:
//!
//! - There may be as many files as batches, so that a file that is not read or written must not keep a descriptor open
//!   as DataFusion's own do. Those of [`Folder`] are opened when they are used.
//! - A file that could not be written would stay unfinished in the pool for good, before those of other threads. So an
//!   error is kept in its file, and whoever comes to read it gets it ([`POOL`]).
//!
//! DataFusion has mended this after 55.2 (its pull request 24891).

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use datafusion::common::config::{ConfigNonZeroUsize, ExecutionOptions};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::disk_manager::{DEFAULT_MAX_TEMP_DIRECTORY_SIZE, DiskManagerBuilder};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SpillFile, SpillWriter, TempFileFactory};
use futures::Stream;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use crate::error::{Error, SqlState};

/// What a spill pool says its files are for.
const POOL: &str = "SpillPool";

/// How much of a file is read at once, in bytes.
const PIECE: usize = 128 << 10;

/// The memory that queries share, in bytes, without a limit if none is given, and the folder for what does not fit.
pub(super) fn runtime(memory: Option<usize>) -> RuntimeEnvBuilder {
    let folder = Arc::new(Folder::new(DEFAULT_MAX_TEMP_DIRECTORY_SIZE));
    let builder = RuntimeEnvBuilder::new()
        .with_disk_manager_builder(DiskManagerBuilder::default().with_temp_file_factory(folder));
    match memory {
        Some(bytes) => builder.with_memory_limit(bytes, 1.0),
        None => builder,
    }
}

/// Makes each batch that a spill pool takes a file of its own. No session may set this otherwise.
pub(super) fn settle(execution: &mut ExecutionOptions) -> DfResult<()> {
    // A file is finished when what was written to it is more.
    execution.max_spill_file_size_bytes = ConfigNonZeroUsize::try_new(1)?;
    Ok(())
}

/// A folder of the system's own for temporary files, made with the first of them and removed with the last.
struct Folder {
    made: Mutex<Option<Arc<TempDir>>>,
    files: AtomicU64,
    used: Arc<AtomicU64>,
    /// The most bytes that its files may have.
    most: u64,
}

impl Folder {
    fn new(most: u64) -> Folder {
        Folder { made: Mutex::default(), files: AtomicU64::default(), used: Arc::default(), most }
    }
}

impl TempFileFactory for Folder {
    fn create_temp_file(&self, description: &str) -> DfResult<Arc<dyn SpillFile>> {
        let mut made = self.made.lock();
        let folder = match &*made {
            Some(folder) => Arc::clone(folder),
            None => {
                let folder = Arc::new(tempfile::tempdir().map_err(|error| unwritten(&error))?);
                *made = Some(Arc::clone(&folder));
                folder
            }
        };
        let path = folder.path().join(self.files.fetch_add(1, Ordering::Relaxed).to_string());
        let room = Arc::clone(&self.used);
        let shared = Shared { path, size: AtomicU64::default(), room, most: self.most, failed: Mutex::default() };
        Ok(Arc::new(File { shared: Arc::new(shared), puts_off: description == POOL, _folder: folder }))
    }
}

/// A file, which is there as long as it is.
struct File {
    shared: Arc<Shared>,
    /// Whether an error of writing is for whoever reads.
    puts_off: bool,
    _folder: Arc<TempDir>,
}

/// What a file and its writer know of it.
struct Shared {
    path: PathBuf,
    size: AtomicU64,
    /// The bytes of all files.
    room: Arc<AtomicU64>,
    most: u64,
    failed: Mutex<Option<Error>>,
}

impl Shared {
    /// Takes room for more bytes, if there is any.
    fn take(&self, bytes: u64) -> Result<(), Error> {
        let used = self.room.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.size.fetch_add(bytes, Ordering::Relaxed);
        if used <= self.most {
            return Ok(());
        }
        let most = self.most >> 30;
        Err(Error::new(SqlState("53100"), format!("temporary files would have more than {most} GB"))
            .with_hint("Let the statement read less, or raise the memory limit."))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // One that was never written to is not there.
        let _ = std::fs::remove_file(&self.shared.path);
        self.shared.room.fetch_sub(self.shared.size.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl SpillFile for File {
    fn path(&self) -> Option<&Path> {
        Some(&self.shared.path)
    }

    fn size(&self) -> Option<u64> {
        Some(self.shared.size.load(Ordering::Relaxed))
    }

    fn read_stream(&self) -> DfResult<Pin<Box<dyn Stream<Item = DfResult<Bytes>> + Send>>> {
        if let Some(error) = &*self.shared.failed.lock() {
            return Err(error.clone().into());
        }
        let begin = (self.shared.path.clone(), None::<tokio::fs::File>);
        Ok(Box::pin(futures::stream::try_unfold(begin, |(path, open)| async move {
            let mut file = match open {
                Some(file) => file,
                None => tokio::fs::File::open(&path).await.map_err(DataFusionError::IoError)?,
            };
            let mut piece = BytesMut::with_capacity(PIECE);
            let read = file.read_buf(&mut piece).await.map_err(DataFusionError::IoError)?;
            Ok::<_, DataFusionError>((read > 0).then(|| (piece.freeze(), (path, Some(file)))))
        })))
    }

    fn open_writer(&self) -> DfResult<Box<dyn SpillWriter>> {
        let mut writer = Writer { file: None, shared: Arc::clone(&self.shared), puts_off: self.puts_off };
        match OpenOptions::new().create(true).append(true).open(&self.shared.path) {
            Ok(file) => writer.file = Some(file),
            Err(error) => writer.fail(unwritten(&error))?,
        }
        Ok(Box::new(writer))
    }
}

/// Writes to a file, until something fails.
struct Writer {
    file: Option<std::fs::File>,
    shared: Arc<Shared>,
    puts_off: bool,
}

impl Writer {
    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        // Nothing is written once it has failed: nobody reads it.
        let Some(file) = &mut self.file else { return Ok(()) };
        self.shared.take(bytes.len() as u64)?;
        file.write_all(bytes).map_err(|error| unwritten(&error))
    }

    fn fail(&mut self, error: Error) -> Result<(), Error> {
        self.file = None;
        if !self.puts_off {
            return Err(error);
        }
        self.shared.failed.lock().get_or_insert(error);
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Err(error) = self.append(bytes) {
            self.fail(error).map_err(std::io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        // Nothing is held back.
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> DfResult<()> {
        self.file = None;
        Ok(())
    }
}

/// 53100 where there is no room, else 58030.
fn unwritten(error: &std::io::Error) -> Error {
    let state = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => SqlState("53100"),
        _ => SqlState::IO_ERROR,
    };
    Error::new(state, format!("could not write to a temporary file: {error}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::physical_expr::expressions::col;
    use datafusion::physical_plan::repartition::RepartitionExec;
    use datafusion::physical_plan::{ExecutionPlan, Partitioning, common};
    use datafusion::prelude::{SessionConfig, SessionContext};
    use futures::TryStreamExt;

    use super::*;

    const INPUTS: i64 = 4;
    const BATCHES: i64 = 60;
    const ROWS: i64 = 256;

    /// Rows that four threads hand to two others, where no batch may stay in memory: how many came, with the sum of
    /// their keys.
    async fn exchanged(runtime: RuntimeEnvBuilder) -> Result<(usize, i64), Error> {
        let mut config = SessionConfig::new().with_batch_size(64);
        settle(&mut config.options_mut().execution)?;
        let context = SessionContext::new_with_config_rt(config, runtime.build_arc()?).task_ctx();
        let batch = |first: i64| {
            let keys = first..first + ROWS;
            let text = |key: i64| (key % 3 > 0).then(|| format!("Müşteri 客户 {key} {}", "long ".repeat(5)));
            RecordBatch::try_from_iter_with_nullable([
                ("k", Arc::new(Int64Array::from_iter_values(keys.clone())) as ArrayRef, true),
                ("v", Arc::new(keys.map(text).collect::<StringViewArray>()), true),
            ])
        };
        let mut inputs = vec![];
        for nth in 0..INPUTS {
            let input = (0..BATCHES).map(|at| batch((nth * BATCHES + at) * ROWS));
            inputs.push(input.collect::<Result<Vec<RecordBatch>, _>>()?);
        }
        let schema = inputs[0][0].schema();
        let source = MemorySourceConfig::try_new_exec(&inputs, Arc::clone(&schema), None)?;
        let keys = vec![col("k", &schema)?];
        let exchange = Arc::new(RepartitionExec::try_new(source, Partitioning::Hash(keys, 2))?);
        let read = |partition: usize| {
            let rows = exchange.execute(partition, Arc::clone(&context));
            tokio::spawn(async move { common::collect(rows?).await })
        };
        let (left, right) = tokio::join!(read(0), read(1));
        let mut came = (0, 0);
        for batch in left.expect("a task")?.iter().chain(&right.expect("a task")?) {
            let keys = batch.column(0).as_any().downcast_ref::<Int64Array>().expect("numbers");
            came = (came.0 + batch.num_rows(), came.1 + keys.values().iter().sum::<i64>());
        }
        Ok(came)
    }

    fn in_folder(most: u64) -> RuntimeEnvBuilder {
        let folder = DiskManagerBuilder::default().with_temp_file_factory(Arc::new(Folder::new(most)));
        RuntimeEnvBuilder::new().with_memory_limit(1, 1.0).with_disk_manager_builder(folder)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn threads_that_spill_to_each_other_come_to_an_end() {
        let rows = INPUTS * BATCHES * ROWS;
        for _ in 0..10 {
            let came = tokio::time::timeout(Duration::from_secs(120), exchanged(runtime(Some(1)))).await;
            let came = came.expect("rows are waited for that never come");
            assert_eq!(came.expect("rows"), (rows as usize, rows * (rows - 1) / 2));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn what_cannot_be_written_is_an_error_for_whoever_waits_for_it() {
        for most in [0, 1 << 10] {
            let came = tokio::time::timeout(Duration::from_secs(120), exchanged(in_folder(most))).await;
            let error = came.expect("rows are waited for that never come").expect_err("too much was written");
            assert_eq!(error.state(), SqlState("53100"), "{most}: {error}");
        }
    }

    #[tokio::test]
    async fn a_file_gives_back_what_was_written_and_its_room() {
        let folder = Folder::new(10);
        let file = folder.create_temp_file("a test").expect("a file");
        let path = file.path().expect("a path").to_path_buf();
        let mut writer = file.open_writer().expect("a writer");
        writer.write_all(b"12345").expect("written");
        assert_eq!(file.size(), Some(5));
        let read: Vec<Bytes> = file.read_stream().expect("a stream").try_collect().await.expect("read");
        assert_eq!(read.concat(), b"12345");
        // Only those of a pool keep their errors to themselves.
        assert!(writer.write_all(b"678901").is_err());
        let kept = folder.create_temp_file(POOL).expect("a file");
        let mut silent = kept.open_writer().expect("a writer");
        silent.write_all(b"678901").expect("no error yet");
        silent.finish().expect("no error yet");
        assert_eq!(Error::from(kept.read_stream().err().expect("an error")).state(), SqlState("53100"));
        drop((writer, silent, file, kept));
        assert!(!path.exists());
        assert_eq!(folder.used.load(Ordering::Relaxed), 0);
    }
}
