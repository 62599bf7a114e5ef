//! The kind `sqlite` and its options.

use std::sync::Arc;
use std::time::Duration;

use super::connect::Database;
use super::source::SqliteSource;
use crate::error::{Error, Result, SqlState};
use crate::federation::cleaning::NORMALISED_DOC;
use crate::sources::guard;
use crate::sources::kind::{ServerSpec, Source, SourceKind};
use crate::sources::options::{OptionPlace, OptionSpec, invalid};
use crate::sources::statement::RawQueries;
use crate::sources::zone::zone_option;

/// A database file of SQLite.
#[derive(Debug)]
pub struct Sqlite;

const fn option(place: OptionPlace, name: &'static str, default: &'static str, doc: &'static str) -> OptionSpec {
    OptionSpec { name, place, secret: false, default, doc }
}

const OPTIONS: &[OptionSpec] = &[
    option(OptionPlace::Server, "database", "required", "Path of the database file."),
    option(OptionPlace::Server, "busy_timeout", "5s", "How long to wait for a writer that locks the file."),
    option(OptionPlace::Server, "max_connections", "4", "How many tables may be read at once."),
    option(OptionPlace::Server, "acquire_timeout", "30s", "How long a query may wait until another ends."),
    guard::MAX_STATEMENTS,
    guard::MAX_ROWS,
    guard::MAX_BYTES,
    guard::MAX_TIME,
    guard::BREAKER_FAILURES,
    guard::BREAKER_PAUSE,
    option(
        OptionPlace::Server,
        "timezone",
        "none",
        "Zone of dates with time that bear none, which then read as timestamptz.",
    ),
    RawQueries::READING_OPTION,
    option(OptionPlace::Table, "table", "the foreign table's name", "Name of the table in the file."),
    option(OptionPlace::Table, "timezone", "the server's timezone", "Zone of this table's dates with time."),
    option(OptionPlace::Column, "column_name", "the column's name", "Name of the column in the file."),
    option(OptionPlace::Column, "normalised", "none", NORMALISED_DOC),
];

impl SourceKind for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn description(&self) -> &'static str {
        "Tables and views of an SQLite database file."
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn open(&self, server: ServerSpec) -> Result<Arc<dyn Source>> {
        let options = &server.options;
        let max_connections: usize = options.parsed("max_connections", 4)?;
        if max_connections == 0 {
            return Err(invalid("max_connections", "is less than 1"));
        }
        // An absolute path is never taken for a URI.
        let path = std::path::absolute(server.folder.join(options.require("database")?)).map_err(|e| {
            Error::new(SqlState::FDW_INVALID_ATTRIBUTE_VALUE, "invalid value for option \"database\": it is no path")
                .with_detail(format!("{e}."))
        })?;
        let busy_timeout = options.duration("busy_timeout", Duration::from_secs(5))?;
        let acquire_timeout = options.duration("acquire_timeout", Duration::from_secs(30))?;
        let zone = zone_option(options)?;
        let raw = RawQueries::of(options, false)?;
        let database = Database::new(server.name, path, max_connections, busy_timeout, acquire_timeout);
        Ok(Arc::new(SqliteSource::new(Arc::new(database), zone, raw)))
    }
}
