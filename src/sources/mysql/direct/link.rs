//! Messages over one socket.

use std::io;
use std::ops::Range;

use mysql_async::{Error, IoError, ServerError};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::ErrPacket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::statement::Prepared;

/// A message's length and number.
const HEADER: usize = 4;

/// A part of a message of this length is followed by another part.
const FULL_PART: usize = 0xff_ff_ff;

/// How much is received at once at first, and at most unless a message is longer.
const FIRST_BUFFER: usize = 16 << 10;
const LARGE_BUFFER: usize = 256 << 10;

/// A connection that has said who it is.
#[derive(Debug)]
pub(in crate::sources::mysql) struct Link {
    socket: TcpStream,
    /// What was received and not yet taken is in `start..end`; the rest is room.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The number of the next message.
    number: u8,
    /// The connection's number at the server.
    pub(super) id: u32,
    pub(super) capabilities: CapabilityFlags,
    pub(super) prepared: Vec<Prepared>,
}

impl Link {
    /// A connection over which nothing has been said.
    pub(super) fn new(socket: TcpStream) -> Self {
        Link {
            socket,
            buffer: vec![0; FIRST_BUFFER],
            start: 0,
            end: 0,
            number: 0,
            id: 0,
            capabilities: CapabilityFlags::empty(),
            prepared: vec![],
        }
    }

    /// The connection's number at the server.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The next message.
    pub(super) async fn message(&mut self) -> Result<&[u8], Error> {
        loop {
            if let Some(place) = self.next_place()? {
                return Ok(self.buffer.get(place).unwrap_or_default());
            }
            self.receive().await?;
        }
    }

    /// The next message, if all of it has been received.
    pub(super) fn received(&mut self) -> Result<Option<&[u8]>, Error> {
        Ok(self.next_place()?.and_then(|place| self.buffer.get(place)))
    }

    /// Waits until more has been received.
    pub(super) async fn receive(&mut self) -> Result<(), Error> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > LARGE_BUFFER {
                self.buffer = vec![0; LARGE_BUFFER];
            }
        } else if self.start > 0 && self.buffer.len() - self.end < self.buffer.len() / 4 {
            // The beginning of a message.
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        match self.socket.read(room).await {
            Ok(0) => Err(broken(io::ErrorKind::UnexpectedEof, "the connection ended in the middle of a message")),
            Ok(count) => {
                self.end += count;
                if self.end == self.buffer.len() && self.end < LARGE_BUFFER {
                    self.buffer.resize(self.end * 2, 0);
                }
                Ok(())
            }
            Err(error) => Err(Error::Io(IoError::Io(error))),
        }
    }

    /// Where the next message is, if all of it has been received; it counts as taken.
    fn next_place(&mut self) -> Result<Option<Range<usize>>, Error> {
        let Some(length) = self.part_at(self.start) else { return Ok(None) };
        let body = self.start + HEADER;
        if length < FULL_PART {
            if self.end - body < length {
                return Ok(None);
            }
            self.count(self.start)?;
            self.start = body + length;
            return Ok(Some(body..self.start));
        }
        // Several parts, which are moved together once they are all here.
        let mut headers = vec![self.start];
        let mut at = body + length;
        loop {
            let Some(length) = self.part_at(at) else { return Ok(None) };
            if self.end - (at + HEADER) < length {
                return Ok(None);
            }
            headers.push(at);
            at += HEADER + length;
            if length < FULL_PART {
                break;
            }
        }
        let mut whole = body + FULL_PART;
        for (index, header) in headers.iter().enumerate() {
            self.count(*header)?;
            if index > 0 {
                let part = header + HEADER..headers.get(index + 1).copied().unwrap_or(at);
                let length = part.len();
                self.buffer.copy_within(part, whole);
                whole += length;
            }
        }
        self.start = at;
        Ok(Some(body..whole))
    }

    /// The length of the part of a message whose header is at a place, if that has been received.
    fn part_at(&self, at: usize) -> Option<usize> {
        match self.buffer.get(at..self.end)? {
            [a, b, c, _, ..] => Some(usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16),
            _ => None,
        }
    }

    /// Compares a part's number with what is its turn.
    fn count(&mut self, header: usize) -> Result<(), Error> {
        if self.buffer.get(header + 3) != Some(&self.number) {
            return Err(malformed());
        }
        self.number = self.number.wrapping_add(1);
        Ok(())
    }

    /// Begins an exchange: what was left of the last one must have been taken.
    pub(super) async fn command(&mut self, body: &[u8]) -> Result<(), Error> {
        self.number = 0;
        self.send(body).await
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, body: &[u8]) -> Result<(), Error> {
        let mut bytes = Vec::with_capacity(body.len() + HEADER);
        let mut rest = body;
        loop {
            let (part, after) = rest.split_at(rest.len().min(FULL_PART));
            let length = u32::try_from(part.len()).unwrap_or_default().to_le_bytes();
            bytes.extend_from_slice(&[length[0], length[1], length[2], self.number]);
            bytes.extend_from_slice(part);
            self.number = self.number.wrapping_add(1);
            rest = after;
            // The last part is the one that is not full, if it be empty.
            if part.len() < FULL_PART {
                break;
            }
        }
        self.socket.write_all(&bytes).await.map_err(|error| Error::Io(IoError::Io(error)))
    }

    /// Sends a statement that gives no rows.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), Error> {
        const COM_QUERY: u8 = 0x03;
        self.command(&[&[COM_QUERY], sql.as_bytes()].concat()).await?;
        self.agreed().await
    }

    /// Whether the server still answers.
    pub async fn ping(&mut self) -> Result<(), Error> {
        const COM_PING: u8 = 0x0e;
        self.command(&[COM_PING]).await?;
        self.agreed().await
    }

    async fn agreed(&mut self) -> Result<(), Error> {
        let capabilities = self.capabilities;
        let message = self.message().await?;
        match message.first() {
            Some(0x00) => Ok(()),
            Some(0xff) => Err(told(message, capabilities)),
            _ => Err(malformed()),
        }
    }
}

/// What the server says is wrong.
pub(super) fn told(message: &[u8], capabilities: CapabilityFlags) -> Error {
    match ParseBuf(message).parse::<ErrPacket<'_>>(capabilities) {
        Ok(ErrPacket::Error(error)) => Error::Server(ServerError {
            code: error.error_code(),
            message: error.message_str().into_owned(),
            state: error.sql_state_ref().map(|state| state.as_str().into_owned()).unwrap_or_else(|| "HY000".into()),
        }),
        _ => malformed(),
    }
}

/// What was received is none of the protocol.
pub(in crate::sources::mysql) fn malformed() -> Error {
    broken(io::ErrorKind::InvalidData, "the server sent what is no message of the protocol")
}

fn broken(kind: io::ErrorKind, what: &str) -> Error {
    Error::Io(IoError::Io(io::Error::new(kind, what)))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A link, and the other end.
    async fn ends() -> (Link, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Link::new(near), listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn messages_of_every_length_arrive_whole() {
        for length in [0, 1, FIRST_BUFFER, FULL_PART - 1, FULL_PART, FULL_PART + 1, 2 * FULL_PART + 7] {
            let (mut near, far) = ends().await;
            let mut far = Link::new(far);
            let body: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let sent = body.clone();
            let sending = tokio::spawn(async move {
                far.command(&sent).await.unwrap();
                far.send(b"next").await.unwrap();
                far
            });
            assert!(near.message().await.unwrap() == body.as_slice(), "{length}");
            assert_eq!(near.message().await.unwrap(), b"next", "{length}");
            drop(sending.await.unwrap());
            assert!(near.message().await.is_err(), "{length}");
        }
    }

    #[tokio::test]
    async fn a_message_out_of_turn_is_refused() {
        let (mut near, mut far) = ends().await;
        far.write_all(&[1, 0, 0, 5, 0]).await.unwrap();
        assert!(near.message().await.unwrap_err().to_string().contains("no message of the protocol"));
    }

    #[tokio::test]
    async fn an_end_within_a_message_is_told() {
        let (mut near, mut far) = ends().await;
        far.write_all(&[9, 0, 0, 0, 1, 2]).await.unwrap();
        drop(far);
        assert!(near.message().await.unwrap_err().to_string().contains("ended in the middle"));
    }
}
