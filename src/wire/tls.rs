//! The server's certificate and key.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use tokio_rustls::TlsAcceptor;

use crate::error::{Error, Result, SqlState};

/// What a client that begins with TLS at once must ask for.
pub(super) const ALPN: &[u8] = b"postgresql";

/// TLS as it is offered.
#[derive(Clone)]
pub(super) struct Tls {
    pub acceptor: TlsAcceptor,
    /// The certificates in PEM, for binding a password exchange to the channel.
    pub certificate: Arc<[u8]>,
}

/// Reads certificate chain and key, both in PEM. Anything wrong with them is an error (F0000): a server that was
/// asked to encrypt must not start without.
pub(super) fn load(provider: Arc<CryptoProvider>, certificate: &Path, key: &Path) -> Result<Tls> {
    let read = |path: &Path| {
        fs::read(path)
            .map_err(|error| wrong(format!("could not read \"{}\"", path.display())).with_detail(format!("{error}.")))
    };
    let certificate_pem = read(certificate)?;
    let key_pem = read(key)?;
    let chain = rustls_pemfile::certs(&mut certificate_pem.as_slice()).collect::<std::io::Result<Vec<_>>>().map_err(
        |error| {
            wrong(format!("\"{}\" is no certificate in PEM", certificate.display())).with_detail(format!("{error}."))
        },
    )?;
    if chain.is_empty() {
        return Err(wrong(format!("\"{}\" holds no certificate", certificate.display())));
    }
    let key_der = rustls_pemfile::private_key(&mut key_pem.as_slice())
        .map_err(|error| wrong(format!("\"{}\" is no key in PEM", key.display())).with_detail(format!("{error}.")))?
        .ok_or_else(|| wrong(format!("\"{}\" holds no private key", key.display())))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("TLS cannot be set up").with_detail(format!("{error}.")))?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(|error| {
            wrong(format!("certificate \"{}\" and key \"{}\" cannot be used", certificate.display(), key.display()))
                .with_detail(format!("{error}."))
        })?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), certificate: certificate_pem.into() })
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(SqlState::CONFIG_FILE_ERROR, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_files_are_errors() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("server.crt"), folder.path().join("server.key"));
        let load = || load(Arc::clone(&provider), &certificate, &key).map(drop).unwrap_err();
        assert_eq!(load().state(), SqlState::CONFIG_FILE_ERROR);
        fs::write(&certificate, "not a certificate").unwrap();
        fs::write(&key, "").unwrap();
        assert!(load().message().ends_with("holds no certificate"));
    }
}
