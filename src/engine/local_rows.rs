//! The rows of local tables at one moment: a state of the catalog holds them as it holds the definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use parking_lot::Mutex;

use crate::catalog::definitions::{Definitions, RelationKind, RelationName};
use crate::catalog::pg::TableSize;
use crate::catalog::store::Store;
use crate::error::{Error, Result};

fn size(rows: &[RecordBatch]) -> TableSize {
    let sum = |of: fn(&RecordBatch) -> usize| rows.iter().map(|batch| of(batch) as u64).sum::<u64>();
    TableSize { rows: sum(RecordBatch::num_rows), bytes: sum(RecordBatch::get_array_memory_size) }
}

/// The rows of every local table. A copy shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct LocalRows(BTreeMap<RelationName, Arc<TableRows>>);

/// The rows of one table; none until they are first read from the state folder.
#[derive(Debug, Default)]
struct TableRows(Mutex<Option<Arc<Vec<RecordBatch>>>>);

impl LocalRows {
    /// The rows of the local tables that are defined: those known here, else those that the state folder holds.
    pub fn of(&self, definitions: &Definitions) -> LocalRows {
        let tables = definitions.relations.values().filter(|r| matches!(r.kind, RelationKind::Local(_)));
        let rows = |name: &RelationName| self.0.get(name).map_or_else(Arc::default, Arc::clone);
        LocalRows(tables.map(|table| (table.name.clone(), rows(&table.name))).collect())
    }

    /// A table's rows. They are read from the state folder when they are first asked for.
    pub fn read(&self, store: &Store, name: &RelationName) -> Result<Arc<Vec<RecordBatch>>> {
        let table =
            self.0.get(name).ok_or_else(|| Error::internal(format!("there are no rows of table \"{name}\"")))?;
        let mut known = table.0.lock();
        if let Some(rows) = &*known {
            return Ok(Arc::clone(rows));
        }
        let rows = Arc::new(store.rows(name)?);
        *known = Some(Arc::clone(&rows));
        Ok(rows)
    }

    /// How large a table is, where its rows are in memory.
    pub fn known(&self, name: &RelationName) -> Option<TableSize> {
        let known = self.0.get(name)?.0.lock();
        known.as_ref().map(|rows| size(rows))
    }

    /// How large a table is.
    pub fn size(&self, store: &Store, name: &RelationName) -> Result<TableSize> {
        Ok(size(&self.read(store, name)?))
    }

    /// Gives a table other rows; copies that were made before keep theirs.
    pub fn set(&mut self, name: &RelationName, rows: Vec<RecordBatch>) {
        self.0.insert(name.clone(), Arc::new(TableRows(Mutex::new(Some(Arc::new(rows))))));
    }

    /// The tables, in order of name.
    pub fn names(&self) -> impl Iterator<Item = &RelationName> {
        self.0.keys()
    }

    /// Whether it is a local table.
    pub fn contains(&self, name: &RelationName) -> bool {
        self.0.contains_key(name)
    }
}
