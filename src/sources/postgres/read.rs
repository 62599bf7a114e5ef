//! A scan under way: rows are pulled as they are wanted, so the source waits for us and memory stays bounded.
//!
//! The driver holds back on its socket when nobody takes rows: between it and the stream there is room for a few
//! socket reads, whatever the size of the answer. No cursor is needed.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use futures::future::{BoxFuture, try_join_all};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::Statement;

use super::answer::{Answer, Expected, Piece};
use super::connection::Plans;
use super::decode::{BatchDecoder, ColumnPlan};
use super::dialect::PostgresDialect;
use super::errors::{self, Place};
use super::forms::Form;
use super::lookup::{PostgresLookup, Template};
use super::parameter::{self, TextParameter};
use super::parts::{self, Part};
use super::pool::{Lease, Pool};
use super::query::{self, Question, Started};
use super::ranges::Ranges;
use super::types::comes_as;
use crate::error::{Error, Result, SqlState};
use crate::federation::again::{Again, Conditions};
use crate::federation::dialect::Parameter;
use crate::federation::query::RemoteQuery;
use crate::sources::activity::Literals;
use crate::sources::scan::{Keys, RemoteRead, Reserved};
use crate::sources::split::Split;
use crate::sources::traffic::Traffic;

/// One SELECT, ready to be sent.
#[derive(Clone)]
pub(super) struct PostgresRead {
    pub(super) pool: Arc<Pool>,
    pub(super) place: Arc<Place>,
    pub(super) query: Arc<RemoteQuery>,
    pub(super) columns: Arc<[ColumnPlan]>,
    pub(super) schema: SchemaRef,
    pub(super) zone: Tz,
    /// About how many rows come.
    pub(super) rows: Option<u64>,
    /// How many streams it has.
    pub(super) streams: usize,
    /// What the streams read in parts share, or what the only one reads in parts; none when the first one reads everything.
    pub(super) parted: Option<Arc<Parted>>,
    /// Why a large table is not read in parts, where that is so.
    pub(super) why_whole: Option<String>,
    /// The statement, to be sent again with other values; empty before it was, none where it cannot be.
    pub(super) template: Arc<OnceLock<Option<Arc<Template>>>>,
}

/// What the streams of one read share.
#[derive(Debug)]
pub(super) struct Parted {
    /// The table's name as SQL.
    table: String,
    /// In how many parts it is meant to be read.
    parts: usize,
    split: Split<Part>,
    /// The permit for the first connection, where it was asked for before the read began.
    permit: Mutex<Option<Weak<Permit>>>,
    /// Why there are fewer parts than planned, or only one.
    why_fewer: Mutex<Option<String>>,
}

/// The permit for a connection, until that is made.
#[derive(Debug)]
struct Permit(Mutex<Option<OwnedSemaphorePermit>>);

impl Parted {
    /// A table to read in so many parts, by its name as SQL.
    pub(super) fn new(table: String, parts: usize) -> Self {
        Parted { table, parts, split: Split::default(), permit: Mutex::default(), why_fewer: Mutex::default() }
    }

    /// The permit, if there is one to spare: whoever asks first asks for all streams.
    fn reserve(&self, pool: &Pool) -> Option<Arc<Permit>> {
        let mut permit = self.permit.lock();
        if let Some(known) = permit.as_ref() {
            return known.upgrade();
        }
        let reserved = pool.unneeded().map(|permit| Arc::new(Permit(Mutex::new(Some(permit)))));
        *permit = Some(reserved.as_ref().map_or_else(Weak::new, Arc::downgrade));
        reserved
    }

    fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let reserved = self.permit.lock().as_ref().and_then(Weak::upgrade)?;
        reserved.0.lock().take()
    }

    /// How it is read, in words. It may say more once it has been.
    fn how(&self) -> String {
        let why = self.why_fewer.lock();
        let fewer = why.as_ref().map(|why| format!("; there were fewer: {why}")).unwrap_or_default();
        format!("in {} parts by ctid, one snapshot{fewer}", self.parts)
    }
}

impl fmt::Debug for PostgresRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresRead").field("place", &self.place).field("query", &self.query).finish_non_exhaustive()
    }
}

#[async_trait]
impl RemoteRead for PostgresRead {
    fn describe(&self) -> String {
        self.query.describe(&PostgresDialect)
    }

    fn how(&self) -> Option<String> {
        let parts = match &self.parted {
            None => self.why_whole.as_ref().map(|why| format!("in one part: {why}")),
            Some(parted) => Some(parted.how()),
        };
        if let Some(likely) = &self.query.likely {
            let condition = likely.filter.render(&PostgresDialect, None).sql;
            let parts = parts.map(|parts| format!(", {parts}")).unwrap_or_default();
            return Some(format!("first where {condition}, by the source's statistics{parts}"));
        }
        parts
    }

    fn partitions(&self) -> usize {
        self.streams
    }

    fn again(&self) -> Option<Arc<dyn RemoteRead>> {
        let parted = self.parted.as_ref()?;
        let parted = Parted::new(parted.table.clone(), parted.parts);
        Some(Arc::new(PostgresRead { parted: Some(Arc::new(parted)), ..self.clone() }))
    }

    fn literals(&self) -> Literals {
        Literals::Written
    }

    fn with_conditions(&self, conditions: &Conditions) -> Option<Arc<dyn RemoteRead>> {
        // Large answers come in other ways than by one statement with parameters.
        if self.parted.is_some() || self.query.pieces.is_some() {
            return None;
        }
        let template = || Again::of(&self.query, &PostgresDialect).map(|again| Arc::new(Template::new(again)));
        let template = self.template.get_or_init(template).as_ref()?;
        Some(Arc::new(PostgresLookup::new(self, template, conditions)?))
    }

    fn keyed(&self, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.restricted(None, column)
    }

    fn keyed_through(&self, function: &str, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.restricted(Some(function), column)
    }

    fn reserve(&self) -> Option<Reserved> {
        let parted = self.parted.as_ref().filter(|_| self.query.likely.is_none())?;
        Some(parted.reserve(&self.pool)?)
    }

    async fn open(
        &self,
        partition: usize,
        keys: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        if partition == 0
            && let Some((query, rows)) = self.query.likely()
        {
            return self.open_likely(query, rows, keys, traffic).await;
        }
        let Some(parted) = &self.parted else {
            // With keys, or few rows, the first stream has everything.
            return if partition == 0 {
                self.open_with(None, keys, traffic).await
            } else {
                Ok(stream::empty().boxed())
            };
        };
        match parted.split.take(partition, || self.parts(parted)).await? {
            Some(part) => self.open_with(Some(part), keys, traffic).await,
            None => Ok(stream::empty().boxed()),
        }
    }
}

impl PostgresRead {
    fn restricted(&self, function: Option<&str>, column: usize) -> Option<Arc<dyn RemoteRead>> {
        let query = Arc::new(self.query.keyed(&PostgresDialect, function, column)?);
        let template = Arc::default();
        Some(Arc::new(PostgresRead { query, rows: None, parted: None, why_whole: None, template, ..self.clone() }))
    }

    /// The connections that read the parts, made ready.
    fn parts(&self, parted: &Arc<Parted>) -> BoxFuture<'static, Result<Vec<Part>>> {
        let (pool, place, shared) = (Arc::clone(&self.pool), Arc::clone(&self.place), Arc::clone(parted));
        let (table, most) = (parted.table.clone(), parted.parts);
        let packed = self.query.pieces.is_some();
        parts::prepare(pool, parted.permit(), place, table, most, packed, move |why| {
            *shared.why_fewer.lock() = Some(why)
        })
        .boxed()
    }

    /// The rows that a query gives which gives only likely ones, when there are so many; else all that are asked for. Of
    /// a table in parts each part gives so many, if it has them: what is above sorts them and takes the first.
    async fn open_likely(
        &self,
        query: RemoteQuery,
        wanted: u64,
        keys: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let likely = PostgresRead { query: Arc::new(query), ..self.clone() };
        let parts = match &self.parted {
            Some(parted) => self.parts(parted).await?.into_iter().map(Some).collect(),
            None => vec![None],
        };
        let found = parts.into_iter().map(|part| async {
            let rows = likely.open_with(part, keys, traffic).await?;
            rows.try_collect::<Vec<RecordBatch>>().await
        });
        let found = try_join_all(found).await?.concat();
        if found.iter().map(|batch| batch.num_rows() as u64).sum::<u64>() < wanted {
            return self.open_with(None, keys, traffic).await;
        }
        Ok(stream::iter(found.into_iter().map(Ok)).boxed())
    }

    /// The rows of a part, or all of them.
    async fn open_with(
        &self,
        part: Option<Part>,
        keys: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let decoder = BatchDecoder::new(Arc::clone(&self.place), Arc::clone(&self.schema), &self.columns, self.zone)?;
        let (started, further) = match part {
            Some(Part { mut lease, ranges: Some(ranges) }) => {
                let Some(rows) = self.ask(&mut lease, &ranges, keys, false, traffic).await? else {
                    // The others were quicker.
                    return Ok(stream::empty().boxed());
                };
                let further = Further { read: self.clone(), ranges, keys: keys.to_vec() };
                (Started { lease, rows }, Some(further))
            }
            part => (self.start(part.map(|part| part.lease), keys, traffic).await?, None),
        };
        Ok(batches(started, further, decoder, Arc::clone(&self.place), Arc::clone(traffic)))
    }

    /// The rows of a statement that gives the same columns.
    pub(super) async fn open_statement(
        &self,
        sql: &str,
        values: &[Parameter],
        plans: Plans,
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let decoder = BatchDecoder::new(Arc::clone(&self.place), Arc::clone(&self.schema), &self.columns, self.zone)?;
        let parameters = values.iter().map(bind).collect::<Result<Vec<_>>>()?;
        let check = |statement: &Statement| check(statement, &self.columns);
        let question = Question { sql, parameters: &parameters, expected: Expected::Few, forms: &[], check: &check };
        let started = query::start(&self.pool, &self.place, question, plans, traffic).await?;
        Ok(batches(started, None, decoder, Arc::clone(&self.place), Arc::clone(traffic)))
    }

    /// The forms in which the columns of many rows come.
    fn forms(&self) -> Vec<Form> {
        self.columns.iter().map(|column| Form::of(&column.wire)).collect()
    }

    /// Asks for all rows: on this connection, or on one of the pool.
    async fn start(&self, lease: Option<Lease>, keys: &[Keys], traffic: &Traffic) -> Result<Started> {
        let rendered = self.query.render(&PostgresDialect, keys);
        let parameters = rendered.parameters.iter().map(bind).collect::<Result<Vec<_>>>()?;
        let check = |statement: &Statement| check(statement, &self.columns);
        let (expected, forms) = (Expected::of(self.rows), self.forms());
        let question = Question { sql: &rendered.sql, parameters: &parameters, expected, forms: &forms, check: &check };
        match lease {
            Some(lease) => query::start_on(lease, &self.place, question, traffic).await,
            None => query::start(&self.pool, &self.place, question, Plans::OfValues, traffic).await,
        }
    }

    /// Asks for the rows of the next range of pages; none when all have been asked for. `checked`: this connection has
    /// been asked for another.
    async fn ask(
        &self,
        lease: &mut Lease,
        ranges: &Ranges,
        keys: &[Keys],
        checked: bool,
        traffic: &Traffic,
    ) -> Result<Option<Answer>> {
        let Some(conditions) = ranges.take() else { return Ok(None) };
        let mut query = self.query.as_ref().clone();
        query.select.filters.extend(conditions);
        let rendered = query.render(&PostgresDialect, keys);
        let parameters = rendered.parameters.iter().map(bind).collect::<Result<Vec<_>>>()?;
        let check = |statement: &Statement| check(statement, &self.columns);
        let (expected, forms) = (Expected::of(self.rows), self.forms());
        let question = Question { sql: &rendered.sql, parameters: &parameters, expected, forms: &forms, check: &check };
        query::start_in_block(lease, &self.place, question, checked, traffic).await.map(Some)
    }
}

/// Where a part's rows come from once its first range has been read.
struct Further {
    read: PostgresRead,
    ranges: Arc<Ranges>,
    keys: Vec<Keys>,
}

fn bind(parameter: &Parameter) -> Result<TextParameter> {
    parameter::text(&parameter.value).map(TextParameter).ok_or_else(|| {
        Error::internal(format!("a literal compared with column \"{}\" cannot be sent", parameter.column.name))
    })
}

/// Refuses a statement whose columns no longer have the types that they were imported with: their values would be
/// misread, and predicates may mean something else.
fn check(statement: &Statement, columns: &[ColumnPlan]) -> Result<()> {
    for (plan, column) in columns.iter().zip(statement.columns()) {
        let found = column.type_();
        if !comes_as(&plan.wire, found.oid()) {
            return Err(Error::new(
                SqlState::FDW_INVALID_DATA_TYPE,
                format!(
                    "column \"{}\" has changed at the source: it is now {}, where {} was expected",
                    plan.name,
                    found.name(),
                    plan.wire
                ),
            )
            .with_hint("Import the foreign schema again."));
        }
    }
    Ok(())
}

/// The batches of a started statement. Dropping the stream stops the statement at the source.
fn batches(
    started: Started,
    further: Option<Further>,
    decoder: BatchDecoder,
    place: Arc<Place>,
    traffic: Arc<Traffic>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let running = Running {
        lease: Some(started.lease),
        rows: Some(started.rows),
        further,
        messages: Bytes::new(),
        numerics: Form::Binary,
        decoder,
        place,
        traffic,
    };
    stream::try_unfold(running, |mut running| async move {
        let next = running.next().await;
        next.map(|batch| batch.map(|batch| (batch, running)))
    })
    .boxed()
}

/// A statement whose rows are being read.
struct Running {
    /// There until the last row has come.
    lease: Option<Lease>,
    /// There until the last row of the statement under way has come.
    rows: Option<Answer>,
    /// What to ask for next.
    further: Option<Further>,
    /// Rows that have not been decoded.
    messages: Bytes,
    /// In which form their numerics are.
    numerics: Form,
    decoder: BatchDecoder,
    place: Arc<Place>,
    traffic: Arc<Traffic>,
}

impl Running {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let mut bytes = 0;
        loop {
            let Some(rows) = &mut self.rows else { return Ok(None) };
            self.decoder.take_messages(&mut self.messages, self.numerics)?;
            if self.decoder.is_full() {
                self.traffic.add_bytes(bytes);
                return self.decoder.finish();
            }
            match rows.next().await {
                Some(Ok(Piece::Messages(messages, numerics))) => {
                    bytes += messages.len() as u64;
                    (self.messages, self.numerics) = (messages, numerics);
                }
                Some(Ok(Piece::Row(row))) => {
                    bytes += row.raw_size_bytes() as u64;
                    self.decoder.take_row(&row)?;
                }
                Some(Err(error)) => return Err(self.failed(&error)),
                None => {
                    self.decoder.end_statement(rows.sent())?;
                    self.rows = None;
                    if let Some(lease) = &mut self.lease {
                        lease.busy = false;
                        if let Some(Further { read, ranges, keys }) = &self.further {
                            self.rows = read.ask(lease, ranges, keys, true, &self.traffic).await?;
                        }
                    }
                    if self.rows.is_none() {
                        self.traffic.add_bytes(bytes);
                        self.lease = None;
                        return self.decoder.finish();
                    }
                }
            }
        }
    }

    fn failed(&mut self, error: &tokio_postgres::Error) -> Error {
        self.rows = None;
        let mut ended = None;
        if let Some(mut lease) = self.lease.take() {
            ended = lease.connection().ok().and_then(|connection| connection.ended());
            // After an error of its own the source is ready for the next statement; anything else is cut off.
            lease.busy = error.as_db_error().is_none();
        }
        errors::running(&self.place, error, ended)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(lease), Some(rows)) = (self.lease.take(), self.rows.take()) {
            lease.wind_down(rows);
        }
    }
}
