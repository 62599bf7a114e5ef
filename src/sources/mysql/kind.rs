//! The kind `mysql` and its options.

use std::sync::Arc;
use std::time::Duration;

use super::connect;
use super::dialect::MysqlDialect;
use super::pool::{Limits, Pool};
use super::source::MysqlSource;
use crate::error::Result;
use crate::federation::cleaning::NORMALISED_DOC;
use crate::sources::guard;
use crate::sources::kind::{ServerSpec, Source, SourceKind};
use crate::sources::options::{OptionPlace, OptionSpec, invalid};
use crate::sources::statement::RawQueries;
use crate::sources::zone::zone_option;

/// MySQL and MariaDB, read over TCP.
#[derive(Debug)]
pub struct Mysql;

const fn option(place: OptionPlace, name: &'static str, default: &'static str, doc: &'static str) -> OptionSpec {
    OptionSpec { name, place, secret: false, default, doc }
}

const OPTIONS: &[OptionSpec] = &[
    option(OptionPlace::Server, "host", "localhost", "Host name or address; connections are made by TCP."),
    option(OptionPlace::Server, "port", "3306", "TCP port."),
    option(OptionPlace::Server, "dbname", "none", "Database of tables and queries that name none."),
    option(
        OptionPlace::Server,
        "ssl_mode",
        "disabled",
        "disabled, required (encrypted, any certificate) or verify_identity (the certificate must be trusted and bear \
         the host name).",
    ),
    option(OptionPlace::Server, "ssl_ca", "Mozilla's list", "File of certificates to trust instead, in PEM."),
    option(OptionPlace::Server, "ssl_cert", "none", "File of the client's own certificate, in PEM."),
    option(OptionPlace::Server, "ssl_key", "none", "File of the client's private key, in PEM, not encrypted."),
    option(OptionPlace::Server, "ssl_hostname", "host", "Name that the server's certificate must bear."),
    option(OptionPlace::Server, "connect_timeout", "10s", "How long making a connection may take."),
    option(OptionPlace::Server, "max_connections", "8", "How many connections may be open at once."),
    option(OptionPlace::Server, "acquire_timeout", "30s", "How long a query may wait for a free connection."),
    option(
        OptionPlace::Server,
        "parallel_reads",
        "1",
        "By how many connections at most a large table is read, by ranges of its primary key and not in one snapshot.",
    ),
    option(OptionPlace::Server, "statement_timeout", "none", "How long the server may work on one query."),
    guard::MAX_STATEMENTS,
    guard::MAX_ROWS,
    guard::MAX_BYTES,
    guard::MAX_TIME,
    guard::BREAKER_FAILURES,
    guard::BREAKER_PAUSE,
    option(OptionPlace::Server, "timezone", "none", "Zone of DATETIME columns, which then read as timestamptz."),
    RawQueries::READING_OPTION,
    option(OptionPlace::UserMapping, "username", "none", "User name at the server."),
    OptionSpec {
        name: "password",
        place: OptionPlace::UserMapping,
        secret: true,
        default: "none",
        doc: "Password at the server.",
    },
    option(OptionPlace::Table, "dbname", "the server's dbname", "Database that the table is in."),
    option(OptionPlace::Table, "table_name", "the foreign table's name", "Name of the table at the server."),
    option(OptionPlace::Table, "timezone", "the server's timezone", "Zone of this table's DATETIME columns."),
    option(OptionPlace::Column, "column_name", "the column's name", "Name of the column at the server."),
    option(OptionPlace::Column, "normalised", "none", NORMALISED_DOC),
];

impl SourceKind for Mysql {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn description(&self) -> &'static str {
        "Tables and views of a MySQL or MariaDB server."
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn open(&self, server: ServerSpec) -> Result<Arc<dyn Source>> {
        let options = &server.options;
        let max_connections: usize = options.parsed("max_connections", 8)?;
        if max_connections == 0 {
            return Err(invalid("max_connections", "is less than 1"));
        }
        let limits = Limits {
            max_connections,
            connect_timeout: options.duration("connect_timeout", Duration::from_secs(10))?,
            acquire_timeout: options.duration("acquire_timeout", Duration::from_secs(30))?,
            statement_timeout: options.duration("statement_timeout", Duration::ZERO)?,
        };
        let zone = zone_option(options)?;
        let parallel: usize = options.parsed("parallel_reads", 1)?;
        if !(1..=64).contains(&parallel) {
            return Err(invalid("parallel_reads", "is not a number from 1 to 64"));
        }
        // No read is given more than half of the connections besides its first.
        let parallel = parallel.min(max_connections - max_connections / 2);
        let database = options.get("dbname").map(str::to_string);
        let raw = RawQueries::of(options, false)?;
        let pool = Pool::new(&server.name, connect::driver_options(&server)?, limits);
        let dialect = MysqlDialect::new(database).with_windows(pool.windows());
        Ok(Arc::new(MysqlSource::new(server.name, Arc::new(pool), dialect, zone, parallel, raw)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SqlState;
    use crate::sources::options::Options;

    fn open(options: &[(&str, &str)]) -> Result<Arc<dyn Source>> {
        let options: Options = options.iter().copied().collect();
        Mysql.open(ServerSpec { name: "s".into(), options, user: Options::new(), folder: ".".into(), sockets: None })
    }

    #[test]
    fn bad_values_are_refused_at_once() {
        assert!(open(&[]).is_ok());
        for option in [
            ("port", "x"),
            ("max_connections", "0"),
            ("parallel_reads", "0"),
            ("ssl_mode", "verify_ca"),
            ("ssl_ca", "ca.pem"),
            ("timezone", "Mars"),
            ("connect_timeout", "soon"),
            ("raw_queries", "all"),
        ] {
            let error = open(&[option]).err().map(|e| e.state());
            assert_eq!(error, Some(SqlState::FDW_INVALID_ATTRIBUTE_VALUE), "{option:?}");
        }
    }
}
