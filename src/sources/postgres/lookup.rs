//! A statement for few rows that is sent again and again with other values: nothing of it is written anew.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::connection::Plans;
use super::read::PostgresRead;
use crate::error::Result;
use crate::federation::again::{Again, Conditions};
use crate::federation::dialect::Parameter;
use crate::sources::activity::{Literals, without_literals};
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::traffic::Traffic;

/// What all sendings of a statement share.
#[derive(Debug)]
pub(super) struct Template {
    again: Again,
    /// What is remembered of it.
    remembered: Arc<str>,
}

impl Template {
    /// The template of a statement.
    pub(super) fn new(again: Again) -> Template {
        let remembered = without_literals(again.sql(), Literals::Written).into();
        Template { again, remembered }
    }
}

/// A statement with the values of one sending.
pub(super) struct PostgresLookup {
    read: PostgresRead,
    template: Arc<Template>,
    values: Vec<Parameter>,
    plans: Plans,
}

impl PostgresLookup {
    /// The statement with these conditions; none when it is another one with them.
    pub(super) fn new(
        read: &PostgresRead,
        template: &Arc<Template>,
        conditions: &Conditions,
    ) -> Option<PostgresLookup> {
        let values = template.again.values(&conditions.written)?;
        // Whatever the values are, the way to one row is by its key.
        let plans = if conditions.of_one_row { Plans::Kept } else { Plans::OfValues };
        Some(PostgresLookup { read: read.clone(), template: Arc::clone(template), values, plans })
    }
}

impl fmt::Debug for PostgresLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresLookup").field("sql", &self.template.again.sql()).finish_non_exhaustive()
    }
}

#[async_trait]
impl RemoteRead for PostgresLookup {
    fn describe(&self) -> String {
        self.template.again.sql().to_string()
    }

    fn literals(&self) -> Literals {
        Literals::Written
    }

    fn remembered(&self) -> Arc<str> {
        Arc::clone(&self.template.remembered)
    }

    async fn open(
        &self,
        partition: usize,
        _: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        if partition > 0 {
            return Ok(stream::empty().boxed());
        }
        self.read.open_statement(self.template.again.sql(), &self.values, self.plans, traffic).await
    }
}
