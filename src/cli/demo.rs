//! `onerow demo`: writes the example, answers, then serves it.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

use super::query::broken_pipe;
use super::run::report;
use super::serve::{bind, until_stopped};
use crate::config::{EngineConfig, ServeConfig};
use crate::demo::{self, Ask};
use crate::engine::{Engine, Outcome, Session, SessionParameters};
use crate::error::{Error, Result, SqlState};

pub(super) async fn demo(folder: Option<PathBuf>, seed: u64, no_serve: bool, listen: ServeConfig) -> Result<ExitCode> {
    let began = Instant::now();
    let temporary = match &folder {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("onerow-demo-").tempdir().map_err(|e| {
            Error::new(SqlState::IO_ERROR, "could not make a temporary folder").with_detail(e.to_string())
        })?),
    };
    let folder = folder.or_else(|| temporary.as_ref().map(|t| t.path().to_path_buf())).unwrap_or_default();
    let mut example = demo::write_example(&folder, seed)?;
    // A temporary folder ends with the program.
    example.lasting = temporary.is_none() || !no_serve;
    let config = EngineConfig {
        sql: Some(example.sql_folder.clone()),
        state: Some(folder.join(".onerow")),
        ..EngineConfig::default()
    };
    let engine = match Engine::open(config).await {
        Ok(engine) => engine,
        Err(errors) => return Ok(report(&errors)),
    };
    let asked = Asked(engine.session(SessionParameters::owner())?);
    let mut out = std::io::stdout();
    demo::present(&example, &asked, &mut out).await?;
    writeln!(out, "\nAll this took {:.1} s.", began.elapsed().as_secs_f64()).map_err(broken_pipe)?;
    if no_serve {
        return Ok(ExitCode::SUCCESS);
    }
    let listener = bind(&engine, listen).await?;
    let address = listener.local_addr();
    writeln!(
        out,
        "Serving it now; connect with\n\n  psql -h {} -p {} -U onerow -d onerow\n\nand stop with Ctrl-C.",
        address.ip(),
        address.port()
    )
    .map_err(broken_pipe)?;
    until_stopped(Arc::clone(&engine), listener).await?;
    Ok(ExitCode::SUCCESS)
}

/// The engine as the example asks it.
struct Asked(Session);

#[async_trait]
impl Ask for Asked {
    async fn rows(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let mut rows = vec![];
        for statement in self.0.parse(sql)? {
            if let Outcome::Rows { stream, .. } = self.0.run(&statement, vec![], CancellationToken::new()).await? {
                rows.extend(stream.try_collect::<Vec<_>>().await?);
            }
        }
        Ok(rows)
    }
}
