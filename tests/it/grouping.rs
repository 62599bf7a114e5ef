//! Groups over the rows of several sources: however they are made, they are those that PostgreSQL makes.

use super::Test;
use super::support::pushdown::{UGLY_TEXTS, quoted};
use super::support::wire::{rows, value};
use super::support::{Fixtures, Outcome, Project, block_on};

pub const TESTS: &[Test] =
    &[("keys_that_hardly_repeat_are_grouped_in_one_step", one_step), ("more_keys_than_can_be_sent", many_keys)];

fn one_step(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    let texts: Vec<String> = UGLY_TEXTS.iter().map(|text| quoted(text)).collect();
    // Ugly texts, some of them twice and more, between addresses that are all different; nulls are a group.
    let rows_of = |step: u32| {
        format!(
            "SELECT CASE WHEN g % 1000 < {} THEN (ARRAY[{}])[g % 1000 + 1] WHEN g % 997 = 0 THEN NULL
                      ELSE 'user' || g * {step} || '@example.com' END AS email,
                    g % 7 AS n, 'City ' || g % 20 AS city, timestamp '2020-01-01' + g * interval '1 minute' AS seen
             FROM generate_series(1, 20000) g",
            texts.len(),
            texts.join(", ")
        )
    };
    postgres.sql(&format!(
        "CREATE SCHEMA one_step; CREATE TABLE one_step.a AS {}; CREATE TABLE one_step.b AS {};
         ANALYZE one_step.a; ANALYZE one_step.b;",
        rows_of(1),
        rows_of(2)
    ));
    let person =
        "SELECT email, n, city, seen, 'a' AS source FROM one.a UNION ALL SELECT email, n, city, seen, 'b' FROM two.b";
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA one_step LIMIT TO (a) FROM SERVER s1 INTO one;
         {} IMPORT FOREIGN SCHEMA one_step LIMIT TO (b) FROM SERVER s2 INTO two;
         CREATE VIEW person AS {person};",
        postgres.declared("s1"),
        postgres.declared("s2")
    ));
    let onerow = project.serve();
    block_on(async {
        let (here, there) = (onerow.client().await, postgres.client("postgres").await);
        let of_tables = person.replace("one.", "one_step.").replace("two.", "one_step.");
        rows(&there, &format!("CREATE TEMP VIEW person AS {of_tables}")).await?;
        let grouped = |key: &str| format!("SELECT {key} AS k, count(*) AS c FROM person GROUP BY {key}");
        for (key, step) in [
            ("email", "mode=SinglePartitioned"),
            ("lower(email)", "mode=SinglePartitioned"),
            ("email, city", "mode=SinglePartitioned"),
            ("city", "mode=FinalPartitioned"),
            ("left(email, 4)", "mode=FinalPartitioned"),
        ] {
            // How many values there are is known some time after the source was first asked.
            let mut plan = String::new();
            for _ in 0..100 {
                plan = format!("{:?}", rows(&here, &format!("EXPLAIN {}", grouped(key))).await?);
                if plan.contains(step) {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            holds!(plan, step);
        }
        for sql in [
            "SELECT count(*), sum(c), max(c), min(c) FROM (SELECT email, count(*) AS c FROM person GROUP BY email) t",
            "SELECT email, count(*), sum(n), min(seen), max(city), count(DISTINCT source) FROM person GROUP BY email
               HAVING count(*) > 1 OR email IS NULL OR email LIKE '%199%'",
            "SELECT count(*), sum(t), sum(x) FROM (SELECT btrim(email), count(*) FILTER (WHERE n > 3) AS t, sum(n) AS x
               FROM person GROUP BY btrim(email)) t",
            "SELECT count(*) FROM (SELECT DISTINCT email, source FROM person) t",
        ] {
            let (mut ours, mut theirs) = (rows(&here, sql).await?, rows(&there, sql).await?);
            ours.sort();
            theirs.sort();
            same!(ours == theirs, true, "{sql}: {} and {} rows", ours.len(), theirs.len());
        }
        let newest =
            "SELECT count(*), sum(length(s)) FROM (SELECT newest(source, seen) AS s FROM person GROUP BY email) t";
        same!(value(&here, newest).await?, value(&there, "SELECT count(DISTINCT email) + 1 FROM person").await?);
        Ok(())
    })
}

/// Where the source says that there are far more keys than may be sent, nobody waits for them.
fn many_keys(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA many_keys;
         CREATE TABLE many_keys.a AS SELECT g AS id, 'name ' || g % 50 AS name FROM generate_series(1, 5000) g;
         CREATE TABLE many_keys.b AS SELECT g * 2 AS id, g AS n FROM generate_series(1, 20000) g;
         ANALYZE many_keys.a; ANALYZE many_keys.b;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA many_keys LIMIT TO (a) FROM SERVER s1 INTO one;
         {} IMPORT FOREIGN SCHEMA many_keys LIMIT TO (b) FROM SERVER s2 INTO two;",
        postgres.declared("s1"),
        postgres.declared("s2")
    ));
    let onerow = project.serve();
    block_on(async {
        let client = onerow.client().await;
        let sql = "SELECT count(*), sum(b.n), min(a.name) FROM two.b b JOIN one.a a ON a.id = b.id";
        for (most, keys, passed_over) in
            [("400", "too many keys=[id: about 5000 of id of s1.a]", true), ("4000", "keys=[id in #1", false)]
        {
            rows(&client, &format!("SET onerow.max_keys = {most}")).await?;
            let mut plan = String::new();
            for _ in 0..100 {
                plan = format!("{:?}", rows(&client, &format!("EXPLAIN {sql}")).await?);
                if plan.contains(keys) {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            holds!(plan, keys);
            same!(plan.contains("KeyCollectExec"), !passed_over, "{plan}");
            same!(format!("{:?}", rows(&client, sql).await?), r#"[[Some("2500"), Some("3126250"), Some("name 0")]]"#);
        }
        Ok(())
    })
}
