//! What has changed between what is known of a source's table and what the source says now, and what reads it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::timeout;

use super::Engine;
use crate::catalog::definitions::{
    Definitions, ForeignTableDef, OWNER, RelationDef, RelationKind, RelationName, quote_identifier,
};
use crate::error::{Error, Result, SqlState};
use crate::sources::guard::ShapeWatch;
use crate::sources::table::{ColumnSpec, TableSpec};

/// How long a source may take to say what a table is like, once a statement over it has failed.
const ASKING: Duration = Duration::from_secs(5);

/// How many tables of a statement that failed are asked for.
const MOST_TABLES: usize = 8;

/// How many views are named in an error.
const MOST_VIEWS: usize = 10;

/// One difference between a table as it is known and as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The column's name: here, or at the source if it is new.
    pub column: String,
    /// Its name at the source.
    pub remote: String,
    /// What has changed.
    pub what: What,
}

/// What has changed of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It is new; with its type.
    Added(String),
    /// It is gone.
    Dropped,
    /// From one type to another.
    Retyped(String, String),
    /// From one collation to another.
    Collated(String, String),
    /// It may be null now, or may not be any more.
    Nullable(bool),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let collation = |name: &str| if name.is_empty() { "the default".to_string() } else { name.to_string() };
        write!(f, "column \"{}\" ", self.column)?;
        match &self.what {
            What::Added(kind) => write!(f, "of type {kind} was added"),
            What::Dropped => write!(f, "was dropped"),
            What::Retyped(from, to) => write!(f, "changed its type from {from} to {to}"),
            What::Collated(from, to) => {
                write!(f, "changed its collation from {} to {}", collation(from), collation(to))
            }
            What::Nullable(true) => write!(f, "may be null now"),
            What::Nullable(false) => write!(f, "is never null now"),
        }
    }
}

/// What has changed from `known` to `found`, by the columns' names at the source. New columns count where the table
/// has all of its source's columns (`whole`).
pub(super) fn changes(known: &TableSpec, found: &TableSpec, whole: bool) -> Vec<Change> {
    let mut all = vec![];
    for column in &known.columns {
        let mut change = |what| all.push(Change { column: column.name.clone(), remote: column.remote.clone(), what });
        let Some(now) = found.columns.iter().find(|now| now.remote == column.remote) else {
            change(What::Dropped);
            continue;
        };
        // What was declared while the source was down has no type of the source's.
        if !column.remote_type.is_empty() && column.remote_type != now.remote_type {
            change(What::Retyped(type_of(column), type_of(now)));
        } else if column.collation != now.collation && !column.remote_type.is_empty() {
            change(What::Collated(column.collation.clone(), now.collation.clone()));
        } else if whole && column.nullable != now.nullable {
            change(What::Nullable(now.nullable));
        }
    }
    if whole {
        let new = found.columns.iter().filter(|now| !known.columns.iter().any(|column| column.remote == now.remote));
        all.extend(new.map(|now| Change {
            column: now.name.clone(),
            remote: now.remote.clone(),
            what: What::Added(type_of(now)),
        }));
    }
    all
}

fn type_of(column: &ColumnSpec) -> String {
    if column.remote_type.is_empty() { column.pg_type.to_string() } else { column.remote_type.clone() }
}

/// The views over a relation, over those views, and so on; with a `column`, those whose text may read it.
fn views_over(definitions: &Definitions, name: &RelationName, column: Option<&str>) -> Vec<String> {
    let mut found: BTreeSet<&RelationName> = BTreeSet::new();
    let direct = definitions.readers(name).filter(|view| match (column, &view.kind) {
        (Some(column), RelationKind::View(view)) => may_read(&view.query, column),
        _ => true,
    });
    let mut next: Vec<&RelationDef> = direct.collect();
    while let Some(view) = next.pop() {
        if found.insert(&view.name) {
            next.extend(definitions.readers(&view.name));
        }
    }
    found.into_iter().map(ToString::to_string).collect()
}

/// Whether a query names the column, or all columns of something.
fn may_read(query: &str, column: &str) -> bool {
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, query).tokenize() else { return true };
    let mut before = &Token::EOF;
    for token in tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))) {
        let reads = match token {
            Token::Mul => is_before_columns(before),
            Token::Word(word) if word.quote_style.is_some() => word.value == column,
            Token::Word(word) => word.keyword == Keyword::TABLE || word.value.to_lowercase() == column,
            _ => false,
        };
        if reads {
            return true;
        }
        before = token;
    }
    false
}

/// Whether a star behind this token may stand for columns: it multiplies behind a value, and counts in `count(*)`.
fn is_before_columns(token: &Token) -> bool {
    match token {
        Token::Comma | Token::Period | Token::RParen => true,
        Token::Word(word) => matches!(word.keyword, Keyword::SELECT | Keyword::DISTINCT | Keyword::ALL),
        _ => false,
    }
}

/// Tells the engine of tables that are not what they were.
#[derive(Debug)]
pub(super) struct Watch(pub Weak<Engine>);

impl ShapeWatch for Watch {
    fn explain(self: Arc<Self>, server: String, tables: Arc<[String]>, error: Error) -> BoxFuture<'static, Error> {
        async move {
            match self.0.upgrade() {
                Some(engine) => engine.explain(&server, &tables, error).await,
                None => error,
            }
        }
        .boxed()
    }

    fn look(self: Arc<Self>, server: String, tables: Vec<String>) -> BoxFuture<'static, ()> {
        async move {
            if let Some(engine) = self.0.upgrade() {
                engine.look(&server, &tables).await;
            }
        }
        .boxed()
    }
}

impl Engine {
    /// What a statement over these tables failed with, told by what has changed of them, if anything has. Then the
    /// server is asked for all of its tables, behind.
    async fn explain(&self, server: &str, tables: &[String], error: Error) -> Error {
        let definitions = self.definitions();
        let Ok(source) = self.sources.get(&definitions, server, OWNER) else { return error };
        let mut explained = None;
        for (relation, foreign) in of_server(&definitions, server)
            .filter(|(_, foreign)| tables.contains(&foreign.table.name))
            .take(MOST_TABLES)
        {
            let asked = TableSpec { columns: vec![], ..foreign.table.as_ref().clone() };
            let found = match timeout(ASKING, source.describe(&asked)).await {
                Ok(found) => found,
                // The source has other troubles.
                Err(_) => return error,
            };
            let told = told(&definitions, relation, foreign, found, &error);
            if told.is_some() {
                explained = explained.filter(|told: &Told| told.error.is_some()).or(told);
                self.refresh_soon(server);
            }
        }
        match explained {
            Some(Told { error: Some(explained) }) => explained,
            _ => error,
        }
    }
}

impl Engine {
    /// Asks what imported tables are like now; where one has changed, the server is asked for all of its tables, behind.
    /// A source that does not answer has other troubles.
    async fn look(&self, server: &str, tables: &[String]) {
        let definitions = self.definitions();
        let Ok(source) = self.sources.get(&definitions, server, OWNER) else { return };
        for (relation, foreign) in of_server(&definitions, server)
            .filter(|(_, foreign)| foreign.imported && tables.contains(&foreign.table.name))
            .take(MOST_TABLES)
        {
            let asked = TableSpec { columns: vec![], ..foreign.table.as_ref().clone() };
            let changed = match timeout(ASKING, source.describe(&asked)).await {
                Ok(Ok(found)) => !changes(&foreign.table, &found, true).is_empty(),
                Ok(Err(error)) => error.state() == SqlState::FDW_TABLE_NOT_FOUND,
                Err(_) => return,
            };
            if changed {
                tracing::info!(server, table = %relation.name, "a table has changed at its source");
                return self.refresh_soon(server);
            }
        }
    }
}

/// The foreign tables of a server.
pub(super) fn of_server<'a>(
    definitions: &'a Definitions,
    server: &'a str,
) -> impl Iterator<Item = (&'a RelationDef, &'a ForeignTableDef)> {
    definitions.relations.values().filter_map(move |relation| match &relation.kind {
        RelationKind::Foreign(foreign) if foreign.server == server => Some((relation, foreign)),
        _ => None,
    })
}

/// A table that has changed; with the error that this explains, if it does.
struct Told {
    error: Option<Error>,
}

fn told(
    definitions: &Definitions,
    relation: &RelationDef,
    foreign: &ForeignTableDef,
    found: Result<TableSpec>,
    error: &Error,
) -> Option<Told> {
    let (server, table) = (&foreign.server, &foreign.table.name);
    let hint = format!(
        "The server is being asked what it has now; ALTER SERVER {} REFRESH does that at once.",
        quote_identifier(server)
    );
    let said = |explained: Error, mut detail: Vec<String>, column: Option<&str>| {
        let views = views_over(definitions, &relation.name, column);
        if !views.is_empty() {
            let more = views.len().saturating_sub(MOST_VIEWS);
            let named = views.iter().take(MOST_VIEWS).cloned().collect::<Vec<_>>().join(", ");
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            detail.push(format!("Views that read it: {named}{rest}."));
        }
        detail.push(format!("The statement failed with: {}.", error.message().trim_end_matches('.')));
        let explained = explained.with_detail(detail.join(" ")).with_hint(hint.clone());
        let context = error.context().map(str::to_string);
        Some(Told {
            error: Some(match context {
                Some(context) => explained.with_context(context),
                None => explained,
            }),
        })
    };
    let found = match found {
        Ok(found) => found,
        Err(missing) if missing.state() == SqlState::FDW_TABLE_NOT_FOUND => {
            let message = format!("table \"{table}\" of server \"{server}\" no longer exists");
            return said(Error::new(SqlState::FDW_TABLE_NOT_FOUND, message), vec![], None);
        }
        Err(_) => return None,
    };
    let changes = changes(&foreign.table, &found, foreign.imported);
    if changes.is_empty() {
        return None;
    }
    let breaks = |change: &&Change| matches!(change.what, What::Dropped | What::Retyped(..));
    // The one that the source complains of, where it names it.
    let words = format!("{} {}", error.message(), error.detail().unwrap_or_default());
    let first = changes.iter().filter(breaks).find(|change| words.contains(&change.remote));
    let Some(first) = first.or_else(|| changes.iter().find(breaks)) else { return Some(Told { error: None }) };
    let column = format!("column \"{}\" of table \"{table}\" of server \"{server}\"", first.column);
    let explained = match &first.what {
        What::Retyped(expected, now) => Error::new(
            SqlState::FDW_INVALID_DATA_TYPE,
            format!("{column} has changed: it is {now} now, where {expected} was expected"),
        ),
        _ => Error::new(SqlState::FDW_COLUMN_NAME_NOT_FOUND, format!("{column} no longer exists")),
    };
    let others: Vec<String> =
        changes.iter().filter(|change| *change != first).map(|change| format!("Also, {change}.")).collect();
    said(explained, others, Some(&first.column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::types::PgType;

    fn table(columns: &[(&str, PgType, &str)]) -> TableSpec {
        let columns = columns.iter().map(|(name, pg_type, remote_type)| ColumnSpec {
            remote_type: (*remote_type).to_string(),
            ..ColumnSpec::new(*name, pg_type.clone())
        });
        TableSpec { name: "t".into(), columns: columns.collect(), ..TableSpec::default() }
    }

    #[test]
    fn changes_are_found_by_the_names_at_the_source() {
        let known = table(&[("id", PgType::Int4, "integer"), ("name", PgType::Text, "text")]);
        let found = table(&[("title", PgType::Text, "text"), ("id", PgType::Text, "text")]);
        let words = |whole| changes(&known, &found, whole).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            words(true),
            [
                "column \"id\" changed its type from integer to text",
                "column \"name\" was dropped",
                "column \"title\" of type text was added"
            ]
        );
        assert_eq!(words(false).len(), 2);
        assert!(changes(&known, &known, true).is_empty());
    }

    #[test]
    fn a_query_reads_what_it_names() {
        assert!(may_read("SELECT Name FROM t", "name"));
        assert!(may_read("SELECT t.* FROM t", "name") && may_read("TABLE t", "name"));
        assert!(may_read("SELECT DISTINCT ON (id) * FROM t", "name") && may_read("SELECT id, * FROM t", "name"));
        assert!(!may_read("SELECT id, count(*), 2 * max(n) FROM t GROUP BY id", "name"));
        assert!(!may_read("SELECT id, 'name' FROM t -- name", "name"));
        assert!(!may_read("SELECT \"Name\" FROM t", "name") && may_read("SELECT \"Name\" FROM t", "Name"));
    }
}
