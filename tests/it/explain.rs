//! EXPLAIN: its options, the reasons of what is computed here, and what EXPLAIN ANALYZE says of sources.

use rusqlite::Connection;

use super::Test;
use super::support::wire::{all_well, rows};
use super::support::{Fixtures, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("options_are_postgres_s", options),
    ("json_is_one_document", json),
    ("what_is_kept_here_says_why", reasons),
    ("what_came_from_each_source_is_counted", counted),
];

/// A project with a SQLite database, `lite.t (id, name, ratio, n)` of 100 rows, and a file of the same.
fn project() -> Result<Project, rusqlite::Error> {
    let project = Project::new(
        "CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;
         CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '.');
         CREATE FOREIGN TABLE lake.t (id int, name text) SERVER lake OPTIONS (path 't.csv');",
    );
    let database = Connection::open(project.path().join("lite.db"))?;
    database.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, ratio REAL, n INT);
         WITH RECURSIVE g (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM g WHERE id < 100)
           INSERT INTO t SELECT id, 'n' || (id % 7), id / 4.0, id % 5 FROM g;",
    )?;
    let lines: String = (1..=100).map(|id| format!("{id},n{}\n", id % 7)).collect();
    project.write("t.csv", format!("id,name\n{lines}"));
    Ok(project)
}

fn options(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    let scan = "SELECT id FROM lite.t WHERE id = 3";
    let plain = onerow.sql(&format!("EXPLAIN {scan}"))?;
    holds!(plain, "SourceScan: server=lite, table=t, sends=SELECT ");
    holds!(plain, ", rows=~1");
    lacks!(plain, "received=");
    lacks!(plain, "Time:");
    let bare = onerow.sql(&format!("EXPLAIN (COSTS off, BUFFERS, SETTINGS, VERBOSE false) {scan}"))?;
    lacks!(bare, "rows=~");
    holds!(onerow.sql(&format!("EXPLAIN (SUMMARY) {scan}"))?, "Planning Time: ");
    let all = onerow.sql(&format!("EXPLAIN (ANALYZE, BUFFERS, WAL) {scan}"))?;
    for part in ["received=[rows=1, bytes=8, round_trips=1, time_at_source=", "Planning Time: ", "Execution Time: "] {
        holds!(all, part);
    }
    let quiet = onerow.sql(&format!("EXPLAIN (ANALYZE true, TIMING off, SUMMARY off) {scan}"))?;
    holds!(quiet, "received=[rows=1, bytes=8, round_trips=1]");
    lacks!(quiet, "Time:");
    lacks!(quiet, "elapsed");
    holds!(onerow.sql(&format!("EXPLAIN VERBOSE {scan}"))?, "logical_plan");
    holds!(onerow.sql("EXPLAIN (ANALYZE) SELECT relname FROM pg_class WHERE relname = 'x'")?, "Execution Time");
    for (options, state) in [
        ("(FORMAT yaml)", "0A000"),
        ("(FORMAT xml)", "0A000"),
        ("(FORMAT tree)", "22023"),
        ("(TIMING)", "22023"),
        ("(WAL)", "22023"),
        ("(MEMORY)", "42601"),
        ("(ANALYZE perhaps)", "42601"),
        ("EXPLAIN", "42601"),
    ] {
        refused!(onerow.sql(&format!("EXPLAIN {options} {scan}")), state);
    }
    Ok(())
}

fn json(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    let sql = "SELECT count(*) FROM lake.t c JOIN lite.t l ON l.id = c.id WHERE c.id < 4";
    let document: serde_json::Value =
        serde_json::from_str(&onerow.sql(&format!("EXPLAIN (ANALYZE, FORMAT JSON) {sql}"))?)?;
    let top = &document[0];
    for key in ["Plan", "Planning Time", "Execution Time", "Kept Here"] {
        same!(top.get(key).is_some(), true, "{key} in {document:#}");
    }
    fn scans<'a>(node: &'a serde_json::Value, found: &mut Vec<&'a serde_json::Value>) {
        if node["Node Type"] == "SourceScan" {
            found.push(node);
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            scans(child, found);
        }
    }
    let mut found = vec![];
    scans(&top["Plan"], &mut found);
    same!(found.len(), 2, "{document:#}");
    let lite = found.iter().find(|scan| scan["Server"] == "lite").ok_or("no scan of lite")?;
    same!(lite["Actual Rows"], 3, "{lite:#}");
    same!(lite["Round Trips"], 1, "{lite:#}");
    holds!(lite["Remote SQL"].as_str().unwrap_or_default(), "SELECT ");
    holds!(lite["Keys Sent"].as_str().unwrap_or_default(), "3 keys in 1 statement");
    // The column is json, for those who ask before.
    block_on(async {
        let client = onerow.client().await;
        let prepared = client.prepare(&format!("EXPLAIN (FORMAT JSON) {sql}")).await?;
        same!(prepared.columns()[0].type_().name(), "json");
        same!(prepared.columns()[0].name(), "QUERY PLAN");
        let rows = client.query(&prepared, &[]).await?;
        same!(rows.len(), 1);
        Ok(())
    })
}

/// Each statement, and what one of the reasons holds. The tables are those of all kinds.
const REASONS: &[(&str, &str)] = &[
    ("SELECT id FROM s.t WHERE normalize_text(name) = 'a'", "normalize_text(s.t.name) is a function of this program"),
    ("SELECT normalize_text(name) FROM s.t", "is a function of this program"),
    (
        "SELECT id FROM s.t WHERE normalize_email(name) = 'a@b.org'",
        "asked of the source more widely and made again here",
    ),
    ("SELECT id FROM s.t WHERE name ILIKE 'a%'", "folds cases otherwise at the source"),
    ("SELECT id FROM s.t WHERE name ~ 'a.*[0-9]b'", "is matched by other rules at the source"),
    ("SELECT id FROM s.t WHERE name::int = 3", "may be read otherwise at the source"),
    ("SELECT name FROM s.t GROUP BY name HAVING sum(ratio) > 1", "depend on the order of its rows"),
    ("SELECT name, avg(n) FROM s.t GROUP BY name", "is double precision"),
    ("SELECT id FROM s.t ORDER BY id", "a sort of all rows is no quicker at the source"),
    ("SELECT id, row_number() OVER (ORDER BY id) FROM s.t", "a window over all rows is no less to move"),
    ("SELECT a.id FROM s.t a FULL JOIN s.t b ON a.id = b.n", "joins are computed here"),
    ("SELECT name, n, count(*) FROM s.t GROUP BY ROLLUP (name, n)", "grouping sets are computed here"),
    ("SELECT a.id FROM s.t a JOIN lake.t b ON a.id = b.id", "tables of several servers meet here"),
    ("SELECT a.id FROM s.t a JOIN mine b ON a.id = b.id", "rows that no server holds are read here"),
    ("SELECT id FROM lake.t WHERE id = 3", "only gives rows: what is made of them is made here"),
];

/// The same of kinds whose meaning differs where PostgreSQL's does not.
const DIFFERENT: &[(&str, &str)] = &[
    ("SELECT id FROM s.t WHERE n / 2 = 1", "may be rounded otherwise at the source"),
    (
        "SELECT ratio, count(*) FROM s.t GROUP BY ratio",
        "may group otherwise at the source|no form at the source that compares as here",
    ),
    ("SELECT id FROM s.t ORDER BY ratio LIMIT 3", "may sort otherwise at the source"),
];

/// What is sent whole.
const SENT: &[&str] = &["SELECT name, count(*) FROM s.t WHERE n > 1 GROUP BY name"];

/// What is sent whole where floating point numbers are sorted and told apart as here.
const SENT_WHERE_NUMBERS_ARE_ALIKE: &[&str] = &[
    "SELECT id FROM s.t ORDER BY ratio LIMIT 3",
    "SELECT ratio, count(*) FROM s.t GROUP BY ratio ORDER BY count(*) DESC, ratio LIMIT 5",
    "SELECT id, rank FROM (SELECT id, row_number() OVER (PARTITION BY ratio ORDER BY id) AS rank FROM s.t) q WHERE rank = 1",
];

fn reasons(fixtures: &Fixtures) -> Outcome {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(
        "CREATE SCHEMA reasons; CREATE TABLE reasons.t (id int PRIMARY KEY, name text, ratio float8, n int);
         INSERT INTO reasons.t SELECT g, 'n' || g % 7, g / 4.0, g % 5 FROM generate_series(1, 100) g; ANALYZE reasons.t;",
    );
    mariadb.sql(
        "CREATE DATABASE reasons; USE reasons; CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), ratio DOUBLE, n INT);
         INSERT INTO t SELECT seq, CONCAT('n', seq % 7), seq / 4.0, seq % 5 FROM seq_1_to_100;",
    );
    let project = project()?;
    project.write(
        "20_more.sql",
        format!(
            "{} IMPORT FOREIGN SCHEMA reasons FROM SERVER pg INTO pg;
             {} IMPORT FOREIGN SCHEMA reasons FROM SERVER my INTO my; CREATE TABLE mine (id int);",
            postgres.declared("pg"),
            mariadb.declared("my")
        ),
    );
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let mut wrong = vec![];
        for schema in ["pg", "my", "lite"] {
            let different = if schema == "pg" { &[] } else { DIFFERENT };
            for (sql, reason) in REASONS.iter().chain(different) {
                let (sql, reason) =
                    (sql.replace("s.t", &format!("{schema}.t")), reason.replace("s.t", &format!("{schema}.t")));
                let plan = rows(&client, &format!("EXPLAIN {sql}")).await?;
                let plan: Vec<String> = plan.into_iter().flatten().flatten().collect();
                if !plan.iter().any(|line| {
                    line.starts_with("kept here: ") && reason.split('|').any(|reason| line.contains(reason))
                }) {
                    wrong.push(format!("{sql}\n    expected {reason:?} in\n    {}", plan.join("\n    ")));
                }
            }
            // What is sent whole keeps nothing here.
            let alike = if schema == "pg" { SENT_WHERE_NUMBERS_ARE_ALIKE } else { &[] };
            for sql in SENT.iter().chain(alike) {
                let plan = rows(&client, &format!("EXPLAIN {}", sql.replace("s.t", &format!("{schema}.t")))).await?;
                if format!("{plan:?}").contains("kept here") {
                    wrong.push(format!("{schema}: {plan:?}"));
                }
            }
        }
        all_well(&wrong, REASONS.len() * 3)
    })
}

fn counted(fixtures: &Fixtures) -> Outcome {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    postgres.sql(
        "CREATE SCHEMA counted; CREATE TABLE counted.t (id int PRIMARY KEY, name text);
         INSERT INTO counted.t SELECT g, repeat('x', 100) FROM generate_series(1, 100) g; ANALYZE counted.t;
         CREATE VIEW counted.slow AS SELECT g AS id, pg_sleep(0.02) IS NULL AS slept FROM generate_series(1, 10) g;",
    );
    mariadb.sql(
        "CREATE DATABASE counted; USE counted; CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(200));
         INSERT INTO t SELECT seq, REPEAT('x', 100) FROM seq_1_to_100;",
    );
    let project = project()?;
    project.write(
        "20_more.sql",
        format!(
            "{} IMPORT FOREIGN SCHEMA counted FROM SERVER pg INTO pg; {} IMPORT FOREIGN SCHEMA counted FROM SERVER my INTO my;",
            postgres.declared("pg"),
            mariadb.declared("my")
        ),
    );
    let onerow = project.serve();
    let cost = |sql: &str| -> Result<(u64, u64, u64, f64), String> {
        let plan = onerow.sql(&format!("EXPLAIN ANALYZE {sql}"))?;
        let line = plan.lines().find(|line| line.contains("SourceScan")).ok_or(format!("no scan in {plan}"))?;
        let number = |name: &str| -> Result<f64, String> {
            let text = line.split_once("received=[").and_then(|(_, rest)| rest.split_once(&format!("{name}=")));
            let (_, text) = text.ok_or(format!("no {name} in {line}"))?;
            let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            text[..end].parse().map_err(|e| format!("{e} in {line}"))
        };
        let times = number("time_at_source")?;
        Ok((number("rows")? as u64, number("bytes")? as u64, number("round_trips")? as u64, times))
    };
    for (schema, bytes) in [("pg", 10_000..13_000), ("my", 10_000..11_000)] {
        let sql = format!("SELECT id, name FROM {schema}.t WHERE id <= 100");
        // The first time on a connection the statement is prepared.
        let (rows, moved, trips, _) = cost(&sql)?;
        same!((rows, trips), (100, 2), "{schema}");
        same!(bytes.contains(&moved), true, "{schema}: {moved} bytes");
        // Another connection may have come into use, but not a third.
        let trips = (0..4).map(|_| cost(&sql).map(|cost| cost.2)).collect::<Result<Vec<_>, _>>()?;
        same!(trips.last(), Some(&1), "{schema}: the statement is prepared by now");
        same!(cost(&format!("SELECT name FROM {schema}.t WHERE id = 7"))?.0, 1, "{schema}");
    }
    let (rows, bytes, trips, _) = cost("SELECT id, name FROM lake.t")?;
    let size = std::fs::metadata(project.path().join("t.csv"))?.len();
    same!((rows, bytes, trips), (100, size, 1));
    let (rows, _, _, time) = cost("SELECT id FROM pg.slow WHERE slept IS NOT NULL")?;
    same!(rows, 10);
    same!((150.0..5000.0).contains(&time), true, "{time} ms at the source");
    Ok(())
}
