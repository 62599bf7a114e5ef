//! Rows from the client: what it sends is handed to a worker, piece by piece, until it says that there is no more.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use pgwire::messages::copy::CopyInResponse;
use tokio::sync::mpsc;

use super::connection::Connection;
use super::copy::formats;
use super::errors::{Failure, Severity};
use super::frontend::Frame;
use super::running::{Leash, watch};
use super::workers::Task;
use crate::ddl::copy::Copy;
use crate::engine::CopyPiece;
use crate::error::{Error, Result, SqlState};
use crate::values::reader::Reader;

/// How much is gathered of small messages before a worker is handed it.
const PIECE: usize = 64 << 10;
/// The most that a worker is handed at once.
const LARGE: usize = 1 << 20;
/// Pieces that may wait for the worker.
const AHEAD: usize = 4;

/// What a message in the middle of the data means.
enum Meaning {
    Piece(CopyPiece),
    /// As in Postgres, Flush and Sync mean nothing here.
    Nothing,
    /// It must not come here.
    Wrong(Error),
    /// The client leaves.
    Leaves,
}

/// A worker that takes the rows, and how it is told of them.
struct Taker {
    pieces: mpsc::Sender<CopyPiece>,
    task: Task<Result<u64>>,
}

impl Connection {
    pub(super) async fn copy_in(&mut self, copy: &Copy) -> Result<(), Failure> {
        let into = self.session.copy_in(copy)?;
        let _turn = self.session.take_turn()?;
        self.record(Some("COPY FROM STDIN".to_string()), &into.shown(), &[]);
        let leash = self.leash();
        let _running = self.slot.run(&leash.cancel);
        let (form, columns, forms) = formats(into.format.kind, into.width())?;
        let (pieces, taken) = mpsc::channel(AHEAD);
        let (session, cancel) = (Arc::clone(&self.session), leash.cancel.clone());
        let work = async move { Box::pin(session.take_copy(&into, taken, cancel)).await };
        let mut taker = Taker { pieces, task: self.shared.workers.spawn(work)? };
        self.wire.put(&CopyInResponse::new(form, columns, forms))?;
        self.wire.flush_until(&self.shared.ending).await?;
        let rows = self.receive(&mut taker, &leash).await?;
        self.put_notices()?;
        if let Some(entry) = &self.entry {
            entry.count(rows, 0);
        }
        let tag = format!("COPY {rows}");
        self.recorded(&tag).await?;
        self.finish(tag)
    }

    /// Hands on what the client sends; gives how many rows there were.
    async fn receive(&mut self, taker: &mut Taker, leash: &Leash) -> Result<u64, Failure> {
        let mut gathered = BytesMut::new();
        loop {
            let frame = tokio::select! {
                biased;
                // It fails before the data have ended.
                done = taker.task.join() => return Ok(done??),
                frame = self.wire.frame() => frame?,
                () = self.shared.ending.cancelled() => return Err(Failure::Shutdown),
                error = leash.overdue() => return Err(Failure::Statement(error)),
            };
            match meaning(frame) {
                Meaning::Nothing => {}
                Meaning::Leaves => return Err(Failure::Gone),
                Meaning::Piece(CopyPiece::Data(mut data)) => {
                    if let Some(entry) = &self.entry {
                        entry.count(0, data.len() as u64);
                    }
                    if data.len() < PIECE {
                        gathered.extend_from_slice(&data);
                        if gathered.len() < PIECE && self.wire.has_input() {
                            continue;
                        }
                        data = Bytes::new();
                    }
                    let mut piece = gathered.split().freeze();
                    while !piece.is_empty() || !data.is_empty() {
                        if piece.is_empty() {
                            // A message may have a gigabyte: it is shared out, and not copied.
                            piece = data.split_to(data.len().min(LARGE));
                        }
                        let piece = CopyPiece::Data(std::mem::take(&mut piece));
                        if let Some(rows) = self.hand(taker, leash, piece).await? {
                            return Ok(rows);
                        }
                    }
                }
                Meaning::Piece(end) => {
                    let rest = CopyPiece::Data(gathered.split().freeze());
                    for piece in [rest, end] {
                        if let Some(rows) = self.hand(taker, leash, piece).await? {
                            return Ok(rows);
                        }
                    }
                    return Ok(watch(&mut self.wire, &self.shared.ending, leash, taker.task.join()).await??);
                }
                Meaning::Wrong(error) => {
                    let failed = CopyPiece::Failed(error);
                    let rest = CopyPiece::Data(gathered.split().freeze());
                    let mut told = Ok(None);
                    for piece in [rest, failed] {
                        told = self.hand(taker, leash, piece).await;
                        if !matches!(told, Ok(None)) {
                            break;
                        }
                    }
                    if matches!(told, Ok(None)) {
                        let joined = watch(&mut self.wire, &self.shared.ending, leash, taker.task.join()).await;
                        told = joined.and_then(|done| Ok(done.map(Some)?));
                    }
                    match told {
                        Err(Failure::Statement(error)) => self.wire.put_error(&error, Severity::Error),
                        Err(other) => return Err(other),
                        Ok(_) => {}
                    }
                    // Whoever mixes up the protocol here is not understood any more, as in Postgres.
                    return Err(Failure::Fatal(Error::new(
                        SqlState::PROTOCOL_VIOLATION,
                        "terminating connection because protocol synchronization was lost",
                    )));
                }
            }
        }
    }

    /// Hands a piece to the worker once it has room; what it gives if it ends before that.
    async fn hand(&mut self, taker: &mut Taker, leash: &Leash, piece: CopyPiece) -> Result<Option<u64>, Failure> {
        let Taker { pieces, task } = taker;
        let given = async {
            tokio::select! {
                biased;
                sent = pieces.send(piece) => match sent {
                    Ok(()) => Ok(None),
                    // It has ended.
                    Err(_) => match task.join().await {
                        Ok(done) => done.map(Some).map_err(Failure::from),
                        Err(failure) => Err(failure),
                    },
                },
                refused = task.refused() => Err(refused),
            }
        };
        watch(&mut self.wire, &self.shared.ending, leash, given).await
    }
}

fn meaning(frame: Frame) -> Meaning {
    match frame.kind {
        b'd' => Meaning::Piece(CopyPiece::Data(frame.body)),
        b'c' => Meaning::Piece(CopyPiece::End),
        b'f' => Meaning::Piece(CopyPiece::Failed(failed(frame.body))),
        b'H' | b'S' => Meaning::Nothing,
        b'X' => Meaning::Leaves,
        other => Meaning::Wrong(Error::new(
            SqlState::PROTOCOL_VIOLATION,
            format!("unexpected message type 0x{other:02X} during COPY from stdin"),
        )),
    }
}

/// Why the client cannot go on, in its own words.
fn failed(body: Bytes) -> Error {
    match (Reader { rest: body }).text() {
        Ok(why) => Error::new(SqlState::QUERY_CANCELED, format!("COPY from stdin failed: {why}")),
        Err(error) => error,
    }
}
