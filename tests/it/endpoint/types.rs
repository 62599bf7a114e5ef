//! Values of every type, as text and in binary, against a real PostgreSQL.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::super::support::wire::{Fault, Raw, alike, all_well, is_known, rows};
use super::super::support::{Fixtures, Outcome, Project, block_on};

/// A column's type and values, in binary.
type Binary = Vec<(String, Vec<Raw>)>;

async fn binary(client: &Client, sql: &str) -> Result<Binary, Fault> {
    let statement = client.prepare(sql).await?;
    let found = client.query(&statement, &[]).await?;
    let columns = statement.columns().iter().enumerate();
    Ok(columns
        .map(|(at, column)| {
            (column.type_().name().to_string(), found.iter().map(|row| row.get::<_, Raw>(at)).collect())
        })
        .collect())
}

/// Asks both for each statement, as text and in binary, and fails with every one that differs.
fn compare(fixtures: &Fixtures, statements: &[String]) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, fixtures.postgres().client("postgres").await);
        let text = alike(&ours, &theirs, statements, Fault::code).await;
        let mut differing = vec![];
        for statement in statements {
            let (here, there) = (binary(&ours, statement).await, binary(&theirs, statement).await);
            let show =
                |result: Result<Binary, Fault>| result.map_or_else(|fault| fault.code(), |b| format!("{b:02x?}"));
            let (here, there) = (show(here), show(there));
            if is_known(&format!("binary: {statement}")) {
                if here == there {
                    differing.push(format!(
                        "binary: {statement}\n    is the same now: take it off tests/it/known_differences.txt"
                    ));
                }
            } else if here != there {
                differing.push(format!("{statement}\n    here:       {here}\n    PostgreSQL: {there}"));
            }
        }
        let binary = all_well(&differing, statements.len());
        // Both are told: what differs in binary is often what differs as text.
        match (text, binary) {
            (Ok(()), binary) => binary,
            (text, Ok(())) => text,
            (Err(text), Err(binary)) => Err(format!(
                "as text: {}\n  in binary: {}",
                text.message().unwrap_or_default(),
                binary.message().unwrap_or_default()
            )
            .into()),
        }
    })
}

pub fn literals(fixtures: &Fixtures) -> Outcome {
    let literals: &[(&str, &[&str])] = &[
        ("bool", &["true", "false", "'t'", "'off'"]),
        ("int2", &["0", "-32768", "32767", "'12'"]),
        ("int4", &["0", "-2147483648", "2147483647", "'-7'"]),
        ("int8", &["0", "-9223372036854775808", "9223372036854775807"]),
        ("float4", &["0", "1.5", "'-0'", "3.4028235e38", "1e-45", "0.1", "'NaN'", "'Infinity'", "'-Infinity'"]),
        ("float8", &["0", "1.5", "'-0'", "1.7976931348623157e308", "5e-324", "0.1", "1e15", "1e16", "123456789.125"]),
        ("float8", &["'NaN'", "'Infinity'", "'-Infinity'", "1e-5", "0.0001", "100000", "1e100", "0.30000000000000004"]),
        ("numeric(10,2)", &["0", "1.5", "-99999999.99", "'0.01'", "10000", "-0.10", "1234.50"]),
        ("numeric(38,10)", &["0", "'9999999999999999999999999999.9999999999'", "'-0.0000000001'", "'10000.0001'"]),
        ("numeric(20,0)", &["18446744073709551615", "0", "-1", "10000", "100000000"]),
        ("text", &["'a'", "''", "'张伟 🙂'", "'it''s'", "E'tab\\t\\n\\\\'", "' x '", "'NULL'"]),
        ("varchar", &["'a'", "''", "'Ünï'"]),
        ("varchar(10)", &["'a'", "'1234567890'"]),
        ("bytea", &["'\\x'", "'\\xdeadbeef00'", "'\\x5c27'", "'abc'"]),
        ("date", &["'1970-01-01'", "'1969-12-31'", "'2024-02-29'", "'9999-12-31'", "'0001-01-01'", "'0044-03-15 BC'"]),
        ("time", &["'00:00'", "'23:59:59.999999'", "'12:34:56.7'", "'01:02:03'"]),
        ("timestamp", &["'1970-01-01 00:00:00'", "'1969-12-31 23:59:59.999999'", "'9999-12-31 23:59:59.999999'"]),
        ("timestamp", &["'2024-02-29 12:34:56.789'", "'0001-01-01 00:00:00'", "'1582-10-10 00:00:00'", "'2024-06-01'"]),
        ("timestamptz", &["'1970-01-01 00:00:00+00'", "'1969-12-31 23:59:59.999999+00'", "'2024-03-31 01:30:00+01'"]),
        ("timestamptz", &["'9999-12-31 23:59:59+00'", "'2024-06-01 12:00:00-07:30'", "'2024-06-01T12:00:00Z'"]),
        ("interval", &["'1 year 2 months 3 days 04:05:06.789'", "'-1 day'", "'00:00:00'", "'1 month -1 day'"]),
        ("interval", &["'-00:00:00.000001'", "'100 hours'", "'1 day'", "'-1 year -1 month'", "'3 days 04:00:00'"]),
        ("uuid", &["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'00000000-0000-0000-0000-000000000000'"]),
        ("uuid", &["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"]),
        ("json", &["'{\"b\":1, \"a\" : [1,2]}'", "'null'", "'\"张\"'"]),
        ("jsonb", &["'{\"a\": [1, 2], \"b\": 1}'", "'null'", "'\"张\"'", "'1.50'"]),
    ];
    let mut statements = vec![];
    for (pg_type, values) in literals {
        for value in *values {
            statements.push(format!("SELECT CAST({value} AS {pg_type}) AS v"));
        }
        statements.push(format!("SELECT NULL::{pg_type} AS v"));
    }
    // As they stand in real statements: with operators, in rows, without a cast.
    statements.extend(
        [
            "SELECT 1 AS a, 'x' AS b, 1.5::float8 AS c, true AS d, NULL AS e",
            "SELECT 1::int8 + 1 AS a, 7 / 2 AS b, -7 / 2 AS c, -7 % 3 AS d, 2::float8 / 4 AS e",
            "SELECT 'a' || 'b' AS a, upper('straße') AS b, length('张伟') AS c, substr('abc', 2) AS d",
            "SELECT count(*) AS a, sum(v) AS b, min(v) AS c, max(v) AS d FROM (VALUES (1), (2), (3)) AS t(v)",
            "SELECT v, v IS NULL AS n FROM (VALUES (1, 'a'), (2, NULL)) AS t(k, v) ORDER BY k",
            "SELECT date '2024-02-29' + 1 AS a, timestamp '2024-01-31 00:00' + interval '1 month' AS b",
            "SELECT date '2024-03-01' - date '2024-02-01' AS a",
            "SELECT extract(year FROM date '2024-02-29')::int4 AS a, date_trunc('month', timestamp '2024-02-29 10:00') AS b",
            "SELECT coalesce(NULL, 'x') AS a, CASE WHEN true THEN 1 ELSE 2 END AS b, nullif(1, 1) AS c",
            "SELECT sum(v::int8) AS a, avg(v::float8) AS b FROM (VALUES (1), (2)) AS t(v)",
            "SELECT 1 WHERE false",
        ]
        .map(str::to_string),
    );
    compare(fixtures, &statements)
}

pub fn arrays(fixtures: &Fixtures) -> Outcome {
    let statements: Vec<String> = [
        "SELECT ARRAY['a', 'b c', NULL, '', 'NULL', 'null', '\"', '\\', ',', '{}', '张', ' x']::text[] AS v",
        "SELECT ARRAY[1, NULL, -3]::int4[] AS v",
        "SELECT ARRAY[]::int4[] AS v, ARRAY[]::text[] AS w",
        "SELECT NULL::int4[] AS v, NULL::text[] AS w",
        "SELECT ARRAY[NULL]::int4[] AS v",
        "SELECT ARRAY[true, false, NULL]::bool[] AS v",
        "SELECT ARRAY[1.5, 2.25]::numeric(10,2)[] AS v",
        "SELECT ARRAY[0.1, -1e100]::float8[] AS v",
        "SELECT ARRAY[9223372036854775807]::int8[] AS v",
        "SELECT ARRAY['2024-02-29', NULL]::date[] AS v",
        "SELECT ARRAY['2024-02-29 12:00:00', NULL]::timestamp[] AS v",
        "SELECT (ARRAY[10, 20, 30])[2] AS v",
        "SELECT array_agg(v ORDER BY v) AS v FROM (VALUES (3), (1), (2)) AS t(v)",
    ]
    .map(str::to_string)
    .into();
    compare(fixtures, &statements)
}

pub fn zones(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, fixtures.postgres().client("postgres").await);
        let mut statements = vec![];
        for zone in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Shanghai"]
        {
            statements.push(format!("SET TimeZone = '{zone}'"));
            statements.push("SHOW TimeZone".to_string());
            for instant in [
                "2024-03-31 00:59:59+00",
                "2024-03-31 01:00:00+00",
                "2024-10-27 00:30:00+00",
                "2024-10-27 01:30:00+00",
                "1969-12-31 23:59:59.5+00",
                "2024-11-03 06:30:00+00",
                "1900-01-01 00:00:00+00",
                "9999-12-31 12:00:00+00",
            ] {
                statements.push(format!("SELECT timestamptz '{instant}' AS v"));
            }
            // Clock times that do not exist, or exist twice.
            for local in ["2024-03-31 02:30:00", "2024-10-27 02:30:00", "2024-03-10 02:30:00", "2024-11-03 01:30:00"] {
                statements.push(format!("SELECT timestamptz '{local}' AS v"));
                statements.push(format!("SELECT timestamp '{local}' AS v"));
            }
        }
        alike(&ours, &theirs, &statements, Fault::code).await
    })
}

/// What a client sends in binary comes back as it was, whether the type is said or found.
pub fn parameters(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        macro_rules! back {
            ($pg:ident, $value:expr, $rust:ty) => {{
                let value: $rust = $value;
                let said = client.prepare_typed("SELECT $1 AS v", &[Type::$pg]).await.map_err(Fault::from)?;
                let row = client.query_one(&said, &[&value]).await.map_err(Fault::from)?;
                same!(row.try_get::<_, $rust>(0).map_err(Fault::from)?, value, stringify!($pg));
                let null = client.query_one(&said, &[&None::<$rust>]).await.map_err(Fault::from)?;
                same!(null.try_get::<_, Option<$rust>>(0).map_err(Fault::from)?, None, "null of {}", stringify!($pg));
            }};
        }
        let day = chrono::NaiveDate::from_ymd_opt(1969, 7, 20).ok_or("a date")?;
        let at = day.and_hms_micro_opt(23, 59, 59, 999_999).ok_or("a time")?;
        back!(BOOL, true, bool);
        back!(INT2, i16::MIN, i16);
        back!(INT4, i32::MAX, i32);
        back!(INT8, i64::MIN, i64);
        back!(FLOAT4, 1.5e-30, f32);
        back!(FLOAT8, -1.7e308, f64);
        back!(TEXT, r"it's \ 张".to_string(), String);
        back!(VARCHAR, String::new(), String);
        back!(BYTEA, vec![0, 255, 92, 39], Vec<u8>);
        back!(DATE, day, chrono::NaiveDate);
        back!(TIME, at.time(), chrono::NaiveTime);
        back!(TIMESTAMP, at, chrono::NaiveDateTime);
        back!(TIMESTAMPTZ, at.and_utc(), chrono::DateTime<chrono::Utc>);
        back!(TEXT_ARRAY, vec![Some("a,b".to_string()), None], Vec<Option<String>>);
        back!(INT4_ARRAY, vec![Some(1), None, Some(-3)], Vec<Option<i32>>);
        // As text, where the client knows no binary form.
        let found = rows(&client, "SELECT $$it's$$ AS v").await?;
        same!(found, vec![vec![Some("it's".to_string())]]);
        Ok(())
    })
}

/// Types and their modifiers in the row description and in the catalog.
pub fn column_types(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, fixtures.postgres().client("postgres").await);
        let mut differing = vec![];
        let types = [
            "bool",
            "int2",
            "int4",
            "int8",
            "float4",
            "float8",
            "numeric(10,2)",
            "text",
            "varchar",
            "varchar(7)",
            "char(3)",
            "bytea",
            "date",
            "time",
            "timestamp",
            "timestamptz",
            "interval",
            "uuid",
            "json",
            "jsonb",
            "text[]",
            "int4[]",
            "numeric(10,2)[]",
            "timestamptz[]",
        ];
        for name in types {
            let sql = format!("SELECT NULL::{name} AS v");
            let mut described = vec![];
            for client in [&ours, &theirs] {
                let columns = client.prepare(&sql).await.map_err(Fault::from);
                described.push(columns.map(|s| {
                    let column = &s.columns()[0];
                    (column.name().to_string(), column.type_().oid(), column.type_modifier())
                }));
            }
            if described[0] != described[1] {
                differing.push(format!("{name}: {:?} here, {:?} at PostgreSQL", described[0], described[1]));
            }
        }
        all_well(&differing, types.len())
    })
}
