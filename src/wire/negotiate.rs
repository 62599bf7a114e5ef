//! A connection's first packets: encryption, a cancel request, or the start-up packet.

use bytes::{BufMut, Bytes};
use pgwire::tokio::server::MaybeTls;
use tokio::net::TcpStream;

use super::errors::Failure;
use super::tls::{ALPN, Tls, common_name};
use super::transport::Transport;
use crate::error::{Error, Result, SqlState};
use crate::values::reader::Reader;

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
/// The first byte of a TLS handshake, which no length of ours begins with.
const TLS_HANDSHAKE: u8 = 0x16;

/// What a client came for.
#[derive(Debug)]
pub(super) enum Packet {
    /// To begin a session, with these parameters.
    Startup {
        /// The second number of the protocol's version, 3.x.
        minor: u16,
        parameters: Vec<(String, String)>,
    },
    /// To end what another connection runs.
    Cancel { pid: i32, secret: Bytes },
}

/// A connection with its first packet, or why there is none.
pub(super) struct Opened {
    pub wire: Transport,
    /// Whether it is encrypted.
    pub secure: bool,
    /// The name in the certificate that the client has shown, which is one that counts.
    pub certificate: Option<String>,
    pub packet: Result<Packet, Failure>,
}

/// Answers what a client asks about encryption, and reads its first packet. None when it is gone, or when there is no
/// way to tell it what is wrong.
pub(super) async fn open(stream: TcpStream, tls: Option<&Tls>) -> Option<Opened> {
    let mut wire = Transport::new(MaybeTls::Plain(stream));
    let (mut secure, mut certificate) = (false, None);
    if wire.peek().await? == TLS_HANDSHAKE {
        (wire, certificate) = encrypt(wire, tls?, true).await?;
        secure = true;
    }
    let (mut asked_tls, mut asked_gss) = (secure, secure);
    loop {
        let body = match wire.packet().await {
            Ok(body) => body,
            Err(error) => return Some(Opened { wire, secure, certificate, packet: Err(error.into()) }),
        };
        let mut reader = Reader { rest: body };
        let code = reader.u32().ok()?;
        match code {
            SSL_REQUEST if !asked_tls => {
                asked_tls = true;
                let Some(tls) = tls else {
                    refuse(&mut wire).await?;
                    continue;
                };
                // Whatever came before the handshake could have been slipped in by anyone.
                if wire.has_input() {
                    let error = Error::new(SqlState::PROTOCOL_VIOLATION, "received unencrypted data after SSL request");
                    return Some(Opened { wire, secure, certificate, packet: Err(Failure::Fatal(error)) });
                }
                wire.output.put_u8(b'S');
                wire.flush().await.ok()?;
                (wire, certificate) = encrypt(wire, tls, false).await?;
                secure = true;
            }
            GSS_REQUEST if !asked_gss => {
                asked_gss = true;
                refuse(&mut wire).await?;
            }
            CANCEL_REQUEST => {
                let packet = reader.u32().map(|pid| Packet::Cancel { pid: pid as i32, secret: reader.rest });
                return Some(Opened { wire, secure, certificate, packet: packet.map_err(Failure::Fatal) });
            }
            version => {
                let packet = startup(version, reader).map_err(Failure::Fatal);
                return Some(Opened { wire, secure, certificate, packet });
            }
        }
    }
}

async fn refuse(wire: &mut Transport) -> Option<()> {
    wire.output.put_u8(b'N');
    wire.flush().await.ok()
}

/// The encrypted connection, with the name in the client's certificate.
async fn encrypt(wire: Transport, tls: &Tls, direct: bool) -> Option<(Transport, Option<String>)> {
    let stream = tls.acceptor.accept(wire.into_plain()?).await.ok()?;
    // A handshake without a question before it could come from another protocol's client.
    if direct && stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        return None;
    }
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let name = shown.and_then(common_name);
    Some((Transport::new(MaybeTls::Tls(Box::new(stream))), name))
}

fn startup(version: u32, mut reader: Reader) -> Result<Packet> {
    let (major, minor) = (version >> 16, version as u16);
    if major != 3 {
        return Err(Error::unsupported(format!(
            "unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2"
        )));
    }
    let layout = || Error::new(SqlState::PROTOCOL_VIOLATION, "invalid startup packet layout");
    let mut parameters = Vec::new();
    loop {
        let name = reader.text().map_err(|_| layout())?;
        if name.is_empty() {
            break;
        }
        let value = reader.text().map_err(|_| layout())?;
        parameters.push((name, value));
    }
    if reader.rest.is_empty() { Ok(Packet::Startup { minor, parameters }) } else { Err(layout()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn startup_packets() {
        let read = |body: &'static [u8]| startup(196_608, Reader { rest: Bytes::from_static(body) });
        let Ok(Packet::Startup { minor: 0, parameters }) = read(b"user\0ann\0database\0onerow\0\0") else { panic!() };
        assert_eq!(parameters[0], ("user".to_string(), "ann".to_string()));
        assert!(read(b"user\0ann\0").is_err());
        assert!(read(b"user\0ann\0\0more").is_err());
        assert!(startup(131_072, Reader { rest: Bytes::new() }).is_err());
    }
}
