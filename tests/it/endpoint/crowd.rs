//! Clients that say nothing, say half of it, or do not listen: nobody else waits for them.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::super::support::onerow::connect;
use super::super::support::wire::{Fault, value};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::raw::{Wire, zero_ended};

/// Connections that say nothing; fewer where the system gives fewer.
const SILENT: u64 = 10_000;
/// Descriptors that are left for everything else.
const SPARE: u64 = 512;

/// How many files this process may have open.
fn descriptors() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    line.split_whitespace().nth(3).and_then(|soft| soft.parse().ok()).unwrap_or(1_024)
}

/// How long the slowest of some statements takes.
async fn slowest(client: &Client, times: usize) -> Result<Duration, Fault> {
    let mut slowest = Duration::ZERO;
    for _ in 0..times {
        let began = Instant::now();
        let count = value(client, "SELECT count(*) FROM generate_series(1, 1000)").await?;
        if count != "1000" {
            return Ok(Duration::MAX);
        }
        slowest = slowest.max(began.elapsed());
    }
    Ok(slowest)
}

/// What a statement may take beside a crowd: far less than anybody would call waiting, on a busy machine too.
fn bound(alone: Duration) -> Duration {
    alone * 10 + Duration::from_secs(1)
}

pub fn silent(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve();
    let many = SILENT.min(descriptors().saturating_sub(SPARE));
    block_on(async {
        let client = onerow.client().await;
        let alone = slowest(&client, 20).await?;
        let port = onerow.port;
        let crowd = std::thread::spawn(move || {
            let mut held = vec![];
            for _ in 0..many {
                match TcpStream::connect(("127.0.0.1", port)) {
                    Ok(socket) => held.push(socket),
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
            held
        });
        let mut among = Duration::ZERO;
        while !crowd.is_finished() {
            among = among.max(slowest(&client, 5).await?);
        }
        let held = crowd.join().map_err(|_| "the crowd failed")?;
        among = among.max(slowest(&client, 20).await?);
        same!(held.len() as u64 >= many / 2, true, "{} of {many} connected", held.len());
        same!(among < bound(alone), true, "{among:?} beside {many} silent ones, {alone:?} alone");
        // Who wants in comes in.
        let began = Instant::now();
        let another = connect(&onerow.config()).await?;
        same!(value(&another, "SELECT 1").await?, "1");
        same!(began.elapsed() < Duration::from_secs(5), true, "{:?}", began.elapsed());
        let most = onerow.memory("VmHWM");
        same!(most < 1_000 << 20, true, "{} MiB", most >> 20);
        Ok(())
    })
}

/// Sessions that asked for much and read none of it, and some that stopped in the middle of a message.
pub fn deaf(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve_with(&["--max-connections", "64"], &[]);
    block_on(async {
        let client = onerow.client().await;
        let alone = slowest(&client, 20).await?;
        let before = onerow.memory("VmRSS");
        let mut held = vec![];
        for number in 0..40 {
            let mut wire = Wire::connect(onerow.port)?;
            match number % 4 {
                0 => wire.bytes(&[b'Q', 0, 0, 1, 0, b'S'])?,
                1 => wire.bytes(b"Q")?,
                _ => {
                    let sql = "SELECT n, repeat('0123456789', 20) AS pad FROM generate_series(1, 100000000) AS g(n)";
                    wire.send(b'Q', &zero_ended(&[sql]))?;
                }
            }
            held.push(wire);
        }
        let among = slowest(&client, 100).await?;
        same!(among < bound(alone), true, "{among:?} beside those that do not read, {alone:?} alone");
        // What was computed ahead for them has an end.
        let more = onerow.memory("VmRSS").saturating_sub(before);
        same!(more < 600 << 20, true, "{} MiB more", more >> 20);
        drop(held);
        // Their places are free again.
        let mut others = vec![];
        let end = Instant::now() + Duration::from_secs(20);
        while others.len() < 55 && Instant::now() < end {
            match connect(&onerow.config()).await {
                Ok(other) => others.push(other),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        same!(others.len(), 55, "places that were given again");
        Ok(())
    })
}
