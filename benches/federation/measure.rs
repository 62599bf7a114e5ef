//! The best of several runs, ratios, and what left the servers.

use std::time::{Duration, Instant};

use super::data::{self, Scale};
use super::lines::{self, Line, MERGED};
use super::peers::{Answer, Peers};
use super::stage::{Left, Stage};
use super::support::wire::{Rows, rows};
use super::support::{Onerow, block_on};

/// How many clients line k has.
const CLIENTS: usize = 16;

/// How long they go on, in seconds.
const SECONDS: f64 = 5.0;

/// A short question is asked so many times in a row at most, by every side in every round,
const IN_A_ROW: usize = 10;

/// and until this long has passed: what is asked once in a while is slower for everybody, and noisier.
const ROW: Duration = Duration::from_millis(20);

/// Asks all sides in turn and prints a line.
pub fn line(stage: &mut Stage, peers: &mut Peers, line: &Line, rounds: usize) {
    forget_peak(&mut stage.onerow);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(stage.onerow.client());
    let ours = || -> Answer {
        let began = Instant::now();
        let found = runtime.block_on(rows(&client, &line.sql)).map_err(|fault| fault.to_string())?;
        Ok((began.elapsed(), found))
    };
    let server = runtime.block_on(stage.postgres.client("postgres"));
    let itself = |sql: &str| -> Answer {
        let began = Instant::now();
        let found = runtime.block_on(rows(&server, sql)).map_err(|fault| fault.to_string())?;
        Ok((began.elapsed(), found))
    };
    let (mut here, mut duckdb, mut fdw) = (Side::default(), Side::default(), Side::default());
    let mut source = Side::default();
    for round in 0..=rounds {
        here.ask(round, ours);
        match &mut peers.duckdb {
            Ok(peer) => duckdb.ask(round, || peer.ask(&line.sql)),
            Err(why) => duckdb.take(round, Err(why.clone())),
        }
        if let Some(sql) = line.in_postgres() {
            source.ask(round, || itself(&sql));
        }
        match line.fdw {
            true => fdw.ask(round, || peers.fdw.ask(&line.sql)),
            false => fdw.take(round, Err("it reads no Parquet".into())),
        }
    }
    let peak = stage.onerow.memory("VmHWM");
    println!("\n{}: {}", line.name, line.what);
    println!("  onerow        {}", here.shown());
    let reach = format!(", {} to reach", line.reach);
    for (name, peer, reach) in [("DuckDB", &duckdb, reach.as_str()), ("postgres_fdw", &fdw, "")] {
        let ratio = match (here.best(), peer.best()) {
            (Some(ours), Some(theirs)) => format!(", ratio {:.3}{reach}", ours / theirs),
            _ => String::new(),
        };
        println!("  {name:<13} {}{ratio}", peer.shown());
        if let (Some(ours), Some(theirs)) = (&here.rows, &peer.rows)
            && !alike(ours, theirs, line.fixed)
        {
            println!("  {name} ANSWERS OTHERWISE\n    onerow: {}\n    {name}: {}", head(ours), head(theirs));
        }
    }
    if let (Some(ours), Some(theirs)) = (here.best(), source.best()) {
        println!("  PostgreSQL    {}, asked itself, ratio {:.3}", source.shown(), ours / theirs);
    }
    if here.best().is_some() {
        println!("  left          {}", told(&stage.cost(&line.sql)));
        for source in ["lite", "lake"] {
            if let Some(rows) = scanned(&stage.onerow, &line.sql, source) {
                println!("                {rows} rows of {source}, by EXPLAIN ANALYZE");
            }
        }
    }
    println!("  peak memory   {:.0} MB", peak as f64 / 1e6);
}

/// Line k: many clients at once, each with a statement that it has prepared.
pub fn clients(stage: &mut Stage, peers: &mut Peers) {
    let step = (stage.scale.people / 1000).max(1);
    let emails: Vec<String> = (1..=1000).map(|at| data::email((at * step).min(stage.scale.people))).collect();
    forget_peak(&mut stage.onerow);
    let ours = rate(&stage.onerow, &emails);
    println!("\nk: {CLIENTS} clients at once doing a, for {SECONDS} s");
    println!("  onerow        {ours:.0} a second");
    match &mut peers.duckdb {
        Ok(duckdb) => match duckdb.rate(CLIENTS, &format!("{MERGED}?"), &emails, SECONDS) {
            Ok(theirs) => println!("  DuckDB        {theirs:.1} a second, {:.1} times, 10 to reach", ours / theirs),
            Err(why) => println!("  DuckDB        {why}"),
        },
        Err(why) => println!("  DuckDB        {why}"),
    }
    println!("  peak memory   {:.0} MB", stage.onerow.memory("VmHWM") as f64 / 1e6);
}

fn rate(onerow: &Onerow, emails: &[String]) -> f64 {
    block_on(async {
        let began = Instant::now();
        let end = began + Duration::from_secs_f64(SECONDS);
        let mut tasks = vec![];
        for number in 0..CLIENTS {
            let client = onerow.client().await;
            let emails = emails.to_vec();
            tasks.push(tokio::spawn(async move {
                let statement = client.prepare(&format!("{MERGED}$1")).await.expect("a statement");
                let (mut at, mut done) = (number, 0_u64);
                while Instant::now() < end {
                    client.query(&statement, &[&emails[at % emails.len()]]).await.expect("rows");
                    at += CLIENTS;
                    done += 1;
                }
                done
            }));
        }
        let mut done = 0;
        for task in tasks {
            done += task.await.expect("a client");
        }
        done as f64 / began.elapsed().as_secs_f64()
    })
}

/// a, b, c and j, and again with tables ten times the size.
pub fn grow(scale: Scale, rounds: usize) {
    let large = Scale { people: scale.people * 10, orders: scale.orders * 10, events: scale.events.min(1000) };
    let small = Scale { events: scale.events.min(1000), ..scale };
    println!("small: {small}\nlarge: {large}");
    let mut measured = [vec![], vec![]];
    for (found, scale) in measured.iter_mut().zip([small, large]) {
        let stage = Stage::new(scale);
        for line in lines::all(&scale) {
            if !["a", "b", "c", "j"].contains(&line.name) {
                continue;
            }
            let mut side = Side::default();
            block_on(async {
                let client = stage.onerow.client().await;
                for round in 0..=rounds {
                    let began = Instant::now();
                    let found = rows(&client, &line.sql).await.map_err(|fault| fault.to_string());
                    side.take(round, found.map(|rows| (began.elapsed(), rows)));
                }
            });
            found.push((line.name, line.what, side.shown(), side.best(), stage.cost(&line.sql)));
        }
    }
    let [small, large] = measured;
    for ((name, what, shown, best, left), (_, _, large_shown, large_best, large_left)) in small.into_iter().zip(large) {
        println!("\n{name}: {what}");
        println!("  small  {shown}; {}", told(&left));
        println!("  large  {large_shown}; {}", told(&large_left));
        if let (Some(small), Some(large)) = (best, large_best) {
            println!("  time of large to small {:.2}", large / small);
        }
    }
}

/// One side's runs.
#[derive(Default)]
struct Side {
    times: Vec<f64>,
    rows: Option<Rows>,
    failed: Option<String>,
}

impl Side {
    /// The first round only warms up.
    fn take(&mut self, round: usize, answer: Answer) {
        match answer {
            Ok((took, rows)) => {
                if round > 0 {
                    self.times.push(took.as_secs_f64() * 1000.0);
                }
                self.rows = Some(rows);
            }
            Err(why) => self.failed = Some(why),
        }
    }

    /// One round's runs.
    fn ask(&mut self, round: usize, mut ask: impl FnMut() -> Answer) {
        let began = Instant::now();
        for _ in 0..IN_A_ROW {
            self.take(round, ask());
            if self.failed.is_some() || began.elapsed() > ROW {
                break;
            }
        }
    }

    /// The times from least to most; none of a side that failed.
    fn sorted(&self) -> Vec<f64> {
        let mut times = self.times.clone();
        times.sort_by(f64::total_cmp);
        if self.failed.is_some() { vec![] } else { times }
    }

    fn best(&self) -> Option<f64> {
        self.sorted().first().copied()
    }

    fn shown(&self) -> String {
        let times = self.sorted();
        match (&self.failed, times.first(), times.get(times.len() / 2)) {
            (Some(why), ..) => why.lines().next().unwrap_or_default().to_string(),
            (None, Some(best), Some(median)) => format!("{best:.2} ms (median {median:.2})"),
            (None, ..) => "not run".into(),
        }
    }
}

/// Whether two sides gave the same rows, but for the last digits of numbers.
fn alike(ours: &Rows, theirs: &Rows, fixed: bool) -> bool {
    if !fixed || ours.len() != theirs.len() {
        return ours.len() == theirs.len();
    }
    let sorted = |rows: &Rows| {
        let mut rows = rows.clone();
        rows.sort();
        rows
    };
    let same = |one: &Option<String>, other: &Option<String>| match (one, other) {
        (Some(one), Some(other)) => {
            one == other
                || matches!((one.parse::<f64>(), other.parse::<f64>()),
                     (Ok(one), Ok(other)) if (one - other).abs() <= one.abs() * 1e-9)
        }
        (one, other) => one == other,
    };
    sorted(ours).iter().zip(&sorted(theirs)).all(|(one, other)| one.iter().zip(other).all(|(a, b)| same(a, b)))
}

fn head(rows: &Rows) -> String {
    format!("{} rows, first {:?}", rows.len(), rows.first())
}

fn told(left: &Left) -> String {
    format!(
        "PostgreSQL {} rows {}, MariaDB {} rows {}",
        left.postgres_rows,
        bytes(left.postgres_bytes),
        left.mariadb_rows,
        bytes(left.mariadb_bytes)
    )
}

fn bytes(count: u64) -> String {
    if count < 10_000 { format!("{count} bytes") } else { format!("{:.1} kB", count as f64 / 1e3) }
}

/// The rows that EXPLAIN ANALYZE says a source gave, if it names the source.
fn scanned(onerow: &Onerow, sql: &str, server: &str) -> Option<u64> {
    let plan = onerow.sql(&format!("EXPLAIN ANALYZE {sql}")).ok()?;
    let lines: Vec<&str> = plan.lines().filter(|line| line.contains(&format!("server={server},"))).collect();
    if lines.is_empty() {
        return None;
    }
    let count = |line: &&str| {
        let text = line.split_once("output_rows=")?.1;
        let number: String = text.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect();
        // Large counts are shown as 1.23 M.
        let unit = text.get(number.len()..)?.trim_start().chars().next();
        let times = match unit {
            Some('K') => 1e3,
            Some('M') => 1e6,
            Some('B') => 1e9,
            _ => 1.0,
        };
        Some((number.parse::<f64>().ok()? * times) as u64)
    };
    lines.iter().map(count).sum()
}

/// From here on the peak is counted anew.
fn forget_peak(onerow: &mut Onerow) {
    let path = format!("/proc/{}/clear_refs", onerow.process().id());
    // Where that is not allowed, the peak is that of all lines so far.
    let _ = std::fs::write(path, "5");
}
