//! What is counted since the start, and how Prometheus is told.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::SqlState;
use crate::sources::guard::ServerHealth;

/// The counters.
#[derive(Default)]
pub(super) struct Metrics {
    connections: AtomicU64,
    refused: AtomicU64,
    /// Statements by how they ended. As many entries as there are states.
    statements: Mutex<BTreeMap<&'static str, u64>>,
    micros: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
}

/// What is so now.
pub(super) struct Now {
    pub sessions: usize,
    pub sessions_most: usize,
    /// Bytes that queries hold, and may hold.
    pub memory: usize,
    pub memory_most: Option<usize>,
    pub sources: Vec<ServerHealth>,
}

impl Metrics {
    /// A connection has come.
    pub fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// One was not let in.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A statement has ended.
    pub fn ended(&self, outcome: SqlState) {
        *self.statements.lock().entry(outcome.0).or_default() += 1;
    }

    /// So long a message was answered.
    pub fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Rows were sent.
    pub fn sent(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// All of it in Prometheus's text format.
    pub fn text(&self, now: &Now) -> String {
        let mut page = Page(String::new());
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        page.one("onerow_sessions", "gauge", "Sessions now.", now.sessions);
        page.one("onerow_sessions_max", "gauge", "Sessions that there may be.", now.sessions_most);
        page.one("onerow_connections_total", "counter", "Connections that have come.", count(&self.connections));
        page.one("onerow_logins_refused_total", "counter", "Connections that were not let in.", count(&self.refused));
        page.head("onerow_statements_total", "counter", "Statements that have ended, by SQLSTATE.");
        for (outcome, number) in self.statements.lock().iter() {
            page.labelled("onerow_statements_total", &[("outcome", outcome)], number);
        }
        let seconds = count(&self.micros) as f64 / 1e6;
        page.one("onerow_statement_seconds_total", "counter", "Seconds in which clients were answered.", seconds);
        page.one("onerow_rows_sent_total", "counter", "Rows that were sent.", count(&self.rows));
        page.one("onerow_row_bytes_sent_total", "counter", "Bytes of these rows.", count(&self.bytes));
        page.one("onerow_memory_bytes", "gauge", "Bytes that queries hold.", now.memory);
        if let Some(most) = now.memory_most {
            page.one("onerow_memory_limit_bytes", "gauge", "Bytes that queries may hold.", most);
        }
        page.head("onerow_source_up", "gauge", "Whether a server is asked: 0 while it is left alone.");
        for source in &now.sources {
            let asked = u8::from(source.next_try.is_none());
            page.labelled("onerow_source_up", &[("server", &source.server)], asked);
        }
        page.head("onerow_source_failures", "gauge", "How many queries in a row could not reach a server.");
        for source in &now.sources {
            page.labelled("onerow_source_failures", &[("server", &source.server)], source.failures);
        }
        page.head("onerow_source_refused_total", "counter", "Statements that were not sent to a server left alone.");
        for source in &now.sources {
            page.labelled("onerow_source_refused_total", &[("server", &source.server)], source.refused);
        }
        page.0
    }
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn labelled(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", quoted(text)));
        let _ = writeln!(self.0, "{name}{{{}}} {value}", labels.collect::<Vec<_>>().join(","));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_for_prometheus() {
        let metrics = Metrics::default();
        metrics.ended(SqlState("00000"));
        metrics.ended(SqlState("42P01"));
        metrics.ended(SqlState("00000"));
        metrics.sent(3, 70);
        metrics.took(Duration::from_millis(1_500));
        let now = Now { sessions: 2, sessions_most: 100, memory: 7, memory_most: None, sources: vec![] };
        let text = metrics.text(&now);
        for line in [
            "onerow_sessions 2",
            "onerow_statements_total{outcome=\"00000\"} 2",
            "onerow_statements_total{outcome=\"42P01\"} 1",
            "onerow_statement_seconds_total 1.5",
            "onerow_rows_sent_total 3",
            "onerow_row_bytes_sent_total 70",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok()), "{line}");
        }
        let mut page = Page(String::new());
        page.labelled("a", &[("server", "x\"\\\ny")], 1);
        assert_eq!(page.0, "a{server=\"x\\\"\\\\\\ny\"} 1\n");
    }
}
