//! What the command line and the environment mean, resolved and validated once.

mod command_line;
pub mod secrets;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::planner::mask::MaskKey;
use crate::wire::DoorConfig;

pub use command_line::{command, parse};

/// What the engine needs to know.
#[derive(Clone, Debug, Default)]
pub struct EngineConfig {
    /// The folder of SQL files; none for an empty project.
    pub sql: Option<PathBuf>,
    /// The state folder; none keeps nothing.
    pub state: Option<PathBuf>,
    /// How many bytes the query engine may hold; it spills to disk above. None is no limit.
    pub memory_limit: Option<usize>,
    /// How many bytes of that one statement may hold. None is all.
    pub query_memory: Option<usize>,
    /// Whether imported schemas are taken from the state first and refreshed behind.
    pub start_from_state: bool,
    /// The secret of masks with hash(), if there is one.
    pub mask_key: Option<MaskKey>,
}

/// Where what clients do is recorded.
#[derive(Clone)]
pub struct AuditConfig {
    /// The file.
    pub file: PathBuf,
    /// The secret of its chain.
    pub key: Vec<u8>,
    /// Whether the values of parameters are recorded too.
    pub parameters: bool,
}

impl fmt::Debug for AuditConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret is nobody's.
        f.debug_struct("AuditConfig").field("file", &self.file).field("parameters", &self.parameters).finish()
    }
}

/// How the wire is served.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// host:port
    pub listen: String,
    /// The owner's password, if one is configured.
    pub password: Option<String>,
    /// Who comes in, and how.
    pub door: DoorConfig,
    /// How many clients at once.
    pub max_connections: usize,
    /// How long running statements may go on after a signal to stop.
    pub grace: Duration,
    /// Where what clients do is recorded, if it is.
    pub audit: Option<AuditConfig>,
    /// Where metrics and health are told, as host:port, if they are.
    pub metrics: Option<String>,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Aligned columns, as psql prints them.
    Table,
    /// RFC 4180 with a header line.
    Csv,
    /// One JSON object a line.
    Json,
}

/// What to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Write the example, answer, then serve it.
    Demo {
        /// Where the example is written; a new temporary folder when none.
        folder: Option<PathBuf>,
        /// The generator's seed.
        seed: u64,
        /// Stop after the answer.
        no_serve: bool,
        /// How it is served.
        serve: ServeConfig,
    },
    /// Serve a project.
    Serve {
        /// The project.
        engine: EngineConfig,
        /// How it is served.
        serve: ServeConfig,
    },
    /// One answer.
    Query {
        /// The project.
        engine: EngineConfig,
        /// The statements.
        sql: String,
        /// How to print it.
        format: Format,
    },
    /// Tell whether an audit log is as it was written.
    VerifyAudit {
        /// The files, in the order in which they were written.
        files: Vec<PathBuf>,
        /// The secret of their chain.
        key: Vec<u8>,
        /// The end, as the server logged it.
        head: Option<String>,
    },
    /// Plan every statement, reach every source.
    Check {
        /// The project.
        engine: EngineConfig,
    },
}

/// How the server logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A line of text for a person.
    Text,
    /// A line of JSON for a machine.
    Json,
}

/// Everything that the command line and the environment say.
#[derive(Clone, Debug)]
pub struct Config {
    /// What to do.
    pub action: Action,
    /// How the server logs.
    pub log_format: LogFormat,
    /// What the server logs: `error`, `warn`, `info`, `debug`, `trace`, or by module.
    pub log_level: String,
}
