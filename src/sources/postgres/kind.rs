//! The kind's name, its options, and how a server is opened.

use std::sync::Arc;

use super::source::PostgresSource;
use crate::error::Result;
use crate::federation::cleaning::NORMALISED_DOC;
use crate::sources::guard;
use crate::sources::kind::{ServerSpec, Source, SourceKind};
use crate::sources::options::{OptionPlace, OptionSpec};
use crate::sources::statement::RawQueries;

/// PostgreSQL 10 and later, read-only.
#[derive(Clone, Copy, Debug)]
pub struct Postgres;

const OPTIONS: &[OptionSpec] = &[
    server("host", "localhost", "The host name, the IP address, or the folder of a Unix socket."),
    server("hostaddr", "", "The IP address to connect to; host is then only the name that the certificate must bear."),
    server("port", "5432", "The TCP port."),
    server("dbname", "the user's name", "The database."),
    server(
        "sslmode",
        "prefer",
        "How TLS is used: disable, prefer, require, verify-ca or verify-full; require checks the certificate as \
         verify-ca does when sslrootcert is given.",
    ),
    server(
        "sslrootcert",
        "system",
        "A PEM file of the certificates to trust, or system for those of the operating system.",
    ),
    server("sslcert", "", "A PEM file of the client's certificate; a user mapping's own comes first."),
    server("sslkey", "", "A PEM file of the client's key, not encrypted; a user mapping's own comes first."),
    server("connect_timeout", "10s", "How long connecting and logging in may take; 0 waits without end."),
    server("application_name", "onerow", "The name that pg_stat_activity shows at the source."),
    server("options", "", "Command-line options for the session, such as -c search_path=app."),
    server("max_connections", "8", "The greatest number of connections that are open at a time."),
    server("acquire_timeout", "30s", "How long a query waits for a free connection before it fails."),
    server(
        "parallel_reads",
        "the number of cores",
        "By how many connections at most a large table is read, in one snapshot; 1 reads each by one.",
    ),
    server("statement_timeout", "0", "How long the source may work on one statement; 0 sets no limit."),
    guard::MAX_STATEMENTS,
    guard::MAX_ROWS,
    guard::MAX_BYTES,
    guard::MAX_TIME,
    guard::BREAKER_FAILURES,
    guard::BREAKER_PAUSE,
    server("timezone", "", "The zone of timestamps without one, such as Europe/Paris: they become timestamptz."),
    RawQueries::OPTION,
    OptionSpec {
        name: "user",
        place: OptionPlace::UserMapping,
        secret: false,
        default: "required",
        doc: "The role to log in as.",
    },
    OptionSpec {
        name: "password",
        place: OptionPlace::UserMapping,
        secret: true,
        default: "",
        doc: "The role's password.",
    },
    OptionSpec {
        name: "sslcert",
        place: OptionPlace::UserMapping,
        secret: false,
        default: "",
        doc: "A PEM file of the client's certificate.",
    },
    OptionSpec {
        name: "sslkey",
        place: OptionPlace::UserMapping,
        secret: false,
        default: "",
        doc: "A PEM file of the client's key, not encrypted.",
    },
    OptionSpec {
        name: "schema_name",
        place: OptionPlace::Table,
        secret: false,
        default: "public",
        doc: "The table's schema at the source.",
    },
    OptionSpec {
        name: "table_name",
        place: OptionPlace::Table,
        secret: false,
        default: "the foreign table's name",
        doc: "The table's name at the source.",
    },
    OptionSpec {
        name: "timezone",
        place: OptionPlace::Table,
        secret: false,
        default: "the server's",
        doc: "The zone of this table's timestamps without one.",
    },
    OptionSpec {
        name: "column_name",
        place: OptionPlace::Column,
        secret: false,
        default: "the column's name",
        doc: "The column's name at the source.",
    },
    OptionSpec { name: "normalised", place: OptionPlace::Column, secret: false, default: "none", doc: NORMALISED_DOC },
];

const fn server(name: &'static str, default: &'static str, doc: &'static str) -> OptionSpec {
    OptionSpec { name, place: OptionPlace::Server, secret: false, default, doc }
}

impl SourceKind for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn description(&self) -> &'static str {
        "Tables and views of a PostgreSQL database, read as they are now."
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn open(&self, server: ServerSpec) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(PostgresSource::open(&server)?))
    }
}
