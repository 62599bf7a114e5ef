//! What ends a statement, a session, the server; and how much memory a result may take.

use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio_postgres::NoTls;

use super::super::support::onerow::connect;
use super::super::support::process::eventually;
use super::super::support::wire::{Fault, rows, value};
use super::super::support::{Fixtures, Outcome, Project, block_on};

/// It would take minutes.
const LONG: &str =
    "SELECT count(*) FROM generate_series(1, 100000) a(n), generate_series(1, 100000) b(n) WHERE a.n <> b.n";

pub fn cancel(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        for extended in [false, true] {
            let token = client.cancel_token();
            let cancelled = tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let at = Instant::now();
                token.cancel_query(NoTls).await.map(|()| at)
            });
            let ended = if extended {
                client.query(LONG, &[]).await.map(|_| ()).map_err(Fault::from)
            } else {
                rows(&client, LONG).await.map(|_| ())
            };
            let took = cancelled.await?.map_err(Fault::from)?.elapsed();
            same!(
                ended.map_err(|f| (f.state, f.message)),
                Err(("57014".to_string(), "canceling statement due to user request".to_string()))
            );
            same!(took < Duration::from_secs(1), true, "cancelling took {took:?}");
            same!(value(&client, "SELECT 1").await?, "1");
        }
        // A cancel that comes when nothing runs does nothing.
        client.cancel_token().cancel_query(NoTls).await.map_err(Fault::from)?;
        // The driver does not wait until the server has seen it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        same!(value(&client, "SELECT 1").await?, "1");
        Ok(())
    })
}

pub fn timeout(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "SET statement_timeout = '300ms'").await?;
        let began = Instant::now();
        let ended = rows(&client, LONG).await.map_err(|f| (f.state, f.message));
        same!(ended, Err(("57014".to_string(), "canceling statement due to statement timeout".to_string())));
        let took = began.elapsed();
        same!(took >= Duration::from_millis(300) && took < Duration::from_secs(3), true, "{took:?}");
        same!(value(&client, "SELECT 1").await?, "1");
        rows(&client, "SET statement_timeout = 0").await?;
        same!(value(&client, "SELECT count(*) FROM generate_series(1, 3000000)").await?, "3000000");
        Ok(())
    })
}

/// Seen where the statement's rows come from.
pub fn disconnect(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA leaving; CREATE VIEW leaving.slow AS
           SELECT g AS id, pg_sleep(0.02) IS NULL AS slept FROM generate_series(1, 100000) AS g",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA leaving FROM SERVER pg INTO leaving;",
        postgres.declared_with("pg", ", application_name 'leaving'")
    ));
    let onerow = project.serve();
    let running = || {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leaving' AND state = 'active'";
        postgres.sql(count).trim() != "0"
    };
    block_on(async {
        let (client, connection) = onerow.config().connect(NoTls).await.map_err(Fault::from)?;
        let connection = tokio::spawn(connection);
        let asking =
            tokio::spawn(async move { client.simple_query("SELECT count(slept) FROM leaving.slow").await.is_ok() });
        same!(eventually(Duration::from_secs(20), running), true, "the statement does not run");
        // The socket is closed without a word, as when a laptop is shut.
        connection.abort();
        asking.abort();
        same!(eventually(Duration::from_secs(20), || !running()), true, "the statement goes on");
        Ok(())
    })
}

pub fn too_many(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve_with(&["--max-connections", "2"], &[]);
    block_on(async {
        let (one, two) = (onerow.client().await, onerow.client().await);
        let third = connect(&onerow.config()).await.map(|_| ()).map_err(|f| f.state);
        same!(third, Err("53300".to_string()));
        same!(value(&two, "SELECT 1").await?, "1");
        // A cancel needs no place of its own.
        one.cancel_token().cancel_query(NoTls).await.map_err(Fault::from)?;
        drop(one);
        let mut place = false;
        for _ in 0..100 {
            place = connect(&onerow.config()).await.is_ok();
            if place {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        same!(place, true, "the place of a client that left is not given again");
        Ok(())
    })
}

/// A role runs so many statements at a time over all its sessions, and its cursors count.
pub fn statements_of_a_role(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve_with(&[], &[("ONEROW_PASSWORD", "s3cret")]);
    let (mut owner, mut busy) = (onerow.config(), onerow.config());
    owner.password("s3cret");
    busy.user("Büsy").password("x");
    let asked = "SELECT count(*) FROM generate_series(1, 10)";
    block_on(async {
        let owner = connect(&owner).await?;
        rows(&owner, "CREATE ROLE \"Büsy\" LOGIN PASSWORD 'x' STATEMENT LIMIT 2").await?;
        let (one, two) = (connect(&busy).await?, connect(&busy).await?);
        same!(value(&two, asked).await?, "10");
        let rows_to_come = "CURSOR FOR SELECT g FROM generate_series(1, 1000000) AS t(g)";
        rows(&one, &format!("BEGIN; DECLARE a {rows_to_come}; DECLARE b {rows_to_come}")).await?;
        same!(value(&one, "FETCH 1 FROM b").await?, "1");
        let refused = value(&two, asked).await.map_err(|fault| (fault.state, fault.message));
        same!(refused, Err(("53400".to_string(), "too many statements for role \"Büsy\"".to_string())));
        // What is about the session runs, and so does everybody else.
        rows(&two, "BEGIN; SET work_mem = '1MB'; COMMIT").await?;
        same!(value(&owner, asked).await?, "10");
        rows(&one, "CLOSE a").await?;
        same!(value(&two, asked).await?, "10");
        same!(value(&one, asked).await?, "10");
        rows(&one, &format!("DECLARE c {rows_to_come}")).await?;
        let refused = value(&one, asked).await.map(|_| ()).map_err(|fault| fault.state);
        same!(refused, Err("53400".to_string()));
        rows(&one, "ROLLBACK").await?;
        same!(value(&two, asked).await?, "10");
        let shown = "SELECT rolconfig::text FROM pg_roles WHERE rolname = 'Büsy'";
        same!(value(&owner, shown).await?, "{statement_limit=2}");
        rows(&owner, "ALTER ROLE \"Büsy\" STATEMENT LIMIT 0").await?;
        same!(value(&two, asked).await.map_err(|fault| fault.state), Err("53400".to_string()));
        rows(&owner, "ALTER ROLE \"Büsy\" STATEMENT LIMIT -1").await?;
        same!(value(&two, asked).await?, "10");
        same!(value(&owner, "SELECT count(rolconfig) FROM pg_roles").await?, "0");
        Ok(())
    })
}

pub fn shutdown(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let mut onerow = project.serve_with(&["--grace", "1"], &[]);
    let told = block_on(async {
        let (idle, busy) = (onerow.client().await, onerow.client().await);
        let long = tokio::spawn(async move { rows(&busy, LONG).await.map(|_| ()).map_err(|f| f.state) });
        tokio::time::sleep(Duration::from_millis(500)).await;
        onerow.process().signal("TERM");
        let long = long.await.map_err(|e| e.to_string());
        let idle = value(&idle, "SELECT 1").await.map_err(|f| f.state);
        (long, idle)
    });
    same!(told.0?.is_err_and(|state| state == "57P01" || state.is_empty()), true, "the long statement");
    same!(told.1.is_err(), true, "the idle session");
    same!(onerow.process().wait(Duration::from_secs(20)), Some(0));
    Ok(())
}

/// A million rows to a client that reads slowly: the server holds a part of them, never all.
pub fn large(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let sql = "SELECT v, repeat('0123456789', 150) AS pad FROM generate_series(1, 1000000) AS t(v)";
        let rows = client.query_raw(sql, Vec::<i32>::new()).await.map_err(Fault::from)?;
        let mut rows = std::pin::pin!(rows);
        let (mut count, mut bytes) = (0usize, 0usize);
        while let Some(row) = rows.next().await {
            let row = row.map_err(Fault::from)?;
            count += 1;
            bytes += row.get::<_, &str>(1).len();
            if count % 100_000 == 1 {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
        same!((count, bytes), (1_000_000, 1_500_000_000));
        let most = onerow.memory("VmHWM");
        same!(most < 700 << 20, true, "{} MiB", most >> 20);
        Ok(())
    })
}

/// Short statements that would take hours to parse or to plan, or more memory than there is.
pub fn hostile(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve();
    let nest = |before: &str, inner: &str, after: &str, times: usize| {
        format!("SELECT {}{inner}{}", before.repeat(times), after.repeat(times))
    };
    let twice = |levels: usize| {
        let each = (1..=levels).map(|i| format!(", a{i} AS (SELECT p.x FROM a{} p, a{} q)", i - 1, i - 1));
        format!("WITH a0 AS (SELECT 1 AS x){} SELECT count(*) FROM a{levels}", each.collect::<String>())
    };
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "SET statement_timeout = '60s'").await?;
        // As much work as there is text.
        for (sql, expected) in [
            (nest("lower(", "'A'", ")", 30), "a"),
            (nest("left(", "'ab'", ", 1)", 30), "a"),
            (nest("CASE WHEN 1 = 1 THEN ", "7", " END", 40), "7"),
            (nest("", "1", "+1", 1_000), "1001"),
            (format!("SELECT {} FROM (VALUES (2::bigint)) AS t(a)", vec!["a"; 1_000].join("+")), "2000"),
            (nest("", "10 - 4", " - 1 + 1", 300), "6"),
            ("SELECT (1 + 2) * 3 - 4 * (5 - 6) + 2 * 3".to_string(), "19"),
            (twice(4), "1"),
        ] {
            let shown = sql.chars().take(80).collect::<String>();
            let began = Instant::now();
            same!(value(&client, &sql).await?, expected, "{shown}");
            same!(began.elapsed() < Duration::from_secs(30), true, "{shown} took {:?}", began.elapsed());
        }
        // What would take twice as much for every level, or what no machine has.
        for (sql, state) in [
            (twice(25), "54001"),
            (nest("(SELECT ", "1", ")", 40), "54001"),
            (format!("{}SELECT 1{}", "WITH a AS (".repeat(30), ") SELECT * FROM a".repeat(30)), "54001"),
            (nest("CASE WHEN ", "a = 1", " THEN true END", 40) + " FROM (VALUES (1)) AS t(a)", "54001"),
            (nest("", "1", "+1", 6_000), "54001"),
            ("SELECT length(repeat('x', 2000000000))".to_string(), "54000"),
            ("SELECT length(lpad('x', 2000000000, 'ab'))".to_string(), "54000"),
            ("SELECT length(replace(repeat('a', 1000000), 'a', repeat('b', 10000)))".to_string(), "54000"),
            ("SELECT cardinality(array_repeat(1, 2000000000))".to_string(), "54000"),
            (
                "SELECT sum(length(repeat('x', 100000000 + a::int))) FROM generate_series(1, 30) AS t(a)".to_string(),
                "54000",
            ),
        ] {
            let shown = sql.chars().take(80).collect::<String>();
            same!(value(&client, &sql).await.map_err(|f| f.state), Err(state.to_string()), "{shown}");
        }
        same!(value(&client, "SELECT 2147483647::int - 1 + 1").await?, "2147483647");
        same!(
            value(&client, "SELECT 1::int + 2147483647::int - 5::int").await.map_err(|f| f.state),
            Err("22003".to_string())
        );
        let most = onerow.memory("VmHWM");
        same!(most < 1_500 << 20, true, "{} MiB", most >> 20);
        Ok(())
    })
}

/// Text that is joined with itself, and what aggregates collect, end at a gigabyte or at the limit to memory.
pub fn growth(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve_with(&["--memory", "64MB"], &[]);
    let doubled = |value: &str, levels: usize| {
        let begin = format!("SELECT {value} AS x FROM (").repeat(levels);
        let end = ") AS t".repeat(levels);
        format!("SELECT length(x) FROM ({begin}SELECT repeat('x', 1048576) AS x FROM generate_series(1, 1){end}) AS t")
    };
    block_on(async {
        let client = onerow.client().await;
        same!(value(&client, &doubled("x || x", 3)).await?, "8388608");
        for value in ["x || x", "concat(x, x)", "overlay(x placing x from 1 for 0)", "regexp_replace(x, '^', x)"] {
            let ended = rows(&client, &doubled(value, 11)).await.map(|_| ()).map_err(|f| f.state);
            same!(ended, Err("53200".to_string()), "{value}");
        }
        for value in ["repeat('x', 20000000)", "lpad(n::text, 20000)", "repeat('x', 9000000) || repeat('y', 9000000)"] {
            let sql = format!("SELECT max(length({value})) FROM generate_series(1, 9000) AS g(n)");
            same!(rows(&client, &sql).await.map(|_| ()).map_err(|f| f.state), Err("53200".to_string()), "{value}");
        }
        for collected in ["array_agg(x)", "string_agg(x, ',')", "json_agg(x)", "string_agg(x, ',' ORDER BY x)"] {
            let texts = "SELECT repeat('x', 5000) || n AS x FROM generate_series(1, 60000) AS g(n)";
            let sql = format!("SELECT {collected} FROM ({texts}) AS t");
            let ended = rows(&client, &sql).await.map(|_| ()).map_err(|f| f.state);
            same!(ended, Err("53200".to_string()), "{collected}");
        }
        same!(
            value(&client, "SELECT length(string_agg(n::text, '')) FROM generate_series(1, 1000) AS g(n)").await?,
            "2893"
        );
        Ok(())
    })
}

/// No statement takes all memory from the others, and no session makes its batches as large as it likes.
pub fn shares(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let onerow = Project::new("").serve_with(&["--memory", "64MB", "--query-memory", "40MB"], &[]);
    block_on(async {
        let (holder, other) = (onerow.client().await, onerow.client().await);
        let joined = |rows: usize| {
            format!(
                "SELECT b.s, a.i FROM (SELECT i, repeat('x', 1000) || i AS s FROM generate_series(1, {rows}) AS g(i)) AS b
                   JOIN generate_series(1, 2000000) AS a(i) ON a.i = b.i"
            )
        };
        rows(&holder, "BEGIN").await?;
        rows(&holder, &format!("DECLARE c CURSOR FOR {}", joined(30_000))).await?;
        same!(rows(&holder, "FETCH 1 FROM c").await?.len(), 1);
        let few = "SELECT count(*) FROM generate_series(1, 100000) AS a(i) JOIN generate_series(1, 100000) AS b(i) ON a.i = b.i";
        same!(value(&other, few).await?, "100000");
        // There would be room for it if there were no limit.
        rows(&holder, "ROLLBACK").await?;
        let large = format!("SELECT count(*), max(s) FROM ({}) AS t", joined(45_000));
        same!(rows(&other, &large).await.map(|_| ()).map_err(|fault| fault.state), Err("53200".to_string()), "{large}");
        for (option, most) in [("batch_size", 65_536), ("target_partitions", 256)] {
            let set = |value: usize| format!("SET datafusion.execution.{option} = {value}");
            same!(rows(&other, &set(most + 1)).await.map_err(|f| f.state), Err("22023".to_string()), "{option}");
            rows(&other, &set(most)).await?;
        }
        Ok(())
    })
}

/// A statement that takes long to plan gives way while it is planned.
pub fn planning(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let branch = |n: usize, name: &str| {
            format!(
                "SELECT {name} + {n}, count(*) FROM (VALUES ({n}, 2)) AS t({name}, b) WHERE {name} > {n} - 1 AND b < 10 \
                 GROUP BY {name}, b"
            )
        };
        let branches = if cfg!(debug_assertions) { 150 } else { 600 };
        let sql = |name: &str| (0..branches).map(|n| branch(n, name)).collect::<Vec<_>>().join(" UNION ALL ");
        // Half of its time has gone in the middle of planning, on whatever machine. The other is another statement.
        let since = Instant::now();
        rows(&client, &sql("c")).await?;
        let half = since.elapsed().as_millis() / 2;
        rows(&client, &format!("SET statement_timeout = '{half}ms'")).await?;
        let ended = rows(&client, &sql("a")).await.map(|_| ()).map_err(|f| f.state);
        same!(ended, Err("57014".to_string()));
        same!(onerow.log().contains("left behind"), false);
        same!(value(&client, "SELECT 1").await?, "1");
        Ok(())
    })
}

/// A chain of views and a lattice of them: neither takes long, and the chain has an end.
pub fn views(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "CREATE VIEW l0 AS SELECT 1 AS x; CREATE VIEW r0 AS SELECT 1 AS x").await?;
        let mut failed = None;
        for level in 1..40 {
            for side in ["l", "r"] {
                let below = level - 1;
                let sql = format!("CREATE VIEW {side}{level} AS SELECT l{below}.x FROM l{below}, r{below}");
                if let Err(fault) = rows(&client, &sql).await {
                    failed.get_or_insert((level, fault.state));
                }
            }
            if failed.is_some() {
                break;
            }
        }
        same!(failed.map(|(_, state)| state), Some("54001".to_string()));
        rows(&client, "CREATE VIEW v0 AS SELECT 1 AS x").await?;
        let mut ended = None;
        for level in 1..120 {
            let sql = format!("CREATE VIEW v{level} AS SELECT x FROM v{}", level - 1);
            if let Err(fault) = rows(&client, &sql).await {
                ended = Some((level, fault.state));
                break;
            }
        }
        same!(ended, Some((100, "54001".to_string())));
        same!(value(&client, "SELECT x FROM v99").await?, "1");
        Ok(())
    })
}
