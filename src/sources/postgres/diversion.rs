//! Rows go past the driver.
//!
//! PostgreSQL sends every row as a message of its own. The driver would make an object of each, count references to it
//! and hand it from task to task, which takes longer than reading its values. So while the answer to a large statement
//! comes, the connection's stream ([`Tap`]) keeps its rows to itself, many at a time, and gives the driver everything
//! else: it sees an answer without rows. They wait in a [`Diversion`], whose room is bounded: when it is full the socket
//! is not read. In which forms their values come is asked for in the driver's place (`forms`).

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_postgres::tls::{ChannelBinding, TlsStream};
use tokio_util::io::poll_read_buf;

use super::forms::{self, Form, Written};

/// The tag of a message that holds a row.
const DATA_ROW: u8 = b'D';

/// The tags of what comes after a statement's last row: CommandComplete, PortalSuspended, EmptyQueryResponse and
/// ErrorResponse.
const ENDS: [u8; 4] = [b'C', b's', b'I', b'E'];

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

/// With so many bytes an answer is a large one: more are about to come.
const FLOOD: usize = 256 << 10;

/// How long that moment is.
const MOMENT: Duration = Duration::from_millis(1);

/// What a connection's rows wait in.
#[derive(Clone, Default)]
pub(super) struct Diversion(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    mode: Mode,
    /// The forms in which the columns are to be asked for, until they have been.
    wanted: Option<Vec<Form>>,
    /// The form that numerics were asked for in.
    numerics: Form,
    chunks: VecDeque<Bytes>,
    bytes: usize,
    /// How many bytes of this answer have come.
    total: usize,
    /// Whether it has ended.
    ended: bool,
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
    /// Rows are kept for who takes them.
    Diverted,
    /// Nobody takes them any more, and their end has not come.
    Dropped,
}

impl Diversion {
    /// From now on rows are diverted. To be called before the statement is sent, when nothing else is under way. Its
    /// columns are asked for in these forms.
    pub(super) fn begin(&self, forms: &[Form]) -> Diverted {
        let mut waiting = self.0.lock();
        // What the driver asks for by itself need not be changed.
        let wanted = forms.contains(&Form::Text).then(|| forms.to_vec());
        *waiting = Waiting { mode: Mode::Diverted, wanted, giver: waiting.giver.take(), ..Waiting::default() };
        Diverted(Arc::clone(&self.0))
    }

    /// What is written in the place of what the driver writes; none for the same.
    fn in_place_of(&self, written: &[u8]) -> Option<Vec<u8>> {
        let mut waiting = self.0.lock();
        match forms::asked(written, waiting.wanted.as_ref()?) {
            Written::Asking(asking) => {
                waiting.wanted = None;
                waiting.numerics = Form::Text;
                Some(asking)
            }
            Written::Other => None,
            Written::Unknown => {
                waiting.wanted = None;
                None
            }
        }
    }

    /// What was written goes on with the next that the driver writes, so that that is no whole message.
    fn is_broken_off(&self) {
        self.0.lock().wanted = None;
    }

    /// Whether the rows of a large answer are coming.
    pub(super) fn is_flood(&self) -> bool {
        let waiting = self.0.lock();
        waiting.mode == Mode::Diverted && !waiting.ended && waiting.total >= FLOOD
    }

    /// As if so many bytes had come.
    #[cfg(test)]
    pub(super) fn count(&self, total: usize) {
        self.0.lock().total = total;
    }

    /// Whether a row that comes now is not for the driver.
    fn diverts(&self) -> bool {
        let waiting = self.0.lock();
        waiting.mode != Mode::Through && !waiting.ended
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

    /// The answer has ended: what comes next is of another statement, and never to be dropped with this one's.
    fn end(&self) {
        let mut waiting = self.0.lock();
        waiting.ended = true;
        if waiting.mode == Mode::Dropped {
            waiting.mode = Mode::Through;
        }
    }
}

/// One answer's rows, as whole messages with their headers. Once it is dropped what still comes is thrown away.
pub(super) struct Diverted(Arc<Mutex<Waiting>>);

impl Diverted {
    /// What has come, and the form of its numerics; none when nothing waits, in which case the task is woken when
    /// something does.
    pub(super) fn poll_take(&mut self, cx: &Context<'_>) -> Option<(Bytes, Form)> {
        let (chunk, numerics, giver) = {
            let mut waiting = self.0.lock();
            let Some(chunk) = waiting.chunks.pop_front() else {
                waiting.taker = Some(cx.waker().clone());
                return None;
            };
            waiting.bytes -= chunk.len();
            let giver = if waiting.bytes < ROOM / 2 { waiting.giver.take() } else { None };
            (chunk, waiting.numerics, giver)
        };
        if let Some(giver) = giver {
            giver.wake();
        }
        Some((chunk, numerics))
    }

    /// What has come is thrown away, and what still comes.
    pub(super) fn discard(&self) {
        let giver = {
            let mut waiting = self.0.lock();
            let giver = waiting.giver.take();
            let mode = if waiting.ended { Mode::Through } else { Mode::Dropped };
            *waiting = Waiting { mode, ended: waiting.ended, ..Waiting::default() };
            giver
        };
        if let Some(giver) = giver {
            giver.wake();
        }
    }

    /// The answer has ended or was refused: there are no further rows.
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

/// A connection's stream, out of which rows are taken.
pub(super) struct Tap<S> {
    stream: S,
    diversion: Diversion,
    /// Where the messages are in what the driver was given as it came.
    frames: Frames,
    /// What was read and is not sorted: the beginning of a message, except while it is being filled.
    unsorted: BytesMut,
    /// What the driver is to have.
    through: BytesMut,
    /// What is written in the driver's place, and has not been.
    outgoing: BytesMut,
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
            outgoing: BytesMut::new(),
            untold: None,
        }
    }

    /// Sorts what was read, as far as messages are whole.
    fn sort(&mut self) -> io::Result<()> {
        let mut data = 0;
        let mut tell = false;
        let mut diverts = self.diversion.diverts();
        while diverts && let Some((tag, length)) = next(self.unsorted.get(data..).unwrap_or_default())? {
            let whole = self.unsorted.len() >= data + length;
            if !whole {
                // Room for a large message at once.
                self.unsorted.reserve(data + length - self.unsorted.len());
                break;
            }
            if tag == DATA_ROW {
                data += length;
                continue;
            }
            self.diversion.put(self.unsorted.split_to(data).freeze());
            data = 0;
            self.through.extend_from_slice(&self.unsorted.split_to(length));
            tell = true;
            if ENDS.contains(&tag) {
                self.diversion.end();
                diverts = false;
            }
        }
        if !diverts {
            // What follows is of another statement.
            self.frames.pass(&self.unsorted)?;
            self.through.extend_from_slice(&self.unsorted.split());
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
            if this.unsorted.is_empty() && (!this.diversion.diverts() || !this.frames.between()) {
                // As it comes; but when data are to be diverted, only up to the end of the message that has begun.
                return match this.diversion.diverts() {
                    false => {
                        let before = buf.filled().len();
                        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
                        this.frames.pass(buf.filled().get(before..).unwrap_or_default())?;
                        read
                    }
                    true => {
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
        let this = self.get_mut();
        ready!(this.poll_outgoing(cx))?;
        if let Some(asking) = this.diversion.in_place_of(buf) {
            this.outgoing.extend_from_slice(&asking);
            // What cannot be written now is before the next, or when the driver flushes.
            if let Poll::Ready(Err(error)) = this.poll_outgoing(cx) {
                return Poll::Ready(Err(error));
            }
            return Poll::Ready(Ok(buf.len()));
        }
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, buf))?;
        if written < buf.len() {
            this.diversion.is_broken_off();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_outgoing(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_outgoing(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncWrite + Unpin> Tap<S> {
    /// Writes what is written in the driver's place.
    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outgoing))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.outgoing.advance(written),
            }
        }
        Poll::Ready(Ok(()))
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn of(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[tag], &length[..], body].concat()
    }

    /// The server's end, the stream under the driver, and where its rows go.
    fn connected() -> (DuplexStream, Tap<DuplexStream>, Diversion) {
        let (server, stream) = duplex(1 << 20);
        let diversion = Diversion::default();
        (server, Tap::new(stream, diversion.clone()), diversion)
    }

    async fn driver_has(tap: &mut Tap<DuplexStream>, expected: &[u8]) {
        let mut read = vec![0; expected.len()];
        tap.read_exact(&mut read).await.unwrap();
        assert_eq!(read, expected);
    }

    async fn taken(diverted: &mut Diverted) -> Vec<u8> {
        std::future::poll_fn(|cx| Poll::Ready(diverted.poll_take(cx)))
            .await
            .map(|(bytes, _)| bytes.to_vec())
            .unwrap_or_default()
    }

    #[tokio::test]
    async fn rows_go_past_the_driver_and_nothing_else_does() {
        let (mut server, mut tap, diversion) = connected();
        let mut diverted = diversion.begin(&[]);
        let rows = [of(b'D', &[0, 1, 0, 0, 0, 1, 7]), of(b'D', &[0, 0])].concat();
        server
            .write_all(&[of(b'2', b""), rows.clone(), of(b'C', b"SELECT 2\0"), of(b'Z', b"I")].concat())
            .await
            .unwrap();
        driver_has(&mut tap, &[of(b'2', b""), of(b'C', b"SELECT 2\0"), of(b'Z', b"I")].concat()).await;
        assert_eq!(taken(&mut diverted).await, rows);
        assert!(taken(&mut diverted).await.is_empty());
    }

    /// The server has what the driver said, but for the forms; of an answer that is not diverted, and of the next, all.
    #[tokio::test]
    async fn numerics_are_asked_for_as_text() {
        let (mut server, mut tap, diversion) = connected();
        let asking = |forms: &[u8]| [of(b'B', &[b"\0s\0\0\0\0\0", forms].concat()), of(b'S', b"")].concat();
        let (binary, text) = (asking(&[0, 1, 0, 1]), asking(&[0, 2, 0, 1, 0, 0]));
        let forms = [Form::Binary, Form::Text];
        let row = of(b'D', &[0, 1, 0, 0, 0, 1, 7]);
        for (diverts, said, form) in [(false, &binary, None), (true, &text, Some(Form::Text)), (false, &binary, None)] {
            let mut diverted = diverts.then(|| diversion.begin(&forms));
            // What is said before the question is not the question.
            tap.write_all(&of(b'C', b"Ss\0")).await.unwrap();
            tap.write_all(&binary).await.unwrap();
            tap.flush().await.unwrap();
            let mut heard = vec![0; 8 + said.len()];
            server.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard[8..], &said[..]);
            server.write_all(&[row.clone(), of(b'C', b"SELECT 1\0")].concat()).await.unwrap();
            if diverts {
                driver_has(&mut tap, &of(b'C', b"SELECT 1\0")).await;
            } else {
                driver_has(&mut tap, &[row.clone(), of(b'C', b"SELECT 1\0")].concat()).await;
            }
            let came =
                diverted.as_mut().map(|diverted| diverted.poll_take(&Context::from_waker(Waker::noop())).unwrap());
            assert_eq!(came.map(|(_, form)| form), form);
            if let Some(diverted) = diverted {
                diverted.finish();
            }
        }
    }

    /// What is dropped are the rest of one answer's rows, never those of the next.
    #[tokio::test]
    async fn rows_of_the_next_answer_come_whenever_this_one_was_given_up() {
        let next = [of(b'D', &[0, 0]), of(b'C', b"SELECT 1\0")].concat();
        for end in [of(b'C', b"SELECT 9\0"), of(b'E', b"SERROR\0\0")] {
            // After its end had passed.
            let (mut server, mut tap, diversion) = connected();
            let diverted = diversion.begin(&[]);
            server.write_all(&[of(b'D', b"ab"), end.clone()].concat()).await.unwrap();
            driver_has(&mut tap, &end).await;
            drop(diverted);
            server.write_all(&next).await.unwrap();
            driver_has(&mut tap, &next).await;
            // Before.
            let (mut server, mut tap, diversion) = connected();
            drop(diversion.begin(&[]));
            server.write_all(&[of(b'D', b"ab"), end.clone(), next.clone()].concat()).await.unwrap();
            driver_has(&mut tap, &[end.clone(), next.clone()].concat()).await;
        }
    }
}
