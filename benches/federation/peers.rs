//! DuckDB with its scanners, and PostgreSQL with its wrappers.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::data::{self, Source};
use super::stage::Stage;
use super::support::postgres::{PASSWORD, USER};
use super::support::wire::{Rows, rows};

/// What a side said: how long it took, and its rows.
pub type Answer = Result<(Duration, Rows), String>;

/// Both of them; one that is not installed is none.
pub struct Peers {
    pub duckdb: Result<DuckDb, String>,
    pub fdw: Fdw,
}

impl Peers {
    pub fn start(stage: &Stage) -> Peers {
        Peers { duckdb: DuckDb::start(stage), fdw: Fdw::start(stage) }
    }

    /// What runs beside, in words.
    pub fn said(&self) -> String {
        let duckdb = match &self.duckdb {
            Ok(duckdb) => format!("DuckDB {} with its scanners for PostgreSQL, MySQL and SQLite", duckdb.version),
            Err(why) => format!("no DuckDB: {why}"),
        };
        format!("{duckdb}; {}", self.fdw.said)
    }
}

/// DuckDB in a Python process.
pub struct DuckDb {
    process: Child,
    wishes: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    version: String,
}

impl DuckDb {
    fn start(stage: &Stage) -> Result<DuckDb, String> {
        let home: PathBuf = [env!("CARGO_MANIFEST_DIR"), "target/tools/duckdb"].iter().collect();
        let python = home.join("bin/python");
        if !python.exists() {
            return Err("run tests/install-peers".into());
        }
        let script: PathBuf = [env!("CARGO_MANIFEST_DIR"), "benches/federation/scanners.py"].iter().collect();
        let mut process = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let (wishes, answers) = (process.stdin.take().expect("a pipe"), process.stdout.take().expect("a pipe"));
        let mut duckdb = DuckDb { process, wishes, answers: BufReader::new(answers).lines(), version: String::new() };
        let said = duckdb.wish(&json!({ "load": extensions(&home) }))?;
        duckdb.version = said["version"].as_str().unwrap_or_default().to_string();
        for statement in setup(stage) {
            duckdb.wish(&json!({ "run": statement })).map_err(|e| format!("{statement}: {e}"))?;
        }
        Ok(duckdb)
    }

    pub fn ask(&mut self, sql: &str) -> Answer {
        let said = self.wish(&json!({ "ask": sql }))?;
        let cell = |value: &Value| value.as_str().map(str::to_string);
        let rows = said["rows"].as_array().ok_or("no rows")?;
        let rows = rows.iter().map(|row| row.as_array().into_iter().flatten().map(cell).collect()).collect();
        Ok((Duration::from_secs_f64(said["ms"].as_f64().unwrap_or_default() / 1000.0), rows))
    }

    /// How many statements a second so many clients do; `sql` has a `?`.
    pub fn rate(&mut self, clients: usize, sql: &str, values: &[String], seconds: f64) -> Result<f64, String> {
        let said = self.wish(&json!({ "clients": clients, "sql": sql, "values": values, "seconds": seconds }))?;
        Ok(said["count"].as_f64().unwrap_or_default() / said["seconds"].as_f64().unwrap_or(1.0))
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

/// Extensions come in Python packages of their own; DuckDB would fetch them from a server of its own.
fn extensions(home: &Path) -> Vec<String> {
    let mut found = vec![];
    let mut folders = vec![home.join("lib")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "duckdb_extension") {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

fn setup(stage: &Stage) -> Vec<String> {
    let folder = stage.folder.path().display();
    let (postgres, mariadb) = (stage.postgres.port, stage.mariadb.port);
    vec![
        format!(
            "ATTACH 'host=127.0.0.1 port={postgres} dbname=postgres user=peer password=peer' AS pg
               (TYPE postgres, READ_ONLY)"
        ),
        format!(
            "ATTACH 'host=127.0.0.1 port={mariadb} database=shop user=peer password=peer' AS my (TYPE mysql, READ_ONLY)"
        ),
        format!("ATTACH '{folder}/lite.db' AS lite (TYPE sqlite, READ_ONLY)"),
        format!("CREATE VIEW event AS SELECT * FROM read_parquet('{folder}/event.parquet')"),
        format!("CREATE VIEW wanted AS SELECT * FROM read_csv('{folder}/wanted.csv', header = true)"),
        "CREATE VIEW person AS
           SELECT 'pg' AS source, email, name, city, updated_at, 2 AS trust FROM pg.customer
           UNION ALL SELECT 'my', email, name, city, updated_at, 3 FROM my.customer
           UNION ALL SELECT 'lite', email, name, city, updated_at, 1 FROM lite.customer"
            .into(),
        "CREATE VIEW merged AS
           SELECT email, arg_max(name, updated_at) AS name, arg_max(city, trust) AS city, count(*) AS sources
           FROM person GROUP BY email"
            .into(),
    ]
}

/// A database of its own whose tables are foreign.
pub struct Fdw {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
    said: String,
}

impl Fdw {
    fn start(stage: &Stage) -> Fdw {
        let postgres = &stage.postgres;
        let people = stage.scale.people;
        // A copy stands in for a wrapper that Debian does not have, as another PostgreSQL, which is kind to the peer.
        postgres.sql(&format!(
            "CREATE DATABASE hub; CREATE DATABASE lite_copy; CREATE DATABASE my_copy;
             \\connect lite_copy\n{}",
            data::customers_sql(Source::Sqlite, people)
        ));
        let password = PASSWORD.replace('\'', "''");
        let foreign = |name: &str, database: &str, tables: &str| {
            format!(
                "CREATE SERVER {name} FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{}',
                   dbname '{database}', fetch_size '10000', use_remote_estimate 'true');
                 CREATE USER MAPPING FOR PUBLIC SERVER {name} OPTIONS (user '{USER}', password '{password}');
                 CREATE SCHEMA {name}; IMPORT FOREIGN SCHEMA public LIMIT TO ({tables})
                   FROM SERVER {name} INTO {name};\n",
                postgres.port
            )
        };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let client = runtime.block_on(postgres.client("hub"));
        let run = |sql: &str| runtime.block_on(rows(&client, sql));
        run(&format!(
            "CREATE EXTENSION postgres_fdw; {}{}",
            foreign("pg", "postgres", "customer, orders"),
            foreign("lite", "lite_copy", "customer")
        ))
        .expect("foreign tables");
        let mysql = run(&format!(
            "BEGIN; CREATE EXTENSION mysql_fdw;
             CREATE SERVER my FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host '127.0.0.1', port '{}', fetch_size '10000');
             CREATE USER MAPPING FOR PUBLIC SERVER my OPTIONS (username 'peer', password 'peer');
             CREATE SCHEMA my; IMPORT FOREIGN SCHEMA shop FROM SERVER my INTO my;
             SELECT email FROM my.customer LIMIT 1; COMMIT",
            stage.mariadb.port
        ));
        let said = match mysql {
            Ok(_) => "postgres_fdw with mysql_fdw, and a copy in PostgreSQL for SQLite".to_string(),
            Err(fault) => {
                run("ROLLBACK").expect("the end of a block");
                postgres.sql(&format!("\\connect my_copy\n{}", data::customers_sql(Source::Mariadb, people)));
                run(&foreign("my", "my_copy", "customer")).expect("a foreign table");
                format!(
                    "postgres_fdw, with copies in PostgreSQL for SQLite and for MariaDB (mysql_fdw: {})",
                    fault.message
                )
            }
        };
        let step = (stage.scale.customers() / data::WANTED).max(1);
        let wanted: Vec<String> = data::wanted(step).map(|person| format!("('{}')", data::email(person))).collect();
        run(&format!(
            "CREATE TABLE wanted (email text); INSERT INTO wanted VALUES {}; ANALYZE wanted;
             CREATE VIEW person AS
               SELECT 'pg' AS source, email, name, city, updated_at, 2 AS trust FROM pg.customer
               UNION ALL SELECT 'my', email, name, city, updated_at, 3 FROM my.customer
               UNION ALL SELECT 'lite', email, name, city, updated_at, 1 FROM lite.customer;
             CREATE VIEW merged AS
               SELECT email, (array_agg(name ORDER BY updated_at DESC))[1] AS name,
                 (array_agg(city ORDER BY trust DESC))[1] AS city, count(*) AS sources
               FROM person GROUP BY email",
            wanted.join(", ")
        ))
        .expect("views");
        Fdw { runtime, client, said }
    }

    pub fn ask(&mut self, sql: &str) -> Answer {
        let began = Instant::now();
        let rows = self.runtime.block_on(rows(&self.client, sql)).map_err(|fault| fault.to_string())?;
        Ok((began.elapsed(), rows))
    }
}
