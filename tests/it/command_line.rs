//! What a user at a terminal meets: help, exit codes, answers, reports, signals.

use std::time::Duration;

use super::Test;
use super::support::onerow::PROGRAM;
use super::support::process::{Running, drain, eventually, free_port};
use super::support::report::points_at;
use super::support::{Fixtures, Outcome, Project};

pub const TESTS: &[Test] = &[
    ("help_says_what_users_need", help),
    ("version", version),
    ("exit_codes", exit_codes),
    ("query_prints_csv", csv),
    ("query_prints_json", json),
    ("query_prints_tables_as_psql_does", table),
    ("query_runs_several_statements", several),
    ("query_fails_in_the_middle", fails_in_the_middle),
    ("errors_show_their_place", places),
    ("check_passes", check_passes),
    ("check_names_what_is_down", check_names),
    ("check_warns_of_null_keys", check_warns),
    ("serve_stops_on_signals", stops),
    ("serve_starts_with_a_source_down", starts),
    ("serve_logs_json", logs_json),
    ("serve_is_never_open_to_all", never_open),
    ("state_may_be_elsewhere", state_elsewhere),
];

fn run(arguments: &[&str]) -> (i32, String, String) {
    Project::new("").run(arguments)
}

fn folder(project: &Project) -> String {
    project.path().display().to_string()
}

fn help(_: &Fixtures) -> Outcome {
    for (arguments, parts) in [
        (vec!["--help"], vec!["demo", "serve", "query", "check", "psql", "Exit codes", "--version"]),
        (vec!["demo", "--help"], vec!["--dir", "--seed", "--no-serve", "--listen"]),
        (
            vec!["serve", "--help"],
            vec!["--sql", "--state", "--listen", "127.0.0.1:6432", "ONEROW_PASSWORD", "--tls-cert", "SIGHUP"],
        ),
        (vec!["query", "--help"], vec!["--sql", "--state", "--format", "table", "csv", "json"]),
        (vec!["check", "--help"], vec!["--sql", "--state"]),
    ] {
        let (code, out, said) = run(&arguments);
        same!((code, said.as_str()), (0, ""), "{arguments:?}");
        for part in parts {
            holds!(out, part);
        }
        same!(out.lines().all(|line| line.chars().count() <= 120), true, "widths of {arguments:?}");
    }
    Ok(())
}

fn version(_: &Fixtures) -> Outcome {
    let (code, out, _) = run(&["--version"]);
    same!((code, out.as_str()), (0, concat!("onerow ", env!("CARGO_PKG_VERSION"), "\n")));
    Ok(())
}

fn exit_codes(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW v AS SELECT 1 AS n;");
    let sql = folder(&project);
    for (arguments, expected) in [
        (vec!["query", "--sql", &sql, "SELECT n FROM v"], 0),
        (vec!["query", "--sql", &sql, ""], 0),
        (vec!["check", "--sql", &sql], 0),
        (vec!["query", "--sql", &sql, "SELECT nope FROM v"], 1),
        (vec!["query", "--sql", &sql, "SELEC"], 1),
        (vec!["query", "--sql", &sql, "SELECT 1/0"], 1),
        (vec!["query", "--sql", "/no/such/folder", "SELECT 1"], 1),
        (vec!["check", "--sql", "/no/such/folder"], 1),
        (vec!["query", "SELECT 1"], 2),
        (vec!["query", "--sql", &sql], 2),
        (vec!["query", "--sql", &sql, "--format", "xml", "SELECT 1"], 2),
        (vec!["check"], 2),
        (vec!["serve", "--sql", &sql, "--max-connections", "many"], 2),
        (vec!["dance"], 2),
        (vec![], 2),
    ] {
        let (code, _, said) = run(&arguments);
        same!(code, expected, "exit codes of {arguments:?} ({said})");
        same!(said.is_empty(), expected == 0, "{arguments:?}: {said}");
    }
    Ok(())
}

/// Values that every format must get right.
const VALUES: &str = "SELECT * FROM (VALUES
    (1, 'plain', 1.50::numeric(10,2), true, DATE '2024-02-29'),
    (2, 'a \"quote\", a comma', -0.25::numeric(10,2), false, NULL),
    (3, '张伟 🙂', NULL, NULL, DATE '0001-01-01'),
    (4, '', 0.00::numeric(10,2), NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL)) AS t(id, \"the text\", price, flag, day) ORDER BY id";

fn query(format: &str, sql: &str) -> (i32, String, String) {
    let project = Project::new("");
    project.run(&["query", "--sql", &folder(&project), "--format", format, sql])
}

fn csv(_: &Fixtures) -> Outcome {
    let (code, out, said) = query("csv", VALUES);
    same!(code, 0, "{said}");
    same!(
        out,
        "id,the text,price,flag,day\n\
         1,plain,1.50,t,2024-02-29\n\
         2,\"a \"\"quote\"\", a comma\",-0.25,f,\n\
         3,张伟 🙂,,,0001-01-01\n\
         4,\"\",0.00,,\n\
         ,,,,\n"
    );
    let (_, out, _) = query("csv", "SELECT 'two' || chr(10) || 'lines' AS a, 1 AS \"b,c\"");
    same!(out, "a,\"b,c\"\n\"two\nlines\",1\n");
    // No rows still have their names.
    let (_, out, _) = query("csv", "SELECT 1 AS a WHERE false");
    same!(out, "a\n");
    Ok(())
}

fn json(_: &Fixtures) -> Outcome {
    let (code, out, said) = query("json", VALUES);
    same!(code, 0, "{said}");
    let lines = out.lines().map(serde_json::from_str).collect::<Result<Vec<serde_json::Value>, _>>()?;
    same!(
        lines,
        [
            serde_json::json!({"id": 1, "the text": "plain", "price": 1.5, "flag": true, "day": "2024-02-29"}),
            serde_json::json!({"id": 2, "the text": "a \"quote\", a comma", "price": -0.25, "flag": false, "day": null}),
            serde_json::json!({"id": 3, "the text": "张伟 🙂", "price": null, "flag": null, "day": "0001-01-01"}),
            serde_json::json!({"id": 4, "the text": "", "price": 0.0, "flag": null, "day": null}),
            serde_json::json!({"id": null, "the text": null, "price": null, "flag": null, "day": null}),
        ]
    );
    // Digits are never lost, whatever reads the numbers.
    let (_, out, _) =
        query("json", "SELECT 9223372036854775807 AS big, 12345678901234567890.12::numeric(30,2) AS price");
    same!(out, "{\"big\":9223372036854775807,\"price\":12345678901234567890.12}\n");
    let (_, out, _) = query("json", "SELECT 'NaN'::float8 AS n, '[1, {\"a\": null}]'::json AS doc");
    same!(out, "{\"n\":\"NaN\",\"doc\":[1, {\"a\": null}]}\n");
    Ok(())
}

fn table(fixtures: &Fixtures) -> Outcome {
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_string();
    for sql in
        [VALUES, "SELECT 1 AS n", "SELECT 'x' AS a, 'long enough' AS b WHERE false", "SELECT '张' AS 名字, 12 AS n"]
    {
        let (code, out, said) = query("table", sql);
        same!(code, 0, "{said}");
        let (expected, _) = fixtures.postgres().psql_output(&["-P", "pager=off", "-c", sql]);
        same!(trimmed(&out), trimmed(&expected), "{sql}");
    }
    Ok(())
}

fn several(_: &Fixtures) -> Outcome {
    let (code, out, said) =
        query("csv", "CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2); SELECT sum(n) AS s FROM t");
    same!((code, out.as_str()), (0, "s\n3\n"), "{said}");
    let (code, out, _) = query("table", "CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2); DROP TABLE t");
    same!((code, out.as_str()), (0, "CREATE TABLE\nINSERT 0 2\nDROP TABLE\n"));
    let (code, out, said) = query("csv", "SELECT 1 AS a; SELECT 1 / 0; SELECT 2 AS b");
    same!((code, out.as_str()), (1, "a\n1\n"));
    holds!(said, "error[22012]: division by zero");
    Ok(())
}

/// An answer that cannot be finished is an error, never a short answer with exit code 0.
fn fails_in_the_middle(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '.');
         CREATE FOREIGN TABLE number (n integer) SERVER lake OPTIONS (path 'number.csv');",
    );
    let mut lines = String::from("n\n");
    for n in 0..200_000 {
        lines.push_str(&format!("{n}\n"));
    }
    lines.push_str("not a number\n");
    project.write("number.csv", lines);
    let (code, _, said) = project.query("SELECT n FROM number");
    same!(code, 1);
    holds!(said, "22P02");
    holds!(said, "number.csv");
    holds!(said, "200002");
    Ok(())
}

fn places(_: &Fixtures) -> Outcome {
    let customer = "CREATE VIEW customer AS SELECT 1 AS id, 'Ann' AS name;\n";
    let project = Project::new(&format!("{customer}\nCREATE VIEW v AS\n  SELECT nam FROM customer;\n"));
    let (code, _, said) = project.check();
    same!(code, 1);
    let path = project.path().join("10_main.sql").display().to_string();
    points_at(&said, &format!("{path}:4:10: "), "42703", "nam FROM customer;")?;
    holds!(said, "column \"nam\" does not exist");
    holds!(said, "Perhaps you meant to reference the column");
    // In a query of the command line too.
    project.write("10_main.sql", customer);
    let (code, _, said) = project.query("SELECT id,\n  nope\nFROM customer");
    same!(code, 1);
    points_at(&said, ":2:3: ", "42703", "nope")?;
    let (code, _, said) = project.query("SELECT '张' FROM customer WHERE )");
    same!(code, 1);
    points_at(&said, ":1:", "42601", "")?;
    Ok(())
}

fn check_passes(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db');
         CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '.');
         IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm;
         CREATE VIEW v AS SELECT id FROM crm.account;",
    );
    rusqlite::Connection::open(project.path().join("crm.db"))?.execute_batch("CREATE TABLE account (id INTEGER)")?;
    let (code, out, said) = project.check();
    same!((code, said.as_str()), (0, ""), "{out}");
    for part in ["crm", "sqlite", "SQLite", "lake", "files"] {
        holds!(out, part);
    }
    Ok(())
}

fn check_names(_: &Fixtures) -> Outcome {
    let project = Project::new(&format!(
        "CREATE SERVER gone FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1', port '{}');
         CREATE USER MAPPING FOR PUBLIC SERVER gone OPTIONS (user 'x', password 'y');
         CREATE SERVER away FOREIGN DATA WRAPPER mysql OPTIONS (host '127.0.0.1', port '{}');
         CREATE USER MAPPING FOR PUBLIC SERVER away OPTIONS (username 'x');
         CREATE SERVER lost FOREIGN DATA WRAPPER sqlite OPTIONS (database 'nothing.db');
         CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '.');
         IMPORT FOREIGN SCHEMA public FROM SERVER gone INTO gone;
         CREATE FOREIGN TABLE lost.unknown SERVER lost;
         CREATE VIEW healthy AS SELECT 1 AS n;
         CREATE VIEW broken AS SELECT id FROM gone.account;",
        free_port(),
        free_port()
    ));
    let (code, out, said) = project.check();
    same!(code, 1);
    for server in ["gone", "away", "lost"] {
        let line = out.lines().find(|line| line.starts_with(server));
        same!(line.is_some_and(|line| !line.contains("yes")), true, "{server} in {out}");
        holds!(said, format!("server \"{server}\""));
    }
    same!(out.lines().any(|line| line.starts_with("lake") && line.contains("yes")), true, "{out}");
    // Where the server is defined.
    holds!(said, ".sql:3:10: error[08006]");
    holds!(out, "1 views plan, 1 do not");
    holds!(out, "1 foreign table cannot be read");
    holds!(said, "context: view \"broken\"");
    holds!(said, "context: foreign table \"lost.unknown\"");
    lacks!(said, "healthy");
    same!(project.path().join("nothing.db").exists(), false, "a file was made");
    Ok(())
}

fn check_warns(_: &Fixtures) -> Outcome {
    let rows = "CREATE TABLE person (email text, name text, at timestamptz);";
    let view = |filter: &str| {
        format!(
            "{rows} CREATE VIEW customer AS SELECT email, newest(name, at) AS name FROM person {filter} GROUP BY email;"
        )
    };
    let (code, out, said) = Project::new(&view("")).check();
    same!(code, 0, "{said}");
    holds!(out, "warning");
    holds!(out, "customer");
    holds!(out, "email");
    let (code, out, _) = Project::new(&view("WHERE email IS NOT NULL")).check();
    same!(code, 0);
    lacks!(out, "warning");
    Ok(())
}

fn stops(_: &Fixtures) -> Outcome {
    for signal in ["TERM", "INT"] {
        let project = Project::new("");
        let mut onerow = project.serve();
        same!(onerow.sql("SELECT 1")?, "1");
        onerow.process().signal(signal);
        same!(onerow.process().wait(Duration::from_secs(20)), Some(0), "{signal}");
        same!(std::net::TcpStream::connect(("127.0.0.1", onerow.port)).is_err(), true);
    }
    Ok(())
}

fn starts(_: &Fixtures) -> Outcome {
    let project = Project::new(&format!(
        "CREATE SERVER gone FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1', port '{}');
         CREATE USER MAPPING FOR PUBLIC SERVER gone OPTIONS (user 'x', password 'y');
         IMPORT FOREIGN SCHEMA public FROM SERVER gone INTO gone;
         CREATE VIEW fine AS SELECT 1 AS n;
         CREATE VIEW broken AS SELECT id FROM gone.account;",
        free_port()
    ));
    let onerow = project.serve();
    same!(onerow.sql("SELECT n FROM fine")?, "1");
    refused!(onerow.sql("SELECT id FROM broken"), "08006", "gone");
    refused!(onerow.sql("SELECT id FROM gone.account"), "08006", "gone");
    holds!(onerow.log(), "gone");
    Ok(())
}

fn logs_json(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW v AS SELECT 1 AS n;");
    let mut onerow = project.serve_with(&["--log-format", "json"], &[("ONEROW_LOG", "debug")]);
    onerow.sql("CREATE VIEW w AS SELECT n FROM v")?;
    let _ = onerow.sql("SELECT nope FROM v");
    onerow.process().signal("TERM");
    same!(onerow.process().wait(Duration::from_secs(20)), Some(0));
    eventually(Duration::from_secs(5), || onerow.log().contains("stopped"));
    let log = onerow.log();
    same!(log.lines().count() > 1, true, "{log}");
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))?;
        same!(entry.get("level").is_some() && entry.get("timestamp").is_some(), true, "{line}");
    }
    Ok(())
}

fn never_open(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let address = format!("0.0.0.0:{}", free_port());
    let (code, _, said) = project.run(&["serve", "--sql", &folder(&project), "--listen", &address]);
    same!(code, 1);
    holds!(said, "password");
    let open = ["serve", "--sql", &folder(&project), "--listen", &address, "--password-file"];
    let password = project.write("password", "s3cret").display().to_string();
    let (code, _, said) = project.run(&[&open[..], &[&password]].concat());
    same!(code, 1);
    holds!(said, "needs TLS");
    // With one it does listen, and asks for it.
    let port = free_port();
    let mut served = Running::start(
        std::process::Command::new(PROGRAM)
            .args(["serve", "--sql", &folder(&project), "--listen", &format!("0.0.0.0:{port}"), "--tls", "allowed"])
            .env("ONEROW_PASSWORD", "s3cret")
            .stderr(std::process::Stdio::piped()),
    );
    let listens = eventually(Duration::from_secs(20), || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let address = ["-X", "-w", "-h", "127.0.0.1", "-U", "onerow", "-d", "onerow", "-Atc", "SELECT 1"];
    let mut psql = std::process::Command::new("psql");
    let without = psql.args(address).env("PGPORT", port.to_string()).env_remove("PGPASSWORD").output()?;
    let with = psql.env("PGPASSWORD", "s3cret").output()?;
    served.signal("TERM");
    served.wait(Duration::from_secs(20));
    let log = drain(served.child().stderr.take());
    same!(listens, true, "{log}");
    same!(without.status.success(), false);
    same!(String::from_utf8_lossy(&with.stdout), "1\n", "{}", String::from_utf8_lossy(&with.stderr));
    lacks!(log, "s3cret");
    Ok(())
}

fn state_elsewhere(_: &Fixtures) -> Outcome {
    let (project, elsewhere) = (Project::new(""), Project::new(""));
    let state = elsewhere.path().join("state").display().to_string();
    let sql = folder(&project);
    let run = |text: &str| project.run(&["query", "--sql", &sql, "--state", &state, "--format", "csv", text]);
    let (code, _, said) = run("CREATE VIEW v AS SELECT 1 AS n");
    same!(code, 0, "{said}");
    let (code, out, said) = run("SELECT n FROM v");
    same!((code, out.as_str()), (0, "n\n1\n"), "{said}");
    same!(project.path().join(".onerow").exists(), false);
    let (code, _, said) = project.query("SELECT n FROM v");
    same!(code, 1);
    holds!(said, "42P01");
    Ok(())
}
