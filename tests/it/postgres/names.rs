//! Tables of all kinds and names.

use super::super::support::{Fixtures, Outcome, Project};

fn project(fixtures: &Fixtures, schema: &str) -> Project {
    let declared = fixtures.postgres().declared("pg");
    Project::new(&format!("{declared} IMPORT FOREIGN SCHEMA \"{schema}\" FROM SERVER pg INTO pg;"))
}

pub fn odd(fixtures: &Fixtures) -> Outcome {
    fixtures.postgres().sql(
        r#"CREATE SCHEMA "Odd names";
           CREATE TABLE "Odd names"."Order" ("Id" int, "select" text, "two words" text, "qu""ote" text, "ünï 张" text,
             "$1" int, "a.b" int, "a;b--" int, "it's" int, "UPPER" int, "back\slash" int);
           INSERT INTO "Odd names"."Order" VALUES (1, 's', 'w', 'q', 'u', 2, 3, 4, 5, 6, 7);
           INSERT INTO "Odd names"."Order" ("Id") VALUES (9);
           CREATE TABLE "Odd names"."select" (n int); INSERT INTO "Odd names"."select" VALUES (42);
           CREATE TABLE "Odd names"."ta""ble 张" (n int); INSERT INTO "Odd names"."ta""ble 张" VALUES (43);"#,
    );
    let project = project(fixtures, "Odd names");
    let onerow = project.serve();
    same!(onerow.sql(r#"SELECT * FROM pg."Order" WHERE "Id" = 1"#)?, "1|s|w|q|u|2|3|4|5|6|7");
    for column in [
        r#""select" = 's'"#,
        r#""two words" = 'w'"#,
        r#""qu""ote" = 'q'"#,
        r#""ünï 张" = 'u'"#,
        r#""$1" = 2"#,
        r#""a.b" = 3"#,
        r#""a;b--" = 4"#,
        r#""it's" = 5"#,
        r#""UPPER" = 6"#,
        r#""back\slash" = 7"#,
    ] {
        same!(onerow.sql(&format!(r#"SELECT "Id" FROM pg."Order" WHERE {column}"#))?, "1", "{column}");
    }
    same!(onerow.sql(r#"SELECT s.n, t.n FROM pg."select" s, pg."ta""ble 张" t"#)?, "42|43");
    refused!(onerow.sql("SELECT * FROM pg.order"), "42P01");
    refused!(onerow.sql(r#"SELECT id FROM pg."Order""#), "42703");
    Ok(())
}

pub fn empty_and_wide(fixtures: &Fixtures) -> Outcome {
    let columns: Vec<String> = (1..=300).map(|n| format!("c{n} int")).collect();
    let values: Vec<String> = (1..=300).map(|n| n.to_string()).collect();
    fixtures.postgres().sql(&format!(
        "CREATE SCHEMA wide; CREATE TABLE wide.t ({}); INSERT INTO wide.t VALUES ({});
         CREATE TABLE wide.empty (id int, name text); CREATE TABLE wide.no_columns ();
         INSERT INTO wide.no_columns DEFAULT VALUES; INSERT INTO wide.no_columns DEFAULT VALUES;",
        columns.join(", "),
        values.join(", ")
    ));
    let project = project(fixtures, "wide");
    let onerow = project.serve();
    same!(onerow.sql("SELECT * FROM pg.t")?, values.join("|"));
    same!(onerow.sql("SELECT c300, c1 FROM pg.t WHERE c150 = 150")?, "300|1");
    same!(onerow.sql("SELECT * FROM pg.empty")?, "");
    same!(onerow.sql("SELECT count(*), max(name), sum(id) FROM pg.empty")?, "0|NULL|NULL");
    same!(onerow.sql("SELECT count(*) FROM pg.t")?, "1");
    same!(onerow.sql("SELECT count(*) FROM pg.no_columns")?, "2");
    same!(onerow.sql("SELECT 1 FROM pg.t, pg.empty")?, "");
    Ok(())
}

pub fn kinds(fixtures: &Fixtures) -> Outcome {
    fixtures.postgres().sql(
        "CREATE SCHEMA kinds;
         CREATE TABLE kinds.parted (id int, at date) PARTITION BY RANGE (at);
         CREATE TABLE kinds.part_2023 PARTITION OF kinds.parted FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
         CREATE TABLE kinds.part_2024 PARTITION OF kinds.parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
         INSERT INTO kinds.parted VALUES (1, '2023-06-01'), (2, '2024-06-01');
         CREATE VIEW kinds.seen AS SELECT id FROM kinds.parted;
         CREATE MATERIALIZED VIEW kinds.kept AS SELECT id FROM kinds.parted;
         CREATE TABLE kinds.computed (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int GENERATED ALWAYS AS IDENTITY);
         INSERT INTO kinds.computed (a) VALUES (5);
         CREATE TABLE kinds.dropped (a int, gone text, b int);
         INSERT INTO kinds.dropped VALUES (1, 'x', 2); ALTER TABLE kinds.dropped DROP COLUMN gone;
         COMMENT ON TABLE kinds.computed IS 'from there'; COMMENT ON COLUMN kinds.computed.a IS 'the first';
         CREATE SEQUENCE kinds.counter;",
    );
    let project = project(fixtures, "kinds");
    let onerow = project.serve();
    same!(onerow.sql("SELECT id, at FROM pg.parted ORDER BY id")?, "1|2023-06-01\n2|2024-06-01");
    same!(onerow.sql("SELECT id FROM pg.seen ORDER BY id")?, "1\n2");
    same!(onerow.sql("SELECT id FROM pg.kept ORDER BY id")?, "1\n2");
    same!(onerow.sql("SELECT * FROM pg.computed")?, "5|10|1");
    same!(onerow.sql("SELECT * FROM pg.dropped")?, "1|2");
    same!(onerow.sql("SELECT obj_description('pg.computed'::regclass, 'pg_class')")?, "from there");
    same!(onerow.sql("SELECT col_description('pg.computed'::regclass, 1)")?, "the first");
    // As postgres_fdw: the parts of a table are in it, and come on their own only when they are named.
    refused!(onerow.sql("SELECT * FROM pg.part_2023"), "42P01");
    onerow.sql("IMPORT FOREIGN SCHEMA kinds LIMIT TO (part_2023) FROM SERVER pg INTO parts")?;
    same!(onerow.sql("SELECT id FROM parts.part_2023")?, "1");
    Ok(())
}
