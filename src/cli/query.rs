//! `onerow query`: one answer, no server.

use std::io::Write;
use std::process::ExitCode;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::run::report;
use crate::config::{EngineConfig, Format};
use crate::engine::{Engine, Outcome, Session, SessionParameters};
use crate::error::{Error, Location, Result, SqlState};

pub(super) async fn query(config: EngineConfig, sql: &str, format: Format) -> Result<ExitCode> {
    let engine = match Engine::open(config).await {
        Ok(engine) => engine,
        Err(errors) => return Ok(report(&errors)),
    };
    let session = engine.session(SessionParameters::owner())?;
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let run = async {
        for statement in session.parse(sql)? {
            match Box::pin(session.run(&statement, vec![], CancellationToken::new())).await? {
                Outcome::Rows { schema, mut stream, .. } => {
                    let mut answer = Answer::new(format, schema);
                    while let Some(batch) = stream.next().await {
                        answer.rows(&batch.map_err(Error::from)?, &mut out)?;
                    }
                    answer.finish(&mut out)?;
                }
                Outcome::Done { tag } if format == Format::Table => writeln!(out, "{tag}").map_err(broken_pipe)?,
                Outcome::Done { .. } => {}
            }
            told(&session);
        }
        out.flush().map_err(broken_pipe)
    };
    match run.await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(e) => Err(in_argument(e, sql)),
    }
}

/// Shows on stderr what a client would be told besides the answer.
fn told(session: &Session) {
    for notice in session.take_notices() {
        eprintln!("{}: {}", notice.level.name(), notice.message);
        if let Some(detail) = &notice.detail {
            eprintln!("detail: {detail}");
        }
    }
}

pub(super) fn broken_pipe(e: std::io::Error) -> Error {
    Error::new(SqlState::IO_ERROR, "could not write the answer").with_detail(e.to_string())
}

/// Shows the place of an error in the query that stood on the command line.
fn in_argument(error: Error, sql: &str) -> Error {
    let Some(position) = error.position() else { return error };
    let before: String = sql.chars().take(position - 1).collect();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let text = sql.lines().nth(line - 1).unwrap_or_default().to_string();
    error.with_location(Location { file: "query".into(), line, column, text })
}
