//! Tables that are no longer what they were: said with the column and the views, and taken over by a refresh.

use std::time::Duration;

use rusqlite::Connection;

use super::super::support::mariadb::Mariadb;
use super::super::support::postgres::Postgres;
use super::super::support::process::eventually;
use super::super::support::{Fixtures, Onerow, Outcome, Project};
use super::{Test, told};

pub const TESTS: &[Test] = &[
    ("postgres_columns_that_change_are_told", postgres),
    ("mariadb_columns_that_change_are_told", mariadb),
    ("mariadb_times_that_become_instants_are_told", mariadb_times),
    ("sqlite_columns_that_change_are_told", sqlite),
    ("refresh_takes_over_what_was_typed", typed),
    ("refresh_takes_over_what_files_import", files),
    ("a_changed_source_does_not_keep_the_server_from_starting", restart),
    ("the_next_session_sees_the_new_shape", behind),
    ("refresh_is_a_statement_like_others", statement),
];

const LIMIT: Duration = Duration::from_secs(30);

/// Three changes, each told with server, table, column and views.
fn changes(onerow: &Onerow, schema: &str, types: (&str, &str), mut change: impl FnMut(&str)) -> Outcome {
    onerow.sql(&format!(
        "CREATE VIEW names AS SELECT id, name FROM {schema}.t;
         CREATE VIEW upper_names AS SELECT upper(name) AS n FROM names;
         CREATE VIEW ages AS SELECT id, age FROM {schema}.t; CREATE VIEW all_of_it AS SELECT * FROM {schema}.t;"
    ))?;
    let server = format!("server \"{schema}\"");
    same!(onerow.sql("SELECT n FROM upper_names")?, "ANN");
    change("ALTER TABLE t RENAME COLUMN name TO title");
    let said = onerow.sql("SELECT n FROM upper_names").err().unwrap_or_default();
    holds!(said, "HV005: column \"name\" of table \"t\"");
    holds!(said, server);
    holds!(said, "no longer exists");
    holds!(said, "column \"title\"");
    holds!(said, "Views that read it: all_of_it, names, upper_names.");
    holds!(said, &format!("ALTER SERVER {schema} REFRESH"));
    // What does not read it goes on.
    same!(onerow.sql(&format!("SELECT id FROM {schema}.t"))?, "1");
    let (_, notices) = told(onerow, &format!("ALTER SERVER {schema} REFRESH"));
    if notices.contains("was dropped") {
        holds!(notices, &format!("{schema}.t: column \"name\" was dropped"));
        holds!(notices, "column \"title\" of type");
        holds!(notices, "view names no longer plans");
    }
    same!(eventually(LIMIT, || onerow.sql(&format!("SELECT title FROM {schema}.t")).is_ok_and(|t| t == "Ann")), true);
    refused!(onerow.sql("SELECT n FROM upper_names"), "42703", "name");
    // A type. The refresh that the first error asked for must not come behind and know of it already.
    change("RETYPE age");
    let said = onerow.sql("SELECT id, age FROM ages").err().unwrap_or_default();
    holds!(said, "HV004: column \"age\" of table \"t\"");
    holds!(said, &format!("it is {} now, where {} was expected", types.1, types.0));
    holds!(said, "ages");
    same!(
        eventually(LIMIT, || onerow.sql("SELECT age FROM ages").is_ok_and(|age| age == "old")),
        true,
        "{}",
        onerow.log()
    );
    // The whole table.
    change("DROP TABLE t");
    let said = onerow.sql("SELECT age FROM ages").err().unwrap_or_default();
    holds!(said, "HV00R: table \"t\"");
    holds!(said, server);
    holds!(said, "no longer exists");
    holds!(said, "ages");
    Ok(())
}

fn postgres(_: &Fixtures) -> Outcome {
    let postgres = Postgres::start();
    postgres.sql("CREATE TABLE t (id int, name text, age int); INSERT INTO t VALUES (1, 'Ann', 41);");
    let onerow = Project::new("CREATE VIEW fine AS SELECT 1 AS n;").serve();
    onerow.sql(&postgres.declared("pg"))?;
    onerow.sql("IMPORT FOREIGN SCHEMA public FROM SERVER pg INTO pg")?;
    changes(&onerow, "pg", ("integer", "text"), |change| {
        postgres.sql(match change {
            "RETYPE age" => "ALTER TABLE t ALTER age TYPE text; UPDATE t SET age = 'old'",
            other => other,
        });
    })
}

fn mariadb(_: &Fixtures) -> Outcome {
    let mariadb = Mariadb::start();
    mariadb.sql(
        "CREATE DATABASE d; USE d; CREATE TABLE t (id INT, name VARCHAR(20), age INT);
         INSERT INTO t VALUES (1, 'Ann', 41);",
    );
    let onerow = Project::new("CREATE VIEW fine AS SELECT 1 AS n;").serve();
    onerow.sql(&mariadb.declared("my"))?;
    onerow.sql("IMPORT FOREIGN SCHEMA d FROM SERVER my INTO my")?;
    changes(&onerow, "my", ("int(11)", "varchar(10)"), |change| {
        mariadb.sql(&format!(
            "USE d; {}",
            match change {
                "RETYPE age" => "ALTER TABLE t MODIFY age VARCHAR(10); UPDATE t SET age = 'old';",
                other => other,
            }
        ));
    })
}

/// What clocks show, and instants, come in the same form: they must not be taken for one another.
fn mariadb_times(_: &Fixtures) -> Outcome {
    let mariadb = Mariadb::start();
    mariadb.sql(
        "CREATE DATABASE d; USE d; CREATE TABLE t (id INT, at DATETIME NULL);
         INSERT INTO t VALUES (1, '2026-03-01 12:00:00');",
    );
    let onerow = Project::new("CREATE VIEW fine AS SELECT 1 AS n;").serve();
    onerow.sql(&mariadb.declared_with("my", ", timezone 'Europe/Berlin'"))?;
    onerow.sql("IMPORT FOREIGN SCHEMA d FROM SERVER my INTO my")?;
    same!(onerow.sql("SELECT at FROM my.t")?, "2026-03-01 11:00:00+00");
    mariadb.sql("USE d; SET time_zone = '+00:00'; ALTER TABLE t MODIFY at TIMESTAMP NULL;");
    refused!(onerow.sql("SELECT at FROM my.t"), "HV004", "\"at\"", "timestamp now, where datetime was expected");
    same!(eventually(LIMIT, || onerow.sql("SELECT at FROM my.t").is_ok_and(|at| at == "2026-03-01 12:00:00+00")), true);
    Ok(())
}

fn sqlite(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW fine AS SELECT 1 AS n;");
    let database = Connection::open(project.path().join("lite.db"))?;
    database
        .execute_batch("CREATE TABLE t (id INTEGER, name TEXT, age INTEGER); INSERT INTO t VALUES (1, 'Ann', 41);")?;
    let onerow = project.serve();
    onerow.sql("CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db')")?;
    onerow.sql("IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite")?;
    changes(&onerow, "lite", ("INTEGER", "TEXT"), |change| {
        let sql = match change {
            "RETYPE age" => {
                "ALTER TABLE t DROP COLUMN age; ALTER TABLE t ADD COLUMN age TEXT; UPDATE t SET age = 'old';"
            }
            other => other,
        };
        database.execute_batch(sql).expect("a change");
    })
}

fn typed(_: &Fixtures) -> Outcome {
    let postgres = Postgres::start();
    postgres.sql("CREATE TABLE t (id int, name text); CREATE TABLE gone (id int); CREATE TABLE other (id int);");
    let project = Project::new("CREATE VIEW fine AS SELECT 1 AS n;");
    let onerow = project.serve();
    onerow.sql(&postgres.declared("pg"))?;
    onerow.sql("IMPORT FOREIGN SCHEMA public EXCEPT (other) FROM SERVER pg INTO pg")?;
    onerow.sql("CREATE FOREIGN TABLE declared (id text) SERVER pg OPTIONS (table_name 't')")?;
    onerow.sql(
        "CREATE VIEW v AS SELECT name FROM pg.t; CREATE VIEW g AS SELECT id FROM pg.gone;
         CREATE VIEW w AS SELECT id FROM pg.t",
    )?;
    let (_, said) = told(&onerow, "ALTER SERVER pg REFRESH");
    holds!(said, "no table of server \"pg\" has changed");
    postgres.sql(
        "ALTER TABLE t DROP COLUMN name; ALTER TABLE t ADD city text; DROP TABLE gone; CREATE TABLE added (n int);",
    );
    let (_, said) = told(&onerow, "ALTER SERVER pg REFRESH");
    for part in [
        "pg.t: column \"name\" was dropped",
        "pg.t: column \"city\" of type text was added",
        "foreign table pg.gone is gone",
        "foreign table pg.added was added",
        "view v no longer plans",
        "view g no longer plans",
    ] {
        holds!(said, part);
    }
    lacks!(said, "view w");
    lacks!(said, "declared");
    let seen = |onerow: &Onerow| -> Outcome {
        same!(onerow.sql("SELECT city FROM pg.t")?, "");
        same!(onerow.sql("SELECT n FROM pg.added")?, "");
        same!(onerow.sql("SELECT id FROM w")?, "");
        refused!(onerow.sql("SELECT * FROM v"), "42703");
        refused!(onerow.sql("SELECT * FROM pg.other"), "42P01");
        Ok(())
    };
    seen(&onerow)?;
    // It is kept.
    onerow.kill();
    let onerow = project.serve();
    seen(&onerow)?;
    postgres.sql("ALTER TABLE t ADD name text");
    let (_, said) = told(&onerow, "ALTER SERVER pg REFRESH");
    holds!(said, "view v plans again");
    same!(onerow.sql("SELECT * FROM v")?, "");
    Ok(())
}

fn imported(postgres: &Postgres) -> Project {
    Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA public LIMIT TO (t, gone) FROM SERVER pg INTO pg;
         CREATE FOREIGN TABLE declared (name text) SERVER pg OPTIONS (table_name 't');
         CREATE VIEW v AS SELECT name FROM pg.t; CREATE VIEW over_v AS SELECT name FROM v;
         CREATE VIEW w AS SELECT id FROM pg.t;",
        postgres.declared("pg")
    ))
}

fn files(_: &Fixtures) -> Outcome {
    let postgres = Postgres::start();
    postgres.sql("CREATE TABLE t (id int, name text); CREATE TABLE gone (id int); INSERT INTO t VALUES (1, 'Ann');");
    let project = imported(&postgres);
    let onerow = project.serve();
    same!(onerow.sql("SELECT name FROM over_v")?, "Ann");
    postgres.sql("ALTER TABLE t RENAME name TO title; DROP TABLE gone;");
    let (_, said) = told(&onerow, "ALTER SERVER pg REFRESH");
    for part in ["pg.t: column \"name\" was dropped", "\"title\"", "pg.gone is gone", "view v no longer plans"] {
        holds!(said, part);
    }
    same!(onerow.sql("SELECT title FROM pg.t")?, "Ann");
    same!(onerow.sql("SELECT id FROM w")?, "1");
    refused!(onerow.sql("SELECT * FROM over_v"), "42703");
    refused!(onerow.sql("SELECT * FROM pg.gone"), "42P01");
    // What was declared is as it was declared.
    refused!(onerow.sql("SELECT name FROM declared"), "HV005", "\"name\"");
    Ok(())
}

fn restart(_: &Fixtures) -> Outcome {
    let postgres = Postgres::start();
    postgres.sql("CREATE TABLE t (id int, name text); CREATE TABLE gone (id int); INSERT INTO t VALUES (1, 'Ann');");
    let project = imported(&postgres);
    let onerow = project.serve();
    same!(onerow.sql("SELECT name FROM over_v")?, "Ann");
    postgres.sql("ALTER TABLE t RENAME name TO title; DROP TABLE gone;");
    onerow.sql("ALTER SERVER pg REFRESH")?;
    onerow.kill();
    let mut onerow = project.serve();
    same!(onerow.sql("SELECT id FROM w")?, "1");
    refused!(onerow.sql("SELECT * FROM v"), "42703");
    // A reload of the files that are the same takes them too; a mistake in them is one.
    onerow.process().signal("HUP");
    std::thread::sleep(Duration::from_millis(500));
    same!(onerow.sql("SELECT id FROM w")?, "1");
    postgres.sql("ALTER TABLE t RENAME title TO name");
    onerow.sql("ALTER SERVER pg REFRESH")?;
    same!(onerow.sql("SELECT name FROM over_v")?, "Ann");
    Ok(())
}

fn behind(_: &Fixtures) -> Outcome {
    let postgres = Postgres::start();
    postgres.sql("CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'Ann');");
    let project =
        Project::new(&format!("{} IMPORT FOREIGN SCHEMA public FROM SERVER pg INTO pg;", postgres.declared("pg")));
    let onerow = project.serve();
    same!(onerow.sql("SELECT name FROM pg.t")?, "Ann");
    postgres.sql("ALTER TABLE t RENAME name TO title; CREATE TABLE added (n int);");
    refused!(onerow.sql("SELECT name FROM pg.t"), "HV005");
    same!(
        eventually(LIMIT, || onerow.sql("SELECT title FROM pg.t").is_ok_and(|t| t == "Ann")),
        true,
        "{}",
        onerow.log()
    );
    same!(onerow.sql("SELECT n FROM pg.added")?, "");
    // An error of another kind asks for nothing, and is told as it is.
    refused!(onerow.sql("SELECT name FROM pg.t"), "42703");
    Ok(())
}

fn statement(_: &Fixtures) -> Outcome {
    let onerow = Project::new("CREATE VIEW fine AS SELECT 1 AS n;").serve();
    refused!(onerow.sql("ALTER SERVER nothing REFRESH"), "42704", "nothing");
    onerow.sql("CREATE SERVER pg FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1')")?;
    let (said, _) = onerow.psql(&["-c", "ALTER SERVER pg REFRESH"]);
    same!(said.trim(), "ALTER SERVER");
    refused!(onerow.sql("BEGIN; ALTER SERVER pg REFRESH"), "25001");
    refused!(onerow.sql("ALTER SERVER pg REFRESH now"), "42601");
    refused!(onerow.sql("BEGIN READ ONLY; ALTER SERVER pg REFRESH"), "25006", "ALTER SERVER");
    Ok(())
}
