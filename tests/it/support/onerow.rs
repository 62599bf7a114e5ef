//! The program itself, as a user runs it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::process::{Running, free_port};

/// The program's path.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_onerow");

/// A folder of SQL files.
pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// A project with one file.
    pub fn new(sql: &str) -> Project {
        let project = Project { folder: tempfile::tempdir().expect("a folder") };
        project.write("10_main.sql", sql);
        project
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// `onerow query`: exit code, standard output, standard error.
    pub fn query(&self, sql: &str) -> (i32, String, String) {
        self.run(&["query", "--format", "csv", "--sql", &self.path().display().to_string(), sql])
    }

    /// `onerow check`: exit code, standard output, standard error.
    pub fn check(&self) -> (i32, String, String) {
        self.run(&["check", "--sql", &self.path().display().to_string()])
    }

    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(PROGRAM).args(arguments).output().expect("the program");
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stdout).into(),
            String::from_utf8_lossy(&output.stderr).into(),
        )
    }

    /// `onerow serve` on a free port.
    pub fn serve(&self) -> Onerow {
        self.serve_with(&[], &[])
    }

    /// `onerow serve` with further arguments and environment.
    pub fn serve_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Onerow {
        let port = free_port();
        let mut command = Command::new(PROGRAM);
        command
            .args(["serve", "--sql", &self.path().display().to_string(), "--listen", &format!("127.0.0.1:{port}")])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = Running::start(&mut command);
        let log = Arc::new(Mutex::new(String::new()));
        if let Some(stderr) = process.child().stderr.take() {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut log = log.lock().expect("the log");
                    log.push_str(&line);
                    log.push('\n');
                }
            });
        }
        let mut onerow = Onerow { port, process, log };
        onerow.wait_until_it_listens();
        onerow
    }
}

/// A running server.
pub struct Onerow {
    pub port: u16,
    process: Running,
    log: Arc<Mutex<String>>,
}

impl Onerow {
    /// Its own word for it, not an open port, which could be another's.
    fn wait_until_it_listens(&mut self) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.log().contains("listening") {
            let ended = self.process.wait(Duration::from_millis(20));
            assert!(ended.is_none(), "onerow ended with {ended:?}\n{}", self.log());
            assert!(Instant::now() < end, "onerow did not listen within a minute\n{}", self.log());
        }
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    pub fn process(&mut self) -> &mut Running {
        &mut self.process
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) {
        self.process.signal("KILL");
        self.process.wait(Duration::from_secs(10));
    }

    /// psql with arguments: standard output, standard error.
    pub fn psql(&self, arguments: &[&str]) -> (String, String) {
        let output = self.psql_command().args(arguments).output().expect("psql");
        (String::from_utf8_lossy(&output.stdout).into(), String::from_utf8_lossy(&output.stderr).into())
    }

    pub fn psql_command(&self) -> Command {
        let mut command = Command::new("psql");
        command.env("PGCONNECT_TIMEOUT", "20").env_remove("PGPASSWORD").args([
            "-X",
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            "onerow",
            "-d",
            "onerow",
        ]);
        command
    }

    /// Runs SQL in psql; unaligned rows, or what psql says on standard error when it fails.
    pub fn sql(&self, sql: &str) -> Result<String, String> {
        let output = self
            .psql_command()
            .args(["-qAt", "-P", "null=NULL", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-c", sql])
            .output()
            .expect("psql");
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_string())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into())
        }
    }

    /// A client of the Rust driver.
    pub async fn client(&self) -> tokio_postgres::Client {
        connect(&self.config()).await.expect("a connection")
    }

    /// How the Rust driver connects.
    pub fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user("onerow").dbname("onerow");
        config
    }

    /// A line of /proc/PID/status in bytes, such as `VmHWM`, the most memory it ever had.
    pub fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("its status");
        let value = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':')).expect("the line");
        value.trim().trim_end_matches(" kB").parse::<u64>().expect("kilobytes") * 1024
    }

    /// How long it has computed, in the system's ticks.
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("its state");
        // What follows the name, which may hold anything: the 12th and 13th are the ticks as a user and in the system.
        let (_, rest) = stat.rsplit_once(')').expect("a name");
        rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
    }
}

/// Connects by the Rust driver.
pub async fn connect(config: &tokio_postgres::Config) -> Result<tokio_postgres::Client, super::wire::Fault> {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
