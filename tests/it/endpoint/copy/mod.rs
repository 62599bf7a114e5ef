//! COPY here and at PostgreSQL: the same statements, the same data, byte by byte.

mod data;
mod from;
mod protocol;
mod to;

pub use from::{cut, into, objects, places, refused_places};
pub use protocol::{clients_that_fail, messages, transactions};
pub use to::{out, psql, refused, streams};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio_postgres::Client;
use tokio_postgres::error::ErrorPosition;

/// What a server said, as one line: SQLSTATE, message, detail, hint, context, position.
fn told(error: tokio_postgres::Error) -> String {
    let Some(db) = error.as_db_error() else { return format!("no answer: {error}") };
    let mut line = format!("{}: {}", db.code().code(), db.message());
    for (what, text) in [("detail", db.detail()), ("context", db.where_())] {
        if let Some(text) = text {
            line.push_str(&format!(" [{what} {text}]"));
        }
    }
    if let Some(ErrorPosition::Original(at)) = db.position() {
        line.push_str(&format!(" at {at}"));
    }
    line
}

/// What COPY .. TO STDOUT gives.
async fn sent(client: &Client, sql: &str) -> Result<Vec<u8>, String> {
    let stream = client.copy_out(sql).await.map_err(told)?;
    let mut stream = std::pin::pin!(stream);
    let mut data = vec![];
    while let Some(piece) = stream.next().await {
        data.extend(piece.map_err(told)?);
    }
    Ok(data)
}

/// How many rows COPY .. FROM STDIN takes from these pieces.
async fn taken(client: &Client, sql: &str, pieces: &[&[u8]]) -> Result<u64, String> {
    let sink = client.copy_in::<_, Bytes>(sql).await.map_err(told)?;
    let mut sink = std::pin::pin!(sink);
    for piece in pieces {
        sink.send(Bytes::copy_from_slice(piece)).await.map_err(told)?;
    }
    sink.finish().await.map_err(told)
}

/// Fails with what differs.
fn compared(differing: &mut Vec<String>, what: &str, ours: &str, theirs: &str) {
    if ours != theirs {
        differing.push(format!("{what}\n    here:       {ours}\n    PostgreSQL: {theirs}"));
    }
}
