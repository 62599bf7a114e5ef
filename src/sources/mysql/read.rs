//! A query's rows as a stream that owns its connection.

use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use mysql_async::Value;
use parking_lot::Mutex;

use super::bind;
use super::decode::ColumnReader;
use super::dialect::MysqlDialect;
use super::parts::{self, Cut, Part};
use super::pool::Pool;
use super::pump::{self, Query};
use super::types::MysqlType;
use crate::error::{Error, Result};
use crate::federation::dialect::{Parameter, RemoteDialect};
use crate::federation::query::RemoteQuery;
use crate::sources::activity::Literals;
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::split::Split;
use crate::sources::traffic::Traffic;
use crate::sources::zone::zone_option;

/// One SELECT, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct MysqlRead {
    pub pool: Arc<Pool>,
    /// The table, for errors.
    pub table: String,
    pub dialect: Arc<MysqlDialect>,
    pub query: RemoteQuery,
    /// Where DATETIME columns are whose table says nothing else.
    pub zone: Option<Tz>,
    pub schema: SchemaRef,
    pub readers: Arc<[ColumnReader]>,
    /// How many streams it has.
    pub streams: usize,
    /// What the streams read in parts share; none when the first one reads everything.
    pub parted: Option<Arc<Parted>>,
}

/// What the streams of one read share.
#[derive(Debug)]
pub(super) struct Parted {
    cut: Cut,
    split: Split<Part>,
    /// Why there are fewer parts than planned.
    why_fewer: Mutex<Option<String>>,
}

impl Parted {
    /// A table to read in parts.
    pub fn new(cut: Cut) -> Self {
        Parted { cut, split: Split::default(), why_fewer: Mutex::default() }
    }
}

#[async_trait]
impl RemoteRead for MysqlRead {
    fn describe(&self) -> String {
        self.query.describe(self.dialect.as_ref())
    }

    fn how(&self) -> Option<String> {
        let why = self.parted.as_ref()?.why_fewer.lock();
        let fewer = why.as_ref().map(|why| format!("; there were fewer: {why}")).unwrap_or_default();
        Some(format!("in {} parts by primary key, not one snapshot{fewer}", self.streams))
    }

    fn partitions(&self) -> usize {
        self.streams
    }

    fn again(&self) -> Option<Arc<dyn RemoteRead>> {
        let parted = self.parted.as_ref()?;
        Some(Arc::new(MysqlRead { parted: Some(Arc::new(Parted::new(parted.cut.clone()))), ..self.clone() }))
    }

    fn literals(&self) -> Literals {
        Literals::Written
    }

    fn keyed(&self, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.restricted(None, column)
    }

    fn keyed_through(&self, function: &str, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.restricted(Some(function), column)
    }

    fn keys_at_once(&self) -> usize {
        self.dialect.keys_at_once()
    }

    async fn open(
        &self,
        partition: usize,
        keys: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let part = match &self.parted {
            Some(parted) => {
                let shared = Arc::clone(parted);
                let (pool, table, most) = (Arc::clone(&self.pool), self.table.clone(), self.streams);
                let prepare = move || {
                    let cut = shared.cut.clone();
                    parts::prepare(pool, table, cut, most, move |why| *shared.why_fewer.lock() = Some(why)).boxed()
                };
                match parted.split.take(partition, prepare).await? {
                    Some(part) => Some(part),
                    None => return Ok(stream::empty().boxed()),
                }
            }
            // With keys, or few rows, the first stream has everything.
            None if partition > 0 => return Ok(stream::empty().boxed()),
            None => None,
        };
        let mut query = self.query.clone();
        query.select.filters.extend(part.as_ref().and_then(|part| part.range.clone()));
        let rendered = query.render(self.dialect.as_ref(), keys);
        let parameters = rendered.parameters.iter().map(|p| self.bind(p)).collect::<Result<Vec<_>>>()?;
        let lease = match part {
            Some(part) => part.lease,
            None => self.pool.acquire().await?,
        };
        let query = Query {
            server: self.pool.server().to_string(),
            table: Some(self.table.clone()),
            sql: rendered.sql,
            parameters,
            traffic: Arc::clone(traffic),
        };
        let shape = (Arc::clone(&self.schema), Arc::clone(&self.readers));
        Ok(pump::start(Arc::clone(&self.pool), lease, query, shape))
    }
}

impl MysqlRead {
    fn restricted(&self, function: Option<&str>, column: usize) -> Option<Arc<dyn RemoteRead>> {
        let query = self.query.keyed(self.dialect.as_ref(), function, column)?;
        Some(Arc::new(MysqlRead { query, parted: None, ..self.clone() }))
    }

    fn bind(&self, parameter: &Parameter) -> Result<Value> {
        let zone = zone_option(&parameter.column.options)?.or(self.zone);
        MysqlType::parse(&parameter.column.remote_type)
            .and_then(|remote| bind::parameter(remote, &parameter.value, zone))
            .ok_or_else(|| {
                Error::internal(format!("a literal was taken for \"{}\" that cannot be sent", parameter.column.name))
            })
    }
}
