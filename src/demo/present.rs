//! The example as a story: what was loaded, what disagrees, what came out, and how right it is.

use std::io::Write;

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;

use super::disagreement;
use super::example::Example;
use super::print::{Side, Style, grouped, percent, table};
use super::rows::{self, Row};
use super::score::{Score, score};
use super::systems::System;
use crate::error::{Error, Result, SqlState};

/// What the example needs of the engine.
#[async_trait]
pub trait Ask: Send + Sync {
    /// The rows of one query.
    async fn rows(&self, sql: &str) -> Result<Vec<RecordBatch>>;
}

/// How many customers are shown that the systems disagree on.
const SHOWN: usize = 3;

/// What the engine answered, and how right it is.
struct Answers {
    merged: Vec<Row>,
    records: Vec<Row>,
    score: Score,
}

/// Tells the example's story on `out`, asking the engine that serves [`Example::sql_folder`]. Gives how right the
/// merged rows were.
pub async fn present(example: &Example, ask: &dyn Ask, out: &mut (dyn Write + Send)) -> Result<Score> {
    let style = Style::detect();
    write(out, &loaded(style, example))?;
    let Answers { merged, records, score } = answers(example, ask).await?;
    write(
        out,
        &heading(
            style,
            "Who is right? Three customers that the systems disagree on, picked where the merge found the truth",
        ),
    )?;
    write(out, &disagreement::page(style, &example.people, &merged, &records, SHOWN))?;
    write(out, &scored(style, &score))?;
    write(out, &invitation(style, example))?;
    out.flush().map_err(failed)?;
    Ok(score)
}

/// What the documentation shows of the example: what was asked for and how right it is, without anything that changes
/// from one run to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// One customer that the systems disagree on, and the table.
    pub story: String,
    /// The table alone, in Markdown.
    pub table: String,
}

/// The figures of an example, asking the engine that serves [`Example::sql_folder`].
pub async fn figures(example: &Example, ask: &dyn Ask) -> Result<Figures> {
    let style = Style::default();
    let Answers { merged, records, score } = answers(example, ask).await?;
    let story = format!(
        "{}{}{}{}",
        hidden(example),
        heading(style, "Who is right? One of the customers that the systems disagree on"),
        disagreement::page(style, &example.people, &merged, &records, 1),
        scored(style, &score),
    );
    Ok(Figures { story: story.trim_matches('\n').to_string(), table: in_markdown(&score) })
}

async fn answers(example: &Example, ask: &dyn Ask) -> Result<Answers> {
    let merged = rows::merged(ask).await?;
    let newest = rows::newest(ask).await?;
    let records = rows::cleaned(ask).await?;
    let score = score(&example.people, &merged, &newest, &records);
    Ok(Answers { merged, records, score })
}

fn write(out: &mut (dyn Write + Send), text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(failed)
}

fn failed(error: std::io::Error) -> Error {
    Error::new(SqlState::IO_ERROR, format!("could not write the output: {error}"))
}

fn heading(style: Style, text: &str) -> String {
    format!("\n{}\n\n", style.strong(text))
}

fn loaded(style: Style, example: &Example) -> String {
    let mut text = heading(style, "One company, five systems, none of which knows the others");
    let rows: Vec<Vec<String>> = example
        .loaded
        .iter()
        .map(|table| {
            vec![table.system.name().to_string(), table.file.clone(), grouped(table.rows), table.holds.to_string()]
        })
        .collect();
    let columns = [("system", Side::Left), ("file", Side::Left), ("rows", Side::Right), ("what", Side::Left)];
    text.push_str(&table(style, &columns, &rows, None));
    let place = if example.lasting { format!("is in {} and ", example.folder.display()) } else { String::new() };
    text.push_str(&format!("\n  All of it {place}comes from seed {}.\n", example.seed));
    text.push_str(&hidden(example));
    text
}

fn hidden(example: &Example) -> String {
    format!(
        "  {} customers are hidden in it; the systems have {} of their values wrong, old or misspelt, and leave\n  \
         many more out.\n",
        grouped(example.people.len()),
        grouped(example.mistakes() as usize),
    )
}

fn scored(style: Style, score: &Score) -> String {
    let mut text = heading(style, "How right is it?");
    let share = if score.customers == 0 { 0.0 } else { score.found as f64 / score.customers as f64 };
    text.push_str(&format!(
        "  {} records became {} rows; {} of the {} true customers ({}) have theirs.\n",
        grouped(score.records),
        grouped(score.rows),
        style.good(&grouped(score.found)),
        grouped(score.customers),
        percent(share),
    ));
    text.push_str(&format!(
        "  The other {} rows are under an e-mail address that a customer no longer has, and {} records\n  \
         have none: matching by more than e-mail is not part of this example.\n\n",
        grouped(score.rows.saturating_sub(score.found)),
        grouped(score.without_email),
    ));
    let mut columns = vec![("field", Side::Left)];
    columns.extend(System::ALL.iter().map(|system| (system.name(), Side::Right)));
    columns.extend([("best alone", Side::Right), ("newest", Side::Right), ("merged", Side::Right)]);
    let rows: Vec<Vec<String>> = score
        .fields
        .iter()
        .map(|field| {
            let best = field.best().map_or(0.0, |(_, share)| share);
            let mut row = vec![field.field.to_string()];
            let alone = |share: f64| if share == 0.0 { "-".to_string() } else { percent(share) };
            row.extend(field.sources.iter().map(|(_, share)| alone(*share)));
            row.extend([percent(best), percent(field.newest), percent(field.merged)]);
            row
        })
        .collect();
    let marked = columns.len().saturating_sub(1);
    text.push_str(&table(style, &columns, &rows, Some(marked)));
    text.push_str(
        "\n  The share of all true customers for whom the field is exactly right. Every system is cleaned by\n  the same \
         rules; a customer or a value that it lacks counts as wrong. \"newest\" is the same matching and\n  cleaning, \
         with each field merged by newest; the e-mail address is what is matched by, and the same in both.\n",
    );
    text
}

/// The table as Markdown.
fn in_markdown(score: &Score) -> String {
    let mut text = "| field | best system alone | newest everywhere | merged |\n|---|---|---|---|\n".to_string();
    for field in &score.fields {
        let best =
            field.best().map_or_else(String::new, |(system, share)| format!("{} ({})", percent(share), system.name()));
        let name = if field.is_key { format!("`{}`, the key", field.field) } else { format!("`{}`", field.field) };
        text.push_str(&format!("| {name} | {best} | {} | {} |\n", percent(field.newest), percent(field.merged)));
    }
    text
}

fn invitation(style: Style, example: &Example) -> String {
    if !example.lasting {
        return "\n  Leave out --no-serve to ask it yourself, and name a folder with --dir to keep it.\n\n".to_string();
    }
    let (host, port) = (example.listen.ip(), example.listen.port());
    let mut text = heading(style, "Ask it yourself");
    text.push_str(&format!("  {}\n\n", style.good(&format!("psql -h {host} -p {port} -U onerow -d onerow"))));
    for query in [
        "SELECT * FROM customer_360 ORDER BY revenue DESC LIMIT 10;",
        "SELECT * FROM customer_segment;",
        "SELECT * FROM clean.person WHERE name = '张伟';",
        "SELECT * FROM marketing.campaign_result;",
    ] {
        text.push_str(&format!("  {query}\n"));
    }
    text.push_str(&format!(
        "\n  The rules are plain SQL, in {}.\n\n",
        style.strong(&example.sql_folder.display().to_string())
    ));
    text
}
