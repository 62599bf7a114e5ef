//! An S3-compatible object store of our own: s3rver, from npm.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::process::{Running, free_port, wait_for_port};

/// An object store on a free port with one bucket, `exports`.
pub struct S3 {
    pub port: u16,
    folder: tempfile::TempDir,
    _server: Running,
}

/// The one key pair that s3rver knows.
pub const KEY: (&str, &str) = ("S3RVER", "S3RVER");

impl S3 {
    pub fn start() -> S3 {
        let program: PathBuf = [env!("CARGO_MANIFEST_DIR"), "target/tools/node_modules/.bin/s3rver"].iter().collect();
        assert!(program.exists(), "s3rver is not installed: run tests/install");
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let server = Running::start(
            Command::new(program)
                .arg("-d")
                .arg(folder.path())
                .args(["-a", "127.0.0.1", "-p", &port.to_string(), "--configure-bucket", "exports", "-s"])
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        wait_for_port(port, "s3rver");
        S3 { port, folder, _server: server }
    }

    /// Puts an object by the store's own protocol.
    pub fn put(&self, key: &str, body: Vec<u8>) {
        use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
        let store = object_store::aws::AmazonS3Builder::new()
            .with_endpoint(self.endpoint())
            .with_bucket_name("exports")
            .with_region("us-east-1")
            .with_access_key_id(KEY.0)
            .with_secret_access_key(KEY.1)
            .with_allow_http(true)
            .build()
            .expect("a store");
        let store: &dyn ObjectStore = &store;
        super::block_on(store.put(&object_store::path::Path::from(key), PutPayload::from(body))).expect("a put");
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where the objects lie.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}
