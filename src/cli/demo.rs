//! `onerow demo`: writes the example, answers, then serves it.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use futures::TryStreamExt;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::query::broken_pipe;
use super::run::{on_a_worker, report};
use super::serve::{audit_log, bind, until_stopped};
use crate::config::{EngineConfig, ServeConfig};
use crate::demo::{self, Ask, Example, Figures};
use crate::engine::{Engine, Outcome, Session, SessionParameters};
use crate::error::{Error, Result, SqlState};

pub(super) async fn demo(folder: Option<PathBuf>, seed: u64, no_serve: bool, listen: ServeConfig) -> Result<ExitCode> {
    let began = Instant::now();
    let temporary = match &folder {
        Some(_) => None,
        None => Some(temporary_folder()?),
    };
    let folder = folder.or_else(|| temporary.as_ref().map(|t| t.path().to_path_buf())).unwrap_or_default();
    let mut example = demo::write_example(&folder, seed)?;
    // A temporary folder ends with the program.
    example.lasting = temporary.is_none() || !no_serve;
    let engine = match Engine::open(config_of(&example)).await {
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
    let audit = audit_log(&listen)?;
    let listener = bind(&engine, listen, audit.clone()).await?;
    let address = listener.local_addr();
    writeln!(
        out,
        "Serving it now; connect with\n\n  psql -h {} -p {} -U onerow -d onerow\n\nand stop with Ctrl-C.",
        address.ip(),
        address.port()
    )
    .map_err(broken_pipe)?;
    until_stopped(Arc::clone(&engine), listener, audit).await?;
    Ok(ExitCode::SUCCESS)
}

/// The example's figures, for the documentation: the same whenever they are asked for. It is written into a temporary
/// folder, which is gone afterwards.
pub fn figures() -> Result<Figures> {
    on_a_worker(async {
        let folder = temporary_folder()?;
        let example = demo::write_example(folder.path(), demo::SEED)?;
        let engine = Engine::open(config_of(&example)).await.map_err(|errors| {
            errors.into_iter().next().unwrap_or_else(|| Error::internal("the example could not be opened"))
        })?;
        let asked = Asked(engine.session(SessionParameters::owner())?);
        demo::figures(&example, &asked).await
    })
}

fn temporary_folder() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("onerow-demo-")
        .tempdir()
        .map_err(|e| Error::new(SqlState::IO_ERROR, "could not make a temporary folder").with_detail(e.to_string()))
}

fn config_of(example: &Example) -> EngineConfig {
    EngineConfig {
        sql: Some(example.sql_folder.clone()),
        state: Some(example.folder.join(".onerow")),
        ..EngineConfig::default()
    }
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
