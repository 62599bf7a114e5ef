//! `onerow audit verify`: whether an audit log is as it was written.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::query::broken_pipe;
use crate::audit::{Head, verify};
use crate::error::Result;

pub(super) fn verify_files(files: &[PathBuf], key: &[u8], head: Option<&str>) -> Result<ExitCode> {
    let head = head.map(str::parse::<Head>).transpose()?;
    let report = verify(files, key, head)?;
    let mut out = std::io::stdout().lock();
    for note in &report.notes {
        writeln!(out, "note: {note}").map_err(broken_pipe)?;
    }
    for problem in &report.problems {
        writeln!(out, "{problem}").map_err(broken_pipe)?;
    }
    let records = report.records;
    if report.problems.is_empty() {
        writeln!(out, "{records} records, none changed; the last is {}", report.head).map_err(broken_pipe)?;
        if head.is_none() {
            writeln!(out, "note: without --head nobody can tell whether records after it were cut off")
                .map_err(broken_pipe)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{records} records, {} problems", report.problems.len()).map_err(broken_pipe)?;
    Ok(ExitCode::FAILURE)
}
