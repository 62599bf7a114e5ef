//! Where keys wait between the operator that gathers them and the scans that send them.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use tokio::sync::watch;

/// What gathering keys came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// All of them: distinct, without nulls, in an order of their own.
    Keys(ArrayRef),
    /// There are more than the bound allows; holds the bound.
    TooMany(usize),
    /// Together they are longer than the bound allows; holds the bound in bytes.
    TooLong(usize),
    /// One of them is null, and null matches null here.
    HoldsNull,
    /// They were not looked for: others are few enough.
    NotSearched,
    /// Not all rows were seen: who reads them stopped early, failed, or never began.
    Incomplete,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Keys(keys) if keys.len() == 1 => write!(f, "1 key"),
            Outcome::Keys(keys) => write!(f, "{} keys", keys.len()),
            Outcome::TooMany(bound) => write!(f, "over {bound} distinct keys (onerow.max_keys = {bound})"),
            Outcome::TooLong(bound) => write!(f, "keys of over {bound} bytes"),
            Outcome::HoldsNull => write!(f, "a key is null"),
            Outcome::NotSearched => write!(f, "not searched, as few keys are known already"),
            Outcome::Incomplete => write!(f, "the keys are not all known"),
        }
    }
}

/// The end that keys are put into. When every copy is gone and nothing was published, those that wait are told that
/// the keys are not known, so that nobody waits for what will never come.
#[derive(Debug)]
pub struct Publisher {
    sender: watch::Sender<Option<Arc<Outcome>>>,
}

impl Publisher {
    /// Tells all that wait, now and later. What is published last holds.
    pub fn publish(&self, outcome: Outcome) {
        self.sender.send_replace(Some(Arc::new(outcome)));
    }

    /// What was published, if anything.
    pub fn published(&self) -> Option<Arc<Outcome>> {
        self.sender.borrow().clone()
    }
}

/// The end that keys are taken from. Copies see the same keys.
#[derive(Clone, Debug)]
pub struct Slot {
    receiver: watch::Receiver<Option<Arc<Outcome>>>,
    /// The number that EXPLAIN shows on both ends.
    pub number: usize,
    /// What the keys are of, for EXPLAIN.
    pub origin: String,
}

impl Slot {
    /// A slot with its two ends.
    pub fn new(number: usize, origin: String) -> (Publisher, Slot) {
        let (sender, receiver) = watch::channel(None);
        (Publisher { sender }, Slot { receiver, number, origin })
    }

    /// Waits until the keys are known, or known not to come.
    pub async fn wait(&self) -> Arc<Outcome> {
        let mut receiver = self.receiver.clone();
        match receiver.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Arc::new(Outcome::Incomplete)),
            Err(_) => Arc::new(Outcome::Incomplete),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_a_publisher_that_is_gone() {
        let (publisher, slot) = Slot::new(1, "a".into());
        let waiting = tokio::spawn(async move { slot.wait().await });
        tokio::task::yield_now().await;
        drop(publisher);
        assert!(matches!(*waiting.await.unwrap(), Outcome::Incomplete));
    }

    #[tokio::test]
    async fn what_was_published_stays_when_the_publisher_goes() {
        let (publisher, slot) = Slot::new(1, "a".into());
        publisher.publish(Outcome::TooMany(3));
        drop(publisher);
        assert!(matches!(*slot.wait().await, Outcome::TooMany(3)));
    }
}
