//! Whole tables: how long clients wait for them, and what that takes of the server's memory.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::data::{self, COLUMNS};
use super::program::Program;
use super::support::postgres::{PASSWORD, Postgres};
use super::table::{Reach, Table};
use super::{Extent, by_hand, median};

/// Rows of the large table, and of the small one.
const LARGE: u64 = 2_000_000;
const SMALL: u64 = 200_000;

/// What a client that reads slowly waits after each quarter of a megabyte.
const PAUSE: Duration = Duration::from_millis(10);

/// By what the peak may grow when there are ten times the rows: a flat one is one that does not follow them.
const FLAT: f64 = 1.25;

/// How long all rows take by psycopg, by psql and by COPY.
pub fn rows(extent: &Extent, table: &mut Table) {
    let (rows, few) = (extent.of(LARGE), extent.of(SMALL).min(20_000));
    println!("\n{rows} rows of 5 columns, of a Parquet file and of a table in PostgreSQL");
    let postgres = Postgres::start();
    data::fill_postgres(&postgres, "sale", rows);
    data::fill_postgres(&postgres, "few", few);
    let project = data::project(&[("sale", rows), ("few", few)]);
    let program = Program::start(project.path());
    let (ours, theirs) = (Side::onerow(&program), Side::postgres(&postgres));
    for form in ["text", "binary"] {
        let copy = format!("COPY (SELECT {COLUMNS} FROM few ORDER BY id) TO STDOUT (FORMAT {form})");
        assert!(ours.bytes(&copy) == theirs.bytes(&copy), "both sides give the same bytes for {copy}");
    }
    let select = format!("SELECT {COLUMNS} FROM few ORDER BY id");
    assert!(ours.bytes(&select) == theirs.bytes(&select), "both sides give the same bytes for {select}");

    let all = format!("SELECT {COLUMNS} FROM sale");
    let sides = [&ours, &theirs];
    match Psycopg::start(&sides) {
        Ok(mut psycopg) => {
            let ratio = compare(extent, "psycopg 3, binary", sides, &mut |side| {
                let (took, count, sum) = psycopg.read(side, &all);
                assert_eq!((count, sum), (rows, data::sum_of_ids(rows)), "rows, and the sum of their ids");
                took
            });
            table.add("SELECT by psycopg 3, binary", ratio, "", Reach::AtMost(1.0));
        }
        Err(why) => println!("no psycopg: {why}"),
    }
    for (what, sql) in [
        ("SELECT by psql, text", all.clone()),
        ("COPY TO STDOUT, text", format!("COPY ({all}) TO STDOUT")),
        ("COPY TO STDOUT, binary", format!("COPY ({all}) TO STDOUT (FORMAT binary)")),
    ] {
        let ratio = compare(extent, what, sides, &mut |side| side.time(&sql));
        table.add(what, ratio, "", Reach::AtMost(1.0));
    }
}

/// The most memory that a server of its own has for each number of rows and each pace of the client.
pub fn memory(extent: &Extent, table: &mut Table) {
    let sizes = [("few", extent.of(SMALL)), ("sale", extent.of(LARGE))];
    let project = data::project(&sizes);
    println!("\npeak memory of a server that sends {} or {} rows", sizes[0].1, sizes[1].1);
    for (pace, pause) in [("at once", None), ("slowly", Some(PAUSE))] {
        let mut peaks = vec![];
        for (name, rows) in sizes {
            let program = Program::start(project.path());
            let before = program.memory("VmHWM");
            let (took, bytes) = by_hand::read(program.port, &format!("SELECT {COLUMNS} FROM {name}"), pause);
            assert!(bytes > rows * 40, "{bytes} bytes are not {rows} rows");
            let peak = program.memory("VmHWM");
            println!(
                "  {rows} rows read {pace}: {:.0} MB in {:.2} s, peak {peak:.1} MiB ({before:.1} at first)",
                bytes as f64 / 1e6,
                took.as_secs_f64()
            );
            peaks.push(peak);
        }
        let growth = peaks[1] / peaks[0];
        table.add(format!("peak memory of ten times the rows, read {pace}"), growth, "", Reach::AtMost(FLAT));
    }
}

/// Both in turn; the ratio of the medians of what they take.
fn compare(extent: &Extent, what: &str, sides: [&Side; 2], time: &mut dyn FnMut(&Side) -> f64) -> f64 {
    let mut times = [vec![], vec![]];
    for round in 0..=extent.rounds {
        for (side, times) in sides.iter().zip(&mut times) {
            let took = time(side);
            // The first round only warms up.
            if round > 0 {
                times.push(took);
            }
        }
    }
    let [here, there] = times.each_mut().map(|times| median(times));
    println!("  {what}: onerow {here:.0} ms, PostgreSQL {there:.0} ms");
    here / there
}

/// A server as clients see it.
struct Side {
    name: &'static str,
    port: u16,
    database: &'static str,
    password: &'static str,
}

impl Side {
    fn onerow(program: &Program) -> Side {
        Side { name: "onerow", port: program.port, database: "onerow", password: "" }
    }

    fn postgres(postgres: &Postgres) -> Side {
        Side { name: "PostgreSQL", port: postgres.port, database: "postgres", password: PASSWORD }
    }

    fn psql(&self, sql: &str) -> Command {
        let mut command = Command::new("psql");
        command
            .env("PGPASSWORD", self.password)
            .env("PGTZ", "UTC")
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "onerow"])
            .args(["-d", self.database, "-c", sql])
            .stdin(Stdio::null());
        command
    }

    /// What psql prints.
    fn bytes(&self, sql: &str) -> Vec<u8> {
        let output = self.psql(sql).output().expect("psql");
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// How long psql takes, in milliseconds.
    fn time(&self, sql: &str) -> f64 {
        let began = Instant::now();
        let status = self.psql(sql).args(["-o", "/dev/null"]).status().expect("psql");
        let took = began.elapsed();
        assert!(status.success(), "{}: {sql}", self.name);
        took.as_secs_f64() * 1000.0
    }
}

/// A Python process with a connection to each side.
struct Psycopg {
    process: Child,
    wishes: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Psycopg {
    fn start(sides: &[&Side]) -> Result<Psycopg, String> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/tools/python/bin/python");
        if !python.exists() {
            return Err("run tests/install".into());
        }
        let mut process = Command::new(python)
            .arg(root.join("benches/wire/reader.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let (wishes, answers) = (process.stdin.take().expect("a pipe"), process.stdout.take().expect("a pipe"));
        let mut psycopg = Psycopg { process, wishes, answers: BufReader::new(answers).lines() };
        for side in sides {
            psycopg.wish(&json!({ "connect": side.name, "with": {
                "host": "127.0.0.1", "port": side.port, "user": "onerow", "dbname": side.database,
                "password": side.password,
            } }));
        }
        Ok(psycopg)
    }

    /// How long all rows of a query take in milliseconds, how many there are, and the sum of the first column.
    fn read(&mut self, side: &Side, sql: &str) -> (f64, u64, u64) {
        let said = self.wish(&json!({ "ask": side.name, "sql": sql }));
        let number = |name: &str| said[name].as_u64().expect("a number");
        (said["ms"].as_f64().expect("a time"), number("rows"), number("sum"))
    }

    fn wish(&mut self, wish: &Value) -> Value {
        writeln!(self.wishes, "{wish}").expect("a reader");
        let line = self.answers.next().expect("an answer").expect("a line");
        let said: Value = serde_json::from_str(&line).expect("JSON");
        assert!(said["error"].is_null(), "{said}");
        said
    }
}

impl Drop for Psycopg {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
