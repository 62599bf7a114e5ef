//! The listening socket: who may connect, how many, and how it stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::attempts::Attempts;
use super::cancel::Registry;
use super::connection;
use super::door::{Door, DoorConfig};
use super::lobby::Lobby;
use super::metrics::{Metrics, Now};
use super::metrics_page;
use super::password::Verifier;
use super::workers::Workers;
use crate::audit::AuditLog;
use crate::catalog::definitions::OWNER;
use crate::engine::Engine;
use crate::error::{Error, Result, SqlState};

/// Connections that log in, ask to cancel, are about to hear that there are too many, or say nothing.
const LOBBY: usize = 256;
/// Sessions that are for the owner alone, where there are more than a few.
const RESERVED: usize = 3;
/// From how many on.
const RESERVED_FROM: usize = 10;
/// How long a connection has to end once its time is up, before it is cut.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long to wait when the system has no more sockets to give.
const EXHAUSTED: Duration = Duration::from_millis(200);
/// Connections that the system keeps waiting for us.
const BACKLOG: u32 = 1_024;

/// Where and how to listen.
#[derive(Clone)]
pub struct ListenConfig {
    /// `host:port`; port 0 takes a free one.
    pub address: String,
    /// The owner's password; none lets anyone in, on a loopback address only.
    pub password: Option<String>,
    /// Who comes in, and how.
    pub door: DoorConfig,
    /// Sessions at a time.
    pub max_connections: usize,
    /// How long a client may take to log in.
    pub login_timeout: Duration,
    /// How long running statements may go on once the server stops.
    pub grace: Duration,
    /// Where what clients do is recorded, if it is.
    pub audit: Option<AuditLog>,
    /// Where metrics and health are told, as `host:port`, if they are.
    pub metrics: Option<String>,
}

/// What every connection needs.
pub(super) struct Shared {
    pub engine: Arc<Engine>,
    pub registry: Arc<Registry>,
    /// They plan and run what clients ask for.
    pub workers: Arc<Workers>,
    /// The configured password; it goes before the one that is kept in the state.
    password: Option<Verifier>,
    /// Whether clients are let in while no password is set at all.
    trusts: bool,
    door: RwLock<Arc<Door>>,
    pub attempts: Attempts,
    pub sessions: Arc<Semaphore>,
    /// How many of them are for the owner alone.
    pub reserved: usize,
    pub login_timeout: Duration,
    pub audit: Option<AuditLog>,
    pub metrics: Arc<Metrics>,
    /// How many sessions there may be.
    most_sessions: usize,
    /// The server is stopping: idle connections end.
    pub stopping: CancellationToken,
    /// The grace is over: busy connections end.
    pub ending: CancellationToken,
}

impl Shared {
    /// What is so now, for metrics.
    pub fn now(&self) -> Now {
        Now {
            sessions: self.most_sessions.saturating_sub(self.sessions.available_permits()),
            sessions_most: self.most_sessions,
            memory: self.engine.memory_held(),
            memory_most: self.engine.config().memory_limit,
            sources: self.engine.source_health(),
        }
    }

    /// Who comes in, as the files say now.
    pub fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door.read())
    }

    /// What a client of this name must prove now, and whether there is somebody who can; none where it is trusted, as
    /// it is no more once there are roles. A password that was set since the start counts.
    pub fn password(&self, user: &str) -> Result<Option<(Verifier, bool)>> {
        let kept = match user {
            OWNER => self.engine.stored_password()?,
            role => self.engine.role_password(role),
        };
        let known = match (&self.password, kept) {
            (Some(password), _) if user == OWNER => Some(password.clone()),
            (_, Some(kept)) => Some(
                Verifier::read(&kept)
                    .ok_or_else(|| Error::internal("the kept password cannot be read").with_hint("Set it again."))?,
            ),
            _ => None,
        };
        if let Some(known) = known {
            return Ok(Some((known, true)));
        }
        if self.password.is_none() && !self.engine.has_roles() && self.engine.stored_password()?.is_none() {
            return match self.trusts {
                true => Ok(None),
                false => Err(Error::new(SqlState::INVALID_AUTHORIZATION, "the owner has no password")),
            };
        }
        Ok(Some((self.door().prover.nobody(user), false)))
    }
}

/// A bound socket that is ready to serve.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    lobby: Arc<Lobby>,
    grace: Duration,
    door: DoorConfig,
    provider: Arc<CryptoProvider>,
    metrics: Option<TcpListener>,
}

/// Has a listener read again who comes in.
pub struct Reloader {
    shared: Arc<Shared>,
    door: DoorConfig,
    open: bool,
    provider: Arc<CryptoProvider>,
}

impl Reloader {
    /// Reads certificates and rules again. What is wrong is an error, and everything stays as it was.
    pub fn reload(&self) -> Result<()> {
        let door = Door::load(&self.door, self.open, &self.provider)?;
        *self.shared.door.write() = Arc::new(door);
        Ok(())
    }
}

impl Listener {
    /// Binds the address. Refused where it is not a loopback address and no password is set (55000), where
    /// certificate or key cannot be used (F0000), and where the address is taken (58030).
    pub async fn bind(engine: Arc<Engine>, config: ListenConfig) -> Result<Listener> {
        let provider = Arc::new(ring::default_provider());
        let password = match &config.password {
            Some(password) => Some(Verifier::new(password, &provider)?),
            None => None,
        };
        let addresses: Vec<SocketAddr> = lookup_host(&config.address)
            .await
            .map_err(|error| {
                Error::new(SqlState::CONFIG_FILE_ERROR, format!("\"{}\" is no address to listen on", config.address))
                    .with_detail(format!("{error}."))
                    .with_hint("Give it as host:port, such as 127.0.0.1:6432.")
            })?
            .collect();
        let open = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let Some(open) = open
            && password.is_none()
            && config.door.hba.is_none()
            && engine.stored_password()?.is_none()
        {
            return Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("listening on {open} needs a password for the owner"),
            )
            .with_detail("Without one a listener lets in whoever reaches it, so it must be bound to this machine.")
            .with_hint("Set the owner's password, or listen on 127.0.0.1."));
        }
        let door = Door::load(&config.door, open.is_some(), &provider)?;
        let metrics = match &config.metrics {
            Some(address) => Some(metrics_page::bind(address).await?),
            None => None,
        };
        let socket = listen(&addresses, &config.address)?;
        let address = socket.local_addr().map_err(|error| taken(&config.address, &error))?;
        let sessions = config.max_connections.clamp(1, Semaphore::MAX_PERMITS / 2);
        Ok(Listener {
            socket,
            address,
            shared: Arc::new(Shared {
                engine,
                registry: Arc::new(Registry::new(Arc::clone(&provider))),
                workers: Arc::new(Workers::new()?),
                password,
                trusts: open.is_none(),
                door: RwLock::new(Arc::new(door)),
                attempts: Attempts::default(),
                sessions: Arc::new(Semaphore::new(sessions)),
                reserved: if sessions >= RESERVED_FROM { RESERVED } else { 0 },
                login_timeout: config.login_timeout,
                audit: config.audit,
                metrics: Arc::default(),
                most_sessions: sessions,
                stopping: CancellationToken::new(),
                ending: CancellationToken::new(),
            }),
            lobby: Lobby::new(LOBBY),
            grace: config.grace,
            door: config.door,
            provider,
            metrics,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What reads certificates and rules again.
    pub fn reloader(&self) -> Reloader {
        Reloader {
            shared: Arc::clone(&self.shared),
            door: self.door.clone(),
            open: !self.shared.trusts,
            provider: Arc::clone(&self.provider),
        }
    }

    /// What ends the grace early, once the listener is stopping.
    pub fn hurry(&self) -> CancellationToken {
        self.shared.ending.clone()
    }

    /// Serves until `shutdown`. Then idle connections end at once, and busy ones after the grace at the latest.
    pub async fn serve(mut self, shutdown: CancellationToken) -> Result<()> {
        tracing::info!(
            address = %self.address,
            trusts = !self.shared.door().has_rules() && matches!(self.shared.password(OWNER), Ok(None)),
            tls = self.shared.door().tls.is_some(),
            rules = self.shared.door().has_rules(),
            "listening"
        );
        let mut connections = JoinSet::new();
        let served = CancellationToken::new();
        if let Some(socket) = self.metrics.take() {
            tokio::spawn(metrics_page::serve(socket, Arc::clone(&self.shared), served.clone()));
        }
        // Until the last connection has ended.
        let _served = served.drop_guard();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = connections.join_next(), if !connections.is_empty() => report(ended),
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer, &mut connections),
                    Err(error) => {
                        tracing::warn!(%error, "could not accept a connection");
                        sleep(EXHAUSTED).await;
                    }
                },
            }
        }
        let Listener { socket, shared, grace, .. } = self;
        drop(socket);
        shared.stopping.cancel();
        let drained = tokio::select! {
            () = drain(&mut connections) => true,
            () = sleep(grace) => false,
            () = shared.ending.cancelled() => false,
        };
        if !drained {
            shared.ending.cancel();
            if timeout(LAST_WORDS, drain(&mut connections)).await.is_err() {
                tracing::warn!(connections = connections.len(), "cut connections that did not end");
                connections.shutdown().await;
            }
        }
        tracing::info!("stopped listening");
        Ok(())
    }

    fn accept(&self, stream: TcpStream, peer: SocketAddr, connections: &mut JoinSet<()>) {
        self.shared.metrics.connected();
        let (guest, shared) = (self.lobby.enter(), Arc::clone(&self.shared));
        connections.spawn(connection::serve(stream, peer, guest, shared));
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection ended by a mistake in this program");
    }
}

async fn drain(connections: &mut JoinSet<()>) {
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

/// Listens on the first of the addresses that can be had.
fn listen(addresses: &[SocketAddr], name: &str) -> Result<TcpListener> {
    let mut failed = None;
    for address in addresses {
        match listen_on(*address) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = Some(error),
        }
    }
    Err(match failed {
        Some(error) => taken(name, &error),
        None => Error::new(SqlState::CONFIG_FILE_ERROR, format!("\"{name}\" has no address")),
    })
}

fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it: a client whose machine is gone does not hold its session for ever.
    socket.set_keepalive(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn taken(name: &str, error: &std::io::Error) -> Error {
    Error::new(SqlState::IO_ERROR, format!("could not listen on {name}"))
        .with_detail(format!("{error}."))
        .with_hint("Choose another address with --listen.")
}
