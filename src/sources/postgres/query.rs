//! Sending statements: prepared once a connection, sent again where that is known to be safe.

use std::sync::Arc;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, Statement};

use super::answer::{Answer, Expected};
use super::connection::Plans;
use super::errors::{self, Place};
use super::forms::Form;
use super::parameter::TextParameter;
use super::pool::{Lease, Pool};
use crate::error::{Error, Result};
use crate::sources::traffic::Traffic;

/// A statement under way, with the connection that it owns.
pub(super) struct Started {
    pub(super) lease: Lease,
    pub(super) rows: Answer,
}

/// What a statement that failed failed with.
pub(super) enum Failure {
    /// The driver's error: the source's answer, or a lost connection.
    Remote(tokio_postgres::Error),
    /// Our own.
    Own(Error),
}

impl Failure {
    /// The error for the user, of a statement on this connection.
    pub(super) fn at(self, place: &Place, lease: &mut Lease) -> Error {
        match self {
            Failure::Own(error) => error.with_context(place.to_string()),
            Failure::Remote(error) => {
                let ended = lease.connection().ok().and_then(|connection| connection.ended());
                errors::running(place, &error, ended)
            }
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Failure::Remote(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Own(error)
    }
}

/// What must hold of a prepared statement before it may run.
pub(super) type Check<'a> = &'a (dyn Fn(&Statement) -> Result<()> + Send + Sync);

/// A query to be sent.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) sql: &'a str,
    pub(super) parameters: &'a [TextParameter],
    pub(super) expected: Expected,
    /// The forms in which its columns come when many rows are expected.
    pub(super) forms: &'a [Form],
    pub(super) check: Check<'a>,
}

/// Sends a query on a connection of the pool. A pooled connection that turns out to have died is replaced once;
/// a statement whose table has changed since it was prepared is prepared once more.
pub(super) async fn start(
    pool: &Arc<Pool>,
    place: &Place,
    question: Question<'_>,
    plans: Plans,
    traffic: &Traffic,
) -> Result<Started> {
    let mut lease = pool.acquire().await?;
    let mut prepared_anew = false;
    loop {
        let error = match send(&mut lease, question, plans, traffic).await {
            Ok(rows) => return Ok(Started { lease, rows }),
            Err(Failure::Own(error)) => return Err(error.with_context(place.to_string())),
            Err(Failure::Remote(error)) => error,
        };
        if lease.reused && errors::is_lost(&error) {
            lease.reconnect().await?;
        } else if !prepared_anew && is_stale(&error) && lease.connection()?.prepared(question.sql).is_some() {
            prepared_anew = true;
            lease.connection()?.forget(question.sql);
        } else {
            let ended = lease.connection()?.ended();
            return Err(errors::running(place, &error, ended));
        }
    }
}

/// Sends a query on this connection alone.
pub(super) async fn start_on(
    mut lease: Lease,
    place: &Place,
    question: Question<'_>,
    traffic: &Traffic,
) -> Result<Started> {
    match send(&mut lease, question, Plans::OfValues, traffic).await {
        Ok(rows) => Ok(Started { lease, rows }),
        Err(failure) => Err(failure.at(place, &mut lease)),
    }
}

/// Sends a query on a connection that is in a transaction block. Nothing is kept of it: its text is of this read alone.
/// `checked`: its columns are those of one that was checked in the same block, whose lock keeps them so.
pub(super) async fn start_in_block(
    lease: &mut Lease,
    place: &Place,
    question: Question<'_>,
    checked: bool,
    traffic: &Traffic,
) -> Result<Answer> {
    lease.busy = true;
    let sent = send_in_block(lease, question, checked, traffic).await;
    lease.busy = still_busy(&sent);
    sent.map_err(|failure| failure.at(place, lease))
}

/// Prepares a statement, to learn its columns.
pub(super) async fn prepare_on(lease: &mut Lease, place: &Place, sql: &str) -> Result<Statement> {
    lease.busy = true;
    let prepared = lease.connection()?.prepare(sql).await;
    lease.busy = false;
    match prepared {
        Ok(statement) => Ok(statement),
        Err(error) => {
            let ended = lease.connection()?.ended();
            Err(errors::running(place, &error, ended))
        }
    }
}

/// The whole answer to a query of the catalog, in one round trip. Its columns must be of built-in types.
pub(super) async fn fetch(
    pool: &Arc<Pool>,
    place: &Place,
    sql: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>> {
    let mut lease = pool.acquire().await?;
    loop {
        lease.busy = true;
        let answer = lease.connection()?.client.query_typed(sql, parameters).await;
        // An answer that is whole or refused leaves the connection ready; a lost one is found closed.
        lease.busy = false;
        match answer {
            Ok(rows) => return Ok(rows),
            Err(error) if lease.reused && errors::is_lost(&error) => lease.reconnect().await?,
            Err(error) => {
                let ended = lease.connection()?.ended();
                return Err(errors::running(place, &error, ended));
            }
        }
    }
}

/// A column of a catalog row; a type that is not the expected one is our mistake.
pub(super) fn field<'a, T>(row: &'a Row, index: usize) -> Result<T>
where
    T: tokio_postgres::types::FromSql<'a>,
{
    row.try_get(index).map_err(|error| {
        Error::internal(format!("column {index} of a catalog query cannot be read: {}", errors::reason(&error)))
    })
}

async fn send(lease: &mut Lease, question: Question<'_>, plans: Plans, traffic: &Traffic) -> Result<Answer, Failure> {
    // While it waits, dropping the lease cancels what was sent.
    lease.busy = true;
    let sent = prepare_and_send(lease, question, plans, traffic).await;
    lease.busy = still_busy(&sent);
    sent
}

/// Whether a connection works on what was sent.
fn still_busy(sent: &Result<Answer, Failure>) -> bool {
    match sent {
        Ok(_) => true,
        Err(Failure::Own(_)) => false,
        // What the source refused leaves it ready, and a lost connection has nothing to cancel.
        Err(Failure::Remote(error)) => error.as_db_error().is_none() && !errors::is_lost(error),
    }
}

async fn send_in_block(
    lease: &mut Lease,
    question: Question<'_>,
    checked: bool,
    traffic: &Traffic,
) -> Result<Answer, Failure> {
    let connection = lease.connection()?;
    if checked {
        traffic.add_round_trip();
        let Question { sql, parameters, expected, forms, .. } = question;
        return Ok(Answer::ask_at_once(connection, sql, parameters, expected, forms).await?);
    }
    traffic.add_round_trip();
    let statement = connection.client.prepare(question.sql).await?;
    (question.check)(&statement)?;
    traffic.add_round_trip();
    Ok(Answer::ask(connection, &statement, question.parameters, question.expected, question.forms).await?)
}

async fn prepare_and_send(
    lease: &mut Lease,
    question: Question<'_>,
    plans: Plans,
    traffic: &Traffic,
) -> Result<Answer, Failure> {
    let Question { sql, parameters, expected, forms, check } = question;
    let connection = lease.connection()?;
    let statement = match connection.prepared(sql) {
        Some(statement) => statement,
        None => {
            traffic.add_round_trip();
            connection.prepare(sql).await?
        }
    };
    if let Err(error) = check(&statement) {
        connection.forget(sql);
        return Err(error.into());
    }
    traffic.add_round_trip();
    if connection.plans == plans {
        return Ok(Answer::ask(connection, &statement, parameters, expected, forms).await?);
    }
    // What is given up in between is asked for again by those that need it.
    connection.plans = Plans::Kept;
    let client = &connection.client;
    if expected == Expected::Many {
        // What is asked for answers with a row too, which is not to be taken for one of the statement's.
        client.batch_execute(plans.setting()).await?;
        connection.plans = plans;
        return Ok(Answer::ask(connection, &statement, parameters, expected, forms).await?);
    }
    // In one round trip.
    let (set, rows) =
        futures::join!(client.batch_execute(plans.setting()), client.query_raw(&statement, parameters.iter()));
    set?;
    connection.plans = plans;
    Ok(Answer::Rows(Box::pin(rows?)))
}

/// Whether a prepared statement no longer fits its tables, or was lost by a pooler between us and the source.
fn is_stale(error: &tokio_postgres::Error) -> bool {
    let Some(remote) = error.as_db_error() else { return false };
    match remote.code().code() {
        "26000" => true,
        "0A000" => remote.message().contains("cached plan"),
        _ => false,
    }
}
