//! A PostgreSQL server of our own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::process::{Running, free_port, is_root, run, wait_for_port};

/// A PostgreSQL server on a free port in a temporary folder. The superuser is `tester`, its password `it's \secret`.
pub struct Postgres {
    pub port: u16,
    folder: tempfile::TempDir,
    server: Option<Running>,
}

pub const USER: &str = "tester";
pub const PASSWORD: &str = r"it's \secret";

fn binary(name: &str) -> PathBuf {
    let roots = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = roots.map(|r| r.path().join("bin").join(name)).filter(|p| p.exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from(name))
}

/// PostgreSQL refuses to run as root: then it runs as the user that its package made.
fn as_user(program: PathBuf) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

impl Postgres {
    pub fn start() -> Postgres {
        let folder = tempfile::tempdir().expect("a folder");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("a password file");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&password));
        }
        run(as_user(binary("initdb"))
            .args(["-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "-U", USER, "--no-sync", "--pwfile"])
            .arg(&password)
            .arg("-D")
            .arg(folder.path().join("data"))
            .current_dir(folder.path()));
        let mut postgres = Postgres { port: free_port(), folder, server: None };
        postgres.resume();
        // The name that the owner has here, so that messages which name it can be compared.
        let password = PASSWORD.replace('\'', "''");
        postgres.sql(&format!("CREATE ROLE onerow SUPERUSER LOGIN PASSWORD '{password}'"));
        postgres
    }

    /// Starts the server again after [`Postgres::stop`].
    pub fn resume(&mut self) {
        self.server = Some(Running::start(
            as_user(binary("postgres"))
                .arg("-D")
                .arg(self.folder.path().join("data"))
                .args(["-p", &self.port.to_string(), "-c", "fsync=off", "-c", "max_connections=60"])
                .args(["-c", "listen_addresses=127.0.0.1", "-c", "log_min_messages=fatal", "-k"])
                .arg(self.folder.path())
                .current_dir(self.folder.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        ));
        wait_for_port(self.port, "PostgreSQL");
        for _ in 0..200 {
            if self.psql().args(["-Xqc", "SELECT 1"]).output().is_ok_and(|o| o.status.success()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("PostgreSQL does not answer");
    }

    /// Stops the server at once, as when the machine is pulled from the wall.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.signal("QUIT");
            server.wait(std::time::Duration::from_secs(20));
        }
    }

    /// Kills the server with all its processes, none of which can say a word.
    pub fn kill(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let id = server.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        server.signal("STOP");
        for child in children.split_whitespace() {
            // One may have ended by itself.
            let _ = Command::new("kill").args(["-KILL", child]).stderr(Stdio::null()).status();
        }
        server.signal("KILL");
        server.wait(std::time::Duration::from_secs(20));
    }

    fn psql(&self) -> Command {
        let mut command = Command::new("psql");
        command.env("PGPASSWORD", PASSWORD).args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            USER,
            "-d",
            "postgres",
        ]);
        command
    }

    /// Runs SQL; unaligned rows without header.
    pub fn sql(&self, sql: &str) -> String {
        let script = self.folder.path().join(format!("script-{:?}.sql", std::thread::current().id()));
        std::fs::write(&script, sql).expect("a script");
        run(self.psql().args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-f"]).arg(&script))
    }

    /// The same as [`Postgres::sql`] with psql's own arguments.
    pub fn psql_output(&self, arguments: &[&str]) -> (String, String) {
        let output = self.psql().arg("-X").args(arguments).output().expect("psql");
        (String::from_utf8_lossy(&output.stdout).into(), String::from_utf8_lossy(&output.stderr).into())
    }

    /// A client of the Rust driver, logged in as a superuser `onerow`.
    pub async fn client(&self, database: &str) -> tokio_postgres::Client {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user("onerow").password(PASSWORD).dbname(database);
        config.options("-c timezone=UTC");
        super::onerow::connect(&config).await.expect("a connection")
    }

    /// CREATE SERVER and CREATE USER MAPPING for it.
    pub fn declared(&self, name: &str) -> String {
        self.declared_with(name, "")
    }

    /// The same with more options of the server, as in `, timezone 'UTC'`.
    pub fn declared_with(&self, name: &str, options: &str) -> String {
        self.declared_at(name, self.port, options)
    }

    /// The same, reached by way of another port.
    pub fn declared_at(&self, name: &str, port: u16, options: &str) -> String {
        format!(
            "CREATE SERVER {name} FOREIGN DATA WRAPPER postgres
               OPTIONS (host '127.0.0.1', port '{}', dbname 'postgres'{options});
             CREATE USER MAPPING FOR PUBLIC SERVER {name} OPTIONS (user '{USER}', password '{}');\n",
            port,
            PASSWORD.replace('\'', "''")
        )
    }
}
