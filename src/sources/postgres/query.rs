//! Sending statements: prepared once a connection, sent again where that is known to be safe.

use std::sync::Arc;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, Statement};

use super::connection::Plans;
use super::copy::{Answer, CopyOut};
use super::errors::{self, Place};
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

/// Sends a query on a connection of the pool. A pooled connection that turns out to have died is replaced once;
/// a statement whose table has changed since it was prepared is prepared once more.
pub(super) async fn start(
    pool: &Arc<Pool>,
    place: &Place,
    sql: &str,
    parameters: &[TextParameter],
    plans: Plans,
    check: Check<'_>,
    traffic: &Traffic,
) -> Result<Started> {
    let mut lease = pool.acquire().await?;
    let mut prepared_anew = false;
    loop {
        let error = match send(&mut lease, sql, parameters, plans, check, traffic).await {
            Ok(rows) => return Ok(Started { lease, rows }),
            Err(Failure::Own(error)) => return Err(error.with_context(place.to_string())),
            Err(Failure::Remote(error)) => error,
        };
        if lease.reused && errors::is_lost(&error) {
            lease.reconnect().await?;
        } else if !prepared_anew && is_stale(&error) && lease.connection()?.prepared(sql).is_some() {
            prepared_anew = true;
            lease.connection()?.forget(sql);
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
    sql: &str,
    parameters: &[TextParameter],
    check: Check<'_>,
    traffic: &Traffic,
) -> Result<Started> {
    match send(&mut lease, sql, parameters, Plans::OfValues, check, traffic).await {
        Ok(rows) => Ok(Started { lease, rows }),
        Err(failure) => Err(failure.at(place, &mut lease)),
    }
}

/// Sends a query on a connection of the pool by COPY, in a transaction block: what is checked stays as it is until the
/// last row has come. `copy` is the same statement.
pub(super) async fn start_copy(
    pool: &Arc<Pool>,
    place: &Place,
    sql: &str,
    copy: &str,
    check: Check<'_>,
    traffic: &Traffic,
) -> Result<Started> {
    let mut lease = pool.acquire().await?;
    loop {
        let failure = match begin_copy(&mut lease, sql, copy, check, traffic).await {
            Ok(rows) => return Ok(Started { lease, rows }),
            Err(failure) => failure,
        };
        match failure {
            Failure::Remote(error) if lease.reused && errors::is_lost(&error) => lease.reconnect().await?,
            failure => return Err(failure.at(place, &mut lease)),
        }
    }
}

/// Sends a query on a connection that is in a transaction block, by COPY where that is given. Nothing is kept of it:
/// its text is of this read alone. Without a check its columns are those of one that was checked in the same block.
pub(super) async fn start_in_block(
    lease: &mut Lease,
    place: &Place,
    sql: &str,
    parameters: &[TextParameter],
    copy: Option<&str>,
    check: Option<Check<'_>>,
    traffic: &Traffic,
) -> Result<Answer> {
    lease.busy = true;
    let sent = send_in_block(lease, sql, parameters, copy, check, traffic).await;
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

async fn send(
    lease: &mut Lease,
    sql: &str,
    parameters: &[TextParameter],
    plans: Plans,
    check: Check<'_>,
    traffic: &Traffic,
) -> Result<Answer, Failure> {
    // While it waits, dropping the lease cancels what was sent.
    lease.busy = true;
    let sent = prepare_and_send(lease, sql, parameters, plans, check, traffic).await;
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

async fn begin_copy(
    lease: &mut Lease,
    sql: &str,
    copy: &str,
    check: Check<'_>,
    traffic: &Traffic,
) -> Result<Answer, Failure> {
    lease.busy = true;
    let connection = lease.connection()?;
    connection.in_block = true;
    let client = &connection.client;
    // In one round trip. Preparing locks the table against changes of its columns.
    traffic.add_round_trip();
    let (begun, statement) = futures::join!(client.batch_execute("BEGIN READ ONLY"), client.prepare(sql));
    let sent = match begun.and(statement) {
        Ok(statement) => match check(&statement) {
            Ok(()) => {
                traffic.add_round_trip();
                CopyOut::send(connection, copy).await.map(Answer::Copied).map_err(Failure::from)
            }
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    };
    lease.busy = still_busy(&sent);
    sent
}

async fn send_in_block(
    lease: &mut Lease,
    sql: &str,
    parameters: &[TextParameter],
    copy: Option<&str>,
    check: Option<Check<'_>>,
    traffic: &Traffic,
) -> Result<Answer, Failure> {
    let connection = lease.connection()?;
    if let (Some(copy), None) = (copy, check) {
        traffic.add_round_trip();
        return Ok(Answer::Copied(CopyOut::send(connection, copy).await?));
    }
    let client = &connection.client;
    traffic.add_round_trip();
    let statement = client.prepare(sql).await?;
    if let Some(check) = check {
        check(&statement)?;
    }
    traffic.add_round_trip();
    Ok(match copy {
        Some(copy) => Answer::Copied(CopyOut::send(connection, copy).await?),
        None => Answer::Rows(Box::pin(client.query_raw(&statement, parameters.iter()).await?)),
    })
}

async fn prepare_and_send(
    lease: &mut Lease,
    sql: &str,
    parameters: &[TextParameter],
    plans: Plans,
    check: Check<'_>,
    traffic: &Traffic,
) -> Result<Answer, Failure> {
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
    let rows = match connection.plans == plans {
        true => connection.client.query_raw(&statement, parameters.iter()).await?,
        false => {
            // In one round trip. What is given up in between is asked for again by those that need it.
            connection.plans = Plans::Kept;
            let client = &connection.client;
            let (set, rows) =
                futures::join!(client.batch_execute(plans.setting()), client.query_raw(&statement, parameters.iter()));
            set?;
            connection.plans = plans;
            rows?
        }
    };
    Ok(Answer::Rows(Box::pin(rows)))
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
