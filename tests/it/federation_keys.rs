//! Keys found at run time, and merged views that are searched: the same rows with them and without, and what is sent.

use std::time::{Duration, Instant};

use super::Test;
use super::support::{Fixtures, Onerow, Outcome, Project};

pub const TESTS: &[Test] = &[
    ("a_hundred_addresses_find_their_orders", hundred),
    ("rows_are_the_same_with_keys_and_without", same_rows),
    ("what_is_sent_is_shown", shown),
    ("bounds_empty_sides_and_errors", bounds),
    ("a_statement_that_waits_for_keys_is_cancelled", cancelled),
    ("merged_views_are_searched", merged),
    ("settings_are_checked", settings),
];

/// The lines of EXPLAIN ANALYZE that are of scans.
fn analyzed(onerow: &Onerow, before: &str, sql: &str) -> Result<Vec<String>, String> {
    let plan = onerow.sql(&format!("{before} EXPLAIN ANALYZE {sql}"))?;
    Ok(plan.lines().filter(|line| line.contains("SourceScan")).map(|line| line.trim().to_string()).collect())
}

/// How many rows came from sources in all.
fn moved(lines: &[String]) -> Result<u64, String> {
    let mut rows = 0.0;
    for line in lines {
        let Some((_, rest)) = line.split_once("output_rows=") else { return Err(format!("no output_rows in {line}")) };
        let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let unit = match rest.get(number.len()..).unwrap_or_default().trim_start().chars().next() {
            Some('K') => 1e3,
            Some('M') => 1e6,
            _ => 1.0,
        };
        rows += number.parse::<f64>().map_err(|e| format!("{e} in {line}"))? * unit;
    }
    Ok(rows as u64)
}

fn line<'a>(lines: &'a [String], table: &str) -> Result<&'a str, String> {
    let name = format!("table={table},");
    lines.iter().map(String::as_str).find(|line| line.contains(&name)).ok_or(format!("no {table} in {lines:#?}"))
}

fn hundred(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA keyed_orders;
         CREATE TABLE keyed_orders.customer AS SELECT g AS id, 'c' || g || '@example.com' AS email
           FROM generate_series(1, 100000) AS g;
         CREATE TABLE keyed_orders.orders AS SELECT g AS id, (g::bigint * 7919 % 400000 + 1)::int AS customer_id,
           (g % 10007 * 0.01)::numeric(12,2) AS total FROM generate_series(1, 2000000) AS g;
         CREATE INDEX ON keyed_orders.orders (customer_id);
         ANALYZE keyed_orders.customer; ANALYZE keyed_orders.orders;",
    );
    let project = Project::new(&format!(
        "{} CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location 'data');
         IMPORT FOREIGN SCHEMA keyed_orders FROM SERVER erp INTO erp;
         CREATE FOREIGN TABLE lake.wanted (email text) SERVER lake OPTIONS (path 'wanted.csv');",
        postgres.declared("erp")
    ));
    let lines: Vec<String> = (1..=100).map(|n| format!("c{}@example.com\n", n * 37)).collect();
    project.write("data/wanted.csv", format!("email\n{}", lines.concat()));
    let onerow = project.serve();
    let aggregates = "count(*), count(DISTINCT c.id), sum(o.total)";
    let there = "(SELECT 'c' || g * 37 || '@example.com' AS email FROM generate_series(1, 100) AS g)";
    let expected = postgres.sql(&format!(
        "SELECT {aggregates} FROM {there} w JOIN keyed_orders.customer c ON c.email = w.email
           JOIN keyed_orders.orders o ON o.customer_id = c.id"
    ));
    // The order in which tables are written makes no difference, nor does the kind of join.
    for from in [
        "lake.wanted w JOIN erp.customer c ON c.email = w.email JOIN erp.orders o ON o.customer_id = c.id",
        "erp.orders o JOIN erp.customer c ON o.customer_id = c.id JOIN lake.wanted w ON c.email = w.email",
        "erp.orders o JOIN erp.customer c ON o.customer_id = c.id WHERE c.email IN (SELECT email FROM lake.wanted)",
        "lake.wanted w LEFT JOIN erp.customer c ON c.email = w.email LEFT JOIN erp.orders o ON o.customer_id = c.id",
    ] {
        let query = format!("SELECT {aggregates} FROM {from}");
        let found = onerow.sql(&query)?;
        same!(found.trim(), expected.trim(), "the rows of {query}");
        let lines = analyzed(&onerow, "", &query)?;
        let rows = moved(&lines)?;
        if rows > 1000 {
            return Err(format!("{rows} rows came for {query}\n{lines:#?}").into());
        }
    }
    Ok(())
}

/// Ugly rows: nulls, duplicates, other case, other marks, blanks.
const ROWS: &[(&str, &str, &str)] = &[
    ("1", "'ann@x.org'", "'Ann'"),
    ("2", "'Ann@X.org'", "'ANN'"),
    ("3", "NULL", "'Nobody'"),
    ("4", "'bob@x.org'", "NULL"),
    ("5", "'bob@x.org '", "'Bob'"),
    ("6", "' bob@x.org'", "'bob'"),
    ("7", "'Bob <bob@x.org>'", "'Bob'"),
    ("8", "'bob@x.org.'", "'B'"),
    ("9", "'café@x.org'", "'Zoë'"),
    ("10", "'cafe@x.org'", "'Zoe'"),
    ("11", "''", "''"),
    ("12", "'a\"b\\c,{}@x.org'", "'Quote'"),
    ("13", "'it''s@x.org'", "'It''s'"),
    ("14", "NULL", "NULL"),
    ("15", "'ann@x.org'", "'Ann'"),
    ("16", "'ÄNN@x.org'", "'Änn'"),
    ("17", "'MAILTO:ann@x.org'", "'Ann'"),
    ("18", "'dan@x.org'", "'Dan'"),
    ("19", "'eve@x.org'", "'Eve'"),
    ("20", "'Ｅve@x.org'", "'Eve'"),
];

/// A project in which every kind of source has the rows, under different ids, and a CSV file with some addresses.
pub fn ugly(fixtures: &Fixtures, schema: &str) -> Result<Project, Box<dyn std::error::Error>> {
    let values = |shift: u32, escape: fn(&str) -> String| {
        let rows = ROWS.iter().map(|(id, email, name)| {
            let id = id.parse::<u32>().unwrap_or_default() + shift;
            let (email, name) = (escape(email), escape(name));
            format!("({id}, {email}, {name}, {})", id % 4)
        });
        rows.collect::<Vec<_>>().join(", ")
    };
    let plain = |text: &str| text.to_string();
    let postgres = fixtures.postgres();
    postgres.sql(&format!(
        "CREATE SCHEMA {schema};
         CREATE TABLE {schema}.person (id int PRIMARY KEY, email text, name text, boss bigint);
         INSERT INTO {schema}.person VALUES {};
         CREATE TABLE {schema}.note (person int, body text);
         INSERT INTO {schema}.note SELECT g % 25, 'n' || g FROM generate_series(1, 300) g; ANALYZE {schema}.person;",
        values(0, plain)
    ));
    let mariadb = fixtures.mariadb();
    mariadb.sql(&format!(
        "CREATE DATABASE {schema} CHARACTER SET utf8mb4; USE {schema};
         CREATE TABLE account (id INT PRIMARY KEY, email TEXT, name TEXT, boss BIGINT);
         INSERT INTO account VALUES {};",
        values(0, |text| text.replace('\\', "\\\\"))
    ));
    let project = Project::new(&format!(
        "{}{} CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db');
         CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location 'data');
         IMPORT FOREIGN SCHEMA {schema} FROM SERVER erp INTO erp;
         IMPORT FOREIGN SCHEMA {schema} FROM SERVER shop INTO shop;
         IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm;
         CREATE FOREIGN TABLE lake.wanted (email text, n integer) SERVER lake OPTIONS (path 'wanted.csv', null '-');
         CREATE FOREIGN TABLE lake.nobody (email text) SERVER lake OPTIONS (path 'nobody.csv');
         CREATE FOREIGN TABLE lake.people (id bigint, email text, name text, boss bigint)
           SERVER lake OPTIONS (path 'people.csv', null '-');
         CREATE VIEW clean AS
           SELECT 'erp' AS source, id::text AS record_id, normalize_email(email) AS email, name, boss FROM erp.person
           UNION ALL
           SELECT 'shop', id::text, normalize_email(email), name, boss FROM shop.account
           UNION ALL
           SELECT 'crm', id::text, normalize_email(email), name, boss FROM crm.contact
           UNION ALL
           SELECT 'lake', id::text, normalize_email(email), name, boss FROM lake.people;
         CREATE VIEW customer AS
           SELECT email, majority(name) AS name, newest(boss, boss) AS boss, count(*) AS rows FROM clean GROUP BY email;
         CREATE VIEW raw AS
           SELECT email, longest(name) AS name, newest(boss, boss) AS boss, count(*) AS rows,
                  longest(name) FILTER (WHERE boss > 1) AS late
             FROM (SELECT email, name, boss FROM erp.person UNION ALL SELECT email, name, boss FROM shop.account
                   UNION ALL SELECT email, name, boss FROM crm.contact) p GROUP BY email;",
        postgres.declared("erp"),
        mariadb.declared("shop")
    ));
    let crm = rusqlite::Connection::open(project.path().join("crm.db"))?;
    crm.execute_batch(&format!(
        "CREATE TABLE contact (id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE, name TEXT, boss INTEGER);
         CREATE INDEX by_email ON contact (email);
         INSERT INTO contact VALUES {}",
        values(3, plain)
    ))?;
    project
        .write("data/wanted.csv", "email,n\nann@x.org,1\nANN@x.org,2\n-,3\nbob@x.org,4\ncafé@x.org,5\nann@x.org,2\n");
    project.write("data/nobody.csv", "email\n");
    project.write("data/people.csv", "id,email,name,boss\n1,eve@x.org,Evelyn,7\n2,-,-,-\n3,ANN@x.org,Anna,9\n");
    Ok(project)
}

const QUERIES: &[&str] = &[
    "SELECT w.n, p.* FROM lake.wanted w JOIN erp.person p ON p.email = w.email",
    "SELECT w.n, p.* FROM lake.wanted w JOIN shop.account p ON p.email = w.email",
    "SELECT w.n, p.* FROM lake.wanted w JOIN crm.contact p ON p.email = w.email",
    "SELECT w.n, p.* FROM crm.contact p JOIN lake.wanted w ON p.email = w.email",
    "SELECT w.n, p.id FROM lake.wanted w LEFT JOIN erp.person p ON p.email = w.email",
    "SELECT w.n, p.id FROM lake.wanted w RIGHT JOIN erp.person p ON p.email = w.email",
    "SELECT w.n, p.id FROM lake.wanted w FULL JOIN erp.person p ON p.email = w.email",
    "SELECT id FROM erp.person WHERE email IN (SELECT email FROM lake.wanted)",
    "SELECT id FROM shop.account WHERE email IN (SELECT email FROM lake.wanted)",
    "SELECT id FROM crm.contact WHERE email IN (SELECT email FROM lake.wanted)",
    "SELECT id FROM erp.person WHERE email NOT IN (SELECT email FROM lake.wanted)",
    "SELECT id FROM erp.person WHERE email NOT IN (SELECT email FROM lake.wanted WHERE email IS NOT NULL)",
    "SELECT n FROM lake.wanted WHERE email NOT IN (SELECT email FROM erp.person WHERE email IS NOT NULL)",
    "SELECT n FROM lake.wanted w WHERE NOT EXISTS (SELECT 1 FROM erp.person p WHERE p.email = w.email)",
    "SELECT n FROM lake.wanted w WHERE EXISTS (SELECT 1 FROM shop.account p WHERE p.email = w.email)",
    "SELECT id FROM erp.person WHERE email IN (SELECT email FROM lake.nobody)",
    "SELECT p.id FROM lake.nobody w RIGHT JOIN erp.person p ON p.email = w.email",
    "SELECT p.id, a.id, c.id FROM lake.wanted w JOIN erp.person p ON p.email = w.email
       JOIN shop.account a ON a.id = p.id JOIN crm.contact c ON c.id = a.boss",
    "SELECT p.id, q.id FROM erp.person p JOIN shop.account q ON p.boss = q.id AND p.email = q.email WHERE p.id < 6",
    "SELECT p.id, n.body FROM erp.person p JOIN erp.note n ON n.person = p.id WHERE p.email = 'ann@x.org'",
    "SELECT w.n, x.c FROM lake.wanted w JOIN (SELECT email, count(*) AS c FROM shop.account GROUP BY email) x
       ON x.email = w.email",
    "SELECT w.n, x.c FROM lake.wanted w JOIN (SELECT email, count(*) AS c FROM shop.account GROUP BY ROLLUP (email)) x
       ON x.email = w.email",
    "SELECT w.n, x.id FROM lake.wanted w JOIN (SELECT * FROM erp.person ORDER BY id LIMIT 4) x ON x.email = w.email",
    "SELECT w.n, x.id, x.r FROM lake.wanted w
       JOIN (SELECT id, email, row_number() OVER (ORDER BY id) AS r FROM erp.person) x ON x.email = w.email",
    "SELECT w.n, x.id FROM lake.wanted w JOIN (SELECT DISTINCT email, id FROM crm.contact) x ON x.email = w.email",
    "SELECT w.n, c.* FROM lake.wanted w JOIN customer c ON c.email = w.email",
    "SELECT w.n, c.* FROM lake.wanted w LEFT JOIN raw c ON c.email = w.email",
    "SELECT w.n, c.source, c.record_id FROM lake.wanted w JOIN clean c ON c.email = w.email",
    "SELECT p.id, c.email FROM erp.person p JOIN raw c ON c.email IS NOT DISTINCT FROM p.email WHERE p.id IN (1, 3, 4)",
    "SELECT p.id, c.id FROM erp.person p JOIN crm.contact c ON c.boss = p.boss WHERE p.id = 2",
    "SELECT * FROM customer WHERE email = 'ann@x.org'",
    "SELECT * FROM customer WHERE name = 'Ann'",
    "SELECT * FROM customer WHERE name = 'Ann' AND boss = 3",
    "SELECT * FROM customer WHERE name = 'Ann' OR name = 'Bob'",
    "SELECT * FROM customer WHERE name = 'Ann' OR boss = 2",
    "SELECT * FROM customer WHERE name <> 'Ann'",
    "SELECT * FROM customer WHERE NOT (name = 'Ann')",
    "SELECT * FROM customer WHERE name IS NULL",
    "SELECT * FROM customer WHERE coalesce(name, 'x') = 'x'",
    "SELECT * FROM customer WHERE name LIKE 'A%' AND rows > 2",
    "SELECT * FROM customer WHERE lower(name) = 'ann'",
    "SELECT * FROM customer WHERE name BETWEEN 'A' AND 'C'",
    "SELECT * FROM customer WHERE name IN ('Ann', 'Zoe', 'Eve', 'Bob', 'Dan')",
    "SELECT * FROM raw WHERE name = 'Nobody'",
    "SELECT * FROM raw WHERE name = 'Ann' AND boss = 3 AND late = 'Ann'",
    "SELECT * FROM raw WHERE late = 'Bob'",
    "SELECT * FROM raw WHERE name = 'Ann' AND email > 'a'",
    "SELECT count(*), sum(rows) FROM raw WHERE boss >= 2",
    "SELECT * FROM raw ORDER BY email LIMIT 4",
    "SELECT name FROM raw WHERE email IS NOT NULL ORDER BY email DESC LIMIT 3 OFFSET 2",
    "SELECT * FROM raw ORDER BY email NULLS FIRST LIMIT 3",
    "SELECT * FROM raw WHERE name = 'Ann' ORDER BY email LIMIT 1",
    "SELECT c.email, n.body FROM raw c JOIN erp.note n ON n.person = c.boss WHERE c.name = 'Eve'",
];

fn same_rows(fixtures: &Fixtures) -> Outcome {
    let project = ugly(fixtures, "keyed_same")?;
    let onerow = project.serve();
    let ask = |settings: &str, query: &str| -> Result<Vec<String>, String> {
        let rows = onerow.sql(&format!("{settings} {query}"))?;
        let mut rows: Vec<String> = rows.lines().map(str::to_string).collect();
        rows.sort();
        Ok(rows)
    };
    let mut differing = vec![];
    for query in QUERIES {
        let plain = ask(
            "SET onerow.run_time_keys = off; SET onerow.merged_filter = off; SET onerow.merged_order = off;",
            query,
        )?;
        for settings in ["", "SET onerow.max_keys = 2;", "SET onerow.max_keys = 0;", "SET onerow.merged_filter = off;"]
        {
            let keyed = ask(settings, query)?;
            if keyed != plain {
                differing.push(format!("{settings} {query}\n    without: {plain:?}\n    with:    {keyed:?}"));
            }
        }
    }
    if differing.is_empty() { Ok(()) } else { Err(differing.join("\n").into()) }
}

fn shown(fixtures: &Fixtures) -> Outcome {
    let project = ugly(fixtures, "keyed_shown")?;
    let onerow = project.serve();
    let query = "SELECT * FROM lake.wanted w JOIN erp.person p ON p.email = w.email";
    let plan = onerow.sql(&format!("EXPLAIN {query}"))?;
    holds!(plan, "KeyCollectExec: keys=[#1 email@");
    holds!(plan, "keys=[email in #1 (email of lake.wanted)]");
    let lines = analyzed(&onerow, "", query)?;
    holds!(line(&lines, "person")?, "sent=[#1: 4 keys in 1 statement]");
    let lines = analyzed(&onerow, "SET onerow.run_time_keys = off;", query)?;
    lacks!(line(&lines, "person")?, "keys=");
    // MySQL and SQLite are asked too, and a function of the column where its meaning is known.
    for table in ["shop.account", "crm.contact"] {
        let lines = analyzed(&onerow, "", &format!("SELECT * FROM lake.wanted w JOIN {table} p ON p.email = w.email"))?;
        holds!(line(&lines, table.split('.').nth(1).unwrap_or_default())?, "4 keys in 1 statement");
    }
    let lines = analyzed(&onerow, "", "SELECT * FROM lake.wanted w JOIN customer c ON c.email = w.email")?;
    holds!(line(&lines, "person")?, "keys=[normalize_email(email) in #1");
    holds!(line(&lines, "person")?, "sent=[#1: 4 keys in 1 statement]");
    // Through a cast: keys that the column cannot hold are left out.
    let query = "SELECT * FROM erp.person p JOIN shop.account a ON a.id = p.boss WHERE p.id < 9";
    let lines = analyzed(&onerow, "", query)?;
    holds!(lines.join("\n"), "4 keys in 1 statement");
    Ok(())
}

fn bounds(fixtures: &Fixtures) -> Outcome {
    let project = ugly(fixtures, "keyed_bounds")?;
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE VIEW keyed_bounds.failing AS SELECT 6 / (g - 3) AS id, 'ann@x.org'::text AS email
           FROM generate_series(1, 5) g;",
    );
    project.write(
        "20_failing.sql",
        "CREATE FOREIGN TABLE erp.broken (id int, email text) SERVER erp
           OPTIONS (schema_name 'keyed_bounds', table_name 'failing');",
    );
    let onerow = project.serve();
    let query = "SELECT p.id FROM lake.wanted w JOIN erp.person p ON p.email = w.email";
    let lines = analyzed(&onerow, "SET onerow.max_keys = 2;", query)?;
    holds!(line(&lines, "person")?, "not sent, over 2 distinct keys (onerow.max_keys = 2)");
    same!(moved(&[line(&lines, "person")?.to_string()])?, ROWS.len() as u64);
    let lines = analyzed(&onerow, "", "SELECT p.id FROM lake.nobody w JOIN erp.person p ON p.email = w.email")?;
    if let Ok(scan) = line(&lines, "person") {
        same!(moved(&[scan.to_string()])?, 0);
    }
    refused!(onerow.sql("SELECT * FROM erp.broken b JOIN shop.account a ON a.email = b.email WHERE b.id > 0"), "22012");
    refused!(
        onerow.sql("SELECT * FROM shop.account WHERE email IN (SELECT email FROM erp.broken WHERE id > 0)"),
        "22012"
    );
    Ok(())
}

fn cancelled(fixtures: &Fixtures) -> Outcome {
    let project = ugly(fixtures, "keyed_cancelled")?;
    let postgres = fixtures.postgres();
    postgres
        .sql("CREATE VIEW keyed_cancelled.slow AS SELECT 'ann@x.org'::text AS email, 1 AS waited FROM pg_sleep(40);");
    project.write(
        "20_slowly.sql",
        "CREATE FOREIGN TABLE erp.slowly (email text, waited int) SERVER erp
           OPTIONS (schema_name 'keyed_cancelled', table_name 'slow');",
    );
    let onerow = project.serve();
    let begun = Instant::now();
    let query =
        "SELECT * FROM erp.slowly s JOIN customer c ON c.email = s.email JOIN shop.account a ON a.email = s.email";
    refused!(onerow.sql(&format!("SET statement_timeout = '1s'; {query}")), "57014");
    same!(begun.elapsed() < Duration::from_secs(20), true, "took {:?}", begun.elapsed());
    let running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%keyed_cancelled%slow%'
                     AND pid <> pg_backend_pid()";
    for _ in 0..100 {
        if postgres.sql(running).trim() == "0" {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err("the source still works on it".into())
}

fn merged(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA keyed_merged;
         CREATE TABLE keyed_merged.person AS SELECT g AS id, 'P' || g || '@Example.com' AS email, 'n' || g AS name,
           timestamptz '2026-01-01' + g * interval '1 s' AS updated_at FROM generate_series(1, 200000) AS g;
         ANALYZE keyed_merged.person;",
    );
    let project = Project::new(&format!(
        "{} CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db');
         IMPORT FOREIGN SCHEMA keyed_merged FROM SERVER erp INTO erp;
         IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm;
         CREATE VIEW clean AS
           SELECT 'erp' AS source, normalize_email(email) AS email, name, updated_at FROM erp.person
           UNION ALL
           SELECT 'crm', email, name, timestamptz '2026-06-01' FROM crm.contact;
         CREATE VIEW customer AS SELECT email, newest(name, updated_at) AS name, count(*) AS rows
           FROM clean WHERE email IS NOT NULL GROUP BY email;
         CREATE VIEW plain AS SELECT email, longest(name) AS name
           FROM (SELECT email, name FROM erp.person UNION ALL SELECT email, name FROM crm.contact) p GROUP BY email;",
        postgres.declared("erp"),
    ));
    let mut crm = rusqlite::Connection::open(project.path().join("crm.db"))?;
    crm.execute_batch("CREATE TABLE contact (id INTEGER PRIMARY KEY, email TEXT, name TEXT)")?;
    let transaction = crm.transaction()?;
    for n in 1..=50_000 {
        let values = (format!("p{}@example.com", n * 2), format!("m{n}"));
        transaction.execute("INSERT INTO contact (email, name) VALUES (?1, ?2)", values)?;
    }
    transaction.commit()?;
    drop(crm);
    let onerow = project.serve();
    // The newest name wins: the CRM's, which is found there alone, with the address that both have.
    let query = "SELECT email, name, rows FROM customer WHERE name = 'm7'";
    same!(onerow.sql(query)?, "p14@example.com|m7|2");
    let plan = onerow.sql(&format!("EXPLAIN {query}"))?;
    holds!(plan, "CandidatesExec: keys=[email");
    let lines = analyzed(&onerow, "", query)?;
    let rows = moved(&lines)?;
    same!(rows < 20, true, "{rows} rows came\n{lines:#?}");
    // A name that lost is no row, and was looked up all the same.
    same!(onerow.sql("SELECT count(*) FROM customer WHERE name = 'n14'")?, "0");
    // Off, the view is built.
    let lines = analyzed(&onerow, "SET onerow.merged_filter = off;", query)?;
    same!(moved(&lines)? > 200_000, true, "{lines:#?}");
    // Two conditions search each for itself; the rows that meet them may be different ones.
    for query in [
        "SELECT name, rows FROM customer WHERE name > 'm49' AND name < 'm50' AND email = 'p98@example.com'",
        "SELECT email, name FROM customer WHERE name = 'n7' AND rows = 1",
        "SELECT email, name FROM customer WHERE name IN ('n7', 'n8', 'm4', 'm5')",
    ] {
        let built = onerow.sql(&format!("SET onerow.merged_filter = off; {query} ORDER BY name"))?;
        same!(onerow.sql(&format!("{query} ORDER BY name"))?, built, "rows of {query}");
    }
    // Over the bound it is built, and right.
    let query = "SELECT count(*), sum(rows) FROM customer WHERE name LIKE 'm%'";
    let built = onerow.sql(&format!("SET onerow.merged_filter = off; {query}"))?;
    same!(onerow.sql(query)?, built);
    let lines = analyzed(&onerow, "", query)?;
    holds!(lines.join("\n"), "not sent, over 20000 distinct keys");
    // The first groups by a key that is a plain column in each source are found by their keys.
    let query = "SELECT email, name FROM plain ORDER BY email LIMIT 5";
    let plan = onerow.sql(&format!("EXPLAIN {query}"))?;
    holds!(plan, "searches=[first 5 by ");
    let built = onerow.sql(&format!("SET onerow.merged_order = off; {query}"))?;
    same!(onerow.sql(query)?, built);
    let plan = onerow.sql(&format!("SET onerow.merged_order = off; EXPLAIN {query}"))?;
    lacks!(plan, "CandidatesExec");
    Ok(())
}

fn settings(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE TABLE t (a int);");
    let onerow = project.serve();
    same!(onerow.sql("SHOW onerow.max_keys")?, "20000");
    same!(onerow.sql("SET onerow.max_keys = 7; SHOW onerow.max_keys")?, "7");
    same!(onerow.sql("SET onerow.merged_filter = 'no'; SHOW onerow.merged_filter")?, "off");
    refused!(onerow.sql("SET onerow.max_keys = 'many'"), "22023");
    refused!(onerow.sql("SET onerow.run_time_keys = 'perhaps'"), "22023");
    Ok(())
}
