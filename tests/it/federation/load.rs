//! The same rows in every place, and at the reference.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};

use super::super::support::data::parquet;
use super::super::support::{Fixtures, Project};
use super::kind::{Kind, PLACES, Place, quoted};
use super::population::{Cell, Population, Table};

/// The database of the reference.
pub const REFERENCE: &str = "equality";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Fills the sources, and the reference with the views if there is one; makes the project that reads the sources.
pub fn load(population: &Population, fixtures: &Fixtures, reference_too: bool) -> Result<Project> {
    let name = format!("equality_{}", population.seed);
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    let mut at_postgres = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name};\n");
    let mut at_mariadb = format!(
        "SET time_zone = '+00:00'; DROP DATABASE IF EXISTS {name};
         CREATE DATABASE {name} CHARACTER SET utf8mb4; USE {name};\n"
    );
    let mut project_sql = format!(
        "{}{}CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location 'data');
         CREATE SCHEMA lite; CREATE SCHEMA csv; CREATE SCHEMA jsonl; CREATE SCHEMA parquet;
         IMPORT FOREIGN SCHEMA {name} FROM SERVER pg INTO pg;
         IMPORT FOREIGN SCHEMA {name} FROM SERVER my INTO my;\n",
        postgres.declared("pg"),
        mariadb.declared("my")
    );
    let mut reference = String::new();
    for place in PLACES {
        let schema = place.schema();
        reference.push_str(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema};\n"));
    }
    let project = Project::new("");
    let lite = rusqlite::Connection::open(project.path().join("lite.db"))?;
    for table in &population.tables {
        at_postgres.push_str(&postgres_table(&name, table));
        at_mariadb.push_str(&mariadb_table(table));
        sqlite_table(&lite, table)?;
        project.write(&format!("data/{}.csv", table.name), csv(table));
        project.write(&format!("data/{}.jsonl", table.name), jsonl(table));
        project.write(&format!("data/{}.parquet", table.name), parquet(&[batch(table)?]));
        let declared = columns(table, |kind| kind.read_from(Place::Lite).to_string());
        project_sql.push_str(&format!("CREATE FOREIGN TABLE lite.{} ({declared}) SERVER lite;\n", table.name));
        for place in [Place::Csv, Place::Jsonl, Place::Parquet] {
            let (schema, declared) = (place.schema(), columns(table, |kind| kind.sql().to_string()));
            project_sql.push_str(&format!(
                "CREATE FOREIGN TABLE {schema}.{0} ({declared}) SERVER lake OPTIONS (path '{0}.{schema}');\n",
                table.name
            ));
        }
        for place in PLACES {
            let declared = columns(table, |kind| kind.read_from(place).to_string());
            reference.push_str(&format!("CREATE TABLE {}.{} ({declared});\n", place.schema(), table.name));
            reference.push_str(&inserts(&format!("{}.{}", place.schema(), table.name), table, |kind, value| {
                format!("{}::{}", quoted(value), kind.sql())
            }));
        }
    }
    if reference_too {
        for (view, here, there) in views(population) {
            project_sql.push_str(&format!("CREATE VIEW {view} AS {here};\n"));
            reference.push_str(&format!("CREATE VIEW {view} AS {there};\n"));
        }
        let session = format!("\\connect {REFERENCE}\nSET timezone = 'UTC'; SET client_min_messages = error;\n");
        postgres.sql(&format!("{session}{reference}"));
    }
    postgres.sql(&at_postgres);
    mariadb.sql(&at_mariadb);
    project.write("10_main.sql", project_sql);
    Ok(project)
}

/// Makes the reference's database. Text compares by bytes here, so it does there.
pub fn make_reference(fixtures: &Fixtures) {
    fixtures.postgres().sql(&format!(
        "DROP DATABASE IF EXISTS {REFERENCE};
         CREATE DATABASE {REFERENCE} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';"
    ));
}

/// The views: name, columns.
pub const VIEWS: [(&str, &[(&str, Kind)]); 3] = [
    (
        "every_row",
        &[
            ("source", Kind::Code),
            ("id", Kind::Big),
            ("k", Kind::Code),
            ("t", Kind::Text),
            ("n", Kind::Big),
            ("at", Kind::Instant),
        ],
    ),
    (
        "greatest_row",
        &[("k", Kind::Code), ("t", Kind::Text), ("n", Kind::Big), ("at", Kind::Instant), ("records", Kind::Big)],
    ),
    (
        "golden",
        &[("k", Kind::Code), ("t", Kind::Text), ("n", Kind::Big), ("at", Kind::Instant), ("records", Kind::Big)],
    ),
];

/// The views: name, definition here, definition at the reference, which has no merge functions.
fn views(population: &Population) -> Vec<(&'static str, String, String)> {
    let parts: Vec<String> = [Place::Pg, Place::My, Place::Lite]
        .iter()
        .zip(population.tables.iter().cycle())
        .map(|(place, table)| {
            format!(
                "SELECT '{0}'::text AS source, id::bigint AS id, k, t, n::bigint AS n, at FROM {0}.{1}",
                place.schema(),
                table.name
            )
        })
        .collect();
    let every = parts.join(" UNION ALL ");
    let greatest = "SELECT k, max(t) AS t, min(n) AS n, max(at) AS at, count(*) AS records FROM every_row GROUP BY k";
    let golden = |newest: &dyn Fn(&str) -> String| {
        format!(
            "SELECT k, {} AS t, {} AS n, max(at) AS at, count(*) AS records FROM every_row
             WHERE k IS NOT NULL GROUP BY k",
            newest("t"),
            newest("n")
        )
    };
    let here = golden(&|column| format!("newest({column}, at)"));
    let there = golden(&|column| {
        format!(
            "(array_agg({column} ORDER BY at DESC NULLS LAST, {column} DESC) FILTER (WHERE {column} IS NOT NULL))[1]"
        )
    });
    vec![
        ("every_row", every.clone(), every),
        ("greatest_row", greatest.to_string(), greatest.to_string()),
        ("golden", here, there),
    ]
}

fn columns(table: &Table, sql: impl Fn(Kind) -> String) -> String {
    let columns: Vec<String> = table.columns.iter().map(|(name, kind)| format!("{name} {}", sql(*kind))).collect();
    columns.join(", ")
}

fn inserts(name: &str, table: &Table, value: impl Fn(Kind, &str) -> String) -> String {
    let rows: Vec<String> = table
        .rows
        .iter()
        .map(|row| {
            let values: Vec<String> = row
                .iter()
                .zip(&table.columns)
                .map(|(cell, (_, kind))| cell.as_deref().map_or("NULL".into(), |cell| value(*kind, cell)))
                .collect();
            format!("({})", values.join(", "))
        })
        .collect();
    if rows.is_empty() { String::new() } else { format!("INSERT INTO {name} VALUES {};\n", rows.join(",\n")) }
}

fn postgres_table(schema: &str, table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .zip(&table.loose)
        .map(|((name, kind), loose)| {
            let collation = if *loose { " COLLATE \"de-x-icu\"" } else { "" };
            format!("{name} {}{collation}", kind.sql())
        })
        .collect();
    let name = format!("{schema}.{}", table.name);
    format!(
        "CREATE TABLE {name} ({}, PRIMARY KEY (id));\n{}ANALYZE {name};\n",
        columns.join(", "),
        inserts(&name, table, |kind, value| format!("{}::{}", quoted(value), kind.sql()))
    )
}

fn mariadb_table(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .zip(&table.loose)
        .map(|((name, kind), loose)| {
            let collation = match (kind.is_text(), loose) {
                (true, true) => " COLLATE utf8mb4_general_ci",
                (true, false) => " COLLATE utf8mb4_nopad_bin",
                (false, _) => "",
            };
            format!("{name} {}{collation}", kind.mariadb())
        })
        .collect();
    let value = |kind: Kind, value: &str| match kind {
        Kind::Text | Kind::Code => {
            let bytes: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
            format!("CONVERT(X'{bytes}' USING utf8mb4)")
        }
        Kind::Flag => if value == "t" { "b'1'" } else { "b'0'" }.to_string(),
        Kind::Day | Kind::Moment => format!("'{value}'"),
        Kind::Instant => format!("'{}'", value.trim_end_matches("+00")),
        Kind::Extreme | Kind::Ratio if !value.contains('e') => format!("{value}e0"),
        _ => value.to_string(),
    };
    format!(
        "CREATE TABLE {0} ({1}, PRIMARY KEY (id));\n{2}",
        table.name,
        columns.join(", "),
        inserts(&table.name, table, value)
    )
}

fn sqlite_table(lite: &rusqlite::Connection, table: &Table) -> Result<()> {
    use rusqlite::types::Value;
    let columns: Vec<String> = table
        .columns
        .iter()
        .zip(&table.loose)
        .map(|((name, kind), loose)| {
            let key = if name == "id" { " PRIMARY KEY" } else { "" };
            let collation = if *loose { " COLLATE NOCASE" } else { "" };
            format!("{name} {}{key}{collation}", kind.sqlite())
        })
        .collect();
    lite.execute_batch(&format!("CREATE TABLE {} ({}); BEGIN", table.name, columns.join(", ")))?;
    for row in &table.rows {
        let values: Vec<Value> = row
            .iter()
            .zip(&table.columns)
            .map(|(cell, (_, kind))| {
                let Some(cell) = cell else { return Ok(Value::Null) };
                Ok(match kind {
                    Kind::Small | Kind::Int | Kind::Big => Value::Integer(cell.parse()?),
                    Kind::Ratio | Kind::Extreme => Value::Real(cell.parse()?),
                    Kind::Flag => Value::Integer(i64::from(cell == "t")),
                    _ => Value::Text(cell.clone()),
                })
            })
            .collect::<Result<_>>()?;
        let marks = vec!["?"; values.len()].join(", ");
        lite.execute(&format!("INSERT INTO {} VALUES ({marks})", table.name), rusqlite::params_from_iter(values))?;
    }
    lite.execute_batch("COMMIT")?;
    Ok(())
}

/// A field that is not quoted and empty is NULL.
fn csv(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!("{}\n", names.join(","));
    for row in &table.rows {
        let fields: Vec<String> = row
            .iter()
            .map(|cell| cell.as_ref().map_or(String::new(), |cell| format!("\"{}\"", cell.replace('"', "\"\""))))
            .collect();
        text.push_str(&format!("{}\n", fields.join(",")));
    }
    text
}

fn jsonl(table: &Table) -> String {
    let mut text = String::new();
    for row in &table.rows {
        let members: Vec<String> = row
            .iter()
            .zip(&table.columns)
            .map(|(cell, (name, kind))| {
                let value = match (cell, kind) {
                    (None, _) => "null".to_string(),
                    (Some(cell), Kind::Flag) => (cell == "t").to_string(),
                    (Some(cell), Kind::Text | Kind::Code | Kind::Day | Kind::Moment | Kind::Instant) => {
                        serde_json::Value::from(cell.as_str()).to_string()
                    }
                    (Some(cell), _) => cell.clone(),
                };
                format!("\"{name}\": {value}")
            })
            .collect();
        text.push_str(&format!("{{{}}}\n", members.join(", ")));
    }
    text
}

fn batch(table: &Table) -> Result<RecordBatch> {
    let columns = table.columns.iter().enumerate().map(|(at, (name, kind))| {
        let cells: Vec<&Cell> = table.rows.iter().map(|row| &row[at]).collect();
        Ok((name.clone(), array(*kind, &cells)?, true))
    });
    Ok(RecordBatch::try_from_iter_with_nullable(columns.collect::<Result<Vec<_>>>()?)?)
}

fn array(kind: Kind, cells: &[&Cell]) -> Result<ArrayRef> {
    fn each<T>(cells: &[&Cell], read: impl Fn(&str) -> Result<T>) -> Result<Vec<Option<T>>> {
        cells.iter().map(|cell| cell.as_deref().map(&read).transpose()).collect()
    }
    fn moment(text: &str) -> Result<i64> {
        let at = NaiveDateTime::parse_from_str(text.trim_end_matches("+00"), "%Y-%m-%d %H:%M:%S%.f")?;
        Ok(at.and_utc().timestamp_micros())
    }
    fn decimal(text: &str) -> Result<i128> {
        Ok(text.replace('.', "").parse()?)
    }
    Ok(match kind {
        Kind::Small => Arc::new(Int16Array::from(each(cells, |text| Ok(text.parse()?))?)),
        Kind::Int => Arc::new(Int32Array::from(each(cells, |text| Ok(text.parse()?))?)),
        Kind::Big => Arc::new(Int64Array::from(each(cells, |text| Ok(text.parse()?))?)),
        Kind::Price => Arc::new(Decimal128Array::from(each(cells, decimal)?).with_precision_and_scale(12, 2)?),
        Kind::Wide => Arc::new(Decimal128Array::from(each(cells, decimal)?).with_precision_and_scale(38, 10)?),
        Kind::Ratio | Kind::Extreme => Arc::new(Float64Array::from(each(cells, |text| Ok(text.parse()?))?)),
        Kind::Text | Kind::Code => Arc::new(StringArray::from(each(cells, |text| Ok(text.to_string()))?)),
        Kind::Day => Arc::new(Date32Array::from(each(cells, |text| {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d")?;
            Ok(i32::try_from((day - NaiveDate::default()).num_days())?)
        })?)),
        Kind::Moment => Arc::new(TimestampMicrosecondArray::from(each(cells, moment)?)),
        Kind::Instant => Arc::new(TimestampMicrosecondArray::from(each(cells, moment)?).with_timezone("UTC")),
        Kind::Flag => Arc::new(BooleanArray::from(each(cells, |text| Ok(text == "t"))?)),
    })
}
