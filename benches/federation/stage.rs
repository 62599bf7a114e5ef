//! The servers, their tables, and the program that reads them.

use super::data::{self, Scale};
use super::relay::Relay;
use super::support::mariadb::Mariadb;
use super::support::postgres::Postgres;
use super::support::{Onerow, Project};

/// Everything that runs for one scale.
pub struct Stage {
    pub scale: Scale,
    pub postgres: Postgres,
    pub mariadb: Mariadb,
    /// `lite.db`, `event.parquet`, `wanted.csv`
    pub folder: tempfile::TempDir,
    /// The program, connected as a user connects it.
    pub onerow: Onerow,
    /// The same, whose connections are counted; it is not timed.
    pub counted: Onerow,
    pub from_postgres: Relay,
    pub from_mariadb: Relay,
    _projects: [Project; 2],
}

/// Rows and bytes that have left the servers.
#[derive(Clone, Copy, Default)]
pub struct Left {
    pub postgres_rows: u64,
    pub postgres_bytes: u64,
    pub mariadb_rows: u64,
    pub mariadb_bytes: u64,
}

impl Stage {
    pub fn new(scale: Scale) -> Stage {
        let mut postgres = Postgres::start();
        // Counts the rows of each statement.
        postgres.sql("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
        postgres.stop();
        postgres.resume();
        postgres.sql("CREATE SCHEMA stat; CREATE EXTENSION pg_stat_statements SCHEMA stat");
        let mariadb = Mariadb::start();
        let folder = tempfile::tempdir().expect("a folder");
        data::fill_postgres(&postgres, &scale);
        data::fill_mariadb(&mariadb, &scale);
        data::fill_sqlite(&folder.path().join("lite.db"), &scale);
        data::write_files(folder.path(), &scale);
        let (from_postgres, from_mariadb) = (Relay::to(postgres.port), Relay::to(mariadb.port));
        let direct = project(&folder, &postgres.declared("pg"), &mariadb.declared("my"));
        let through =
            |declared: String, from: u16, to: u16| declared.replace(&format!("port '{from}'"), &format!("port '{to}'"));
        let relayed = project(
            &folder,
            &through(postgres.declared("pg"), postgres.port, from_postgres.port),
            &through(mariadb.declared("my"), mariadb.port, from_mariadb.port),
        );
        let (onerow, counted) = (direct.serve(), relayed.serve());
        Stage {
            scale,
            postgres,
            mariadb,
            folder,
            onerow,
            counted,
            from_postgres,
            from_mariadb,
            _projects: [direct, relayed],
        }
    }

    /// What has left the servers until now.
    pub fn left(&self) -> Left {
        let rows = self.postgres.sql(
            // The ranges of a table in parts are written with the catalog's type of row addresses.
            r"SELECT coalesce(sum(rows), 0) FROM stat.pg_stat_statements
              WHERE query ~* 'customer|orders'
                AND query !~* 'pg_catalog\.(?!tid)|pg_class|pg_stat|information_schema|insert'",
        );
        let sent = self.mariadb.sql("SHOW GLOBAL STATUS LIKE 'Rows_sent'");
        Left {
            postgres_rows: rows.trim().parse().expect("a number"),
            postgres_bytes: self.from_postgres.received(),
            mariadb_rows: sent.split_whitespace().last().expect("a value").parse().expect("a number"),
            mariadb_bytes: self.from_mariadb.received(),
        }
    }

    /// What one statement makes leave the servers, when nothing else runs. Counters of the counting are taken off.
    pub fn cost(&self, sql: &str) -> Left {
        self.counted.sql(sql).expect("an answer");
        let idle = (self.left(), self.left());
        let before = self.left();
        self.counted.sql(sql).expect("an answer");
        let after = self.left();
        let own = idle.1.mariadb_rows - idle.0.mariadb_rows;
        Left {
            postgres_rows: after.postgres_rows - before.postgres_rows,
            postgres_bytes: after.postgres_bytes - before.postgres_bytes,
            mariadb_rows: (after.mariadb_rows - before.mariadb_rows).saturating_sub(own),
            mariadb_bytes: after.mariadb_bytes - before.mariadb_bytes,
        }
    }
}

fn project(folder: &tempfile::TempDir, postgres: &str, mariadb: &str) -> Project {
    let folder = folder.path().display();
    Project::new(&format!(
        "{postgres}{mariadb}
         CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database '{folder}/lite.db');
         CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '{folder}');
         IMPORT FOREIGN SCHEMA public LIMIT TO (customer, orders) FROM SERVER pg INTO pg;
         IMPORT FOREIGN SCHEMA shop FROM SERVER my INTO my;
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;
         CREATE FOREIGN TABLE event SERVER lake OPTIONS (path 'event.parquet');
         CREATE FOREIGN TABLE wanted (email text) SERVER lake OPTIONS (path 'wanted.csv');
         CREATE VIEW person AS
           SELECT 'pg' AS source, email, name, city, updated_at, 2 AS trust FROM pg.customer
           UNION ALL SELECT 'my', email, name, city, updated_at, 3 FROM my.customer
           UNION ALL SELECT 'lite', email, name, city, updated_at, 1 FROM lite.customer;
         CREATE VIEW merged AS
           SELECT email, newest(name, updated_at) AS name, most_trusted(city, trust) AS city, count(*) AS sources
           FROM person GROUP BY email;"
    ))
}
