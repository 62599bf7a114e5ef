//! The protocol by hand, for what no driver sends.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// A connection to a server that trusts.
pub struct Wire(TcpStream);

/// One message: its type and body.
pub type Message = (u8, Vec<u8>);

impl Wire {
    /// Connects and waits until the server is ready.
    pub fn connect(port: u16) -> Result<Wire, Error> {
        let mut wire = Wire::open(port)?;
        let mut body = 196_608i32.to_be_bytes().to_vec();
        body.extend(b"user\0onerow\0database\0onerow\0\0");
        wire.bytes(&framed(None, &body))?;
        wire.until_ready()?;
        Ok(wire)
    }

    /// Connects and says nothing.
    pub fn open(port: u16) -> Result<Wire, Error> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Wire(stream))
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.write_all(bytes)
    }

    pub fn send(&mut self, kind: u8, body: &[u8]) -> Result<(), Error> {
        self.bytes(&framed(Some(kind), body))
    }

    /// Says that nothing more will come, and reads what the server says until it hangs up.
    pub fn finish(&mut self) -> Result<Vec<u8>, Error> {
        // The server may have hung up first, in the middle of what it was sent.
        let _ = self.0.shutdown(Shutdown::Write);
        let mut said = vec![];
        match self.0.read_to_end(&mut said) {
            Err(error) if is_silence(&error) => Err(error),
            _ => Ok(said),
        }
    }

    /// The next message; an error when the server hangs up.
    pub fn message(&mut self) -> Result<Message, Error> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length =
            usize::try_from(i32::from_be_bytes(length) - 4).map_err(|e| Error::new(ErrorKind::InvalidData, e))?;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok((kind, body))
    }

    /// The messages up to ReadyForQuery, with it.
    pub fn until_ready(&mut self) -> Result<Vec<Message>, Error> {
        let mut messages = vec![];
        loop {
            let message = self.message()?;
            let done = message.0 == b'Z';
            messages.push(message);
            if done {
                return Ok(messages);
            }
        }
    }
}

/// Whether the server neither answered nor hung up.
pub fn is_silence(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn framed(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = kind.into_iter().collect();
    bytes.extend((body.len() as i32 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// The SQLSTATE of the first error among messages.
pub fn state(messages: &[Message]) -> Option<String> {
    let (_, body) = messages.iter().find(|(kind, _)| *kind == b'E')?;
    let field = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&b'C'))?;
    Some(String::from_utf8_lossy(&field[1..]).into_owned())
}

/// The command tags among messages.
pub fn tags(messages: &[Message]) -> Vec<String> {
    let complete = messages.iter().filter(|(kind, _)| *kind == b'C');
    complete.map(|(_, body)| String::from_utf8_lossy(body).trim_end_matches('\0').to_string()).collect()
}

/// Text parts of a message, each with the zero that ends it.
pub fn zero_ended(parts: &[&str]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.bytes().chain([0])).collect()
}
