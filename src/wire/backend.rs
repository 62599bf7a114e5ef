//! The messages that a client is sent, other than rows.

use datafusion::arrow::datatypes::Schema;
use pgwire::messages::Message;
use pgwire::messages::data::{FieldDescription, ParameterDescription, RowDescription};
use pgwire::messages::response::{CommandComplete, ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::ParameterStatus;

use super::errors::{self, Severity};
use super::transport::Transport;
use crate::catalog::types::{PgType, VOID_OID, is_void};
use crate::engine::TransactionState;
use crate::error::{Error, Result, SqlState};
use crate::planner::origins;
use crate::values::Format;

/// The most columns that a row may have, as in Postgres.
const MAX_COLUMNS: usize = 1_664;
/// The longest value of a setting that is reported to clients.
const MAX_STATUS: usize = 10_000;

impl Transport {
    /// Adds a message to the output. After an error nothing was added.
    pub fn put(&mut self, message: &impl Message) -> Result<()> {
        let start = self.output.len();
        message.encode(&mut self.output).map_err(|error| {
            self.output.truncate(start);
            Error::internal(format!("a message could not be sent: {error}"))
        })
    }

    /// Adds an error. One that cannot be written is left out: the client learns of it by what follows.
    pub fn put_error(&mut self, error: &Error, severity: Severity) {
        if let Err(error) = self.put(&errors::response(error, severity)) {
            tracing::warn!(%error, "an error could not be sent");
        }
    }

    /// Adds what a statement did.
    pub fn put_complete(&mut self, tag: String) -> Result<()> {
        self.put(&CommandComplete::new(tag))
    }

    /// Adds a setting's value. A value that is too long to report is left out, as one with a zero byte.
    pub fn put_setting(&mut self, name: &str, value: &str) -> Result<()> {
        if value.len() > MAX_STATUS || value.contains('\0') {
            return Ok(());
        }
        self.put(&ParameterStatus::new(name.to_string(), value.to_string()))
    }

    /// Adds that the next query may come.
    pub fn put_ready(&mut self, state: TransactionState) -> Result<()> {
        self.put(&ReadyForQuery::new(match state {
            TransactionState::Idle => TransactionStatus::Idle,
            TransactionState::InBlock => TransactionStatus::Transaction,
            TransactionState::Failed => TransactionStatus::Error,
        }))
    }

    /// Adds the types of a statement's parameters.
    pub fn put_parameters(&mut self, types: Vec<u32>) -> Result<()> {
        self.put(&ParameterDescription::new(types))
    }

    /// Adds the names and types of a result's columns; one format each.
    pub fn put_columns(&mut self, schema: &Schema, formats: &[Format]) -> Result<()> {
        if schema.fields().len() > MAX_COLUMNS {
            return Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                format!("target lists can have at most {MAX_COLUMNS} entries"),
            ));
        }
        let fields = schema.fields().iter().zip(formats).map(|(field, format)| {
            let kind = PgType::of_field(field);
            let format = match format {
                Format::Text => 0,
                Format::Binary => 1,
            };
            let name = field.name().replace('\0', "\u{FFFD}");
            let (relation, column) = origins::of_field(field);
            let (oid, length) = if is_void(field) { (VOID_OID, 4) } else { (kind.oid(), kind.typlen()) };
            let typmod = origins::typmod_of_field(field).unwrap_or_else(|| kind.typmod());
            FieldDescription::new(name, relation, column, oid, length, typmod, format)
        });
        self.put(&RowDescription::new(fields.collect()))
    }
}

/// The command tag of a statement that gave rows.
pub(super) fn tag(verb: &str, rows: u64) -> String {
    match verb {
        "SELECT" | "FETCH" | "MOVE" | "UPDATE" | "DELETE" | "MERGE" | "COPY" => format!("{verb} {rows}"),
        "INSERT" => format!("INSERT 0 {rows}"),
        other => other.to_string(),
    }
}
