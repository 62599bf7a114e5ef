//! The engine, in this process, with the records as a foreign table, and three systems of which a view makes customers.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use onerow::config::EngineConfig;
use onerow::engine::{Engine, Outcome, Session, SessionParameters};
use onerow::values::text_values;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::lines::CUSTOMER;

/// The systems that each have a record of each customer, which are files of these names.
pub const SYSTEMS: [&str; 3] = ["erp", "crm", "shop"];

pub struct Here {
    runtime: Runtime,
    session: Session,
    _engine: Arc<Engine>,
    _project: tempfile::TempDir,
}

impl Here {
    /// The engine, with a limit to its memory in bytes.
    pub fn open(folder: &Path, memory_limit: Option<usize>) -> Here {
        let project = tempfile::tempdir().expect("a folder");
        let mut sql = format!(
            "CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '{}');
             CREATE FOREIGN TABLE record SERVER lake OPTIONS (path 'record.parquet');",
            folder.display()
        );
        let mut branches = vec![];
        for system in SYSTEMS {
            sql += &format!("CREATE FOREIGN TABLE {system} SERVER lake OPTIONS (path '{system}.parquet');");
            branches.push(format!("SELECT '{system}' AS source, k::text AS record_id, * FROM {system}"));
        }
        sql += &format!("CREATE VIEW person AS {};", branches.join(" UNION ALL "));
        sql += &format!("CREATE VIEW customer AS {CUSTOMER};");
        std::fs::write(project.path().join("project.sql"), sql).expect("a file");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_stack_size(8 << 20)
            .build()
            .expect("a runtime");
        let config = EngineConfig { sql: Some(project.path().to_path_buf()), memory_limit, ..EngineConfig::default() };
        let engine = runtime.block_on(Engine::open(config)).expect("an engine");
        let session = engine.session(SessionParameters::owner()).expect("a session");
        Here { runtime, session, _engine: engine, _project: project }
    }

    /// The one row of the answer, or the first and how many there are.
    pub fn ask(&self, sql: &str) -> (Duration, Vec<String>) {
        let began = Instant::now();
        let batches = self.runtime.block_on(async {
            let statement = self.session.parse(sql).expect("a statement").pop().expect("one");
            let run = Box::pin(self.session.run(&statement, vec![], CancellationToken::new()));
            match run.await.expect("an answer") {
                Outcome::Rows { stream, .. } => stream.try_collect::<Vec<_>>().await.expect("rows"),
                Outcome::Done { tag } => panic!("{tag}"),
            }
        });
        let took = began.elapsed();
        let mut row = vec![];
        for batch in &batches {
            for cells in text_values(batch, "UTC").expect("texts") {
                row.extend(cells.into_iter().map(|cell| cell.unwrap_or_else(|| "NULL".into())));
            }
        }
        (took, row)
    }
}
