//! Models through the whole program: they survive a restart, files train theirs behind, plans follow them.

use std::time::Duration;

use rusqlite::Connection;

use super::Test;
use super::support::process::eventually;
use super::support::{Fixtures, Onerow, Outcome, Project};

pub const TESTS: &[Test] = &[
    ("models_survive_a_restart", durable),
    ("files_train_behind_and_once", of_files),
    ("rows_that_come_later_train_a_model", later),
    ("a_source_that_is_down_is_asked_again", down),
    ("a_single_answer_waits_for_its_model", single),
    ("mistakes_in_files_have_their_places", mistakes),
    ("plans_follow_their_model", plans),
    ("blocks_have_their_own_models", blocks),
    ("models_learn_from_sources", sources),
];

const LIMIT: Duration = Duration::from_secs(30);

/// Right is what is fresh.
const ROWS: &str = "SELECT n < 20 AS correct, n AS age, CASE WHEN n % 2 = 0 THEN 'erp' ELSE 'Ünal''s' END AS source
                      FROM generate_series(0, 59) AS g(n)";

/// A city by its age; the fresher one is `Zug`.
const ASKED: &str = "SELECT tree_choice(city, 'm', age, source)
                       FROM (VALUES ('Bern', 50, 'erp'), ('Zug', 3, 'web'), ('京', 40, NULL)) AS t(city, age, source)";

fn durable(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW person AS SELECT 1 AS k, 'Bern' AS city, 50 AS age, 'erp' AS source;");
    let onerow = project.serve();
    onerow.sql(&format!("CREATE MODEL m FOR tree_choice WITH (holdout = 0.25, seed = 7) AS {ROWS}"))?;
    onerow.sql("COMMENT ON MODEL m IS 'hangi şehir, 城市'")?;
    onerow
        .sql("CREATE VIEW customer AS SELECT k, tree_choice(city, 'm', age, source) AS city FROM person GROUP BY k")?;
    let told = "SELECT schemaname, modelname, rows, held_back, accuracy, baseline, rules, trained_at, comment,
                       pg_get_modeldef('m') FROM onerow_models";
    let before = onerow.sql(told)?;
    holds!(before, "public|m|45|15|");
    holds!(before, "hangi şehir, 城市|CREATE MODEL m FOR tree_choice WITH (holdout = 0.25, seed = 7) AS SELECT");
    same!(onerow.sql(ASKED)?, "Zug");
    onerow.kill();
    let onerow = project.serve();
    same!(onerow.sql(told)?, before);
    same!(onerow.sql(ASKED)?, "Zug");
    same!(onerow.sql("SELECT * FROM customer")?, "1|Bern");
    refused!(onerow.sql("DROP MODEL m"), "2BP01", "cannot drop model m");
    onerow.sql("DROP MODEL m CASCADE")?;
    refused!(onerow.sql("SELECT * FROM customer"), "42P01");
    onerow.kill();
    same!(project.query("SELECT count(*) FROM onerow_models").1, "count\n0\n");
    Ok(())
}

fn labelled(project: &Project) -> Outcome {
    let database = Connection::open(project.path().join("label.db"))?;
    database.execute_batch(
        "CREATE TABLE label (correct boolean, age integer, source text);
         WITH RECURSIVE g(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM g WHERE n < 59)
         INSERT INTO label SELECT n < 20, n, CASE WHEN n % 2 = 0 THEN 'erp' ELSE 'Ünal''s' END FROM g;",
    )?;
    Ok(())
}

fn trained(onerow: &Onerow) -> bool {
    eventually(LIMIT, || onerow.sql(ASKED).is_ok_and(|city| city == "Zug"))
}

fn of_files(_: &Fixtures) -> Outcome {
    // The view stands before the model, and the model before its rows.
    let project = Project::new(
        "CREATE VIEW customer AS SELECT k, tree_choice(city, 'm', age, source) AS city FROM person GROUP BY k;
         CREATE MODEL m FOR tree_choice AS SELECT correct, age::int AS age, source FROM labelled;
         CREATE VIEW labelled AS SELECT correct, age, source FROM s.label;
         COMMENT ON MODEL m IS 'of the files';
         CREATE VIEW person AS SELECT * FROM (VALUES (1, 'Bern', 50, 'erp'), (1, 'Zug', 3, 'erp')) AS t(k, city, age, source);
         CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'label.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO s;",
    );
    labelled(&project)?;
    let onerow = project.serve();
    same!(trained(&onerow), true, "{}", onerow.log());
    let view = || onerow.sql("SELECT * FROM customer").is_ok_and(|row| row == "1|Zug");
    same!(eventually(LIMIT, view), true, "{}", onerow.log());
    same!(onerow.sql("SELECT count(*) FROM information_schema.columns WHERE table_name = 'customer'")?, "2");
    let told = "SELECT rows, held_back, rules, trained_at, comment FROM onerow_models";
    let before = onerow.sql(told)?;
    holds!(before, "|of the files");
    refused!(onerow.sql("DROP MODEL m"), "55000", "is defined in");
    refused!(onerow.sql(&format!("CREATE OR REPLACE MODEL m FOR tree_choice AS {ROWS}")), "55000");
    refused!(onerow.sql("COMMENT ON MODEL m IS 'x'"), "55000");
    onerow.kill();
    // It is not learned again: the rows are gone, and what they taught is there.
    std::fs::remove_file(project.path().join("label.db"))?;
    let onerow = project.serve();
    same!(onerow.sql(ASKED)?, "Zug");
    same!(onerow.sql("SELECT * FROM customer")?, "1|Zug");
    same!(onerow.sql(told)?, before);
    Ok(())
}

fn later(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE TABLE label (correct boolean, age int, source text);
         CREATE MODEL m FOR tree_choice WITH (holdout = 0) AS SELECT * FROM label;
         CREATE VIEW customer AS SELECT tree_choice('Bern', 'm', age, 'x') AS city FROM (VALUES (1)) AS t(age);
         CREATE VIEW other AS SELECT 1 AS n;",
    );
    let mut onerow = project.serve();
    // The server is there without it; what does not need it answers.
    same!(onerow.sql("SELECT n FROM other")?, "1");
    refused!(onerow.sql("SELECT * FROM customer"), "55000", "model \"m\" is not trained");
    let why = || {
        let told = onerow.sql("SELECT problem, rules FROM onerow_models");
        told.is_ok_and(|told| told == "there are no labelled rows to learn from|NULL")
    };
    same!(eventually(LIMIT, why), true, "{}", onerow.log());
    onerow.sql(&format!("INSERT INTO label {ROWS}"))?;
    onerow.process().signal("HUP");
    same!(trained(&onerow), true, "{}", onerow.log());
    let view = || onerow.sql("SELECT * FROM customer").is_ok_and(|row| row == "Bern");
    same!(eventually(LIMIT, view), true, "{}", onerow.log());
    // Another statement is learned anew.
    project.write(
        "10_main.sql",
        "CREATE TABLE label (correct boolean, age int, source text);
         CREATE MODEL m FOR tree_choice WITH (holdout = 0.5) AS SELECT * FROM label;",
    );
    onerow.process().signal("HUP");
    let anew = || onerow.sql("SELECT rows, held_back FROM onerow_models").is_ok_and(|told| told == "30|30");
    same!(eventually(LIMIT, anew), true, "{}", onerow.log());
    Ok(())
}

fn down(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'label.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO s;
         CREATE MODEL m FOR tree_choice AS SELECT correct, age::int AS age, source FROM s.label;
         CREATE VIEW customer AS SELECT tree_choice('Bern', 'm', age, 'x') AS city FROM (VALUES (1)) AS t(age);",
    );
    let onerow = project.serve();
    same!(onerow.sql("SELECT count(*) FROM onerow_models")?, "1");
    refused!(onerow.sql("SELECT * FROM customer"), "55000", "model \"m\" is not trained");
    labelled(&project)?;
    same!(trained(&onerow), true, "{}", onerow.log());
    let view = || onerow.sql("SELECT * FROM customer").is_ok_and(|row| row == "Bern");
    same!(eventually(LIMIT, view), true, "{}", onerow.log());
    Ok(())
}

fn single(_: &Fixtures) -> Outcome {
    let project = Project::new(&format!("CREATE MODEL m FOR tree_choice WITH (holdout = 0) AS {ROWS};"));
    same!(project.query(ASKED).1, "tree_choice\nZug\n");
    let (code, out, err) = project.check();
    same!(code, 0, "{out}{err}");
    // A model that nothing can be learned for is told of.
    let project = Project::new(
        "CREATE TABLE label (correct boolean, age int);
         CREATE MODEL m FOR tree_choice AS SELECT * FROM label;",
    );
    let (code, out, err) = project.check();
    same!(code, 1, "{out}{err}");
    holds!(format!("{out}{err}"), "no labelled rows");
    holds!(format!("{out}{err}"), "model \"m\"");
    same!(project.query("SELECT 1 AS n").1, "n\n1\n");
    Ok(())
}

fn mistakes(_: &Fixtures) -> Outcome {
    let rows = "CREATE VIEW r AS SELECT true AS correct, 1 AS age;\n";
    for (sql, said) in [
        ("CREATE MODEL m FOR tree_choice AS SELECT correct, nope FROM r;", ":2:51: error[42703]"),
        ("CREATE MODEL m FOR tree_choice AS SELECT age FROM r;", ":2:1: error[42703]"),
        ("CREATE MODEL m FOR tree_choice AS SELECT correct, now() AS t FROM r;", ":2:1: error[42804]"),
        ("CREATE MODEL m FOR tree_choice WITH (seed = 'x') AS SELECT * FROM r;", ":2:45: error[22023]"),
        ("CREATE MODEL m FOR tree_choice AS SELECT * FROM nowhere;", ": error[42P01]"),
        (
            "CREATE MODEL m FOR tree_choice AS SELECT * FROM r;\nCREATE MODEL m FOR tree_choice AS SELECT * FROM r;",
            ":3:1: error[42710]",
        ),
        (
            "CREATE MODEL m FOR tree_choice AS SELECT correct, a AS age FROM v;\n\
             CREATE VIEW v AS SELECT true AS correct, tree_choice(age, 'm', age) AS a FROM r;",
            ":2:1: error[42P17]",
        ),
        ("CREATE VIEW v AS SELECT tree_choice(age, 'nope', age) AS a FROM r;", ":2:42: error[42704]"),
        ("DROP MODEL m;", ":2:1: error[0A000]"),
    ] {
        let (code, out, err) = Project::new(&format!("{rows}{sql}")).check();
        same!(code, 1, "{sql}\n{out}{err}");
        holds!(format!("{out}{err}"), said);
    }
    Ok(())
}

fn plans(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    onerow.sql(&format!("CREATE TABLE label AS {ROWS}"))?;
    onerow.sql("CREATE MODEL m FOR tree_choice AS SELECT * FROM label")?;
    onerow.sql(
        "CREATE VIEW customer AS SELECT tree_choice(city, 'm', age, source) AS city
           FROM (VALUES ('Bern', 50, 'erp'), ('Zug', 3, 'erp')) AS t(city, age, source)",
    )?;
    // Asked often enough for its plan to be kept.
    for _ in 0..4 {
        same!(onerow.sql(ASKED)?, "Zug");
        same!(onerow.sql("SELECT * FROM customer")?, "Zug");
    }
    holds!(onerow.sql(&format!("EXPLAIN {ASKED}"))?, "tree m");
    onerow.sql("CREATE OR REPLACE MODEL m FOR tree_choice AS SELECT NOT correct AS correct, age, source FROM label")?;
    // Both of the old are believed: the greater value.
    same!(onerow.sql(ASKED)?, "京");
    same!(onerow.sql("SELECT * FROM customer")?, "Bern");
    let (out, said) = onerow.psql(&[
        "-c",
        "PREPARE p AS SELECT tree_choice(city, 'm', age, 'erp') FROM (VALUES ('Bern', 50), ('Zug', 3)) AS t(city, age)",
        "-c",
        "EXECUTE p",
    ]);
    holds!(format!("{out}{said}"), "Bern");
    let (_, said) = onerow.psql(&["-c", "SELECT 1, tree_choice(1, 'm', 2)"]);
    holds!(said, "takes 2 features, not 1");
    holds!(said, "HINT:  It is called as tree_choice(value, 'm', age double precision, source text).");
    Ok(())
}

fn blocks(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    same!(onerow.sql(&format!("BEGIN; CREATE MODEL m FOR tree_choice AS {ROWS}; {ASKED}; ROLLBACK"))?, "Zug");
    refused!(onerow.sql(ASKED), "42704");
    refused!(
        onerow.sql(&format!("BEGIN READ ONLY; CREATE MODEL m FOR tree_choice AS {ROWS}")),
        "25006",
        "CREATE MODEL"
    );
    Ok(())
}

fn sources(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA modelled; CREATE TABLE modelled.label (id int PRIMARY KEY, correct boolean, age numeric(10,2),
           valid boolean, source varchar(20), note char(8));
         INSERT INTO modelled.label SELECT g, g % 100 < 30, g % 100, g % 7 = 0, 'source ' || g % 90, 'x' || g % 2
           FROM generate_series(1, 5000) g;
         INSERT INTO modelled.label VALUES (0, true, NULL, NULL, NULL, NULL), (-1, NULL, 5, NULL, '', NULL);",
    );
    let project =
        Project::new(&format!("{} IMPORT FOREIGN SCHEMA modelled FROM SERVER pg INTO s;", postgres.declared("pg")));
    let onerow = project.serve();
    let learned = |order: &str| -> Result<String, String> {
        onerow.sql(&format!(
            "CREATE OR REPLACE MODEL m FOR tree_choice WITH (seed = 3)
               AS SELECT correct, age, valid, source, note FROM s.label ORDER BY {order}"
        ))?;
        onerow.sql("SELECT rows, held_back, accuracy, baseline, rules FROM onerow_models")
    };
    let first = learned("id")?;
    holds!(first, "4001|1000|");
    // Neither the order of rows nor where they are sorted shows.
    same!(learned("id DESC")?, first);
    same!(learned("source, random()")?, first);
    same!(
        onerow
            .sql("SELECT tree_choice(source, 'm', age, valid, source, note) FROM s.label WHERE id BETWEEN 0 AND 60")?,
        "source 9"
    );
    Ok(())
}
