//! DuckDB in a Python process, as in the federation's bench.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// The process, with a view of the records.
pub struct DuckDb {
    process: Child,
    wishes: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    pub version: String,
}

impl DuckDb {
    pub fn start(folder: &Path) -> Result<DuckDb, String> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/tools/duckdb/bin/python");
        if !python.exists() {
            return Err("run tests/install-peers".into());
        }
        let mut process = Command::new(python)
            .arg(root.join("benches/federation/scanners.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let (wishes, answers) = (process.stdin.take().expect("a pipe"), process.stdout.take().expect("a pipe"));
        let mut duckdb = DuckDb { process, wishes, answers: BufReader::new(answers).lines(), version: String::new() };
        let said = duckdb.wish(&json!({ "load": [] }))?;
        duckdb.version = said["version"].as_str().unwrap_or_default().to_string();
        let view = format!("CREATE VIEW record AS SELECT * FROM read_parquet('{}/record.parquet')", folder.display());
        duckdb.wish(&json!({ "run": view }))?;
        Ok(duckdb)
    }

    /// The one row of the answer.
    pub fn ask(&mut self, sql: &str) -> Result<(Duration, Vec<String>), String> {
        let said = self.wish(&json!({ "ask": sql }))?;
        let row = said["rows"][0].as_array().cloned().unwrap_or_default();
        let row = row.iter().map(|value| value.as_str().unwrap_or("NULL").to_string()).collect();
        Ok((Duration::from_secs_f64(said["ms"].as_f64().unwrap_or_default() / 1000.0), row))
    }

    fn wish(&mut self, wish: &Value) -> Result<Value, String> {
        writeln!(self.wishes, "{wish}").map_err(|e| e.to_string())?;
        let line = self.answers.next().ok_or("DuckDB has ended")?.map_err(|e| e.to_string())?;
        let said: Value = serde_json::from_str(&line).map_err(|e| format!("{e}: {line}"))?;
        match said["error"].as_str() {
            Some(error) => Err(error.to_string()),
            None => Ok(said),
        }
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
