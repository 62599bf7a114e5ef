//! Every mapped type, with the values at its edges.

use super::super::support::{Fixtures, Onerow, Outcome, Project};

/// A column: its name, its type there and here, and its values in three rows as SQL there and text here.
type Column = (&'static str, &'static str, &'static str, [(&'static str, &'static str); 2]);

const COLUMNS: &[Column] = &[
    ("tiny", "TINYINT", "smallint", [("-128", "-128"), ("127", "127")]),
    ("flag", "BOOLEAN", "smallint", [("true", "1"), ("false", "0")]),
    ("tinyu", "TINYINT UNSIGNED", "smallint", [("255", "255"), ("0", "0")]),
    ("small", "SMALLINT", "smallint", [("-32768", "-32768"), ("32767", "32767")]),
    ("smallu", "SMALLINT UNSIGNED", "integer", [("65535", "65535"), ("0", "0")]),
    ("medium", "MEDIUMINT", "integer", [("-8388608", "-8388608"), ("8388607", "8388607")]),
    ("whole", "INT", "integer", [("-2147483648", "-2147483648"), ("2147483647", "2147483647")]),
    ("wholeu", "INT UNSIGNED", "bigint", [("4294967295", "4294967295"), ("0", "0")]),
    (
        "big",
        "BIGINT",
        "bigint",
        [("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807")],
    ),
    ("bigu", "BIGINT UNSIGNED", "numeric(20,0)", [("18446744073709551615", "18446744073709551615"), ("0", "0")]),
    ("price", "DECIMAL(10,2)", "numeric(10,2)", [("-99999999.99", "-99999999.99"), ("0.1", "0.10")]),
    (
        "wide",
        "DECIMAL(65,30)",
        "numeric(65,30)",
        [
            (
                "12345678901234567890123456789012345.123456789012345678901234567890",
                "12345678901234567890123456789012345.123456789012345678901234567890",
            ),
            ("-0.000000000000000000000000000001", "-0.000000000000000000000000000001"),
        ],
    ),
    ("single", "FLOAT", "real", [("1.5", "1.5"), ("-0.1", "-0.1")]),
    (
        "dbl",
        "DOUBLE",
        "double precision",
        [("-1.7976931348623157e308", "-1.7976931348623157e+308"), ("5e-324", "5e-324")],
    ),
    ("bit1", "BIT(1)", "boolean", [("b'1'", "t"), ("b'0'", "f")]),
    ("bit9", "BIT(9)", "bigint", [("b'111111111'", "511"), ("b'0'", "0")]),
    ("bit64", "BIT(64)", "numeric(20,0)", [("0xFFFFFFFFFFFFFFFF", "18446744073709551615"), ("0", "0")]),
    ("day", "DATE", "date", [("'1000-01-01'", "1000-01-01"), ("'9999-12-31'", "9999-12-31")]),
    ("clock", "TIME(6)", "interval", [("'-838:59:59.000000'", "-838:59:59"), ("'12:34:56.7'", "12:34:56.7")]),
    (
        "moment",
        "DATETIME(6)",
        "timestamp without time zone",
        [
            ("'1969-12-31 23:59:59.999999'", "1969-12-31 23:59:59.999999"),
            ("'9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999"),
        ],
    ),
    (
        "instant",
        "TIMESTAMP(6) NULL",
        "timestamp with time zone",
        [
            ("'1970-01-01 00:00:01'", "1970-01-01 00:00:01+00"),
            ("'2038-01-19 03:14:07.999999'", "2038-01-19 03:14:07.999999+00"),
        ],
    ),
    ("yr", "YEAR", "integer", [("1901", "1901"), ("2155", "2155")]),
    ("code", "CHAR(5)", "character varying(5)", [("'ab'", "ab"), ("''", "")]),
    (
        "label",
        "VARCHAR(100)",
        "character varying(100)",
        [(r"'it''s \\ 张伟 😀'", r"it's \ 张伟 😀"), ("'trailing  '", "trailing  ")],
    ),
    ("note", "TEXT", "text", [(r#"'\'"\\%'"#, r#"'"\%"#), ("''", "")]),
    ("raw", "VARBINARY(20)", "bytea", [("0x00FF5C27", r"\x00ff5c27"), ("''", r"\x")]),
    ("fixed", "BINARY(4)", "bytea", [("0x01", r"\x01000000"), ("''", r"\x00000000")]),
    ("lump", "BLOB", "bytea", [("0xDEADBEEF", r"\xdeadbeef"), ("''", r"\x")]),
    ("choice", "ENUM('a','b','ü')", "text", [("'ü'", "ü"), ("'a'", "a")]),
    ("several", "SET('x','y','z')", "text", [("'x,z'", "x,z"), ("''", "")]),
    ("ip", "INET6", "text", [("'::1'", "::1"), ("'10::'", "10::")]),
    (
        "guid",
        "UUID",
        "uuid",
        [
            ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            ("'00000000-0000-0000-0000-000000000000'", "00000000-0000-0000-0000-000000000000"),
        ],
    ),
];

fn served(fixtures: &Fixtures, database: &str, options: &str) -> (Project, Onerow) {
    let declared = fixtures.mariadb().declared_with("my", options);
    let project = Project::new(&format!("{declared} IMPORT FOREIGN SCHEMA {database} FROM SERVER my INTO my;"));
    let onerow = project.serve();
    (project, onerow)
}

pub fn every_type(fixtures: &Fixtures) -> Outcome {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, there, ..)| format!("{name} {there}")).collect();
    let row = |at: usize| COLUMNS.iter().map(|(.., values)| values[at].0).collect::<Vec<_>>().join(", ");
    fixtures.mariadb().sql(&format!(
        "CREATE DATABASE every_type CHARACTER SET utf8mb4; USE every_type; SET time_zone = '+00:00';
         CREATE TABLE t (id INT PRIMARY KEY, {});
         INSERT INTO t VALUES (0, {}), (1, {}); INSERT INTO t (id) VALUES (2);",
        columns.join(", "),
        row(0),
        row(1)
    ));
    let (_project, onerow) = served(fixtures, "every_type", "");
    for (name, there, here, values) in COLUMNS {
        let [(_, first), (_, second)] = values;
        let shown = onerow.sql(&format!("SELECT '[' || {name}::text || ']' FROM my.t ORDER BY id"));
        let plain = onerow.sql(&format!("SELECT {name} FROM my.t ORDER BY id"))?;
        same!(plain, format!("{first}\n{second}\nNULL"), "{name} {there}");
        // Trailing spaces are not psql's.
        if matches!(*here, "text" | "character varying(100)") {
            same!(shown?, format!("[{first}]\n[{second}]\nNULL"), "{name} {there}");
        }
        let of = format!(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
              WHERE attrelid = 'my.t'::regclass AND attname = '{name}'"
        );
        same!(onerow.sql(&of)?, *here, "the type of {name} {there}");
    }
    same!(onerow.sql("SELECT count(*) FROM my.t WHERE bigu = 18446744073709551615")?, "1");
    same!(onerow.sql("SELECT count(*) FROM my.t WHERE bigu > 9223372036854775807")?, "1");
    same!(onerow.sql("SELECT max(bigu) FROM my.t")?, "18446744073709551615");
    Ok(())
}

/// Dates that are none are null, and no filter says otherwise.
pub fn zero_dates(fixtures: &Fixtures) -> Outcome {
    fixtures.mariadb().sql(
        "CREATE DATABASE zero_dates; USE zero_dates; SET sql_mode = '';
         CREATE TABLE t (id INT PRIMARY KEY, day DATE, moment DATETIME, instant TIMESTAMP NULL);
         INSERT INTO t VALUES (1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'),
           (2, '2024-00-00', '2024-02-00 00:00:00', NULL), (3, '2024-02-29', '2024-02-29 12:00:00', '2024-02-29 12:00:00'),
           (4, NULL, NULL, NULL);",
    );
    let (_project, onerow) = served(fixtures, "zero_dates", "");
    same!(
        onerow.sql("SELECT id, day, moment, instant IS NULL FROM my.t ORDER BY id")?,
        "1|NULL|NULL|t\n2|NULL|NULL|t\n3|2024-02-29|2024-02-29 12:00:00|f\n4|NULL|NULL|t"
    );
    for column in ["day", "moment", "instant"] {
        for (predicate, found) in [
            (format!("{column} IS NULL"), "1,2,4"),
            (format!("{column} IS NOT NULL"), "3"),
            (format!("{column} < '2025-01-01'"), "3"),
            (format!("NOT ({column} < '2025-01-01')"), "NULL"),
            (format!("{column} <> '2025-01-01'"), "3"),
            (format!("NOT ({column} = '2025-01-01')"), "3"),
            (format!("{column} IS DISTINCT FROM '2025-01-01'"), "1,2,3,4"),
            (format!("({column} < '2025-01-01') IS NOT TRUE"), "1,2,4"),
        ] {
            let sql = format!("SELECT string_agg(id::text, ',' ORDER BY id) FROM my.t WHERE {predicate}");
            same!(onerow.sql(&sql)?, found, "{predicate}");
        }
        same!(onerow.sql(&format!("SELECT count({column}) FROM my.t"))?, "1", "{column}");
    }
    Ok(())
}

pub fn zones(fixtures: &Fixtures) -> Outcome {
    fixtures.mariadb().sql(
        "CREATE DATABASE zones; USE zones; SET time_zone = '+00:00';
         CREATE TABLE t (id INT, moment DATETIME(6), instant TIMESTAMP(6) NULL);
         INSERT INTO t VALUES (1, '2024-01-01 12:00:00', '2024-01-01 12:00:00'),
           (2, '2024-07-01 12:00:00', '2024-07-01 12:00:00'), (3, '2024-03-31 02:30:00', '2024-03-31 02:30:00'),
           (4, '2024-10-27 02:30:00', '2024-10-27 00:30:00'), (5, '1969-12-31 23:59:59.999999', NULL);",
    );
    let (_project, onerow) = served(fixtures, "zones", ", timezone 'Europe/Berlin'");
    same!(
        onerow.sql("SELECT moment FROM my.t ORDER BY id")?,
        "2024-01-01 11:00:00+00\n2024-07-01 10:00:00+00\n2024-03-31 01:30:00+00\n2024-10-27 01:30:00+00\n\
         1969-12-31 22:59:59.999999+00"
    );
    same!(
        onerow.sql("SELECT instant FROM my.t ORDER BY id LIMIT 4")?,
        "2024-01-01 12:00:00+00\n2024-07-01 12:00:00+00\n2024-03-31 02:30:00+00\n2024-10-27 00:30:00+00"
    );
    for (predicate, found) in [
        ("moment = '2024-10-27 01:30:00+00'", "4"),
        ("moment > '2024-07-01 10:00:00+00'", "4"),
        ("moment < '1970-01-01 00:00:00+00'", "5"),
        ("instant = '2024-10-27 00:30:00+00'", "4"),
        ("instant < '2024-01-01 12:00:00.000001+00'", "1"),
        ("moment >= '2024-03-31 01:30:00+00' AND moment < '2024-07-01 10:00:00+00'", "3"),
    ] {
        same!(onerow.sql(&format!("SELECT id FROM my.t WHERE {predicate}"))?, found, "{predicate}");
    }
    Ok(())
}

pub fn odd_names(fixtures: &Fixtures) -> Outcome {
    fixtures.mariadb().sql(
        r#"CREATE DATABASE odd_names CHARACTER SET utf8mb4; USE odd_names;
           CREATE TABLE `Order` (`Id` INT, `select` INT, `two words` INT, `qu"ote` INT, `ti``ck` INT, `ünï 张` INT,
             `a.b` INT, `?` INT, `it's` INT, `back\slash` INT);
           INSERT INTO `Order` VALUES (1, 2, 3, 4, 5, 6, 7, 8, 9, 10), (11, 0, 0, 0, 0, 0, 0, 0, 0, 0);
           CREATE TABLE `ta``ble 张` (n INT); INSERT INTO `ta``ble 张` VALUES (43);"#,
    );
    let (_project, onerow) = served(fixtures, "odd_names", "");
    same!(onerow.sql(r#"SELECT * FROM my."Order" WHERE "Id" = 1"#)?, "1|2|3|4|5|6|7|8|9|10");
    for (name, value) in [
        ("select", 2),
        ("two words", 3),
        ("qu\"\"ote", 4),
        ("ti`ck", 5),
        ("ünï 张", 6),
        ("a.b", 7),
        ("?", 8),
        ("it's", 9),
        ("back\\slash", 10),
    ] {
        let sql = format!("SELECT \"Id\" FROM my.\"Order\" WHERE \"{name}\" = {value}");
        same!(onerow.sql(&sql)?, "1", "{name}");
    }
    same!(onerow.sql("SELECT n FROM my.\"ta`ble 张\"")?, "43");
    Ok(())
}

pub fn empty_and_wide(fixtures: &Fixtures) -> Outcome {
    let columns: Vec<String> = (1..=300).map(|n| format!("c{n} INT")).collect();
    let values: Vec<String> = (1..=300).map(|n| n.to_string()).collect();
    fixtures.mariadb().sql(&format!(
        "CREATE DATABASE wide; USE wide; CREATE TABLE t ({}); INSERT INTO t VALUES ({});
         CREATE TABLE empty (id INT, name TEXT); CREATE VIEW seen AS SELECT c7 FROM t;
         CREATE TABLE remarked (id INT COMMENT 'the key') COMMENT 'from there';",
        columns.join(", "),
        values.join(", ")
    ));
    let (_project, onerow) = served(fixtures, "wide", "");
    same!(onerow.sql("SELECT * FROM my.t")?, values.join("|"));
    same!(onerow.sql("SELECT c300, c1 FROM my.t WHERE c150 = 150")?, "300|1");
    same!(onerow.sql("SELECT * FROM my.empty")?, "");
    same!(onerow.sql("SELECT count(*), max(name), sum(id) FROM my.empty")?, "0|NULL|NULL");
    same!(onerow.sql("SELECT c7 FROM my.seen")?, "7");
    same!(onerow.sql("SELECT obj_description('my.remarked'::regclass, 'pg_class')")?, "from there");
    same!(onerow.sql("SELECT col_description('my.remarked'::regclass, 1)")?, "the key");
    Ok(())
}

pub fn character_sets(fixtures: &Fixtures) -> Outcome {
    fixtures.mariadb().sql(
        "CREATE DATABASE character_sets CHARACTER SET utf8mb4; USE character_sets;
         CREATE TABLE t (id INT, latin VARCHAR(20) CHARACTER SET latin1, three VARCHAR(20) CHARACTER SET utf8mb3,
           chinese VARCHAR(20) CHARACTER SET gbk, four VARCHAR(20) CHARACTER SET utf8mb4, wide VARCHAR(20) CHARACTER SET utf16);
         INSERT INTO t VALUES (1, 'Zürich €', '张伟', '张伟', '😀', '😀 ü');",
    );
    let (_project, onerow) = served(fixtures, "character_sets", "");
    same!(onerow.sql("SELECT * FROM my.t")?, "1|Zürich €|张伟|张伟|😀|😀 ü");
    for (column, value) in
        [("latin", "Zürich €"), ("three", "张伟"), ("chinese", "张伟"), ("four", "😀"), ("wide", "😀 ü")]
    {
        same!(onerow.sql(&format!("SELECT id FROM my.t WHERE {column} = '{value}'"))?, "1", "{column}");
        // What the column's character set cannot say is found nowhere, and is no error.
        same!(onerow.sql(&format!("SELECT count(*) FROM my.t WHERE {column} = '😀张ü€İ'"))?, "0", "{column}");
        same!(onerow.sql(&format!("SELECT count(*) FROM my.t WHERE {column} <> '😀张ü€İ'"))?, "1", "{column}");
    }
    Ok(())
}

pub fn declared(fixtures: &Fixtures) -> Outcome {
    fixtures.mariadb().sql(
        "CREATE DATABASE declared; USE declared;
         CREATE TABLE t (id INT, price VARCHAR(20), flag TINYINT(1), name VARCHAR(10));
         INSERT INTO t VALUES (1, '12.50', 1, 'Ann'), (2, NULL, NULL, NULL);",
    );
    let project = Project::new(&format!(
        "{} CREATE FOREIGN TABLE mine (who text OPTIONS (column_name 'name'), price numeric(10,2), id bigint, flag boolean)
              SERVER my OPTIONS (dbname 'declared', table_name 't');",
        fixtures.mariadb().declared("my")
    ));
    let onerow = project.serve();
    same!(onerow.sql("SELECT * FROM mine ORDER BY id")?, "Ann|12.50|1|t\nNULL|NULL|2|NULL");
    same!(onerow.sql("SELECT who FROM mine WHERE price > 12.4 AND flag")?, "Ann");
    Ok(())
}

pub fn large(fixtures: &Fixtures) -> Outcome {
    let mariadb = fixtures.mariadb();
    mariadb.sql(
        "CREATE DATABASE large; USE large;
         CREATE TABLE t AS SELECT seq AS id, IF(seq % 7 <> 0, REPEAT(MD5(seq), seq % 40), NULL) AS pad,
           IF(seq % 5 <> 0, CAST(seq * 1.01 AS DECIMAL(12,2)), NULL) AS price FROM seq_1_to_100000;",
    );
    let (_project, onerow) = served(fixtures, "large", "");
    let sums = "SELECT count(*), count(pad), sum(length(pad)), sum(price), min(pad), max(id) FROM";
    let expected = mariadb.sql(&format!("{sums} large.t"));
    same!(onerow.sql(&format!("{sums} my.t"))?, expected.trim_end().replace('\t', "|"));
    Ok(())
}
