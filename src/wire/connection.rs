//! One connection from its first byte to its last.

use std::collections::HashMap;
use std::future::pending;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgwire::messages::response::NotificationResponse;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::cancel::Slot;
use super::errors::{Failure, Severity, notice, shutdown};
use super::frontend::{Frame, Message};
use super::listener::Shared;
use super::lobby::Guest;
use super::negotiate::{self, Packet};
use super::portal::{Portal, Prepared};
use super::rows::FLUSH_SIZE;
use super::running::{Leash, duration, watch};
use super::script::{self, Command};
use super::startup::{Caller, Welcome, welcome};
use super::transport::Transport;
use crate::audit::{Entry, Trail};
use crate::catalog::definitions::OWNER;
use crate::catalog::pg::{Ends, Present, Rest};
use crate::engine::{Level, Notification, Session, TransactionState};
use crate::error::{Error, SqlState};
use crate::values::Zone;

/// Texts up to this size are parsed at once, longer ones among the workers.
const SHORT_TEXT: usize = 4 << 10;
/// How long a client may take to hear why its connection ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// A client that is logged in.
pub(super) struct Connection {
    pub wire: Transport,
    pub session: Arc<Session>,
    pub slot: Slot,
    pub shared: Arc<Shared>,
    /// By name; the unnamed one by the empty name.
    pub statements: HashMap<String, Arc<Prepared>>,
    pub portals: HashMap<String, Portal>,
    /// Whether the unnamed statement was parsed, and nothing was asked of it since.
    pub unplanned: bool,
    /// After an error in the extended protocol: up to the next Sync.
    skipping: bool,
    /// How many transactions had ended when that was last looked at.
    transactions: u64,
    /// Where what it does is recorded, if it is.
    pub trail: Option<Arc<Trail>>,
    /// The statement that runs.
    pub entry: Option<Arc<Entry>>,
    /// When the text came whose first statement runs; none in another's.
    pub since: Option<tokio::time::Instant>,
    /// The text that the last message was about, where statements are recorded.
    pub said: Option<String>,
    /// Whether the client was told that the next query may come, and has said nothing since.
    idle: bool,
    /// Its place in `pg_stat_activity`.
    present: Present,
    /// Ends it, as `pg_terminate_backend` does.
    terminated: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// Whether a connection goes on after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Read,
    End,
}

/// Serves a client until it leaves, breaks the protocol, or the server stops.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, guest: Guest, shared: Arc<Shared>) {
    // Rows are gathered before they are sent; waiting for more would only add delay.
    let _ = stream.set_nodelay(true);
    let entered = tokio::select! {
        biased;
        () = shared.stopping.cancelled() => return,
        () = guest.must_go.cancelled() => {
            tracing::info!(%peer, "a connection that had not logged in made room for others");
            return;
        }
        entered = timeout(shared.login_timeout, enter(stream, peer, &shared)) => entered,
    };
    let mut connection = match entered {
        Ok(Some(connection)) => connection,
        Ok(None) => return,
        Err(_) => {
            tracing::info!(%peer, "login took too long");
            return;
        }
    };
    drop(guest);
    let since = Instant::now();
    let failure = connection.run().await;
    if let Some(trail) = &connection.trail {
        match &failure {
            Failure::Statement(error) | Failure::Fatal(error) => trail.ends_with(error.state()),
            Failure::Shutdown => trail.ends_with(SqlState::ADMIN_SHUTDOWN),
            Failure::Gone => {}
        }
    }
    if let Failure::Fatal(error) = &failure {
        tracing::warn!(%peer, state = %error.state(), error = %error, "connection ended");
    }
    farewell(&mut connection.wire, failure).await;
    tracing::info!(%peer, pid = connection.slot.pid, seconds = since.elapsed().as_secs(), "disconnected");
}

/// Negotiates and logs in. None when the client only came to cancel, is gone, or was refused.
async fn enter(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) -> Option<Connection> {
    let door = shared.door();
    let local = stream.local_addr().ok()?;
    let opened = negotiate::open(stream, door.tls.as_ref()).await?;
    let (mut wire, secure) = (opened.wire, opened.secure);
    let caller = Caller { peer, local, secure, certificate: opened.certificate };
    let welcomed = match opened.packet {
        Ok(Packet::Cancel { pid, secret }) => {
            shared.registry.cancel(pid, &secret);
            wire.close().await;
            return None;
        }
        Ok(Packet::Startup { minor, parameters }) => {
            Box::pin(welcome(&mut wire, shared, &door, &caller, minor, parameters)).await
        }
        Err(failure) => Err(failure),
    };
    match welcomed {
        Ok(Welcome { session, slot, user, application, permit, trail }) => {
            tracing::info!(%peer, pid = slot.pid, user, application, tls = secure, "connected");
            let terminated = CancellationToken::new();
            let backends = shared.engine.backends();
            let ends = Ends { client: peer, server: local, tls: wire.encryption() };
            let present = backends.enter(session.shown(), Some(ends), slot.running(), terminated.clone());
            Some(Connection {
                wire,
                session,
                slot,
                shared: Arc::clone(shared),
                statements: HashMap::new(),
                unplanned: false,
                portals: HashMap::new(),
                skipping: false,
                transactions: 0,
                trail,
                entry: None,
                since: None,
                said: None,
                idle: true,
                present,
                terminated,
                _permit: permit,
            })
        }
        Err(failure) => {
            if let Failure::Fatal(error) | Failure::Statement(error) = &failure {
                shared.metrics.refused();
                tracing::warn!(%peer, state = %error.state(), error = %error, "connection refused");
            }
            farewell(&mut wire, failure).await;
            None
        }
    }
}

/// Waits until a client has said nothing for too long.
async fn out_of(patience: Option<(Duration, Error)>) -> Error {
    match patience {
        Some((limit, error)) => {
            sleep(limit).await;
            error
        }
        None => pending().await,
    }
}

/// Tells a client why its connection ends, if it can still be told.
async fn farewell(wire: &mut Transport, failure: Failure) {
    let error = match failure {
        Failure::Statement(error) | Failure::Fatal(error) => error,
        Failure::Shutdown => shutdown(),
        Failure::Gone => return,
    };
    if wire.is_broken() {
        return;
    }
    wire.put_error(&error, Severity::Fatal);
    // What the client does not take in time, it does not want.
    let _ = timeout(FAREWELL, async {
        if wire.flush().await.is_ok() {
            wire.close().await;
        }
    })
    .await;
}

impl Connection {
    /// Answers messages; returns why it stopped.
    async fn run(&mut self) -> Failure {
        loop {
            let patience = self.patience();
            let listens = self.idle && self.session.transaction_state() == TransactionState::Idle;
            let read = tokio::select! {
                biased;
                () = self.shared.stopping.cancelled() => return Failure::Shutdown,
                () = self.terminated.cancelled() => return Failure::Shutdown,
                read = self.wire.frame() => Some(read),
                () = self.session.heard(), if listens => None,
                error = out_of(patience) => return Failure::Fatal(error),
            };
            let Some(read) = read else {
                if let Err(failure) = self.tell_heard().await {
                    return failure;
                }
                continue;
            };
            self.idle = false;
            let began = Instant::now();
            let answered = match read {
                Ok(frame) => {
                    let answered = self.answer(frame).await;
                    self.shared.metrics.took(began.elapsed());
                    answered
                }
                Err(error) => return error.into(),
            };
            match answered {
                // Answers to messages that ask for no flush must not pile up.
                Ok(Next::Read) if self.wire.output.len() < FLUSH_SIZE => {}
                Ok(Next::Read) => {
                    if let Err(failure) = self.flush().await {
                        return failure;
                    }
                }
                Ok(Next::End) => return Failure::Gone,
                Err(failure) => return failure,
            }
        }
    }

    /// How long the client may say nothing now, and what it hears then.
    fn patience(&self) -> Option<(Duration, Error)> {
        if !self.idle {
            return None;
        }
        let (name, state, message) = match self.session.transaction_state() {
            TransactionState::Idle => {
                ("idle_session_timeout", "57P05", "terminating connection due to idle-session timeout")
            }
            TransactionState::InBlock | TransactionState::Failed => (
                "idle_in_transaction_session_timeout",
                "25P03",
                "terminating connection due to idle-in-transaction timeout",
            ),
        };
        let limit = duration(&self.session.setting(name)?)?;
        Some((limit, Error::new(SqlState(state), message)))
    }

    /// Answers one message. An error of a statement is an answer.
    async fn answer(&mut self, frame: Frame) -> Result<Next, Failure> {
        if self.skipping && !matches!(frame.kind, b'S' | b'X') {
            return Ok(Next::Read);
        }
        if frame.kind == b'X' {
            return Ok(Next::End);
        }
        let extended = frame.is_extended();
        let answered = match frame.message() {
            Ok(message) => self.dispatch(message).await,
            Err(error) => Err(Failure::Statement(error)),
        };
        if let Err(failure) = &answered {
            self.record_failure(failure).await;
        }
        let error = match answered {
            // What is told of servers is for the owner, as their options are.
            Err(Failure::Statement(error)) if self.session.shown().current_user() != OWNER => {
                error.without_whereabouts()
            }
            Err(Failure::Statement(error)) => error,
            other => return other,
        };
        self.session.fail();
        // What a text has done before its error is undone, too.
        self.end_text(false).map_err(Failure::Fatal)?;
        // Outside of a block the statement's own transaction is over, inside nothing in it can go on.
        self.end_portals();
        self.put_notices()?;
        self.wire.put_error(&error, Severity::Error);
        if extended {
            self.skipping = true;
            self.flush().await?;
        } else {
            self.ready().await?;
        }
        Ok(Next::Read)
    }

    async fn dispatch(&mut self, message: Message) -> Result<Next, Failure> {
        self.say(&message);
        self.notes(&message);
        match message {
            Message::Query(sql) => {
                // What reading a text takes is a part of its first statement's time.
                self.since = Some(tokio::time::Instant::now());
                let answered = self.query(sql).await;
                self.since = None;
                answered?;
                if self.session.transaction_state() == TransactionState::Idle {
                    self.end_portals();
                }
                self.ready().await?;
            }
            Message::Parse { name, sql, types } => self.prepare(name, sql, types).await?,
            Message::Bind(bind) => self.bind(bind).await?,
            Message::Describe(target) => self.describe(target).await?,
            Message::Execute { portal, max_rows } => self.execute(portal, max_rows).await?,
            Message::Close(target) => self.close(&target)?,
            Message::Flush => {
                self.plan_unnamed().await?;
                self.flush().await?;
            }
            Message::Sync => {
                if !std::mem::take(&mut self.skipping) {
                    self.plan_unnamed().await?;
                }
                if self.session.transaction_state() == TransactionState::Idle {
                    self.end_portals();
                }
                self.ready().await?;
            }
            Message::Terminate => return Ok(Next::End),
            Message::FunctionCall => {
                return Err(Failure::Statement(Error::unsupported("function call messages are not supported")));
            }
            // As Postgres: data that was under way when a COPY ended is ignored.
            Message::Copy => {}
            Message::Password => {
                return Err(Failure::Fatal(Error::new(
                    SqlState::PROTOCOL_VIOLATION,
                    "a password message came after the login",
                )));
            }
        }
        Ok(Next::Read)
    }

    /// Keeps what a message is about, where statements are recorded.
    fn say(&mut self, message: &Message) {
        let of = |prepared: &Prepared| prepared.statement().map(|statement| statement.text.clone());
        self.says(|connection| match message {
            Message::Query(sql) | Message::Parse { sql, .. } => Some(sql.clone()),
            Message::Bind(bind) => connection.statements.get(&bind.statement).and_then(|prepared| of(prepared)),
            Message::Execute { portal, .. } => connection.portals.get(portal).and_then(|portal| of(&portal.prepared)),
            _ => None,
        });
    }

    /// Notes the statement that runs next, for `pg_stat_activity`.
    fn notes(&self, message: &Message) {
        match message {
            Message::Query(sql) => self.present.runs(sql),
            Message::Execute { portal, .. } => {
                let prepared = self.portals.get(portal).map(|portal| &portal.prepared);
                if let Some(statement) = prepared.and_then(|prepared| prepared.statement()) {
                    self.present.runs(&statement.text);
                }
            }
            _ => {}
        }
    }

    /// Tells what other sessions have said.
    fn put_notifications(&mut self) -> Result<(), Failure> {
        if self.session.transaction_state() != TransactionState::Idle {
            return Ok(());
        }
        for Notification { pid, channel, payload } in self.session.take_notifications() {
            self.wire.put(&NotificationResponse::new(pid, channel, payload)).map_err(Failure::Fatal)?;
        }
        Ok(())
    }

    /// The same to a client that waits for nothing.
    async fn tell_heard(&mut self) -> Result<(), Failure> {
        self.put_notifications()?;
        self.flush().await
    }

    /// Says that the next query may come, after what has changed.
    async fn ready(&mut self) -> Result<(), Failure> {
        self.put_notifications()?;
        self.session.end_statement(true);
        for (name, value) in self.session.changed_settings() {
            self.wire.put_setting(&name, &value).map_err(Failure::Fatal)?;
        }
        let state = self.session.transaction_state();
        self.present.rests(match state {
            TransactionState::Idle => Rest::Idle,
            TransactionState::InBlock => Rest::InBlock,
            TransactionState::Failed => Rest::Failed,
        });
        self.wire.put_ready(state).map_err(Failure::Fatal)?;
        self.idle = true;
        self.flush().await?;
        self.wire.rest();
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        self.wire.flush_until(&self.shared.ending).await
    }

    /// Splits and parses a text; a mistake of the parser's is an error like any other.
    pub(super) async fn parse_text(&mut self, sql: String) -> Result<Vec<Command>, Failure> {
        if sql.len() <= SHORT_TEXT {
            let parsed = catch_unwind(AssertUnwindSafe(|| script::parse(&self.session, &sql)));
            return Ok(parsed.unwrap_or_else(|_| Err(Error::internal("the statement could not be parsed")))?);
        }
        let leash = self.leash().reading();
        let _running = self.slot.run(&leash.cancel);
        let session = Arc::clone(&self.session);
        let mut task = self.shared.workers.spawn(async move { script::parse(&session, &sql) })?;
        let parsed = watch(&mut self.wire, &self.shared.ending, &leash, task.join()).await?;
        Ok(parsed?)
    }

    /// What ends the next statement early.
    pub(super) fn leash(&self) -> Leash {
        let since = self.since.unwrap_or_else(tokio::time::Instant::now);
        Leash::new(self.session.setting("statement_timeout").as_deref(), since)
    }

    /// The zone in which times are shown and read.
    pub(super) fn zone(&self) -> Zone {
        self.session.zone()
    }

    /// Sends the notices that have come up, unless the client wants none.
    pub(super) fn put_notices(&mut self) -> Result<(), Failure> {
        let notices = self.session.take_notices();
        if notices.is_empty() {
            return Ok(());
        }
        let least = self.session.setting("client_min_messages").unwrap_or_default().to_ascii_lowercase();
        let wanted = |level: Level| match least.as_str() {
            "error" | "fatal" | "panic" => false,
            "warning" => level >= Level::Warning,
            _ => true,
        };
        for said in notices.iter().filter(|notice| wanted(notice.level)) {
            self.wire.put(&notice(said))?;
        }
        Ok(())
    }

    /// Ends a statement without rows.
    pub(super) fn finish(&mut self, tag: String) -> Result<(), Failure> {
        if tag == "DISCARD ALL" {
            self.statements.clear();
            self.portals.clear();
        }
        // A portal does not outlive its transaction.
        let ended = self.session.transactions_ended();
        if std::mem::replace(&mut self.transactions, ended) != ended {
            self.end_portals();
        } else if tag == "ROLLBACK" {
            // To a savepoint: what was opened after it goes.
            let left = self.session.savepoint_count();
            self.portals.retain(|_, portal| portal.outlives || portal.savepoints < left);
        } else if tag == "RELEASE" {
            let left = self.session.savepoint_count();
            self.portals.values_mut().for_each(|portal| portal.savepoints = portal.savepoints.min(left));
        }
        Ok(self.wire.put_complete(tag)?)
    }

    /// Ends the block of a text, if that is what the session is in.
    pub(super) fn end_text(&mut self, commit: bool) -> Result<(), Error> {
        let ended = self.session.end_text(commit);
        self.transactions = self.session.transactions_ended();
        ended
    }

    /// Ends the portals whose transaction is over.
    fn end_portals(&mut self) {
        self.portals.retain(|_, portal| portal.outlives);
    }
}
