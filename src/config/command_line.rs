//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};

use super::{Action, AuditConfig, Config, EngineConfig, Format, LogFormat, ServeConfig};
use crate::error::{Error, Result, SqlState};
use crate::planner::mask::MaskKey;
use crate::wire::DoorConfig;

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
    /// none, certificates and rules too; SIGTERM and SIGINT stop it.
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
    /// What was recorded by serve --audit-log
    #[command(subcommand)]
    Audit(Audit),
    /// Plan every statement and reach every source; fails if anything does
    Check {
        #[command(flatten)]
        project: Project,
    },
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Tell whether an audit log is as it was written; fails if a record was changed, left out, moved or cut off
    Verify {
        /// The log; several files, of which the older come first, are one log
        #[arg(long, value_name = "FILE", required = true)]
        audit_log: Vec<PathBuf>,
        /// A file that holds the secret that the log was written with; or set ONEROW_AUDIT_KEY
        #[arg(long, value_name = "FILE")]
        audit_key_file: Option<PathBuf>,
        /// The end of the log, as the server logged it on stderr: without it nobody can tell whether the end was cut off
        #[arg(long, value_name = "NUMBER:CODE")]
        head: Option<String>,
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
    /// How much of that one statement may hold [default: three quarters]
    #[arg(long, env = "ONEROW_QUERY_MEMORY", value_name = "SIZE", value_parser = bytes)]
    query_memory: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum TlsMode {
    /// A client that does not encrypt is refused
    Required,
    /// A client may encrypt
    Allowed,
}

#[derive(Debug, Args)]
struct Listen {
    /// Where to listen; an address other than loopback needs a password, or rules, and TLS
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
    /// A PEM file with the certificates of those who sign the certificates of clients
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// Whether clients must encrypt [default: allowed on a loopback address, required on any other]
    #[arg(long, value_enum)]
    tls: Option<TlsMode>,
    /// A file of rules that say who may connect from where and how, in the form of pg_hba.conf
    #[arg(long, value_name = "FILE")]
    hba: Option<PathBuf>,
    /// How many clients may be connected at once
    #[arg(long, default_value_t = 100)]
    max_connections: usize,
    /// How many seconds running statements may go on after a signal to stop
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    grace: u64,
    /// Tell metrics (/metrics, for Prometheus) and health (/health) over HTTP, without encryption, to whoever asks
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,
    /// Record every session and statement in this file; what cannot be recorded is refused
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// A file that holds the secret that the records are chained with; or set ONEROW_AUDIT_KEY
    #[arg(long, value_name = "FILE", requires = "audit_log")]
    audit_key_file: Option<PathBuf>,
    /// Record the values of parameters too
    #[arg(long, requires = "audit_log")]
    audit_parameters: bool,
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
        Command::Audit(Audit::Verify { audit_log, audit_key_file, head }) => {
            Action::VerifyAudit { files: audit_log, key: audit_key(audit_key_file)?, head }
        }
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
        query_memory: Some(project.query_memory.unwrap_or(project.memory - project.memory / 4)),
        start_from_state: false,
        mask_key: std::env::var("ONEROW_MASK_KEY").ok().map(|secret| MaskKey::new(&secret)).transpose()?,
    })
}

fn serve(listen: Listen) -> Result<ServeConfig> {
    let password = match listen.password_file {
        Some(path) => Some(secret_of(&path)?),
        None => std::env::var("ONEROW_PASSWORD").ok(),
    };
    if password.as_deref() == Some("") {
        return Err(Error::new(SqlState::CONFIG_FILE_ERROR, "the password is empty"));
    }
    let audit = match listen.audit_log {
        Some(file) => {
            let key = audit_key(listen.audit_key_file)?;
            Some(AuditConfig { file, key, parameters: listen.audit_parameters })
        }
        None => None,
    };
    Ok(ServeConfig {
        listen: listen.listen,
        password,
        door: DoorConfig {
            tls: listen.tls_cert.zip(listen.tls_key),
            client_ca: listen.tls_client_ca,
            tls_required: listen.tls.map(|tls| tls == TlsMode::Required),
            hba: listen.hba,
        },
        max_connections: listen.max_connections.max(1),
        grace: Duration::from_secs(listen.grace),
        audit,
        metrics: listen.metrics,
    })
}

/// A file's text without its last line ends.
fn secret_of(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::new(SqlState::CONFIG_FILE_ERROR, format!("could not read \"{}\"", path.display()))
            .with_detail(e.to_string())
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_string())
}

/// The secret of the audit log.
fn audit_key(file: Option<PathBuf>) -> Result<Vec<u8>> {
    let key = match file {
        Some(path) => Some(secret_of(&path)?),
        None => std::env::var("ONEROW_AUDIT_KEY").ok(),
    };
    key.map(String::into_bytes).ok_or_else(|| {
        Error::new(SqlState::CONFIG_FILE_ERROR, "the audit log needs a key")
            .with_hint("Name a file that holds one with --audit-key-file, or set ONEROW_AUDIT_KEY.")
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
