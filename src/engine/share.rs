//! What one statement may hold of the memory that all share, so that none takes it all from the others.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, human_readable_size,
};
use datafusion::execution::runtime_env::RuntimeEnv;

/// How much one statement may hold, in bytes: an extension of the sessions' configuration. Without it a statement may hold
/// all that there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueryMemory(pub usize);

impl QueryMemory {
    /// The environment of one statement, which writes to disk what it may not hold.
    pub fn of_one(self, runtime: &RuntimeEnv) -> Arc<RuntimeEnv> {
        let all = Arc::clone(&runtime.memory_pool);
        let share = Share { all, most: self.0, held: AtomicUsize::new(0) };
        Arc::new(RuntimeEnv { memory_pool: Arc::new(share), ..runtime.clone() })
    }
}

/// One statement's part of a pool.
#[derive(Debug)]
struct Share {
    all: Arc<dyn MemoryPool>,
    /// In bytes.
    most: usize,
    held: AtomicUsize,
}

impl Share {
    fn refused(&self, wanted: usize, who: &MemoryReservation, held: usize) -> DataFusionError {
        DataFusionError::ResourcesExhausted(format!(
            "Failed to allocate additional {} for {} with {} already allocated for this reservation - {} remain available for this statement, which may hold {}",
            human_readable_size(wanted),
            who.consumer().name(),
            human_readable_size(who.size()),
            human_readable_size(self.most.saturating_sub(held)),
            human_readable_size(self.most),
        ))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", human_readable_size(self.most), self.all)
    }
}

impl MemoryPool for Share {
    fn name(&self) -> &str {
        "share"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.all.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.all.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.held.fetch_add(additional, Ordering::Relaxed);
        self.all.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.held.fetch_sub(shrink, Ordering::Relaxed);
        self.all.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> DfResult<()> {
        let fits = |held: usize| held.checked_add(additional).filter(|held| *held <= self.most);
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .map_err(|held| self.refused(additional, reservation, held))?;
        self.all.try_grow(reservation, additional).inspect_err(|_| {
            self.held.fetch_sub(additional, Ordering::Relaxed);
        })
    }

    fn reserved(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.most)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;

    use super::*;

    #[test]
    fn one_statement_leaves_some_to_others() {
        let runtime = RuntimeEnvBuilder::new().with_memory_limit(1000, 1.0).build().unwrap();
        let (one, other) = (QueryMemory(700).of_one(&runtime), QueryMemory(700).of_one(&runtime));
        let held = |runtime: &RuntimeEnv| MemoryConsumer::new("test").register(&runtime.memory_pool);
        let (first, second, third) = (held(&one), held(&one), held(&other));
        first.try_grow(600).unwrap();
        let refused = second.try_grow(200).unwrap_err().to_string();
        assert!(refused.contains("100.0 B remain available for this statement, which may hold 700.0 B"), "{refused}");
        third.try_grow(300).unwrap();
        // There is no more than there is.
        assert!(third.try_grow(200).is_err());
        assert_eq!((one.memory_pool.reserved(), other.memory_pool.reserved()), (600, 300));
        assert_eq!(runtime.memory_pool.reserved(), 900);
        first.free();
        third.try_grow(200).unwrap();
        second.try_grow(200).unwrap();
        drop((first, second, third));
        assert_eq!((one.memory_pool.reserved(), runtime.memory_pool.reserved()), (0, 0));
    }
}
