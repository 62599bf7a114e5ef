//! SQLite files as a source: loosely typed, and never changed.

use std::path::Path;

use rusqlite::Connection;

use super::Test;
use super::support::pushdown::{TEXT_PREDICATES, UGLY_TEXTS, literals_hold, same_rows, sent};
use super::support::{Fixtures, Onerow, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("every_type_reads_as_it_is", every_type),
    ("a_null_in_the_first_row_loses_nothing", first_row_null),
    ("values_of_another_type_are_refused", misfits),
    ("zones_are_of_the_server", zones),
    ("odd_names_are_names", odd_names),
    ("empty_and_wide_tables", empty_and_wide),
    ("the_file_is_never_changed", unchanged),
    ("a_writer_may_go_on", writer),
    ("text_filters_keep_their_meaning", texts),
    ("typed_filters_keep_their_meaning", typed),
    ("literals_stay_literals", literals),
    ("only_what_is_needed_is_sent", needed),
    ("large_tables_come_whole", large),
    ("no_such_file", missing_file),
];

/// A project beside a database that the SQL fills; its tables are in schema `lite`.
fn served(sql: &str) -> Result<(Project, Onerow), rusqlite::Error> {
    let project = declared("");
    let database = Connection::open(project.path().join("lite.db"))?;
    database.execute_batch(sql)?;
    drop(database);
    let onerow = project.serve();
    Ok((project, onerow))
}

fn declared(options: &str) -> Project {
    Project::new(&format!(
        "CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db'{options});
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;"
    ))
}

fn every_type(_: &Fixtures) -> Outcome {
    let (_project, onerow) = served(
        r#"CREATE TABLE t (id INTEGER PRIMARY KEY, big BIGINT, ratio DOUBLE, price DECIMAL(10,2), bare NUMERIC, label TEXT,
             code VARCHAR(20), flag BOOLEAN, day DATE, clock TIME, moment DATETIME, instant TIMESTAMPTZ, raw BLOB,
             doc JSON, untyped);
           INSERT INTO t VALUES (1, 9223372036854775807, -1.7976931348623157e308, 12.5, 123456789012345, 'it''s \ 张 😀',
             'Ünï', 1, '2024-02-29', '23:59:59.999', '1969-12-31 23:59:59.999999', '2024-03-31T01:30:00+01:00', x'00ff5c27',
             '{"a": [1, null]}', 'text');
           INSERT INTO t VALUES (2, -9223372036854775808, 5e-324, -0.01, 1.5, '', '', 0, '9999-12-31', '00:00',
             '9999-12-31T23:59:59Z', '1969-12-31 23:59:59.5Z', x'', 'null', 42);
           INSERT INTO t (id) VALUES (3);"#,
    )?;
    same!(
        onerow.sql("SELECT * FROM lite.t ORDER BY id")?,
        "1|9223372036854775807|-1.7976931348623157e+308|12.50|123456789012345.0000000000|it's \\ 张 😀|Ünï|t\
         |2024-02-29|23:59:59.999|1969-12-31 23:59:59.999999|2024-03-31 00:30:00+00|\\x00ff5c27|{\"a\": [1, null]}|text\n\
         2|-9223372036854775808|5e-324|-0.01|1.5000000000|||f\
         |9999-12-31|00:00:00|9999-12-31 23:59:59|1969-12-31 23:59:59.5+00|\\x|null|42\n\
         3|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL"
    );
    Ok(())
}

/// Types come from what is declared, never from a row that happens to be first.
fn first_row_null(_: &Fixtures) -> Outcome {
    let (_project, onerow) = served(
        "CREATE TABLE t (id INTEGER, n INTEGER, price REAL, name TEXT, day DATE, untyped);
         INSERT INTO t VALUES (1, NULL, NULL, NULL, NULL, NULL), (2, 7, 1.5, 'Ann', '2024-02-29', 'x'),
           (3, NULL, NULL, '', NULL, NULL), (4, 8, 2, 'Bob', '1969-07-20', 3);",
    )?;
    same!(
        onerow.sql("SELECT * FROM lite.t ORDER BY id")?,
        "1|NULL|NULL|NULL|NULL|NULL\n2|7|1.5|Ann|2024-02-29|x\n3|NULL|NULL||NULL|NULL\n4|8|2|Bob|1969-07-20|3"
    );
    same!(onerow.sql("SELECT sum(n), sum(price), max(day), count(untyped) FROM lite.t")?, "15|3.5|2024-02-29|2");
    Ok(())
}

/// A value that its column cannot hold is an error that names the column, never another value and never fewer rows.
fn misfits(_: &Fixtures) -> Outcome {
    let (_project, onerow) = served(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, price DECIMAL(5,2), day DATE, flag BOOLEAN, name TEXT);
         INSERT INTO t VALUES (1, 1, 1.5, '2024-02-29', 1, 'a'), (2, 'seven', 1.555, 'someday', 'maybe', x'ff'),
           (3, 1.5, 1000, '2023-02-29', 2, 'c');",
    )?;
    for column in ["n", "price", "day", "flag", "name"] {
        let said = onerow.sql(&format!("SELECT {column} FROM lite.t"));
        let Err(said) = said else { return Err(format!("{column} gave {said:?}").into()) };
        holds!(said, format!("\"{column}\""));
        holds!(said, "lite");
        // The others are read, and what is right in it too.
        onerow.sql(&format!("SELECT {column} FROM lite.t WHERE id = 1"))?;
    }
    same!(onerow.sql("SELECT count(*) FROM lite.t")?, "3");
    Ok(())
}

fn zones(_: &Fixtures) -> Outcome {
    let project = declared(", timezone 'Europe/Berlin'");
    Connection::open(project.path().join("lite.db"))?.execute_batch(
        "CREATE TABLE t (id INTEGER, moment DATETIME);
         INSERT INTO t VALUES (1, '2024-01-01 12:00:00'), (2, '2024-07-01 12:00:00'), (3, '2024-03-31 02:30:00'),
           (4, '2024-10-27 02:30:00'), (5, '2024-07-01 12:00:00Z'), (6, NULL);",
    )?;
    let onerow = project.serve();
    same!(
        onerow.sql("SELECT moment FROM lite.t ORDER BY id")?,
        "2024-01-01 11:00:00+00\n2024-07-01 10:00:00+00\n2024-03-31 01:30:00+00\n2024-10-27 01:30:00+00\n\
         2024-07-01 12:00:00+00\nNULL"
    );
    same!(onerow.sql("SELECT id FROM lite.t WHERE moment = '2024-07-01 10:00:00+00'")?, "2");
    same!(onerow.sql("SELECT id FROM lite.t WHERE moment > '2024-10-27 01:00:00+00'")?, "4");
    Ok(())
}

fn odd_names(_: &Fixtures) -> Outcome {
    let (_project, onerow) = served(
        r#"CREATE TABLE "Order" ("Id" INTEGER, "select" TEXT, "two words" TEXT, "qu""ote" TEXT, "ünï 张" TEXT, "a.b" TEXT,
             "?1" TEXT, "it's" TEXT);
           INSERT INTO "Order" VALUES (1, 's', 'w', 'q', 'u', 'd', 'p', 'i');
           CREATE TABLE "ta""ble 张" (n INTEGER); INSERT INTO "ta""ble 张" VALUES (43);
           CREATE VIEW seen AS SELECT "Id" FROM "Order";"#,
    )?;
    same!(onerow.sql(r#"SELECT * FROM lite."Order""#)?, "1|s|w|q|u|d|p|i");
    for (name, value) in [
        ("select", "s"),
        ("two words", "w"),
        ("qu\"\"ote", "q"),
        ("ünï 张", "u"),
        ("a.b", "d"),
        ("?1", "p"),
        ("it's", "i"),
    ] {
        let sql = format!("SELECT \"Id\" FROM lite.\"Order\" WHERE \"{name}\" = '{value}'");
        same!(onerow.sql(&sql)?, "1", "{name}");
    }
    same!(onerow.sql(r#"SELECT n FROM lite."ta""ble 张""#)?, "43");
    same!(onerow.sql("SELECT \"Id\" FROM lite.seen")?, "1");
    Ok(())
}

fn empty_and_wide(_: &Fixtures) -> Outcome {
    let columns: Vec<String> = (1..=300).map(|n| format!("c{n} INTEGER")).collect();
    let values: Vec<String> = (1..=300).map(|n| n.to_string()).collect();
    let (_project, onerow) = served(&format!(
        "CREATE TABLE t ({}); INSERT INTO t VALUES ({}); CREATE TABLE empty (id INTEGER, name TEXT);
         CREATE TABLE keyed (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO keyed VALUES ('x', 1);",
        columns.join(", "),
        values.join(", ")
    ))?;
    same!(onerow.sql("SELECT * FROM lite.t")?, values.join("|"));
    same!(onerow.sql("SELECT c300, c1 FROM lite.t WHERE c150 = 150")?, "300|1");
    same!(onerow.sql("SELECT count(*), max(name) FROM lite.empty")?, "0|NULL");
    same!(onerow.sql("SELECT * FROM lite.keyed")?, "x|1");
    Ok(())
}

/// The files of a folder with their bytes; the index of a write-ahead log is shared memory, and no data.
fn bytes(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, std::io::Error> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with("-shm") {
            files.push((name, std::fs::read(path)?));
        }
    }
    files.sort();
    Ok(files)
}

fn unchanged(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER plain FOREIGN DATA WRAPPER sqlite OPTIONS (database 'data/plain.db');
         CREATE SERVER logged FOREIGN DATA WRAPPER sqlite OPTIONS (database 'data/logged.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER plain INTO plain;
         IMPORT FOREIGN SCHEMA main FROM SERVER logged INTO logged;",
    );
    let folder = project.path().join("data");
    std::fs::create_dir(&folder)?;
    let fill = "CREATE TABLE t (id INTEGER, name TEXT);
                INSERT INTO t WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000)
                  SELECT n, 'name ' || n FROM s;";
    Connection::open(folder.join("plain.db"))?.execute_batch(fill)?;
    // The writer stays, and its last rows are in the log alone.
    let writer = Connection::open(folder.join("logged.db"))?;
    writer.execute_batch(&format!("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; {fill}"))?;
    let before = bytes(&folder)?;
    same!(before.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["logged.db", "logged.db-wal", "plain.db"]);
    let onerow = project.serve();
    for schema in ["plain", "logged"] {
        same!(onerow.sql(&format!("SELECT count(*), max(id), max(name) FROM {schema}.t"))?, "5000|5000|name 999");
        same!(onerow.sql(&format!("SELECT name FROM {schema}.t WHERE id = 77"))?, "name 77");
        refused!(onerow.sql(&format!("INSERT INTO {schema}.t VALUES (1, 'x')")), "55000");
    }
    let (code, out, said) = project.check();
    same!(code, 0, "{out}{said}");
    onerow.kill();
    same!(bytes(&folder)? == before, true, "the files have changed");
    drop(writer);
    Ok(())
}

/// Readers see what a writer has committed, and do not hold it up.
fn writer(_: &Fixtures) -> Outcome {
    for mode in ["WAL", "DELETE"] {
        let project = declared("");
        let writer = Connection::open(project.path().join("lite.db"))?;
        writer.execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 0);"
        ))?;
        writer.busy_timeout(std::time::Duration::from_secs(5))?;
        let onerow = project.serve();
        for n in 1..=10 {
            writer.execute("UPDATE t SET n = ?1", [n])?;
            same!(onerow.sql("SELECT n FROM lite.t")?, n.to_string(), "{mode}");
        }
        if mode == "WAL" {
            writer.execute_batch("BEGIN IMMEDIATE; UPDATE t SET n = 99")?;
            same!(onerow.sql("SELECT n FROM lite.t")?, "10", "what is not committed");
            writer.execute_batch("COMMIT")?;
        }
    }
    Ok(())
}

/// `lite.t (id, name)` with every ugly text.
fn ugly(column: &str) -> Result<(Project, Onerow), rusqlite::Error> {
    let project = declared("");
    let database = Connection::open(project.path().join("lite.db"))?;
    database.execute_batch(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY, name {column})"))?;
    for (id, text) in UGLY_TEXTS.iter().enumerate() {
        database.execute("INSERT INTO t VALUES (?1, ?2)", rusqlite::params![id as i64, text])?;
    }
    database.execute_batch("INSERT INTO t VALUES (1000, NULL)")?;
    drop(database);
    let onerow = project.serve();
    Ok((project, onerow))
}

fn texts(_: &Fixtures) -> Outcome {
    for column in ["TEXT", "VARCHAR(100)", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", ""] {
        let (_project, onerow) = ugly(column)?;
        let same: Outcome = block_on(async {
            let client = onerow.client().await;
            same_rows(&client, "lite.t", "id", TEXT_PREDICATES).await
        });
        same.map_err(|failed| format!("{column}: {}", failed.message().unwrap_or_default()))?;
        same!(onerow.sql("SELECT count(*) FROM lite.t WHERE name = 'ann'")?, "1", "{column}");
        same!(onerow.sql("SELECT count(*) FROM lite.t WHERE name = 'Ann'")?, "1", "{column}");
        same!(onerow.sql("SELECT count(*) FROM lite.t WHERE name = '0'")?, "1", "{column}");
    }
    Ok(())
}

fn typed(_: &Fixtures) -> Outcome {
    let (_project, onerow) = served(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, big BIGINT, ratio REAL, price DECIMAL(10,2), flag BOOLEAN,
           day DATE, clock TIME, moment DATETIME, instant TIMESTAMPTZ, raw BLOB, untyped, loose TEXT);
         INSERT INTO t SELECT s.id, s.id % 7 - 3, (s.id - 10) * 1000000000000, (s.id - 10) / 8.0, (s.id - 10) * 1.25,
             s.id % 3 = 0, date('1970-01-01', ((s.id - 10) * 400) || ' days'), time('00:00', (s.id * 59) || ' minutes'),
             CASE s.id % 3 WHEN 0 THEN datetime('1970-01-01', (s.id - 10) || ' seconds')
               WHEN 1 THEN replace(datetime('1970-01-01', (s.id - 10) || ' seconds'), ' ', 'T') || 'Z'
               ELSE datetime('1970-01-01', (s.id - 10) || ' seconds') || '.000' END,
             datetime('2024-03-31 01:00', (s.id - 10) || ' minutes') || CASE s.id % 2 WHEN 0 THEN 'Z' ELSE '+02:00' END,
             CAST(char(64 + s.id) AS BLOB), CASE s.id % 2 WHEN 0 THEN s.id ELSE 't' || s.id END, s.id
           FROM (WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r WHERE id < 20) SELECT id FROM r) s;
         INSERT INTO t (id) VALUES (100);",
    )?;
    let predicates = [
        "n = 1",
        "n <> 1",
        "n < 0",
        "n IN (1, 2)",
        "n NOT IN (1, 2)",
        "n = 1.0",
        "n = 1.5",
        "n < 1.5",
        "n IS NULL",
        "big = 9000000000000",
        "big > 9223372036854775806",
        "ratio = 0",
        "ratio = 0.125",
        "ratio > 0.1",
        "ratio <> 0.125",
        "ratio < -1",
        "price = 1.25",
        "price = 1.250",
        "price > 1.255",
        "price <> 0",
        "price IN (1.25, 2.5)",
        "price = 1",
        "flag",
        "NOT flag",
        "flag = true",
        "flag IS NULL",
        "flag IS NOT TRUE",
        "flag <> true",
        "day = '1970-01-01'",
        "day < '1970-01-01'",
        "day > '1969-12-31'",
        "day BETWEEN '1965-01-01' AND '1975-01-01'",
        "clock = '00:59'",
        "clock > '12:00'",
        "moment = '1970-01-01 00:00:02'",
        "moment < '1970-01-01 00:00:00'",
        "moment >= '1969-12-31 23:59:59'",
        "moment <> '1970-01-01 00:00:02'",
        "instant = '2024-03-31 00:58:00+00'",
        "instant < '2024-03-31 01:00:00+00'",
        "instant > '2024-03-31 01:00:00+00'",
        "raw = 'A'::bytea",
        "raw > 'F'::bytea",
        "untyped = '4'",
        "untyped = 't3'",
        "untyped > '5'",
        "untyped <> '4'",
        "untyped LIKE 't%'",
        "loose = '4'",
        "loose < '2'",
        "loose LIKE '1_'",
        "n = 1 AND price > 0",
        "n = 1 OR loose = '4'",
        "NOT (n = 1 AND price > 0)",
        "n + 1 = 2",
        "n / 2 = 1",
        "n % 2 = 0",
        "price * 2 = 2.5",
        "n = NULL",
        "n NOT IN (1, NULL)",
        "n IS NOT DISTINCT FROM 1",
        "true",
        "false",
        "coalesce(n, 0) = 0",
    ];
    block_on(async {
        let client = onerow.client().await;
        same_rows(&client, "lite.t", "id", &predicates).await
    })
}

fn literals(_: &Fixtures) -> Outcome {
    let (_project, onerow) = ugly("TEXT")?;
    block_on(async {
        let client = onerow.client().await;
        literals_hold(&client, "lite.t").await
    })
}

fn needed(_: &Fixtures) -> Outcome {
    let (project, onerow) = served(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, name TEXT, city TEXT, seen TIMESTAMP);
         INSERT INTO customer VALUES (7, 'c7@x.org', 'n7', 'secret', '2024-01-01 00:00:00'), (8, 'c8@x.org', 'n8', '', NULL);
         CREATE TABLE account (id INTEGER PRIMARY KEY, email TEXT, name TEXT, city TEXT, seen TIMESTAMP);
         INSERT INTO account SELECT * FROM customer;",
    )?;
    let lines = sent(&onerow, "SELECT name FROM lite.customer WHERE email = 'c7@x.org' AND id > 3")?;
    same!(lines.len(), 1);
    for part in ["SourceScan", "`name`", "customer", "WHERE", "?", "`email`"] {
        holds!(lines[0], part);
    }
    for part in ["city", "seen", "c7@x.org", "*"] {
        lacks!(lines[0], part);
    }
    same!(onerow.sql("SELECT name FROM lite.customer WHERE email = 'c7@x.org' AND id > 3")?, "n7");
    holds!(sent(&onerow, "SELECT id FROM lite.customer LIMIT 1")?[0], "LIMIT 1");
    drop(onerow);
    project.write(
        "20_views.sql",
        "CREATE VIEW merged AS SELECT email, newest(name, seen) AS name FROM (SELECT email, name, seen FROM lite.customer
           UNION ALL SELECT email, name, seen FROM lite.account) p WHERE email IS NOT NULL GROUP BY email;",
    );
    let onerow = project.serve();
    let lines = sent(&onerow, "SELECT name FROM merged WHERE email = 'c7@x.org'")?;
    same!(lines.len(), 2);
    for line in &lines {
        holds!(line, "`email` COLLATE BINARY = ?");
        lacks!(line, "city");
    }
    same!(onerow.sql("SELECT name FROM merged WHERE email = 'c7@x.org'")?, "n7");
    Ok(())
}

fn large(_: &Fixtures) -> Outcome {
    let (project, onerow) = served(
        "CREATE TABLE t (id INTEGER, pad TEXT, n INTEGER);
         INSERT INTO t WITH RECURSIVE s(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM s WHERE v < 200000)
           SELECT v, CASE WHEN v % 7 <> 0 THEN substr('abcdefghijklmnopqrstuvwxyz', 1, v % 26) END, v * 3 FROM s;",
    )?;
    let sums = "SELECT count(*), count(pad), sum(length(pad)), sum(n), max(pad) FROM";
    let database = Connection::open(project.path().join("lite.db"))?;
    let expected: String = database.query_row(&format!("{sums} t"), [], |row| {
        let numbers = (0..4).map(|at| row.get::<_, i64>(at).map(|n| n.to_string())).collect::<Result<Vec<_>, _>>()?;
        Ok(format!("{}|{}", numbers.join("|"), row.get::<_, String>(4)?))
    })?;
    same!(onerow.sql(&format!("{sums} lite.t"))?, expected);
    Ok(())
}

fn missing_file(_: &Fixtures) -> Outcome {
    let project = declared("");
    let onerow = project.serve();
    refused!(onerow.sql("SELECT * FROM lite.t"), "08006", "lite");
    same!(project.path().join("lite.db").exists(), false, "a file was made");
    // A file that is none of SQLite's is told from one that is not there.
    project.write("lite.db", "this is no database, but it is longer than the header of one: ".repeat(20));
    refused!(onerow.sql("IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO other"), "08006", "lite");
    Ok(())
}
