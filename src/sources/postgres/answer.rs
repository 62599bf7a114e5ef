//! What a statement answers, as it comes: by way of the driver, or past it where many rows are expected.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio_postgres::types::Type;
use tokio_postgres::{Row, RowStream, Statement};

use super::connection::Connection;
use super::diversion::Diverted;
use super::forms::Form;
use super::parameter::TextParameter;

/// Fewer rows are not worth another way than the driver's.
const MANY_ROWS: u64 = 20_000;

/// How many rows a statement is expected to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// So few that each may be an object of the driver's.
    Few,
    /// Many, or nobody knows.
    Many,
}

impl Expected {
    /// Of an estimate; none where there is none.
    pub(super) fn of(rows: Option<u64>) -> Expected {
        if rows.is_some_and(|rows| rows < MANY_ROWS) { Expected::Few } else { Expected::Many }
    }
}

/// The answer to a statement.
pub(super) enum Answer {
    /// Every row by way of the driver.
    Rows(Pin<Box<RowStream>>),
    /// Past the driver.
    Diverted(DivertedRows),
}

/// A piece of an answer.
pub(super) enum Piece {
    /// One row.
    Row(Row),
    /// Whole messages, each of one row, with their numerics in this form.
    Messages(Bytes, Form),
}

impl Answer {
    /// Sends a prepared statement, whose columns come in these forms where its rows go past the driver. Nothing else may
    /// be under way on the connection.
    pub(super) async fn ask(
        connection: &Connection,
        statement: &Statement,
        parameters: &[TextParameter],
        expected: Expected,
        forms: &[Form],
    ) -> Result<Answer, tokio_postgres::Error> {
        let diverted = diverted(connection, expected, forms);
        Answer::of(connection.client.query_raw(statement, parameters.iter()).await, diverted)
    }

    /// Sends a statement that is not prepared, in one round trip. The connection must know the types of its columns, as
    /// from another statement of the same ones: it would ask for them otherwise, while the answer comes.
    pub(super) async fn ask_at_once(
        connection: &Connection,
        sql: &str,
        parameters: &[TextParameter],
        expected: Expected,
        forms: &[Form],
    ) -> Result<Answer, tokio_postgres::Error> {
        let diverted = diverted(connection, expected, forms);
        // The server finds out what types they have.
        let parameters = parameters.iter().map(|parameter| (parameter, Type::UNKNOWN));
        Answer::of(connection.client.query_typed_raw(sql, parameters).await, diverted)
    }

    fn of(
        asked: Result<RowStream, tokio_postgres::Error>,
        diverted: Option<Diverted>,
    ) -> Result<Answer, tokio_postgres::Error> {
        match (asked, diverted) {
            (Ok(rows), None) => Ok(Answer::Rows(Box::pin(rows))),
            (Ok(rows), Some(diverted)) => {
                Ok(Answer::Diverted(DivertedRows { driver: Box::pin(rows), diverted: Some(diverted), ended: false }))
            }
            (Err(error), diverted) => {
                if let Some(diverted) = diverted {
                    diverted.finish();
                }
                Err(error)
            }
        }
    }

    /// What comes next; none at the end.
    pub(super) async fn next(&mut self) -> Option<Result<Piece, tokio_postgres::Error>> {
        match self {
            Answer::Rows(rows) => Some(rows.next().await?.map(Piece::Row)),
            Answer::Diverted(rows) => poll_fn(|cx| rows.poll_next(cx)).await,
        }
    }

    /// How many rows the server says that it sent; none before the end.
    pub(super) fn sent(&self) -> Option<u64> {
        match self {
            Answer::Rows(rows) => rows.rows_affected(),
            Answer::Diverted(rows) => rows.driver.rows_affected(),
        }
    }

    /// Takes what is left; whether that was without an error.
    pub(super) async fn drain(&mut self) -> bool {
        if let Answer::Diverted(DivertedRows { diverted: Some(diverted), .. }) = self {
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

/// Where the rows of the statement to be sent go, where they go past the driver.
fn diverted(connection: &Connection, expected: Expected, forms: &[Form]) -> Option<Diverted> {
    let diversion = connection.diversion.as_ref()?;
    (expected == Expected::Many).then(|| diversion.begin(forms))
}

/// Rows that go past the driver.
pub(super) struct DivertedRows {
    /// What the driver says of the statement: how it ends.
    driver: Pin<Box<RowStream>>,
    /// Where the rows are; none after the end.
    diverted: Option<Diverted>,
    /// Whether the driver has said how it ended.
    ended: bool,
}

impl DivertedRows {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece, tokio_postgres::Error>>> {
        loop {
            // What was diverted came before what the driver has to say of the end.
            if let Some((messages, numerics)) = self.diverted.as_mut().and_then(|diverted| diverted.poll_take(cx)) {
                return Poll::Ready(Some(Ok(Piece::Messages(messages, numerics))));
            }
            if self.ended {
                if let Some(diverted) = self.diverted.take() {
                    diverted.finish();
                }
                return Poll::Ready(None);
            }
            match ready!(self.driver.as_mut().poll_next(cx)) {
                Some(said) => return Poll::Ready(Some(said.map(Piece::Row))),
                // More may have come between the two.
                None => self.ended = true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_many_rows_goes_past_the_driver() {
        assert_eq!(Expected::of(Some(1_000_000)), Expected::Many);
        assert_eq!(Expected::of(None), Expected::Many);
        assert_eq!(Expected::of(Some(10)), Expected::Few);
    }
}
