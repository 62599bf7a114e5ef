//! Queries in the source's own SQL.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio_postgres::types::Type;
use tokio_postgres::{Column, RowStream, Statement};

use super::decode::{BatchDecoder, ColumnPlan};
use super::dialect::cast_template;
use super::errors::{self, Place};
use super::pool::{Lease, Pool};
use super::query;
use super::types::is_carried;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::sources::activity::Literals;
use crate::sources::kind::RawQuery;
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::statement::{self, RawQueries};
use crate::sources::traffic::Traffic;

/// Prepares a query, to learn its columns. Nothing is run.
pub(super) async fn prepare(pool: &Arc<Pool>, text: &str, allowed: RawQueries) -> Result<RawQuery> {
    allowed.check(pool.server())?;
    let place = Arc::new(Place::raw(pool.server()));
    let mut lease = pool.acquire().await?;
    let statement = loop {
        match query::prepare_on(&mut lease, &place, text).await {
            // It may have died while it was idle.
            Err(error) if lease.reused && error.state() == SqlState::CONNECTION_FAILURE => {
                lease.reconnect().await?;
            }
            prepared => break prepared?,
        }
    };
    if !statement.params().is_empty() {
        return Err(statement::with_parameters(pool.server()));
    }
    if statement.columns().is_empty() {
        return Err(statement::without_columns(pool.server()));
    }
    let plans: Vec<ColumnPlan> = statement.columns().iter().map(plan).collect();
    let sql = if statement.columns().iter().all(|column| carrier(column).is_some()) {
        text.to_string()
    } else {
        let sql = with_casts(text, &statement);
        if query::prepare_on(&mut lease, &place, &sql).await.is_err() {
            return Err(Error::unsupported(format!(
                "server \"{}\": a raw query has columns of types that cannot be read",
                pool.server()
            ))
            .with_hint("Cast them to text in the query."));
        }
        sql
    };
    let schema: SchemaRef =
        Arc::new(Schema::new(plans.iter().map(|plan| plan.target.field(&plan.name, true)).collect::<Vec<_>>()));
    let read = PostgresRaw {
        pool: Arc::clone(pool),
        place,
        text: text.to_string(),
        sql,
        columns: plans,
        schema: Arc::clone(&schema),
        writes: allowed.writes(),
    };
    Ok(RawQuery { schema, read: Arc::new(read), writes: allowed.writes() })
}

/// One raw query.
struct PostgresRaw {
    pool: Arc<Pool>,
    place: Arc<Place>,
    /// As it was written.
    text: String,
    /// As it is sent.
    sql: String,
    columns: Vec<ColumnPlan>,
    schema: SchemaRef,
    writes: bool,
}

impl fmt::Debug for PostgresRaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresRaw").field("place", &self.place).field("sql", &self.sql).finish_non_exhaustive()
    }
}

#[async_trait]
impl RemoteRead for PostgresRaw {
    fn describe(&self) -> String {
        self.text.clone()
    }

    /// Only who wrote it knows whether it may be sent again.
    fn is_repeatable(&self) -> bool {
        false
    }

    fn literals(&self) -> Literals {
        Literals::Postgres
    }

    /// The query has a connection of its own, which is closed afterwards: what it does to its session stays there.
    async fn open(
        &self,
        _: usize,
        _: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let mut lease = self.pool.acquire_own().await?;
        let begin = if self.writes { "BEGIN READ WRITE" } else { "BEGIN READ ONLY" };
        command(&mut lease, &self.place, begin, traffic).await?;
        traffic.add_round_trip();
        let statement = query::prepare_on(&mut lease, &self.place, &self.sql).await?;
        if !self.fits(&statement) {
            return Err(statement::changed(self.pool.server()));
        }
        let decoder = BatchDecoder::new(Arc::clone(&self.place), Arc::clone(&self.schema), &self.columns, Tz::UTC)?;
        lease.busy = true;
        let started = {
            let none: [&str; 0] = [];
            let client = &lease.connection()?.client;
            traffic.add_round_trip();
            client.query_raw(&statement, none).await
        };
        let running = match started {
            Ok(rows) => Running {
                lease: Some(lease),
                rows: Some(Box::pin(rows)),
                decoder,
                place: Arc::clone(&self.place),
                traffic: Arc::clone(traffic),
                writes: self.writes,
            },
            Err(error) => return Err(failed(&mut lease, &self.place, &error)),
        };
        Ok(stream::try_unfold(running, |mut running| async move {
            let next = running.next().await;
            next.map(|batch| batch.map(|batch| (batch, running)))
        })
        .boxed())
    }
}

impl PostgresRaw {
    /// Whether a statement gives the columns that were planned. One that was wrapped for its casts has names of its own.
    fn fits(&self, statement: &Statement) -> bool {
        let is_wrapped = self.sql != self.text;
        let fits = |(column, planned): (&Column, &ColumnPlan)| {
            plan(column).target == planned.target && (is_wrapped || column.name() == planned.name)
        };
        let columns = statement.columns();
        columns.len() == self.columns.len() && columns.iter().zip(&self.columns).all(fits)
    }
}

async fn command(lease: &mut Lease, place: &Place, sql: &str, traffic: &Traffic) -> Result<()> {
    lease.busy = true;
    let done = {
        let client = &lease.connection()?.client;
        traffic.add_round_trip();
        client.batch_execute(sql).await
    };
    match done {
        Ok(()) => {
            lease.busy = false;
            Ok(())
        }
        Err(error) => Err(failed(lease, place, &error)),
    }
}

/// After an error of its own the source has nothing left to cancel.
fn failed(lease: &mut Lease, place: &Place, error: &tokio_postgres::Error) -> Error {
    lease.busy = error.as_db_error().is_none();
    let ended = lease.connection().ok().and_then(|connection| connection.ended());
    errors::running(place, error, ended)
}

/// A query whose rows are being read. Dropped before their end, its lease cancels it and closes the connection, which
/// undoes it.
struct Running {
    /// With `rows`, there until the last row has come.
    lease: Option<Lease>,
    rows: Option<Pin<Box<RowStream>>>,
    decoder: BatchDecoder,
    place: Arc<Place>,
    traffic: Arc<Traffic>,
    writes: bool,
}

impl Running {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(rows) = &mut self.rows else { return Ok(None) };
        let mut bytes = 0;
        loop {
            match rows.next().await {
                Some(Ok(row)) => {
                    bytes += row.raw_size_bytes() as u64;
                    self.decoder.take_row(&row)?;
                    if self.decoder.is_full() {
                        self.traffic.add_bytes(bytes);
                        return self.decoder.finish();
                    }
                }
                Some(Err(error)) => {
                    self.rows = None;
                    return Err(match self.lease.take() {
                        Some(mut lease) => failed(&mut lease, &self.place, &error),
                        None => errors::running(&self.place, &error, None),
                    });
                }
                None => {
                    self.traffic.add_bytes(bytes);
                    self.rows = None;
                    if let Some(mut lease) = self.lease.take() {
                        lease.busy = false;
                        if self.writes {
                            command(&mut lease, &self.place, "COMMIT", &self.traffic).await?;
                        }
                    }
                    return self.decoder.finish();
                }
            }
        }
    }
}

fn plan(column: &Column) -> ColumnPlan {
    let pg_type = carrier(column).unwrap_or(PgType::Text);
    ColumnPlan { name: column.name().to_string(), wire: pg_type.clone(), target: pg_type, nullable: true, zone: None }
}

/// The type that carries a result column; none for one that must be cast to text.
fn carrier(column: &Column) -> Option<PgType> {
    let pg_type = PgType::from_oid(column.type_().oid())?;
    Some(with_typmod(pg_type, column.type_modifier())).filter(is_carried)
}

/// A numeric with the precision and scale of its type modifier; other types do not need theirs.
fn with_typmod(pg_type: PgType, typmod: i32) -> PgType {
    match pg_type {
        PgType::Numeric(None) if typmod >= 4 => {
            let packed = typmod - 4;
            let precision = u8::try_from(packed >> 16).unwrap_or(u8::MAX);
            // Eleven bits with a sign.
            let scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
            PgType::Numeric(Some((precision, i8::try_from(scale).unwrap_or(i8::MIN))))
        }
        PgType::Array(element) => PgType::Array(Box::new(with_typmod(*element, typmod))),
        other => other,
    }
}

/// The query with the columns that are not carried cast to text. Its columns may share names, so they are numbered.
fn with_casts(query: &str, statement: &Statement) -> String {
    let columns = statement.columns();
    let names: Vec<String> = (1..=columns.len()).map(|index| format!("c{index}")).collect();
    let items: Vec<String> = names
        .iter()
        .zip(columns)
        .map(|(name, column)| match carrier(column) {
            Some(_) => name.clone(),
            None => cast_template(name, "text", *column.type_() == Type::INET),
        })
        .collect();
    let query = query.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
    // The line break ends a comment that the query may end with.
    format!("SELECT {} FROM ({query}\n) AS q ({})", items.join(", "), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_and_scale_come_from_the_modifier() {
        let typmod = PgType::Numeric(Some((10, 2))).typmod();
        assert_eq!(with_typmod(PgType::Numeric(None), typmod), PgType::Numeric(Some((10, 2))));
        assert_eq!(with_typmod(PgType::Numeric(None), -1), PgType::Numeric(None));
        let negative = PgType::Numeric(Some((5, -2))).typmod();
        assert_eq!(with_typmod(PgType::Numeric(None), negative), PgType::Numeric(Some((5, -2))));
    }
}
