//! The listening socket: who may connect, how many, and how it stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::cancel::Registry;
use super::connection;
use super::password::{Prover, Verifier};
use super::tls::{self, Tls};
use super::workers::Workers;
use crate::catalog::definitions::OWNER;
use crate::engine::Engine;
use crate::error::{Error, Result, SqlState};

/// Connections beyond the sessions: those that log in, ask to cancel, or are about to hear that there are too many.
const WAITING_ROOM: usize = 64;
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
    /// Certificate chain and key, in PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Sessions at a time.
    pub max_connections: usize,
    /// How long a client may take to log in.
    pub login_timeout: Duration,
    /// How long running statements may go on once the server stops.
    pub grace: Duration,
}

/// What every connection needs.
pub(super) struct Shared {
    pub engine: Arc<Engine>,
    pub registry: Arc<Registry>,
    /// They plan and run what clients ask for.
    pub workers: Workers,
    /// The configured password; it goes before the one that is kept in the state.
    password: Option<Verifier>,
    /// Whether clients are let in while no password is set at all.
    trusts: bool,
    pub prover: Prover,
    pub tls: Option<Tls>,
    pub sessions: Arc<Semaphore>,
    pub login_timeout: Duration,
    /// The server is stopping: idle connections end.
    pub stopping: CancellationToken,
    /// The grace is over: busy connections end.
    pub ending: CancellationToken,
}

impl Shared {
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
        Ok(Some((self.prover.nobody(user), false)))
    }
}

/// A bound socket that is ready to serve.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    waiting: Arc<Semaphore>,
    grace: Duration,
}

impl Listener {
    /// Binds the address. Refused where it is not a loopback address and no password is set (55000), where
    /// certificate or key cannot be used (F0000), and where the address is taken (58030).
    pub async fn bind(engine: Arc<Engine>, config: ListenConfig) -> Result<Listener> {
        let provider = Arc::new(ring::default_provider());
        let tls = match &config.tls {
            Some((certificate, key)) => Some(tls::load(Arc::clone(&provider), certificate, key)?),
            None => None,
        };
        let certificate = tls.as_ref().map(|tls| tls.certificate.as_ref());
        let prover = Prover::new(certificate, &provider)?;
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
            && engine.stored_password()?.is_none()
        {
            return Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("listening on {open} needs a password for the owner"),
            )
            .with_detail("Without one a listener lets in whoever reaches it, so it must be bound to this machine.")
            .with_hint("Set the owner's password, or listen on 127.0.0.1."));
        }
        let socket = listen(&addresses, &config.address)?;
        let address = socket.local_addr().map_err(|error| taken(&config.address, &error))?;
        let sessions = config.max_connections.clamp(1, Semaphore::MAX_PERMITS / 2);
        Ok(Listener {
            socket,
            address,
            shared: Arc::new(Shared {
                engine,
                registry: Arc::new(Registry::new(provider)),
                workers: Workers::new()?,
                password,
                trusts: open.is_none(),
                prover,
                tls,
                sessions: Arc::new(Semaphore::new(sessions)),
                login_timeout: config.login_timeout,
                stopping: CancellationToken::new(),
                ending: CancellationToken::new(),
            }),
            waiting: Arc::new(Semaphore::new(sessions + WAITING_ROOM)),
            grace: config.grace,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What ends the grace early, once the listener is stopping.
    pub fn hurry(&self) -> CancellationToken {
        self.shared.ending.clone()
    }

    /// Serves until `shutdown`. Then idle connections end at once, and busy ones after the grace at the latest.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<()> {
        tracing::info!(
            address = %self.address,
            trusts = matches!(self.shared.password(OWNER), Ok(None)),
            tls = self.shared.tls.is_some(),
            "listening"
        );
        let mut connections = JoinSet::new();
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
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            tracing::warn!(%peer, "refused a connection: too many at once");
            return;
        };
        let shared = Arc::clone(&self.shared);
        connections.spawn(hold(place, connection::serve(stream, peer, shared)));
    }
}

/// Keeps a place taken while a connection lasts.
async fn hold(place: OwnedSemaphorePermit, connection: impl Future<Output = ()>) {
    connection.await;
    drop(place);
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
