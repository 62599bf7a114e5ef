//! Statements that give one row, prepared: by one client, and by many through a source.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::program::Program;
use super::support::Project;
use super::support::postgres::{PASSWORD, Postgres};
use super::support::process::run;
use super::table::{Reach, Table};
use super::{Extent, median};

/// How long one side is asked without a break, in seconds.
const SECONDS: u32 = 3;

/// Customers in the source.
const CUSTOMERS: u64 = 200_000;

/// How many clients ask for customers at once.
const CLIENTS: u32 = 32;

/// Connections that they share, beside as many as there are clients when the source is asked itself: PostgreSQL has not
/// many of them.
const CONNECTIONS: u32 = 16;

/// `SELECT 1` by one client, and lookups by primary key by many, beside the same asked of the source itself.
pub fn statements(extent: &Extent, table: &mut Table) {
    let customers = extent.of(CUSTOMERS);
    println!("\nprepared statements by pgbench, for {SECONDS} s in each round; {customers} customers in PostgreSQL");
    let postgres = Postgres::start();
    postgres.sql(&format!(
        "CREATE TABLE customer (id integer PRIMARY KEY, name text NOT NULL, email text, updated_at timestamptz);
         INSERT INTO customer SELECT i, 'Müşteri 客户 ' || i, 'user' || i || '@example.com',
             timestamptz '2020-01-01 00:00:00+00' + i * interval '1 minute'
           FROM generate_series(1, {customers}) AS i;
         VACUUM (FREEZE, ANALYZE) customer; CHECKPOINT;"
    ));
    let project = Project::new(&format!(
        "{}IMPORT FOREIGN SCHEMA public FROM SERVER erp INTO erp;",
        postgres.declared_with("erp", &format!(", max_connections '{CONNECTIONS}'"))
    ));
    let program = Program::start(project.path());
    let scripts = tempfile::tempdir().expect("a folder");
    let script = |name: &str, text: String| -> PathBuf {
        let path = scripts.path().join(name);
        std::fs::write(&path, text).expect("a script");
        path
    };
    let lookup = |table: &str| {
        format!("\\set id random(1, {customers})\nSELECT id, name, email, updated_at FROM {table} WHERE id = :id;\n")
    };
    let one = script("one.sql", "SELECT 1;\n".into());
    let through = script("through.sql", lookup("erp.customer"));
    let direct = script("direct.sql", lookup("customer"));
    let round = |here: &Path, there: &Path, clients: u32| {
        let (mut ours, mut theirs) = (vec![], vec![]);
        for round in 0..=extent.rounds {
            let (mine, other) =
                (rate(here, program.port, "onerow", clients), rate(there, postgres.port, "postgres", clients));
            // The first round only warms up.
            if round > 0 {
                ours.push(mine);
                theirs.push(other);
            }
        }
        let (ours, theirs) = (median(&mut ours), median(&mut theirs));
        println!("  {clients} clients: onerow {ours:.0} a second, PostgreSQL {theirs:.0}");
        ours / theirs
    };
    let ratio = 1.0 / round(&one, &one, 1);
    table.add("time of SELECT 1, prepared", ratio, "", Reach::AtMost(1.5));
    let ratio = round(&through, &direct, CLIENTS);
    let what = format!("rate of lookups by key through a source, prepared, {CLIENTS} clients");
    table.add(what, ratio, "", Reach::AtLeast(0.3));
    let ratio = round(&through, &direct, 1);
    println!("  one client alone: {ratio:.2} of PostgreSQL's rate");
}

/// How often a second clients do what a script says.
fn rate(script: &Path, port: u16, database: &str, clients: u32) -> f64 {
    let said = run(Command::new(pgbench())
        .env("PGPASSWORD", PASSWORD)
        .args(["-n", "-M", "prepared", "-h", "127.0.0.1", "-U", "onerow", "-f"])
        .arg(script)
        .args(["-p", &port.to_string(), "-T", &SECONDS.to_string()])
        .args(["-c", &clients.to_string(), "-j", &clients.min(2).to_string(), database]));
    assert!(said.contains("number of failed transactions: 0 "), "{said}");
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")).expect("a rate");
    rate.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

/// pgbench of the newest PostgreSQL there is.
fn pgbench() -> PathBuf {
    let roots = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = roots.map(|r| r.path().join("bin/pgbench")).filter(|path| path.exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| PathBuf::from("pgbench"))
}
