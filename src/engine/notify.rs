//! LISTEN, UNLISTEN and NOTIFY: what sessions tell each other. Nothing is kept for who does not listen.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::session::Session;
use crate::error::{Error, Result, SqlState};

/// The longest payload, and the longest name of a channel, in bytes; as in Postgres.
const PAYLOAD: usize = 7_999;
const CHANNEL: usize = 63;
/// How many notifications wait for one session, in a long transaction perhaps. It does not hear what comes then.
const WAITING: usize = 10_000;

/// What a session was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The number of the session that said it.
    pub pid: i32,
    /// Where it was said.
    pub channel: String,
    /// What was said; empty for nothing.
    pub payload: String,
}

/// The sessions that listen.
#[derive(Debug, Default)]
pub(super) struct Listeners(Mutex<Vec<Weak<Inbox>>>);

/// Where a session listens, and what it has heard there.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    channels: Mutex<BTreeSet<String>>,
    heard: Mutex<VecDeque<Notification>>,
    arrived: Notify,
}

/// What a block has said so far: it counts from its COMMIT on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Listen(String),
    Unlisten(Option<String>),
    Notify { channel: String, payload: String },
}

/// One session's part.
#[derive(Debug, Default)]
pub(super) struct Ear {
    inbox: Arc<Inbox>,
    said: Mutex<Vec<Said>>,
    /// How much was said at each savepoint.
    marks: Mutex<Vec<usize>>,
}

impl Listeners {
    fn add(&self, inbox: &Arc<Inbox>) {
        let mut all = self.0.lock();
        all.retain(|known| known.strong_count() > 0);
        if !all.iter().any(|known| known.as_ptr() == Arc::as_ptr(inbox)) {
            all.push(Arc::downgrade(inbox));
        }
    }

    fn tell(&self, notification: &Notification) {
        let inboxes: Vec<Arc<Inbox>> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        for inbox in inboxes {
            if inbox.channels.lock().contains(&notification.channel) {
                let mut heard = inbox.heard.lock();
                if heard.len() < WAITING {
                    heard.push_back(notification.clone());
                } else {
                    tracing::warn!(channel = notification.channel, "a session does not take its notifications");
                }
                drop(heard);
                inbox.arrived.notify_one();
            }
        }
    }
}

impl Ear {
    /// LISTEN
    pub fn listen(&self, channel: &str) {
        self.said.lock().push(Said::Listen(channel.to_string()));
    }

    /// UNLISTEN; none for all channels.
    pub fn unlisten(&self, channel: Option<&str>) {
        self.said.lock().push(Said::Unlisten(channel.map(str::to_string)));
    }

    /// NOTIFY. 22023 for a name or a payload that is too long. As in Postgres the same is said once in a transaction.
    pub fn notify(&self, channel: &str, payload: &str) -> Result<()> {
        let refused = |message: &str| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        if channel.is_empty() {
            return refused("channel name cannot be empty");
        }
        if channel.len() > CHANNEL {
            return refused("channel name too long");
        }
        if payload.len() > PAYLOAD {
            return refused("payload string too long");
        }
        let notify = Said::Notify { channel: channel.to_string(), payload: payload.to_string() };
        let mut said = self.said.lock();
        if !said.contains(&notify) {
            said.push(notify);
        }
        Ok(())
    }

    /// What was said counts, or is forgotten; `pid` is the number of the session that said it.
    pub fn settle(&self, committed: bool, listeners: &Listeners, pid: i32) {
        self.marks.lock().clear();
        let said = std::mem::take(&mut *self.said.lock());
        if !committed {
            return;
        }
        for said in said {
            match said {
                Said::Listen(channel) => {
                    self.inbox.channels.lock().insert(channel);
                    listeners.add(&self.inbox);
                }
                Said::Unlisten(Some(channel)) => {
                    self.inbox.channels.lock().remove(&channel);
                }
                Said::Unlisten(None) => self.inbox.channels.lock().clear(),
                Said::Notify { channel, payload } => listeners.tell(&Notification { pid, channel, payload }),
            }
        }
    }

    /// SAVEPOINT
    pub fn mark(&self) {
        let said = self.said.lock().len();
        self.marks.lock().push(said);
    }

    /// RELEASE of the savepoint with this number, from 0.
    pub fn release(&self, at: usize) {
        self.marks.lock().truncate(at);
    }

    /// ROLLBACK TO the savepoint with this number, from 0.
    pub fn go_back(&self, at: usize) {
        let mut marks = self.marks.lock();
        if let Some(said) = marks.get(at) {
            self.said.lock().truncate(*said);
        }
        marks.truncate(at + 1);
    }
}

impl Session {
    /// What was said counts, or is forgotten.
    pub(super) fn settle_said(&self, committed: bool) {
        self.ear.settle(committed, &self.engine.listeners, self.pid);
    }

    /// What the session has heard since last asked. A client hears of it outside of transactions.
    pub fn take_notifications(&self) -> Vec<Notification> {
        self.ear.inbox.heard.lock().drain(..).collect()
    }

    /// Waits until something was heard. Safe to cancel.
    pub async fn heard(&self) {
        self.ear.inbox.arrived.notified().await;
    }
}
