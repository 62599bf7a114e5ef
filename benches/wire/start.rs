//! A restart: how long until clients are answered, with many sources and tables.

use std::path::Path;
use std::time::Instant;

use super::program::{Program, runtime};
use super::support::Project;
use super::support::postgres::Postgres;
use super::table::{Reach, Table};
use super::{Extent, median};

/// Tables of all sources.
const TABLES: u64 = 2_000;

/// SQLite files, each a source.
const LITE: u64 = 5;

/// Folders of CSV files, each a source; with PostgreSQL there are ten.
const FOLDERS: u64 = 4;

/// From exec to the first row of `SELECT 1`, and of a lookup at a source, of a server whose state has the tables.
pub fn until_answered(extent: &Extent, table: &mut Table) {
    let tables = extent.of(TABLES);
    // Half of them in PostgreSQL, most others in SQLite.
    let (in_lite, in_folder) = (tables * 2 / 5 / LITE, tables / 10 / FOLDERS);
    let in_postgres = tables - in_lite * LITE - in_folder * FOLDERS;
    println!(
        "\n{tables} tables: {in_postgres} in PostgreSQL, {in_lite} in each of {LITE} SQLite files, {in_folder} CSV files in each of {FOLDERS} folders"
    );
    let postgres = Postgres::start();
    postgres.sql(&format!(
        "DO $$ BEGIN FOR t IN 1 .. {in_postgres} LOOP
           EXECUTE format('CREATE TABLE t%s (id integer PRIMARY KEY, name text, email text, city varchar(40),
             amount numeric(10,2), updated_at timestamptz)', t);
         END LOOP; END $$;
         INSERT INTO t7 SELECT i, 'Müşteri ' || i FROM generate_series(1, 1000) AS i; ANALYZE;"
    ));
    let project =
        Project::new(&format!("{}IMPORT FOREIGN SCHEMA public FROM SERVER erp INTO erp;", postgres.declared("erp")));
    fill(&project, in_lite, in_folder);

    let mut first = answered(project.path(), None);
    println!("  a first start, which asks the sources: {:.0} ms to SELECT 1", first.pop().expect("a time"));
    let (mut ones, mut lookups) = (vec![], vec![]);
    for _ in 0..extent.rounds {
        let times = answered(project.path(), Some("SELECT name FROM erp.t7 WHERE id = 42"));
        ones.push(times[0]);
        lookups.push(times[1]);
    }
    table.add(
        format!("start to SELECT 1, 10 sources, {tables} tables"),
        median(&mut ones),
        " ms",
        Reach::AtMost(500.0),
    );
    table.add("start to the first row of a lookup", median(&mut lookups), " ms", Reach::AtMost(500.0));
}

fn fill(project: &Project, in_lite: u64, in_folder: u64) {
    let mut sql = String::new();
    for source in 0..LITE {
        let lite = rusqlite::Connection::open(project.path().join(format!("lite{source}.db"))).expect("a file");
        let mut tables = String::from("PRAGMA synchronous = OFF; BEGIN;");
        for table in 0..in_lite {
            tables += &format!(
                "CREATE TABLE t{table} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, city TEXT, updated_at TIMESTAMP);"
            );
        }
        lite.execute_batch(&format!("{tables} COMMIT;")).expect("tables");
        sql += &format!(
            "CREATE SERVER lite{source} FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite{source}.db');
             IMPORT FOREIGN SCHEMA main FROM SERVER lite{source} INTO lite{source};\n"
        );
    }
    for source in 0..FOLDERS {
        for table in 0..in_folder {
            project.write(
                &format!("csv{source}/t{table}.csv"),
                "id,name,email,city\n1,Müşteri,ann@example.com,İzmir\n2,客户,,Bern\n",
            );
        }
        sql += &format!(
            "CREATE SERVER csv{source} FOREIGN DATA WRAPPER files OPTIONS (location 'csv{source}');
             IMPORT FOREIGN SCHEMA public FROM SERVER csv{source} INTO csv{source};\n"
        );
    }
    sql += "CREATE VIEW person AS SELECT 'erp' AS source, email, name, updated_at FROM erp.t7
              UNION ALL SELECT 'lite', email, name, updated_at FROM lite0.t0;
            CREATE VIEW customer AS SELECT email, newest(name, updated_at) AS name FROM person GROUP BY email;";
    project.write("20_more.sql", sql);
}

/// Milliseconds from exec to the row of `SELECT 1`, and of a query if there is one, of a server that is then ended.
fn answered(folder: &Path, query: Option<&str>) -> Vec<f64> {
    let began = Instant::now();
    let mut program = Program::exec(folder);
    let times = runtime().block_on(async {
        let client = program.first_client().await;
        let mut times = vec![];
        for sql in std::iter::once("SELECT 1").chain(query) {
            assert_eq!(client.query(sql, &[]).await.expect("an answer").len(), 1, "{sql}");
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        times
    });
    program.stop();
    times
}
