//! What a connection does, as metrics count it and the audit log records it. Without a log recording costs nothing.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, Schema};

use super::connection::Connection;
use super::errors::Failure;
use super::rows::Rows;
use super::script::{Direction, Fetch};
use crate::audit::{Entry, Settled};
use crate::catalog::definitions::quote_identifier;
use crate::engine::Parameter;
use crate::error::{Result, SqlState};
use crate::values::text_values;

impl Connection {
    /// Has the statement that runs next recorded. `command` says how it came, where not by itself.
    pub(super) fn record(&mut self, command: Option<String>, text: &str, values: &[Parameter]) {
        self.show_opened(text);
        let Some(trail) = &self.trail else { return };
        let values = trail.has_parameters().then(|| shown(values));
        let entry = trail.statement(command, text, values);
        self.session.audit(Some(Arc::clone(&entry)));
        self.entry = Some(entry);
    }

    /// Records a statement that is answered here.
    pub(super) async fn record_own(&mut self, command: String) -> Result<(), Failure> {
        let Some(trail) = &self.trail else { return Ok(()) };
        let entry = trail.statement(None, &command, None);
        self.entry = Some(Arc::clone(&entry));
        Ok(entry.begin(Default::default()).await?)
    }

    /// Records that rows of a cursor are taken, which reads what its query reads.
    pub(super) async fn record_rows(&mut self, command: String, text: &str, of: Option<&Entry>) -> Result<(), Failure> {
        let Some(trail) = &self.trail else { return Ok(()) };
        let entry = trail.statement(Some(command), text, None);
        self.entry = Some(Arc::clone(&entry));
        Ok(entry.begin(of.map(Entry::touched).unwrap_or_default()).await?)
    }

    /// Counts a statement that has ended well, and records that before the client hears of it. An error (58030) is told
    /// instead.
    pub(super) async fn recorded(&mut self, tag: &str) -> Result<(), Failure> {
        self.recorded_part(tag).await?;
        self.shared.metrics.ended(SqlState("00000"));
        Ok(())
    }

    /// Records the end of what a statement has run as a part of it.
    pub(super) async fn recorded_part(&mut self, tag: &str) -> Result<(), Failure> {
        match self.entry.take() {
            Some(entry) => Ok(entry.end(Settled::Done(tag)).await?),
            None => Ok(()),
        }
    }

    /// Records why a statement, or what should have been one, has failed.
    pub(super) async fn record_failure(&mut self, failure: &Failure) {
        let state = match failure {
            Failure::Statement(error) | Failure::Fatal(error) => error.state(),
            Failure::Gone => SqlState::CONNECTION_FAILURE,
            Failure::Shutdown => SqlState::ADMIN_SHUTDOWN,
        };
        self.shared.metrics.ended(state);
        let Some(trail) = &self.trail else { return };
        self.session.audit(None);
        let entry = match (self.entry.take(), self.said.take()) {
            (Some(entry), _) => entry,
            (None, Some(said)) => trail.statement(None, &said, None),
            (None, None) => return,
        };
        if let Err(error) = entry.end(Settled::Failed(state)).await {
            tracing::error!(%error, "the end of a statement was not recorded");
        }
    }

    /// Has the rows of the statement that runs counted, and limited as the session wants.
    pub(super) fn account(&self, rows: &mut Rows) {
        rows.entry = self.entry.clone();
        rows.metrics = Some(Arc::clone(&self.shared.metrics));
        rows.most = self.most_rows();
    }

    /// How many rows a result may have.
    pub(super) fn most_rows(&self) -> Option<u64> {
        self.session.setting("onerow.max_result_rows")?.parse().ok().filter(|most| *most > 0)
    }

    /// Keeps the text that a message is about, for what fails before there is a statement.
    pub(super) fn says(&mut self, text: impl FnOnce(&Connection) -> Option<String>) {
        if self.trail.is_some() {
            self.said = text(self);
        }
    }
}

/// FETCH and MOVE, in words.
pub(super) fn fetch_words(fetch: &Fetch) -> String {
    let verb = if fetch.moves { "MOVE" } else { "FETCH" };
    let count = |count: Option<i64>| count.map_or_else(|| "ALL".to_string(), |count| count.to_string());
    let which = match fetch.direction {
        Direction::Forward(rows) => count(rows),
        Direction::Backward(rows) => format!("BACKWARD {}", count(rows)),
        Direction::Absolute(row) => format!("ABSOLUTE {row}"),
        Direction::Relative(row) => format!("RELATIVE {row}"),
    };
    format!("{verb} {which} FROM {}", quote_identifier(&fetch.cursor))
}

/// The values of parameters as text; what has no text is left out.
fn shown(values: &[Parameter]) -> Vec<Option<String>> {
    let text = |parameter: &Parameter| -> Result<Option<String>> {
        let array = parameter.value.to_array()?;
        let field: Field = parameter.kind.field("value", true);
        // A numeric has the digits of its value.
        let field = if field.data_type() == array.data_type() {
            field
        } else {
            Field::new("value", array.data_type().clone(), true)
        };
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array])?;
        Ok(text_values(&batch, "UTC")?.pop().and_then(|mut row| row.pop()).flatten())
    };
    values.iter().map(|value| text(value).unwrap_or_else(|error| Some(format!("({})", error.message())))).collect()
}
