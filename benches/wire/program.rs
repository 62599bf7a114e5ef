//! The program as a server, started as a user starts it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::onerow::{PROGRAM, connect};
use super::support::process::{Running, free_port};

/// A running server.
pub struct Program {
    pub port: u16,
    process: Running,
}

impl Program {
    /// Starts it, and waits for nothing. What it holds of queries stays in `folder`.
    pub fn exec(folder: &Path) -> Program {
        let port = free_port();
        let program = std::env::var_os("ONEROW_BENCH_PROGRAM").unwrap_or_else(|| PROGRAM.into());
        let mut command = Command::new(program);
        command
            .args(["serve", "--log", "error", "--max-connections", "2000"])
            .args(["--listen", &format!("127.0.0.1:{port}"), "--sql"])
            .arg(folder)
            .stdout(Stdio::null());
        Program { port, process: Running::start(&mut command) }
    }

    /// Starts it, and waits until it lets clients in.
    pub fn start(folder: &Path) -> Program {
        let mut program = Program::exec(folder);
        let runtime = runtime();
        drop(runtime.block_on(program.first_client()));
        program
    }

    /// The first client that is let in.
    pub async fn first_client(&mut self) -> tokio_postgres::Client {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            match connect(&self.config()).await {
                Ok(client) => return client,
                Err(why) => assert!(Instant::now() < end, "onerow did not listen within a minute: {why}"),
            }
            let ended = self.process.child().try_wait().expect("its state");
            assert!(ended.is_none(), "onerow ended with {ended:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// How the Rust driver connects.
    pub fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user("onerow").dbname("onerow");
        config
    }

    /// A line of /proc/PID/status in MiB: `VmHWM` is the most memory it ever had, `RssAnon` what it has now that is in
    /// no file.
    pub fn memory(&self, line: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("its status");
        let value = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':')).expect("the line");
        value.trim().trim_end_matches(" kB").parse::<f64>().expect("kilobytes") / 1024.0
    }

    /// Ends it as a user does, so that it keeps what it has to keep.
    pub fn stop(mut self) {
        self.process.signal("TERM");
        self.process.wait(Duration::from_secs(20));
    }
}

/// One thread for all clients: none has to wake another.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
