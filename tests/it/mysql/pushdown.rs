//! What MariaDB is asked, and that its answer is the one that would be computed here.

use super::super::support::pushdown::{INJECTION, TEXT_PREDICATES, UGLY_TEXTS, literals_hold, same_rows, sent};
use super::super::support::{Fixtures, Onerow, Outcome, Project, block_on};

/// A text as MariaDB's SQL, whatever its mode.
fn hex(text: &str) -> String {
    let bytes: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("CONVERT(X'{bytes}' USING utf8mb4)")
}

/// Makes `DATABASE.t (id, name)` with every ugly text and serves it under the same name.
fn texts_in(fixtures: &Fixtures, database: &str, column: &str) -> (Project, Onerow) {
    let mariadb = fixtures.mariadb();
    let rows: Vec<String> = UGLY_TEXTS.iter().enumerate().map(|(id, text)| format!("({id}, {})", hex(text))).collect();
    mariadb.sql(&format!(
        "CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database};
         CREATE TABLE t (id INT PRIMARY KEY, name {column}); INSERT INTO t VALUES {}, (1000, NULL);",
        rows.join(", ")
    ));
    let declared = mariadb.declared("my");
    let project = Project::new(&format!("{declared} IMPORT FOREIGN SCHEMA {database} FROM SERVER my INTO {database};"));
    let onerow = project.serve();
    (project, onerow)
}

pub fn texts(fixtures: &Fixtures) -> Outcome {
    for (database, column) in [
        ("texts_bin", "VARCHAR(100) COLLATE utf8mb4_nopad_bin"),
        ("texts_pad", "VARCHAR(100) COLLATE utf8mb4_bin"),
        ("texts_char", "CHAR(100) COLLATE utf8mb4_bin"),
        ("texts_text", "TEXT COLLATE utf8mb4_nopad_bin"),
    ] {
        let (_project, onerow) = texts_in(fixtures, database, column);
        let same: Outcome = block_on(async {
            let client = onerow.client().await;
            same_rows(&client, &format!("{database}.t"), "id", TEXT_PREDICATES).await
        });
        same.map_err(|failed| format!("{column}: {}", failed.message().unwrap_or_default()))?;
    }
    Ok(())
}

/// A collation that takes `a` and `A`, `ı` and `i` or `ü` and `u` for the same is not this program's.
pub fn collations(fixtures: &Fixtures) -> Outcome {
    for (database, column) in [
        ("loose_general", "VARCHAR(100) COLLATE utf8mb4_general_ci"),
        ("loose_unicode", "VARCHAR(100) COLLATE utf8mb4_unicode_520_ci"),
        ("loose_turkish", "VARCHAR(100) COLLATE utf8mb4_turkish_ci"),
        ("loose_nopad", "TEXT COLLATE utf8mb4_unicode_nopad_ci"),
    ] {
        let (_project, onerow) = texts_in(fixtures, database, column);
        let table = format!("{database}.t");
        let same: Outcome = block_on(async {
            let client = onerow.client().await;
            same_rows(&client, &table, "id", TEXT_PREDICATES).await
        });
        same.map_err(|failed| format!("{column}: {}", failed.message().unwrap_or_default()))?;
        for (sql, found) in [
            (format!("SELECT name FROM {table} WHERE name = 'ann'"), "ann"),
            (format!("SELECT count(*) FROM {table} WHERE name = 'ANn'"), "0"),
            (format!("SELECT count(*) FROM {table} WHERE name = 'Ann'"), "1"),
            (format!("SELECT count(*) FROM {table} WHERE name IN ('ann', 'istanbul')"), "2"),
            (
                format!("SELECT count(*) FROM {table} a JOIN {table} b ON a.name = b.name WHERE a.name = 'ISTANBUL'"),
                "1",
            ),
        ] {
            same!(onerow.sql(&sql)?, found, "{sql} of {column}");
        }
        same!(onerow.sql(&format!("SELECT count(DISTINCT name) FROM {table}"))?, UGLY_TEXTS.len().to_string());
    }
    Ok(())
}

pub fn typed(fixtures: &Fixtures) -> Outcome {
    let mariadb = fixtures.mariadb();
    mariadb.sql(
        "CREATE DATABASE pushed_types CHARACTER SET utf8mb4; USE pushed_types; SET time_zone = '+00:00';
         CREATE TABLE t (id INT PRIMARY KEY, n INT, tiny TINYINT(1), big BIGINT, bigu BIGINT UNSIGNED, price DECIMAL(10,2),
           ratio DOUBLE, single FLOAT, day DATE, clock TIME(6), moment DATETIME(6), instant TIMESTAMP(6) NULL, yr YEAR,
           bits BIT(9), code CHAR(5), raw VARBINARY(4), choice ENUM('sad','ok','happy'), several SET('a','b'), guid UUID);
         INSERT INTO t SELECT seq, seq % 7 - 3, seq % 3, (seq - 10) * 1000000000000, 18446744073709551615 - seq,
             (CAST(seq AS SIGNED) - 10) * 1.25, (CAST(seq AS SIGNED) - 10) / 8, (CAST(seq AS SIGNED) - 10) / 4,
             DATE_ADD('1970-01-01', INTERVAL (CAST(seq AS SIGNED) - 10) * 400 DAY),
             SEC_TO_TIME((CAST(seq AS SIGNED) - 10) * 3600),
             DATE_ADD('1969-12-31 23:59:59.999999', INTERVAL (CAST(seq AS SIGNED) - 10) MICROSECOND),
             DATE_ADD('2024-03-31 00:59:59', INTERVAL (CAST(seq AS SIGNED) - 10) SECOND), 2000 + seq, seq * 20,
             LEFT('abcde', seq % 6), UNHEX(LPAD(HEX(seq), 2, '0')), ELT(seq % 3 + 1, 'sad', 'ok', 'happy'),
             ELT(seq % 3 + 1, '', 'a', 'a,b'), CONCAT('00000000-0000-0000-0000-0000000000', LPAD(seq, 2, '0'))
           FROM (SELECT CAST(seq AS SIGNED) AS seq FROM seq_1_to_20) s;
         INSERT INTO t (id) VALUES (100);",
    );
    let declared = mariadb.declared("my");
    let project = Project::new(&format!("{declared} IMPORT FOREIGN SCHEMA pushed_types FROM SERVER my INTO my;"));
    let onerow = project.serve();
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
        "tiny = 1",
        "tiny <> 0",
        "tiny > 1",
        "big = 9000000000000",
        "big > 9223372036854775806",
        "bigu = 18446744073709551614",
        "bigu > 18446744073709551610",
        "bigu < 9223372036854775807",
        "bigu <> 18446744073709551614",
        "price = 1.25",
        "price = 1.250",
        "price > 1.255",
        "price <> 0",
        "price IN (1.25, 2.5)",
        "price = 1",
        "ratio = 0",
        "ratio = 0.125",
        "ratio > 0.1",
        "ratio <> 0.125",
        "ratio < -1",
        "single = 0.25",
        "single > 0.1",
        "single <> 0.1",
        "day = '1970-01-01'",
        "day < '1970-01-01'",
        "day > '1969-12-31'",
        "day <> '1970-01-01'",
        "day BETWEEN '1965-01-01' AND '1975-01-01'",
        "day IS NULL",
        "clock = '01:00:00'",
        "clock < '00:00:00'",
        "clock > interval '5 hours'",
        "moment = '1970-01-01 00:00:00'",
        "moment < '1970-01-01 00:00:00'",
        "moment >= '1969-12-31 23:59:59.999999'",
        "instant = '2024-03-31 01:00:00+00'",
        "instant < '2024-03-31 03:00:00+02'",
        "instant <> '2024-03-31 01:00:00+00'",
        "yr = 2005",
        "yr < 2003",
        "bits = 100",
        "bits > 300",
        "code = 'abc'",
        "code = 'abc  '",
        "code = 'ABC'",
        "code = ''",
        "code < 'b'",
        "code LIKE 'ab%'",
        "raw = '\\x0a'::bytea",
        "raw > '\\x0a'::bytea",
        "raw <> '\\x0a'::bytea",
        "choice = 'ok'",
        "choice = 'OK'",
        "choice < 'ok'",
        "choice IN ('ok', 'sad')",
        "choice LIKE '%a%'",
        "choice <> 'ok'",
        "choice = ''",
        "several = 'a,b'",
        "several = ''",
        "several LIKE '%b%'",
        "guid = '00000000-0000-0000-0000-000000000007'",
        "guid > '00000000-0000-0000-0000-000000000007'",
        "guid <> '00000000-0000-0000-0000-000000000007'",
        "n = 1 AND price > 0",
        "n = 1 OR code = 'abc'",
        "NOT (n = 1 AND price > 0)",
        "n = 1 OR upper(code) = 'ABC'",
        "n + 1 = 2",
        "n / 2 = 1",
        "n % 2 = 0",
        "price * 2 = 2.5",
        "n = id % 7 - 3",
        "n = NULL",
        "n NOT IN (1, NULL)",
        "n IS NOT DISTINCT FROM 1",
        "true",
        "false",
        "coalesce(n, 0) = 0",
    ];
    block_on(async {
        let client = onerow.client().await;
        same_rows(&client, "my.t", "id", &predicates).await
    })
}

pub fn literals(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = texts_in(fixtures, "pushed_literals", "VARCHAR(100) COLLATE utf8mb4_nopad_bin");
    block_on(async {
        let client = onerow.client().await;
        literals_hold(&client, "pushed_literals.t").await
    })?;
    let lines =
        sent(&onerow, &format!("SELECT id FROM pushed_literals.t WHERE name = '{}'", INJECTION.replace('\'', "''")))?;
    holds!(lines[0], "?");
    lacks!(lines[0], "OR 1=1");
    Ok(())
}

fn customers(fixtures: &Fixtures, database: &str) -> (Project, Onerow) {
    let mariadb = fixtures.mariadb();
    mariadb.sql(&format!(
        "CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database};
         CREATE TABLE customer (id INT PRIMARY KEY, email VARCHAR(100), name TEXT, city TEXT, updated_at TIMESTAMP NULL);
         CREATE TABLE account LIKE customer;
         INSERT INTO customer
           SELECT seq, CONCAT('c', seq, '@x.org'), CONCAT('n', seq), 'secret', NOW() FROM seq_1_to_50;
         INSERT INTO account
           SELECT seq, CONCAT('c', seq, '@x.org'), CONCAT('m', seq), 'secret', NOW() FROM seq_1_to_50;"
    ));
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA {database} FROM SERVER my INTO my;
         CREATE VIEW person AS SELECT 'a' AS source, email, name, updated_at FROM my.customer
           UNION ALL SELECT 'b', email, name, updated_at FROM my.account;
         CREATE VIEW merged AS SELECT email, newest(name, updated_at) AS name, count(*) AS records FROM person
           WHERE email IS NOT NULL GROUP BY email;",
        mariadb.declared("my")
    ));
    let onerow = project.serve();
    (project, onerow)
}

pub fn needed(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = customers(fixtures, "pushed_needed");
    let lines = sent(&onerow, "SELECT name FROM my.customer WHERE email = 'c7@x.org' AND id > 3")?;
    same!(lines.len(), 1);
    for part in ["SourceScan", "`name`", "`customer`", "WHERE", "`email` = ?", "`id` > ?"] {
        holds!(lines[0], part);
    }
    for part in ["city", "updated_at", "c7@x.org", "*"] {
        lacks!(lines[0], part);
    }
    same!(onerow.sql("SELECT name FROM my.customer WHERE email = 'c7@x.org' AND id > 3")?, "n7");
    lacks!(sent(&onerow, "SELECT count(*) FROM my.customer")?[0], "name");
    holds!(sent(&onerow, "SELECT id FROM my.customer LIMIT 5")?[0], "LIMIT 5");
    holds!(sent(&onerow, "SELECT id FROM my.customer WHERE id > 10 LIMIT 5")?[0], "LIMIT 5");
    // The collation is not this program's, so the bytes are compared too, and the limit counts the right rows.
    let line = &sent(&onerow, "SELECT id FROM my.customer WHERE email = 'C7@x.org' LIMIT 1")?[0];
    holds!(line, "AS BINARY");
    holds!(line, "LIMIT 1");
    same!(onerow.sql("SELECT id FROM my.customer WHERE email = 'C7@x.org' LIMIT 1")?, "");
    Ok(())
}

pub fn through_views(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = customers(fixtures, "pushed_views");
    for (view, rows) in [("person", "2"), ("merged", "1")] {
        let lines = sent(&onerow, &format!("SELECT name FROM {view} WHERE email = 'c7@x.org'"))?;
        same!(lines.len(), 2, "scans below {view}");
        for line in &lines {
            for part in ["WHERE", "`email` = ?", "`name`"] {
                holds!(line, part);
            }
            lacks!(line, "city");
        }
        same!(onerow.sql(&format!("SELECT count(*) FROM {view} WHERE email = 'c7@x.org'"))?, rows);
    }
    Ok(())
}
