//! Where statements are planned and run: threads of their own, so that one that computes for long never keeps the
//! sockets waiting, with stacks for the deepest statement that a script may hold.
//!
//! A thread cannot be stopped from outside. A statement that does not give way when it should end is left behind, and
//! takes its thread with it. When all threads of a pool are taken so, the next statements get a pool of their own; when
//! there are as many pools as there may be, they are refused until a thread is free.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::errors::Failure;
use crate::error::{Error, Result, SqlState};

/// What a thread's stack may grow to; memory is taken only as it does.
const STACK: usize = 64 << 20;
/// Threads for each processor: a statement that does not give way must not hold up every other.
const THREADS_EACH: usize = 4;
/// Threads at least.
const THREADS_MIN: usize = 8;
/// Pools at most: what statements that do not give way may take.
const POOLS: usize = 4;
/// How long work waits for a thread before its pool counts as stuck. Work that gives way leaves its thread after
/// milliseconds.
const STUCK: Duration = Duration::from_secs(3);
/// How long a statement waits for a thread before it is refused.
const WAIT: Duration = Duration::from_secs(5);

/// The threads.
pub(super) struct Workers {
    threads: usize,
    /// The last one takes new work.
    pools: Mutex<Vec<Pool>>,
}

impl Workers {
    /// Starts the threads.
    pub fn new() -> Result<Workers> {
        let processors = available_parallelism().map_or(1, |count| count.get());
        Workers::with_threads((processors * THREADS_EACH).max(THREADS_MIN))
    }

    fn with_threads(threads: usize) -> Result<Workers> {
        Ok(Workers { threads, pools: Mutex::new(vec![Pool::new(threads)?]) })
    }

    /// Starts a piece of work. It ends when it is done, or when its task is dropped and it next gives way. Refused
    /// (53000) when every thread is taken by work that does not give way.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<Task<T>> {
        let (handle, load) = self.pool()?;
        let running = Running::new(load);
        let begun = Arc::new(AtomicBool::new(false));
        let begins = Arc::clone(&begun);
        let handle = handle.spawn(async move {
            running.has_thread();
            begins.store(true, Ordering::Relaxed);
            let done = work.await;
            drop(running);
            done
        });
        Ok(Task { handle, begun, refused: Instant::now() + WAIT })
    }

    /// A pool that has threads to give.
    fn pool(&self) -> Result<(Handle, Arc<Load>)> {
        let mut pools = self.pools.lock();
        if pools.last().is_none_or(Pool::is_stuck) {
            match pools.iter().position(|pool| !pool.is_stuck()) {
                Some(free) => {
                    let free = pools.remove(free);
                    pools.push(free);
                }
                None if pools.len() < POOLS => {
                    tracing::warn!(pools = pools.len() + 1, "statements that do not give way took every thread");
                    pools.push(Pool::new(self.threads)?);
                }
                None => return Err(busy()),
            }
        }
        // A pool that was left and in which nothing runs any more is not needed.
        let current = pools.len().saturating_sub(1);
        let mut index = 0;
        pools.retain(|pool| {
            index += 1;
            index > current || pool.load.running.load(Ordering::Relaxed) > 0
        });
        let Some(pool) = pools.last() else { return Err(busy()) };
        pool.ask();
        Ok((pool.handle.clone(), Arc::clone(&pool.load)))
    }
}

/// What a statement that panicked is answered.
pub(super) fn mistaken() -> Error {
    tracing::error!("a statement failed by a mistake in this program");
    Error::internal("the statement failed by a mistake in this program")
}

fn busy() -> Error {
    Error::new(SqlState("53000"), "no thread is free to run the statement")
        .with_detail("Statements that do not give way while they are planned or computed take them all.")
        .with_hint("Try again later.")
}

/// Some threads.
struct Pool {
    handle: Handle,
    /// None once it is being dropped.
    runtime: Option<Runtime>,
    load: Arc<Load>,
}

/// What a pool has to do.
#[derive(Default)]
struct Load {
    /// Pieces of work that are not over.
    running: AtomicUsize,
    /// Since when work waits and none has been taken up or left by a thread.
    asked: Mutex<Option<Instant>>,
}

impl Pool {
    fn new(threads: usize) -> Result<Pool> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("statement")
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(SqlState::IO_ERROR, "could not start the threads that run statements")
                    .with_detail(format!("{error}."))
            })?;
        Ok(Pool { handle: runtime.handle().clone(), runtime: Some(runtime), load: Arc::default() })
    }

    fn is_stuck(&self) -> bool {
        self.load.asked.lock().is_some_and(|since| since.elapsed() > STUCK)
    }

    /// Says that work waits from now on, unless some has waited before.
    fn ask(&self) {
        self.load.asked.lock().get_or_insert_with(Instant::now);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for the threads would block whoever drops this.
            runtime.shutdown_background();
        }
    }
}

/// A piece of work that is not over.
struct Running(Arc<Load>);

impl Running {
    fn new(load: Arc<Load>) -> Running {
        load.running.fetch_add(1, Ordering::Relaxed);
        Running(load)
    }

    /// A thread took it up.
    fn has_thread(&self) {
        *self.0.asked.lock() = None;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Also of work that was given up before it began: it is a thread that lets it go.
        self.has_thread();
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A piece of work under way.
pub(super) struct Task<T> {
    handle: JoinHandle<T>,
    begun: Arc<AtomicBool>,
    /// When it is refused if it has not begun.
    refused: Instant,
}

impl<T> Task<T> {
    /// Waits for what it gives; safe to cancel, and answers once. A panic in it is the statement's error, and the
    /// connection lives.
    pub async fn join(&mut self) -> Result<T, Failure> {
        let refused = not_begun(self.refused, &self.begun);
        let done = tokio::select! {
            biased;
            done = &mut self.handle => done,
            failure = refused => return Err(failure),
        };
        done.map_err(|error| if error.is_panic() { Failure::Statement(mistaken()) } else { Failure::Shutdown })
    }

    /// Waits until no thread was free for it for too long, for ever if it has begun.
    pub async fn refused(&self) -> Failure {
        not_begun(self.refused, &self.begun).await
    }
}

async fn not_begun(refused: Instant, begun: &AtomicBool) -> Failure {
    if !begun.load(Ordering::Relaxed) {
        sleep_until(refused).await;
    }
    if begun.load(Ordering::Relaxed) { std::future::pending().await } else { Failure::Statement(busy()) }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep as block;

    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_the_threads_live() {
        let workers = Workers::new().unwrap();
        let mut wrong = workers.spawn(async { [0u8; 0].first().map(|_| ()).expect("a mistake") }).unwrap();
        assert!(
            matches!(wrong.join().await, Err(Failure::Statement(error)) if error.state() == SqlState::INTERNAL_ERROR)
        );
        assert!(matches!(workers.spawn(async { 7 }).unwrap().join().await, Ok(7)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn work_that_does_not_give_way_does_not_stop_other_work() {
        let workers = Workers::with_threads(2).unwrap();
        // Both threads, for longer than anything is waited for.
        let taken: Vec<_> = (0..2).map(|_| workers.spawn(async { block(Duration::from_secs(9)) }).unwrap()).collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut waits = workers.spawn(async { 1 }).unwrap();
        tokio::time::sleep(STUCK + Duration::from_millis(200)).await;
        // It gets a thread of a second pool.
        assert!(matches!(workers.spawn(async { 2 }).unwrap().join().await, Ok(2)));
        // What was given to the first is refused rather than kept waiting.
        assert!(matches!(waits.join().await, Err(Failure::Statement(error)) if error.state() == SqlState("53000")));
        drop(taken);
        assert_eq!(workers.pools.lock().len(), 2);
    }
}
