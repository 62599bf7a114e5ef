//! Servers that tests share: started when first asked for, stopped when the run ends.

use std::sync::{Mutex, MutexGuard, OnceLock};

use super::mariadb::Mariadb;
use super::postgres::Postgres;
use super::s3::S3;

/// The shared servers. A test that stops a server starts one of its own.
#[derive(Default)]
pub struct Fixtures {
    postgres: OnceLock<Postgres>,
    mariadb: OnceLock<Mariadb>,
    s3: OnceLock<S3>,
    /// Held by tests that load the machine, so that they do not slow each other into their limits.
    heavy: Mutex<()>,
}

impl Fixtures {
    pub fn postgres(&self) -> &Postgres {
        self.postgres.get_or_init(Postgres::start)
    }

    pub fn mariadb(&self) -> &Mariadb {
        self.mariadb.get_or_init(Mariadb::start)
    }

    pub fn s3(&self) -> &S3 {
        self.s3.get_or_init(S3::start)
    }

    pub fn heavy(&self) -> MutexGuard<'_, ()> {
        self.heavy.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
