//! The engine's answers, as texts that can be compared with the truth.

use std::sync::LazyLock;

use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::population::Person;
use super::present::Ask;
use super::systems::System;
use crate::error::{Error, Result};

/// What is compared with the truth, by column name, in the order of every row's values.
pub const FIELDS: [&str; 9] =
    ["email", "name", "phone", "street", "postcode", "city", "country", "birth_date", "segment"];

/// How many of [`FIELDS`] are what records are matched by: they come first, and no merge function chooses them.
pub const KEYS: usize = 1;

/// What stands before the fields, and after them, in every question.
static MERGED: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT 'customer', sources::text, {}, extract(epoch FROM updated_at)::bigint FROM customer", fields())
});
static CLEANED: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT source, record_id, {}, extract(epoch FROM updated_at)::bigint FROM clean.person", fields())
});
/// The records of the same customers, each field merged by newest.
static NEWEST: LazyLock<String> = LazyLock::new(|| {
    let (keys, merged) = FIELDS.split_at(KEYS);
    let keys = keys.join(", ");
    let merged: Vec<String> = merged.iter().map(|field| format!("newest({field}, updated_at)")).collect();
    format!(
        "SELECT 'newest', count(DISTINCT source)::text, {keys}, {}, extract(epoch FROM max(updated_at))::bigint
           FROM clean.person WHERE email IS NOT NULL GROUP BY {keys}",
        merged.join(", ")
    )
});

/// One row of the merged view, or one cleaned record of one system.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The system; none for a merged row.
    pub source: Option<System>,
    /// The record's key in its system; for a merged row, the number of its systems.
    pub record_id: String,
    /// The values of [`FIELDS`].
    pub values: Vec<Option<String>>,
    /// When it was last touched, in seconds.
    pub seen: Option<i64>,
}

impl Row {
    /// One field's value.
    pub fn value(&self, field: usize) -> Option<&str> {
        self.values.get(field)?.as_deref()
    }

    /// The key that records are matched by.
    pub fn email(&self) -> Option<&str> {
        self.value(0)
    }
}

/// A customer's true values, in the order of [`FIELDS`].
pub fn truth(person: &Person) -> [String; FIELDS.len()] {
    [
        person.email.clone(),
        person.name(),
        person.phone(),
        person.address.street.clone(),
        person.address.postcode.clone(),
        person.address.city.clone(),
        person.country_code().to_string(),
        person.birth_date(),
        person.segment.to_string(),
    ]
}

/// Every merged customer.
pub async fn merged(ask: &dyn Ask) -> Result<Vec<Row>> {
    read(&ask.rows(&MERGED).await?)
}

/// Every customer as they would be if the newest value of each field were believed.
pub async fn newest(ask: &dyn Ask) -> Result<Vec<Row>> {
    read(&ask.rows(&NEWEST).await?)
}

/// Every cleaned record.
pub async fn cleaned(ask: &dyn Ask) -> Result<Vec<Row>> {
    read(&ask.rows(&CLEANED).await?)
}

fn fields() -> String {
    FIELDS.join(", ")
}

fn read(batches: &[RecordBatch]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for batch in batches {
        let texts = texts(batch).map_err(|error| Error::internal(format!("an answer cannot be shown: {error}")))?;
        rows.extend(texts.into_iter().map(row));
    }
    Ok(rows)
}

fn row(texts: Vec<Option<String>>) -> Row {
    let mut texts = texts.into_iter();
    let source = texts.next().flatten();
    Row {
        source: System::ALL.into_iter().find(|system| source.as_deref() == Some(system.name())),
        record_id: texts.next().flatten().unwrap_or_default(),
        values: texts.by_ref().take(FIELDS.len()).collect(),
        seen: texts.next().flatten().and_then(|seconds| seconds.parse().ok()),
    }
}

fn texts(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, ArrowError> {
    let options = FormatOptions::default();
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let text = |row: usize| {
        batch
            .columns()
            .iter()
            .zip(&formatters)
            .map(|(column, formatter)| (!column.is_null(row)).then(|| formatter.value(row).to_string()))
            .collect::<Vec<_>>()
    };
    Ok((0..batch.num_rows()).map(text).collect())
}
