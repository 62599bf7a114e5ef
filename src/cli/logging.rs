//! What the server logs, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;
use crate::error::{Error, Result, SqlState};

/// Starts logging at `level`, such as `info` or `info,onerow::sources=debug`.
pub(super) fn start(level: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(level).map_err(|e| {
        Error::new(SqlState::CONFIG_FILE_ERROR, format!("\"{level}\" is no log level"))
            .with_detail(e.to_string())
            .with_hint("Use error, warn, info, debug or trace.")
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Set already when several commands run in one process, as tests do.
    let _ = match format {
        LogFormat::Text => builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}
