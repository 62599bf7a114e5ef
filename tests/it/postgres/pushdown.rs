//! What PostgreSQL is asked, and that its answer is the one that would be computed here.

use super::super::support::pushdown::{TEXT_PREDICATES, UGLY_TEXTS, literals_hold, quoted, same_rows, sent};
use super::super::support::wire::{Fault, alike, rows};
use super::super::support::{Fixtures, Onerow, Outcome, Project, block_on};

/// Makes `SCHEMA.t (id, name)` with every ugly text and serves it as `SCHEMA.t` here too.
fn texts_in(fixtures: &Fixtures, schema: &str, column: &str) -> (Project, Onerow) {
    let postgres = fixtures.postgres();
    let rows: Vec<String> =
        UGLY_TEXTS.iter().enumerate().map(|(id, text)| format!("({id}, {})", quoted(text))).collect();
    postgres.sql(&format!(
        "CREATE SCHEMA {schema}; CREATE COLLATION {schema}.loose
           (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE {schema}.t (id int PRIMARY KEY, name {column});
         INSERT INTO {schema}.t VALUES {}, (1000, NULL);",
        rows.join(", ")
    ));
    let declared = postgres.declared("pg");
    let project = Project::new(&format!("{declared} IMPORT FOREIGN SCHEMA {schema} FROM SERVER pg INTO {schema};"));
    let onerow = project.serve();
    (project, onerow)
}

pub fn texts(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = texts_in(fixtures, "pushed_texts", "text");
    block_on(async {
        let (ours, theirs) = (onerow.client().await, fixtures.postgres().client("postgres").await);
        same_rows(&ours, "pushed_texts.t", "id", TEXT_PREDICATES).await?;
        // The database compares by bytes, so it agrees with all of them.
        let asked: Vec<String> = TEXT_PREDICATES
            .iter()
            .map(|predicate| format!("SELECT id FROM pushed_texts.t WHERE {predicate} ORDER BY id"))
            .collect();
        alike(&ours, &theirs, &asked, Fault::code).await
    })
}

/// Text compares by bytes here, whatever the source's collation makes of it.
pub fn collations(fixtures: &Fixtures) -> Outcome {
    for (schema, column) in [
        ("pushed_german", "text COLLATE \"de-x-icu\""),
        ("pushed_loose", "text COLLATE pushed_loose.loose"),
        ("pushed_c", "text COLLATE \"C\""),
        ("pushed_varchar", "varchar(100)"),
    ] {
        let (_project, onerow) = texts_in(fixtures, schema, column);
        // LIKE is not supported at the source for such a collation; nothing of that may be seen here.
        block_on(async {
            let client = onerow.client().await;
            same_rows(&client, &format!("{schema}.t"), "id", TEXT_PREDICATES).await
        })?;
        same!(onerow.sql(&format!("SELECT count(*) FROM {schema}.t WHERE name = 'ann'"))?, "1", "{schema}");
        same!(onerow.sql(&format!("SELECT count(DISTINCT name) FROM {schema}.t"))?, UGLY_TEXTS.len().to_string());
    }
    Ok(())
}

pub fn typed(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA pushed_types;
         CREATE TYPE pushed_types.mood AS ENUM ('sad', 'ok', 'happy');
         CREATE TABLE pushed_types.t (id int PRIMARY KEY, n int, big bigint, small smallint, price numeric(10,2),
           bare numeric, ratio float8, single real, day date, clock time, naive timestamp, instant timestamptz, key uuid,
           flag boolean, mood pushed_types.mood, code varchar(10), fixed char(5), raw bytea, doc jsonb, words text[]);
         INSERT INTO pushed_types.t
           SELECT g, g % 7 - 3, (g - 10)::bigint * 1000000000000, (g % 5)::smallint, (g - 10) * 1.25, (g - 10) / 8.0,
             CASE g % 6 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN 0 WHEN 3 THEN '-0' ELSE g / 4.0 END,
             (g - 10) / 4.0, DATE '1970-01-01' + (g - 10) * 400, TIME '00:00' + g * INTERVAL '59 min',
             TIMESTAMP '1969-12-31 23:59:59.999999' + (g - 10) * INTERVAL '1 microsecond',
             TIMESTAMPTZ '2024-03-31 00:59:59+00' + (g - 10) * INTERVAL '1 second',
             ('00000000-0000-0000-0000-0000000000' || lpad(g::text, 2, '0'))::uuid, g % 3 = 0,
             (ARRAY['sad', 'ok', 'happy'])[g % 3 + 1]::pushed_types.mood, 'c' || g % 4, left('abcde', g % 6),
             decode(lpad(to_hex(g), 2, '0'), 'hex'), jsonb_build_object('g', g), ARRAY['a', g::text]
           FROM generate_series(1, 20) AS g;
         INSERT INTO pushed_types.t (id) VALUES (100);",
    );
    let declared = postgres.declared("pg");
    let project =
        Project::new(&format!("{declared} IMPORT FOREIGN SCHEMA pushed_types FROM SERVER pg INTO pushed_types;"));
    let onerow = project.serve();
    let predicates = [
        "n = 1",
        "n <> 1",
        "n < 0",
        "n >= 2",
        "n IN (1, 2)",
        "n NOT IN (1, 2)",
        "n = 1.0",
        "n = 1.5",
        "n < 1.5",
        "n + 1 = 2",
        "big = 9000000000000",
        "big > 9223372036854775806",
        "big BETWEEN -1 AND 1",
        "small = 3",
        "small = 70000",
        "small < 2",
        "price = 1.25",
        "price = 1.250",
        "price > 1.255",
        "price <> 0",
        "price IN (1.25, 2.5)",
        "price = 1",
        "bare = 0.125",
        "bare > 0.12499",
        "bare < -1",
        "ratio = 0",
        "ratio = 'NaN'",
        "ratio > 2",
        "ratio < 'Infinity'",
        "ratio <> 1.0",
        "ratio = 'Infinity'",
        "ratio >= 0",
        "NOT (ratio > 2)",
        "ratio IN (0, 1)",
        "single = 0.25",
        "single > 0.1",
        "day = '1970-01-01'",
        "day < '1970-01-01'",
        "day BETWEEN '1965-01-01' AND '1975-01-01'",
        "day > '1969-12-31'",
        "clock = '00:59'",
        "clock > '12:00'",
        "naive = '1970-01-01 00:00:00'",
        "naive < '1970-01-01 00:00:00'",
        "naive >= '1969-12-31 23:59:59.999999'",
        "instant = '2024-03-31 01:00:00+00'",
        "instant < '2024-03-31 03:00:00+02'",
        "instant >= timestamptz '2024-03-31 01:00:05Z'",
        "key = '00000000-0000-0000-0000-000000000007'",
        "key < '00000000-0000-0000-0000-000000000007'",
        "key = upper('00000000-0000-0000-0000-000000000007')",
        "key <> '00000000-0000-0000-0000-000000000007'",
        "flag",
        "NOT flag",
        "flag = true",
        "flag IS NULL",
        "flag IS TRUE",
        "flag IS NOT TRUE",
        "flag <> true",
        "mood = 'ok'",
        "mood < 'ok'",
        "mood IN ('ok', 'sad')",
        "mood = 'OK'",
        "mood IS NOT NULL",
        "mood LIKE '%a%'",
        "code = 'c1'",
        "code > 'c1'",
        "code LIKE 'c_'",
        "fixed = 'abc'",
        "fixed = 'abc  '",
        "fixed <> 'abc'",
        "fixed < 'b'",
        "fixed LIKE 'ab%'",
        "fixed = ''",
        "raw = '\\x0a'::bytea",
        "raw > '\\x0a'::bytea",
        "doc IS NULL",
        "words IS NULL",
        "n = 1 AND flag",
        "n = 1 OR flag",
        "(n = 1 OR mood = 'ok') AND NOT (price > 0)",
        "n IS NULL OR n > 1",
        "NOT (n = 1 AND flag)",
        "n = 1 OR upper(code) = 'C1'",
        "n = 1 AND upper(code) = 'C1'",
        "n = small",
        "n = NULL",
        "n IN (1, NULL)",
        "n NOT IN (1, NULL)",
        "n BETWEEN 2 AND 1",
        "true",
        "false",
        "1 = n",
        "n IS NOT DISTINCT FROM 1",
        "n IS DISTINCT FROM NULL",
        "CASE WHEN n = 1 THEN true ELSE flag END",
        "day = timestamp '1970-01-01 00:00:00'",
        "naive > date '1970-01-01'",
        "instant > timestamp '2024-03-31 01:00:00'",
        "price * 2 = 2.5",
        "abs(n) = 1",
        "n % 2 = 0",
        "n / 2 = 1",
        "coalesce(n, 0) = 0",
        "length(code) = 2",
    ];
    block_on(async {
        let (client, theirs) = (onerow.client().await, postgres.client("postgres").await);
        same_rows(&client, "pushed_types.t", "id", &predicates).await?;
        // Of the two zeros either may stand for both.
        for sql in [
            "SELECT CASE WHEN ratio <> 0 THEN ratio ELSE 0 END, count(*) FROM pushed_types.t GROUP BY ratio ORDER BY ratio",
            "SELECT count(DISTINCT ratio), count(DISTINCT single), max(ratio), min(single) FROM pushed_types.t",
            "SELECT id FROM pushed_types.t ORDER BY ratio DESC NULLS LAST, id LIMIT 9",
            "SELECT count(*) FROM pushed_types.t a JOIN pushed_types.t b ON a.ratio = b.ratio WHERE b.id < 9",
            "SELECT id FROM pushed_types.t WHERE ratio NOT IN (0, 1, 2, 3) ORDER BY id",
            "SELECT id FROM pushed_types.t WHERE ratio = 0 OR ratio = 1 OR ratio = 2 OR ratio = 4 OR ratio = 5 ORDER BY id",
            "SELECT id, CASE ratio WHEN 0 THEN 'zero' WHEN 1 THEN 'one' WHEN 'NaN' THEN 'none' END FROM pushed_types.t
               ORDER BY id",
        ] {
            let expected = rows(&theirs, sql).await?;
            for mode in ["always", "on", "filters", "off"] {
                client.batch_execute(&format!("SET onerow.push_down = {mode}")).await?;
                same!(rows(&client, sql).await?, expected, "{sql}, push_down = {mode}");
            }
        }
        Ok(())
    })
}

pub fn literals(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = texts_in(fixtures, "pushed_literals", "text");
    block_on(async {
        let client = onerow.client().await;
        literals_hold(&client, "pushed_literals.t").await
    })
}

/// A table with columns that are asked for and columns that are not.
fn customers(fixtures: &Fixtures, schema: &str) -> (Project, Onerow) {
    let postgres = fixtures.postgres();
    postgres.sql(&format!(
        "CREATE SCHEMA {schema};
         CREATE TABLE {schema}.customer (id int PRIMARY KEY, email text, name text, city text, updated_at timestamptz);
         CREATE TABLE {schema}.account (id int PRIMARY KEY, email text, name text, city text, updated_at timestamptz);
         INSERT INTO {schema}.customer
           SELECT g, 'c' || g || '@x.org', 'n' || g, 'secret', now() FROM generate_series(1, 50) g;
         INSERT INTO {schema}.account
           SELECT g, 'c' || g || '@x.org', 'm' || g, 'secret', now() FROM generate_series(1, 50) g;"
    ));
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA {schema} FROM SERVER pg INTO pg;
         CREATE VIEW person AS SELECT 'a' AS source, email, name, updated_at FROM pg.customer
           UNION ALL SELECT 'b', email, name, updated_at FROM pg.account;
         CREATE VIEW merged AS SELECT email, newest(name, updated_at) AS name, count(*) AS records FROM person
           WHERE email IS NOT NULL GROUP BY email;
         CREATE VIEW outer_view AS SELECT email, name FROM merged WHERE records > 1;",
        postgres.declared("pg")
    ));
    let onerow = project.serve();
    (project, onerow)
}

pub fn needed(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = customers(fixtures, "pushed_needed");
    let lines = sent(&onerow, "SELECT name FROM pg.customer WHERE email = 'c7@x.org' AND id > 3")?;
    same!(lines.len(), 1);
    for part in ["SourceScan", "\"name\"", "customer", "WHERE", "$1", "$2", "\"email\""] {
        holds!(lines[0], part);
    }
    for part in ["city", "updated_at", "c7@x.org", "*"] {
        lacks!(lines[0], part);
    }
    same!(onerow.sql("SELECT name FROM pg.customer WHERE email = 'c7@x.org' AND id > 3")?, "n7");
    // To count needs no column; a join of two tables of one server is made there.
    lacks!(sent(&onerow, "SELECT count(*) FROM pg.customer")?[0], "name");
    let joined = "SELECT c.name FROM pg.customer c JOIN pg.account a ON a.email = c.email WHERE a.id = 5 AND c.id < 10";
    let lines = sent(&onerow, joined)?;
    same!(lines.len(), 1);
    for part in [" JOIN ", "WHERE", "\"name\"", "customer", "account"] {
        holds!(lines[0], part);
    }
    same!(onerow.sql(joined)?, "n5");
    // One that is made here asks each side for its own.
    let plan = onerow.sql(&format!("SET onerow.push_down = filters; EXPLAIN {joined}"))?;
    let lines: Vec<&str> = plan.lines().filter(|line| line.contains("SourceScan")).collect();
    same!(lines.len(), 2);
    for line in &lines {
        holds!(line, "WHERE");
        lacks!(line, "city");
        lacks!(line, "updated_at");
    }
    let account = lines.iter().find(|line| line.contains("account")).ok_or("no scan of account")?;
    lacks!(account, "name\"");
    Ok(())
}

pub fn through_views(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = customers(fixtures, "pushed_views");
    for view in ["person", "merged", "outer_view"] {
        let lines = sent(&onerow, &format!("SELECT name FROM {view} WHERE email = 'c7@x.org'"))?;
        same!(lines.len(), 2, "scans below {view}");
        for line in &lines {
            for part in ["WHERE", "\"email\" = $", "\"name\""] {
                holds!(line, part);
            }
            lacks!(line, "city");
        }
        same!(
            onerow.sql(&format!("SELECT count(*) FROM {view} WHERE email = 'c7@x.org'"))?,
            if view == "person" { "2" } else { "1" }
        );
    }
    // A filter on a merged value searches for keys; where rows are read to be merged it would merge other rows.
    let lines = sent(&onerow, "SELECT email FROM merged WHERE name = 'n7'")?;
    let items = |line: &&String| line.split(" FROM ").next().is_some_and(|items| items.contains("\"name\""));
    let read: Vec<&String> = lines.iter().filter(items).collect();
    same!(read.len(), 2, "{lines:#?}");
    for line in read {
        lacks!(line, "\"name\" =");
    }
    same!(
        onerow.sql("SELECT email FROM merged WHERE name = 'n7'")?,
        onerow.sql("SET onerow.merged_filter = off; SELECT email FROM merged WHERE name = 'n7'")?
    );
    // Nor one above a limit.
    for line in sent(&onerow, "SELECT * FROM (SELECT email, id FROM pg.customer LIMIT 5) t WHERE id = 7")? {
        lacks!(line, "WHERE");
    }
    // On the null side of an outer join the filter of ON is sent, that of WHERE on the other side is not.
    let joined =
        "SELECT c.id, a.id FROM pg.customer c LEFT JOIN pg.account a ON a.email = c.email AND a.id > 40 WHERE c.id = 3";
    same!(onerow.sql(joined)?, "3|NULL");
    Ok(())
}

pub fn limits(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = customers(fixtures, "pushed_limits");
    for (sql, limit) in [
        ("SELECT id FROM pg.customer LIMIT 5", "LIMIT 5"),
        ("SELECT id FROM pg.customer WHERE id > 10 LIMIT 5", "LIMIT 5"),
        ("SELECT id FROM pg.customer LIMIT 5 OFFSET 2", "LIMIT 5 OFFSET 2"),
        (
            "SELECT id FROM pg.customer ORDER BY name LIMIT 1",
            "ORDER BY t1.\"name\" COLLATE \"C\" ASC NULLS LAST LIMIT 1",
        ),
        ("SELECT city, count(*) FROM pg.customer GROUP BY city LIMIT 1", "GROUP BY t1.\"city\" LIMIT 1"),
        ("SELECT DISTINCT city FROM pg.customer LIMIT 1", "GROUP BY t1.\"city\" LIMIT 1"),
        ("SELECT * FROM (SELECT id FROM pg.customer) t LIMIT 1", "LIMIT 1"),
    ] {
        holds!(sent(&onerow, sql)?[0], limit);
    }
    // Never below what is filtered here, sorted, grouped or joined.
    for sql in [
        "SELECT id FROM pg.customer WHERE upper(name) = 'N7' LIMIT 1",
        "SELECT id FROM pg.customer ORDER BY upper(name) LIMIT 1",
        "SELECT upper(city), count(*) FROM pg.customer GROUP BY 1 LIMIT 1",
        "SELECT c.id FROM pg.customer c JOIN pg.account a ON upper(a.name) = 'M' || (c.id + 49)::text LIMIT 1",
        "SELECT DISTINCT upper(city) FROM pg.customer LIMIT 1",
    ] {
        for line in sent(&onerow, sql)? {
            lacks!(line, "LIMIT");
        }
        same!(onerow.sql(sql)?.lines().count(), 1, "{sql}");
    }
    same!(onerow.sql("SELECT id FROM pg.customer LIMIT 0")?, "");
    Ok(())
}

/// Functions of ours, and those that mean something else there, are not sent.
pub fn kept(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = customers(fixtures, "pushed_kept");
    for sql in [
        "SELECT id FROM pg.customer WHERE normalize_email(email) = 'c7@x.org'",
        "SELECT id FROM pg.customer WHERE lower(email) = 'c7@x.org'",
        "SELECT id FROM pg.customer WHERE email ILIKE 'C7@%'",
        "SELECT id FROM pg.customer WHERE email ~ '^c7@'",
    ] {
        let lines = sent(&onerow, sql)?;
        lacks!(lines[0], "normalize_email");
        same!(onerow.sql(sql)?, "7", "{sql}");
    }
    same!(onerow.sql("SELECT newest(name, updated_at) FROM pg.customer WHERE id = 7")?, "n7");
    same!(
        onerow.sql("SELECT email FROM pg.customer WHERE id IN (SELECT id FROM pg.account WHERE name = 'm9')")?,
        "c9@x.org"
    );
    same!(
        onerow.sql("SELECT count(*) FROM pg.customer WHERE id NOT IN (SELECT id FROM pg.account WHERE id > 5)")?,
        "5"
    );
    same!(
        onerow.sql(
            "SELECT count(*) FROM pg.customer c WHERE EXISTS (SELECT 1 FROM pg.account a WHERE a.id = c.id + 45)"
        )?,
        "5"
    );
    Ok(())
}
