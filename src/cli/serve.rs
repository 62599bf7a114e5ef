//! `onerow serve`: until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::run::report;
use crate::config::{EngineConfig, ServeConfig};
use crate::engine::Engine;
use crate::error::{Error, Result, SqlState};
use crate::wire::{ListenConfig, Listener};

pub(super) async fn serve(config: EngineConfig, listen: ServeConfig) -> Result<ExitCode> {
    let engine = match Engine::open(config).await {
        Ok(engine) => engine,
        Err(errors) => return Ok(report(&errors)),
    };
    let listener = bind(&engine, listen).await?;
    info!(version = env!("CARGO_PKG_VERSION"), "onerow starts");
    until_stopped(engine, listener).await?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn bind(engine: &Arc<Engine>, listen: ServeConfig) -> Result<Listener> {
    if listen.password.is_some() {
        engine.password_is_configured();
    }
    Listener::bind(
        Arc::clone(engine),
        ListenConfig {
            address: listen.listen,
            password: listen.password,
            tls: listen.tls,
            max_connections: listen.max_connections,
            login_timeout: Duration::from_secs(60),
            grace: listen.grace,
        },
    )
    .await
}

/// Serves until SIGTERM or SIGINT; SIGHUP reads the files again.
pub(super) async fn until_stopped(engine: Arc<Engine>, listener: Listener) -> Result<()> {
    let listen = |kind| {
        signal(kind)
            .map_err(|e| Error::new(SqlState::IO_ERROR, "could not listen to signals").with_detail(e.to_string()))
    };
    let (mut terminate, mut interrupt, mut hangup) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?, listen(SignalKind::hangup())?);
    let shutdown = CancellationToken::new();
    let hurry = listener.hurry();
    let mut serving = tokio::spawn(listener.serve(shutdown.clone()));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                match engine.reload().await {
                    Ok(()) => info!("files read again"),
                    Err(errors) => for e in errors {
                        error!("files not taken: {}", e.report());
                    },
                }
            }
            ended = &mut serving => {
                return ended.map_err(|e| Error::internal(format!("the listener failed: {e}")))?;
            }
        }
    }
    info!("stopping");
    shutdown.cancel();
    // Who asks twice does not want to wait.
    let ended = tokio::select! {
        ended = &mut serving => ended,
        _ = async { tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} } } => {
            info!("stopping at once");
            hurry.cancel();
            serving.await
        }
    };
    ended.map_err(|e| Error::internal(format!("the listener failed: {e}")))?
}
