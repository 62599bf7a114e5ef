//! The extended protocol: statements that are prepared, bound to values and run in pieces.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use pgwire::messages::data::NoData;
use pgwire::messages::extendedquery::{BindComplete, CloseComplete, ParseComplete, PortalSuspended};
use pgwire::messages::response::EmptyQueryResponse;

use super::auditing::fetch_words;
use super::backend::tag;
use super::connection::Connection;
use super::cursor_place::Place;
use super::data_row::spread;
use super::errors::{Failure, canceled};
use super::frontend::{Bind, Target};
use super::portal::{Portal, Prepared, Progress};
use super::rows::Rows;
use super::running::{Begun, Started, watch};
use super::script::{Command, Direction, Fetch};
use crate::catalog::definitions::quote_identifier;
use crate::catalog::types::PgType;
use crate::engine::{Described, Parameter};
use crate::error::{Error, SqlState};
use crate::values::Format;
use crate::values::decode;

impl Connection {
    /// Parse: keeps one statement under a name. A named one is planned now, so that its errors come now; the unnamed
    /// one is used once, and soon: it is planned by what comes next.
    pub(super) async fn prepare(&mut self, name: String, sql: String, types: Vec<u32>) -> Result<(), Failure> {
        if name.is_empty() {
            self.statements.remove("");
        } else if self.statements.contains_key(&name) {
            return Err(Failure::Statement(Error::new(
                SqlState::DUPLICATE_PREPARED_STATEMENT,
                format!("prepared statement \"{name}\" already exists"),
            )));
        }
        let mut commands = self.parse_text(sql).await?;
        if commands.len() > 1 {
            return Err(Failure::Statement(Error::syntax(
                "cannot insert multiple commands into a prepared statement",
                None,
            )));
        }
        let prepared = Arc::new(Prepared::new(commands.pop().unwrap_or(Command::Nothing), types));
        self.check_ends(&prepared)?;
        if !name.is_empty() {
            self.describe_once(&prepared).await?;
        }
        self.unplanned = name.is_empty();
        self.statements.insert(name, prepared);
        Ok(self.wire.put(&ParseComplete::new())?)
    }

    /// Plans the unnamed statement where nothing was asked of it after it was parsed, so that its errors are heard.
    pub(super) async fn plan_unnamed(&mut self) -> Result<(), Failure> {
        if !std::mem::take(&mut self.unplanned) {
            return Ok(());
        }
        let Some(prepared) = self.statements.get("").map(Arc::clone) else { return Ok(()) };
        let planned = self.describe_once(&prepared).await;
        if planned.is_err() {
            self.statements.remove("");
        }
        planned
    }

    /// In a failed transaction block only what ends it is prepared, bound and described, as in Postgres.
    fn check_ends(&self, prepared: &Prepared) -> Result<(), Failure> {
        if prepared.ends_block() { Ok(()) } else { self.check_block() }
    }

    /// Bind: a portal from a prepared statement and values.
    pub(super) async fn bind(&mut self, bind: Bind) -> Result<(), Failure> {
        let prepared = self.prepared(&bind.statement)?;
        self.unplanned = false;
        self.check_ends(&prepared)?;
        if bind.portal.is_empty() {
            self.portals.remove("");
        } else if self.portals.contains_key(&bind.portal) {
            return Err(Failure::Statement(Error::new(
                SqlState::DUPLICATE_CURSOR,
                format!("cursor \"{}\" already exists", bind.portal),
            )));
        }
        let given = bind.values.len();
        if given > 0 || prepared.may_have_parameters() {
            self.describe_once(&prepared).await?;
        }
        if let Some(wanted) = prepared.parameter_count()
            && wanted != given
        {
            return Err(Failure::Statement(Error::new(
                SqlState::PROTOCOL_VIOLATION,
                format!(
                    "bind message supplies {given} parameters, but prepared statement \"{}\" requires {wanted}",
                    bind.statement
                ),
            )));
        }
        let formats = match bind.formats.as_slice() {
            [] => vec![Format::Text; given],
            [one] => vec![*one; given],
            many if many.len() == given => many.to_vec(),
            many => {
                return Err(Failure::Statement(Error::new(
                    SqlState::PROTOCOL_VIOLATION,
                    format!("bind message has {} parameter formats but {given} parameters", many.len()),
                )));
            }
        };
        let zone = self.zone();
        let mut values = Vec::with_capacity(given);
        for (index, (value, format)) in bind.values.iter().zip(formats).enumerate() {
            let kind = prepared.parameter_type(index);
            let value = decode::decode(&kind, format, value.as_deref(), zone).map_err(|error: Error| {
                let portal = match bind.portal.as_str() {
                    "" => "unnamed portal".to_string(),
                    name => format!("portal \"{name}\""),
                };
                error.with_context(format!("{portal} parameter ${}", index + 1))
            })?;
            values.push(Parameter { value, kind });
        }
        let mut portal = Portal::new(prepared, values, bind.results);
        portal.savepoints = self.session.savepoint_count();
        self.portals.insert(bind.portal, portal);
        Ok(self.wire.put(&BindComplete::new())?)
    }

    /// Describe: parameter types of a statement, and the columns of its rows.
    pub(super) async fn describe(&mut self, target: Target) -> Result<(), Failure> {
        let (prepared, formats) = match target {
            Target::Statement(name) => (self.prepared(&name)?, None),
            Target::Portal(name) => {
                let portal = self.portals.get(&name).ok_or_else(|| no_portal(&name))?;
                (Arc::clone(&portal.prepared), Some(portal.formats.clone()))
            }
        };
        self.unplanned = false;
        self.check_ends(&prepared)?;
        self.describe_once(&prepared).await?;
        if formats.is_none() {
            self.wire.put_parameters(prepared.parameter_oids())?;
        }
        // The rows of FETCH and EXECUTE are another's.
        let other = match &prepared.command {
            Command::Fetch(fetch) if !fetch.moves => {
                self.portals.get(&fetch.cursor).map(|portal| Arc::clone(&portal.prepared))
            }
            Command::Execute(execute) => self.statements.get(&execute.name).map(Arc::clone),
            _ => None,
        };
        if let Some(other) = &other {
            self.describe_once(other).await?;
        }
        match other.as_ref().unwrap_or(&prepared).told() {
            Some(schema) => {
                let formats = spread(formats.as_deref().unwrap_or_default(), schema.fields().len())?;
                self.wire.put_columns(schema, &formats)?;
            }
            None => self.wire.put(&NoData::new())?,
        }
        Ok(())
    }

    /// Execute: runs a portal, or goes on with it, up to `max_rows` rows; 0 or less for all.
    pub(super) async fn execute(&mut self, name: String, max_rows: i32) -> Result<(), Failure> {
        // A portal that fails stays away: nothing can be done with it any more.
        let mut portal = self.portals.remove(&name).ok_or_else(|| no_portal(&name))?;
        let limit = u64::try_from(max_rows).ok().filter(|limit| *limit > 0);
        portal.progress = match std::mem::replace(&mut portal.progress, Progress::Ready) {
            Progress::Ready => self.start(&mut portal, limit).await?,
            Progress::Kept(kept) => {
                portal.progress = Progress::Kept(kept);
                self.go_on_kept(&name, &mut portal, limit).await?;
                self.portals.insert(name, portal);
                return Ok(());
            }
            Progress::Suspended(mut rows) => {
                rows.leash.goes_on(&self.leash());
                let _running = self.slot.run(&rows.leash.cancel);
                self.entry = rows.entry.clone();
                // A cursor's DECLARE has ended; its rows are taken by a statement of their own.
                if let Some(declared) = self.entry.take_if(|entry| entry.has_ended()) {
                    let command = named("FETCH FROM", Some(&name));
                    self.record_rows(command, portal.prepared.text(), Some(&declared)).await?;
                    rows.entry = self.entry.clone();
                }
                self.go_on(rows, limit, &mut portal.place).await?
            }
            Progress::Finished(Some(verb)) => {
                self.wire.put_complete(tag(verb, 0))?;
                Progress::Finished(Some(verb))
            }
            Progress::Finished(None) => {
                return Err(Failure::Statement(Error::new(
                    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!("portal \"{name}\" cannot be run"),
                )));
            }
        };
        self.portals.insert(name, portal);
        Ok(())
    }

    /// Close: forgets a statement or a portal; one that does not exist is no error.
    pub(super) fn close(&mut self, target: &Target) -> Result<(), Failure> {
        match target {
            Target::Statement(name) => drop(self.statements.remove(name)),
            Target::Portal(name) => drop(self.portals.remove(name)),
        }
        Ok(self.wire.put(&CloseComplete::new())?)
    }

    /// Answers a statement about prepared statements or portals.
    pub(super) async fn run_own(&mut self, command: &Command) -> Result<(), Failure> {
        self.check_block()?;
        match command {
            Command::Deallocate(name) => self.record_own(named("DEALLOCATE", name.as_deref())).await?,
            Command::Close(name) => self.record_own(named("CLOSE", name.as_deref())).await?,
            _ => {}
        }
        let tag = match command {
            Command::Nothing
            | Command::Run(_)
            | Command::Declare { .. }
            | Command::Fetch(_)
            | Command::Prepare { .. }
            | Command::Execute(_)
            | Command::Copy(_) => return Ok(()),
            Command::Deallocate(None) => {
                self.statements.retain(|name, _| name.is_empty());
                "DEALLOCATE ALL"
            }
            Command::Deallocate(Some(name)) => {
                if self.statements.remove(name).is_none() {
                    return Err(no_statement(name));
                }
                "DEALLOCATE"
            }
            Command::Close(None) => {
                self.portals.retain(|name, _| name.is_empty());
                "CLOSE CURSOR ALL"
            }
            Command::Close(Some(name)) => {
                if self.portals.remove(name).is_none() {
                    let message = format!("cursor \"{name}\" does not exist");
                    return Err(Failure::Statement(Error::new(SqlState::INVALID_CURSOR_NAME, message)));
                }
                "CLOSE CURSOR"
            }
        };
        self.recorded(tag).await?;
        Ok(self.wire.put_complete(tag.to_string())?)
    }

    async fn start(&mut self, portal: &mut Portal, limit: Option<u64>) -> Result<Progress, Failure> {
        let (mut prepared, mut values) = (Arc::clone(&portal.prepared), std::mem::take(&mut portal.parameters));
        let command = Arc::clone(&portal.prepared);
        match &command.command {
            Command::Run(statement) => {
                self.hold_cursors(statement).await?;
                self.record(None, &statement.text, &values);
            }
            Command::Nothing => {
                self.wire.put(&EmptyQueryResponse::new())?;
                return Ok(Progress::Ready);
            }
            Command::Declare { name, kind, query } => {
                self.declare(name, *kind, query, prepared.declared(), values).await?;
                return Ok(Progress::Finished(None));
            }
            Command::Fetch(fetch) => {
                let in_parts = limit.filter(|limit| !fetch.moves && fetch.most().is_none_or(|most| most >= *limit));
                if let Some(limit) = in_parts {
                    return Box::pin(self.fetch_in_parts(fetch, portal, limit)).await;
                }
                self.fetch(fetch, Some(&portal.formats)).await?;
                return Ok(Progress::Finished((!fetch.moves).then_some("FETCH")));
            }
            Command::Prepare { name, types, statement } => {
                self.prepare_text(name, types, statement).await?;
                return Ok(Progress::Finished(None));
            }
            Command::Execute(execute) => {
                (prepared, values) = self.resolve(execute).await?;
                self.record_execute(execute, &prepared, &values);
            }
            Command::Copy(copy) => {
                self.copy(copy).await?;
                return Ok(Progress::Finished(None));
            }
            own => {
                self.run_own(own).await?;
                return Ok(Progress::Finished(None));
            }
        }
        self.check_described(&prepared).await?;
        let mut leash = self.leash().of(&prepared.command);
        if limit.is_some() {
            leash = leash.in_parts();
        }
        let _running = self.slot.run(&leash.cancel);
        let (session, workers) = (Arc::clone(&self.session), &self.shared.workers);
        let mut started = Started::new(workers, session, Arc::clone(&prepared), values, &leash)?;
        let begun = watch(&mut self.wire, &self.shared.ending, &leash, started.begun()).await?;
        self.put_notices()?;
        match begun {
            Begun::Done { tag } => {
                self.recorded(&tag).await?;
                self.finish(tag)?;
                Ok(Progress::Finished(None))
            }
            Begun::Rows { schema, verb } => {
                if prepared.described.get().is_some_and(|described| described.schema.is_none()) {
                    return Err(Failure::Statement(Error::unsupported("cached plan must not change result type")));
                }
                let (zone, batches) = (self.zone(), started.batches);
                let mut rows = Rows::new(&schema, batches, verb, prepared.told(), &portal.formats, zone, leash)?;
                self.account(&mut rows);
                self.go_on(Box::new(rows), limit, &mut portal.place).await
            }
        }
    }

    /// Goes on with a declared cursor that keeps its rows, or with those of a FETCH.
    pub(super) async fn go_on_kept(
        &mut self,
        name: &str,
        portal: &mut Portal,
        limit: Option<u64>,
    ) -> Result<(), Failure> {
        let (declared, verb) = match &portal.progress {
            Progress::Kept(kept) => (kept.entry.clone(), kept.verb),
            _ => (None, "SELECT"),
        };
        let direction = Direction::Forward(limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX)));
        let fetch = Fetch { cursor: name.to_string(), direction, moves: false };
        self.record_rows(fetch_words(&fetch), portal.prepared.text(), declared.as_deref()).await?;
        let formats = std::mem::take(&mut portal.formats);
        let count = self.walk(portal, &fetch, &formats, None).await?;
        portal.formats = formats;
        self.put_notices()?;
        let tag = tag(verb, count);
        self.recorded(&tag).await?;
        if portal.place.after {
            self.wire.put_complete(tag)?;
        } else {
            self.wire.put(&PortalSuspended::new())?;
        }
        Ok(())
    }

    async fn go_on(&mut self, mut rows: Box<Rows>, limit: Option<u64>, place: &mut Place) -> Result<Progress, Failure> {
        let sent = rows.send(&mut self.wire, &self.shared.ending, limit).await?;
        place.went(sent.rows, limit);
        self.put_notices()?;
        if sent.complete {
            let tag = tag(rows.verb, sent.rows);
            self.recorded(&tag).await?;
            self.wire.put_complete(tag)?;
            Ok(Progress::Finished(Some(rows.verb)))
        } else {
            // Its rows go on being counted where they were.
            self.entry = None;
            rows.leash.rests();
            self.wire.put(&PortalSuspended::new())?;
            Ok(Progress::Suspended(rows))
        }
    }

    pub(super) fn prepared(&self, name: &str) -> Result<Arc<Prepared>, Failure> {
        self.statements.get(name).map(Arc::clone).ok_or_else(|| no_statement(name))
    }

    /// Asks the engine about a statement, unless that was done before.
    pub(super) async fn describe_once(&mut self, prepared: &Arc<Prepared>) -> Result<(), Failure> {
        if prepared.described.get().is_some() {
            return Ok(());
        }
        let seen = self.session.seen();
        let described = self.ask_about(prepared).await?;
        // Only this connection sets it, and it was empty above.
        let _ = prepared.described.set(described);
        prepared.see(seen);
        Ok(())
    }

    /// Refuses (0A000) what would give rows of other columns than the client was told of, since definitions or settings
    /// have changed.
    pub(super) async fn check_described(&mut self, prepared: &Arc<Prepared>) -> Result<(), Failure> {
        let Some(told) = prepared.told() else { return Ok(()) };
        let seen = self.session.seen();
        if prepared.has_seen(&seen) {
            return Ok(());
        }
        let now = self.ask_about(prepared).await?;
        if !now.schema.as_ref().is_some_and(|now| are_alike(told, now)) {
            return Err(Failure::Statement(Error::unsupported("cached plan must not change result type")));
        }
        prepared.see(seen);
        Ok(())
    }

    async fn ask_about(&mut self, prepared: &Arc<Prepared>) -> Result<Described, Failure> {
        let leash = self.leash().reading();
        let _running = self.slot.run(&leash.cancel);
        let (session, asked, cancel) = (Arc::clone(&self.session), Arc::clone(prepared), leash.cancel.clone());
        let mut task = self.shared.workers.spawn(async move {
            let Some(statement) = asked.statement() else {
                return Ok(Described { parameters: Vec::new(), schema: None });
            };
            let hints = asked.hints();
            // Describing changes nothing, so that it can be dropped anywhere.
            tokio::select! {
                described = Box::pin(session.describe(statement, &hints, cancel.clone())) => described,
                () = cancel.cancelled() => Err(canceled()),
            }
        })?;
        Ok(watch(&mut self.wire, &self.shared.ending, &leash, task.join()).await??)
    }
}

/// Whether rows have the same columns for a client.
fn are_alike(told: &Schema, now: &Schema) -> bool {
    told.fields().len() == now.fields().len()
        && told.fields().iter().zip(now.fields()).all(|(told, now)| {
            let (of, is) = (PgType::of_field(told), PgType::of_field(now));
            told.name() == now.name() && of.oid() == is.oid() && of.typmod() == is.typmod()
        })
}

/// A verb with the name of what it is about.
fn named(verb: &str, name: Option<&str>) -> String {
    format!("{verb} {}", name.map_or_else(|| "ALL".to_string(), quote_identifier))
}

fn no_statement(name: &str) -> Failure {
    let message = if name.is_empty() {
        "unnamed prepared statement does not exist".to_string()
    } else {
        format!("prepared statement \"{name}\" does not exist")
    };
    Failure::Statement(Error::new(SqlState::INVALID_SQL_STATEMENT_NAME, message))
}

fn no_portal(name: &str) -> Failure {
    Failure::Statement(Error::new(SqlState::INVALID_CURSOR_NAME, format!("portal \"{name}\" does not exist")))
}
