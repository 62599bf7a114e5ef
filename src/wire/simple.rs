//! The simple protocol: a text with any number of statements, answered as text.

use std::sync::Arc;

use pgwire::messages::response::EmptyQueryResponse;

use super::backend::tag;
use super::connection::Connection;
use super::errors::Failure;
use super::portal::Prepared;
use super::rows::{FLUSH_SIZE, Rows};
use super::running::{Begun, Started, watch};
use super::script::Command;
use crate::engine::Parameter;
use crate::values::Format;

impl Connection {
    /// Runs every statement in order and stops at the first that fails. A text that does not parse runs nothing.
    pub(super) async fn query(&mut self, sql: String) -> Result<(), Failure> {
        self.statements.remove("");
        self.portals.remove("");
        let commands = self.parse_text(sql).await?;
        if commands.is_empty() {
            self.wire.put(&EmptyQueryResponse::new())?;
        }
        let several = commands.len() > 1;
        for command in commands {
            if several {
                self.session.begin_text();
            }
            match command {
                Command::Run(ref statement) => {
                    self.hold_cursors(statement).await?;
                    self.record(None, &statement.text, &[]);
                    self.run_text(Arc::new(Prepared::new(command, Vec::new())), Vec::new()).await?;
                }
                Command::Declare { name, kind, query } => {
                    self.declare(&name, kind, &query, Vec::new(), Vec::new()).await?;
                }
                Command::Fetch(fetch) => self.fetch(&fetch, None).await?,
                Command::Prepare { name, types, statement } => self.prepare_text(&name, &types, &statement).await?,
                Command::Execute(execute) => {
                    let (prepared, values) = self.resolve(&execute).await?;
                    self.record_execute(&execute, &prepared, &values);
                    self.run_text(prepared, values).await?;
                }
                Command::Copy(copy) => self.copy(&copy).await?,
                own => self.run_own(&own).await?,
            }
            if self.wire.output.len() >= FLUSH_SIZE {
                self.wire.flush_until(&self.shared.ending).await?;
            }
            self.since = None;
        }
        if self.session.is_in_text() {
            self.keep_held().await?;
            self.end_text(true)?;
        }
        Ok(())
    }

    async fn run_text(&mut self, prepared: Arc<Prepared>, values: Vec<Parameter>) -> Result<(), Failure> {
        let leash = self.leash().of(&prepared.command);
        let _running = self.slot.run(&leash.cancel);
        let session = Arc::clone(&self.session);
        let mut started = Started::new(&self.shared.workers, session, prepared, values, &leash)?;
        let begun = watch(&mut self.wire, &self.shared.ending, &leash, started.begun()).await?;
        self.put_notices()?;
        match begun {
            Begun::Done { tag } => {
                self.recorded(&tag).await?;
                self.finish(tag)
            }
            Begun::Rows { schema, verb } => {
                self.wire.put_columns(&schema, &vec![Format::Text; schema.fields().len()])?;
                let mut rows = Rows::new(&schema, started.batches, verb, None, &[], self.zone(), leash)?;
                self.account(&mut rows);
                let sent = rows.send(&mut self.wire, &self.shared.ending, None).await?;
                self.put_notices()?;
                let tag = tag(verb, sent.rows);
                self.recorded(&tag).await?;
                Ok(self.wire.put_complete(tag)?)
            }
        }
    }
}
