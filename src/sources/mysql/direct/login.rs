//! Making a connection.

use std::sync::Arc;

use mysql_async::{Error, IoError, Opts};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse};
use mysql_common::proto::MySerialize;
use mysql_common::scramble::scramble_native;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::link::{Link, malformed, told};

/// The longest message that is taken: the protocol's own limit.
const LONGEST: u32 = 1 << 30;

/// A password is wrong, or its user may not come from here: another way to say it would not help.
const DENIED: [u16; 3] = [1044, 1045, 1698];

/// What came of making a connection.
#[derive(Debug)]
pub(in crate::sources::mysql) enum Login {
    /// It reads, and the server said that it is of this version.
    Made(Link, (u16, u16, u16)),
    /// The driver is to try: the server wants what this does not know.
    Declined,
}

impl Login {
    /// Connects, says who it is, and runs the statements that `setup` makes of what the server calls its version.
    pub async fn make(driver: &Opts, setup: impl FnOnce(&str) -> Vec<Arc<str>>) -> Result<Login, Error> {
        if driver.ssl_opts().is_some() {
            return Ok(Login::Declined);
        }
        let socket = connect(driver).await.map_err(|error| Error::Io(IoError::Io(error)))?;
        let mut link = Link::new(socket);
        match greet(&mut link, driver, setup).await {
            Ok(Some(version)) => Ok(Login::Made(link, version)),
            Ok(None) => Ok(Login::Declined),
            Err(Error::Server(error)) if !DENIED.contains(&error.code) => {
                tracing::debug!("the driver reads, as this was not understood: {error}");
                Ok(Login::Declined)
            }
            Err(error) => Err(error),
        }
    }
}

async fn connect(driver: &Opts) -> std::io::Result<TcpStream> {
    let socket = TcpStream::connect((driver.ip_or_hostname(), driver.tcp_port())).await?;
    socket.set_nodelay(true)?;
    if let Some(time) = driver.tcp_keepalive() {
        SockRef::from(&socket).set_tcp_keepalive(&TcpKeepalive::new().with_time(time))?;
    }
    Ok(socket)
}

async fn greet(
    link: &mut Link,
    driver: &Opts,
    setup: impl FnOnce(&str) -> Vec<Arc<str>>,
) -> Result<Option<(u16, u16, u16)>, Error> {
    let message = link.message().await?;
    if message.first() == Some(&0xff) {
        // Before it has said what it is capable of: without an SQLSTATE.
        return Err(told(message, CapabilityFlags::empty()));
    }
    let greeting: HandshakePacket<'_> = ParseBuf(message).parse(()).map_err(|_| malformed())?;
    let server = greeting.capabilities();
    let needed = CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH;
    let version = greeting.maria_db_server_version_parsed().or_else(|| greeting.server_version_parsed());
    let Some(version) = version.filter(|_| server.contains(needed)) else { return Ok(None) };
    let name = greeting.server_version_str().into_owned();
    let (id, nonce) = (greeting.connection_id(), greeting.nonce());
    let mut wanted = needed | CapabilityFlags::CLIENT_LONG_PASSWORD | CapabilityFlags::CLIENT_LONG_FLAG;
    if driver.db_name().is_some() {
        wanted |= CapabilityFlags::CLIENT_CONNECT_WITH_DB;
    }
    let capabilities = wanted & server;
    let response = HandshakeResponse::new(
        scramble(&nonce, driver),
        version,
        driver.user().map(str::as_bytes),
        driver.db_name().map(str::as_bytes),
        Some(AuthPlugin::MysqlNativePassword),
        capabilities,
        None,
        LONGEST,
    );
    let mut body = vec![];
    response.serialize(&mut body);
    link.id = id;
    link.capabilities = capabilities;
    link.send(&body).await?;
    if !prove(link, driver).await? {
        return Ok(None);
    }
    for statement in setup(&name) {
        link.run(&statement).await?;
    }
    Ok(Some(version))
}

/// Waits until the server is content; it may ask once more. The answer is false when it asks for another proof.
async fn prove(link: &mut Link, driver: &Opts) -> Result<bool, Error> {
    let capabilities = link.capabilities;
    for _ in 0..2 {
        let message = link.message().await?;
        match message {
            [0x00, ..] => return Ok(true),
            [0xff, ..] => return Err(told(message, capabilities)),
            // With nothing behind it, it asks for the way of servers before 4.1.
            [0xfe, _, ..] => {}
            _ => return Ok(false),
        }
        let asked: AuthSwitchRequest<'_> = ParseBuf(message).parse(()).map_err(|_| malformed())?;
        if !matches!(asked.auth_plugin(), AuthPlugin::MysqlNativePassword) {
            return Ok(false);
        }
        let proof = scramble(asked.plugin_data(), driver).unwrap_or_default();
        link.send(&proof).await?;
    }
    Err(malformed())
}

/// The proof of the password; none without one.
fn scramble(nonce: &[u8], driver: &Opts) -> Option<Vec<u8>> {
    let password = driver.pass().filter(|password| !password.is_empty())?;
    scramble_native(nonce, password.as_bytes()).map(|proof| proof.to_vec())
}
