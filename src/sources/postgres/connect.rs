//! From a server's options to connections.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, Config};

use super::connection::{Connection, Plans};
use super::diversion::Diversion;
use super::errors;
use super::socket::Socket;
use super::tls::Tls;
use crate::error::{Error, Fault, Result, SqlState};
use crate::sources::kind::ServerSpec;
use crate::sources::options::{Options, invalid};
use crate::sources::tls::{ClientIdentity, TlsMode, client_config};

/// Opens connections to one server as one user.
pub(super) struct Connector {
    server: String,
    /// Host and port, for errors.
    address: String,
    /// Whether that is this machine.
    near: bool,
    config: Config,
    tls: Tls,
    /// Where to; none through the file system.
    dial: Option<Dial>,
    /// How long connecting may take; none for without end.
    timeout: Option<Duration>,
    /// What every session starts with.
    settings: String,
}

/// A host to connect to.
struct Dial {
    /// Its name or its address.
    to: String,
    port: u16,
    /// Its name, which its certificate must have.
    name: String,
}

impl Connector {
    /// Reads the options of the server and its user mapping; HV00N for one that cannot be used.
    pub(super) fn new(spec: &ServerSpec) -> Result<Connector> {
        let options = &spec.options;
        let port = match options.get("port") {
            None => 5432,
            Some(text) => text
                .trim()
                .parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| invalid("port", "is not a port from 1 to 65535"))?,
        };
        let hostaddr = options
            .get("hostaddr")
            .map(|text| text.trim().parse::<IpAddr>().map_err(|_| invalid("hostaddr", "is not an IP address")))
            .transpose()?;
        let host = match (options.get("host").filter(|host| !host.is_empty()), hostaddr) {
            (Some(host), _) => host.to_string(),
            (None, Some(address)) => address.to_string(),
            (None, None) => "localhost".to_string(),
        };
        // PostgreSQL does not encrypt what goes through the file system.
        let socket = hostaddr.is_none() && host.starts_with('/');
        let (ssl_mode, tls) = encryption(spec)?;
        let or_plain = ssl_mode != SslMode::Require;
        let timeout = options.duration("connect_timeout", Duration::from_secs(10))?;
        let statement_timeout = options.duration("statement_timeout", Duration::ZERO)?;

        let mut config = Config::new();
        config
            .host(host.as_str())
            .port(port)
            .ssl_mode(if socket { ssl_mode } else { SslMode::Require })
            .ssl_negotiation(if socket { SslNegotiation::Postgres } else { SslNegotiation::Direct })
            .application_name(options.get("application_name").unwrap_or("onerow"));
        // A server is there before its user mappings are.
        if let Some(user) = spec.user.get("user").filter(|user| !user.is_empty()) {
            config.user(user);
        }
        if let Some(password) = spec.user.get("password") {
            config.password(password);
        }
        if let Some(dbname) = options.get("dbname") {
            config.dbname(dbname);
        }
        if let Some(command_line) = options.get("options") {
            config.options(command_line);
        }
        Ok(Connector {
            server: spec.name.clone(),
            near: socket || is_here(&host, hostaddr),
            address: format!("host {host}, port {port}"),
            config,
            tls: Tls::new(tls, or_plain),
            dial: (!socket).then(|| {
                let to = hostaddr.map_or_else(|| host.clone(), |address| address.to_string());
                Dial { to, port, name: host.clone() }
            }),
            timeout: (!timeout.is_zero()).then_some(timeout),
            settings: settings(statement_timeout),
        })
    }

    /// The server's name here.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Whether the server runs on this machine, as far as its address tells.
    pub(super) fn is_near(&self) -> bool {
        self.near
    }

    /// Asks the server to stop what a connection works on; that it could not be asked is not said.
    pub(super) async fn cancel(&self, token: &CancelToken) {
        let Some(dial) = &self.dial else {
            let _ = token.cancel_query(self.tls.clone()).await;
            return;
        };
        if let Ok(socket) = Socket::connect(&dial.to, dial.port, Diversion::default()).await
            && let Ok(handshake) = MakeTlsConnect::<Socket>::make_tls_connect(&mut self.tls.clone(), &dial.name)
        {
            let _ = token.cancel_query_raw(socket, handshake).await;
        }
    }

    /// Connects, logs in and prepares the session; 08006 when any of it fails or takes too long.
    pub(super) async fn connect(&self) -> Result<Connection> {
        let Some(timeout) = self.timeout else { return self.log_in().await };
        match tokio::time::timeout(timeout, self.log_in()).await {
            Ok(connected) => connected,
            Err(_) => {
                let why = format!("no answer within {} ms", timeout.as_millis());
                Err(errors::unreachable(&self.server, &self.address, &why).with_fault(Fault::Silent))
            }
        }
    }

    async fn log_in(&self) -> Result<Connection> {
        if self.config.get_user().is_none() {
            let missing = format!("server \"{}\": no user mapping says as whom to connect", self.server);
            let statement = format!("CREATE USER MAPPING FOR PUBLIC SERVER {} OPTIONS (user ..)", self.server);
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, missing).with_hint(format!("Use {statement}.")));
        }
        let failed = |error| errors::connecting(&self.server, &self.address, &error);
        let connection = match &self.dial {
            Some(dial) => {
                let io = |error: io::Error| {
                    errors::unreachable(&self.server, &self.address, &errors::plain(&error.to_string()))
                };
                let diversion = Diversion::default();
                let socket = Socket::connect(&dial.to, dial.port, diversion.clone()).await.map_err(io)?;
                let mut tls = self.tls.diverting(diversion.clone());
                let handshake = MakeTlsConnect::<Socket>::make_tls_connect(&mut tls, &dial.name).map_err(io)?;
                let (client, driver) = self.config.connect_raw(socket, handshake).await.map_err(failed)?;
                Connection::start(client, driver, Some(diversion))
            }
            None => {
                let (client, driver) = self.config.connect(self.tls.clone()).await.map_err(failed)?;
                Connection::start(client, driver, None)
            }
        };
        connection.client.batch_execute(&self.settings).await.map_err(failed)?;
        Ok(connection)
    }
}

fn is_here(host: &str, address: Option<IpAddr>) -> bool {
    let address = address.or_else(|| host.parse().ok());
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

/// The statements that every session starts with: it cannot write, and text forms do not depend on the server's
/// own configuration.
fn settings(statement_timeout: Duration) -> String {
    let mut settings = "SET default_transaction_read_only = on; SET standard_conforming_strings = on; \
         SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; \
         SET extra_float_digits = 3; SET bytea_output = 'hex'"
        .to_string();
    settings.push_str("; ");
    settings.push_str(Plans::OfValues.setting());
    if !statement_timeout.is_zero() {
        settings.push_str(&format!("; SET statement_timeout = {}", statement_timeout.as_millis()));
    }
    settings
}

/// Whether and how TLS is used, as libpq's `sslmode` means it.
fn encryption(spec: &ServerSpec) -> Result<(SslMode, Option<Arc<ClientConfig>>)> {
    let options = &spec.options;
    let roots = file(spec, options, "sslrootcert").filter(|_| options.get("sslrootcert") != Some("system"));
    let (ssl_mode, mode) = match options.get("sslmode").map(str::trim).unwrap_or("prefer") {
        "disable" => return Ok((SslMode::Disable, None)),
        "prefer" => (SslMode::Prefer, TlsMode::Require),
        // As in libpq: whoever names an authority wants it asked.
        "require" if options.get("sslrootcert").is_some() => (SslMode::Require, TlsMode::VerifyCa),
        "require" => (SslMode::Require, TlsMode::Require),
        "verify-ca" => (SslMode::Require, TlsMode::VerifyCa),
        "verify-full" => (SslMode::Require, TlsMode::VerifyFull),
        _ => {
            return Err(invalid("sslmode", "is no mode of TLS")
                .with_hint("Use 'disable', 'prefer', 'require', 'verify-ca' or 'verify-full'."));
        }
    };
    let certificates = file(spec, &spec.user, "sslcert").or_else(|| file(spec, options, "sslcert"));
    let key = file(spec, &spec.user, "sslkey").or_else(|| file(spec, options, "sslkey"));
    let identity = match (&certificates, &key) {
        (Some(certificates), Some(key)) => Some(ClientIdentity { certificates, key }),
        (None, None) => None,
        (Some(_), None) => return Err(alone("sslcert", "sslkey")),
        (None, Some(_)) => return Err(alone("sslkey", "sslcert")),
    };
    Ok((ssl_mode, Some(client_config(mode, roots.as_deref(), identity)?)))
}

fn alone(given: &str, missing: &str) -> Error {
    invalid(given, &format!("needs option \"{missing}\" beside it"))
}

/// A path, relative to where the server was defined.
fn file(spec: &ServerSpec, options: &Options, name: &str) -> Option<PathBuf> {
    options.get(name).filter(|path| !path.is_empty()).map(|path| spec.folder.join(Path::new(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(options: &[(&str, &str)]) -> Result<Connector> {
        Connector::new(&ServerSpec {
            name: "erp".into(),
            options: options.iter().copied().collect(),
            user: [("user", "reader"), ("password", "secret")].into_iter().collect(),
            folder: PathBuf::from("/nowhere"),
            sockets: None,
        })
    }

    fn message(options: &[(&str, &str)]) -> String {
        open(options).err().map(|error| error.message().to_string()).unwrap_or_default()
    }

    #[tokio::test]
    async fn a_server_without_a_user_mapping_can_be_made_but_not_reached() {
        let spec = ServerSpec {
            name: "erp".into(),
            options: Options::new(),
            user: Options::new(),
            folder: PathBuf::from("/nowhere"),
            sockets: None,
        };
        let failed = Connector::new(&spec).unwrap().connect().await.err().map(|error| error.state());
        assert_eq!(failed, Some(SqlState::UNDEFINED_OBJECT));
    }

    #[test]
    fn options_are_checked_without_connecting() {
        assert!(open(&[("host", "10.0.0.5"), ("port", "5433"), ("sslmode", "require")]).is_ok());
        assert_eq!(message(&[("port", "0")]), "invalid value for option \"port\": it is not a port from 1 to 65535");
        assert_eq!(message(&[("sslmode", "maybe")]), "invalid value for option \"sslmode\": it is no mode of TLS");
        assert_eq!(
            message(&[("sslcert", "client.pem")]),
            "invalid value for option \"sslcert\": it needs option \"sslkey\" beside it"
        );
        assert!(message(&[("sslmode", "verify-ca"), ("sslrootcert", "ca.pem")]).contains("/nowhere/ca.pem"));
    }
}
