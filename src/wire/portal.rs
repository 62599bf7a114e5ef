//! Prepared statements and the portals that run them.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::Schema;
use parking_lot::Mutex;

use super::cursor_place::Place;
use super::rows::Rows;
use super::script::{Command, CursorKind};
use super::scroll::Scroll;
use crate::catalog::pg::micros;
use crate::catalog::types::PgType;
use crate::ddl::statement::{SessionStatement, StatementKind};
use crate::engine::{Described, Parameter, PlanMemo, Seen, Statement};
use crate::values::Format;

/// The OID of a type that is not known: a client that names it leaves the choice to the server, as with 0.
const UNKNOWN: u32 = 705;

/// A statement that a client prepared.
pub(super) struct Prepared {
    /// What it does.
    pub command: Command,
    /// The parameter types that the client gave; 0 where it gave none.
    declared: Vec<u32>,
    /// What the engine says of it, once it was asked.
    pub described: OnceLock<Described>,
    /// What there was when it was described, or last found to be the same.
    seen: Mutex<Option<Seen>>,
    /// The plan that it had.
    pub memo: PlanMemo,
    /// The PREPARE that made it; none for one of the protocol's.
    pub by_sql: Option<String>,
    /// When it was made, in microseconds.
    pub since: i64,
    /// How often it was run.
    pub runs: AtomicI64,
}

impl Prepared {
    pub fn new(command: Command, declared: Vec<u32>) -> Prepared {
        Prepared {
            command,
            declared,
            described: OnceLock::new(),
            seen: Mutex::default(),
            memo: PlanMemo::default(),
            by_sql: None,
            since: micros(),
            runs: AtomicI64::default(),
        }
    }

    /// What it is described by.
    pub fn see(&self, seen: Seen) {
        *self.seen.lock() = Some(seen);
    }

    /// Whether it is described by this.
    pub fn has_seen(&self, seen: &Seen) -> bool {
        self.seen.lock().as_ref() == Some(seen)
    }

    /// Whether the text has what could be a parameter.
    pub fn may_have_parameters(&self) -> bool {
        self.statement().is_some_and(|statement| statement.text.contains('$'))
    }

    /// The engine's statement in it: what it runs, or what it declares a cursor for.
    pub fn statement(&self) -> Option<&Statement> {
        match &self.command {
            Command::Run(statement) | Command::Declare { query: statement, .. } => Some(statement),
            _ => None,
        }
    }

    /// Whether it may stand in a transaction block that has failed: it ends the block, or says nothing.
    pub fn ends_block(&self) -> bool {
        match &self.command {
            Command::Nothing => true,
            Command::Run(statement) => matches!(
                statement.kind,
                StatementKind::Session(
                    SessionStatement::Commit { .. }
                        | SessionStatement::Rollback { .. }
                        | SessionStatement::RollbackTo(_)
                )
            ),
            _ => false,
        }
    }

    /// That statement's text; empty where there is none.
    pub fn text(&self) -> &str {
        self.statement().map(|statement| statement.text.as_str()).unwrap_or_default()
    }

    /// The parameter types that the client gave.
    pub fn declared(&self) -> Vec<u32> {
        self.declared.clone()
    }

    /// The parameter types that the client gave and that are known here.
    pub fn hints(&self) -> Vec<Option<PgType>> {
        self.declared.iter().map(|oid| if *oid == UNKNOWN { None } else { PgType::from_oid(*oid) }).collect()
    }

    /// How many values Bind must give: as many as were declared, or more if the statement has more. None when it is
    /// not described yet.
    pub fn parameter_count(&self) -> Option<usize> {
        self.described.get().map(|described| described.parameters.len().max(self.declared.len()))
    }

    /// The type in which a value is read; text for one that the statement does not use.
    pub fn parameter_type(&self, index: usize) -> PgType {
        let declared = self.declared.get(index).filter(|oid| **oid != UNKNOWN);
        declared
            .and_then(|oid| PgType::from_oid(*oid))
            .or_else(|| self.described.get().and_then(|described| described.parameters.get(index)).cloned())
            .unwrap_or(PgType::Text)
    }

    /// The OIDs that Describe answers: a client hears of its own types as it gave them.
    pub fn parameter_oids(&self) -> Vec<u32> {
        (0..self.parameter_count().unwrap_or(self.declared.len()))
            .map(|index| match self.declared.get(index) {
                Some(oid) if *oid != 0 && *oid != UNKNOWN => *oid,
                _ => self.parameter_type(index).oid(),
            })
            .collect()
    }

    /// The rows that a client which described this was told of.
    pub fn told(&self) -> Option<&Schema> {
        let described = self.described.get().filter(|_| matches!(self.command, Command::Run(_)));
        described.and_then(|described| described.schema.as_deref())
    }
}

/// A statement with its values, perhaps half run.
pub(super) struct Portal {
    pub prepared: Arc<Prepared>,
    pub parameters: Vec<Parameter>,
    /// As Bind gave them: none, one for all columns, or one each.
    pub formats: Vec<Format>,
    pub progress: Progress,
    /// Where it stands among its rows.
    pub place: Place,
    pub kind: CursorKind,
    /// Its transaction has ended and it has not: its rows are all kept.
    pub outlives: bool,
    /// How many savepoints its block had when it was opened.
    pub savepoints: usize,
    /// The DECLARE that made it; none for one of the protocol's.
    pub by_sql: Option<String>,
    /// When it was made, in microseconds.
    pub since: i64,
}

impl Portal {
    /// One that was not run.
    pub fn new(prepared: Arc<Prepared>, parameters: Vec<Parameter>, formats: Vec<Format>) -> Portal {
        Portal {
            prepared,
            parameters,
            formats,
            progress: Progress::Ready,
            place: Place::default(),
            kind: CursorKind::default(),
            outlives: false,
            savepoints: 0,
            by_sql: None,
            since: micros(),
        }
    }
}

impl Progress {
    /// No statement asks for its rows now: no time runs for them.
    pub fn rests(&self) {
        match self {
            Progress::Suspended(rows) => rows.leash.rests(),
            Progress::Kept(kept) => {
                if let Some(leash) = kept.leash() {
                    leash.rests();
                }
            }
            Progress::Ready | Progress::Finished(_) => {}
        }
    }
}

/// How far a portal was run.
pub(super) enum Progress {
    /// Not at all.
    Ready,
    /// Some rows were sent, and there may be more.
    Suspended(Box<Rows>),
    /// The same of a cursor that keeps its rows.
    Kept(Box<Scroll>),
    /// To its end; with what begins the command tag, if it gave rows.
    Finished(Option<&'static str>),
}
