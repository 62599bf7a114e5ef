//! What a read costs at its source, counted while it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The cost of one scan at its source, over all its streams. It only grows.
#[derive(Debug, Default)]
pub struct Traffic {
    round_trips: AtomicU64,
    bytes: AtomicU64,
    nanos: AtomicU64,
}

impl Traffic {
    /// The source was asked once and waited for.
    pub fn add_round_trip(&self) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }

    /// So many bytes of values came from the source.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So long the source was waited for.
    pub fn add_wait(&self, wait: Duration) {
        self.nanos.fetch_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
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
