//! Passwords by SCRAM-SHA-256, with channel binding where the connection is encrypted.

use std::sync::Arc;

use bytes::Bytes;
use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramSecret, ScramServerAuth, gen_salted_password};
use pgwire::api::auth::sasl::{SCRAM_SHA_256_METHOD, SCRAM_SHA_256_PLUS_METHOD};
use pgwire::error::PgWireError;
use pgwire::messages::startup::Authentication;
use rustls::crypto::{CryptoProvider, ring};

use super::base64;
use super::cancel::{random, same};
use super::errors::Failure;
use super::transport::Transport;
use crate::error::{Error, Result, SqlState};
use crate::values::reader::{Reader, malformed};

/// A SHA-256 hash's length.
const KEY: usize = 32;

/// What proves a password without being one: salt, rounds, and the keys that follow from the password.
#[derive(Clone)]
pub(super) struct Verifier {
    salt: Vec<u8>,
    iterations: usize,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

/// The form in which a password is kept, Postgres's own: `SCRAM-SHA-256$4096:SALT$STORED_KEY:SERVER_KEY`. A text
/// that has this form already stays as it is.
pub(crate) fn kept_form(password: &str) -> Result<String> {
    if Verifier::read(password).is_some() {
        return Ok(password.to_string());
    }
    Ok(Verifier::derive(password, &ring::default_provider())?.to_kept())
}

impl Verifier {
    /// Takes a password, or the form in which one is kept.
    pub fn new(password: &str, provider: &CryptoProvider) -> Result<Verifier> {
        match Verifier::read(password) {
            Some(verifier) => Ok(verifier),
            None => Verifier::derive(password, provider),
        }
    }

    fn derive(password: &str, provider: &CryptoProvider) -> Result<Verifier> {
        if password.is_empty() {
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "an empty password is not allowed"));
        }
        let mut salt = vec![0; 16];
        random(provider, &mut salt)?;
        let salted = gen_salted_password(password, &salt, SCRAM_ITERATIONS);
        match ScramSecret::verifier_from_salted_password(salt, salted, SCRAM_ITERATIONS) {
            ScramSecret::Verifier { salt, iterations, stored_key, server_key } => {
                Ok(Verifier { salt, iterations, stored_key, server_key })
            }
            ScramSecret::SaltedPassword { .. } => Err(Error::internal("a password verifier could not be made")),
        }
    }

    /// Reads the kept form; none when a text is not of it.
    pub fn read(kept: &str) -> Option<Verifier> {
        let (rounds, keys) = kept.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
        let (iterations, salt) = rounds.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let verifier = Verifier {
            salt: base64::decode(salt)?,
            iterations: iterations.parse().ok().filter(|count| (1..=10_000_000).contains(count))?,
            stored_key: base64::decode(stored_key)?,
            server_key: base64::decode(server_key)?,
        };
        let whole = verifier.stored_key.len() == KEY && verifier.server_key.len() == KEY && !verifier.salt.is_empty();
        whole.then_some(verifier)
    }

    /// Whether it was made of this password. Takes as long as the verifier's rounds.
    pub fn is_of(&self, password: &str) -> bool {
        let salted = gen_salted_password(password, &self.salt, self.iterations);
        match ScramSecret::verifier_from_salted_password(self.salt.clone(), salted, self.iterations) {
            ScramSecret::Verifier { stored_key, .. } => same(&stored_key, &self.stored_key),
            ScramSecret::SaltedPassword { .. } => false,
        }
    }

    fn to_kept(&self) -> String {
        let Verifier { salt, iterations, stored_key, server_key } = self;
        format!(
            "SCRAM-SHA-256${iterations}:{}${}:{}",
            base64::encode(salt),
            base64::encode(stored_key),
            base64::encode(server_key)
        )
    }
}

/// Lets clients prove passwords.
pub(super) struct Prover {
    /// Keys that no password leads to, for users that do not exist.
    nobody: Vec<u8>,
    plain: ScramServerAuth,
    /// For encrypted connections; none when the certificate's kind has no binding.
    bound: Option<ScramServerAuth>,
}

impl Prover {
    /// `certificate` is the server's, in PEM.
    pub fn new(certificate: Option<&[u8]>, provider: &Arc<CryptoProvider>) -> Result<Prover> {
        let mut nobody = vec![0; KEY];
        random(provider, &mut nobody)?;
        let bound = certificate.and_then(|pem| {
            let mut bound = ScramServerAuth::new();
            match bound.configure_certificate(pem) {
                Ok(()) => Some(bound),
                Err(error) => {
                    tracing::warn!(%error, "passwords are not bound to the TLS channel");
                    None
                }
            }
        });
        Ok(Prover { nobody, plain: ScramServerAuth::new(), bound })
    }

    /// What a user who is not there, or has no password, is asked to prove: the same each time, as a real one's is, so
    /// that nobody learns who there is.
    pub fn nobody(&self, user: &str) -> Verifier {
        let mut salt = gen_salted_password(user, &self.nobody, 1);
        salt.truncate(16);
        let (stored_key, server_key) = (self.nobody.clone(), self.nobody.clone());
        Verifier { salt, iterations: SCRAM_ITERATIONS, stored_key, server_key }
    }

    fn secret(&self, verifier: &Verifier, known: bool) -> ScramSecret {
        let Verifier { salt, iterations, stored_key, server_key } = verifier.clone();
        let (stored_key, server_key) =
            if known { (stored_key, server_key) } else { (self.nobody.clone(), self.nobody.clone()) };
        ScramSecret::Verifier { salt, iterations, stored_key, server_key }
    }

    /// Asks for the password itself, for an encrypted connection. A user who is not `known` fails as one with a wrong
    /// password does, and as late.
    pub async fn ask(&self, wire: &mut Transport, verifier: &Verifier, user: &str, known: bool) -> Result<(), Failure> {
        send(wire, Authentication::CleartextPassword).await?;
        let password = (Reader { rest: answer(wire).await? }).text().map_err(Failure::Fatal)?;
        let verifier = verifier.clone();
        // It may have many rounds, and the sockets must not wait for them.
        let right = tokio::task::spawn_blocking(move || verifier.is_of(&password)).await;
        if known && right.unwrap_or(false) { Ok(()) } else { Err(Failure::Fatal(wrong_password(user))) }
    }

    /// Has the client prove its password. A user who is not `known` fails as one with a wrong password does, and at
    /// the same step.
    pub async fn check(
        &self,
        wire: &mut Transport,
        verifier: &Verifier,
        user: &str,
        known: bool,
        secure: bool,
    ) -> Result<(), Failure> {
        let auth = match &self.bound {
            Some(bound) if secure => bound,
            _ => &self.plain,
        };
        let binds = auth.supports_channel_binding();
        let mut mechanisms = vec![SCRAM_SHA_256_METHOD.to_string()];
        if binds {
            mechanisms.insert(0, SCRAM_SHA_256_PLUS_METHOD.to_string());
        }
        send(wire, Authentication::SASL(mechanisms)).await?;

        let mut first = Reader { rest: answer(wire).await? };
        let mechanism = first.text().map_err(Failure::Fatal)?;
        let data = first.value().map_err(Failure::Fatal)?.unwrap_or_default();
        let plus = mechanism == SCRAM_SHA_256_PLUS_METHOD;
        if !(mechanism == SCRAM_SHA_256_METHOD || (plus && binds)) {
            return Err(Failure::Fatal(Error::new(
                SqlState::PROTOCOL_VIOLATION,
                "client selected an invalid SASL authentication mechanism",
            )));
        }
        // The mechanism's name and the message's own flag must say the same about binding.
        if data.starts_with(b"p=") != plus {
            return Err(Failure::Fatal(malformed_scram()));
        }
        let (server_first, waiting) = auth
            .on_client_first_message_with_secret(&data, self.secret(verifier, known))
            .map_err(|error| Failure::Fatal(refusal(error, user)))?;
        send(wire, Authentication::SASLContinue(Bytes::from(server_first))).await?;

        let proof = answer(wire).await?;
        let server_final =
            waiting.on_client_final_message(&proof).map_err(|error| Failure::Fatal(refusal(error, user)))?;
        if !known {
            return Err(Failure::Fatal(wrong_password(user)));
        }
        wire.put(&Authentication::SASLFinal(Bytes::from(server_final))).map_err(Failure::Fatal)
    }
}

async fn send(wire: &mut Transport, message: Authentication) -> Result<(), Failure> {
    wire.put(&message).map_err(Failure::Fatal)?;
    wire.flush().await.map_err(Failure::from)
}

/// The body of the client's next message, which must be a part of the exchange.
async fn answer(wire: &mut Transport) -> Result<Bytes, Failure> {
    let frame = wire.frame().await?;
    match frame.kind {
        b'p' => Ok(frame.body),
        b'X' => Err(Failure::Gone),
        other => Err(Failure::Fatal(malformed().with_detail(format!(
            "A response to the authentication request was expected, and a message of type {other} came."
        )))),
    }
}

fn refusal(error: PgWireError, user: &str) -> Error {
    match error {
        PgWireError::InvalidPassword(_) => wrong_password(user),
        _ => malformed_scram(),
    }
}

fn wrong_password(user: &str) -> Error {
    Error::new(SqlState::INVALID_PASSWORD, format!("password authentication failed for user \"{user}\""))
}

fn malformed_scram() -> Error {
    Error::new(SqlState::PROTOCOL_VIOLATION, "malformed SCRAM message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_passwords() {
        let kept = kept_form("secret").unwrap();
        assert!(kept.starts_with("SCRAM-SHA-256$4096:") && !kept.contains("secret"));
        assert_eq!(kept_form(&kept).unwrap(), kept);
        let read = Verifier::read(&kept).unwrap();
        assert_eq!((read.salt.len(), read.stored_key.len()), (16, 32));
        assert!(read.is_of("secret") && !read.is_of("Secret"));
        assert!(Verifier::read("SCRAM-SHA-256$4096:c2FsdA==$c2hvcnQ=:c2hvcnQ=").is_none());
        assert!(kept_form("").is_err());
    }

    #[test]
    fn keys_are_postgres_s() {
        // PostgreSQL's own verifier for the password `pencil` and the salt of RFC 7677.
        let salt = base64::decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = gen_salted_password("pencil", &salt, 4096);
        let ScramSecret::Verifier { stored_key, server_key, .. } =
            ScramSecret::verifier_from_salted_password(salt, salted, 4096)
        else {
            panic!()
        };
        assert_eq!(base64::encode(&stored_key), "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
        assert_eq!(base64::encode(&server_key), "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    }
}
