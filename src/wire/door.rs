//! The door: encryption, certificates and rules, as the files say now. SIGHUP has them read again, all or none.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::hba::{self, Knock, Method, Rules};
use super::password::Prover;
use super::tls::{self, Tls};
use crate::error::{Error, Result, SqlState};

/// Which files say who comes in.
#[derive(Clone, Debug, Default)]
pub struct DoorConfig {
    /// Certificate chain and key, in PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Who signs the certificates of clients, in PEM.
    pub client_ca: Option<PathBuf>,
    /// Whether clients must encrypt; none for where the listener is open to other machines.
    pub tls_required: Option<bool>,
    /// Rules, in the form of `pg_hba.conf`.
    pub hba: Option<PathBuf>,
}

/// Who comes in, and how.
pub(super) struct Door {
    pub tls: Option<Tls>,
    pub prover: Prover,
    rules: Option<Rules>,
    requires_tls: bool,
}

impl Door {
    /// Reads the files. `open` says that other machines reach the listener. Whatever is wrong is an error (F0000), and
    /// so is what would let in whom nobody means: trust beyond this machine, and no encryption where it is required.
    pub fn load(config: &DoorConfig, open: bool, provider: &Arc<CryptoProvider>) -> Result<Door> {
        let tls = match &config.tls {
            Some((certificate, key)) => {
                Some(tls::load(Arc::clone(provider), certificate, key, config.client_ca.as_deref())?)
            }
            None => None,
        };
        let requires_tls = config.tls_required.unwrap_or(open);
        if requires_tls && tls.is_none() {
            let message =
                if open { "a listener that other machines reach needs TLS" } else { "TLS needs a certificate" };
            return Err(Error::new(SqlState::CONFIG_FILE_ERROR, message).with_hint(
                "Name certificate and key with --tls-cert and --tls-key, or let clients in without by --tls allowed.",
            ));
        }
        let rules = match &config.hba {
            Some(path) => {
                let rules = hba::load(path)?;
                let wrong = |line: usize, message: &str, hint: &str| {
                    Error::new(SqlState::CONFIG_FILE_ERROR, format!("{}:{line}: {message}", path.display()))
                        .with_hint(hint)
                };
                if let Some(line) = rules.trusting().filter(|_| open) {
                    let hint = "Use scram-sha-256 or cert, or listen on 127.0.0.1.";
                    return Err(wrong(line, "trust needs a listener that only this machine reaches", hint));
                }
                if let Some(line) = rules.encrypting().filter(|_| tls.is_none()) {
                    let hint = "Name certificate and key with --tls-cert and --tls-key.";
                    return Err(wrong(line, "hostssl needs TLS", hint));
                }
                if let Some(line) = rules.certifying().filter(|_| config.client_ca.is_none()) {
                    let hint = "Name who signs the certificates of clients with --tls-client-ca.";
                    return Err(wrong(line, "cert needs to know whose certificates count", hint));
                }
                Some(rules)
            }
            None => None,
        };
        let prover = Prover::new(tls.as_ref().map(|tls| tls.certificate.as_ref()), provider)?;
        Ok(Door { tls, prover, rules, requires_tls })
    }

    /// Whether a file says who comes in.
    pub fn has_rules(&self) -> bool {
        self.rules.is_some()
    }

    /// How a client must prove who it is; none where no file says so. One that may not come in is an error (28000).
    pub fn decide(&self, knock: &Knock<'_>) -> Result<Option<Method>> {
        if self.requires_tls && !knock.encrypted {
            return Err(Error::new(SqlState::INVALID_AUTHORIZATION, "the server requires an encrypted connection")
                .with_hint("Connect with sslmode=require, or better sslmode=verify-full."));
        }
        let Some(rules) = &self.rules else { return Ok(None) };
        let decision = rules.decide(knock)?;
        tracing::debug!(line = decision.line, method = ?decision.method, user = knock.user, "a rule says");
        Ok(Some(decision.method))
    }
}
