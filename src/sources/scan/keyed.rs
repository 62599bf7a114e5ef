//! Opening a scan: its keys are waited for first, then sent in as many statements as the source wants.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::record_batch::RecordBatch;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;

use super::asked::Asking;
use super::{Keys, RemoteRead, Sent};
use crate::error::Result;
use crate::federation::keys::{Membership, Outcome, Restriction};

/// The read restricted by keys of a column, or of a function of it, where the source takes them.
pub(super) fn keyed(read: &Arc<dyn RemoteRead>, function: Option<&str>, column: usize) -> Option<Arc<dyn RemoteRead>> {
    let restricted = match function {
        Some(function) => read.keyed_through(function, column),
        None => read.keyed(column),
    };
    // Streams are counted before keys are known.
    restricted.filter(|restricted| restricted.partitions() == read.partitions())
}

/// One stream of a scan that is to be opened.
pub(super) struct Reading {
    pub read: Arc<dyn RemoteRead>,
    pub restrictions: Vec<Restriction>,
    pub sent: Arc<Mutex<Option<Sent>>>,
    pub asking: Asking,
    pub partition: usize,
}

/// Keys that are known, as values of the scan's column.
struct Known {
    restriction: Restriction,
    values: ArrayRef,
}

impl Reading {
    /// Waits for the keys and asks the source. No keys at all are no rows, and the source is not asked: rows without
    /// an equal in the keys are of no use to what is above.
    pub async fn open(self) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        if self.restrictions.is_empty() {
            return self.asking.open(&self.read, self.partition, &[]).await;
        }
        let mut notes = vec![];
        let mut known: Vec<Known> = vec![];
        for restriction in &self.restrictions {
            let number = restriction.slot.number;
            match restriction.slot.wait().await.as_ref() {
                Outcome::Keys(keys) => {
                    let values = restriction.values(keys)?;
                    if values.is_empty() {
                        let note = format!("#{number}: no keys, the source is not asked");
                        *self.sent.lock() = Some(Sent { note, restricts: true });
                        return Ok(stream::empty().boxed());
                    }
                    known.push(Known { restriction: restriction.clone(), values });
                }
                other => notes.push(format!("#{number}: not sent, {other}")),
            }
        }
        // Only the largest set may take several statements: each other must be in all of them.
        known.sort_by_key(|known| std::cmp::Reverse(known.values.len()));
        let at_once = self.read.keys_at_once().max(1);
        let mut read = Arc::clone(&self.read);
        let mut used: Vec<Known> = vec![];
        for known in known {
            let number = known.restriction.slot.number;
            let function = known.restriction.function.as_ref().map(|function| function.name.as_str());
            let fits = used.is_empty() || known.values.len() <= at_once;
            match keyed(&read, function, known.restriction.column).filter(|_| fits) {
                Some(restricted) => {
                    read = restricted;
                    used.push(known);
                }
                None => notes.push(format!("#{number}: not sent beside the others")),
            }
        }
        let statements = used.first().map_or(1, |first| first.values.len().div_ceil(at_once));
        for Known { restriction, values } in &used {
            let keys = if values.len() == 1 { "1 key" } else { &format!("{} keys", values.len()) };
            let times = if statements == 1 { "1 statement" } else { &format!("{statements} statements") };
            notes.push(format!("#{}: {keys} in {times}", restriction.slot.number));
        }
        notes.sort();
        *self.sent.lock() = Some(Sent { note: notes.join(", "), restricts: !used.is_empty() });
        let Some((first, others)) = used.split_first() else {
            return self.asking.open(&read, self.partition, &[]).await;
        };
        let others: Vec<Keys> = others.iter().map(|known| Keys { values: Arc::clone(&known.values) }).collect();
        if statements == 1 {
            let mut keys = vec![Keys { values: Arc::clone(&first.values) }];
            keys.extend(others);
            return self.asking.open(&read, self.partition, &keys).await;
        }
        // A source may find more than was asked for, as where it does not tell `A` from `a`. A row must come once: with
        // the part of the keys that it belongs to.
        let parts = (0..statements).map(|part| {
            let start = part * at_once;
            Ok(first.values.slice(start, at_once.min(first.values.len() - start)))
        });
        let parts: Vec<Result<ArrayRef>> = parts.collect();
        let (partition, restriction, asking) = (self.partition, first.restriction.clone(), self.asking);
        let batches = stream::iter(parts)
            .and_then(move |values| {
                let (read, restriction, asking) = (Arc::clone(&read), restriction.clone(), asking.clone());
                let mut keys = vec![Keys { values: Arc::clone(&values) }];
                keys.extend(others.iter().cloned());
                async move {
                    let members = Membership::new(&values)?;
                    let batches = asking.open(&read, partition, &keys).await?;
                    Ok(batches.and_then(move |batch| {
                        let kept = restriction.recheck(&batch, &members).map_err(Into::into);
                        async move { kept }
                    }))
                }
            })
            .try_flatten();
        Ok(batches.boxed())
    }
}
