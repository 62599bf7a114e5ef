//! Where statements are planned and run: threads of their own, so that one that computes for long never keeps the
//! sockets waiting, with stacks for the deepest statement that [`super::depth`] lets through.

use std::thread::available_parallelism;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use super::errors::Failure;
use crate::error::{Error, Result, SqlState};

/// What a thread's stack may grow to; memory is taken only as it does.
const STACK: usize = 64 << 20;
/// Threads for each processor: a statement that does not give way must not hold up every other.
const THREADS_EACH: usize = 4;
/// Threads at least.
const THREADS_MIN: usize = 8;

/// The threads.
pub(super) struct Workers {
    handle: Handle,
    /// None once it is being dropped.
    runtime: Option<Runtime>,
}

impl Workers {
    /// Starts the threads.
    pub fn new() -> Result<Workers> {
        let processors = available_parallelism().map_or(1, |count| count.get());
        let runtime = Builder::new_multi_thread()
            .worker_threads((processors * THREADS_EACH).max(THREADS_MIN))
            .thread_name("statement")
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(SqlState::IO_ERROR, "could not start the threads that run statements")
                    .with_detail(format!("{error}."))
            })?;
        Ok(Workers { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Starts a piece of work. It ends when it is done, or when its task is dropped and it next gives way.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Task<T> {
        Task { handle: self.handle.spawn(work) }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for the threads would block whoever drops this.
            runtime.shutdown_background();
        }
    }
}

/// A piece of work under way.
pub(super) struct Task<T> {
    handle: JoinHandle<T>,
}

impl<T> Task<T> {
    /// Waits for what it gives; safe to cancel, and answers once. A panic in it is the statement's error, and the
    /// connection lives.
    pub async fn join(&mut self) -> Result<T, Failure> {
        (&mut self.handle).await.map_err(|error| {
            if error.is_panic() {
                tracing::error!("a statement failed by a mistake in this program");
                Failure::Statement(Error::internal("the statement failed by a mistake in this program"))
            } else {
                Failure::Shutdown
            }
        })
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_the_threads_live() {
        let workers = Workers::new().unwrap();
        let mut wrong = workers.spawn(async { [0u8; 0].first().map(|_| ()).expect("a mistake") });
        assert!(
            matches!(wrong.join().await, Err(Failure::Statement(error)) if error.state() == SqlState::INTERNAL_ERROR)
        );
        assert!(matches!(workers.spawn(async { 7 }).join().await, Ok(7)));
    }
}
