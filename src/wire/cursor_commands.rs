//! Cursors and prepared statements as SQL statements: DECLARE, FETCH, MOVE, PREPARE, EXECUTE. A cursor is a portal and
//! a prepared statement is one of the protocol's, so that both ways see the same ones.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::scalar::ScalarValue;

use super::auditing::fetch_words;
use super::connection::Connection;
use super::cursor_place::Walk;
use super::data_row::{RowEncoder, spread};
use super::errors::Failure;
use super::opened::declare_words;
use super::portal::{Portal, Prepared, Progress};
use super::rows::Rows;
use super::running::{Begun, Started, watch};
use super::script::{Command, CursorKind, Execute, Fetch};
use super::scroll::{Outlet, Scroll};
use crate::catalog::definitions::quote_identifier;
use crate::catalog::types::PgType;
use crate::ddl::statement::{SessionStatement, StatementKind};
use crate::engine::{KeptRows, Parameter, Statement, TransactionState};
use crate::error::{Error, SqlState};
use crate::values::Format;
use crate::values::decode;

impl Connection {
    /// DECLARE: a portal that reads what there is now.
    pub(super) async fn declare(
        &mut self,
        name: &str,
        kind: CursorKind,
        query: &Statement,
        declared: Vec<u32>,
        values: Vec<Parameter>,
    ) -> Result<(), Failure> {
        self.check_block()?;
        let outside = self.session.transaction_state() == TransactionState::Idle;
        if outside && !kind.holds {
            return Err(Failure::Statement(Error::new(
                SqlState("25P01"),
                "DECLARE CURSOR can only be used in transaction blocks",
            )));
        }
        if self.portals.contains_key(name) {
            let message = format!("cursor \"{name}\" already exists");
            return Err(Failure::Statement(Error::new(SqlState::DUPLICATE_CURSOR, message)));
        }
        let prepared = Arc::new(Prepared::new(Command::Run(query.clone()), declared));
        self.describe_once(&prepared).await?;
        if prepared.told().is_none() {
            return Err(Failure::Statement(Error::syntax("a cursor is declared for a query", None)));
        }
        self.record(Some(format!("DECLARE {}", quote_identifier(name))), &query.text, &values);
        let rows = self.open(&prepared, values).await?;
        let mut portal = Portal::new(prepared, vec![], vec![]);
        portal.savepoints = self.session.savepoint_count();
        portal.kind = kind;
        portal.by_sql = Some(declare_words(name, kind, &query.text));
        portal.progress = if kind.scrolls || kind.holds {
            let kept = self.session.keep_rows(SchemaRef::clone(rows.schema()));
            Progress::Kept(Box::new(Scroll::new(rows, kept)))
        } else {
            Progress::Suspended(rows)
        };
        if kind.holds && outside {
            self.keep_all(&mut portal).await?;
        }
        portal.progress.rests();
        self.recorded("DECLARE CURSOR").await?;
        self.portals.insert(name.to_string(), portal);
        Ok(self.wire.put_complete("DECLARE CURSOR".to_string())?)
    }

    /// Reads the rest of the cursors that are to outlive the transaction, which this statement is about to commit.
    pub(super) async fn hold_cursors(&mut self, statement: &Statement) -> Result<(), Failure> {
        let commits = matches!(&statement.kind, StatementKind::Session(SessionStatement::Commit { .. }));
        if !commits {
            return Ok(());
        }
        self.keep_held().await
    }

    /// The same, whatever commits it.
    pub(super) async fn keep_held(&mut self) -> Result<(), Failure> {
        if self.session.transaction_state() != TransactionState::InBlock {
            return Ok(());
        }
        let held = self.portals.iter().filter(|(_, portal)| portal.kind.holds && !portal.outlives);
        let names: Vec<String> = held.map(|(name, _)| name.clone()).collect();
        for name in names {
            if let Some(mut portal) = self.portals.remove(&name) {
                self.keep_all(&mut portal).await?;
                self.portals.insert(name, portal);
            }
        }
        Ok(())
    }

    async fn keep_all(&mut self, portal: &mut Portal) -> Result<(), Failure> {
        let own = self.leash();
        if let Progress::Kept(kept) = &mut portal.progress {
            if let Some(leash) = kept.leash() {
                leash.goes_on(&own);
            }
            let cancel = kept.leash().map(|leash| leash.cancel.clone());
            let _running = cancel.as_ref().map(|cancel| self.slot.run(cancel));
            kept.reach(&mut self.wire, &self.shared.ending, u64::MAX).await?;
        }
        portal.outlives = true;
        Ok(())
    }

    /// FETCH and MOVE. Without `formats` the client is told the columns first, and the rows are text, or binary where
    /// the cursor is.
    pub(super) async fn fetch(&mut self, fetch: &Fetch, formats: Option<&[Format]>) -> Result<(), Failure> {
        let (tag, _) = self.take_rows(fetch, formats, false).await?;
        self.recorded(&tag).await?;
        Ok(self.wire.put_complete(tag)?)
    }

    /// FETCH whose rows are sent in parts: all of them are taken from the cursor now, as in Postgres. What the portal is
    /// then.
    pub(super) async fn fetch_in_parts(
        &mut self,
        fetch: &Fetch,
        portal: &mut Portal,
        limit: u64,
    ) -> Result<Progress, Failure> {
        let (tag, rows) = self.take_rows(fetch, Some(&portal.formats), true).await?;
        let Some((prepared, rows)) = rows else {
            self.recorded(&tag).await?;
            self.wire.put_complete(tag)?;
            return Ok(Progress::Finished(Some("FETCH")));
        };
        self.recorded_part(&tag).await?;
        portal.prepared = prepared;
        portal.progress = Progress::Kept(Box::new(rows));
        self.go_on_kept(&fetch.cursor, portal, Some(limit)).await?;
        Ok(std::mem::replace(&mut portal.progress, Progress::Ready))
    }

    /// Goes on with a cursor as FETCH and MOVE say: the command tag, and with `keeps` the rows, put by, with what they are
    /// the rows of; none where there are no rows.
    async fn take_rows(
        &mut self,
        fetch: &Fetch,
        formats: Option<&[Format]>,
        keeps: bool,
    ) -> Result<(String, Option<(Arc<Prepared>, Scroll)>), Failure> {
        self.check_block()?;
        // A portal that fails stays away.
        let mut portal = self.portals.remove(&fetch.cursor).ok_or_else(|| {
            let message = format!("cursor \"{}\" does not exist", fetch.cursor);
            Failure::Statement(Error::new(SqlState::INVALID_CURSOR_NAME, message))
        })?;
        let verb = if fetch.moves { "MOVE" } else { "FETCH" };
        let own = [if portal.kind.binary { Format::Binary } else { Format::Text }];
        if formats.is_none() && !fetch.moves {
            // Of a portal of the protocol nobody may have asked yet what it gives.
            self.describe_once(&portal.prepared).await?;
            if let Some(schema) = portal.prepared.told() {
                self.wire.put_columns(schema, &spread(&own, schema.fields().len())?)?;
            }
        }
        if let Progress::Ready = portal.progress {
            let values = std::mem::take(&mut portal.parameters);
            self.record(None, portal.prepared.text(), &values);
            let rows = self.open(&portal.prepared, values).await?;
            self.recorded_part(verb).await?;
            portal.progress = Progress::Suspended(rows);
        }
        let (of_query, schema) = match &portal.progress {
            Progress::Suspended(rows) => (rows.entry.clone(), Some(SchemaRef::clone(rows.schema()))),
            Progress::Kept(kept) => (kept.entry.clone(), Some(SchemaRef::clone(&kept.schema))),
            Progress::Ready | Progress::Finished(_) => (None, None),
        };
        self.record_rows(fetch_words(fetch), portal.prepared.text(), of_query.as_deref()).await?;
        let kept = schema.filter(|_| keeps).map(|schema| (SchemaRef::clone(&schema), self.session.keep_rows(schema)));
        let count = self.walk(&mut portal, fetch, formats.unwrap_or(&own), kept.as_ref().map(|(_, kept)| kept)).await?;
        let rows = kept.filter(|(_, kept)| !kept.is_empty()).map(|(schema, kept)| {
            let metrics = Arc::clone(&self.shared.metrics);
            let rows = Scroll::fetched(schema, kept, of_query.clone(), metrics, self.most_rows());
            (Arc::clone(&portal.prepared), rows)
        });
        if let Progress::Suspended(rows) = &mut portal.progress {
            rows.entry = of_query;
        }
        self.portals.insert(fetch.cursor.clone(), portal);
        self.put_notices()?;
        Ok((format!("{verb} {count}"), rows))
    }

    /// Goes on with a portal; how many rows FETCH gives. They are sent, or put by where they are `kept`.
    pub(super) async fn walk(
        &mut self,
        portal: &mut Portal,
        fetch: &Fetch,
        formats: &[Format],
        kept: Option<&KeptRows>,
    ) -> Result<u64, Failure> {
        let (zone, told, own) = (self.zone(), portal.prepared.told(), self.leash());
        let (leash, encoder) = match &mut portal.progress {
            Progress::Suspended(rows) => {
                if !fetch.moves {
                    rows.reformat(told, formats, zone)?;
                }
                rows.entry = self.entry.clone();
                rows.leash.goes_on(&own);
                (rows.leash.clone(), None)
            }
            Progress::Kept(kept) => {
                let encoder = match fetch.moves {
                    true => None,
                    false => Some(RowEncoder::new(&kept.schema, told, formats, zone)?),
                };
                if let Some(leash) = kept.leash() {
                    leash.goes_on(&own);
                }
                (kept.leash().cloned().unwrap_or(own), encoder)
            }
            Progress::Ready | Progress::Finished(_) => (own, None),
        };
        let _running = self.slot.run(&leash.cancel);
        let mut out = Outlet {
            wire: &mut self.wire,
            ending: &self.shared.ending,
            leash: &leash,
            encoder,
            entry: self.entry.clone(),
            kept,
        };
        let mut walk = Walk {
            place: &mut portal.place,
            rows: &mut portal.progress,
            scrolls: portal.kind.scrolls,
            out: &mut out,
            moves: fetch.moves,
        };
        let count = walk.go(fetch.direction).await?;
        leash.rests();
        Ok(count)
    }

    /// PREPARE: a statement under a name, as Parse keeps it.
    pub(super) async fn prepare_text(
        &mut self,
        name: &str,
        types: &[String],
        statement: &Statement,
    ) -> Result<(), Failure> {
        self.check_block()?;
        if self.statements.contains_key(name) {
            return Err(Failure::Statement(Error::new(
                SqlState::DUPLICATE_PREPARED_STATEMENT,
                format!("prepared statement \"{name}\" already exists"),
            )));
        }
        if !matches!(statement.kind, StatementKind::Plan(_)) {
            return Err(Failure::Statement(Error::syntax("only queries and writes can be prepared", None)));
        }
        let oids = types.iter().map(|written| match PgType::parse(written) {
            Some(kind) => Ok(kind.oid()),
            None if written.eq_ignore_ascii_case("unknown") => Ok(0),
            None => Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("type \"{written}\" does not exist"))),
        });
        let oids = oids.collect::<Result<Vec<u32>, Error>>()?;
        let of_types = if types.is_empty() { String::new() } else { format!(" ({})", types.join(", ")) };
        let mut prepared = Prepared::new(Command::Run(statement.clone()), oids);
        prepared.by_sql = Some(format!("PREPARE {}{of_types} AS {}", quote_identifier(name), statement.text));
        let prepared = Arc::new(prepared);
        self.record_own(format!("PREPARE {} AS {}", quote_identifier(name), statement.text)).await?;
        self.describe_once(&prepared).await?;
        self.recorded("PREPARE").await?;
        self.statements.insert(name.to_string(), prepared);
        Ok(self.wire.put_complete("PREPARE".to_string())?)
    }

    /// What EXECUTE runs, and with which values.
    pub(super) async fn resolve(&mut self, execute: &Execute) -> Result<(Arc<Prepared>, Vec<Parameter>), Failure> {
        self.check_block()?;
        let prepared = self.prepared(&execute.name)?;
        if !matches!(prepared.command, Command::Run(_)) {
            let message = format!("prepared statement \"{}\" cannot be run by EXECUTE", execute.name);
            return Err(Failure::Statement(Error::unsupported(message)));
        }
        self.describe_once(&prepared).await?;
        self.check_described(&prepared).await?;
        let given = match &execute.arguments {
            Some(arguments) => self.evaluate(arguments).await?,
            None => vec![],
        };
        let wanted = prepared.parameter_count().unwrap_or(0);
        if given.len() != wanted {
            return Err(Failure::Statement(
                Error::syntax(format!("wrong number of parameters for prepared statement \"{}\"", execute.name), None)
                    .with_detail(format!("Expected {wanted} parameters but got {}.", given.len())),
            ));
        }
        let zone = self.zone();
        let mut values = Vec::with_capacity(given.len());
        for (index, value) in given.into_iter().enumerate() {
            let kind = prepared.parameter_type(index);
            let value = match &value {
                null if null.is_null() => Parameter::null(&kind)?.value,
                ScalarValue::Utf8(Some(text))
                | ScalarValue::LargeUtf8(Some(text))
                | ScalarValue::Utf8View(Some(text)) => decode::read_text(&kind, text, zone)?,
                other => coerced(other, &kind, index)?,
            };
            values.push(Parameter { value, kind });
        }
        Ok((prepared, values))
    }

    /// The values of a list of expressions.
    async fn evaluate(&mut self, expressions: &str) -> Result<Vec<ScalarValue>, Failure> {
        let mut commands = self.parse_text(format!("SELECT {expressions}")).await?;
        let (Some(command @ Command::Run(_)), true) = (commands.pop(), commands.is_empty()) else {
            return Err(Failure::Statement(Error::syntax("EXECUTE takes a list of values", None)));
        };
        let leash = self.leash().reading();
        let _running = self.slot.run(&leash.cancel);
        // They may read: what they say is shown where the values of parameters are.
        let shown = self.trail.as_ref().is_some_and(|trail| trail.has_parameters());
        self.record(Some("EXECUTE".to_string()), if shown { expressions } else { "(values)" }, &[]);
        let prepared = Arc::new(Prepared::new(command, vec![]));
        let session = Arc::clone(&self.session);
        let mut started = Started::new(&self.shared.workers, session, prepared, vec![], &leash)?;
        let begun = watch(&mut self.wire, &self.shared.ending, &leash, started.begun()).await?;
        let mut values = vec![];
        if let Begun::Rows { .. } = begun {
            while let Some(batch) = watch(&mut self.wire, &self.shared.ending, &leash, started.batches.next()).await? {
                if batch.num_rows() > 0 && values.is_empty() {
                    for column in batch.columns() {
                        values.push(ScalarValue::try_from_array(column, 0)?);
                    }
                }
            }
        }
        self.recorded_part("EXECUTE").await?;
        Ok(values)
    }

    /// Has what EXECUTE runs recorded.
    pub(super) fn record_execute(&mut self, execute: &Execute, prepared: &Prepared, values: &[Parameter]) {
        self.record(Some(format!("EXECUTE {}", quote_identifier(&execute.name))), prepared.text(), values);
    }

    /// Starts a query whose rows are taken later.
    async fn open(&mut self, prepared: &Arc<Prepared>, values: Vec<Parameter>) -> Result<Box<Rows>, Failure> {
        let leash = self.leash().reading().in_parts();
        let _running = self.slot.run(&leash.cancel);
        let session = Arc::clone(&self.session);
        let mut started = Started::new(&self.shared.workers, session, Arc::clone(prepared), values, &leash)?;
        let begun = watch(&mut self.wire, &self.shared.ending, &leash, started.begun()).await?;
        self.put_notices()?;
        match begun {
            Begun::Rows { schema, verb } => {
                let zone = self.zone();
                let mut rows = Rows::new(&schema, started.batches, verb, prepared.told(), &[], zone, leash)?;
                self.account(&mut rows);
                Ok(Box::new(rows))
            }
            Begun::Done { .. } => Err(Failure::Statement(Error::internal("a cursor's query gave no rows"))),
        }
    }

    /// In a failed transaction block only its end is accepted.
    pub(super) fn check_block(&self) -> Result<(), Failure> {
        if self.session.transaction_state() == TransactionState::Failed {
            return Err(Failure::Statement(Error::new(
                SqlState::IN_FAILED_SQL_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block",
            )));
        }
        Ok(())
    }
}

/// A value of EXECUTE as the parameter's type. What would have to be rounded is refused.
fn coerced(value: &ScalarValue, kind: &PgType, index: usize) -> Result<ScalarValue, Failure> {
    let from = value.data_type();
    let target = kind.arrow();
    if from == target {
        return Ok(value.clone());
    }
    let fits = match kind {
        // An exact number keeps its own digits.
        PgType::Numeric(_) if from.is_decimal() => return Ok(value.clone()),
        PgType::Numeric(_) => from.is_integer(),
        PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Oid => from.is_integer(),
        PgType::Float4 | PgType::Float8 => from.is_numeric(),
        PgType::Timestamp => matches!(from, DataType::Date32 | DataType::Timestamp(_, None)),
        PgType::Array(_) => matches!(from, DataType::List(_)),
        PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name => from.is_integer(),
        _ => false,
    };
    if !fits {
        let message = format!(
            "parameter ${} of type {} cannot be coerced to the expected type {kind}",
            index + 1,
            PgType::of_arrow(&from)
        );
        return Err(Failure::Statement(
            Error::new(SqlState::DATATYPE_MISMATCH, message)
                .with_hint("You will need to rewrite or cast the expression."),
        ));
    }
    Ok(value.cast_to(&target)?)
}
