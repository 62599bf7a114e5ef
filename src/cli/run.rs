//! From the configuration to the action.

use std::process::ExitCode;

use super::{audit, check, demo, logging, query, serve};
use crate::config::{Action, Config};
use crate::error::{Error, Result, SqlState};
use crate::functions::limited;

/// What a thread's stack may grow to: as much as planning the deepest statement and the longest chain of views takes.
const STACK: usize = 64 << 20;

/// Does what the command line asks for; the exit code is 0 unless something failed.
pub fn run(config: Config) -> Result<ExitCode> {
    // The server logs on stderr; the other commands log only what is wrong, their answer is on stdout.
    let level = match config.action {
        Action::Serve { .. } => config.log_level.clone(),
        _ if config.log_level == "info" => "warn".to_string(),
        _ => config.log_level.clone(),
    };
    logging::start(&level, config.log_format)?;
    on_a_worker(act(config.action))
}

/// Runs on a worker of a runtime of its own, whose stack is deep, not on the caller's thread.
pub(super) fn on_a_worker<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Files and `onerow query` are planned here; memory is taken only as a stack grows.
        .thread_stack_size(STACK)
        .build()
        .map_err(|e| Error::new(SqlState::IO_ERROR, "could not start the runtime").with_detail(e.to_string()))?;
    let done = runtime
        .block_on(async { tokio::spawn(work).await.map_err(|e| Error::internal(format!("the command failed: {e}")))? });
    runtime.shutdown_background();
    done
}

async fn act(action: Action) -> Result<ExitCode> {
    if let Action::Serve { engine, .. } | Action::Query { engine, .. } = &action
        && let Some(memory) = engine.memory_limit
    {
        limited::fit_into(memory);
    }
    match action {
        Action::Demo { folder, seed, no_serve, serve } => Box::pin(demo::demo(folder, seed, no_serve, serve)).await,
        Action::Serve { engine, serve } => Box::pin(serve::serve(engine, serve)).await,
        Action::Query { engine, sql, format } => Box::pin(query::query(engine, &sql, format)).await,
        Action::VerifyAudit { files, key, head } => audit::verify_files(&files, &key, head.as_deref()),
        Action::Check { engine } => Box::pin(check::check(engine)).await,
    }
}

/// Prints every mistake of the files.
pub(super) fn report(errors: &[Error]) -> ExitCode {
    for error in errors {
        eprintln!("{}", error.report());
    }
    if errors.len() > 1 {
        eprintln!("{} errors", errors.len());
    }
    ExitCode::FAILURE
}
