//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};

use super::{Action, Config, EngineConfig, Format, LogFormat, ServeConfig};
use crate::error::{Error, Result, SqlState};

/// Each customer as one row, live, from all your systems, to anything that speaks PostgreSQL.
///
/// You declare your sources in SQL files (CREATE SERVER, IMPORT FOREIGN SCHEMA), write the rules as views with
/// merge functions (newest, most_trusted, majority ..), and connect with psql or a BI tool.
#[derive(Debug, Parser)]
#[command(name = "onerow", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
    /// What to log: error, warn, info, debug, trace, or by module as in `info,onerow::sources=debug`
    #[arg(long, global = true, env = "ONEROW_LOG", default_value = "info", value_name = "LEVEL")]
    log: String,
    /// How to log
    #[arg(long, global = true, env = "ONEROW_LOG_FORMAT", default_value = "text", value_enum)]
    log_format: LogFormat,
}

const EXAMPLES: &str = "\
Examples:
  onerow demo                                    see it work on a company of five systems
  onerow check --sql crm/                        plan every statement, reach every source
  onerow query --sql crm/ 'SELECT * FROM customer LIMIT 10'
  onerow serve --sql crm/                        then: psql -h 127.0.0.1 -p 6432 -U onerow -d onerow

Exit codes: 0 done, 1 something failed, 2 the command line is wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a company's five systems, show its customers as one row each, then serve them
    ///
    /// The five systems (a CRM in SQLite, an ERP as Parquet, a web shop as JSON lines, a help desk and a marketing
    /// list as CSV) are generated, with the mistakes that real systems have, from one hidden population. The SQL
    /// that merges them is written beside them: read it, it is the tutorial.
    Demo {
        /// Where to write the example [default: a new temporary folder]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// The generator's seed
        #[arg(long, default_value_t = crate::demo::SEED)]
        seed: u64,
        /// Stop after the answer instead of serving
        #[arg(long)]
        no_serve: bool,
        #[command(flatten)]
        listen: Listen,
    },
    /// Serve a project to anything that speaks PostgreSQL
    ///
    /// Starts even when a source is down: only the queries that need it fail. SIGHUP reads the files again, all or
    /// none; SIGTERM and SIGINT stop it.
    Serve {
        #[command(flatten)]
        project: Project,
        #[command(flatten)]
        listen: Listen,
    },
    /// Answer one query and exit
    Query {
        #[command(flatten)]
        project: Project,
        /// How to print the answer
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
        /// The SQL to run
        query: String,
    },
    /// Plan every statement and reach every source; fails if anything does
    Check {
        #[command(flatten)]
        project: Project,
    },
}

#[derive(Debug, Args)]
struct Project {
    /// The folder of *.sql files, read in name order; objects may be used before they are defined
    #[arg(long, value_name = "DIR")]
    sql: PathBuf,
    /// Where what is typed over the wire is kept [default: DIR/.onerow]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// How much memory queries may hold before they spill to disk, such as 512MB or 4GB
    #[arg(long, env = "ONEROW_MEMORY", default_value = "4GB", value_name = "SIZE", value_parser = bytes)]
    memory: usize,
}

#[derive(Debug, Args)]
struct Listen {
    /// Where to listen; an address other than loopback needs a password
    #[arg(long, env = "ONEROW_LISTEN", default_value = "127.0.0.1:6432", value_name = "HOST:PORT")]
    listen: String,
    /// A file that holds the password of the user onerow; or set ONEROW_PASSWORD
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A PEM file with the server's certificate chain
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// A PEM file with the certificate's key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How many clients may be connected at once
    #[arg(long, default_value_t = 100)]
    max_connections: usize,
    /// How many seconds running statements may go on after a signal to stop
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    grace: u64,
}

/// The command as clap knows it, for the reference.
pub fn command() -> clap::Command {
    CommandLine::command()
}

/// Reads the command line and the environment. A wrong command line exits with 2 after saying what is wrong.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Config> {
    let line = CommandLine::parse_from(arguments);
    let action = match line.command {
        Command::Demo { dir, seed, no_serve, listen } => {
            Action::Demo { folder: dir, seed, no_serve, serve: serve(listen)? }
        }
        Command::Serve { project, listen } => {
            let mut engine = engine(project)?;
            engine.start_from_state = true;
            Action::Serve { engine, serve: serve(listen)? }
        }
        Command::Query { project, format, query } => Action::Query { engine: engine(project)?, sql: query, format },
        Command::Check { project } => Action::Check { engine: engine(project)? },
    };
    Ok(Config { action, log_format: line.log_format, log_level: line.log })
}

fn engine(project: Project) -> Result<EngineConfig> {
    if !project.sql.is_dir() {
        return Err(Error::new(SqlState::CONFIG_FILE_ERROR, format!("\"{}\" is not a folder", project.sql.display()))
            .with_hint("Name the folder that holds your *.sql files with --sql."));
    }
    let state = project.state.unwrap_or_else(|| project.sql.join(".onerow"));
    Ok(EngineConfig {
        sql: Some(project.sql),
        state: Some(state),
        memory_limit: Some(project.memory),
        start_from_state: false,
    })
}

fn serve(listen: Listen) -> Result<ServeConfig> {
    let password = match listen.password_file {
        Some(path) => {
            let text = std::fs::read_to_string(&path).map_err(|e| {
                Error::new(SqlState::CONFIG_FILE_ERROR, format!("could not read \"{}\"", path.display()))
                    .with_detail(e.to_string())
            })?;
            Some(text.trim_end_matches(['\r', '\n']).to_string())
        }
        None => std::env::var("ONEROW_PASSWORD").ok(),
    };
    if password.as_deref() == Some("") {
        return Err(Error::new(SqlState::CONFIG_FILE_ERROR, "the password is empty"));
    }
    Ok(ServeConfig {
        listen: listen.listen,
        password,
        tls: listen.tls_cert.zip(listen.tls_key),
        max_connections: listen.max_connections.max(1),
        grace: Duration::from_secs(listen.grace),
    })
}

/// `512MB`, `4GB`, `1073741824`; units of 1024.
fn bytes(text: &str) -> std::result::Result<usize, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: usize = text[..split].parse().map_err(|_| "expected a number, such as 512MB".to_string())?;
    let shift = match text[split..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "kb" | "k" => 10,
        "mb" | "m" => 20,
        "gb" | "g" => 30,
        unit => return Err(format!("unknown unit {unit}; use kB, MB or GB")),
    };
    number
        .checked_shl(shift)
        .filter(|bytes| bytes >> shift == number && *bytes > 0)
        .ok_or_else(|| "out of range".to_string())
}
