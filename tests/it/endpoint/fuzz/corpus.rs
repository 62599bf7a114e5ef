//! What every run replays, and how long it looks for more.
//!
//! tests/corpus holds inputs that went wrong once, or that stand for a kind that easily does. With
//! `ONEROW_FUZZ_SECONDS` a fuzzer goes on for so long, every time with other inputs, and what it finds is added there;
//! without, it tries a fixed number of inputs that are the same every time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::super::super::support::process::eventually;
use super::super::super::support::{Onerow, Outcome};
use super::dice::Dice;

/// How many inputs are tried before the log is looked at.
const TOGETHER: usize = 16;

fn folder(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(of)
}

/// The inputs of a folder, by name.
pub fn kept(of: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
    let entries = fs::read_dir(folder(of)).map_err(|error| format!("{of}: {error}"))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes))
    };
    paths.into_iter().map(read).collect()
}

/// One fuzzer's run.
pub struct Search {
    of: &'static str,
    rounds: usize,
    until: Option<Instant>,
    /// Where its inputs come from.
    pub dice: Dice,
    /// Inputs that were tried since the log was last looked at.
    tried: Vec<Vec<u8>>,
}

impl Search {
    /// So many inputs, or as many as there is time for.
    pub fn new(of: &'static str, rounds: usize, seed: u64) -> Search {
        let seconds: Option<u64> = std::env::var("ONEROW_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
        Search {
            of,
            rounds,
            until: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
            dice: Dice(if seconds.is_some() { now } else { seed }),
            tried: vec![],
        }
    }

    /// Whether another input is to be tried when so many are done.
    pub fn goes_on(&self, done: usize) -> bool {
        match self.until {
            Some(until) => Instant::now() < until,
            None => done < self.rounds,
        }
    }

    /// Looks now and then whether the server is well after an input, which is kept when it is not.
    pub fn tried(&mut self, onerow: &Onerow, input: Vec<u8>) -> Outcome {
        self.tried.push(input);
        if self.tried.len() < TOGETHER { Ok(()) } else { self.look(onerow) }
    }

    /// Looks whether the server is well.
    pub fn look(&mut self, onerow: &Onerow) -> Outcome {
        let found = is_well(onerow);
        if found.is_err() {
            for input in &self.tried {
                self.keep(input);
            }
        }
        self.tried.clear();
        found
    }

    /// Keeps an input that went wrong for later runs, where this run looks for such.
    pub fn keep(&self, input: &[u8]) {
        if self.until.is_none() {
            return;
        }
        let hash = input
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        let _ = fs::write(folder(self.of).join(format!("find-{hash:016x}")), input);
    }
}

/// The server answers, and nothing in it went wrong on the way.
pub fn is_well(onerow: &Onerow) -> Outcome {
    same!(eventually(Duration::from_secs(20), || onerow.sql("SELECT 1").is_ok_and(|one| one == "1")), true, "alive");
    let log = onerow.log();
    let panics: Vec<&str> = log.lines().filter(|line| line.contains("panicked") || line.contains("mistake")).collect();
    same!(panics, Vec::<&str>::new(), "panics");
    Ok(())
}
