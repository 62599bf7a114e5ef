//! `onerow check`: a line a source, and every mistake.

use std::io::Write;
use std::process::ExitCode;

use super::query::broken_pipe;
use super::run::report;
use crate::config::EngineConfig;
use crate::engine::Engine;
use crate::error::Result;

pub(super) async fn check(config: EngineConfig) -> Result<ExitCode> {
    let engine = match Engine::open(config).await {
        Ok(engine) => engine,
        Err(errors) => return Ok(report(&errors)),
    };
    let check = engine.check().await;
    let mut out = std::io::stdout();
    let wide = check.servers.iter().map(|line| line.name.chars().count()).max().unwrap_or(0).max(6);
    writeln!(out, "{:wide$}  {:8}  {:9}  {:>6}  {:>8}  says", "server", "kind", "reachable", "tables", "time")
        .map_err(broken_pipe)?;
    for line in &check.servers {
        let (reachable, says) = match &line.reached {
            Ok(says) => ("yes", says.clone()),
            Err(error) => ("NO", error.message().to_string()),
        };
        let millis = format!("{:.1} ms", line.took.as_secs_f64() * 1000.0);
        writeln!(out, "{:wide$}  {:8}  {reachable:9}  {:>6}  {millis:>8}  {says}", line.name, line.kind, line.tables)
            .map_err(broken_pipe)?;
    }
    for warning in &check.warnings {
        writeln!(out, "warning: {warning}").map_err(broken_pipe)?;
    }
    let count = |kind: &str| check.broken.iter().filter(|broken| broken.kind == kind).count();
    writeln!(out, "{} views plan, {} do not", check.views, count("view")).map_err(broken_pipe)?;
    match count("foreign table") {
        0 => {}
        1 => writeln!(out, "1 foreign table cannot be read").map_err(broken_pipe)?,
        tables => writeln!(out, "{tables} foreign tables cannot be read").map_err(broken_pipe)?,
    }
    out.flush().map_err(broken_pipe)?;
    for error in check.servers.iter().filter_map(|line| line.reached.as_ref().err()) {
        eprintln!("{}", error.report());
    }
    for broken in &check.broken {
        let what = format!("{} \"{}\"", broken.kind, broken.name);
        let said = broken.error.context().is_some_and(|context| context.lines().any(|line| line == what));
        let error = broken.error.clone();
        eprintln!("{}", if said { error } else { error.with_context(what) }.report());
    }
    Ok(if check.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
