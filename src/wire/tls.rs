//! The server's certificate and key.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{CipherSuite, ProtocolVersion, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use x509_certificate::X509Certificate;

use crate::catalog::pg::Encryption;
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

/// Reads certificate chain and key, and with `client_ca` whose certificates clients may show, all in PEM.
/// Anything wrong with them is an error (F0000): a server that was
/// asked to encrypt must not start without.
pub(super) fn load(
    provider: Arc<CryptoProvider>,
    certificate: &Path,
    key: &Path,
    client_ca: Option<&Path>,
) -> Result<Tls> {
    let certificate_pem = read(certificate)?;
    let key_pem = read(key)?;
    let chain = certificates(&certificate_pem, certificate)?;
    let key_der = rustls_pemfile::private_key(&mut key_pem.as_slice())
        .map_err(|error| wrong(format!("\"{}\" is no key in PEM", key.display())).with_detail(format!("{error}.")))?
        .ok_or_else(|| wrong(format!("\"{}\" holds no private key", key.display())))?;
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("TLS cannot be set up").with_detail(format!("{error}.")))?;
    let config = match client_ca {
        Some(path) => {
            let unusable = |error: String| {
                wrong(format!("the certificates in \"{}\" cannot be used", path.display()))
                    .with_detail(format!("{error}."))
            };
            let mut roots = RootCertStore::empty();
            for root in certificates(&read(path)?, path)? {
                roots.add(root).map_err(|error| unusable(error.to_string()))?;
            }
            // Whether one must be shown is the rules' to say.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|error| unusable(error.to_string()))?;
            config.with_client_cert_verifier(verifier)
        }
        None => config.with_no_client_auth(),
    };
    let mut config = config.with_single_cert(chain, key_der).map_err(|error| {
        wrong(format!("certificate \"{}\" and key \"{}\" cannot be used", certificate.display(), key.display()))
            .with_detail(format!("{error}."))
    })?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), certificate: certificate_pem.into() })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path)
        .map_err(|error| wrong(format!("could not read \"{}\"", path.display())).with_detail(format!("{error}.")))
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let mut pem = pem;
    let found = rustls_pemfile::certs(&mut pem).collect::<std::io::Result<Vec<_>>>().map_err(|error| {
        wrong(format!("\"{}\" is no certificate in PEM", path.display())).with_detail(format!("{error}."))
    })?;
    if found.is_empty() {
        return Err(wrong(format!("\"{}\" holds no certificate", path.display())));
    }
    Ok(found)
}

/// The common name of whom a certificate is for; none when it has none, or several.
pub(super) fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = X509Certificate::from_der(certificate.as_ref()).ok()?;
    let mut names = certificate.subject_name().iter_common_name();
    match (names.next(), names.next()) {
        (Some(name), None) => name.to_string().ok(),
        _ => None,
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(SqlState::CONFIG_FILE_ERROR, message)
}

/// How a connection is encrypted, in OpenSSL's words: `TLS_AES_256_GCM_SHA384`, `ECDHE-RSA-AES256-GCM-SHA384`.
pub(super) fn encryption(version: ProtocolVersion, suite: CipherSuite) -> Encryption {
    let version = match version {
        ProtocolVersion::TLSv1_3 => "TLSv1.3".to_string(),
        ProtocolVersion::TLSv1_2 => "TLSv1.2".to_string(),
        other => format!("{other:?}"),
    };
    let known = format!("{suite:?}");
    let bits = if known.contains("AES_128") { 128 } else { 256 };
    let cipher = match known.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => {
            let name = known.trim_start_matches("TLS_").replace("_WITH_", "_").replace("AES_", "AES");
            // There it has no hash in its name.
            name.replace("POLY1305_SHA256", "POLY1305").replace('_', "-")
        }
    };
    Encryption { version, cipher, bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_the_names_of_openssl() {
        for (suite, cipher, bits) in [
            (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384", 256),
            (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256", 128),
            (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256", 256),
            (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", 256),
            (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", 128),
            (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", 256),
        ] {
            let shown = encryption(ProtocolVersion::TLSv1_3, suite);
            assert_eq!((shown.version.as_str(), shown.cipher.as_str(), shown.bits), ("TLSv1.3", cipher, bits));
        }
    }

    #[test]
    fn bad_files_are_errors() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("server.crt"), folder.path().join("server.key"));
        let load = || load(Arc::clone(&provider), &certificate, &key, None).map(drop).unwrap_err();
        assert_eq!(load().state(), SqlState::CONFIG_FILE_ERROR);
        fs::write(&certificate, "not a certificate").unwrap();
        fs::write(&key, "").unwrap();
        assert!(load().message().ends_with("holds no certificate"));
    }
}
