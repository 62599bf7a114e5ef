//! A client that does nothing with what it reads, and reads as slowly as it is told.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How the last message of an answer ends: ReadyForQuery, outside of a transaction. The tables' texts have no such bytes.
const READY: &[u8] = b"Z\0\0\0\x05I";

/// How much is read at once.
const PIECE: usize = 256 << 10;

/// Asks the program as a user that is trusted, reads the whole answer in text with a pause after each piece, and gives
/// the time and how many bytes came.
pub fn read(port: u16, sql: &str, pause: Option<Duration>) -> (Duration, u64) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let parameters = b"user\0onerow\0database\0onerow\0\0";
    let length = u32::try_from(parameters.len() + 8).expect("a length");
    let mut startup = length.to_be_bytes().to_vec();
    startup.extend_from_slice(&196_608_u32.to_be_bytes());
    startup.extend_from_slice(parameters);
    stream.write_all(&startup).expect("a server");
    take(&mut stream, None);

    let began = Instant::now();
    let mut query = vec![b'Q'];
    query.extend_from_slice(&u32::try_from(sql.len() + 5).expect("a length").to_be_bytes());
    query.extend_from_slice(sql.as_bytes());
    query.push(0);
    stream.write_all(&query).expect("a server");
    let bytes = take(&mut stream, pause);
    (began.elapsed(), bytes)
}

/// Reads up to ReadyForQuery; how many bytes that were.
fn take(stream: &mut TcpStream, pause: Option<Duration>) -> u64 {
    let mut buffer = vec![0; PIECE];
    let (mut tail, mut bytes, mut piece) = (vec![], 0, 0);
    loop {
        let count = stream.read(&mut buffer).expect("bytes");
        assert!(count > 0, "the server has gone");
        bytes += count as u64;
        piece += count;
        tail.extend_from_slice(&buffer[count.saturating_sub(READY.len())..count]);
        tail.drain(..tail.len().saturating_sub(READY.len()));
        if tail == READY {
            return bytes;
        }
        if let Some(pause) = pause
            && piece >= PIECE
        {
            piece = 0;
            std::thread::sleep(pause);
        }
    }
}
