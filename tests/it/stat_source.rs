//! `onerow_stat_source`: what each source was asked.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};

use super::Test;
use super::support::data::parquet;
use super::support::{Fixtures, Outcome, Project};

pub const TESTS: &[Test] =
    &[("statements_are_summed", summed), ("no_value_is_kept", values), ("files_are_counted", files)];

fn summed(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA summed; CREATE TABLE summed.t (id int PRIMARY KEY, name text);
         INSERT INTO summed.t SELECT g, 'n' || g FROM generate_series(1, 50) g; ANALYZE summed.t;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA summed FROM SERVER pg INTO pg;
         CREATE SERVER down FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1', port '1', dbname 'x');
         CREATE USER MAPPING FOR PUBLIC SERVER down OPTIONS (user 'u', password 'hidden-word');
         CREATE FOREIGN TABLE gone (id int) SERVER down;",
        postgres.declared("pg")
    ));
    let onerow = project.serve();
    for id in [1, 2, 3] {
        // A plan that is used again reads the column that it compares too: that is another statement.
        onerow.sql(&format!("SET plan_cache_mode = force_custom_plan; SELECT name FROM pg.t WHERE id = {id}"))?;
    }
    onerow.sql("SELECT name FROM pg.t WHERE id > 40")?;
    refused!(onerow.sql("SELECT id FROM gone"), "08006");
    let told = onerow.sql(
        "SELECT server, kind, calls, rows, errors, retries, skipped, bytes > 0, round_trips >= calls,
                total_exec_time >= max_exec_time, abs(mean_exec_time * calls - total_exec_time) < 0.1,
                last_at BETWEEN now() - interval '1 minute' AND now()
           FROM onerow_stat_source WHERE statement LIKE '%WHERE (\"id\" = $1%'",
    )?;
    same!(told, "pg|postgres|3|3|0|0|0|t|t|t|t|t");
    same!(onerow.sql("SELECT sum(rows), count(*) FROM onerow_stat_source WHERE server = 'pg'")?, "13|2");
    let failed = onerow.sql("SELECT calls, errors, last_error, mean_exec_time IS NULL FROM pg_catalog.onerow_stat_source WHERE server = 'down'")?;
    holds!(failed, "1|1|08006: server \"down\": could not connect");
    lacks!(onerow.sql("SELECT * FROM onerow_stat_source")?, "hidden-word");
    // One statement, however many keys it has.
    onerow.sql("CREATE TABLE wanted (id int)")?;
    for rows in ["(1)", "(2), (3)"] {
        onerow.sql(&format!("INSERT INTO wanted VALUES {rows}"))?;
        onerow.sql("SELECT t.name FROM wanted w JOIN pg.t ON t.id = w.id")?;
    }
    same!(onerow.sql("SELECT calls, rows FROM onerow_stat_source WHERE statement LIKE '%keys found%'")?, "2|4");
    same!(onerow.sql("SELECT onerow_stat_reset()")?, "");
    same!(onerow.sql("SELECT count(*) FROM onerow_stat_source")?, "0");
    holds!(onerow.psql(&["-c", "\\d onerow_stat_source"]).0, "total_exec_time");
    Ok(())
}

fn values(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA valued; CREATE TABLE valued.t (id int, name text); INSERT INTO valued.t VALUES (1, 'ann');",
    );
    let project =
        Project::new(&format!("{} IMPORT FOREIGN SCHEMA valued FROM SERVER pg INTO pg;", postgres.declared("pg")));
    let onerow = project.serve();
    onerow.sql("SELECT id FROM pg.t WHERE name = 'hushed@example.com' LIMIT 77")?;
    onerow.sql("SELECT left(name, 76), count(*) FROM pg.t WHERE name LIKE 'hushed%' GROUP BY 1")?;
    onerow.sql("SELECT * FROM remote_query('pg', $$SELECT 'hushed' AS a, 7654 AS b, E'hu\\'hushed' -- hushed$$)")?;
    refused!(
        onerow.sql("SELECT * FROM remote_query('pg', 'SELECT (''hushed'' || id)::int AS n FROM valued.t')"),
        "22P02",
        "hushed1"
    );
    let told = onerow.sql("SELECT statement, last_error FROM onerow_stat_source")?;
    same!(told.lines().count(), 4, "{told}");
    for word in ["hushed", "77", "76"] {
        lacks!(told, word);
    }
    holds!(told, "22P02: ");
    Ok(())
}

fn files(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '.');
         CREATE FOREIGN TABLE event SERVER lake OPTIONS (path 'event.parquet');
         CREATE FOREIGN TABLE word (id int, name text) SERVER lake OPTIONS (path 'word.csv');",
    );
    let numbers = |from: i64| Arc::new(Int64Array::from_iter_values(from..from + 1000)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("id", numbers(0)), ("other", numbers(5000))])?;
    project.write("event.parquet", parquet(&[batch]));
    project.write("word.csv", "id,name\n1,a\n2,b\n");
    let onerow = project.serve();
    let plan = onerow.sql("EXPLAIN (ANALYZE) SELECT sum(id) FROM event")?;
    for part in ["bytes_received=", "round_trips=", "time_at_source="] {
        holds!(plan, part);
    }
    onerow.sql("SELECT onerow_stat_reset()")?;
    same!(onerow.sql("SELECT sum(id) FROM event")?, "499500");
    same!(onerow.sql("SELECT count(*) FROM word WHERE name = 'b'")?, "1");
    same!(
        onerow.sql(
            "SELECT statement, kind, calls, rows, bytes > 0, round_trips > 0 FROM onerow_stat_source ORDER BY statement"
        )?,
        "csv word.csv, columns=[name]|files|1|2|t|t\nparquet event.parquet, columns=[id]|files|1|1000|t|t"
    );
    Ok(())
}
