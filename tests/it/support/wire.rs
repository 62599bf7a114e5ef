//! Statements over the wire by the Rust driver, and what came of them as text or as raw bytes.

use std::error::Error as StdError;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::Outcome;

/// Rows as text; none is NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// What a server said when it refused something. The SQLSTATE is empty when the driver itself failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub state: String,
    pub message: String,
    pub detail: String,
    pub position: Option<u32>,
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Fault {
        if let Some(db) = error.as_db_error() {
            let position = match db.position() {
                Some(ErrorPosition::Original(at)) => Some(*at),
                _ => None,
            };
            return Fault {
                state: db.code().code().to_string(),
                message: db.message().to_string(),
                detail: db.detail().unwrap_or_default().to_string(),
                position,
            };
        }
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Fault { state: String::new(), message: format!("{error}{cause}"), detail: String::new(), position: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.state, self.message)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl Fault {
    /// SQLSTATE alone.
    pub fn code(&self) -> String {
        self.state.clone()
    }

    /// SQLSTATE and message, and the detail of what tells of keys and dependencies by it.
    pub fn words(&self) -> String {
        match self.state.as_str() {
            "23505" | "2BP01" => self.to_string(),
            _ => format!("{}: {}", self.state, self.message),
        }
    }

    /// SQLSTATE and position.
    pub fn place(&self) -> String {
        format!("{} at {:?}", self.state, self.position)
    }
}

/// The rows of all the statements in `sql`, by the simple protocol.
pub async fn rows(client: &Client, sql: &str) -> Result<Rows, Fault> {
    let messages = client.simple_query(sql).await?;
    let mut rows = Rows::new();
    for message in &messages {
        if let SimpleQueryMessage::Row(row) = message {
            rows.push((0..row.len()).map(|column| row.get(column).map(str::to_string)).collect());
        }
    }
    Ok(rows)
}

/// The first value of the first row; empty for NULL and for no row.
pub async fn value(client: &Client, sql: &str) -> Result<String, Fault> {
    let first = rows(client, sql).await?.into_iter().next().and_then(|row| row.into_iter().next());
    Ok(first.flatten().unwrap_or_default())
}

/// A value's bytes as they came, of whatever type; none is NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw(pub Option<Vec<u8>>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Raw(Some(raw.to_vec())))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Raw(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Raw {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match &self.0 {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Runs statements one by one here and at PostgreSQL. Fails with every statement whose rows differ, or what `seen`
/// takes from its error.
pub async fn alike<S: AsRef<str>>(
    ours: &Client,
    theirs: &Client,
    statements: &[S],
    seen: fn(&Fault) -> String,
) -> Outcome {
    let mut differing = vec![];
    for statement in statements {
        let statement = statement.as_ref();
        let show = |result: Result<Rows, Fault>| match result {
            Ok(rows) => format!("{rows:?}"),
            Err(fault) => seen(&fault),
        };
        let here = show(rows(ours, statement).await);
        let there = show(rows(theirs, statement).await);
        if is_known(statement) {
            if here == there {
                differing.push(format!("{statement}\n    is the same now: take it off tests/it/known_differences.txt"));
            }
        } else if here != there {
            differing.push(format!("{statement}\n    here:       {here}\n    PostgreSQL: {there}"));
        }
    }
    all_well(&differing, statements.len())
}

/// Whether a statement is on the list of those that are known to answer otherwise than PostgreSQL.
pub fn is_known(statement: &str) -> bool {
    const KNOWN: &str = include_str!("../known_differences.txt");
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = plain(statement);
    KNOWN.lines().any(|line| !line.starts_with('#') && plain(line) == wanted)
}

/// Fails with all of `differing`, unless there are none.
pub fn all_well(differing: &[String], of: usize) -> Outcome {
    if differing.is_empty() {
        return Ok(());
    }
    Err(format!("{} of {of} differ:\n  {}", differing.len(), differing.join("\n  ")).into())
}
