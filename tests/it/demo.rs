//! The built-in example, as the command shows it and as the library scores it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::TryStreamExt;
use libtest_mimic::Failed;
use onerow::config::EngineConfig;
use onerow::demo::{Ask, SEED, Score, present, write_example};
use onerow::engine::{Engine, Session, SessionParameters};
use onerow::reference::with_block;
use tokio_util::sync::CancellationToken;

use super::Test;
use super::support::onerow::PROGRAM;
use super::support::{Fixtures, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("the_command_answers_within_a_minute", answers),
    ("the_merge_beats_every_source_and_newest", beats_all_others),
    ("the_documentation_has_its_figures", documented),
    ("its_files_pass_check", passes_check),
    ("its_files_are_the_projects_own", is_the_project),
];

fn answers(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let folder = tempfile::tempdir()?;
    let began = Instant::now();
    let output = std::process::Command::new(PROGRAM)
        .args(["demo", "--no-serve", "--dir"])
        .arg(folder.path())
        .env("NO_COLOR", "1")
        .output()?;
    let took = began.elapsed();
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    same!(output.status.code(), Some(0), "{said}");
    same!(said, "", "what was said");
    same!(took < Duration::from_secs(60), true, "{took:?}");
    // Customers that the systems disagree on, and the table of how right each is.
    for part in ["customers", "best alone", "newest", "merged", "psql -h 127.0.0.1 -p 6432 -U onerow -d onerow"] {
        holds!(out, part);
    }
    lacks!(out, "\u{1b}[");
    // The same folder again is the same example.
    let again = std::process::Command::new(PROGRAM)
        .args(["demo", "--no-serve", "--dir"])
        .arg(folder.path())
        .env("NO_COLOR", "1")
        .output()?;
    same!(without_times(&String::from_utf8_lossy(&again.stdout)), without_times(&out));
    // Without a folder of its own nothing is left, and nothing that is gone is shown.
    let temporary = tempfile::tempdir()?;
    let passing = std::process::Command::new(PROGRAM)
        .args(["demo", "--no-serve"])
        .env("NO_COLOR", "1")
        .env("TMPDIR", temporary.path())
        .output()?;
    let out = String::from_utf8_lossy(&passing.stdout);
    same!(passing.status.code(), Some(0), "{out}");
    holds!(out, "best alone");
    lacks!(out, temporary.path().display().to_string());
    lacks!(out, "psql -h");
    same!(std::fs::read_dir(temporary.path())?.count(), 0);
    Ok(())
}

fn without_times(text: &str) -> String {
    text.lines().filter(|line| !line.contains(" took ")).collect::<Vec<_>>().join("\n")
}

struct Asked(Session);

#[async_trait]
impl Ask for Asked {
    async fn rows(&self, sql: &str) -> Result<Vec<datafusion::arrow::record_batch::RecordBatch>, onerow::error::Error> {
        let mut rows = vec![];
        for statement in self.0.parse(sql)? {
            let outcome = Box::pin(self.0.run(&statement, vec![], CancellationToken::new())).await?;
            if let onerow::engine::Outcome::Rows { stream, .. } = outcome {
                rows.extend(stream.try_collect::<Vec<_>>().await?);
            }
        }
        Ok(rows)
    }
}

/// On each field that is merged the share of customers for whom it is right is above every system's own, and above that
/// of the newest values. With two seeds, of which one is that of the documentation.
fn beats_all_others(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    for seed in [SEED, 7] {
        let (score, text) = measured(seed)?;
        eprintln!("seed {seed}\n{text}");
        same!(score.fields.iter().filter(|field| field.is_key).map(|field| field.field).collect::<Vec<_>>(), ["email"]);
        same!(score.fields.len() > 5, true);
        for field in &score.fields {
            for (system, share) in &field.sources {
                same!(field.merged > *share, true, "{} of {}: {field:?}\n{text}", field.field, system.name());
            }
            if field.is_key {
                same!(field.merged == field.newest, true, "{field:?}\n{text}");
            } else {
                same!(field.merged > field.newest, true, "{field:?}\n{text}");
            }
        }
        same!((score.beats_every_source(), score.beats_newest()), (true, true), "{text}");
        same!(score.found > score.customers * 9 / 10, true, "found {} of {}", score.found, score.customers);
    }
    Ok(())
}

/// How right the example of a seed is, and what it tells.
fn measured(seed: u64) -> Result<(Score, String), Failed> {
    let folder = tempfile::tempdir()?;
    let example = write_example(folder.path(), seed)?;
    block_on(async move {
        // On a worker, whose stack is as deep as the program's own.
        let told = tokio::spawn(async move {
            let config = EngineConfig { sql: Some(example.sql_folder.clone()), ..EngineConfig::default() };
            let engine: Arc<Engine> = Engine::open(config).await.map_err(|errors| format!("{errors:?}"))?;
            let asked = Asked(engine.session(SessionParameters::owner()).map_err(|e| e.report())?);
            let mut out: Vec<u8> = vec![];
            let score = present(&example, &asked, &mut out).await.map_err(|e| e.report())?;
            Ok::<_, String>((score, String::from_utf8_lossy(&out).into_owned()))
        });
        Ok(told.await??)
    })
}

fn passes_check(_: &Fixtures) -> Outcome {
    let folder = tempfile::tempdir()?;
    let example = write_example(folder.path(), 42)?;
    let project = Project::new("");
    let sql = example.sql_folder.display().to_string();
    let (code, out, said) = project.run(&["check", "--sql", &sql]);
    same!(code, 0, "{out}{said}");
    for server in ["crm", "erp", "shop", "helpdesk", "marketing"] {
        holds!(out, server);
    }
    lacks!(out, "warning");
    let ask = "SELECT count(*) > 0 AS filled, count(*) = count(DISTINCT email) AS one_row_each FROM customer";
    let (code, out, said) = project.run(&["query", "--sql", &sql, "--format", "csv", ask]);
    same!((code, out.as_str()), (0, "filled,one_row_each\nt,t\n"), "{said}");
    Ok(())
}

/// What the example writes is `sql/demo`, byte by byte.
fn is_the_project(_: &Fixtures) -> Outcome {
    let folder = tempfile::tempdir()?;
    let example = write_example(folder.path(), 42)?;
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/demo");
    let mut count = 0;
    for entry in std::fs::read_dir(own)? {
        let path = entry?.path();
        let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|e| e == "sql")) else { continue };
        let written = std::fs::read(example.sql_folder.join(name))?;
        same!(written == std::fs::read(&path)?, true, "{}", path.display());
        count += 1;
    }
    same!(count > 0, true);
    Ok(())
}

/// What README.md and docs/merging.md show is what the example gives; `cargo run --example reference` writes it.
fn documented(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let figures = onerow::cli::figures().map_err(|error| error.report())?;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let story = format!("```text\n{}\n```", figures.story);
    for (name, block) in [("README.md", story), ("docs/merging.md", figures.table)] {
        let page = std::fs::read_to_string(root.join(name))?.replace("\r\n", "\n");
        same!(with_block(&page, &block).as_ref() == Some(&page), true, "{name} does not show\n{block}");
    }
    Ok(())
}
