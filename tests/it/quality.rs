//! Rules, profiles and scores over real sources: the answers are the same wherever they are made, and rows stay where
//! they can be counted.

use rusqlite::Connection;

use super::Test;
use super::support::{Fixtures, Onerow, Outcome, Project};

pub const TESTS: &[Test] = &[
    ("profiles_are_counted_at_the_source", counted_there),
    ("a_large_table_is_profiled_where_it_is", large),
    ("rules_are_tested_at_the_source", tested_there),
    ("rules_in_files_have_their_places", in_files),
    ("rules_survive_a_restart", durable),
    ("sources_are_scored", scored),
];

/// The same ugly rows for each kind.
const ROWS: &str = "(1, 'Ann', 'ann@example.com', 10, '1969-12-31'), (2, 'O''Neil', 'x', -2147483648, '9999-12-31'), \
    (3, '', NULL, 2147483647, NULL), (4, NULL, 'ANN@example.com', NULL, '2000-02-29'), \
    (5, '京', 'ann@example.com', 10, '2000-02-29'), (6, 'Ş1', 'ş@example.com', 9, '2000-02-28')";

const PROFILE: &str = "SELECT * FROM profile('s.t')";

fn postgres(fixtures: &Fixtures, schema: &str) -> Project {
    let postgres = fixtures.postgres();
    postgres.sql(&format!(
        "CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (id int PRIMARY KEY, name text, email text, n int, born date);
         INSERT INTO {schema}.t VALUES {ROWS}; ANALYZE {schema}.t;"
    ));
    Project::new(&format!("{} IMPORT FOREIGN SCHEMA {schema} FROM SERVER pg INTO s;", postgres.declared("pg")))
}

fn mariadb(fixtures: &Fixtures, schema: &str) -> Project {
    let mariadb = fixtures.mariadb();
    mariadb.sql(&format!(
        "CREATE DATABASE {schema} CHARACTER SET utf8mb4; CREATE TABLE {schema}.t (id int PRIMARY KEY, \
         name varchar(40), email varchar(40), n int, born date); INSERT INTO {schema}.t VALUES {ROWS};"
    ));
    Project::new(&format!("{} IMPORT FOREIGN SCHEMA {schema} FROM SERVER my INTO s;", mariadb.declared("my")))
}

fn sqlite() -> Result<Project, rusqlite::Error> {
    let project = Project::new(
        "CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO s;",
    );
    let database = Connection::open(project.write("lite.db", ""))?;
    database.execute_batch(&format!(
        "CREATE TABLE t (id integer PRIMARY KEY, name text, email text, n integer, born date);
         INSERT INTO t VALUES {ROWS};"
    ))?;
    Ok(project)
}

/// The rows that sources have sent.
fn rows_sent(onerow: &Onerow) -> Result<i64, libtest_mimic::Failed> {
    Ok(onerow.sql("SELECT coalesce(sum(rows), 0) FROM onerow_stat_source")?.parse::<i64>()?)
}

fn counted_there(fixtures: &Fixtures) -> Outcome {
    let projects = [postgres(fixtures, "profiled"), mariadb(fixtures, "profiled"), sqlite()?];
    for project in &projects {
        let onerow = project.serve();
        let there = onerow.sql(PROFILE)?;
        let here = onerow.sql(&format!("SET onerow.push_down = off; {PROFILE}"))?;
        same!(there, here);
        holds!(there, "|6|0|6|1|6|NULL|NULL|{1,2,3,4,5,6}|");
    }
    Ok(())
}

fn large(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA profiled_large; CREATE TABLE profiled_large.t (id bigint, code text, city text, n int, ratio float8);
         INSERT INTO profiled_large.t
           SELECT g, 'AB' || g, CASE WHEN g % 10 = 0 THEN NULL ELSE 'city ' || g % 7 END, 250001 - g,
                  (ARRAY['NaN', '-0', '0', '-1.5', '2.25'])[g % 5 + 1]::float8
             FROM generate_series(1, 250000) g;
         ANALYZE profiled_large.t;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA profiled_large FROM SERVER pg INTO s;
         CREATE VIEW of_city AS SELECT code AS \"Code\", city FROM s.t WHERE city IS NOT NULL;",
        postgres.declared("pg")
    ));
    let onerow = project.serve();
    onerow.sql("SELECT onerow_stat_reset()")?;
    let told = onerow.sql(
        "SELECT column_name, rows, nulls, distinct_values, min, max, likely_key, likely_type FROM profile('s.t')",
    )?;
    same!(
        told,
        "id|250000|0|250000|1|250000|t|bigint\ncode|250000|0|250000|AB1|AB99999|t|text\n\
         city|250000|25000|7|city 0|city 6|f|text\nn|250000|0|250000|1|250000|t|integer\n\
         ratio|250000|0|4|-1.5|NaN|f|double precision"
    );
    let least = "SELECT frequent_values, pattern_counts FROM profile('s.t') WHERE column_name = ";
    same!(onerow.sql(&format!("{least}'n'"))?, "{1,2,3,4,5,6,7,8,9,10}|NULL");
    same!(
        onerow.sql(&format!("{least}'city'"))?,
        "{\"city 1\",\"city 0\",\"city 2\",\"city 4\",\"city 5\",\"city 3\",\"city 6\"}|{225000}"
    );
    same!(onerow.sql(&format!("{least}'ratio'"))?, "{0,-1.5,2.25,NaN}|NULL");
    let sent = rows_sent(&onerow)?;
    // One or two rows of counts and at most a thousand values a column.
    if sent > 2 * 5 * 1002 {
        return Err(format!("{sent} rows came from the source").into());
    }
    let plan = onerow.sql("EXPLAIN SELECT * FROM profile('s.t')")?;
    holds!(plan, "LIMIT 1000");
    // Of a column that is not asked for nothing is counted.
    let one = onerow.sql("EXPLAIN SELECT * FROM profile('s.t') WHERE column_name = 'n'")?;
    holds!(one, "\"n\"");
    lacks!(one, "\"city\"");
    holds!(plan, "count(");
    onerow.sql("SELECT onerow_stat_reset()")?;
    same!(
        onerow.sql("SELECT column_name, rows, distinct_values FROM profile('of_city')")?,
        "Code|225000|225000\ncity|225000|7"
    );
    if rows_sent(&onerow)? > 2000 {
        return Err("a view of one table was not counted at its source".into());
    }
    Ok(())
}

fn tested_there(fixtures: &Fixtures) -> Outcome {
    let projects = [postgres(fixtures, "ruled"), mariadb(fixtures, "ruled"), sqlite()?];
    for project in &projects {
        let onerow = project.serve();
        onerow.sql("CREATE RULE address ON s.t CHECK (email LIKE '%@%') WITH (message = 'no address')")?;
        onerow.sql("CREATE RULE small ON s.t CHECK (n < 1000) WITH (severity = 'warning', trust = 0.5)")?;
        for mode in ["on", "off", "always"] {
            let set = format!("SET onerow.push_down = {mode};");
            same!(
                onerow.sql(&format!("{set} SELECT rule, row ->> 'id' FROM violations('s.t') ORDER BY 1, 2"))?,
                "address|2\nsmall|3"
            );
            same!(onerow.sql(&format!("{set} SELECT id, reasons FROM rejected('s.t')"))?, "2|{\"no address\"}");
            same!(
                onerow.sql(&format!("{set} SELECT string_agg(id::text, ',' ORDER BY id) FROM accepted('s.t')"))?,
                "1,3,4,5,6"
            );
            same!(
                onerow.sql(&format!(
                    "{set} SELECT id, rule_trust FROM trusted('s.t') WHERE rule_trust < 1 ORDER BY id"
                ))?,
                "2|0\n3|0.5"
            );
        }
        // Only what is broken travels.
        onerow.sql("CREATE OR REPLACE RULE small ON s.t CHECK (n <> 9)")?;
        onerow.sql("CREATE OR REPLACE RULE address ON s.t CHECK (email <> 'x')")?;
        onerow.sql("SELECT onerow_stat_reset()")?;
        same!(onerow.sql("SELECT count(*) FROM violations('s.t') WHERE rule = 'small'")?, "1");
        if rows_sent(&onerow)? > 3 {
            return Err(format!("{} rows came for two violations", rows_sent(&onerow)?).into());
        }
        // A condition of the caller's reaches the source, also where the rule can fail.
        onerow.sql("CREATE RULE can_fail ON s.t CHECK (100 / (id - 1) < 100)")?;
        refused!(onerow.sql("SELECT count(*) FROM accepted('s.t')"), "22012");
        onerow.sql("SELECT onerow_stat_reset()")?;
        same!(onerow.sql("SELECT id FROM rejected('s.t') WHERE id = 2")?, "2");
        same!(rows_sent(&onerow)?, 1);
        // So do keys that are found at run time: no other row is tested.
        onerow.sql("CREATE TABLE wanted (id int)")?;
        onerow.sql("INSERT INTO wanted VALUES (2), (NULL), (7)")?;
        onerow.sql("SELECT onerow_stat_reset()")?;
        same!(onerow.sql("SELECT w.id, t.rule_trust FROM wanted w JOIN trusted('s.t') t ON t.id = w.id")?, "2|0");
        same!(rows_sent(&onerow)?, 1);
        // And a merged view over what rules say is searched.
        onerow.sql(
            "CREATE VIEW merged AS SELECT id, most_trusted(name, rule_trust) AS name FROM trusted('s.t') GROUP BY id",
        )?;
        holds!(onerow.sql("EXPLAIN SELECT * FROM merged WHERE name = '京'")?, "CandidatesExec");
        same!(onerow.sql("SELECT * FROM merged WHERE name = '京'")?, "5|京");
        holds!(onerow.psql(&["-c", "SELECT count(*) FROM trusted('s.t')"]).1, "CONTEXT:  rule \"can_fail\" on s.t");
    }
    Ok(())
}

fn in_files(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE RULE r ON clean.\"Person\" CHECK (id > 0);
         CREATE VIEW good AS SELECT * FROM accepted('clean.\"Person\"');
         CREATE TABLE clean.\"Person\" (id int, name text);",
    );
    let onerow = project.serve();
    onerow.sql("INSERT INTO clean.\"Person\" VALUES (1, 'a'), (-1, 'b')")?;
    same!(onerow.sql("SELECT name FROM good")?, "a");
    refused!(onerow.sql("DROP RULE r ON clean.\"Person\""), "55000", "is defined in");
    refused!(onerow.sql("CREATE OR REPLACE RULE r ON clean.\"Person\" CHECK (true)"), "55000");
    drop(onerow);
    for (sql, said) in [
        ("CREATE TABLE t (id int);\nCREATE RULE r ON t\n  CHECK (id > 0 AND nope);", ":3:21: error[42703]"),
        ("CREATE TABLE t (id int);\nCREATE RULE r ON t CHECK (id);", ":2:27: error[42804]"),
        ("\nCREATE RULE r ON nowhere CHECK (true);", ":2:18: error[42P01]"),
        (
            "CREATE TABLE t (id int);\nCREATE RULE r ON t CHECK (true);\nCREATE RULE r ON t CHECK (false);",
            ":3:1: error[42710]",
        ),
        ("CREATE TABLE t (id int);\nDROP RULE r ON t;", ":2:1: error[0A000]"),
    ] {
        let (code, out, err) = Project::new(sql).check();
        same!(code, 1, "{sql}\n{out}{err}");
        holds!(format!("{out}{err}"), said);
    }
    Ok(())
}

fn durable(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE TABLE t (id int, name text);");
    let onerow = project.serve();
    onerow.sql("INSERT INTO t VALUES (1, 'a'), (-1, 'b')")?;
    onerow
        .sql("CREATE RULE \"Ad ı\" ON t CHECK (id > 0) WITH (severity = 'warning', trust = 0.25, message = '京''s')")?;
    onerow.sql("BEGIN; CREATE RULE gone ON t CHECK (false); ROLLBACK")?;
    onerow.kill();
    let onerow = project.serve();
    same!(
        onerow.sql("SELECT schemaname, relname, rulename, severity, trust, message, expression FROM onerow_rules")?,
        "public|t|Ad ı|warning|0.25|京's|id > 0"
    );
    same!(onerow.sql("SELECT name, rule_trust FROM trusted('t') WHERE id < 0")?, "b|0.25");
    onerow.sql("DROP RULE \"Ad ı\" ON t")?;
    onerow.kill();
    same!(project.query("SELECT count(*) FROM onerow_rules").1, "count\n0\n");
    Ok(())
}

fn scored(fixtures: &Fixtures) -> Outcome {
    let pg = fixtures.postgres();
    pg.sql(
        "CREATE SCHEMA scored; CREATE TABLE scored.customer (id int PRIMARY KEY, email text, name text, at timestamptz);
         INSERT INTO scored.customer VALUES (1, 'a', 'Ann', '2020-01-01'), (2, 'b', 'Bob', '2021-01-01'),
           (3, 'c', NULL, NULL), (4, NULL, 'Çem', '1969-12-31')",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA scored FROM SERVER pg INTO erp;
         CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
         CREATE FOREIGN TABLE shop.account (id int, email text, name text) SERVER lite OPTIONS (table 'account');
         CREATE VIEW clean.person AS
           SELECT 'erp' AS source, id::text AS record_id, email, name, at FROM erp.customer
           UNION ALL SELECT 'shop', id::text, email, name, timestamptz '2022-01-01' FROM shop.account;
         CREATE VIEW customer AS SELECT email, newest(name, at) AS name, count(DISTINCT source) AS sources
           FROM clean.person WHERE email IS NOT NULL GROUP BY email;
         CREATE RULE capital ON clean.person CHECK (name <> upper(name)) WITH (severity = 'warning');",
        pg.declared("pg")
    ));
    let database = Connection::open(project.write("lite.db", ""))?;
    database.execute_batch(
        "CREATE TABLE account (id integer, email text, name text);
         INSERT INTO account VALUES (7, 'a', 'ANN'), (8, 'b', 'Bob'), (9, 'd', NULL);",
    )?;
    let onerow = project.serve();
    same!(
        onerow.sql(
            "SELECT source, column_name, round(completeness::numeric(9,4), 3), agreement, freshness BETWEEN 0 AND 1,
                    validity, rows FROM quality('customer')"
        )?,
        "erp|name|0.667|0.5|t|1|3\nshop|name|0.667|1|t|0.5|3"
    );
    holds!(onerow.sql("EXPLAIN SELECT * FROM quality('customer')")?, "SourceScan");
    Ok(())
}
