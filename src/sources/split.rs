//! One read in several parts that are made ready together.
//!
//! Whichever part is opened first has all of them made ready; the others take theirs. Making ready is driven by every
//! part that waits for it, so none depends on another being polled, and it ends when nobody waits any more.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, WeakShared};
use parking_lot::Mutex;

use crate::error::{Error, Result};

/// What the parts of one read share. A plan that is run again gets another.
pub struct Split<P> {
    state: Mutex<State<P>>,
}

struct State<P> {
    /// Set while somebody waits for the parts.
    coming: Option<WeakShared<BoxFuture<'static, Result<()>>>>,
    /// Set once they are there; a part leaves when it is opened.
    parts: Arc<Mutex<Option<Vec<Option<P>>>>>,
    /// Which parts have been opened.
    opened: Vec<usize>,
}

impl<P> Default for Split<P> {
    fn default() -> Self {
        Split { state: Mutex::new(State { coming: None, parts: Arc::default(), opened: vec![] }) }
    }
}

impl<P> fmt::Debug for Split<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Split").field("opened", &self.state.lock().opened).finish_non_exhaustive()
    }
}

impl<P: Send + 'static> Split<P> {
    /// The part with this number, which can be taken once. None when there are fewer parts: those that there are hold
    /// all rows. `prepare` makes them ready, the first first; it is called again only when it failed, or was given up
    /// because nobody waited any more.
    pub async fn take(
        &self,
        part: usize,
        prepare: impl FnOnce() -> BoxFuture<'static, Result<Vec<P>>>,
    ) -> Result<Option<P>> {
        let coming = {
            let mut state = self.state.lock();
            if state.parts.lock().is_some() {
                None
            } else {
                let coming = state.coming.as_ref().and_then(WeakShared::upgrade).unwrap_or_else(|| {
                    let (preparing, parts) = (prepare(), Arc::clone(&state.parts));
                    let storing = async move {
                        let ready = preparing.await?;
                        *parts.lock() = Some(ready.into_iter().map(Some).collect());
                        Ok(())
                    };
                    storing.boxed().shared()
                });
                state.coming = coming.downgrade();
                Some(coming)
            }
        };
        if let Some(coming) = coming {
            coming.await?;
        }
        let mut state = self.state.lock();
        if state.opened.contains(&part) {
            // Its rows would come twice, or at another moment than those of the others.
            return Err(Error::internal(format!("part {part} of a read was opened twice")));
        }
        state.opened.push(part);
        let mut parts = state.parts.lock();
        Ok(parts.as_mut().and_then(|parts| parts.get_mut(part)).and_then(Option::take))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::SqlState;

    fn ready(parts: Vec<&'static str>) -> BoxFuture<'static, Result<Vec<&'static str>>> {
        async move {
            tokio::task::yield_now().await;
            Ok(parts)
        }
        .boxed()
    }

    #[tokio::test]
    async fn parts_are_made_ready_once_whoever_comes_first() {
        let split = Split::default();
        let made = AtomicUsize::new(0);
        let take = |part| {
            split.take(part, || {
                made.fetch_add(1, Ordering::Relaxed);
                ready(vec!["a", "b"])
            })
        };
        let (third, first) = futures::join!(take(2), take(0));
        assert_eq!((first.unwrap(), third.unwrap()), (Some("a"), None));
        // One after another is as well.
        assert_eq!(take(1).await.unwrap(), Some("b"));
        assert_eq!(made.load(Ordering::Relaxed), 1);
        assert!(take(1).await.is_err());
    }

    #[tokio::test]
    async fn whoever_stops_waiting_holds_nobody_up() {
        let split = Split::default();
        let mut first = Box::pin(split.take(0, || ready(vec!["a", "b"])));
        assert!(futures::poll!(&mut first).is_pending());
        // The first is not polled again before the second has its part.
        assert_eq!(split.take(1, || ready(vec!["not asked"])).await.unwrap(), Some("b"));
        assert_eq!(first.await.unwrap(), Some("a"));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_given_up() {
        let split = Split::default();
        let mut first = Box::pin(split.take(0, || ready(vec!["a"])));
        assert!(futures::poll!(&mut first).is_pending());
        drop(first);
        assert_eq!(split.take(0, || ready(vec!["another"])).await.unwrap(), Some("another"));
    }

    #[tokio::test]
    async fn what_failed_is_tried_again() {
        let split = Split::default();
        let failed = || async { Err(Error::new(SqlState::CONNECTION_FAILURE, "down")) }.boxed();
        assert!(split.take(0, failed).await.is_err());
        assert_eq!(split.take(0, || ready(vec!["a"])).await.unwrap(), Some("a"));
    }
}
