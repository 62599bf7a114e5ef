//! What a read costs at its source, counted while it runs.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The cost of a scan at its source, over all its streams, or of one of its statements. It only grows.
///
/// - A round trip is something sent to the source and waited for: the preparing of a statement, its execution, a request
///   for a part of a file. Making a connection is none.
/// - Bytes are those of the rows as the driver gives them: in PostgreSQL the messages with rows; in MySQL, MariaDB and
///   SQLite texts and blobs by their length and other values by their type's width; of files what is read from their
///   store, packed as it is there. Protocol headers, TLS and statements do not count.
/// - Time is that from asking to the first rows, with what it takes to connect, and from then on the time in which the
///   query had nothing to do but wait for more.
#[derive(Debug, Default)]
pub struct Traffic {
    round_trips: AtomicU64,
    bytes: AtomicU64,
    nanos: AtomicU64,
    /// What this is a part of.
    whole: Option<Arc<Traffic>>,
}

impl Traffic {
    /// What one statement costs; it counts for `whole` too.
    pub fn part_of(whole: &Arc<Traffic>) -> Traffic {
        Traffic { whole: Some(Arc::clone(whole)), ..Traffic::default() }
    }

    /// The source was asked once and waited for.
    pub fn add_round_trip(&self) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.add_round_trip();
        }
    }

    /// So many bytes of values came from the source.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.add_bytes(bytes);
        }
    }

    /// So long the source was waited for. What opens a scan and reads its stream counts that for every kind.
    pub fn add_wait(&self, wait: Duration) {
        self.nanos.fetch_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.add_wait(wait);
        }
    }

    /// Does something that asks the source at most once: a round trip, unless the answer was there already, as that of
    /// a statement which the connection has prepared before.
    pub async fn asked<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut waited = false;
        let done = poll_fn(|context| {
            let polled = work.as_mut().poll(context);
            waited |= polled.is_pending();
            polled
        })
        .await;
        if waited {
            self.add_round_trip();
        }
        done
    }

    /// How often the source was asked and waited for.
    pub fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// Bytes of values received.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How long the source was waited for.
    pub fn wait(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}

/// Does `work`, and adds the time in which it had nothing to do but wait.
pub async fn waited<T>(traffic: &Traffic, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut idle: Option<Instant> = None;
    poll_fn(|context| {
        if let Some(since) = idle.take() {
            traffic.add_wait(since.elapsed());
        }
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            idle = Some(Instant::now());
        }
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_waiting_counts() {
        let whole = Arc::new(Traffic::default());
        let part = Traffic::part_of(&whole);
        assert_eq!(part.asked(async { 1 }).await, 1);
        assert_eq!((part.round_trips(), part.wait()), (0, Duration::ZERO));
        let slow = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            // Work of our own is not the source's.
            std::thread::sleep(Duration::from_millis(200));
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        waited(&part, part.asked(slow)).await;
        assert_eq!((part.round_trips(), whole.round_trips()), (1, 1));
        assert!(part.wait() >= Duration::from_millis(30) && part.wait() < Duration::from_millis(190));
        part.add_bytes(7);
        assert_eq!((whole.bytes(), whole.wait()), (7, part.wait()));
    }
}
