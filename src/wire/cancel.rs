//! Who may cancel what: each connection's process number and secret, and the statement that it runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use parking_lot::Mutex;
use rustls::crypto::CryptoProvider;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// The connections that a cancel request can name.
pub(super) struct Registry {
    provider: Arc<CryptoProvider>,
    next: AtomicI32,
    entries: Mutex<HashMap<i32, Entry>>,
}

struct Entry {
    secret: Vec<u8>,
    running: Arc<Mutex<Option<CancellationToken>>>,
}

impl Registry {
    pub fn new(provider: Arc<CryptoProvider>) -> Registry {
        Registry { provider, next: AtomicI32::new(1), entries: Mutex::new(HashMap::new()) }
    }

    /// Gives a connection its number and a secret of `length` bytes. They are free again when the slot is dropped.
    pub fn register(self: &Arc<Self>, length: usize) -> Result<Slot> {
        let mut secret = vec![0; length];
        random(&self.provider, &mut secret)?;
        let running = Arc::new(Mutex::new(None));
        let mut entries = self.entries.lock();
        let pid = loop {
            let pid = self.next.fetch_add(1, Ordering::Relaxed);
            if pid > 0 && !entries.contains_key(&pid) {
                break pid;
            }
            if pid <= 0 {
                self.next.store(1, Ordering::Relaxed);
            }
        };
        entries.insert(pid, Entry { secret: secret.clone(), running: Arc::clone(&running) });
        Ok(Slot { registry: Arc::clone(self), pid, secret, running })
    }

    /// Cancels what a connection runs now, if the secret is its own. As in Postgres no one learns whether it was.
    pub fn cancel(&self, pid: i32, secret: &[u8]) {
        let running = self
            .entries
            .lock()
            .get(&pid)
            .filter(|entry| same(&entry.secret, secret))
            .map(|entry| Arc::clone(&entry.running));
        if let Some(token) = running.and_then(|running| running.lock().clone()) {
            token.cancel();
        }
    }
}

/// Fills a buffer with random bytes that no one can guess.
pub(super) fn random(provider: &CryptoProvider, bytes: &mut [u8]) -> Result<()> {
    provider.secure_random.fill(bytes).map_err(|_| Error::internal("could not generate random bytes"))
}

/// Compares without telling by its time where two secrets differ.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// A connection's place in the registry.
pub(super) struct Slot {
    registry: Arc<Registry>,
    pub pid: i32,
    pub secret: Vec<u8>,
    running: Arc<Mutex<Option<CancellationToken>>>,
}

impl Slot {
    /// What holds the token of the statement that runs.
    pub fn running(&self) -> Arc<Mutex<Option<CancellationToken>>> {
        Arc::clone(&self.running)
    }

    /// Makes `token` the one that a cancel request cancels, until the guard is dropped.
    pub fn run(&self, token: &CancellationToken) -> Running {
        *self.running.lock() = Some(token.clone());
        Running(Arc::clone(&self.running))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.registry.entries.lock().remove(&self.pid);
    }
}

/// While it lives, a cancel request reaches the statement.
pub(super) struct Running(Arc<Mutex<Option<CancellationToken>>>);

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_cancels_and_only_while_running() {
        let registry = Arc::new(Registry::new(Arc::new(rustls::crypto::ring::default_provider())));
        let slot = registry.register(4).unwrap();
        let other = registry.register(32).unwrap();
        assert_ne!(slot.pid, other.pid);
        let token = CancellationToken::new();
        let running = slot.run(&token);
        registry.cancel(slot.pid, &other.secret);
        registry.cancel(slot.pid, &[]);
        registry.cancel(other.pid, &other.secret);
        assert!(!token.is_cancelled());
        registry.cancel(slot.pid, &slot.secret);
        assert!(token.is_cancelled());
        drop(running);
        let later = CancellationToken::new();
        drop(slot.run(&later));
        registry.cancel(slot.pid, &slot.secret);
        assert!(!later.is_cancelled());
        let (pid, secret) = (slot.pid, slot.secret.clone());
        drop(slot);
        registry.cancel(pid, &secret);
        assert!(registry.entries.lock().len() == 1);
    }
}
