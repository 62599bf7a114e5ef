//! The streams under the driver: TLS on rustls where it is wanted, and the [`Tap`] on top.
//!
//! The driver wraps a stream only when it is told to encrypt it. So it is told to do so always and without asking the
//! server first, and what it takes for a handshake asks the server, encrypts or not, and wraps the stream.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_rustls::TlsConnector;

use super::diversion::{Diversion, Tap};

/// The message that asks a server whether it speaks TLS: its length and a code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Makes the streams of one server's connections.
#[derive(Clone)]
pub(super) struct Tls {
    config: Option<Arc<ClientConfig>>,
    /// Whether a server that does not speak TLS will do.
    or_plain: bool,
    diversion: Diversion,
}

impl Tls {
    /// TLS by this configuration, or none at all. With `or_plain` a server may do without.
    pub(super) fn new(config: Option<Arc<ClientConfig>>, or_plain: bool) -> Tls {
        Tls { config, or_plain, diversion: Diversion::default() }
    }

    /// The same for one connection, whose large answers go this way.
    pub(super) fn diverting(&self, diversion: Diversion) -> Tls {
        Tls { diversion, ..self.clone() }
    }
}

impl<S> MakeTlsConnect<S> for Tls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Tap<Channel<S>>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Handshake, io::Error> {
        // It matters only when a handshake is really made.
        let name = ServerName::try_from(domain).ok().map(|name| name.to_owned());
        Ok(Handshake { tls: self.clone(), name })
    }
}

/// One handshake to come.
pub(super) struct Handshake {
    tls: Tls,
    name: Option<ServerName<'static>>,
}

impl<S> TlsConnect<S> for Handshake
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Tap<Channel<S>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Tap<Channel<S>>>> + Send>>;

    fn connect(self, mut stream: S) -> Self::Future {
        Box::pin(async move {
            let Tls { config, or_plain, diversion } = self.tls;
            let channel = match config {
                Some(config) if speaks_tls(&mut stream).await? => {
                    let name = self.name.ok_or_else(|| io::Error::other("the host is no valid name for TLS"))?;
                    Channel::Encrypted(Box::new(TlsConnector::from(config).connect(name, stream).await?))
                }
                Some(_) if !or_plain => return Err(io::Error::other("server does not support TLS")),
                _ => Channel::Plain(stream),
            };
            Ok(Tap::new(channel, diversion))
        })
    }
}

async fn speaks_tls<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<bool> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.flush().await?;
    match stream.read_u8().await? {
        b'S' => Ok(true),
        b'N' => Ok(false),
        _ => Err(io::Error::other("the server did not say whether it speaks TLS")),
    }
}

/// A stream, encrypted or not.
pub(super) enum Channel<S> {
    Plain(S),
    Encrypted(Box<tokio_rustls::client::TlsStream<S>>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Channel<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Channel::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Channel::Encrypted(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Channel<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Channel::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Channel::Encrypted(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Channel::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Channel::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Channel::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Channel::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
