//! The one that writes: a thread of its own, so that no socket waits for a disk. What is told of waits until it is
//! written.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::chain::{Head, Key, fingerprint};
use super::file::{LogFile, Tail};
use super::record::{Record, Torn, body};
use crate::config::AuditConfig;
use crate::error::{Error, Result, SqlState};

/// Records that are written at once.
const TOGETHER: usize = 256;
/// How often the head is logged, if it has changed.
const HEAD_EVERY: Duration = Duration::from_secs(60);

/// Where records go. A copy is the same log.
#[derive(Clone, Debug)]
pub struct AuditLog {
    orders: Sender<Order>,
    parameters: bool,
}

/// What the thread is to do.
#[derive(Debug)]
enum Order {
    Write { body: String, told: Option<oneshot::Sender<Result<()>>> },
    Reopen,
    Stop(oneshot::Sender<()>),
}

impl AuditLog {
    /// Opens the log and writes that it goes on. An error when the file or the key cannot be used (F0000), or the
    /// record not be written (58030).
    pub fn open(config: &AuditConfig) -> Result<AuditLog> {
        let mut writer = Writer::open(&config.file, Key::new(&config.key)?)?;
        let (orders, taken) = channel();
        thread::Builder::new().name("audit".to_string()).spawn(move || writer.work(&taken)).map_err(|error| {
            Error::new(SqlState::IO_ERROR, "could not start a thread").with_detail(format!("{error}."))
        })?;
        Ok(AuditLog { orders, parameters: config.parameters })
    }

    /// Whether the values of parameters are recorded.
    pub(super) fn has_parameters(&self) -> bool {
        self.parameters
    }

    /// Writes a record, and waits until it is written (58030 when it cannot be).
    pub(super) async fn write(&self, record: &Record<'_>) -> Result<()> {
        let (told, written) = oneshot::channel();
        self.send(body(record)?, Some(told))?;
        written.await.map_err(|_| gone())?
    }

    /// Writes a record when there is time, for what cannot wait.
    pub(super) fn write_later(&self, record: &Record<'_>) {
        let sent = body(record).and_then(|body| self.send(body, None));
        if let Err(error) = sent {
            tracing::error!(%error, "a record of the audit log is lost");
        }
    }

    fn send(&self, body: String, told: Option<oneshot::Sender<Result<()>>>) -> Result<()> {
        self.orders.send(Order::Write { body, told }).map_err(|_| gone())
    }

    /// Opens the file anew if it was moved away, as SIGHUP asks.
    pub fn reopen(&self) {
        let _ = self.orders.send(Order::Reopen);
    }

    /// Writes what is left, and that the program ends.
    pub async fn stop(&self) {
        let (told, stopped) = oneshot::channel();
        if self.orders.send(Order::Stop(told)).is_ok() {
            let _ = stopped.await;
        }
    }
}

fn gone() -> Error {
    Error::new(SqlState::IO_ERROR, "the audit log is closed")
}

/// A record that is to be written, and who waits for it.
type Waiting = (String, Option<oneshot::Sender<Result<()>>>);

/// What the thread holds.
struct Writer {
    key: Key,
    path: std::path::PathBuf,
    file: LogFile,
    head: Head,
    /// The head as it was last logged.
    shown: u64,
    /// Records that could not be written and have not been told of.
    lost: u64,
}

impl Writer {
    fn open(path: &Path, key: Key) -> Result<Writer> {
        let (file, tail) = LogFile::open(path, &key)?;
        let head = tail.head.unwrap_or_default();
        let mut writer = Writer { key, path: path.to_path_buf(), file, head, shown: 0, lost: 0 };
        if !tail.torn.is_empty() {
            let bytes = tail.torn.len();
            tracing::warn!(file = %path.display(), bytes, "the audit log ends with a part of a record");
        }
        writer.start(&tail, false)?;
        writer.show_head();
        Ok(writer)
    }

    /// Writes the first record of a run, or of a file.
    fn start(&mut self, tail: &Tail, continues: bool) -> Result<()> {
        let torn = (!tail.torn.is_empty()).then(|| Torn { bytes: tail.torn.len(), sha256: fingerprint(&tail.torn) });
        let mut lines = vec![];
        if !tail.torn.is_empty() && !tail.torn.ends_with(b"\n") {
            lines.push(b'\n');
        }
        let record = Record::Start { version: env!("CARGO_PKG_VERSION"), pid: std::process::id(), continues, torn };
        let mut head = self.head;
        head.seal(&self.key, &body(&record)?, &mut lines);
        self.file.append(&lines)?;
        self.head = head;
        Ok(())
    }

    fn work(&mut self, orders: &Receiver<Order>) {
        let mut next = Instant::now() + HEAD_EVERY;
        loop {
            let first = match orders.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(order) => order,
                Err(RecvTimeoutError::Timeout) => {
                    self.show_head();
                    next = Instant::now() + HEAD_EVERY;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return self.show_head(),
            };
            let mut together = vec![];
            let mut order = Some(first);
            while let Some(taken) = order {
                match taken {
                    Order::Write { body, told } => together.push((body, told)),
                    Order::Reopen => {
                        self.write(std::mem::take(&mut together));
                        self.reopen();
                    }
                    Order::Stop(told) => {
                        self.write(std::mem::take(&mut together));
                        if let Ok(body) = body(&Record::Stop) {
                            self.write(vec![(body, None)]);
                        }
                        self.show_head();
                        let _ = told.send(());
                    }
                }
                order = if together.len() < TOGETHER { orders.try_recv().ok() } else { None };
            }
            self.write(together);
            if Instant::now() >= next {
                self.show_head();
                next = Instant::now() + HEAD_EVERY;
            }
        }
    }

    /// Writes records, all of them or none, and tells those who wait.
    fn write(&mut self, records: Vec<Waiting>) {
        if records.is_empty() {
            return;
        }
        let mut head = self.head;
        let mut lines = vec![];
        if self.lost > 0
            && let Ok(body) = body(&Record::Lost { records: self.lost })
        {
            head.seal(&self.key, &body, &mut lines);
        }
        for (body, _) in &records {
            head.seal(&self.key, body, &mut lines);
        }
        let written = self.file.append(&lines);
        match &written {
            Ok(()) => {
                self.head = head;
                self.lost = 0;
            }
            Err(error) => {
                if self.lost == 0 {
                    tracing::error!(error = %error.report(), "the audit log cannot be written: statements are refused");
                }
                self.lost += records.len() as u64;
            }
        }
        for told in records.into_iter().filter_map(|(_, told)| told) {
            // Whoever waited may be gone.
            let _ = told.send(written.clone());
        }
    }

    /// Goes on in a new file if the old one was moved away. The old one stays where that fails.
    fn reopen(&mut self) {
        if self.file.is_current() {
            return;
        }
        self.show_head();
        let opened = LogFile::open(&self.path, &self.key).and_then(|(file, tail)| {
            if tail.head.is_some() {
                let message = format!("\"{}\" has records already", self.path.display());
                return Err(Error::new(SqlState::CONFIG_FILE_ERROR, message));
            }
            let old = std::mem::replace(&mut self.file, file);
            if let Err(error) = self.start(&tail, true) {
                self.file = old;
                return Err(error);
            }
            Ok(())
        });
        match opened {
            Ok(()) => {
                tracing::info!(file = %self.path.display(), head = %self.head, "the audit log goes on in a new file")
            }
            Err(error) => {
                tracing::error!(error = %error.report(), "the audit log was not opened anew: it goes on in the old file");
            }
        }
    }

    /// Logs how far the log goes, so that cutting its end shows.
    fn show_head(&mut self) {
        if self.head.seq != self.shown {
            self.shown = self.head.seq;
            self.file.sync();
            tracing::info!(head = %self.head, "audit");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::verify::verify;
    use super::*;

    fn config(folder: &Path) -> AuditConfig {
        AuditConfig { file: folder.join("audit.log"), key: b"0123456789abcdef".to_vec(), parameters: false }
    }

    #[tokio::test]
    async fn the_chain_goes_on_over_restarts_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let old = folder.path().join("audit.log.1");
        for _ in 0..2 {
            let log = AuditLog::open(&config).unwrap();
            log.write(&Record::Lost { records: 7 }).await.unwrap();
            // Nothing was moved.
            log.reopen();
            log.stop().await;
            drop(log);
            // The thread ends, and lets go of the file.
            while LogFile::open(&config.file, &Key::new(&config.key).unwrap()).is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        let log = AuditLog::open(&config).unwrap();
        std::fs::rename(&config.file, &old).unwrap();
        log.write(&Record::Lost { records: 8 }).await.unwrap();
        log.reopen();
        log.write(&Record::Lost { records: 9 }).await.unwrap();
        log.stop().await;
        let report = verify(&[old.clone(), config.file.clone()], &config.key, None).unwrap();
        assert_eq!((report.problems.as_slice(), report.records), ([].as_slice(), 11));
        let report = verify(std::slice::from_ref(&config.file), &config.key, None).unwrap();
        assert_eq!((report.problems.len(), report.notes.len(), report.records), (0, 2, 3));
        assert_eq!(verify(&[config.file.clone(), old], &config.key, None).unwrap().problems.len(), 1);
    }

    #[tokio::test]
    async fn what_is_lost_is_said_later() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let mut writer = Writer::open(&config.file, Key::new(&config.key).unwrap()).unwrap();
        let real = std::mem::replace(&mut writer.file, LogFile::open(Path::new("/dev/full"), &writer.key).unwrap().0);
        let (told, mut refused) = oneshot::channel();
        writer.write(vec![("{\"event\":\"a\"}".to_string(), None), ("{\"event\":\"b\"}".to_string(), Some(told))]);
        assert_eq!(refused.try_recv().unwrap().unwrap_err().state(), SqlState::IO_ERROR);
        writer.file = real;
        writer.write(vec![("{\"event\":\"c\"}".to_string(), None)]);
        let text = std::fs::read_to_string(&config.file).unwrap();
        assert!(text.contains("\"event\":\"lost\",\"records\":2"), "{text}");
        drop(writer);
        let report = verify(std::slice::from_ref(&config.file), &config.key, None).unwrap();
        assert_eq!((report.problems.len(), report.records), (0, 3));
        assert!(report.notes.iter().any(|note| note.contains("2 records could not be written")), "{:?}", report.notes);
    }
}
