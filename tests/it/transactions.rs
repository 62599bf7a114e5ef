//! Transaction blocks that change definitions and local tables: their own until COMMIT, all or nothing.

use std::time::Duration;

use super::Test;
use super::support::process::eventually;
use super::support::wire::{Fault, alike, rows, value};
use super::support::{Fixtures, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("blocks_answer_as_postgres", as_postgres),
    ("settings_go_back_as_in_postgres", settings_go_back),
    ("changes_are_the_blocks_own_until_commit", own),
    ("a_rolled_back_block_leaves_nothing", rolled_back),
    ("a_killed_block_leaves_nothing", killed),
    ("a_commit_is_all_or_nothing", all_or_nothing),
    ("a_client_that_leaves_lets_others_write", leaves),
    ("writers_wait_and_lose_nothing", writers),
    ("a_statement_sees_one_catalog", one_catalog),
];

const SQL: &str = "CREATE TABLE t (id int PRIMARY KEY, n int);";

fn as_postgres(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE blocks");
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("blocks").await);
        let statements = [
            "CREATE TABLE t (id int PRIMARY KEY, n int)",
            "BEGIN",
            "INSERT INTO t VALUES (1, 1), (2, 2)",
            "SAVEPOINT a",
            "UPDATE t SET n = n * 10",
            "CREATE VIEW v AS SELECT sum(n)::bigint AS n FROM t",
            "SELECT n FROM v",
            "SAVEPOINT b",
            "DELETE FROM t WHERE id = 1",
            "DROP VIEW v",
            "CREATE TABLE u (id int)",
            "INSERT INTO u VALUES (7)",
            "SELECT n FROM v",
            "ROLLBACK TO b",
            "SELECT n FROM v",
            "SELECT id FROM u",
            "ROLLBACK TO SAVEPOINT b",
            "SELECT * FROM t ORDER BY id",
            "TRUNCATE t",
            "SELECT count(*) FROM t",
            "ROLLBACK TO a",
            "SELECT * FROM t ORDER BY id",
            "SELECT n FROM v",
            "ROLLBACK TO b",
            "ROLLBACK TO a",
            "INSERT INTO t VALUES (1, 5)",
            "SELECT 1",
            "ROLLBACK TO a",
            "DROP TABLE t",
            "CREATE TABLE t (id int, label text)",
            "INSERT INTO t VALUES (1, 'new')",
            "SELECT * FROM t",
            "RELEASE SAVEPOINT a",
            "COMMIT",
            "SELECT * FROM t",
            "BEGIN",
            "DROP TABLE t",
            "SELECT * FROM t",
            "ROLLBACK",
            "SELECT * FROM t",
            "BEGIN",
            "INSERT INTO t VALUES (2, 'lost')",
            "SELECT nope FROM t",
            "INSERT INTO t VALUES (3, 'lost')",
            "COMMIT",
            "SELECT * FROM t",
            "BEGIN",
            "SAVEPOINT a",
            "INSERT INTO t VALUES (4, 'lost')",
            "ROLLBACK TO a",
            "INSERT INTO t VALUES (5, 'kept')",
            "COMMIT",
            "SELECT * FROM t ORDER BY id",
            // A cursor that was opened after a savepoint goes with it, unless that was released.
            "BEGIN",
            "DECLARE before CURSOR FOR SELECT 1",
            "SAVEPOINT a",
            "SAVEPOINT b",
            "DECLARE kept CURSOR FOR SELECT 2",
            "RELEASE b",
            "SAVEPOINT c",
            "ROLLBACK TO c",
            "FETCH before",
            "FETCH kept",
            "ROLLBACK TO a",
            "FETCH before",
            "FETCH kept",
            "ROLLBACK",
            "BEGIN",
            "SAVEPOINT a",
            "DECLARE gone CURSOR FOR SELECT 3",
            "ROLLBACK TO a",
            "FETCH gone",
            "ROLLBACK",
            // Texts that go on in another line; settings and schemas.
            "SELECT 'a'\n  'b' -- more\n 'c'",
            "SELECT 'a' 'b'",
            "SET statement_timeout = '1.5s'",
            "SHOW statement_timeout",
            "SET statement_timeout = '0.4 ms'",
            "SET statement_timeout = '1.2.3'",
            "RESET statement_timeout",
            "SET search_path = nope, public",
            "SELECT current_schema(), array_to_string(current_schemas(false), ',')",
            "RESET search_path",
        ];
        alike(&ours, &theirs, &statements, Fault::code).await
    })
}

fn settings_go_back(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql("CREATE DATABASE settings_go_back");
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (ours, theirs) = (onerow.client().await, postgres.client("settings_go_back").await);
        let statements = [
            "SET a.b = '0'",
            "SELECT set_config('a.b', '1', true)",
            "SHOW a.b",
            "SELECT set_config('a.b', '2', false), 1 / (length(current_setting('a.b')) - 1)",
            "SHOW a.b",
            // A text of several statements is done altogether or not at all.
            "SELECT set_config('a.b', '3', false); SELECT nope",
            "SHOW a.b",
            "SELECT set_config('a.b', '4', true); SHOW a.b",
            "SHOW a.b",
            "SELECT set_config('a.b', '5', false); SHOW a.b",
            "SHOW a.b",
            "BEGIN; SELECT set_config('a.b', '6', false); SELECT set_config('a.c', '7', true)",
            "COMMIT",
            "SHOW a.b",
            "SHOW a.c",
            "BEGIN; SELECT set_config('a.b', '8', false)",
            "SELECT nope",
            "ROLLBACK",
            "SHOW a.b",
            "BEGIN; SELECT set_config('timezone', 'Asia/Tokyo', true); SAVEPOINT s",
            "SELECT set_config('timezone', 'Europe/Paris', false)",
            "SELECT '2024-01-01 00:00+00'::timestamptz",
            "ROLLBACK TO s",
            "SELECT '2024-01-01 00:00+00'::timestamptz",
            "COMMIT",
            "BEGIN; SELECT set_config('a.b', '9', true); SELECT set_config('a.b', '10', false); COMMIT",
            "SHOW a.b",
            "BEGIN; SET LOCAL a.b = '11'; RESET a.b; COMMIT",
            "SHOW a.b",
        ];
        alike(&ours, &theirs, &statements, Fault::code).await?;
        // What is sent before an answer is waited for is one transaction, also without a block.
        ours.batch_execute("SET a.b = '0'").await?;
        ours.query("SELECT set_config('a.b', '1', true)", &[]).await?;
        same!(value(&ours, "SHOW a.b").await?, "0");
        ours.query("SELECT set_config('a.b', '2', false)", &[]).await?;
        same!(value(&ours, "SHOW a.b").await?, "2");
        Ok(())
    })
}

fn own(_: &Fixtures) -> Outcome {
    let project = Project::new(SQL);
    let onerow = project.serve();
    block_on(async {
        let (one, two) = (onerow.client().await, onerow.client().await);
        let listed = "SELECT count(*) FROM pg_class WHERE relname IN ('u', 'v', 'u_pkey')";
        rows(&one, "INSERT INTO t VALUES (1, 1)").await?;
        for statement in [
            "BEGIN",
            "INSERT INTO t VALUES (2, 2)",
            "UPDATE t SET n = 10 WHERE id = 1",
            "CREATE VIEW v AS SELECT sum(n) AS n FROM t",
            "CREATE TABLE u (id int PRIMARY KEY)",
            "INSERT INTO u SELECT id FROM t",
            "COMMENT ON TABLE u IS 'mine'",
            "ALTER ROLE onerow PASSWORD 'mine'",
        ] {
            rows(&one, statement).await?;
        }
        same!(value(&one, "SELECT n FROM v").await?, "12");
        same!(value(&one, "SELECT count(*) FROM u").await?, "2");
        same!(value(&one, listed).await?, "3");
        same!(value(&one, "SELECT obj_description('u'::regclass, 'pg_class')").await?, "mine");
        same!(value(&two, "SELECT string_agg(id::text || ':' || n::text, ',') FROM t").await?, "1:1");
        same!(value(&two, listed).await?, "0");
        same!(rows(&two, "SELECT * FROM v").await.map_err(|f| f.state), Err("42P01".to_string()));
        // No password yet: anyone is let in.
        same!(value(&onerow.client().await, "SELECT 1").await?, "1");
        rows(&one, "COMMIT").await?;
        same!(value(&two, "SELECT n FROM v").await?, "12");
        same!(value(&two, listed).await?, "3");
        same!(super::support::onerow::connect(&onerow.config()).await.is_err(), true, "no password was asked");
        Ok(())
    })
}

fn rolled_back(_: &Fixtures) -> Outcome {
    let project = Project::new(SQL);
    let onerow = project.serve();
    onerow.sql("INSERT INTO t VALUES (1, 1)")?;
    onerow.sql(
        "BEGIN; INSERT INTO t VALUES (2, 2); CREATE TABLE u (id int); INSERT INTO u VALUES (1);
         CREATE SERVER s FOREIGN DATA WRAPPER sqlite OPTIONS (database 'x.db'); ROLLBACK",
    )?;
    same!(onerow.sql("SELECT * FROM t")?, "1|1");
    refused!(onerow.sql("SELECT * FROM u"), "42P01");
    refused!(onerow.sql("DROP SERVER s"), "42704");
    // A table that is made anew begins empty, whatever was rolled back.
    onerow.sql("CREATE TABLE u (id int)")?;
    same!(onerow.sql("SELECT count(*) FROM u")?, "0");
    onerow.sql("BEGIN; INSERT INTO u VALUES (1); DROP TABLE u; CREATE TABLE u (id int, n int); COMMIT")?;
    onerow.kill();
    let onerow = project.serve();
    same!(onerow.sql("SELECT count(*), count(n) FROM u")?, "0|0");
    same!(onerow.sql("SELECT * FROM t")?, "1|1");
    Ok(())
}

fn killed(_: &Fixtures) -> Outcome {
    let project = Project::new(SQL);
    let onerow = project.serve();
    onerow.sql("INSERT INTO t VALUES (1, 1); CREATE VIEW kept AS SELECT id FROM t")?;
    let change = "BEGIN; UPDATE t SET n = 2; INSERT INTO t VALUES (2, 2); DROP VIEW kept;
                  CREATE TABLE u (id int); INSERT INTO u VALUES (1); SAVEPOINT a; INSERT INTO u VALUES (2)";
    block_on(async move {
        let client = onerow.client().await;
        rows(&client, change).await?;
        same!(value(&client, "SELECT count(*) FROM u").await?, "2");
        // The client is still there, so that nothing has ended the block.
        onerow.kill();
        drop(client);
        Ok::<(), libtest_mimic::Failed>(())
    })?;
    let onerow = project.serve();
    same!(onerow.sql("SELECT * FROM t")?, "1|1");
    same!(onerow.sql("SELECT id FROM kept")?, "1");
    refused!(onerow.sql("SELECT * FROM u"), "42P01");
    // What COMMIT has answered is there.
    onerow.sql(&format!("{change}; COMMIT"))?;
    onerow.kill();
    let onerow = project.serve();
    same!(onerow.sql("SELECT * FROM t ORDER BY id")?, "1|2\n2|2");
    same!(onerow.sql("SELECT * FROM u ORDER BY id")?, "1\n2");
    refused!(onerow.sql("SELECT id FROM kept"), "42P01");
    Ok(())
}

/// The state's file is locked by someone else while the block commits.
fn all_or_nothing(_: &Fixtures) -> Outcome {
    let project = Project::new(SQL);
    let onerow = project.serve();
    onerow.sql("INSERT INTO t VALUES (1, 1)")?;
    let state = rusqlite::Connection::open(project.path().join(".onerow/catalog.db"))?;
    block_on(async {
        let client = onerow.client().await;
        rows(&client, "BEGIN; INSERT INTO t VALUES (2, 2); CREATE VIEW v AS SELECT id FROM t").await?;
        state.execute_batch("BEGIN IMMEDIATE")?;
        same!(rows(&client, "COMMIT").await.map_err(|f| f.state), Err("58030".to_string()));
        state.execute_batch("ROLLBACK")?;
        // The block is over, and nothing of it is there.
        same!(value(&client, "SELECT count(*) FROM t").await?, "1");
        same!(rows(&client, "SELECT * FROM v").await.map_err(|f| f.state), Err("42P01".to_string()));
        rows(&client, "INSERT INTO t VALUES (3, 3)").await?;
        Ok::<(), libtest_mimic::Failed>(())
    })?;
    onerow.kill();
    let onerow = project.serve();
    same!(onerow.sql("SELECT id FROM t ORDER BY id")?, "1\n3");
    Ok(())
}

fn leaves(_: &Fixtures) -> Outcome {
    let project = Project::new(SQL);
    let onerow = project.serve();
    block_on(async {
        let (one, two) = (onerow.client().await, onerow.client().await);
        rows(&one, "BEGIN; INSERT INTO t VALUES (1, 1)").await?;
        drop(one);
        rows(&two, "INSERT INTO t VALUES (1, 2)").await?;
        // A failed block holds nobody up, even before it is ended.
        let three = onerow.client().await;
        rows(&three, "BEGIN; INSERT INTO t VALUES (2, 2)").await?;
        same!(rows(&three, "SELECT nope").await.is_err(), true);
        rows(&two, "INSERT INTO t VALUES (2, 3)").await?;
        rows(&three, "ROLLBACK").await?;
        same!(value(&three, "SELECT string_agg(n::text, ',' ORDER BY id) FROM t").await?, "2,3");
        Ok(())
    })
}

fn writers(_: &Fixtures) -> Outcome {
    let project = Project::new(SQL);
    let onerow = project.serve();
    onerow.sql("INSERT INTO t VALUES (1, 0)")?;
    block_on(async {
        let mut tasks = vec![];
        for writer in 0..4 {
            let client = onerow.client().await;
            tasks.push(tokio::spawn(async move {
                for _ in 0..10 {
                    match writer % 2 {
                        0 => rows(&client, "UPDATE t SET n = n + 1 WHERE id = 1").await?,
                        _ => {
                            rows(&client, "BEGIN; SELECT n FROM t; UPDATE t SET n = n + 1 WHERE id = 1; COMMIT").await?
                        }
                    };
                }
                Ok::<(), Fault>(())
            }));
        }
        for task in tasks {
            task.await??;
        }
        let client = onerow.client().await;
        same!(value(&client, "SELECT n FROM t").await?, "40");
        // One that waits goes on as soon as the block before it ends, and sees what that has changed.
        let other = onerow.client().await;
        rows(&client, "BEGIN; UPDATE t SET n = 100").await?;
        let waiting = tokio::spawn(async move { rows(&other, "UPDATE t SET n = n + 1").await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        same!(waiting.is_finished(), false, "it did not wait");
        rows(&client, "COMMIT").await?;
        waiting.await??;
        same!(value(&client, "SELECT n FROM t").await?, "101");
        Ok(())
    })
}

/// Both branches of a UNION, and views in views, are of one moment: their sums never differ.
fn one_catalog(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE u (id int PRIMARY KEY, n int);
         CREATE VIEW a AS SELECT n FROM t; CREATE VIEW b AS SELECT n FROM u;
         CREATE VIEW both AS SELECT sum(n) AS n FROM a UNION ALL SELECT sum(n) FROM b;",
    );
    let onerow = project.serve();
    onerow.sql("INSERT INTO t VALUES (1, 0); INSERT INTO u VALUES (1, 0)")?;
    block_on(async {
        let (writer, reader) = (onerow.client().await, onerow.client().await);
        let writing = tokio::spawn(async move {
            for _ in 0..30 {
                rows(&writer, "BEGIN; UPDATE t SET n = n + 1; UPDATE u SET n = n + 1; COMMIT").await?;
            }
            Ok::<(), Fault>(())
        });
        while !writing.is_finished() {
            for sql in ["SELECT n FROM both", "SELECT sum(n) AS n FROM t UNION ALL SELECT sum(n) FROM u"] {
                let seen = rows(&reader, sql).await?;
                same!(seen.first() == seen.last(), true, "{sql} gave {seen:?}");
            }
        }
        writing.await??;
        Ok::<(), libtest_mimic::Failed>(())
    })?;
    same!(
        eventually(Duration::from_secs(5), || onerow.sql("SELECT DISTINCT n FROM both").is_ok_and(|n| n == "30")),
        true
    );
    Ok(())
}
