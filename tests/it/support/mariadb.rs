//! A MariaDB server of our own.

use std::path::Path;
use std::process::{Command, Stdio};

use super::process::{Running, free_port, is_root, run, wait_for_port};

/// A MariaDB server on a free port in a temporary folder; the reader's name and password are below.
pub struct Mariadb {
    pub port: u16,
    folder: tempfile::TempDir,
    server: Option<Running>,
}

pub const USER: &str = "reader";
pub const PASSWORD: &str = r#"re"ad'er\"#;

/// What both the server and its installation are told: asynchronous reads by way of the kernel need locked memory, of which
/// a process may have little, and several servers at once then fail to start.
const PLAIN_READS: &str = "--innodb-use-native-aio=0";

/// Makes the system tables. The installation is a script around a server; it is told a second time what it was told before
/// when that server did not come up, which was seen on a busy machine.
fn install(data: &Path) {
    const TRIES: usize = 3;
    let mut said = String::new();
    for _ in 0..TRIES {
        let _ = std::fs::remove_dir_all(data);
        let mut install = Command::new("mariadb-install-db");
        install.arg("--no-defaults").arg(format!("--datadir={}", data.display())).args([
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--force",
            PLAIN_READS,
        ]);
        if is_root() {
            install.arg("--user=root");
        }
        let output = install.output().expect("mariadb-install-db");
        if output.status.success() {
            return;
        }
        said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    panic!("mariadb-install-db failed {TRIES} times; at last it said\n{said}");
}

impl Mariadb {
    pub fn start() -> Mariadb {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        install(&data);
        let mut mariadb = Mariadb { port: free_port(), folder, server: None };
        mariadb.resume();
        let quoted = PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
        mariadb.sql(&format!(
            "CREATE USER '{USER}'@'%' IDENTIFIED BY '{quoted}'; GRANT SELECT, PROCESS ON *.* TO '{USER}'@'%';"
        ));
        mariadb
    }

    /// Starts the server again after [`Mariadb::stop`].
    pub fn resume(&mut self) {
        let mut server = Command::new("mariadbd");
        server
            .arg("--no-defaults")
            .arg(format!("--datadir={}", self.folder.path().join("data").display()))
            .arg(format!("--socket={}", self.socket()))
            .arg(format!("--port={}", self.port))
            .args([PLAIN_READS, "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0", "--sql-mode="])
            .args(["--character-set-server=utf8mb4", "--skip-log-bin", "--local-infile=1"])
            .arg(format!("--pid-file={}", self.folder.path().join("pid").display()));
        if is_root() {
            server.arg("--user=root");
        }
        self.server = Some(Running::start(server.stdout(Stdio::null()).stderr(Stdio::null())));
        wait_for_port(self.port, "MariaDB");
    }

    /// Kills the server.
    pub fn stop(&mut self) {
        self.server = None;
    }

    fn socket(&self) -> String {
        self.folder.path().join("socket").display().to_string()
    }

    /// Runs SQL as root; rows with tabs, without header.
    pub fn sql(&self, sql: &str) -> String {
        let script = self.folder.path().join(format!("script-{:?}.sql", std::thread::current().id()));
        std::fs::write(&script, sql).expect("a script");
        let file = std::fs::File::open(&script).expect("the script");
        run(Command::new("mariadb")
            .arg("--no-defaults")
            .arg(format!("--socket={}", self.socket()))
            .args([
                "--user=root",
                "--batch",
                "--skip-column-names",
                "--local-infile=1",
                "--default-character-set=utf8mb4",
            ])
            .stdin(file))
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
            "CREATE SERVER {name} FOREIGN DATA WRAPPER mysql OPTIONS (host '127.0.0.1', port '{}'{options});
             CREATE USER MAPPING FOR PUBLIC SERVER {name} OPTIONS (username '{USER}', password '{}');\n",
            port,
            PASSWORD.replace('\'', "''")
        )
    }
}
