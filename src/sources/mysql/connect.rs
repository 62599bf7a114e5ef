//! From options to the driver's.

use std::path::PathBuf;
use std::time::Duration;

use mysql_async::{ClientIdentity, Opts, OptsBuilder, SslOpts};

use crate::error::Result;
use crate::sources::kind::ServerSpec;
use crate::sources::options::invalid;

/// How often a silent connection is probed, so that one whose peer is gone ends.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// How to connect to the server: where, as whom, and with what protection. No file is read yet.
pub(super) fn driver_options(server: &ServerSpec) -> Result<Opts> {
    let options = &server.options;
    let port: u16 = options.parsed("port", 3306)?;
    let builder = OptsBuilder::default()
        .ip_or_hostname(options.get("host").unwrap_or("localhost"))
        .tcp_port(port)
        .user(server.user.get("username"))
        .pass(server.user.get("password"))
        .db_name(options.get("dbname"))
        // The server's socket file would take the place of host and port, TLS included.
        .prefer_socket(false)
        .tcp_keepalive(Some(KEEPALIVE))
        .ssl_opts(tls(server)?);
    Ok(builder.into())
}

fn tls(server: &ServerSpec) -> Result<Option<SslOpts>> {
    let options = &server.options;
    let path = |name: &str| options.get(name).map(|path| server.folder.join(path));
    let mode = options.get("ssl_mode").unwrap_or("disabled").trim().to_ascii_lowercase();
    let verify = match mode.as_str() {
        "disabled" => {
            let given =
                ["ssl_ca", "ssl_cert", "ssl_key", "ssl_hostname"].into_iter().find(|o| options.get(o).is_some());
            return match given {
                None => Ok(None),
                Some(name) => Err(invalid(name, "is not used without encryption")
                    .with_hint("Set ssl_mode to 'verify_identity' or 'required' too.")),
            };
        }
        "required" => false,
        "verify_identity" => true,
        "verify_ca" => {
            return Err(invalid("ssl_mode", "is not supported")
                .with_hint("Use 'verify_identity', with ssl_hostname if the certificate bears another name."));
        }
        _ => {
            return Err(invalid("ssl_mode", "is not a mode of encryption")
                .with_hint("The modes are: disabled, required, verify_identity."));
        }
    };
    let mut tls = SslOpts::default();
    if verify {
        if let Some(ca) = path("ssl_ca") {
            tls = tls.with_root_certs(vec![ca.into()]).with_disable_built_in_roots(true);
        }
        if let Some(name) = options.get("ssl_hostname") {
            tls = tls.with_danger_tls_hostname_override(Some(name.to_string()));
        }
    } else {
        tls = tls.with_danger_accept_invalid_certs(true);
    }
    if let Some((certificate, key)) = client_files(path("ssl_cert"), path("ssl_key"))? {
        tls = tls.with_client_identity(Some(ClientIdentity::new(certificate.into(), key.into())));
    }
    // The driver takes the process's provider. An error says that it has one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Some(tls))
}

fn client_files(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<(PathBuf, PathBuf)>> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(invalid("ssl_cert", "needs ssl_key")),
        (None, Some(_)) => Err(invalid("ssl_key", "needs ssl_cert")),
    }
}
