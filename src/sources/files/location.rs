//! Where a server's files are, and how to reach them.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    ClientOptions, Error as StoreError, HeaderMap, HeaderValue, ObjectStore, ObjectStoreExt, RetryConfig,
    StaticCredentialProvider,
};
use url::Url;

use super::format;
use crate::error::{Error, Fault, Result, SqlState};
use crate::sources::kind::ServerSpec;
use crate::sources::options::{Options, invalid};

/// Where a server's files are.
pub struct Location {
    server: String,
    kind: Kind,
    /// The folder within the store, without slashes at its ends.
    prefix: String,
}

enum Kind {
    Folder(PathBuf),
    Bucket { name: &'static str, store: Arc<dyn ObjectStore> },
    Web { store: Arc<dyn ObjectStore>, file: Option<String> },
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A store's own Debug may show its credentials.
        f.debug_struct("Location")
            .field("server", &self.server)
            .field("kind", &self.kind_name())
            .finish_non_exhaustive()
    }
}

impl Location {
    /// Reads a server's location and credentials. Nothing is reached.
    pub fn open(spec: &ServerSpec) -> Result<Location> {
        let options = &spec.options;
        let text = options.require("location")?;
        let (kind, prefix) = match text.split_once("://") {
            None => (Kind::Folder(spec.folder.join(text)), String::new()),
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "file" => {
                    let path = Url::parse(text).ok().and_then(|url| url.to_file_path().ok());
                    (Kind::Folder(path.ok_or_else(|| invalid("location", "is not a file URL"))?), String::new())
                }
                "s3" | "s3a" => bucket("S3 bucket", rest, |name| s3(spec, name))?,
                "gs" | "gcs" => bucket("Google Cloud Storage bucket", rest, |name| gcs(spec, name))?,
                "az" | "azure" | "adl" | "abfs" | "abfss" => {
                    bucket("Azure container", rest, |_| azure(spec, scheme, rest))?
                }
                "http" | "https" => (web(spec, text)?, String::new()),
                _ => {
                    return Err(invalid("location", "has a scheme that is not supported")
                        .with_hint("Use a folder, or a URL that begins with file, s3, gs, az, abfss, http or https."));
                }
            },
        };
        Ok(Location { server: spec.name.clone(), kind, prefix })
    }

    /// The server's name.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The folder of the location within [`Location::store`].
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The one file that the location is, when it is no folder.
    pub fn single(&self) -> Option<&str> {
        match &self.kind {
            Kind::Web { file, .. } => file.as_deref(),
            _ => None,
        }
    }

    /// Whether files are listed only where the server speaks WebDAV.
    pub fn is_web(&self) -> bool {
        matches!(self.kind, Kind::Web { .. })
    }

    /// Whether the files are in a folder of this machine.
    pub fn is_local(&self) -> bool {
        matches!(self.kind, Kind::Folder(_))
    }

    /// The store; a local folder must exist by now (58P01).
    pub fn store(&self) -> Result<Arc<dyn ObjectStore>> {
        match &self.kind {
            Kind::Folder(path) => match LocalFileSystem::new_with_prefix(path) {
                Ok(store) => Ok(Arc::new(store)),
                Err(_) if !path.exists() => Err(Error::new(
                    SqlState::UNDEFINED_FILE,
                    format!("folder \"{}\" of server \"{}\" does not exist", path.display(), self.server),
                )
                // What is mounted there is gone: no file of it can be had.
                .with_fault(Fault::Lost)),
                Err(e) => Err(self.error("", &e)),
            },
            Kind::Bucket { store, .. } | Kind::Web { store, .. } => Ok(Arc::clone(store)),
        }
    }

    /// Reaches the location once and says what it is.
    pub async fn ping(&self) -> Result<String> {
        let store = self.store()?;
        match &self.kind {
            Kind::Folder(_) => {
                let list = store.list_with_delimiter(None).await.map_err(|e| self.error("", &e))?;
                let files =
                    list.objects.iter().filter(|o| !o.location.filename().is_some_and(super::pattern::is_hidden));
                Ok(format!("local folder, {}", counted(files.count(), "file", list.common_prefixes.len(), "folder")))
            }
            Kind::Bucket { name, .. } => {
                let prefix = self.path(&self.prefix)?;
                let first = store.list(Some(&prefix)).try_next().await.map_err(|e| self.error("", &e))?;
                Ok(match first {
                    Some(_) => (*name).to_string(),
                    None => format!("{name}, no files"),
                })
            }
            Kind::Web { file: Some(file), .. } => {
                let meta = store.head(&Path::ROOT).await.map_err(|e| self.error(file, &e))?;
                Ok(format!("file on a web server, {} bytes", meta.size))
            }
            // A web server need not have anything at the location itself.
            Kind::Web { file: None, .. } => match store.head(&Path::ROOT).await {
                Ok(_) | Err(StoreError::NotFound { .. } | StoreError::PermissionDenied { .. }) => {
                    Ok("web server".to_string())
                }
                Err(e) if chain(&e).contains("Content-Length") => Ok("web server".to_string()),
                Err(e) => Err(self.error("", &e)),
            },
        }
    }

    /// A path within the store, from its text.
    pub fn path(&self, text: &str) -> Result<Path> {
        Path::parse(text).map_err(|e| {
            Error::new(SqlState::FDW_INVALID_ATTRIBUTE_VALUE, format!("path \"{text}\" cannot be used: {e}"))
        })
    }

    /// What a store's error means here. `file` is empty when it is about the location.
    pub fn error(&self, file: &str, error: &StoreError) -> Error {
        let server = &self.server;
        let what = if file.is_empty() {
            format!("the location of server \"{server}\"")
        } else {
            format!("file \"{file}\" of server \"{server}\"")
        };
        let why = chain(error);
        let refused = matches!(error, StoreError::Unauthenticated { .. })
            || (matches!(self.kind, Kind::Bucket { .. }) && is_of_credentials(&why));
        let denied = io_kind(error) == Some(std::io::ErrorKind::PermissionDenied);
        let (state, message) = match error {
            StoreError::NotFound { .. } => (SqlState::UNDEFINED_FILE, format!("{what} does not exist")),
            _ if refused => (SqlState::INVALID_AUTHORIZATION, format!("the credentials for {what} were refused")),
            StoreError::PermissionDenied { .. } => (SqlState::INSUFFICIENT_PRIVILEGE, format!("no access to {what}")),
            StoreError::InvalidPath { .. } => {
                (SqlState::FDW_INVALID_ATTRIBUTE_VALUE, format!("{what} has a name that cannot be used"))
            }
            StoreError::NotSupported { .. } | StoreError::NotImplemented { .. } => {
                (SqlState::FEATURE_NOT_SUPPORTED, format!("{what} does not support this"))
            }
            _ if denied => (SqlState::INSUFFICIENT_PRIVILEGE, format!("no access to {what}")),
            _ if matches!(self.kind, Kind::Folder(_)) => (SqlState::IO_ERROR, format!("could not read {what}")),
            _ => (SqlState::CONNECTION_FAILURE, format!("could not reach {what}")),
        };
        let failed = Error::new(state, message).with_detail(sentence(&why));
        // Nothing is let in with these, whatever file is asked for.
        let failed = if refused { failed.with_fault(Fault::Refused) } else { failed };
        match (&self.kind, error) {
            (Kind::Web { .. }, StoreError::NotSupported { .. }) => failed
                .with_hint("Parquet needs a web server that serves ranges of a file; CSV and JSON are read without."),
            _ => failed,
        }
    }

    fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Folder(_) => "folder",
            Kind::Bucket { name, .. } => name,
            Kind::Web { .. } => "web server",
        }
    }
}

/// Whether a store's words are about a key and not about a file: it says both with one status, and of a list the crate
/// tells no status.
fn is_of_credentials(words: &str) -> bool {
    const CODES: [&str; 5] =
        ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AuthenticationFailed"];
    CODES.iter().any(|code| words.contains(code))
}

fn counted(a: usize, a_name: &str, b: usize, b_name: &str) -> String {
    let plural = |n: usize, name: &str| if n == 1 { format!("1 {name}") } else { format!("{n} {name}s") };
    if b == 0 { plural(a, a_name) } else { format!("{}, {}", plural(a, a_name), plural(b, b_name)) }
}

/// An error with what caused it, each part once, without the queries of URLs: they may hold a signature.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(inner) = next {
        let part = inner.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = inner.source();
    }
    without_queries(&text)
}

fn without_queries(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '>' | '<');
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(ends) {
        match (word.find("://"), word.find('?')) {
            (Some(scheme), Some(query)) if scheme < query => {
                out.push_str(word.get(..query).unwrap_or_default());
                out.extend(word.chars().last().filter(|c| ends(*c)));
            }
            _ => out.push_str(word),
        }
    }
    out
}

fn sentence(text: &str) -> String {
    let text = text.trim_end_matches(['.', ' ', ':', '-']);
    format!("{text}.")
}

fn io_kind(error: &(dyn StdError + 'static)) -> Option<std::io::ErrorKind> {
    let mut next = Some(error);
    while let Some(inner) = next {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        next = inner.source();
    }
    None
}

/// Splits what follows the scheme into the bucket and the folder in it.
fn bucket(
    kind: &'static str,
    rest: &str,
    store: impl FnOnce(&str) -> Result<Arc<dyn ObjectStore>>,
) -> Result<(Kind, String)> {
    if rest.contains(['?', '#']) {
        return Err(invalid("location", "holds a query").with_hint("Give credentials in a user mapping."));
    }
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if name.is_empty() {
        return Err(invalid("location", "names no bucket"));
    }
    let prefix: Vec<&str> = prefix.split('/').filter(|part| !part.is_empty()).collect();
    Ok((Kind::Bucket { name: kind, store: store(name)? }, prefix.join("/")))
}

fn client(options: &Options, allow_http: bool) -> Result<ClientOptions> {
    Ok(ClientOptions::new()
        .with_allow_http(allow_http)
        .with_connect_timeout(options.duration("connect_timeout", Duration::from_secs(5))?)
        .with_timeout(options.duration("timeout", Duration::from_secs(30))?))
}

fn retries(options: &Options) -> Result<RetryConfig> {
    Ok(RetryConfig {
        max_retries: options.parsed("retries", 3usize)?,
        retry_timeout: Duration::from_secs(60),
        ..RetryConfig::default()
    })
}

/// Whether plain HTTP may be used for `endpoint`, which must say so itself.
fn allow_http(options: &Options) -> Result<bool> {
    let allowed = options.flag("allow_http", false)?;
    if !allowed && options.get("endpoint").is_some_and(|endpoint| endpoint.starts_with("http://")) {
        return Err(invalid("endpoint", "is not encrypted").with_hint("Use https, or set allow_http 'true'."));
    }
    Ok(allowed)
}

fn unusable(error: &StoreError) -> Error {
    Error::new(SqlState::FDW_INVALID_ATTRIBUTE_VALUE, "the server's options cannot be used")
        .with_detail(sentence(&chain(error)))
}

fn s3(spec: &ServerSpec, bucket: &str) -> Result<Arc<dyn ObjectStore>> {
    let (options, user) = (&spec.options, &spec.user);
    let allow_http = allow_http(options)?;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(options.get("region").unwrap_or("us-east-1"))
        .with_virtual_hosted_style_request(!options.flag("path_style", true)?)
        .with_skip_signature(options.flag("anonymous", false)?)
        .with_allow_http(allow_http)
        .with_client_options(client(options, allow_http)?)
        .with_retry(retries(options)?);
    if let Some(endpoint) = options.get("endpoint") {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    if user.get("access_key_id").is_some() || user.get("secret_access_key").is_some() {
        builder = builder
            .with_access_key_id(user.require("access_key_id")?)
            .with_secret_access_key(user.require("secret_access_key")?);
    }
    if let Some(token) = user.get("session_token") {
        builder = builder.with_token(token);
    }
    Ok(Arc::new(builder.build().map_err(|e| unusable(&e))?))
}

fn gcs(spec: &ServerSpec, bucket: &str) -> Result<Arc<dyn ObjectStore>> {
    let (options, user) = (&spec.options, &spec.user);
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_skip_signature(options.flag("anonymous", false)?)
        .with_client_options(client(options, allow_http(options)?)?)
        .with_retry(retries(options)?);
    if let Some(endpoint) = options.get("endpoint") {
        builder = builder.with_base_url(endpoint.trim_end_matches('/'));
    }
    if let Some(key) = user.get("service_account_key") {
        builder = builder.with_service_account_key(key);
    }
    if let Some(token) = user.get("token") {
        let credential = GcpCredential { bearer: token.to_string() };
        builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)));
    }
    Ok(Arc::new(builder.build().map_err(|e| unusable(&e))?))
}

fn azure(spec: &ServerSpec, scheme: &str, rest: &str) -> Result<Arc<dyn ObjectStore>> {
    let (options, user) = (&spec.options, &spec.user);
    let allow_http = allow_http(options)?;
    let container = rest.split('/').next().unwrap_or_default();
    let mut builder = MicrosoftAzureBuilder::new()
        .with_url(format!("{}://{container}", scheme.to_ascii_lowercase()))
        .with_skip_signature(options.flag("anonymous", false)?)
        .with_allow_http(allow_http)
        .with_client_options(client(options, allow_http)?)
        .with_retry(retries(options)?);
    if let Some(endpoint) = options.get("endpoint") {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_string());
    }
    if let Some(account) = user.get("account") {
        builder = builder.with_account(account);
    }
    if let Some(key) = user.get("account_key") {
        builder = builder.with_access_key(key);
    }
    if let Some(token) = user.get("sas_token") {
        builder = builder.with_config(AzureConfigKey::SasKey, token);
    }
    if let Some(token) = user.get("token") {
        builder = builder.with_bearer_token_authorization(token);
    }
    Ok(Arc::new(builder.build().map_err(|e| unusable(&e))?))
}

fn web(spec: &ServerSpec, text: &str) -> Result<Kind> {
    let (options, user) = (&spec.options, &spec.user);
    let mut url = Url::parse(text).map_err(|_| invalid("location", "is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("location", "holds credentials").with_hint("Give them in a user mapping."));
    }
    url.set_fragment(None);
    let credentials = authorization(user)?;
    if url.scheme() == "http" && credentials.is_some() && !options.flag("allow_http", false)? {
        return Err(invalid("location", "would send credentials without encryption")
            .with_hint("Use https, or set allow_http 'true'."));
    }
    let last = url.path().rsplit('/').next().unwrap_or_default().to_string();
    let file = (format::hint(&last).format.is_some() || (url.query().is_some() && !last.is_empty())).then_some(last);
    if file.is_none() {
        // A path that ends with a slash would get an empty segment before each file.
        let trimmed = url.path().trim_end_matches('/').to_string();
        url.set_path(&trimmed);
    }
    let mut client = client(options, url.scheme() == "http")?;
    if let Some(value) = credentials {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", value);
        client = client.with_default_headers(headers);
    }
    let store = HttpBuilder::new()
        .with_url(url.as_str())
        .with_client_options(client)
        .with_retry(retries(options)?)
        .build()
        .map_err(|e| unusable(&e))?;
    Ok(Kind::Web { store: Arc::new(store), file })
}

/// The header that proves who asks, if the user mapping has anything for it.
fn authorization(user: &Options) -> Result<Option<HeaderValue>> {
    let text = match (user.get("token"), user.get("username")) {
        (Some(token), _) => format!("Bearer {token}"),
        (None, Some(name)) => {
            let password = user.get("password").unwrap_or_default();
            format!("Basic {}", base64(format!("{name}:{password}").as_bytes()))
        }
        (None, None) => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        invalid(if user.get("token").is_some() { "token" } else { "password" }, "holds a character that no header can")
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let part = |i: usize| u32::from(chunk.get(i).copied().unwrap_or_default());
        let bits = part(0) << 16 | part(1) << 8 | part(2);
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            out.push(if place <= chunk.len() { char::from(DIGITS.get(digit).copied().unwrap_or(b'=')) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(location: &str, options: &[(&str, &str)], user: &[(&str, &str)]) -> Result<Location> {
        let mut all: Options = options.iter().copied().collect();
        all.set("location", location);
        Location::open(&ServerSpec {
            name: "lake".to_string(),
            options: all,
            user: user.iter().copied().collect(),
            folder: PathBuf::from("/data"),
            sockets: None,
        })
    }

    #[test]
    fn locations_are_read() {
        let s3 = open("s3://bucket/a//b/", &[("anonymous", "true")], &[]).unwrap();
        assert_eq!(s3.prefix(), "a/b");
        let folder = open("exports", &[], &[]).unwrap();
        assert!(matches!(&folder.kind, Kind::Folder(path) if path.as_path() == std::path::Path::new("/data/exports")));
        assert_eq!(open("https://x.example/a/b.csv", &[], &[]).unwrap().single(), Some("b.csv"));
        assert_eq!(open("https://x.example/a/", &[], &[]).unwrap().single(), None);
        for bad in ["ftp://x/y", "s3://", "https://u:p@x.example/", "s3://b/c?x=1"] {
            assert_eq!(open(bad, &[], &[]).unwrap_err().state(), SqlState::FDW_INVALID_ATTRIBUTE_VALUE, "{bad}");
        }
    }

    #[test]
    fn credentials_need_encryption() {
        assert!(open("http://x.example/", &[], &[("token", "t")]).is_err());
        assert!(open("http://x.example/", &[("allow_http", "true")], &[("token", "t")]).is_ok());
        assert!(open("s3://b", &[("endpoint", "http://x:9000")], &[]).is_err());
    }

    #[test]
    fn errors_show_no_signatures() {
        assert_eq!(without_queries("GET https://x/y?sig=secret in 2s"), "GET https://x/y in 2s");
        assert_eq!(without_queries("why?"), "why?");
        assert_eq!(base64(b"user:pw"), "dXNlcjpwdw==");
        assert_eq!(base64(b"abc"), "YWJj");
    }
}
