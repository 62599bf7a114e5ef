//! Guesses at passwords are slowed down: each that fails waits longer than the one before from its address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

/// How long the first wrong password waits; each further one twice as long.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(10);
/// After so long without a wrong password an address begins anew.
const FORGET: Duration = Duration::from_secs(900);
/// Addresses that are remembered; beyond them those forgotten first whose last failure is the longest ago.
const ADDRESSES: usize = 4_096;
/// Connections that wait at a time from one address; one more ends without an answer.
const WAITING_EACH: u32 = 8;
/// The same from all addresses.
const WAITING: u32 = 32;

/// What is remembered of wrong passwords.
#[derive(Default)]
pub(super) struct Attempts(Mutex<Known>);

#[derive(Default)]
struct Known {
    addresses: HashMap<IpAddr, Failures>,
    waiting: u32,
}

struct Failures {
    count: u32,
    last: Instant,
    waiting: u32,
}

impl Attempts {
    /// Waits, since a client from this address was wrong. False when so many wait already that it is to be told nothing.
    pub async fn failed(&self, from: IpAddr) -> bool {
        let from = network(from);
        let Some(delay) = self.note(from) else { return false };
        let _waiting = Waiting { attempts: self, from };
        sleep(delay).await;
        true
    }

    /// Somebody from this address knew a password.
    pub fn succeeded(&self, from: IpAddr) {
        if let Some(failures) = self.0.lock().addresses.get_mut(&network(from)) {
            failures.count = 0;
        }
    }

    /// Counts a failure; how long it is to wait, and none when it must not.
    fn note(&self, from: IpAddr) -> Option<Duration> {
        let mut known = self.0.lock();
        let now = Instant::now();
        if known.addresses.len() >= ADDRESSES && !known.addresses.contains_key(&from) {
            known.forget(now);
        }
        let all = known.waiting;
        let failures = known.addresses.entry(from).or_insert(Failures { count: 0, last: now, waiting: 0 });
        if now.duration_since(failures.last) > FORGET {
            failures.count = 0;
        }
        failures.last = now;
        failures.count = failures.count.saturating_add(1);
        if failures.waiting >= WAITING_EACH || all >= WAITING {
            return None;
        }
        failures.waiting += 1;
        let delay = FIRST.saturating_mul(1 << (failures.count - 1).min(16)).min(LONGEST);
        known.waiting += 1;
        Some(delay)
    }
}

impl Known {
    /// Makes room for an address.
    fn forget(&mut self, now: Instant) {
        self.addresses.retain(|_, failures| failures.waiting > 0 || now.duration_since(failures.last) <= FORGET);
        while self.addresses.len() >= ADDRESSES {
            let idle = self.addresses.iter().filter(|(_, failures)| failures.waiting == 0);
            let Some(oldest) = idle.min_by_key(|(_, failures)| failures.last).map(|(address, _)| *address) else {
                return;
            };
            self.addresses.remove(&oldest);
        }
    }
}

/// A connection that waits; also when it is given up.
struct Waiting<'a> {
    attempts: &'a Attempts,
    from: IpAddr,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut known = self.attempts.0.lock();
        known.waiting = known.waiting.saturating_sub(1);
        if let Some(failures) = known.addresses.get_mut(&self.from) {
            failures.waiting = failures.waiting.saturating_sub(1);
        }
    }
}

/// An address as one that somebody has; of the newer ones anybody has 2^64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
        older => older,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn each_wrong_password_waits_longer() {
        let attempts = Attempts::default();
        let took = || {
            let delay = attempts.note(address(1)).unwrap();
            drop(Waiting { attempts: &attempts, from: address(1) });
            delay.as_millis()
        };
        assert_eq!([took(), took(), took()], [100, 200, 400]);
        for _ in 0..40 {
            assert!(took() <= LONGEST.as_millis());
        }
        assert_eq!(took(), LONGEST.as_millis());
        attempts.succeeded(address(1));
        assert_eq!(took(), 100);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let attempts = Attempts::default();
        let waits: Vec<_> = (0..20).map(|_| attempts.note(address(7))).collect();
        assert_eq!(waits.iter().flatten().count(), WAITING_EACH as usize);
        for n in 0..10_000 {
            attempts.note(address(100 + n));
        }
        let known = attempts.0.lock();
        assert!(known.addresses.len() <= ADDRESSES && known.waiting <= WAITING);
        assert!(known.addresses.contains_key(&address(7)), "one that waits is not forgotten");
        assert_eq!(network("2001:db8::1:2:3:4".parse().unwrap()), network("2001:db8::9".parse().unwrap()));
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), "10.0.0.1".parse::<IpAddr>().unwrap());
    }
}
