//! Which plans are kept, and that what is asked with them is answered as without.

use std::sync::Arc;

use datafusion::arrow::util::display::array_value_to_string;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

use super::{Known, PlanMemo};
use crate::catalog::types::PgType;
use crate::config::EngineConfig;
use crate::engine::{Engine, Outcome, Parameter, Session, SessionParameters};
use crate::error::{Error, SqlState};

/// Planning recurses deeply: on a stack as large as the server's workers have.
fn deep(work: impl AsyncFnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(16 << 20);
    let run = move || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work());
    thread.spawn(run).unwrap().join().unwrap();
}

async fn engine(sql: &str) -> (Arc<Engine>, Session) {
    let engine = Engine::open(EngineConfig::default()).await.unwrap();
    let session = engine.session(SessionParameters::owner()).unwrap();
    for statement in sql.split(';') {
        ask(&session, statement).await;
    }
    (engine, session)
}

const TABLES: &str = "CREATE TABLE t (id int PRIMARY KEY, big bigint, name text, at timestamptz);
    INSERT INTO t VALUES (1, 10, 'ann', '2020-01-01'), (2, 20, 'bob', '2021-01-01'), (3, 20, 'it''s', NULL),
      (5, NULL, '05', '2022-01-01');
    CREATE VIEW v AS SELECT name, max(big) AS big, count(*) AS n FROM t GROUP BY name;
    SET plan_cache_mode = force_generic_plan";

async fn answer(session: &Session, sql: &str, parameters: Vec<Parameter>) -> Result<String, Error> {
    let mut shown = String::new();
    for statement in session.parse(sql)? {
        match Box::pin(session.run(&statement, parameters.clone(), CancellationToken::new())).await? {
            Outcome::Done { tag } => shown = tag,
            Outcome::Rows { stream, .. } => {
                let batches: Vec<_> = stream.try_collect().await?;
                let table = pretty_format_batches(&batches)?.to_string();
                let mut lines: Vec<&str> = table.lines().filter(|line| !line.starts_with('+')).skip(1).collect();
                lines.sort_unstable();
                shown = lines.join("\n").replace(' ', "");
            }
        }
    }
    Ok(shown)
}

async fn ask(session: &Session, sql: &str) -> String {
    answer(session, sql, vec![]).await.unwrap()
}

/// How many plans are kept, and how many queries are known to have none.
fn kept(session: &Session) -> (usize, usize) {
    let known = session.catalog().plans.all();
    let plans = known.iter().filter(|known| matches!(known, Known::Plan(_))).count();
    (plans, known.iter().filter(|known| matches!(known, Known::Never)).count())
}

#[test]
fn queries_that_look_up_other_values_share_a_plan() {
    deep(async || {
        let (_engine, session) = engine(TABLES).await;
        for (name, expected) in [("ann", "|1|"), ("bob", "|2|"), ("it''s", "|3|"), ("nobody", ""), ("", "")] {
            assert_eq!(ask(&session, &format!("SELECT id FROM t WHERE name = '{name}'")).await, expected);
        }
        assert_eq!(kept(&session), (1, 0));
        // A number is of the column's type, or the query is planned with it.
        for (number, expected) in [("20", "|2|\n|3|"), ("7", ""), ("9223372036854775808", "")] {
            assert_eq!(ask(&session, &format!("SELECT id FROM t WHERE big = {number}")).await, expected);
        }
        assert_eq!(ask(&session, "SELECT n FROM v WHERE name = 'bob' AND n = 1").await, "|1|");
        assert_eq!(ask(&session, "SELECT n, name FROM v WHERE 'ann' = name").await, "|1|ann|");
        assert_eq!(ask(&session, "SELECT n, name FROM v WHERE 'bob' = name").await, "|1|bob|");
        assert_eq!(kept(&session), (3, 1));
    });
}

#[test]
fn a_literal_has_the_type_of_what_it_is_compared_with() {
    deep(async || {
        let (_engine, session) = engine(TABLES).await;
        for _ in 0..3 {
            assert_eq!(ask(&session, "SELECT name FROM t WHERE id = '05'").await, "|05|");
            assert_eq!(ask(&session, "SELECT id FROM t WHERE name = '05'").await, "|5|");
            let wrong = answer(&session, "SELECT id FROM t WHERE name = 5", vec![]).await.unwrap_err();
            assert_eq!(wrong.state(), SqlState("42883"));
            let wrong = answer(&session, "SELECT 1; SELECT id FROM t WHERE nome = 'x'", vec![]).await.unwrap_err();
            assert_eq!((wrong.state(), wrong.position()), (SqlState::UNDEFINED_COLUMN, Some(34)));
            let wrong = answer(&session, "SELECT id FROM t WHERE name = $1 AND big = 20", vec![]).await.unwrap_err();
            assert_eq!(wrong.state(), SqlState::UNDEFINED_PARAMETER);
            let wrong = answer(&session, "SELECT id FROM t WHERE id = 'x'", vec![]).await.unwrap_err();
            assert_eq!(wrong.state(), SqlState("22P02"));
        }
    });
}

#[test]
fn parameters_share_a_plan_as_literals_do() {
    deep(async || {
        let (_engine, session) = engine(TABLES).await;
        let text = |text: Option<&str>| Parameter {
            value: ScalarValue::Utf8View(text.map(str::to_string)),
            kind: PgType::Text,
        };
        let number = |number| Parameter { value: ScalarValue::Int64(number), kind: PgType::Int8 };
        let by_name = "SELECT id FROM t WHERE name = $1";
        for (name, expected) in [(Some("ann"), "|1|"), (None, ""), (Some("bob"), "|2|"), (Some("x' OR 1=1"), "")] {
            assert_eq!(answer(&session, by_name, vec![text(name)]).await.unwrap(), expected);
        }
        assert_eq!(kept(&session), (1, 0));
        let by_both = "SELECT id FROM t WHERE big = $1 AND name = 'bob'";
        assert_eq!(answer(&session, by_both, vec![number(Some(20))]).await.unwrap(), "|2|");
        assert_eq!(answer(&session, by_both, vec![number(Some(10))]).await.unwrap(), "");
        assert_eq!(kept(&session), (2, 0));
        // Of another type it is another query; elsewhere than in a look-up it is planned with its value.
        assert_eq!(answer(&session, "SELECT id FROM t WHERE id = $1", vec![number(Some(2))]).await.unwrap(), "|2|");
        assert_eq!(
            answer(&session, "SELECT $1 || name FROM t WHERE id = 1", vec![text(Some("x"))]).await.unwrap(),
            "|xann|"
        );
        assert_eq!(
            answer(&session, "SELECT $1 || name FROM t WHERE id = 1", vec![text(Some("y"))]).await.unwrap(),
            "|yann|"
        );
        assert_eq!(kept(&session).0, 2);
    });
}

#[test]
fn what_changes_is_planned_anew() {
    deep(async || {
        let (engine, session) = engine(TABLES).await;
        let query = "SELECT n FROM v WHERE name = 'ann'";
        assert_eq!(ask(&session, query).await, "|1|");
        ask(
            &session,
            "CREATE OR REPLACE VIEW v AS SELECT name, max(big) AS big, count(*) * 7 AS n FROM t GROUP BY name",
        )
        .await;
        assert_eq!(kept(&session), (0, 0));
        assert_eq!(ask(&session, query).await, "|7|");
        ask(&session, "INSERT INTO t VALUES (9, 9, 'ann', NULL)").await;
        assert_eq!(ask(&session, query).await, "|14|");
        // What a block has defined is its own.
        let other = engine.session(SessionParameters::owner()).unwrap();
        ask(&other, "SET plan_cache_mode = force_generic_plan").await;
        ask(&session, "BEGIN; CREATE OR REPLACE VIEW v AS SELECT name, 1::bigint AS big, 0::bigint AS n FROM t").await;
        for _ in 0..2 {
            assert_eq!(ask(&session, query).await, "|0|\n|0|");
            assert_eq!(ask(&other, query).await, "|14|");
        }
        ask(&session, "ROLLBACK").await;
        assert_eq!(ask(&session, query).await, "|14|");
        // The clock and the settings of a session.
        let zoned = "SELECT id FROM t WHERE at = '2021-01-01 00:00'";
        for (zone, expected) in [("UTC", "|2|"), ("Asia/Tokyo", ""), ("UTC", "|2|")] {
            ask(&session, &format!("SET timezone = '{zone}'")).await;
            for _ in 0..3 {
                assert_eq!(ask(&session, zoned).await, expected, "{zone}");
            }
        }
        let clock = "SELECT now()::text FROM t WHERE id = 1";
        let first = ask(&session, clock).await;
        assert_ne!(ask(&session, clock).await, first);
        ask(&session, "CREATE SCHEMA s; CREATE TABLE s.t (id int, name text); INSERT INTO s.t VALUES (77, 'ann')")
            .await;
        assert_eq!(ask(&session, "SELECT id FROM t WHERE name = 'bob'").await, "|2|");
        ask(&session, "SET search_path = s").await;
        assert_eq!(ask(&session, "SELECT id FROM t WHERE name = 'ann'").await, "|77|");
    });
}

#[test]
fn times_as_text_are_of_the_zone_of_who_asks() {
    deep(async || {
        let (_engine, session) = engine(TABLES).await;
        ask(&session, "CREATE VIEW w AS SELECT name, newest(id, at) AS id, max(at) AS at FROM t GROUP BY name").await;
        for (zone, hour) in [("UTC", "00"), ("Asia/Tokyo", "09"), ("UTC", "00")] {
            ask(&session, &format!("SET timezone = '{zone}'")).await;
            for (name, year) in [("ann", 2020), ("bob", 2021)] {
                let shown = ask(&session, &format!("SELECT at::text FROM t WHERE name = '{name}'")).await;
                assert!(shown.starts_with(&format!("|{year}-01-01{hour}:")), "{zone}: {shown}");
                let lineage = format!("SELECT value FROM lineage('w') WHERE name = '{name}' AND column_name <> 'id'");
                let shown = ask(&session, &lineage).await;
                assert!(shown.starts_with(&format!("|{year}-01-01{hour}:")), "{zone}: {shown}");
            }
        }
        // Of each of the two zones one of each query.
        assert_eq!(kept(&session), (4, 0));
    });
}

#[test]
fn a_plan_is_made_when_a_query_comes_again() {
    deep(async || {
        let (_engine, session) = engine(TABLES).await;
        ask(&session, "SET plan_cache_mode = auto").await;
        ask(&session, "SELECT id FROM t WHERE name = 'a'").await;
        assert_eq!(kept(&session), (0, 0));
        ask(&session, "SELECT id FROM t WHERE name = 'b'").await;
        assert_eq!(kept(&session), (1, 0));
        ask(&session, "SET plan_cache_mode = force_custom_plan").await;
        for _ in 0..3 {
            ask(&session, "SELECT big FROM t WHERE name = 'b'").await;
        }
        assert_eq!(kept(&session), (1, 0));
        assert!(answer(&session, "SET plan_cache_mode = never", vec![]).await.is_err());
    });
}

#[test]
fn a_statement_that_runs_again_sees_what_has_changed() {
    deep(async || {
        let (_engine, session) = engine(TABLES).await;
        ask(&session, "CREATE SCHEMA s; CREATE TABLE s.t (id int, name text); INSERT INTO s.t VALUES (1, 'of s')")
            .await;
        let statement = session.parse("SELECT name FROM t WHERE id = $1").unwrap().remove(0);
        let memo = PlanMemo::default();
        let run = async |id: Option<i32>| {
            let parameters = vec![Parameter { value: ScalarValue::Int32(id), kind: PgType::Int4 }];
            let cancel = CancellationToken::new();
            let outcome = Box::pin(session.run_again(&statement, parameters, cancel.into(), &memo)).await.unwrap();
            let Outcome::Rows { stream, .. } = outcome else { panic!("no rows") };
            let batches: Vec<_> = stream.try_collect().await.unwrap();
            let names = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
            names.map(|(batch, row)| array_value_to_string(batch.column(0), row).unwrap()).collect::<Vec<_>>().join(",")
        };
        for _ in 0..3 {
            assert_eq!(run(Some(1)).await, "ann");
            assert_eq!(run(Some(2)).await, "bob");
            assert_eq!(run(None).await, "");
        }
        assert_eq!(kept(&session), (1, 0));
        for (statement, expected) in [
            ("UPDATE t SET name = 'changed' WHERE id = 1", "changed"),
            ("BEGIN", "changed"),
            ("DELETE FROM t WHERE id = 1", ""),
            ("ROLLBACK", "changed"),
            ("SET search_path = s", "of s"),
            ("RESET search_path", "changed"),
            ("SET plan_cache_mode = force_custom_plan", "changed"),
            ("DROP TABLE t CASCADE; CREATE VIEW t AS SELECT 1 AS id, 'view' AS name", "view"),
        ] {
            ask(&session, statement).await;
            for _ in 0..3 {
                assert_eq!(run(Some(1)).await, expected, "{statement}");
            }
        }
    });
}
