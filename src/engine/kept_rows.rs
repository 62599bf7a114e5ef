//! Rows that a cursor keeps, to be had again in any order: the last ones in memory, those before them on disk.

use std::fs::File;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::ipc::reader::FileReader;
use datafusion::arrow::ipc::writer::FileWriter;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{DiskManager, SpillFile};
use parking_lot::Mutex;

use super::session::Session;
use crate::error::{Error, Result, SqlState};

/// How much one cursor keeps in memory before it writes to disk, in bytes.
const IN_MEMORY: usize = 32 << 20;

impl Session {
    /// A place for a cursor's rows.
    pub fn keep_rows(&self, schema: SchemaRef) -> KeptRows {
        KeptRows::new(schema, self.engine.base.runtime_env())
    }
}

/// The rows, in their order. What they take in memory counts for `--memory`; where that has no room they go to disk,
/// whose files are gone with this.
#[derive(Debug)]
pub struct KeptRows(Arc<Mutex<Kept>>);

struct Kept {
    schema: SchemaRef,
    /// The number of the first row of each batch.
    starts: Vec<u64>,
    rows: u64,
    /// The first batches, on disk.
    files: Vec<Part>,
    /// The batches behind those.
    recent: Vec<RecordBatch>,
    memory: MemoryReservation,
    disk: Arc<DiskManager>,
    /// The batch that was last read from disk, with its number.
    read: Option<(usize, RecordBatch)>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("rows", &self.rows).field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// Batches in one file.
struct Part {
    file: Arc<dyn SpillFile>,
    /// The number of the first of them.
    first: usize,
    batches: usize,
}

impl KeptRows {
    fn new(schema: SchemaRef, runtime: &Arc<RuntimeEnv>) -> KeptRows {
        let memory = MemoryConsumer::new("Cursor").register(&runtime.memory_pool);
        KeptRows(Arc::new(Mutex::new(Kept {
            schema,
            starts: vec![],
            rows: 0,
            files: vec![],
            recent: vec![],
            memory,
            disk: Arc::clone(&runtime.disk_manager),
            read: None,
        })))
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.lock().rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a batch behind the others. An error (53200, 58030) when neither memory nor disk takes it.
    pub async fn add(&self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let kept = Arc::clone(&self.0);
        aside(move || kept.lock().add(batch)).await
    }

    /// The batch that a row is in, by the row's number from 0, with the number of its first row; none behind the end.
    pub async fn batch_of(&self, row: u64) -> Result<Option<(u64, RecordBatch)>> {
        let kept = Arc::clone(&self.0);
        let at = {
            let kept = kept.lock();
            if row >= kept.rows {
                return Ok(None);
            }
            let at = kept.starts.partition_point(|start| *start <= row).saturating_sub(1);
            let start = kept.starts.get(at).copied().unwrap_or(0);
            if let Some(batch) = kept.at_hand(at) {
                return Ok(Some((start, batch)));
            }
            (at, start)
        };
        let batch = aside(move || kept.lock().read(at.0)).await?;
        Ok(Some((at.1, batch)))
    }
}

/// Does what waits for the disk where nothing else waits.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::internal("the rows of a cursor could not be kept"))?
}

impl Kept {
    fn add(&mut self, batch: RecordBatch) -> Result<()> {
        let bytes = batch.get_array_memory_size();
        if self.memory.size().saturating_add(bytes) > IN_MEMORY || self.memory.try_grow(bytes).is_err() {
            self.spill()?;
            if bytes > IN_MEMORY || self.memory.try_grow(bytes).is_err() {
                self.push(batch);
                return self.spill();
            }
        }
        self.push(batch);
        Ok(())
    }

    fn push(&mut self, batch: RecordBatch) {
        self.starts.push(self.rows);
        self.rows += batch.num_rows() as u64;
        self.recent.push(batch);
    }

    /// Writes what is in memory to a file of its own.
    fn spill(&mut self) -> Result<()> {
        if self.recent.is_empty() {
            return Ok(());
        }
        let file = self.disk.create_tmp_file("keeping the rows of a cursor")?;
        let mut written = file.open_writer()?;
        {
            let mut writer = FileWriter::try_new_buffered(&mut written, &self.schema)?;
            for batch in &self.recent {
                writer.write(&compact(batch)?)?;
            }
            writer.finish()?;
        }
        written.finish()?;
        let batches = self.recent.len();
        self.files.push(Part { file, first: self.starts.len().saturating_sub(batches), batches });
        self.recent.clear();
        self.memory.free();
        Ok(())
    }

    /// How many batches are on disk.
    fn on_disk(&self) -> usize {
        self.starts.len().saturating_sub(self.recent.len())
    }

    fn at_hand(&self, at: usize) -> Option<RecordBatch> {
        match &self.read {
            Some((number, batch)) if *number == at => Some(batch.clone()),
            _ => self.recent.get(at.checked_sub(self.on_disk())?).cloned(),
        }
    }

    fn read(&mut self, at: usize) -> Result<RecordBatch> {
        if let Some(batch) = self.at_hand(at) {
            return Ok(batch);
        }
        let lost = || Error::internal("rows that a cursor keeps are lost");
        let part = self.files.iter().find(|part| (part.first..part.first + part.batches).contains(&at));
        let part = part.ok_or_else(lost)?;
        let file = File::open(part.file.path().ok_or_else(lost)?).map_err(|error| {
            Error::new(SqlState::IO_ERROR, "could not read the rows of a cursor").with_detail(format!("{error}."))
        })?;
        let mut reader = FileReader::try_new_buffered(file, None)?;
        reader.set_index(at - part.first)?;
        let batch = reader.next().ok_or_else(lost)??;
        // Metadata of fields, which tell Postgres's types, are the schema's own.
        let batch = RecordBatch::try_new(SchemaRef::clone(&self.schema), batch.columns().to_vec())?;
        self.read = Some((at, batch.clone()));
        Ok(batch)
    }
}

/// A batch without what its texts do not use of their buffers, which would be written with each of its slices.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()) as ArrayRef,
        DataType::BinaryView => Arc::new(column.as_binary_view().gc()) as ArrayRef,
        _ => Arc::clone(column),
    });
    Ok(RecordBatch::try_new(batch.schema(), columns.collect())?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, StringViewArray};
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;

    use super::*;

    fn batch(schema: &SchemaRef, from: i64, rows: i64) -> RecordBatch {
        let ids = Int64Array::from_iter_values(from..from + rows);
        let names = StringViewArray::from_iter(
            (from..from + rows).map(|n| (n % 7 != 0).then(|| format!("a name that is long, 张伟 {n}"))),
        );
        RecordBatch::try_new(SchemaRef::clone(schema), vec![Arc::new(ids), Arc::new(names)]).unwrap()
    }

    #[tokio::test]
    async fn rows_come_back_from_memory_and_disk() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("name", DataType::Utf8View, true),
        ]));
        // With no room in memory each batch goes to disk.
        for limit in [1 << 30, 1 << 10] {
            let runtime = RuntimeEnvBuilder::new().with_memory_limit(limit, 1.0).build_arc().unwrap();
            let kept = KeptRows::new(SchemaRef::clone(&schema), &runtime);
            assert!(kept.is_empty() && kept.batch_of(0).await.unwrap().is_none());
            for (from, rows) in [(0, 10), (10, 0), (10, 1), (11, 1_000)] {
                kept.add(batch(&schema, from, rows).slice(0, rows as usize)).await.unwrap();
            }
            assert_eq!(kept.len(), 1_011);
            assert_eq!(kept.0.lock().files.is_empty(), limit == 1 << 30);
            for (row, start, rows) in [(1_010, 11, 1_000), (0, 0, 10), (9, 0, 10), (10, 10, 1), (11, 11, 1_000)] {
                let (found, rows_of) = kept.batch_of(row).await.unwrap().unwrap();
                assert_eq!((found, &rows_of), (start, &batch(&schema, start as i64, rows)), "row {row}");
            }
            assert!(kept.batch_of(1_011).await.unwrap().is_none());
            drop(kept);
            assert_eq!(runtime.memory_pool.reserved(), 0);
        }
    }
}
