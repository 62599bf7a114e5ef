//! Every mapped type, with the values at its edges, read as PostgreSQL itself shows it.

use super::super::support::wire::{all_well, rows};
use super::super::support::{Fixtures, Onerow, Outcome, Project, block_on};

/// Columns of one table with their types.
const COLUMNS: &[(&str, &str)] = &[
    ("flag", "boolean"),
    ("small", "smallint"),
    ("whole", "integer"),
    ("big", "bigint"),
    ("single", "real"),
    ("double", "double precision"),
    ("price", "numeric(38,10)"),
    ("cents", "numeric(10,2)"),
    ("wide", "numeric(60,20)"),
    ("label", "text"),
    ("code", "varchar(10)"),
    ("fixed", "char(5)"),
    ("raw", "bytea"),
    ("day", "date"),
    ("clock", "time"),
    ("naive", "timestamp"),
    ("naive3", "timestamp(3)"),
    ("instant", "timestamptz"),
    ("span", "interval"),
    ("key", "uuid"),
    ("doc", "json"),
    ("docb", "jsonb"),
    ("words", "text[]"),
    ("numbers", "int[]"),
    ("prices", "numeric(10,2)[]"),
    ("instants", "timestamptz[]"),
    ("flags", "boolean[]"),
    ("keys", "uuid[]"),
];

/// One row a line, in the order of the columns; a column that is left out is null.
const ROWS: &[&[&str]] = &[
    &[
        "true",
        "1",
        "-2",
        "3",
        "1.5",
        "-0.1",
        "12345.6789",
        "12.30",
        "1.5",
        "'it''s \\ 张伟'",
        "'Ünï'",
        "'abc'",
        "'\\x00deadbeef5c27'",
        "'2024-02-29'",
        "'12:34:56.7'",
        "'2024-02-29 12:34:56.789012'",
        "'2024-02-29 12:34:56.789'",
        "'2024-03-31 01:30:00+01'",
        "'1 year 2 mons -3 days 04:05:06.000007'",
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
        "'{\"b\" : 1, \"a\": [1,2]}'",
        "'{\"b\" : 1, \"a\": [1,2]}'",
        "ARRAY['a,b', NULL, '', 'NULL', '\"', '\\', '张']",
        "ARRAY[1, NULL, -3]",
        "ARRAY[1.50, NULL]",
        "ARRAY['2024-10-27 01:30:00+00', NULL]::timestamptz[]",
        "ARRAY[true, NULL, false]",
        "ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', NULL]::uuid[]",
    ],
    &[],
    &[
        "false",
        "-32768",
        "-2147483648",
        "-9223372036854775808",
        "-3.4028235e38",
        "-1.7976931348623157e308",
        "-9999999999999999999999999999.9999999999",
        "-99999999.99",
        "-1234567890123456789012345678901234567890.00000000000000000001",
        "''",
        "''",
        "''",
        "'\\x'",
        "'0001-01-01'",
        "'00:00:00'",
        "'1969-12-31 23:59:59.999999'",
        "'0001-01-01 00:00:00'",
        "'1969-12-31 23:59:59.999999+00'",
        "'-1 year -1 mon -1 day -00:00:00.000001'",
        "'00000000-0000-0000-0000-000000000000'",
        "'null'",
        "'null'",
        "ARRAY[]::text[]",
        "ARRAY[]::int[]",
        "ARRAY[]::numeric[]",
        "ARRAY[]::timestamptz[]",
        "ARRAY[]::boolean[]",
        "ARRAY[]::uuid[]",
    ],
    &[
        "true",
        "32767",
        "2147483647",
        "9223372036854775807",
        "3.4028235e38",
        "5e-324",
        "9999999999999999999999999999.9999999999",
        "0.01",
        "0.00000000000000000001",
        "' trailing  '",
        "'tab\t'",
        "'12345'",
        "decode(repeat('ff', 1000), 'hex')",
        "'9999-12-31'",
        "'23:59:59.999999'",
        "'9999-12-31 23:59:59.999999'",
        "'9999-12-31 23:59:59.999'",
        "'9999-12-31 23:59:59.999999+00'",
        "'0'",
        "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        "'\"😀\"'",
        "'\"😀\"'",
        "ARRAY['x']",
        "ARRAY[2147483647]",
        "ARRAY[99999999.99]",
        "ARRAY['9999-12-31 23:59:59.999999+00'::timestamptz]",
        "ARRAY[NULL]::boolean[]",
        "ARRAY[NULL]::uuid[]",
    ],
    &[
        "NULL",
        "0",
        "0",
        "0",
        "'NaN'",
        "'Infinity'",
        "0",
        "0",
        "0",
        "repeat('long ', 10000)",
        "NULL",
        "NULL",
        "NULL",
        "'0044-03-15 BC'",
        "NULL",
        "'1582-10-10 00:00:00'",
        "NULL",
        "'1900-01-01 00:00:00+00'",
        "'100 days 25:00:00'",
    ],
    &["NULL", "NULL", "NULL", "NULL", "'-0'", "'-Infinity'", "-0.0000000001", "10000", "100000000"],
];

/// Makes the table in a schema of its own, and serves it as `pg.everything`.
fn everything(fixtures: &Fixtures, schema: &str) -> (Project, Onerow) {
    let postgres = fixtures.postgres();
    let columns: Vec<String> = COLUMNS.iter().map(|(name, pg_type)| format!("{name} {pg_type}")).collect();
    let mut sql = format!(
        "SET TimeZone = 'UTC'; CREATE SCHEMA {schema};
         CREATE TABLE {schema}.everything (id int PRIMARY KEY, {});\n",
        columns.join(", ")
    );
    for (id, row) in ROWS.iter().enumerate() {
        let values: Vec<&str> = (0..COLUMNS.len()).map(|at| row.get(at).copied().unwrap_or("NULL")).collect();
        sql.push_str(&format!("INSERT INTO {schema}.everything VALUES ({id}, {});\n", values.join(", ")));
    }
    postgres.sql(&sql);
    served(fixtures, schema)
}

fn served(fixtures: &Fixtures, schema: &str) -> (Project, Onerow) {
    let declared = fixtures.postgres().declared("pg");
    let project = Project::new(&format!("{declared} IMPORT FOREIGN SCHEMA {schema} FROM SERVER pg INTO pg;"));
    let onerow = project.serve();
    (project, onerow)
}

pub fn every_type(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = everything(fixtures, "every_type");
    block_on(async {
        let (ours, theirs) = (onerow.client().await, fixtures.postgres().client("postgres").await);
        let mut differing = vec![];
        for (column, pg_type) in COLUMNS {
            let ask = |from: &str| format!("SELECT id, {column} FROM {from}.everything ORDER BY id");
            let (here, there) = (rows(&ours, &ask("pg")).await, rows(&theirs, &ask("every_type")).await?);
            match here {
                Ok(here) if here == there => {}
                Ok(here) => {
                    for (here, there) in here.iter().zip(&there).filter(|(here, there)| here != there) {
                        differing
                            .push(format!("{column} {pg_type}\n    here:       {here:?}\n    PostgreSQL: {there:?}"));
                    }
                }
                Err(fault) => differing.push(format!("{column} {pg_type}: {fault}")),
            }
        }
        // The types themselves are PostgreSQL's too.
        let described = "SELECT column_name, data_type, numeric_precision, numeric_scale, character_maximum_length
                           FROM information_schema.columns WHERE table_schema = '%' AND table_name = 'everything'
                          ORDER BY ordinal_position";
        let here = rows(&ours, &described.replace('%', "pg")).await?;
        let there = rows(&theirs, &described.replace('%', "every_type")).await?;
        for (here, there) in here.iter().zip(&there).filter(|(here, there)| here != there) {
            differing.push(format!("columns\n    here:       {here:?}\n    PostgreSQL: {there:?}"));
        }
        all_well(&differing, COLUMNS.len())
    })
}

/// `column = value` finds the rows that it finds at PostgreSQL, for a value of each row, and IS NULL the nulls.
pub fn filters(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = everything(fixtures, "type_filters");
    block_on(async {
        let (ours, theirs) = (onerow.client().await, fixtures.postgres().client("postgres").await);
        rows(&ours, "CREATE TABLE kept AS SELECT * FROM pg.everything").await?;
        let mut differing = vec![];
        let mut asked = 0;
        for (at, (column, pg_type)) in COLUMNS.iter().enumerate() {
            let mut predicates = vec![format!("{column} IS NULL"), format!("{column} IS NOT NULL")];
            let comparable = !pg_type.ends_with("[]") && *pg_type != "json";
            for value in ROWS.iter().filter_map(|row| row.get(at)).filter(|v| comparable && **v != "NULL") {
                if value.contains('(') {
                    continue;
                }
                for op in ["=", "<>", "<", ">="] {
                    predicates.push(format!("{column} {op} CAST({value} AS {pg_type})"));
                }
            }
            for predicate in predicates {
                let ask = |from: &str| format!("SELECT id FROM {from} WHERE {predicate} ORDER BY id");
                let sent = rows(&ours, &ask("pg.everything")).await.map_err(|f| f.state);
                let kept = rows(&ours, &ask("kept")).await.map_err(|f| f.state);
                if sent != kept {
                    differing.push(format!("{predicate}\n    sent: {sent:?}\n    here: {kept:?}"));
                }
                // Where PostgreSQL compares as is done here, it agrees.
                let same_meaning = *pg_type != "jsonb";
                let there = rows(&theirs, &ask("type_filters.everything")).await.map_err(|f| f.state);
                if same_meaning && sent != there {
                    differing.push(format!("{predicate}\n    sent:       {sent:?}\n    PostgreSQL: {there:?}"));
                }
                asked += 1;
            }
        }
        all_well(&differing, asked)
    })
}

pub fn as_text(fixtures: &Fixtures) -> Outcome {
    fixtures.postgres().sql(
        "CREATE SCHEMA as_text;
         CREATE TYPE as_text.mood AS ENUM ('sad', 'ok', 'happy');
         CREATE TYPE as_text.address AS (street text, number int);
         CREATE DOMAIN as_text.email AS text CHECK (VALUE LIKE '%@%');
         CREATE TABLE as_text.t (id int, mood as_text.mood, place as_text.address, mail as_text.email, net inet,
           cost money, span int4range, bits bit(3), shape point, clock timetz, doc xml, matrix text, mac macaddr,
           search tsvector);
         INSERT INTO as_text.t VALUES (1, 'ok', ROW('Main \"St\"', 5), 'a@b', '10.0.0.0/8', 12.34, '[1,5)', '101',
           '(1,2)', '12:00:00+02', '<a>1</a>', '{{1,2},{3,4}}', '08:00:2b:01:02:03', 'a:1 b:2');
         INSERT INTO as_text.t (id, mood) VALUES (2, NULL), (3, 'sad');",
    );
    let (_project, onerow) = served(fixtures, "as_text");
    same!(
        onerow.sql("SELECT * FROM pg.t WHERE id = 1")?,
        "1|ok|(\"Main \"\"St\"\"\",5)|a@b|10.0.0.0/8|$12.34|[1,5)|101|(1,2)|12:00:00+02|<a>1</a>|{{1,2},{3,4}}\
         |08:00:2b:01:02:03|'a':1 'b':2"
    );
    same!(onerow.sql("SELECT * FROM pg.t WHERE id = 2")?, format!("2{}", "|NULL".repeat(13)));
    same!(onerow.sql("SELECT id FROM pg.t WHERE mood = 'ok'")?, "1");
    same!(onerow.sql("SELECT string_agg(id::text, ',' ORDER BY id) FROM pg.t WHERE mood > 'ok'")?, "3");
    same!(onerow.sql("SELECT id FROM pg.t WHERE mail LIKE 'a@%'")?, "1");
    same!(onerow.sql("SELECT count(*) FROM pg.t WHERE place IS NULL")?, "2");
    same!(onerow.sql("SELECT id FROM pg.t WHERE net = '10.0.0.0/8'")?, "1");
    // A text that no value of the type is finds nothing, and is no error.
    same!(onerow.sql("SELECT count(*) FROM pg.t WHERE mood = 'unheard of'")?, "0");
    Ok(())
}

/// Bare `numeric` reads as numeric(38,10): what does not fit exactly is an error that names the column.
pub fn too_wide(fixtures: &Fixtures) -> Outcome {
    fixtures.postgres().sql(
        "CREATE SCHEMA too_wide;
         CREATE TABLE too_wide.t (id int, exact numeric, deep numeric, far numeric, odd numeric);
         INSERT INTO too_wide.t VALUES (1, 1.5, 0.00000000001, 1e30, 'NaN'), (2, 12345678901234567890.0123456789, 1, 1, 1);
         CREATE TABLE too_wide.moments (id int, at timestamp, day date);
         INSERT INTO too_wide.moments VALUES (1, 'infinity', '2024-01-01'), (2, '2024-01-01', '-infinity');",
    );
    let (_project, onerow) = served(fixtures, "too_wide");
    same!(onerow.sql("SELECT exact FROM pg.t ORDER BY id")?, "1.5000000000\n12345678901234567890.0123456789");
    for column in ["deep", "far", "odd"] {
        let said = onerow.sql(&format!("SELECT {column} FROM pg.t"));
        let Err(said) = said else { return Err(format!("{column} gave {said:?}").into()) };
        holds!(said, format!("\"{column}\""));
        holds!(said, "pg");
        // Rows that have no such value are read.
        same!(onerow.sql(&format!("SELECT {column} FROM pg.t WHERE id = 2"))?, "1.0000000000");
    }
    // Infinity is no moment of the calendar: an error that names the column, or infinity, but no other moment.
    for (column, id) in [("at", 1), ("day", 2)] {
        match onerow.sql(&format!("SELECT {column} FROM pg.moments WHERE id = {id}")) {
            Ok(shown) => holds!(shown, "infinity"),
            Err(said) => holds!(said, format!("\"{column}\"")),
        }
    }
    Ok(())
}

/// A `timezone` turns what clocks show into instants, also where clocks go forward or back.
pub fn zones(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    let mut sql =
        "CREATE SCHEMA zones; CREATE TABLE zones.t (id int, naive timestamp, instant timestamptz);\n".to_string();
    let locals = [
        "2024-01-01 12:00:00",
        "2024-07-01 12:00:00",
        "2024-03-31 01:59:59.999999",
        "2024-03-31 02:00:00",
        "2024-03-31 02:30:00",
        "2024-03-31 03:00:00",
        "2024-10-27 01:59:59",
        "2024-10-27 02:00:00",
        "2024-10-27 02:30:00",
        "2024-10-27 03:00:00",
        "1969-12-31 23:59:59",
        "1945-05-24 02:00:00",
        "9999-12-31 23:59:59",
    ];
    for (id, local) in locals.iter().enumerate() {
        sql.push_str(&format!("INSERT INTO zones.t VALUES ({id}, '{local}', '{local}+00');\n"));
    }
    postgres.sql(&sql);
    let project = Project::new(&format!(
        "{} {} IMPORT FOREIGN SCHEMA zones FROM SERVER berlin INTO berlin;
         IMPORT FOREIGN SCHEMA zones FROM SERVER plain INTO plain;
         CREATE FOREIGN TABLE plain.lisbon SERVER plain
           OPTIONS (schema_name 'zones', table_name 't', timezone 'Europe/Lisbon');",
        postgres.declared_with("berlin", ", timezone 'Europe/Berlin'"),
        postgres.declared("plain")
    ));
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("postgres").await);
        for (here, there) in [
            ("SELECT id, naive FROM berlin.t", "SELECT id, naive AT TIME ZONE 'Europe/Berlin' FROM zones.t"),
            ("SELECT id, naive FROM plain.lisbon", "SELECT id, naive AT TIME ZONE 'Europe/Lisbon' FROM zones.t"),
            ("SELECT id, naive FROM plain.t", "SELECT id, naive FROM zones.t"),
            ("SELECT id, instant FROM berlin.t", "SELECT id, instant FROM zones.t"),
            (
                "SELECT id FROM berlin.t WHERE naive >= '2024-10-27 00:30:00+00' AND naive < '2024-10-27 01:30:00+00'",
                "SELECT id FROM zones.t WHERE naive AT TIME ZONE 'Europe/Berlin' >= '2024-10-27 00:30:00+00'
                    AND naive AT TIME ZONE 'Europe/Berlin' < '2024-10-27 01:30:00+00'",
            ),
            (
                "SELECT id FROM berlin.t WHERE naive = '2024-10-27 01:30:00+00'",
                "SELECT id FROM zones.t WHERE naive AT TIME ZONE 'Europe/Berlin' = '2024-10-27 01:30:00+00'",
            ),
        ] {
            let (found, expected) = (
                rows(&ours, &format!("{here} ORDER BY id")).await?,
                rows(&theirs, &format!("{there} ORDER BY id")).await?,
            );
            same!(found, expected, "{here}");
        }
        Ok(())
    })
}

pub fn declared(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA declared;
         CREATE TABLE declared.t (id int, price text, n int, day text, name varchar(10));
         INSERT INTO declared.t VALUES (1, '12.50', 7, '2024-02-29', 'Ann'), (2, NULL, NULL, NULL, NULL);",
    );
    let project = Project::new(&format!(
        "{} CREATE FOREIGN TABLE mine (who text OPTIONS (column_name 'name'), price numeric(10,2), n bigint, day date)
              SERVER pg OPTIONS (schema_name 'declared', table_name 't');",
        postgres.declared("pg")
    ));
    let onerow = project.serve();
    same!(onerow.sql("SELECT * FROM mine ORDER BY n")?, "Ann|12.50|7|2024-02-29\nNULL|NULL|NULL|NULL");
    same!(onerow.sql("SELECT who FROM mine WHERE price > 12.4 AND n = 7 AND day = '2024-02-29'")?, "Ann");
    refused!(
        onerow.sql("CREATE FOREIGN TABLE other (nope text) SERVER pg OPTIONS (schema_name 'declared', table_name 't')"),
        "42703",
        "nope"
    );
    Ok(())
}

/// Many batches, with values that cross their ends, come whole and in full.
pub fn large(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA large;
         CREATE TABLE large.t AS SELECT g AS id, CASE WHEN g % 7 <> 0 THEN repeat(md5(g::text), g % 40) END AS pad,
           CASE WHEN g % 5 <> 0 THEN (g * 1.01)::numeric(12,2) END AS price FROM generate_series(1, 100000) AS g;",
    );
    let (_project, onerow) = served(fixtures, "large");
    let sums = "SELECT count(*), count(pad), sum(length(pad)), sum(price)::numeric(20,2), min(pad), max(id) FROM";
    let expected = postgres.sql(&format!("{sums} large.t"));
    same!(onerow.sql(&format!("{sums} pg.t"))?, expected.trim());
    let digest = "SELECT md5(string_agg(pad, '' ORDER BY id)) FROM";
    let expected = postgres.sql(&format!("{digest} large.t WHERE id <= 20000"));
    same!(onerow.sql(&format!("{digest} pg.t WHERE id <= 20000"))?, expected.trim());
    Ok(())
}
