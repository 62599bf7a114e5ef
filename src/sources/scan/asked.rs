//! One statement that a source is asked: what it costs is counted, and remembered when it is done.

use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::{Keys, RemoteRead};
use crate::error::{Error, Result};
use crate::sources::activity::{Activity, Call};
use crate::sources::traffic::{Traffic, waited};

/// Asks for a scan, and keeps its account.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    /// The server's name.
    pub server: Arc<str>,
    /// What the whole scan has cost.
    pub traffic: Arc<Traffic>,
    /// Where statements are remembered; none for a plan that belongs to no engine.
    pub activity: Option<Arc<Activity>>,
}

impl Asking {
    /// Opens one stream of a read, as [`RemoteRead::open`] does.
    pub async fn open(
        &self,
        read: &Arc<dyn RemoteRead>,
        partition: usize,
        keys: &[Keys],
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let traffic = Arc::new(Traffic::part_of(&self.traffic));
        let mut account = Account {
            asking: self.clone(),
            statement: read.remembered(),
            traffic: Arc::clone(&traffic),
            rows: 0,
            error: None,
        };
        let began = Instant::now();
        let opened = read.open(partition, keys, &traffic).await;
        traffic.add_wait(began.elapsed());
        match opened {
            Ok(batches) => {
                let open = (batches, account, true);
                Ok(stream::unfold(open, |(mut batches, mut account, is_first)| async move {
                    let traffic = Arc::clone(&account.traffic);
                    let batch = if is_first {
                        let began = Instant::now();
                        let batch = batches.next().await;
                        traffic.add_wait(began.elapsed());
                        batch
                    } else {
                        waited(&traffic, batches.next()).await
                    };
                    match &batch {
                        Some(Ok(batch)) => account.rows += batch.num_rows() as u64,
                        Some(Err(error)) => account.error = Some(error.clone()),
                        None => {}
                    }
                    Some((batch?, (batches, account, false)))
                })
                .boxed())
            }
            Err(error) => {
                account.error = Some(error.clone());
                Err(error)
            }
        }
    }
}

/// What one statement has cost so far. It is remembered when it is dropped: at the end of the rows, after an error, or
/// when nobody wants more of them.
struct Account {
    asking: Asking,
    statement: Arc<str>,
    traffic: Arc<Traffic>,
    rows: u64,
    error: Option<Error>,
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(activity) = &self.asking.activity {
            activity.record(&Call {
                server: &self.asking.server,
                statement: &self.statement,
                rows: self.rows,
                bytes: self.traffic.bytes(),
                round_trips: self.traffic.round_trips(),
                time: self.traffic.wait(),
                error: self.error.as_ref(),
            });
        }
    }
}
