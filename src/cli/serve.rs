//! `onerow serve`: until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::run::report;
use crate::audit::AuditLog;
use crate::config::{EngineConfig, ServeConfig};
use crate::engine::Engine;
use crate::error::{Error, Result, SqlState};
use crate::wire::{ListenConfig, Listener};

pub(super) async fn serve(config: EngineConfig, listen: ServeConfig) -> Result<ExitCode> {
    let engine = match Engine::open(config).await {
        Ok(engine) => engine,
        Err(errors) => return Ok(report(&errors)),
    };
    let audit = audit_log(&listen)?;
    let listener = bind(&engine, listen, audit.clone()).await?;
    info!(version = env!("CARGO_PKG_VERSION"), "onerow starts");
    until_stopped(engine, listener, audit).await?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Opens the audit log, if one is asked for.
pub(super) fn audit_log(listen: &ServeConfig) -> Result<Option<AuditLog>> {
    listen.audit.as_ref().map(AuditLog::open).transpose()
}

pub(super) async fn bind(engine: &Arc<Engine>, listen: ServeConfig, audit: Option<AuditLog>) -> Result<Listener> {
    if listen.password.is_some() {
        engine.password_is_configured();
    }
    Listener::bind(
        Arc::clone(engine),
        ListenConfig {
            address: listen.listen,
            password: listen.password,
            door: listen.door,
            max_connections: listen.max_connections,
            login_timeout: Duration::from_secs(60),
            grace: listen.grace,
            audit,
            metrics: listen.metrics,
        },
    )
    .await
}

/// Serves until SIGTERM or SIGINT; SIGHUP reads the files again, and opens the audit log anew.
pub(super) async fn until_stopped(engine: Arc<Engine>, listener: Listener, audit: Option<AuditLog>) -> Result<()> {
    let ended = serving(engine, listener, audit.as_ref()).await;
    if let Some(audit) = audit {
        audit.stop().await;
    }
    ended
}

async fn serving(engine: Arc<Engine>, listener: Listener, audit: Option<&AuditLog>) -> Result<()> {
    let listen = |kind| {
        signal(kind)
            .map_err(|e| Error::new(SqlState::IO_ERROR, "could not listen to signals").with_detail(e.to_string()))
    };
    let (mut terminate, mut interrupt, mut hangup) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?, listen(SignalKind::hangup())?);
    let shutdown = CancellationToken::new();
    let (hurry, reloader) = (listener.hurry(), listener.reloader());
    let mut serving = tokio::spawn(listener.serve(shutdown.clone()));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                if let Some(audit) = audit {
                    audit.reopen();
                }
                match reloader.reload() {
                    Ok(()) => info!("certificates and rules read again"),
                    Err(e) => error!("certificates and rules not taken, the old ones stay: {}", e.report()),
                }
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
