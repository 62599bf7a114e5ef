//! The data of a COPY go past the driver.
//!
//! PostgreSQL sends every row of a COPY as a message of its own. The driver would make an object of each, count
//! references to it and hand it from task to task, which takes longer than reading its values. So the connection's
//! stream ([`Tap`]) keeps such messages to itself, many at a time, and gives the driver everything else: it sees an
//! empty COPY. They wait in a [`Diversion`], whose room is bounded: when it is full the socket is not read.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_postgres::tls::{ChannelBinding, TlsStream};
use tokio_util::io::poll_read_buf;

/// The tag of a message that holds data of a COPY.
const COPY_DATA: u8 = b'd';

/// The tag and the length before a message's body.
const HEADER: usize = 5;

/// How many bytes are allocated at once, for what the socket gives.
const CHUNK: usize = 256 << 10;

/// With less room than this for what the socket gives there is a new allocation.
const LEAST_READ: usize = 32 << 10;

/// How many bytes may wait to be taken.
const ROOM: usize = 1 << 20;

/// Fewer bytes than these may wait a moment for more: who takes them is woken once for many rows.
const WORTH_WAKING: usize = 64 << 10;

/// With so many bytes a COPY is a large one: more are about to come.
const FLOOD: usize = 256 << 10;

/// How long that moment is.
const MOMENT: Duration = Duration::from_millis(1);

/// What a connection's COPY data wait in.
#[derive(Clone, Default)]
pub(super) struct Diversion(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    mode: Mode,
    chunks: VecDeque<Bytes>,
    bytes: usize,
    /// How many bytes of this COPY have come.
    total: usize,
    /// Who waits for data.
    taker: Option<Waker>,
    /// The connection, when it waits for room.
    giver: Option<Waker>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    /// The driver has every message.
    #[default]
    Through,
    /// Data are kept for who takes them.
    Diverted,
    /// Nobody takes them any more.
    Dropped,
}

impl Diversion {
    /// From now on data are diverted. To be called before the COPY is sent.
    pub(super) fn begin(&self) -> Diverted {
        let mut waiting = self.0.lock();
        *waiting = Waiting { mode: Mode::Diverted, giver: waiting.giver.take(), ..Waiting::default() };
        Diverted(Arc::clone(&self.0))
    }

    /// Whether the data of a large COPY are coming.
    pub(super) fn is_flood(&self) -> bool {
        let waiting = self.0.lock();
        waiting.mode == Mode::Diverted && waiting.total >= FLOOD
    }

    /// As if so many bytes of a COPY had come.
    #[cfg(test)]
    pub(super) fn count(&self, total: usize) {
        self.0.lock().total = total;
    }

    fn mode(&self) -> Mode {
        self.0.lock().mode
    }

    /// Whether there is room; when there is none the connection is woken once there is.
    fn has_room(&self, cx: &Context<'_>) -> bool {
        let mut waiting = self.0.lock();
        let full = waiting.mode == Mode::Diverted && waiting.bytes >= ROOM;
        if full {
            waiting.giver = Some(cx.waker().clone());
        }
        !full
    }

    /// Takes whole messages; whether enough wait for whoever takes them to be woken.
    fn put(&self, data: Bytes) -> bool {
        let mut waiting = self.0.lock();
        if waiting.mode != Mode::Diverted || data.is_empty() {
            return false;
        }
        waiting.bytes += data.len();
        waiting.total = waiting.total.saturating_add(data.len());
        waiting.chunks.push_back(data);
        waiting.bytes >= WORTH_WAKING
    }

    fn wake(&self) {
        let taker = self.0.lock().taker.take();
        if let Some(taker) = taker {
            taker.wake();
        }
    }

    /// The data have ended: dropped ones are no longer looked for.
    fn end(&self) {
        let mut waiting = self.0.lock();
        if waiting.mode == Mode::Dropped {
            waiting.mode = Mode::Through;
        }
    }
}

/// One COPY's data, as whole messages with their headers. Once it is dropped what still comes is thrown away.
pub(super) struct Diverted(Arc<Mutex<Waiting>>);

impl Diverted {
    /// What has come; none when nothing waits, in which case the task is woken when something does.
    pub(super) fn poll_take(&mut self, cx: &Context<'_>) -> Option<Bytes> {
        let (chunk, giver) = {
            let mut waiting = self.0.lock();
            let Some(chunk) = waiting.chunks.pop_front() else {
                waiting.taker = Some(cx.waker().clone());
                return None;
            };
            waiting.bytes -= chunk.len();
            let giver = if waiting.bytes < ROOM / 2 { waiting.giver.take() } else { None };
            (chunk, giver)
        };
        if let Some(giver) = giver {
            giver.wake();
        }
        Some(chunk)
    }

    /// What has come is thrown away, and what still comes.
    pub(super) fn discard(&self) {
        let giver = {
            let mut waiting = self.0.lock();
            let giver = waiting.giver.take();
            *waiting = Waiting { mode: Mode::Dropped, ..Waiting::default() };
            giver
        };
        if let Some(giver) = giver {
            giver.wake();
        }
    }

    /// The COPY has ended or was refused: there are no further data.
    pub(super) fn finish(self) {
        self.0.lock().mode = Mode::Through;
    }
}

impl Drop for Diverted {
    fn drop(&mut self) {
        if self.0.lock().mode == Mode::Diverted {
            self.discard();
        }
    }
}

/// A message's body, and what comes after it; none when it is not whole.
#[inline]
pub(super) fn message(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = data.split_first_chunk::<HEADER>()?;
    let [_, length @ ..] = header;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?.checked_sub(4)?;
    rest.split_at_checked(length)
}

/// A connection's stream, out of which data of a COPY are taken.
pub(super) struct Tap<S> {
    stream: S,
    diversion: Diversion,
    /// Where the messages are in what the driver was given as it came.
    frames: Frames,
    /// What was read and is not sorted: the beginning of a message, except while it is being filled.
    unsorted: BytesMut,
    /// What the driver is to have.
    through: BytesMut,
    /// When whoever takes data is woken at the latest, while there are any that nobody was told of.
    untold: Option<Pin<Box<Sleep>>>,
}

impl<S> Tap<S> {
    /// A stream at the beginning of a message.
    pub(super) fn new(stream: S, diversion: Diversion) -> Tap<S> {
        Tap {
            stream,
            diversion,
            frames: Frames::default(),
            unsorted: BytesMut::new(),
            through: BytesMut::new(),
            untold: None,
        }
    }

    /// Sorts what was read, as far as messages are whole.
    fn sort(&mut self) -> io::Result<()> {
        let mut data = 0;
        let mut tell = false;
        while let Some((tag, length)) = next(self.unsorted.get(data..).unwrap_or_default())? {
            let whole = self.unsorted.len() >= data + length;
            if !whole {
                // Room for a large message at once.
                self.unsorted.reserve(data + length - self.unsorted.len());
                break;
            }
            if tag == COPY_DATA {
                data += length;
                continue;
            }
            self.diversion.put(self.unsorted.split_to(data).freeze());
            data = 0;
            self.through.extend_from_slice(&self.unsorted.split_to(length));
            tell = true;
            // CopyDone or ErrorResponse
            if matches!(tag, b'c' | b'E') {
                self.diversion.end();
            }
        }
        let many = self.diversion.put(self.unsorted.split_to(data).freeze());
        if tell || many {
            self.untold = None;
            self.diversion.wake();
        } else if data > 0 && self.untold.is_none() {
            self.untold = Some(Box::pin(tokio::time::sleep_until(Instant::now() + MOMENT)));
        }
        Ok(())
    }
}

/// The tag and the length with the header of the next message; none when its header is not whole.
#[inline]
fn next(data: &[u8]) -> io::Result<Option<(u8, usize)>> {
    let Some(header) = data.first_chunk::<HEADER>() else { return Ok(None) };
    let [tag, length @ ..] = header;
    match usize::try_from(i32::from_be_bytes(*length)) {
        Ok(length) if length >= 4 => Ok(Some((*tag, length + 1))),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the server sent a message of an impossible length")),
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.untold.as_mut().is_some_and(|moment| moment.as_mut().poll(cx).is_ready()) {
                this.untold = None;
                this.diversion.wake();
            }
            if !this.through.is_empty() {
                let length = this.through.len().min(buf.remaining());
                buf.put_slice(this.through.get(..length).unwrap_or_default());
                this.through.advance(length);
                return Poll::Ready(Ok(()));
            }
            if this.unsorted.is_empty() && (this.diversion.mode() == Mode::Through || !this.frames.between()) {
                // As it comes; but when data are to be diverted, only up to the end of the message that has begun.
                return match this.diversion.mode() {
                    Mode::Through => {
                        let before = buf.filled().len();
                        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
                        this.frames.pass(buf.filled().get(before..).unwrap_or_default())?;
                        read
                    }
                    _ => {
                        let mut rest = buf.take(this.frames.missing());
                        let read = Pin::new(&mut this.stream).poll_read(cx, &mut rest);
                        let filled = rest.filled().to_vec();
                        this.frames.pass(&filled)?;
                        buf.put_slice(&filled);
                        read
                    }
                };
            }
            if !this.diversion.has_room(cx) {
                return Poll::Pending;
            }
            // What is taken out stays in the allocation: one serves for many reads.
            if this.unsorted.capacity() - this.unsorted.len() < LEAST_READ {
                this.unsorted.reserve(CHUNK);
            }
            match poll_read_buf(Pin::new(&mut this.stream), cx, &mut this.unsorted) {
                Poll::Ready(Ok(0)) => {
                    // The end; what is not whole is the driver's to complain of.
                    this.diversion.wake();
                    if this.unsorted.is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                    this.through = std::mem::take(&mut this.unsorted);
                }
                Poll::Ready(Ok(_)) => this.sort()?,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Tap<S> {
    /// None: the hash that `tls-server-end-point` needs depends on how the certificate was signed.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// Where one is in a stream of messages.
#[derive(Default)]
struct Frames {
    /// The beginning of a header.
    header: Vec<u8>,
    /// How much of a body is to come.
    body: usize,
}

impl Frames {
    /// Whether the next byte begins a message.
    fn between(&self) -> bool {
        self.header.is_empty() && self.body == 0
    }

    /// How many bytes are known to belong to the message that has begun.
    fn missing(&self) -> usize {
        if self.body > 0 { self.body } else { HEADER - self.header.len() }
    }

    fn pass(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            if self.body > 0 {
                let length = self.body.min(data.len());
                self.body -= length;
                data = data.get(length..).unwrap_or_default();
                continue;
            }
            // Mostly the header is there.
            if self.header.is_empty()
                && let Some((_, length)) = next(data)?
            {
                let there = length.min(data.len());
                self.body = length - there;
                data = data.get(there..).unwrap_or_default();
                continue;
            }
            let length = (HEADER - self.header.len()).min(data.len());
            let (begun, rest) = data.split_at(length);
            self.header.extend_from_slice(begun);
            data = rest;
            if let Some((_, length)) = next(&self.header)? {
                self.body = length - HEADER;
                self.header.clear();
            }
        }
        Ok(())
    }
}
