//! Large reads by COPY: values come from the wire without the driver's rows between.
//!
//! Receiving a row takes less of the program's time than by the extended protocol, and a little more of the server's.
//! COPY takes no parameters, and values never become SQL text: a statement that has any is sent by the extended protocol.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio_postgres::{CopyOutStream, Row, RowStream};

use super::connection::Connection;
use super::diversion::{Diversion, Diverted};
use crate::federation::fragment::Rendered;

/// A statement whose answer holds fewer rows is sent as it is: it takes one round trip less.
const LEAST_ROWS: u64 = 20_000;

/// What a statement answers, as it comes.
pub(super) enum Answer {
    /// By the extended protocol.
    Rows(Pin<Box<RowStream>>),
    /// By COPY.
    Copied(CopyOut),
}

/// A piece of an answer.
pub(super) enum Piece {
    /// One row.
    Row(Row),
    /// Bytes of a COPY in binary, cut anywhere.
    Copied(Bytes),
    /// Whole messages with such bytes.
    Messages(Bytes),
}

impl Answer {
    /// What comes next; none at the end.
    pub(super) async fn next(&mut self) -> Option<Result<Piece, tokio_postgres::Error>> {
        match self {
            Answer::Rows(rows) => Some(rows.next().await?.map(Piece::Row)),
            Answer::Copied(copy) => poll_fn(|cx| copy.poll_next(cx)).await,
        }
    }

    /// Takes what is left; whether that was without an error.
    pub(super) async fn drain(&mut self) -> bool {
        if let Answer::Copied(CopyOut { diverted: Some(diverted), .. }) = self {
            diverted.discard();
        }
        while let Some(piece) = self.next().await {
            if piece.is_err() {
                return false;
            }
        }
        true
    }
}

/// A COPY under way.
pub(super) struct CopyOut {
    /// What the driver says of it; none after the end.
    driver: Option<Pin<Box<CopyOutStream>>>,
    /// Where its data are; none where they come by way of the driver.
    diverted: Option<Diverted>,
}

impl CopyOut {
    /// Sends a COPY.
    pub(super) async fn send(connection: &Connection, copy: &str) -> Result<CopyOut, tokio_postgres::Error> {
        let diverted = connection.diversion.as_ref().map(Diversion::begin);
        let driver = Some(Box::pin(connection.client.copy_out(copy).await?));
        Ok(CopyOut { driver, diverted })
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece, tokio_postgres::Error>>> {
        loop {
            // What was diverted came before what the driver has to say of the end.
            if let Some(messages) = self.diverted.as_mut().and_then(|diverted| diverted.poll_take(cx)) {
                return Poll::Ready(Some(Ok(Piece::Messages(messages))));
            }
            let Some(driver) = &mut self.driver else {
                if let Some(diverted) = self.diverted.take() {
                    diverted.finish();
                }
                return Poll::Ready(None);
            };
            match ready!(driver.as_mut().poll_next(cx)) {
                Some(said) => return Poll::Ready(Some(said.map(Piece::Copied))),
                // More may have come between the two.
                None => self.driver = None,
            }
        }
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
