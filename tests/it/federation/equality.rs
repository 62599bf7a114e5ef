//! Random queries, asked with everything pushed down, with nothing pushed down, of files, and of PostgreSQL.
//!
//! `ONEROW_EQUALITY_SECONDS` says how long to go on, with seeds that nobody has seen yet; `ONEROW_EQUALITY_SEED=3:17`
//! asks query 17 of seed 3 alone, `ONEROW_EQUALITY_SEED=3` those of seed 3.

use std::time::{Duration, Instant, SystemTime};

use tokio_postgres::Client;

use super::super::support::wire::rows;
use super::super::support::{Fixtures, Onerow, Outcome, block_on};
use super::answer::{Answer, Measure};
use super::kind::Place;
use super::load::{REFERENCE, load, make_reference};
use super::population::Population;
use super::query::{Moved, Query};

/// How long it may take unless told otherwise.
const BUDGET: Duration = Duration::from_secs(60);

/// The populations that are asked unless told otherwise: always the same queries, however fast the program is.
const SEEDS: u64 = 2;

/// Queries over one population.
const QUERIES: u64 = 120;

/// After so many mismatches there is enough to do, and in a long run.
const ENOUGH: (usize, usize) = (5, 25);

/// What switches every rule off. What a program does not know is skipped.
const OFF: [&str; 3] = ["SET onerow.push_down = off", "SET onerow.merged_filter = off", "SET onerow.max_keys = 0"];

/// Queries that once found a fault: `seed:query`, and a word on what it was.
const KEPT: &str = include_str!("seeds.txt");

/// What is asked of one population: all of its queries, or some.
struct Task {
    seed: u64,
    queries: Vec<u64>,
}

pub fn pushed_or_not(fixtures: &Fixtures) -> Outcome {
    let _heavy = fixtures.heavy();
    let seconds = std::env::var("ONEROW_EQUALITY_SECONDS").ok().map(|text| text.parse::<u64>()).transpose()?;
    let end = Instant::now() + seconds.map_or(BUDGET, Duration::from_secs);
    let enough = if seconds.is_some() { ENOUGH.1 } else { ENOUGH.0 };
    make_reference(fixtures);
    let (mut found, mut tally) = (vec![], Tally::default());
    for task in tasks(seconds.is_some())? {
        let population = Population::new(task.seed);
        let project = load(&population, fixtures, true).map_err(|e| format!("seed {}: {e}", task.seed))?;
        let onerow = project.serve();
        block_on(async {
            let sides = Sides::new(&onerow, fixtures).await;
            for number in task.queries {
                if Instant::now() > end || found.len() >= enough {
                    break;
                }
                let query = Query::new(&population, number);
                if let Some(mismatch) = sides.differ(&query, &mut tally).await {
                    let (query, mismatch) = sides.minimised(query, mismatch).await;
                    found.push(format!(
                        "seed {}:{number}\n    {}\n    {}\n{mismatch}",
                        task.seed,
                        population.shape(),
                        query.sql(None)
                    ));
                }
            }
        });
        if Instant::now() > end || found.len() >= enough {
            break;
        }
    }
    if found.is_empty() && tally.asked > 0 && (tally.refused + tally.known) * 5 <= tally.asked {
        return Ok(());
    }
    Err(format!("{tally:?}\n  {}", found.join("\n\n  ")).into())
}

/// Those that are kept, then the others.
fn tasks(long: bool) -> Result<Vec<Task>, String> {
    let place = |text: &str| -> Result<(u64, Option<u64>), String> {
        let number = |text: &str| text.parse::<u64>().map_err(|e| format!("{text:?} is no seed: {e}"));
        match text.split_once(':') {
            Some((seed, query)) => Ok((number(seed)?, Some(number(query)?))),
            None => Ok((number(text)?, None)),
        }
    };
    let task = |seed, query: Option<u64>| Task { seed, queries: query.map_or((0..QUERIES).collect(), |q| vec![q]) };
    if let Ok(one) = std::env::var("ONEROW_EQUALITY_SEED") {
        let (seed, query) = place(&one)?;
        return Ok(vec![task(seed, query)]);
    }
    let mut tasks: Vec<Task> = vec![];
    for line in KEPT.lines().filter(|line| !line.starts_with('#')) {
        let Some(first) = line.split_whitespace().next() else { continue };
        let (seed, query) = place(first)?;
        match tasks.last_mut().filter(|last| last.seed == seed) {
            Some(last) => last.queries.extend(query),
            None => tasks.push(task(seed, query)),
        }
    }
    let first = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(now) if long => now.as_secs(),
        _ => 1,
    };
    let seeds = if long { 100_000 } else { SEEDS };
    tasks.extend((first..first + seeds).map(|seed| task(seed, None)));
    Ok(tasks)
}

/// What was asked so far.
#[derive(Debug, Default)]
struct Tally {
    asked: usize,
    /// Refused by us as not supported, the same everywhere.
    refused: usize,
    /// Failed by a fault that is known.
    known: usize,
    /// Failed everywhere.
    failed: usize,
    /// Compared among our own answers only.
    exempt: usize,
}

struct Sides {
    pushed: Client,
    kept: Client,
    files: Client,
    reference: Client,
}

impl Sides {
    async fn new(onerow: &Onerow, fixtures: &Fixtures) -> Sides {
        let (pushed, kept, files) = (onerow.client().await, onerow.client().await, onerow.client().await);
        let _ = rows(&pushed, "SET plan_cache_mode = force_generic_plan").await;
        for setting in OFF {
            // Of a program that has no such rule.
            let _ = rows(&kept, setting).await;
        }
        Sides { pushed, kept, files, reference: fixtures.postgres().client(REFERENCE).await }
    }

    /// What differs, if anything does.
    async fn differ(&self, query: &Query, tally: &mut Tally) -> Option<String> {
        let sql = query.sql(None);
        tally.asked += 1;
        // The plan that is used again is then one that was made for other values.
        drop(Answer::of(&self.pushed, &others(&sql)).await);
        let (pushed, kept, reference) = tokio::join!(
            Answer::of(&self.pushed, &sql),
            Answer::of(&self.kept, &sql),
            Answer::of(&self.reference, &sql)
        );
        if [&pushed, &kept].iter().any(|answer| answer.is_known()) {
            tally.known += 1;
            return None;
        }
        if query.is_any() {
            return self.any(query, [("pushed", &pushed), ("not pushed", &kept)]).await;
        }
        let same = Measure { ordered: query.is_ordered(), typed: true, foreign: false };
        if pushed.is_refused() && kept.is_refused() {
            tally.refused += 1;
            return None;
        }
        if !pushed.is_like(&kept, same) {
            return Some(report(&[("pushed", &pushed), ("not pushed", &kept), ("PostgreSQL", &reference)]));
        }
        if query.is_exempt() {
            tally.exempt += 1;
        } else if !pushed.is_like(&reference, Measure { foreign: true, ..same }) {
            return Some(report(&[("here", &pushed), ("PostgreSQL", &reference)]));
        }
        tally.failed += usize::from(pushed.count().is_none());
        if query.is_movable() {
            let place: Moved = Some(*[Place::Parquet, Place::Csv, Place::Jsonl].get(tally.asked % 3)?);
            let files = Answer::of(&self.files, &query.sql(place)).await;
            if !pushed.is_like(&files, Measure { typed: false, ..same }) {
                return Some(report(&[("pushed", &pushed), ("of files", &files), ("PostgreSQL", &reference)]));
            }
        }
        None
    }

    /// Of a limit without an order: as many rows as there must be, each of which the whole answer has.
    async fn any(&self, query: &Query, answers: [(&'static str, &Answer); 2]) -> Option<String> {
        let whole = Answer::of(&self.kept, &query.unlimited().sql(None)).await;
        let wanted = whole.count().map(|count| query.leaves(count));
        for (name, answer) in answers {
            let fine = match wanted {
                Some(wanted) => answer.count() == Some(wanted) && answer.is_part_of(&whole),
                // An error in a row that a limit leaves out is seen by nobody, or by one of them.
                None => true,
            };
            if !fine {
                return Some(report(&[(name, answer), ("without its limit", &whole)]));
            }
        }
        None
    }

    /// The smallest query found that still differs.
    async fn minimised(&self, query: Query, mismatch: String) -> (Query, String) {
        let end = Instant::now() + Duration::from_secs(15);
        let (mut query, mut mismatch) = (query, mismatch);
        'smaller: loop {
            for simple in query.simpler() {
                if Instant::now() > end {
                    break 'smaller;
                }
                // What PostgreSQL refuses is no query.
                let reference = Answer::of(&self.reference, &simple.sql(None)).await;
                if matches!(&reference, Answer::Failed(fault) if fault.state.starts_with("42")) {
                    continue;
                }
                if let Some(still) = self.differ(&simple, &mut Tally::default()).await {
                    (query, mismatch) = (simple, still);
                    continue 'smaller;
                }
            }
            break;
        }
        (query, mismatch)
    }
}

/// The same query with other values beside `=`. It may be one that fails.
fn others(sql: &str) -> String {
    let mut parts = sql.split(" = ");
    let mut changed = parts.next().unwrap_or_default().to_string();
    for part in parts {
        changed.push_str(" = ");
        if let Some(text) = part.strip_prefix('\'') {
            changed.push_str("'q");
            changed.push_str(text);
        } else {
            changed.push_str(if part.starts_with(|first: char| first.is_ascii_digit()) { "1" } else { "" });
            changed.push_str(part);
        }
    }
    changed
}

fn report(answers: &[(&str, &Answer)]) -> String {
    let answers: Vec<String> = answers.iter().map(|(name, answer)| format!("    {name}: {answer}")).collect();
    answers.join("\n")
}
