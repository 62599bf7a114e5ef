//! What a scan in a plan knows of its server's guard.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::execution::TaskContext;

use super::read::GuardedRead;
use super::server::ServerGuard;
use super::skip::Skipping;
use crate::sources::activity::Activity;
use crate::sources::scan::RemoteRead;

/// What a statement that skips servers may do with a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WhenDown {
    /// It fails.
    #[default]
    Fail,
    /// It gives no rows: what is above then gives fewer, and no others.
    Skip,
    /// It fails although the session skips, for this reason.
    Refuse(String),
}

impl fmt::Display for WhenDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WhenDown::Fail => write!(f, "fails"),
            WhenDown::Skip => write!(f, "is skipped"),
            WhenDown::Refuse(reason) => write!(f, "fails, since {reason}"),
        }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The guard of one scan.
#[derive(Clone, Debug)]
pub struct ScanGuard {
    pub(super) server: Arc<ServerGuard>,
    /// The tables that it reads.
    pub(super) tables: Arc<[String]>,
    /// Tells scans apart.
    pub(super) id: u64,
    pub(super) when_down: WhenDown,
}

impl ScanGuard {
    /// The guard of a scan of these tables of a server.
    pub fn new(server: Arc<ServerGuard>, tables: Vec<String>) -> ScanGuard {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        ScanGuard { server, tables: tables.into(), id, when_down: WhenDown::Fail }
    }

    /// The same, where it is known what a statement that skips servers may do.
    pub fn when_down(&self, when_down: WhenDown) -> ScanGuard {
        ScanGuard { when_down, ..self.clone() }
    }

    /// The read, guarded, as the statement of `context` opens it.
    pub fn guarded(&self, read: &Arc<dyn RemoteRead>, context: &TaskContext) -> Arc<dyn RemoteRead> {
        let skipping = context.session_config().get_extension::<Skipping>();
        let activity = context.session_config().get_extension::<Activity>();
        Arc::new(GuardedRead { read: Arc::clone(read), guard: self.clone(), skipping, activity })
    }

    /// The tables, for messages.
    pub(super) fn named(&self) -> String {
        self.tables.join(", ")
    }
}

impl fmt::Display for ScanGuard {
    /// For EXPLAIN: nothing where the session skips nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.when_down {
            WhenDown::Fail => Ok(()),
            other => write!(f, ", when down it {other}"),
        }
    }
}
