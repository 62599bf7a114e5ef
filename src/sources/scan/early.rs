//! A stream that begins before anybody wants its rows: as a join's table is built of one side, the source works on the
//! other.

use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::watch;

use super::RemoteRead;
use crate::error::{Error, Result};

/// Whether the first rows of a scan have come.
///
/// Who begins early waits for them. By then the other scan has its connections and its locks: if it still waited for a
/// lock, one that is held here might be what the lock's holder waits for, and nobody would see the circle.
#[derive(Clone, Debug)]
pub struct Begun(Arc<watch::Sender<bool>>);

impl Default for Begun {
    fn default() -> Self {
        Begun(Arc::new(watch::Sender::new(false)))
    }
}

impl Begun {
    /// Says that they have.
    pub(super) fn tell(&self) {
        self.0.send_if_modified(|begun| !std::mem::replace(begun, true));
    }

    /// Waits until they have.
    async fn wait(&self) {
        // Its sender is here.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}

/// The same stream of a read, which is driven up to its first batch once another scan has `begun`, if the read has what
/// it takes. The source goes on until its answer fills the sockets. When the stream is dropped so is what was begun.
pub(super) fn begin(
    rows: BoxStream<'static, Result<RecordBatch>>,
    read: Arc<dyn RemoteRead>,
    begun: Begun,
) -> BoxStream<'static, Result<RecordBatch>> {
    if tokio::runtime::Handle::try_current().is_err() {
        return rows;
    }
    let (waits, mut rows) = (begun.clone(), rows.fuse());
    let first = SpawnedTask::spawn(async move {
        waits.wait().await;
        let reserved = read.reserve();
        let first = match &reserved {
            Some(_) => rows.next().await,
            None => None,
        };
        (first, rows)
    });
    let all = async move {
        // Whoever wants the rows waits for nothing else.
        begun.tell();
        let (first, rows) = first.join().await.map_err(|_| Error::internal("a scan did not begin"))?;
        Ok::<_, Error>(stream::iter(first).chain(rows))
    };
    stream::once(all).try_flatten().boxed()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use async_trait::async_trait;
    use datafusion::arrow::datatypes::Schema;

    use super::super::{Keys, Reserved};
    use super::*;
    use crate::error::SqlState;
    use crate::sources::activity::Literals;
    use crate::sources::traffic::Traffic;

    /// A read that has what it takes, or not.
    #[derive(Debug)]
    struct Read(bool);

    #[async_trait]
    impl RemoteRead for Read {
        fn describe(&self) -> String {
            String::new()
        }

        fn literals(&self) -> Literals {
            Literals::Written
        }

        fn reserve(&self) -> Option<Reserved> {
            self.0.then(|| Arc::new(()) as Reserved)
        }

        async fn open(
            &self,
            _: usize,
            _: &[Keys],
            _: &Arc<Traffic>,
        ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
            Ok(stream::empty().boxed())
        }
    }

    fn read(reserves: bool) -> Arc<dyn RemoteRead> {
        Arc::new(Read(reserves))
    }

    /// Tells when it is dropped.
    struct Dropped(Arc<AtomicBool>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// Three batches, of which those that were taken are counted.
    fn rows(taken: &Arc<AtomicUsize>, fails_at: usize) -> BoxStream<'static, Result<RecordBatch>> {
        let taken = Arc::clone(taken);
        stream::iter(0..3)
            .map(move |at| {
                taken.fetch_add(1, Ordering::SeqCst);
                if at == fails_at {
                    return Err(Error::new(SqlState::CONNECTION_FAILURE, "lost"));
                }
                Ok(RecordBatch::new_empty(Arc::new(Schema::empty())))
            })
            .boxed()
    }

    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_batch_is_taken_before_any_is_wanted_and_none_is_lost() {
        let (taken, begun) = (Arc::default(), Begun::default());
        let stream = begin(rows(&taken, 9), read(true), begun.clone());
        settle().await;
        assert_eq!(taken.load(Ordering::SeqCst), 0, "before the other scan has begun");
        begun.tell();
        settle().await;
        assert_eq!(taken.load(Ordering::SeqCst), 1);
        assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn what_it_takes_may_not_be_there() {
        let (taken, begun) = (Arc::default(), Begun::default());
        let stream = begin(rows(&taken, 9), read(false), begun.clone());
        begun.tell();
        settle().await;
        assert_eq!(taken.load(Ordering::SeqCst), 0);
        assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn who_wants_rows_does_not_wait_for_another_scan() {
        for reserves in [false, true] {
            let stream = begin(rows(&Arc::default(), 9), read(reserves), Begun::default());
            assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap().len(), 3);
        }
    }

    #[tokio::test]
    async fn errors_come_in_their_place() {
        for fails_at in 0..3 {
            let mut stream = begin(rows(&Arc::default(), fails_at), read(true), Begun::default());
            for _ in 0..fails_at {
                assert!(stream.next().await.unwrap().is_ok());
            }
            assert_eq!(stream.next().await.unwrap().unwrap_err().state(), SqlState::CONNECTION_FAILURE);
        }
    }

    #[tokio::test]
    async fn what_nobody_wants_any_more_is_given_up() {
        let is_dropped = Arc::new(AtomicBool::new(false));
        let held = Dropped(Arc::clone(&is_dropped));
        let waiting = stream::once(async move {
            let _held = held;
            futures::future::pending::<Result<RecordBatch>>().await
        });
        let begun = Begun::default();
        begun.tell();
        let stream = begin(waiting.boxed(), read(true), begun);
        settle().await;
        drop(stream);
        settle().await;
        assert!(is_dropped.load(Ordering::SeqCst));
    }
}
