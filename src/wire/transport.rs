//! A connection's bytes: what was read and not yet used, what is to be sent, and whether the client is still there.

use std::future::pending;
use std::io;

use bytes::{Buf, Bytes, BytesMut};
use pgwire::tokio::server::MaybeTls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::errors::Failure;
use super::frontend::{Frame, limit};
use super::tls::encryption;
use crate::catalog::pg::Encryption;
use crate::error::{Error, SqlState};

/// How much is read ahead while a statement runs.
const READ_AHEAD: usize = 1 << 20;
/// What is read at once, at least.
const CHUNK: usize = 8 << 10;
/// How large an output buffer is kept for the next rows; one huge value must not hold its memory for ever.
const OUTPUT_KEPT: usize = 4 << 20;
/// How large an output buffer is kept by a client that is waited for.
const OUTPUT_RESTING: usize = 64 << 10;
/// The longest packet before authentication.
const STARTUP_LIMIT: usize = 10_000;

/// Why nothing more can be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The client is gone.
    Gone,
    /// The client does not speak the protocol; where the next message begins is unknown.
    Protocol(Error),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        ReadError::Gone
    }
}

/// A socket with its two buffers.
pub(super) struct Transport {
    stream: MaybeTls,
    input: BytesMut,
    /// Whole messages that are not sent yet.
    pub output: BytesMut,
    /// Part of a message was sent, and its rest will not be.
    broken: bool,
}

impl Transport {
    pub fn new(stream: MaybeTls) -> Transport {
        Transport {
            stream,
            input: BytesMut::with_capacity(CHUNK),
            output: BytesMut::with_capacity(CHUNK),
            broken: false,
        }
    }

    /// Whether something was read that nothing has used.
    pub fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// How the connection is encrypted, if it is.
    pub fn encryption(&self) -> Option<Encryption> {
        let MaybeTls::Tls(stream) = &self.stream else { return None };
        let (_, tls) = stream.get_ref();
        Some(encryption(tls.protocol_version()?, tls.negotiated_cipher_suite()?.suite()))
    }

    /// The socket without encryption; none when it is encrypted already.
    pub fn into_plain(self) -> Option<TcpStream> {
        match self.stream {
            MaybeTls::Plain(stream) => Some(stream),
            _ => None,
        }
    }

    /// The first byte that the client sends, left in place; none when the client is gone or TLS is on.
    pub async fn peek(&self) -> Option<u8> {
        let MaybeTls::Plain(stream) = &self.stream else { return None };
        let mut first = [0u8; 1];
        match stream.peek(&mut first).await {
            Ok(count) if count > 0 => first.first().copied(),
            _ => None,
        }
    }

    /// Reads some bytes. Safe to cancel.
    async fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let spare = self.input.capacity() - self.input.len();
        if spare < CHUNK {
            // Grows with what has come, not with what a length announces.
            let ahead = wanted.saturating_sub(self.input.len());
            self.input.reserve(ahead.clamp(CHUNK, self.input.len().max(64 << 10)));
        }
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// The next message. Safe to cancel: what was read stays.
    pub async fn frame(&mut self) -> Result<Frame, ReadError> {
        let (kind, body) = loop {
            let mut wanted = 5;
            if let [kind, a, b, c, d, ..] = self.input[..] {
                let longest = limit(kind).ok_or_else(|| {
                    ReadError::Protocol(Error::new(
                        SqlState::PROTOCOL_VIOLATION,
                        format!("invalid frontend message type {kind}"),
                    ))
                })?;
                let length = u32::from_be_bytes([a, b, c, d]) as usize;
                if length < 4 || length > longest {
                    return Err(ReadError::Protocol(Error::new(
                        SqlState::PROTOCOL_VIOLATION,
                        "invalid message length",
                    )));
                }
                wanted = length + 1;
                if self.input.len() >= wanted {
                    self.input.advance(5);
                    break (kind, self.input.split_to(length - 4).freeze());
                }
            }
            self.fill(wanted).await?;
        };
        if self.input.is_empty() && self.input.capacity() > READ_AHEAD {
            self.input = BytesMut::with_capacity(CHUNK);
        }
        Ok(Frame { kind, body })
    }

    /// The next packet before authentication, without its length. It has four bytes at least.
    pub async fn packet(&mut self) -> Result<Bytes, ReadError> {
        loop {
            let mut wanted = 4;
            if let [a, b, c, d, ..] = self.input[..] {
                let length = u32::from_be_bytes([a, b, c, d]) as usize;
                if !(8..=STARTUP_LIMIT).contains(&length) {
                    return Err(ReadError::Protocol(Error::new(
                        SqlState::PROTOCOL_VIOLATION,
                        "invalid length of startup packet",
                    )));
                }
                wanted = length;
                if self.input.len() >= wanted {
                    self.input.advance(4);
                    return Ok(self.input.split_to(length - 4).freeze());
                }
            }
            self.fill(wanted).await?;
        }
    }

    /// Ends when the client is gone. Meanwhile reads ahead, up to a bound; after that the client is taken to be there.
    /// Safe to cancel.
    pub async fn gone(&mut self) {
        while self.input.len() < READ_AHEAD {
            if self.fill(0).await.is_err() {
                return;
            }
        }
        pending::<()>().await;
    }

    /// Sends what is in `output` and waits until the socket has taken it. Not safe to cancel: part of a message may
    /// have been sent.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.output).await?;
        if self.output.capacity() > OUTPUT_KEPT {
            self.output = BytesMut::with_capacity(CHUNK);
        } else {
            self.output.clear();
        }
        self.stream.flush().await
    }

    /// Gives back what a large answer took, before the client is waited for: there may be many that say nothing for long.
    pub fn rest(&mut self) {
        if self.output.is_empty() && self.output.capacity() > OUTPUT_RESTING {
            self.output = BytesMut::with_capacity(CHUNK);
        }
    }

    /// Sends what is in `output`, unless the server's grace is over before the client takes it.
    pub async fn flush_until(&mut self, ending: &CancellationToken) -> Result<(), Failure> {
        let flushed = tokio::select! {
            biased;
            flushed = self.flush() => Some(flushed),
            () = ending.cancelled() => None,
        };
        match flushed {
            Some(flushed) => Ok(flushed?),
            None => {
                self.broken = true;
                Err(Failure::Shutdown)
            }
        }
    }

    /// Whether a message was cut off, so that nothing more can be said.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Says goodbye properly; errors do not matter any more.
    pub async fn close(&mut self) {
        let _ = self.stream.shutdown().await;
    }
}
