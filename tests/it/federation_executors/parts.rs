//! One table read over several connections: the rows of one moment, each once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;

use crate::support::pushdown::UGLY_TEXTS;
use crate::support::wire::{Fault, rows, value};
use crate::support::{Fixtures, Outcome, Project, block_on};

/// Two servers of the same database: one is read in up to four parts, the other never.
fn servers(postgres: &crate::support::postgres::Postgres, schema: &str, options: &str) -> String {
    let imported = |name: &str, parts: &str| {
        format!(
            "{} IMPORT FOREIGN SCHEMA {schema} FROM SERVER {name} INTO {name};\n",
            postgres.declared_with(name, &format!(", parallel_reads '{parts}'{options}"))
        )
    };
    format!("{}{}", imported("parted", "4"), imported("whole", "1"))
}

pub fn same_rows(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    let texts: Vec<String> = UGLY_TEXTS.iter().map(|text| format!("'{}'", text.replace('\'', "''"))).collect();
    postgres.sql(&format!(
        "CREATE SCHEMA same_parts; CREATE TYPE same_parts.mood AS ENUM ('glad', 'sad');
         CREATE TABLE same_parts.t (id bigint, name text, amount numeric(12,2), bare numeric, seen timestamptz,
           day date, clock time, span interval, flag boolean, raw bytea, mood same_parts.mood, tags text[], doc jsonb, key uuid,
           single real, double double precision, small smallint, pad text);
         INSERT INTO same_parts.t SELECT g, (ARRAY[{}])[g % {} + 1], CASE WHEN g % 7 > 0 THEN g / 100.0 END,
             CASE g % 50 WHEN 0 THEN NULL ELSE g * 1.5 - 70000 END,
             timestamptz '1900-01-01' + g * interval '1 day 1 second',
             date '9999-12-31' - g, time '00:00' + g * interval '1 second', g * interval '1 month -1 second',
             CASE g % 3 WHEN 0 THEN true WHEN 1 THEN false END, decode(md5(g::text), 'hex'),
             CASE g % 3 WHEN 0 THEN 'glad' WHEN 1 THEN 'sad' END::same_parts.mood,
             CASE g % 5 WHEN 0 THEN NULL WHEN 1 THEN '{{}}' ELSE ARRAY[g::text, NULL, 'a\"b'] END,
             jsonb_build_object('g', g), md5(g::text)::uuid, CASE g % 100 WHEN 0 THEN 'NaN' ELSE g / 3.0 END,
             CASE g % 100 WHEN 1 THEN '-Infinity' ELSE g / 7.0 END, g % 100,
             CASE WHEN g % 20000 = 0 THEN repeat(md5(g::text), 3000) ELSE repeat('x', 250) END
           FROM generate_series(1, 100000) g;
         DELETE FROM same_parts.t WHERE id % 10 = 3; UPDATE same_parts.t SET pad = 'moved' || id WHERE id % 7 = 2;
         ANALYZE same_parts.t;",
        texts.join(", "),
        texts.len()
    ));
    let project = Project::new(&servers(postgres, "same_parts", ""));
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let plan = rows(&client, "EXPLAIN SELECT * FROM parted.t").await?;
        holds!(format!("{plan:?}"), "in 4 parts by ctid, one snapshot");
        lacks!(format!("{:?}", rows(&client, "EXPLAIN SELECT * FROM whole.t").await?), " parts by");
        for wanted in [
            "*",
            "id",
            "name, id",
            "raw, tags, doc, id",
            // With parameters, which a COPY has none of.
            "id, amount, clock FROM {}.t WHERE amount > 12.50 ORDER BY id",
            "id, day FROM {}.t WHERE day < '9950-02-03' AND flag ORDER BY id",
            r"id, name FROM {}.t WHERE name <> 'x\'' OR 1=1 --' ORDER BY id",
            "id, name FROM {}.t WHERE name >= 'A' AND name < 'z' ORDER BY id",
            "id, key FROM {}.t WHERE seen > '1930-01-01 00:00:00+00' ORDER BY id",
            "count(*), count(DISTINCT id), sum(id), min(pad), max(name) FROM {}.t",
            "flag, count(*), sum(amount) FROM {}.t GROUP BY flag ORDER BY flag",
            "count(*) FROM {}.t a JOIN {}.t b ON a.id = b.id WHERE b.small = 4",
        ] {
            let sql = if wanted.contains(" FROM ") {
                format!("SELECT {wanted}")
            } else {
                format!("SELECT {wanted} FROM {{}}.t ORDER BY id")
            };
            for push_down in ["on", "filters", "off"] {
                rows(&client, &format!("SET onerow.push_down = {push_down}")).await?;
                let parted = rows(&client, &sql.replace("{}", "parted")).await?;
                let whole = rows(&client, &sql.replace("{}", "whole")).await?;
                if parted != whole {
                    return Err(format!(
                        "{sql} differs in parts, push_down = {push_down}: {} and {} rows",
                        parted.len(),
                        whole.len()
                    )
                    .into());
                }
                same!(parted.is_empty(), false, "{sql}");
            }
        }
        Ok(())
    })
}

/// With keys one statement reads all; where they are not sent its parts are read as ever.
pub fn keyed(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA keyed_parts; CREATE TABLE keyed_parts.t AS
           SELECT g AS id, repeat('x', 200) AS pad FROM generate_series(1, 100000) g;
         ANALYZE keyed_parts.t;",
    );
    let project = Project::new(&servers(postgres, "keyed_parts", ""));
    let onerow = project.serve();
    onerow
        .sql("CREATE TABLE mine (id integer); INSERT INTO mine VALUES (1), (50000), (50000), (100000), (NULL), (-1)")?;
    let sql = "SELECT count(*), sum(t.id), max(length(t.pad)) FROM mine m JOIN parted.t t ON t.id = m.id";
    block_on(async {
        let client = onerow.client().await;
        let plan = format!("{:?}", rows(&client, &format!("EXPLAIN {sql}")).await?);
        holds!(plan, "keys=[");
        lacks!(plan, "parts by");
        let whole = format!("{:?}", rows(&client, "EXPLAIN SELECT * FROM parted.t").await?);
        holds!(whole, " parts by ctid");
        for (most, sent, parted) in [("1000", "4 keys in 1 statement", false), ("2", "not sent", true)] {
            rows(&client, &format!("SET onerow.max_keys = {most}")).await?;
            same!(format!("{:?}", rows(&client, sql).await?), r#"[[Some("4"), Some("200001"), Some("200")]]"#);
            let plan = format!("{:?}", rows(&client, &format!("EXPLAIN ANALYZE {sql}")).await?);
            holds!(plan, sent);
            same!(plan.contains("parts by ctid"), parted, "{plan}");
        }
        Ok(())
    })
}

pub fn when(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA when_parts;
         CREATE TABLE when_parts.big AS
           SELECT g AS id, g % 1000 AS n, repeat('x', 200) AS pad FROM generate_series(1, 100000) g;
         ALTER TABLE when_parts.big ADD PRIMARY KEY (id);
         CREATE TABLE when_parts.small AS SELECT g AS id FROM generate_series(1, 100) g;
         CREATE VIEW when_parts.seen AS SELECT * FROM when_parts.big;
         CREATE MATERIALIZED VIEW when_parts.kept AS SELECT * FROM when_parts.big;
         CREATE TABLE when_parts.cut (id int, pad text) PARTITION BY RANGE (id);
         CREATE TABLE when_parts.cut_1 PARTITION OF when_parts.cut FOR VALUES FROM (1) TO (1000000);
         INSERT INTO when_parts.cut SELECT id, pad FROM when_parts.big;
         ANALYZE when_parts.big; ANALYZE when_parts.small; ANALYZE when_parts.kept; ANALYZE when_parts.cut;",
    );
    let project = Project::new(&servers(postgres, "when_parts", ""));
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let parts = async |sql: &str| -> Result<bool, Fault> {
            Ok(format!("{:?}", rows(&client, &format!("EXPLAIN {sql}")).await?).contains("parts by ctid"))
        };
        for sql in ["SELECT * FROM parted.big", "SELECT pad FROM parted.big WHERE n < 900 OR pad IS NULL LIMIT ALL"] {
            // A filter is taken to keep a fifth: too few here.
            same!(parts(sql).await?, !sql.contains("WHERE"), "{sql}");
        }
        for sql in [
            "SELECT * FROM parted.big LIMIT 10",
            "SELECT * FROM parted.big ORDER BY id LIMIT 10",
            "SELECT * FROM parted.big WHERE id = 7",
            "SELECT count(*) FROM parted.big",
            "SELECT n, count(*) FROM parted.big GROUP BY n",
            "SELECT * FROM parted.small",
            "SELECT * FROM parted.seen",
            "SELECT * FROM parted.kept",
            "SELECT * FROM parted.cut",
            "SELECT * FROM whole.big",
        ] {
            same!(parts(sql).await?, false, "{sql}");
        }
        // Keys go in one statement, whatever the plan was.
        let keyed = "SELECT count(*), sum(b.n) FROM parted.big b JOIN (VALUES (5), (70000)) v (id) ON v.id = b.id";
        rows(&client, "SET onerow.push_down = filters").await?;
        same!(rows(&client, keyed).await?, vec![vec![Some("2".to_string()), Some("5".to_string())]]);
        let ran = format!("{:?}", rows(&client, &format!("EXPLAIN ANALYZE {keyed}")).await?);
        holds!(ran, "2 keys in 1 statement");
        // The same read many times in one query.
        let again = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL
             SELECT n + 1 FROM r JOIN (SELECT count(*) AS c FROM parted.big WHERE pad > '') b ON n < 4 AND b.c = 100000)
           SELECT count(*) FROM r";
        same!(value(&client, again).await?, "4");
        Ok(())
    })
}

/// A writer moves money between rows, and rows between pages, while they are read.
pub fn moving(fixtures: &Fixtures) -> Outcome {
    const ROWS: u32 = 60_000;
    let _alone = fixtures.heavy();
    let postgres = fixtures.postgres();
    postgres.sql(&format!(
        "CREATE SCHEMA moving; CREATE TABLE moving.t (id int, amount int, pad text) WITH (fillfactor = 100);
         INSERT INTO moving.t SELECT g, 1000, repeat('x', 600) FROM generate_series(1, {ROWS}) g;
         ALTER TABLE moving.t ADD PRIMARY KEY (id); ANALYZE moving.t;"
    ));
    let project = Project::new(&servers(postgres, "moving", ""));
    let onerow = project.serve();
    let done = Arc::new(AtomicBool::new(false));
    block_on(async {
        let (mover, sweeper) = (postgres.client("postgres").await, postgres.client("postgres").await);
        let over = Arc::clone(&done);
        let moves = tokio::spawn(async move {
            let mut moved = 0u32;
            while !over.load(Ordering::Relaxed) {
                // Each takes from one end and gives to the other; both rows get another place.
                let (from, to) = (moved % 3000 * 20 + 1, ROWS - moved % 3000 * 20);
                let sql = format!(
                    "BEGIN; UPDATE moving.t SET amount = amount - 7, pad = repeat('y', 600) WHERE id = {from};
                     UPDATE moving.t SET amount = amount + 7, pad = repeat('z', 600) WHERE id = {to}; COMMIT"
                );
                mover.batch_execute(&sql).await.map_err(Fault::from)?;
                moved += 1;
            }
            Ok::<u32, Fault>(moved)
        });
        let over = Arc::clone(&done);
        let sweeps = tokio::spawn(async move {
            // Places at the beginning become free, for rows from the end.
            while !over.load(Ordering::Relaxed) {
                sweeper.batch_execute("VACUUM moving.t").await.map_err(Fault::from)?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok::<(), Fault>(())
        });
        let client = onerow.client().await;
        rows(&client, "SET onerow.push_down = filters").await?;
        let sql = "SELECT count(*), count(DISTINCT id), sum(amount) FROM parted.t WHERE length(pad) > 0";
        let sql = sql.replace(" WHERE length(pad) > 0", "");
        holds!(format!("{:?}", rows(&client, &format!("EXPLAIN {sql}")).await?), "in 4 parts by ctid");
        let expected =
            vec![vec![Some(ROWS.to_string()), Some(ROWS.to_string()), Some((u64::from(ROWS) * 1000).to_string())]];
        let mut outcome = Ok(());
        for time in 0..25 {
            let found = rows(&client, &sql).await?;
            if found != expected {
                outcome = Err(format!("read {time} gave {found:?}").into());
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
        let moved = moves.await??;
        sweeps.await??;
        same!(moved > 25, true, "{moved} moves");
        outcome
    })
}

/// Parts are read by as many connections as are free at once, and by one when no more are.
pub fn few_connections(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA few_parts; CREATE TABLE few_parts.t AS
           SELECT g AS id, repeat('x', 300) AS pad FROM generate_series(1, 120000) g; ANALYZE few_parts.t;
         CREATE VIEW few_parts.slow AS SELECT pg_sleep(6) IS NULL AS slept;",
    );
    let server = |name: &str, connections: &str| {
        format!(
            "{} IMPORT FOREIGN SCHEMA few_parts FROM SERVER {name} INTO {name};\n",
            postgres.declared_with(
                name,
                &format!(", parallel_reads '4', max_connections '{connections}', acquire_timeout '60s'")
            )
        )
    };
    let project = Project::new(&format!("{}{}{}", server("one", "1"), server("three", "3"), server("five", "5")));
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "SET onerow.push_down = filters").await?;
        for (server, parts) in [("one", ""), ("three", "in 2 parts by ctid"), ("five", "in 3 parts by ctid")] {
            let sql = format!("SELECT count(DISTINCT id) FROM {server}.t");
            let plan = format!("{:?}", rows(&client, &format!("EXPLAIN {sql}")).await?);
            holds!(plan, parts);
            same!(plan.contains("parts by"), !parts.is_empty(), "{plan}");
            same!(value(&client, &sql).await?, "120000", "{server}");
        }
        // Two connections of five are taken.
        let slow = (0..2).map(|_| {
            let onerow = &onerow;
            async move {
                let client = onerow.client().await;
                value(&client, "SELECT slept FROM five.slow").await
            }
        });
        let meanwhile = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            rows(&client, "EXPLAIN ANALYZE SELECT count(DISTINCT id) FROM five.t").await
        };
        let (slow, ran) = futures::future::join(futures::future::join_all(slow), meanwhile).await;
        holds!(format!("{:?}", ran?), "there were fewer: no other connection was free");
        for slept in slow {
            same!(slept?, "f");
        }
        // Many at once, some with several scans in one query.
        let many = (0..12).map(|n| {
            let onerow = &onerow;
            async move {
                let client = onerow.client().await;
                rows(&client, "SET onerow.push_down = filters").await?;
                let sql = match n % 3 {
                    0 => "SELECT count(DISTINCT id) FROM three.t",
                    1 => "SELECT count(DISTINCT a.id) FROM five.t a FULL JOIN five.t b ON a.id = b.id",
                    _ => "SELECT count(*) / 2 FROM (SELECT id FROM three.t UNION ALL SELECT id FROM three.t) t",
                };
                value(&client, sql).await
            }
        });
        let all = tokio::time::timeout(Duration::from_secs(100), futures::future::join_all(many)).await?;
        for outcome in all {
            same!(outcome?, "120000");
        }
        Ok(())
    })
}

/// TRUNCATE respects no snapshot: it waits until every part has been read.
pub fn emptied(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA emptied; CREATE TABLE emptied.t AS
           SELECT g AS id, repeat('x', 300) AS pad FROM generate_series(1, 200000) g; ANALYZE emptied.t;",
    );
    let project = Project::new(&servers(postgres, "emptied", ", application_name 'emptied'"));
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let mut messages = Box::pin(client.simple_query_raw("SELECT * FROM parted.t").await.map_err(Fault::from)?);
        let mut count = 0;
        while count < 1000 {
            count += usize::from(is_row(messages.next().await)?);
        }
        let emptying = postgres.client("postgres").await;
        let emptied = tokio::spawn(async move { emptying.batch_execute("TRUNCATE emptied.t").await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        same!(emptied.is_finished(), false, "the table was emptied while it was read");
        // Others who want the table wait behind the TRUNCATE, and nobody waits in a circle.
        let second = onerow.client().await;
        let waiting =
            tokio::spawn(async move { rows(&second, "SELECT id FROM parted.t").await.map(|rows| rows.len()) });
        let began = Instant::now();
        while let Some(message) = messages.next().await {
            count += usize::from(is_row(Some(message))?);
        }
        same!(count, 200_000);
        emptied.await?.map_err(Fault::from)?;
        same!(waiting.await??, 0);
        same!(began.elapsed() < Duration::from_secs(30), true);
        Ok(())
    })
}

/// Connections end in the middle: an error that names the server, and never fewer rows. One that has sent all of its
/// pages waits to be asked for more.
pub fn lost(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA lost_part; CREATE TABLE lost_part.t AS
           SELECT g AS id, repeat('x', 300) AS pad FROM generate_series(1, 200000) g; ANALYZE lost_part.t;",
    );
    let project = Project::new(&servers(postgres, "lost_part", ", application_name 'lost_part'"));
    let onerow = project.serve();
    block_on(async {
        for server in ["parted", "whole"] {
            let client = onerow.client().await;
            let sql = format!("SELECT * FROM {server}.t");
            let mut messages = Box::pin(client.simple_query_raw(&sql).await.map_err(Fault::from)?);
            let mut count = 0;
            while count < 1000 {
                count += usize::from(is_row(messages.next().await)?);
            }
            let ended = value(
                &postgres.client("postgres").await,
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE application_name = 'lost_part' AND state <> 'idle'",
            )
            .await?;
            same!(ended != "0", true, "{server}");
            let mut fault = None;
            while let Some(message) = messages.next().await {
                match message {
                    Ok(_) => count += 1,
                    Err(error) => fault = Some(Fault::from(error)),
                }
            }
            let Some(fault) = fault else { return Err(format!("{server}: {count} rows and no error").into()) };
            same!(fault.state, "08006", "{fault}");
            holds!(fault.message, server);
            let next = onerow.client().await;
            same!(value(&next, &format!("SELECT count(*) FROM {server}.t")).await?, "200000");
        }
        Ok(())
    })
}

/// A COPY tells no types: they are looked at before, and values as they come.
pub fn unfit(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA unfit_copy;
         CREATE TABLE unfit_copy.t AS SELECT g AS id, CASE g WHEN 77777 THEN 'NaN'::numeric ELSE g END AS amount,
             CASE WHEN g <> 99999 THEN g END AS n, repeat('x', 300) AS pad FROM generate_series(1, 100000) g;
         ANALYZE unfit_copy.t;",
    );
    let project = Project::new(&servers(postgres, "unfit_copy", ""));
    let onerow = project.serve();
    for server in ["parted", "whole"] {
        refused!(onerow.sql(&format!("SELECT id, amount FROM {server}.t")), "HV004", "amount", server);
        same!(
            onerow.sql(&format!("SET onerow.push_down = filters; SELECT count(n), count(*) FROM {server}.t"))?,
            "99999|100000"
        );
    }
    postgres.sql("ALTER TABLE unfit_copy.t ALTER n TYPE bigint");
    for server in ["parted", "whole"] {
        // The refresh that the first error asked for may come before this query: then it is right.
        match onerow.sql(&format!("SELECT id, n FROM {server}.t")) {
            Ok(rows) => same!(rows.lines().filter(|row| !row.ends_with("NULL")).count(), 99_999),
            failed => refused!(failed, "HV004", "\"n\"", server),
        }
        same!(onerow.sql(&format!("SET onerow.push_down = filters; SELECT count(id) FROM {server}.t"))?, "100000");
    }
    Ok(())
}

fn is_row(
    message: Option<Result<tokio_postgres::SimpleQueryMessage, tokio_postgres::Error>>,
) -> Result<bool, libtest_mimic::Failed> {
    match message {
        Some(Ok(tokio_postgres::SimpleQueryMessage::Row(_))) => Ok(true),
        Some(Ok(_)) => Ok(false),
        Some(Err(error)) => Err(Fault::from(error).to_string().into()),
        None => Err("the rows ended too early".into()),
    }
}
