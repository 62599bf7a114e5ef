//! A connection's socket, which is looked at from time to time while much is coming.
//!
//! A server sends a large answer in pieces of 8 KiB. To be woken for each of them costs more than reading it: both
//! sides change places on a processor for every hundred rows. So while the rows of a large answer flow nobody waits for
//! the socket: it is read until it is empty, and again a moment later, when much has come. Between those moments the
//! system keeps what comes, as far as its buffers reach, and then holds the server back as ever.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream as Unwatched;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::diversion::Diversion;

/// How long a socket that was empty is left alone.
const MOMENT: Duration = Duration::from_millis(1);

/// How many bytes are asked for at once.
const MOST_READ: usize = 128 << 10;

/// A firewall that forgets idle connections does so well before the usual two hours.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A connected socket.
pub(super) struct Socket {
    state: State,
    /// Where the connection's data go: it knows whether they flow.
    diversion: Diversion,
}

enum State {
    /// The system says when there is something to read. `flood`: so much came last that it need not say it.
    Watched { stream: TcpStream, flood: bool },
    /// Nobody is told of what comes. `pausing`: it was empty, and is left alone until the moment has passed.
    Timed { stream: Unwatched, moment: Pin<Box<Sleep>>, pausing: bool },
    /// While the one becomes the other, and when that failed.
    Gone,
}

impl Socket {
    /// Connects to a host by its name or its address; the addresses of a name are tried one after another.
    pub(super) async fn connect(host: &str, port: u16, diversion: Diversion) -> io::Result<Socket> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        Ok(Socket { state: State::Watched { stream, flood: false }, diversion })
    }

    /// From now on the system says when there is something to read.
    fn watch(&mut self) -> io::Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Gone) {
            State::Timed { stream, .. } => State::Watched { stream: TcpStream::from_std(stream)?, flood: false },
            other => other,
        };
        Ok(())
    }

    /// From now on it is looked at from time to time.
    fn leave_alone(&mut self) -> io::Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Gone) {
            State::Watched { stream, .. } => State::Timed {
                stream: stream.into_std()?,
                moment: Box::pin(tokio::time::sleep(MOMENT)),
                pausing: false,
            },
            other => other,
        };
        Ok(())
    }
}

fn gone() -> io::Error {
    ErrorKind::NotConnected.into()
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Watched { flood: true, .. } => this.leave_alone()?,
                State::Watched { stream, flood } => {
                    let before = buf.filled().len();
                    ready!(Pin::new(stream).poll_read(cx, buf))?;
                    *flood = buf.filled().len() > before && this.diversion.is_flood();
                    return Poll::Ready(Ok(()));
                }
                State::Timed { stream, moment, pausing } => {
                    if *pausing {
                        ready!(moment.as_mut().poll(cx));
                    }
                    let length = buf.remaining().min(MOST_READ);
                    match stream.read(buf.initialize_unfilled_to(length)) {
                        Ok(read) => {
                            *pausing = false;
                            buf.advance(read);
                            return Poll::Ready(Ok(()));
                        }
                        Err(error) if error.kind() == ErrorKind::Interrupted => {}
                        // A whole moment without a byte: the data have ended, or come slowly.
                        Err(error) if error.kind() == ErrorKind::WouldBlock && *pausing => this.watch()?,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {
                            moment.as_mut().reset(Instant::now() + MOMENT);
                            *pausing = true;
                        }
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
                State::Gone => return Poll::Ready(Err(gone())),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Watched { stream, .. } => return Pin::new(stream).poll_write(cx, buf),
                State::Timed { stream, .. } => match stream.write(buf) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        this.watch()?;
                        // Who waits for the moment to read is no longer woken by it.
                        cx.waker().wake_by_ref();
                    }
                    written => return Poll::Ready(written),
                },
                State::Gone => return Poll::Ready(Err(gone())),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket keeps nothing back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.watch()?;
        match &mut this.state {
            State::Watched { stream, .. } => Pin::new(stream).poll_shutdown(cx),
            _ => Poll::Ready(Err(gone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What a server sends arrives whole and in order, however the socket is read, and the end is seen.
    #[tokio::test]
    async fn nothing_is_lost_between_the_two_ways() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for piece in 0..400u32 {
                stream.write_all(&vec![u8::try_from(piece % 251).unwrap(); 10_000]).await.unwrap();
                if piece % 100 == 99 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            let mut said = [0; 4];
            stream.read_exact(&mut said).await.unwrap();
            said
        });
        let diversion = Diversion::default();
        let diverted = diversion.begin(&[]);
        let mut socket = Socket::connect("127.0.0.1", port, diversion.clone()).await.unwrap();
        let mut came = vec![0; 4_000_000];
        let (mut at, mut timed) = (0, 0);
        while at < came.len() {
            at += socket.read(&mut came[at..]).await.unwrap();
            diversion.count(at);
            timed += usize::from(matches!(socket.state, State::Timed { .. }));
        }
        assert!(came.chunks(10_000).zip(0u32..).all(|(piece, n)| piece.iter().all(|byte| u32::from(*byte) == n % 251)));
        assert!(timed > 0);
        // When nothing comes any more it is watched again.
        let mut more = [0; 8];
        let nothing = tokio::time::timeout(Duration::from_millis(200), socket.read(&mut more));
        assert!(nothing.await.is_err());
        assert!(matches!(socket.state, State::Watched { .. }));
        diverted.finish();
        socket.write_all(b"done").await.unwrap();
        assert_eq!(&server.await.unwrap(), b"done");
        assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
