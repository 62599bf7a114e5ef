//! The kind itself: its name and its options.

use std::sync::Arc;

use super::source::FilesSource;
use crate::error::Result;
use crate::sources::guard;
use crate::sources::kind::{ServerSpec, Source, SourceKind};
use crate::sources::options::{OptionPlace, OptionSpec};

/// `FOREIGN DATA WRAPPER files`
#[derive(Clone, Copy, Debug)]
pub struct Files;

impl SourceKind for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn description(&self) -> &'static str {
        "CSV, JSON and Parquet files in a folder, in S3, Google Cloud Storage or Azure, or on a web server"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn open(&self, server: ServerSpec) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(FilesSource::open(&server)?))
    }
}

const fn option(place: OptionPlace, name: &'static str, default: &'static str, doc: &'static str) -> OptionSpec {
    OptionSpec { name, place, secret: false, default, doc }
}

const fn server(name: &'static str, default: &'static str, doc: &'static str) -> OptionSpec {
    option(OptionPlace::Server, name, default, doc)
}

const fn user(name: &'static str, doc: &'static str) -> OptionSpec {
    option(OptionPlace::UserMapping, name, "none", doc)
}

const fn secret(name: &'static str, doc: &'static str) -> OptionSpec {
    OptionSpec { name, place: OptionPlace::UserMapping, secret: true, default: "none", doc }
}

const fn column(name: &'static str, default: &'static str, doc: &'static str) -> OptionSpec {
    option(OptionPlace::Column, name, default, doc)
}

/// Options of a table alone, and those that an import gives to all of its tables too.
macro_rules! options {
    ([$($own:expr),+ $(,)?], $(($name:literal, $default:literal, $doc:literal)),+ $(,)?) => {
        &[
            $($own,)+
            $(option(OptionPlace::Table, $name, $default, $doc),)+
            $(option(OptionPlace::Import, $name, $default, $doc),)+
        ]
    };
}

const OPTIONS: &[OptionSpec] = options!(
    [
        server(
            "location",
            "required",
            "A folder, or a URL of file, s3, gs, az, abfss, http or https; tables' paths are relative to it.",
        ),
        server("endpoint", "the provider's", "The URL of an S3-compatible or other store of one's own."),
        server("region", "us-east-1", "The S3 bucket's region."),
        server("allow_http", "false", "Whether an endpoint or credentials may go over HTTP without encryption."),
        server("path_style", "true", "Whether the S3 bucket is named in the path, not in the host."),
        server("anonymous", "false", "Whether requests are sent without credentials."),
        server("connect_timeout", "5s", "How long a connection may take to be made."),
        server("timeout", "30s", "How long one request may take; large files are read by many."),
        server("retries", "3", "How often a request that failed is sent again."),
        server("acquire_timeout", "30s", "How long a query may wait for its turn where max_statements is set."),
        guard::MAX_STATEMENTS,
        guard::MAX_ROWS,
        guard::MAX_BYTES,
        guard::MAX_TIME,
        guard::BREAKER_FAILURES,
        guard::BREAKER_PAUSE,
        server("timezone", "UTC", "The time zone of times without an offset; a table's own comes first."),
        user("access_key_id", "The S3 access key's id."),
        secret("secret_access_key", "The S3 access key."),
        secret("session_token", "The S3 session's token."),
        user("account", "The Azure storage account."),
        secret("account_key", "The Azure storage account's key."),
        secret("sas_token", "An Azure shared access signature."),
        secret("service_account_key", "A Google service account's key, as JSON."),
        secret("token", "A bearer token, for a web server, Google or Azure."),
        user("username", "The name for a web server's basic authentication."),
        secret("password", "The password for a web server's basic authentication."),
        option(
            OptionPlace::Table,
            "path",
            "the whole location",
            "A file, a folder, or a pattern with *, ?, [a-z], {a,b} and ** for any folders.",
        ),
        column("column_name", "the column's name", "The column's name in the file."),
        column("pointer", "/ and the name", "A JSON pointer to the column's value, such as /address/city."),
        column("force_null", "false", "Whether a quoted CSV field that holds what nulls hold is null too."),
        column("force_not_null", "false", "Whether no CSV field is null."),
    ],
    ("format", "by extension", "csv, tsv, json, jsonl, ndjson or parquet."),
    ("header", "true", "Whether a CSV file's first record holds the names; without, columns count by position."),
    ("delimiter", ",", "The one-byte character between CSV fields; \\t for a tab."),
    ("quote", "\"", "The one-byte character around CSV fields; empty for none."),
    ("escape", "the quote", "The one-byte character before a quote within quotes."),
    ("null", "empty", "What an unquoted CSV field holds that is null."),
    ("comment", "none", "The one-byte character that begins a CSV line to skip."),
    ("encoding", "utf8", "utf8, latin1 or windows-1252."),
    ("compression", "auto", "none, gzip, zstd, or auto by .gz and .zst."),
    (
        "partitions",
        "what all files have",
        "The key=value folders that are columns, with commas between; empty for none."
    ),
    ("timezone", "the server's", "The time zone of times without an offset, such as Europe/Berlin."),
    ("infer_rows", "1000", "How many rows column types are inferred from."),
);
