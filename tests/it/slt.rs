//! The data files of `tests/slt`, run in process and over the wire: the same answers both ways.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::TryStreamExt;
use libtest_mimic::Trial;
use onerow::config::EngineConfig;
use onerow::engine::{Engine, Session, SessionParameters};
use onerow::values::text_values;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, MakeConnection, Runner};
use tokio_postgres::{Client, SimpleQueryMessage};
use tokio_util::sync::CancellationToken;

use super::support::onerow::connect;
use super::support::wire::Fault;
use super::support::{Onerow, Outcome, Project, block_on};

/// The one server that the files are run on over the wire.
type Server = OnceLock<(Project, Onerow)>;

/// Two trials for each file.
pub fn trials() -> Vec<Trial> {
    let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "slt"].iter().collect();
    let mut files = vec![];
    collect(&root, &mut files);
    files.sort();
    let server = Arc::new(Server::new());
    let mut trials = vec![];
    for path in files {
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let (here, server) = (path.clone(), Arc::clone(&server));
        trials.push(Trial::test(format!("slt::{name}::in_process"), move || deep(|| in_process(&here))));
        trials.push(Trial::test(format!("slt::{name}::over_the_wire"), move || {
            let (_, onerow) = server.get_or_init(|| {
                let project = Project::new("");
                let onerow = project.serve();
                (project, onerow)
            });
            deep(|| over_the_wire(&path, onerow))
        }));
    }
    trials
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
}

/// Planning recurses deeply: on a stack as large as the server's workers have.
fn deep(work: impl FnOnce() -> Outcome + Send) -> Outcome {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(16 << 20).spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|_| Err("it panicked".into()))
    })
}

fn in_process(path: &Path) -> Outcome {
    block_on(async {
        let engine = Engine::open(EngineConfig::default()).await.map_err(|errors| format!("{errors:?}"))?;
        let make = || {
            let session = engine.session(SessionParameters::owner());
            async move { Ok::<InProcess, Said>(InProcess { session: session? }) }
        };
        run(Runner::new(make), path).await
    })
}

fn over_the_wire(path: &Path, onerow: &Onerow) -> Outcome {
    block_on(async {
        let make = || {
            let config = onerow.config();
            async move {
                let client = connect(&config).await?;
                // In process plans are made as for a query that is asked once, here as for one that is asked again.
                client.batch_execute("SET plan_cache_mode = force_generic_plan").await.map_err(Fault::from)?;
                Ok::<OverTheWire, Said>(OverTheWire { client })
            }
        };
        run(Runner::new(make), path).await
    })
}

async fn run<D: AsyncDB, M: MakeConnection<Conn = D>>(mut runner: Runner<D, M>, path: &Path) -> Outcome {
    runner.run_file_async(path).await.map_err(|error| error.display(false).to_string())?;
    Ok(())
}

/// An error as the files name it: `message [SQLSTATE]`.
#[derive(Debug)]
struct Said {
    state: String,
    message: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.state)
    }
}

impl std::error::Error for Said {}

impl From<onerow::error::Error> for Said {
    fn from(error: onerow::error::Error) -> Said {
        Said { state: error.state().to_string(), message: error.message().to_string() }
    }
}

impl From<Fault> for Said {
    fn from(fault: Fault) -> Said {
        Said { state: fault.state, message: fault.message }
    }
}

fn shown(value: Option<&str>) -> String {
    match value {
        None => "NULL".to_string(),
        Some("") => "(empty)".to_string(),
        Some(text) => text.to_string(),
    }
}

struct InProcess {
    session: Session,
}

#[async_trait]
impl AsyncDB for InProcess {
    type Error = Said;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Said> {
        let mut output = DBOutput::StatementComplete(0);
        for statement in self.session.parse(sql)? {
            let outcome = Box::pin(self.session.run(&statement, vec![], CancellationToken::new())).await?;
            output = match outcome {
                onerow::engine::Outcome::Done { tag } => {
                    let count = tag.rsplit(' ').next().and_then(|word| word.parse().ok());
                    DBOutput::StatementComplete(count.unwrap_or(0))
                }
                onerow::engine::Outcome::Rows { schema, stream, .. } => {
                    let collected = stream.try_collect::<Vec<_>>().await;
                    if collected.is_err() {
                        self.session.fail();
                    }
                    let zone = self.session.zone_name();
                    let mut rows = vec![];
                    for batch in collected.map_err(onerow::error::Error::from)? {
                        for row in text_values(&batch, &zone)? {
                            rows.push(row.iter().map(|value| shown(value.as_deref())).collect());
                        }
                    }
                    DBOutput::Rows { types: vec![DefaultColumnType::Any; schema.fields().len()], rows }
                }
            };
        }
        Ok(output)
    }

    async fn shutdown(&mut self) {}

    fn error_sql_state(error: &Said) -> Option<String> {
        Some(error.state.clone())
    }
}

struct OverTheWire {
    client: Client,
}

#[async_trait]
impl AsyncDB for OverTheWire {
    type Error = Said;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Said> {
        let messages = self.client.simple_query(sql).await.map_err(Fault::from)?;
        let mut output = DBOutput::StatementComplete(0);
        // Of several statements the last one counts, as in process.
        let mut in_rows = false;
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    in_rows = true;
                    output = DBOutput::Rows { types: vec![DefaultColumnType::Any; columns.len()], rows: vec![] };
                }
                SimpleQueryMessage::Row(row) => {
                    if let DBOutput::Rows { rows, .. } = &mut output {
                        rows.push((0..row.len()).map(|column| shown(row.get(column))).collect());
                    }
                }
                SimpleQueryMessage::CommandComplete(count) => {
                    if !in_rows {
                        output = DBOutput::StatementComplete(count);
                    }
                    in_rows = false;
                }
                _ => {}
            }
        }
        Ok(output)
    }

    async fn shutdown(&mut self) {}

    fn error_sql_state(error: &Said) -> Option<String> {
        Some(error.state.clone())
    }
}
