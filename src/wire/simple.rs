//! The simple protocol: a text with any number of statements, answered as text.

use tokio_util::sync::CancellationToken;

use pgwire::messages::response::EmptyQueryResponse;

use super::backend::tag;
use super::connection::Connection;
use super::encode::Format;
use super::errors::Failure;
use super::rows::{Rows, watch};
use crate::engine::{Outcome, Statement};

impl Connection {
    /// Runs every statement in order and stops at the first that fails. A text that does not parse runs nothing.
    pub(super) async fn query(&mut self, sql: &str) -> Result<(), Failure> {
        self.statements.remove("");
        self.portals.remove("");
        let mut empty = true;
        for statement in self.parse_text(sql)? {
            if !statement.is_empty() {
                empty = false;
                self.run_text(&statement).await?;
            }
        }
        if empty {
            self.wire.put(&EmptyQueryResponse::new())?;
        }
        Ok(())
    }

    async fn run_text(&mut self, statement: &Statement) -> Result<(), Failure> {
        let cancel = CancellationToken::new();
        let _running = self.slot.run(&cancel);
        let work = Box::pin(self.session.run(statement, Vec::new(), cancel.clone()));
        let outcome = watch(&mut self.wire, &self.shared.ending, &cancel, work).await??;
        self.put_notices()?;
        match outcome {
            Outcome::Done { tag } => self.finish(tag),
            Outcome::Rows { schema, stream, verb } => {
                self.wire.put_columns(&schema, &vec![Format::Text; schema.fields().len()])?;
                let mut rows = Rows::new(&schema, stream, verb, None, &[], self.zone(), cancel)?;
                let sent = rows.send(&mut self.wire, &self.shared.ending, None).await?;
                Ok(self.wire.put_complete(tag(verb, sent.rows))?)
            }
        }
    }
}
