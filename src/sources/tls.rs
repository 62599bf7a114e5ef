//! TLS to a source: the client's half, for every kind that speaks it.
//!
//! Trust comes from the operating system's store, or from one file of certificates instead. The provider is ring.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Error, Result, SqlState};

/// How much of the server's certificate must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Encrypt, and believe any certificate: this keeps out who listens, not who stands between.
    Require,
    /// The certificate must come from a trusted authority, whatever name it bears.
    VerifyCa,
    /// The certificate must come from a trusted authority and bear the server's host name.
    VerifyFull,
}

/// A certificate chain and its key, in PEM files, that say who the client is.
#[derive(Clone, Copy, Debug)]
pub struct ClientIdentity<'a> {
    /// The certificates, the client's own first.
    pub certificates: &'a Path,
    /// The key: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: &'a Path,
}

/// The configuration of TLS connections. `ca_file` is a PEM file of certificates to trust instead of the operating
/// system's; it is not read in [`TlsMode::Require`]. A certificate of that file is trusted too when a server shows
/// it as its own, as self-signed certificates are used.
///
/// A file that cannot be read or holds nothing usable is HV00N.
pub fn client_config(
    mode: TlsMode,
    ca_file: Option<&Path>,
    identity: Option<ClientIdentity<'_>>,
) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Verifier::new(mode, ca_file, &provider)?);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::internal(format!("tls cannot be set up: {e}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let certificates = certificates(identity.certificates)?;
            let key = private_key(identity.key)?;
            builder
                .with_client_auth_cert(certificates, key)
                .map_err(|e| unusable(identity.certificates, &format!("cannot be used with its key: {e}")))?
        }
    };
    Ok(Arc::new(config))
}

/// Judges the server's certificate by the mode.
#[derive(Debug)]
struct Verifier {
    mode: TlsMode,
    roots: RootCertStore,
    /// The certificates of the file, which a server may show as its own.
    pinned: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(mode: TlsMode, ca_file: Option<&Path>, provider: &CryptoProvider) -> Result<Verifier> {
        let mut roots = RootCertStore::empty();
        let mut pinned = vec![];
        match (mode, ca_file) {
            (TlsMode::Require, _) => {}
            (_, Some(file)) => {
                pinned = certificates(file)?;
                // One that is no authority, such as a bare self-signed certificate, still counts as pinned.
                roots.add_parsable_certificates(pinned.iter().cloned());
            }
            (_, None) => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        Ok(Verifier { mode, roots, pinned, algorithms: provider.signature_verification_algorithms })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.mode == TlsMode::Require {
            return Ok(ServerCertVerified::assertion());
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let chain = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        );
        if let Err(error) = chain {
            let pinned = self.pinned.iter().any(|pinned| pinned.as_ref() == end_entity.as_ref());
            if !pinned || is_about_time(&error) {
                return Err(error);
            }
        }
        if self.mode == TlsMode::VerifyFull {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.mode == TlsMode::Require {
            // Who the server is was not asked, and certificates of the old version 1 cannot be checked.
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.mode == TlsMode::Require {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether a certificate is refused because it has expired or does not hold yet.
fn is_about_time(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = rustls_pemfile::certs(&mut open(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unusable(path, &format!("cannot be read: {e}")))?;
    if found.is_empty() { Err(unusable(path, "holds no certificate in PEM form")) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    rustls_pemfile::private_key(&mut open(path)?)
        .map_err(|e| unusable(path, &format!("cannot be read: {e}")))?
        .ok_or_else(|| unusable(path, "holds no private key in PEM form"))
}

fn open(path: &Path) -> Result<BufReader<File>> {
    File::open(path).map(BufReader::new).map_err(|e| unusable(path, &format!("cannot be read: {e}")))
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::new(SqlState::FDW_INVALID_ATTRIBUTE_VALUE, format!("file \"{}\" {why}", path.display()))
}
