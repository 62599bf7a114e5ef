//! A stream of batches that a task of its own reads.

use datafusion::arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

/// How many finished batches may wait for their reader.
pub const BATCHES_AHEAD: usize = 2;

/// The batches that a worker sends. The stream ends without an error only when the worker has: one that fails, or
/// panics, never looks like the end of the rows. `guard` is dropped with the stream, and tells the worker to stop.
pub fn stream<G: Send + 'static>(
    batches: Receiver<RecordBatch>,
    worker: JoinHandle<Result<()>>,
    guard: G,
) -> BoxStream<'static, Result<RecordBatch>> {
    futures::stream::unfold((batches, Some(worker), guard), |(mut batches, mut worker, guard)| async move {
        if let Some(batch) = batches.recv().await {
            return Some((Ok(batch), (batches, worker, guard)));
        }
        match worker.take()?.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some((Err(error), (batches, worker, guard))),
            Err(error) => Some((Err(Error::internal(format!("a reader failed: {error}"))), (batches, worker, guard))),
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_is_never_an_end() {
        for panics in [true, false] {
            let (sender, batches) = tokio::sync::mpsc::channel(BATCHES_AHEAD);
            let worker = tokio::spawn(async move {
                let _sender = sender;
                assert!(!panics, "as it must");
                Err(Error::internal("lost"))
            });
            let items: Vec<_> = stream(batches, worker, ()).collect().await;
            assert_eq!(items.len(), 1);
            assert!(items[0].is_err());
        }
    }
}
