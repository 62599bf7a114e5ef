//! What came of a statement, and when two answers are the same.

use std::fmt;
use std::time::Duration;

use tokio_postgres::Client;

use super::super::support::wire::{Fault, Rows, rows};
use super::known;

/// How long a statement may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of a statement.
#[derive(Clone, Debug)]
pub enum Answer {
    Rows {
        types: Vec<String>,
        rows: Rows,
    },
    Failed(Fault),
    /// Nothing came in time.
    Silent,
}

/// How far two answers are compared.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The order of rows counts.
    pub ordered: bool,
    /// The types of columns count.
    pub typed: bool,
    /// The other is PostgreSQL, where a numeric without digits has those of each value.
    pub foreign: bool,
}

impl Answer {
    /// Asks for the types of the columns too.
    pub async fn of(client: &Client, sql: &str) -> Answer {
        let asked = async {
            let statement = client.prepare(sql).await.map_err(Fault::from)?;
            let types = statement.columns().iter().map(|column| column.type_().name().to_string()).collect();
            Ok::<_, Fault>(Answer::Rows { types, rows: rows(client, sql).await? })
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answer) => answer.unwrap_or_else(Answer::Failed),
            Err(_) => Answer::Silent,
        }
    }

    /// The number of rows.
    pub fn count(&self) -> Option<usize> {
        match self {
            Answer::Rows { rows, .. } => Some(rows.len()),
            _ => None,
        }
    }

    /// Whether the statement was refused as one that is not supported.
    pub fn is_refused(&self) -> bool {
        matches!(self, Answer::Failed(fault) if fault.state == "0A000")
    }

    /// Whether it is a fault that is known.
    pub fn is_known(&self) -> bool {
        matches!(self, Answer::Failed(fault) if known::is_engine_error(&fault.message))
    }

    /// Whether two answers are the same. Of failures the class of the SQLSTATE counts.
    pub fn is_like(&self, other: &Answer, measure: Measure) -> bool {
        match (self, other) {
            (Answer::Rows { types, rows }, Answer::Rows { types: other_types, rows: other_rows }) => {
                let plain = types.iter().map(|name| plain_type(name));
                if measure.typed && !plain.eq(other_types.iter().map(|name| plain_type(name))) {
                    return false;
                }
                let (one, other) = (self.normal(rows, types, measure), self.normal(other_rows, other_types, measure));
                rows.len() == other_rows.len() && alike(&one, &other)
            }
            (Answer::Failed(one), Answer::Failed(other)) => {
                !one.state.is_empty() && one.state.get(..2) == other.state.get(..2)
            }
            _ => false,
        }
    }

    /// Whether every row is one of the other's, as often at most.
    pub fn is_part_of(&self, whole: &Answer) -> bool {
        let (Answer::Rows { types, rows }, Answer::Rows { rows: all, .. }) = (self, whole) else { return false };
        let measure = Measure { ordered: false, typed: false, foreign: true };
        let (mut rest, part) = (self.normal(all, types, measure), self.normal(rows, types, measure));
        part.iter().all(|row| {
            let found = rest.iter().position(|other| other == row);
            found.map(|at| rest.swap_remove(at)).is_some()
        })
    }

    fn normal(&self, rows: &Rows, types: &[String], measure: Measure) -> Rows {
        let mut rows: Rows = rows
            .iter()
            .map(|row| {
                row.iter()
                    .zip(types)
                    .map(|(cell, name)| cell.as_ref().map(|cell| plain_cell(cell, name, measure)))
                    .collect()
            })
            .collect();
        if !measure.ordered {
            rows.sort();
        }
        rows
    }
}

/// A result's text has no length: `varchar` and `text` are one where an expression made it.
fn plain_type(name: &str) -> &str {
    if name == "varchar" { "text" } else { name }
}

fn plain_cell(cell: &str, name: &str, measure: Measure) -> String {
    match name {
        // The two zeros are equal: which of them is kept is nobody's promise.
        "float8" | "float4" if cell == "-0" => "0".into(),
        "numeric" if measure.foreign && cell.contains('.') => {
            cell.trim_end_matches('0').trim_end_matches('.').to_string()
        }
        _ => cell.to_string(),
    }
}

/// Rows that are the same but for the last digits of doubles, which depend on the order in which they were added.
fn alike(one: &Rows, other: &Rows) -> bool {
    let same = |one: &Option<String>, other: &Option<String>| {
        one == other
            || match (one.as_ref().map(|v| v.parse::<f64>()), other.as_ref().map(|v| v.parse::<f64>())) {
                (Some(Ok(one)), Some(Ok(other))) => {
                    one.is_finite() && other.is_finite() && (one - other).abs() <= one.abs().max(other.abs()) * 1e-15
                }
                _ => false,
            }
    };
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.iter().zip(other).all(|(a, b)| same(a, b)))
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 30;
        match self {
            Answer::Failed(fault) => write!(f, "{fault}"),
            Answer::Silent => write!(f, "nothing within {} s", PATIENCE.as_secs()),
            Answer::Rows { types, rows } => {
                write!(f, "{} rows of ({})", rows.len(), types.join(", "))?;
                let mut rows = rows.clone();
                rows.sort();
                for row in rows.iter().take(SHOWN) {
                    let cells: Vec<String> = row
                        .iter()
                        .map(|cell| cell.as_ref().map_or("NULL".into(), |cell| format!("{cell:?}")))
                        .collect();
                    write!(f, "\n        {}", cells.join(", "))?;
                }
                if rows.len() > SHOWN { write!(f, "\n        ..") } else { Ok(()) }
            }
        }
    }
}
