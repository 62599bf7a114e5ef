//! Large reads by COPY: values come from the wire without the driver's rows between.
//!
//! Receiving a row takes less of the program's time than by the extended protocol, and a little more of the server's.
//! COPY takes no parameters, and values never become SQL text: a statement that has any is sent by the extended protocol.

use std::pin::Pin;

use bytes::Bytes;
use futures::StreamExt;
use tokio_postgres::{CopyOutStream, Row, RowStream};

use crate::federation::fragment::Rendered;

/// A statement whose answer holds fewer rows is sent as it is: it takes one round trip less.
const LEAST_ROWS: u64 = 20_000;

/// What a statement answers, as it comes.
pub(super) enum Answer {
    /// By the extended protocol.
    Rows(Pin<Box<RowStream>>),
    /// By COPY.
    Copied(Pin<Box<CopyOutStream>>),
}

/// A piece of an answer.
pub(super) enum Piece {
    /// One row.
    Row(Row),
    /// Bytes of a COPY in binary, cut anywhere.
    Copied(Bytes),
}

impl Piece {
    /// How many bytes of values it has.
    pub(super) fn raw_size_bytes(&self) -> usize {
        match self {
            Piece::Row(row) => row.raw_size_bytes(),
            Piece::Copied(data) => data.len(),
        }
    }
}

impl Answer {
    /// What comes next; none at the end.
    pub(super) async fn next(&mut self) -> Option<Result<Piece, tokio_postgres::Error>> {
        match self {
            Answer::Rows(rows) => Some(rows.next().await?.map(Piece::Row)),
            Answer::Copied(data) => Some(data.next().await?.map(Piece::Copied)),
        }
    }

    /// Takes what is left; whether that was without an error.
    pub(super) async fn drain(&mut self) -> bool {
        while let Some(piece) = self.next().await {
            if piece.is_err() {
                return false;
            }
        }
        true
    }
}

/// The COPY that gives a statement's rows, of which about so many are expected; none for one that is sent as it is.
pub(super) fn statement(rendered: &Rendered, rows: Option<u64>) -> Option<String> {
    let large = rows.is_some_and(|rows| rows >= LEAST_ROWS);
    (large && rendered.parameters.is_empty()).then(|| format!("COPY ({}) TO STDOUT (FORMAT binary)", rendered.sql))
}

#[cfg(test)]
mod tests {
    use datafusion::scalar::ScalarValue;

    use super::*;
    use crate::catalog::types::PgType;
    use crate::federation::dialect::Parameter;
    use crate::sources::table::ColumnSpec;

    #[test]
    fn only_large_reads_without_parameters_are_copies() {
        let plain = Rendered { sql: "SELECT \"id\" FROM \"t\"".into(), parameters: vec![] };
        assert_eq!(
            statement(&plain, Some(1_000_000)).as_deref(),
            Some("COPY (SELECT \"id\" FROM \"t\") TO STDOUT (FORMAT binary)")
        );
        assert_eq!(statement(&plain, Some(10)), None);
        assert_eq!(statement(&plain, None), None);
        let parameter = Parameter { value: ScalarValue::Int32(Some(7)), column: ColumnSpec::new("id", PgType::Int4) };
        let filtered = Rendered { parameters: vec![parameter], ..plain };
        assert_eq!(statement(&filtered, Some(1_000_000)), None);
    }
}
