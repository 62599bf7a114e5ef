//! Connections that have not logged in. There is room for so many; when it is full the one that has been there the
//! longest must go, so that connections which say nothing keep nobody out.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The room.
pub(super) struct Lobby {
    most: usize,
    guests: Mutex<Guests>,
}

#[derive(Default)]
struct Guests {
    next: u64,
    here: BTreeMap<u64, CancellationToken>,
}

impl Lobby {
    /// A room for so many.
    pub fn new(most: usize) -> Arc<Lobby> {
        Arc::new(Lobby { most: most.max(1), guests: Mutex::default() })
    }

    /// Lets a connection in.
    pub fn enter(self: &Arc<Self>) -> Guest {
        let mut guests = self.guests.lock();
        while guests.here.len() >= self.most {
            let Some((_, longest)) = guests.here.pop_first() else { break };
            longest.cancel();
        }
        let number = guests.next;
        guests.next += 1;
        let must_go = CancellationToken::new();
        guests.here.insert(number, must_go.clone());
        Guest { lobby: Arc::clone(self), number, must_go }
    }
}

/// A connection in the room, until it is dropped.
pub(super) struct Guest {
    lobby: Arc<Lobby>,
    number: u64,
    /// Cancelled when its place is needed.
    pub must_go: CancellationToken,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.lobby.guests.lock().here.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_there_goes() {
        let lobby = Lobby::new(2);
        let (one, two) = (lobby.enter(), lobby.enter());
        assert!(!one.must_go.is_cancelled());
        drop(two);
        let three = lobby.enter();
        assert!(!one.must_go.is_cancelled());
        let four = lobby.enter();
        assert!(one.must_go.is_cancelled() && !three.must_go.is_cancelled() && !four.must_go.is_cancelled());
        drop(one);
        assert_eq!(lobby.guests.lock().here.len(), 2);
    }
}
