//! What every source was asked since the program started, statement by statement: `onerow_stat_source` shows it.

mod normal;

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

pub use normal::{Literals, without_literals};

use crate::error::{Error, SqlState};

/// How many statements are remembered. With more, a twentieth of them goes, those that were sent least.
const MOST_STATEMENTS: usize = 5000;

/// How much of a statement is remembered, in bytes.
const LONGEST: usize = 10_000;

/// One statement that was sent, when it is done.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The server's name.
    pub server: &'a str,
    /// The statement with placeholders, without any literal.
    pub statement: &'a str,
    /// Rows that came.
    pub rows: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// How often the source was asked and waited for.
    pub round_trips: u64,
    /// How long the source was waited for.
    pub time: Duration,
    /// What it failed with.
    pub error: Option<&'a Error>,
}

/// The sum of one statement's calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// How often it was sent.
    pub calls: u64,
    /// Rows that came.
    pub rows: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// How often the source was asked and waited for.
    pub round_trips: u64,
    /// How long the source was waited for, in all.
    pub time: Duration,
    /// The longest of them.
    pub longest: Duration,
    /// How often it failed.
    pub errors: u64,
    /// What it failed with last: SQLSTATE and message, without values.
    pub last_error: Option<String>,
    /// When it was last done, in microseconds since 1970.
    pub last_at: i64,
    /// How often it was sent again after a connection was lost.
    pub retries: u64,
    /// How often it was left out because the source was down.
    pub skipped: u64,
}

/// The memory of all that was sent, bounded. Nothing in it is a value: neither a literal nor a secret.
#[derive(Debug, Default)]
pub struct Activity(Mutex<HashMap<(String, String), Totals>>);

impl Activity {
    /// A statement is done, or given up.
    pub fn record(&self, call: &Call<'_>) {
        self.change(call.server, call.statement, |totals| {
            totals.calls += 1;
            totals.rows = totals.rows.saturating_add(call.rows);
            totals.bytes = totals.bytes.saturating_add(call.bytes);
            totals.round_trips = totals.round_trips.saturating_add(call.round_trips);
            totals.time = totals.time.saturating_add(call.time);
            totals.longest = totals.longest.max(call.time);
            if let Some(error) = call.error {
                totals.errors += 1;
                totals.last_error = Some(shown(error));
            }
        });
    }

    /// A statement is sent once more, as its connection was lost before the first row.
    pub fn record_retry(&self, server: &str, statement: &str) {
        self.change(server, statement, |totals| totals.retries += 1);
    }

    /// A statement is left out of an answer, as its source is down.
    pub fn record_skip(&self, server: &str, statement: &str) {
        self.change(server, statement, |totals| totals.skipped += 1);
    }

    /// Forgets everything.
    pub fn reset(&self) {
        self.0.lock().clear();
    }

    /// Every statement with its server, in order.
    pub fn all(&self) -> Vec<(String, String, Totals)> {
        let known = self.0.lock();
        let mut all: Vec<_> = known
            .iter()
            .map(|((server, statement), totals)| (server.clone(), statement.clone(), totals.clone()))
            .collect();
        drop(known);
        all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        all
    }

    fn change(&self, server: &str, statement: &str, change: impl FnOnce(&mut Totals)) {
        let key = (server.to_string(), beginning(statement).to_string());
        let mut known = self.0.lock();
        if known.len() >= MOST_STATEMENTS && !known.contains_key(&key) {
            forget_least(&mut known);
        }
        let totals = known.entry(key).or_default();
        change(totals);
        totals.last_at = now();
    }
}

/// Forgets a twentieth of the statements: those that were sent least, and of these the ones of longest ago.
fn forget_least(known: &mut HashMap<(String, String), Totals>) {
    let mut used: Vec<((u64, i64), (String, String))> =
        known.iter().map(|(key, totals)| ((totals.calls, totals.last_at), key.clone())).collect();
    used.sort();
    for (_, key) in used.into_iter().take((MOST_STATEMENTS / 20).max(1)) {
        known.remove(&key);
    }
}

fn beginning(statement: &str) -> &str {
    statement.get(..statement.floor_char_boundary(LONGEST)).unwrap_or(statement)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// An error without what it may quote of the data: the server's own words may hold a value.
fn shown(error: &Error) -> String {
    let message = error.message();
    let told = match error.state() {
        // These say what is wrong with the server or the connection, or nothing but what they are.
        SqlState::CONNECTION_FAILURE | SqlState::TOO_MANY_CONNECTIONS | SqlState::QUERY_CANCELED => message.to_string(),
        _ => without_literals(message, Literals::Quoted),
    };
    format!("{}: {told}", error.state())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(statement: &'a str, error: Option<&'a Error>) -> Call<'a> {
        let time = Duration::from_millis(3);
        Call { server: "erp", statement, rows: 2, bytes: 10, round_trips: 1, time, error }
    }

    #[test]
    fn calls_are_summed() {
        let activity = Activity::default();
        let failed = Error::new(SqlState::FDW_ERROR, "server \"erp\": invalid input syntax: \"ann@example.com\" 42");
        activity.record(&call("SELECT 1", None));
        activity.record(&call("SELECT 1", Some(&failed)));
        activity.record_retry("erp", "SELECT 1");
        activity.record_skip("crm", "SELECT 2");
        let all = activity.all();
        let (server, statement, totals) = &all[1];
        assert_eq!((server.as_str(), statement.as_str()), ("erp", "SELECT 1"));
        assert_eq!((totals.calls, totals.rows, totals.bytes, totals.errors, totals.retries), (2, 4, 20, 1, 1));
        assert_eq!((totals.time, totals.longest), (Duration::from_millis(6), Duration::from_millis(3)));
        let told = totals.last_error.as_deref().unwrap();
        assert!(told.starts_with("HV000: ") && !told.contains("ann@") && !told.contains("42"), "{told}");
        assert_eq!(all[0].2.skipped, 1);
        activity.reset();
        assert!(activity.all().is_empty());
    }

    #[test]
    fn what_is_sent_least_is_forgotten_first() {
        let activity = Activity::default();
        for _ in 0..3 {
            activity.record(&call("often", None));
        }
        for number in 0..2 * MOST_STATEMENTS {
            activity.record(&call(&format!("s{number}"), None));
        }
        let all = activity.all();
        assert!(all.len() <= MOST_STATEMENTS);
        assert!(all.iter().any(|(_, statement, totals)| statement == "often" && totals.calls == 3));
        activity.record(&call(&"ä".repeat(LONGEST), None));
        assert!(activity.all().iter().all(|(_, statement, _)| statement.len() <= LONGEST));
    }
}
