//! What is recorded of sessions and statements, and whether a log shows what was done to it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use futures::SinkExt;
use serde_json::Value;
use tokio_postgres::NoTls;

use super::Test;
use super::support::onerow::{PROGRAM, connect};
use super::support::process::{Running, eventually, free_port, run, wait_for_port};
use super::support::wire::{Fault, rows, value};
use super::support::{Fixtures, Onerow, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("statements_are_recorded_with_what_they_read", statements),
    ("policies_and_roles_are_recorded", policies),
    ("cursors_and_copies_are_recorded", cursors),
    ("secrets_are_not_recorded", secrets),
    ("what_was_done_to_a_log_shows", tampering),
    ("a_log_goes_on_over_crashes_and_rotation", goes_on),
    ("what_cannot_be_recorded_is_refused", unwritable),
    ("a_log_needs_a_key_and_its_own_file", start),
];

const KEY: &str = "a key that nobody else has";

struct Audited {
    project: Project,
    log: PathBuf,
}

impl Audited {
    fn new(sql: &str) -> Audited {
        let project = Project::new(sql);
        let log = project.path().join("audit.log");
        Audited { project, log }
    }

    fn serve(&self, more: &[&str]) -> Onerow {
        let log = self.log.display().to_string();
        let arguments = [&["--audit-log", &log], more].concat();
        self.project.serve_with(&arguments, &[("ONEROW_AUDIT_KEY", KEY)])
    }

    fn records(&self) -> Result<Vec<Value>, String> {
        let text = std::fs::read_to_string(&self.log).map_err(|e| e.to_string())?;
        text.lines().map(|line| serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))).collect()
    }

    /// The records of statements whose text holds this, once the last has ended.
    fn of(&self, text: &str) -> Result<Vec<Value>, String> {
        let mut found = vec![];
        eventually(Duration::from_secs(10), || {
            found = self.matching(text).unwrap_or_default();
            found.last().is_some_and(|record| record["event"] == "statement_end")
        });
        Ok(found)
    }

    fn matching(&self, text: &str) -> Result<Vec<Value>, String> {
        let all = self.records()?;
        let key = |record: &Value| (record["session"].to_string(), record["number"].to_string());
        let said = |record: &Value| record["statement"].as_str().is_some_and(|said| said.contains(text));
        let wanted: Vec<_> = all.iter().filter(|record| said(record)).map(key).collect();
        Ok(all.into_iter().filter(|record| wanted.contains(&key(record))).collect())
    }

    /// The exit code and the words of `onerow audit verify`.
    fn verify(&self, files: &[&str], head: Option<&str>) -> (i32, String) {
        let key = self.project.write("audit.key", format!("{KEY}\n")).display().to_string();
        let mut arguments = vec!["audit", "verify", "--audit-key-file", &key];
        for file in files {
            arguments.extend(["--audit-log", file]);
        }
        if let Some(head) = head {
            arguments.extend(["--head", head]);
        }
        let (code, out, said) = self.project.run(&arguments);
        (code, out + &said)
    }

    fn log(&self) -> String {
        self.log.display().to_string()
    }
}

/// `name(columns)` of each relation, with what is done to it unless it is read, and with the view that reads it.
fn relations(record: &Value) -> Vec<String> {
    let shown = |relation: &Value| {
        let columns = relation["columns"].as_array().cloned().unwrap_or_default();
        let columns: Vec<&str> = columns.iter().filter_map(Value::as_str).collect();
        let access = relation["access"].as_str().filter(|access| *access != "select");
        let via = relation["via"].as_str().map(|via| format!(" by {via}")).unwrap_or_default();
        let (name, columns) = (relation["name"].as_str().unwrap_or_default(), columns.join(" "));
        format!("{}{name}({columns}){via}", access.map(|access| format!("{access} ")).unwrap_or_default())
    };
    record["relations"].as_array().map(|all| all.iter().map(shown).collect()).unwrap_or_default()
}

const TABLES: &str = "CREATE TABLE person (id int, \"Name\" text, city text);
     CREATE TABLE note (person int, text text);
     CREATE VIEW townsman AS SELECT p.id, p.\"Name\" AS name FROM person p WHERE p.city = 'İzmir';
     CREATE VIEW named AS SELECT t.name, n.text FROM townsman t JOIN note n ON n.person = t.id;";

fn policies(_: &Fixtures) -> Outcome {
    let audited = Audited::new("");
    let onerow = audited.serve(&[]);
    let done: Outcome = block_on(async {
        let client = connect(&onerow.config()).await.map_err(|fault| fault.to_string())?;
        let made = "ALTER ROLE onerow PASSWORD 'a long one'; CREATE ROLE ann;
             CREATE TABLE person (id int, \"İsim\" text); INSERT INTO person VALUES (1, 'a'), (2, NULL);
             GRANT SELECT, UPDATE ON person TO ann; ALTER TABLE person ENABLE ROW LEVEL SECURITY;
             CREATE POLICY \"Ç\" ON person USING (id > 1); CREATE POLICY none ON person TO onerow USING (true)";
        rows(&client, made).await.map_err(|fault| fault.to_string())?;
        for statement in [
            "SELECT id FROM person",
            "SET ROLE ann",
            "SELECT id AS mine FROM person",
            "UPDATE person SET id = 3 WHERE id = 2",
        ] {
            rows(&client, statement).await.map_err(|fault| fault.to_string())?;
        }
        Ok(())
    });
    done?;
    let first = |text: &str| audited.of(text).map(|found| found.into_iter().next().unwrap_or_default());
    let owners = first("SELECT id FROM person")?;
    same!(
        (owners["role"].is_null(), owners["relations"][0]["policies"].is_null()),
        (true, true),
        "what the owner reads"
    );
    for text in ["SELECT id AS mine", "UPDATE person"] {
        let record = first(text)?;
        same!(record["role"], "ann", "the role of {text}");
        let relations = record["relations"].as_array().cloned().unwrap_or_default();
        let applied: Vec<&Value> = relations.iter().filter(|relation| !relation["policies"].is_null()).collect();
        same!(applied.len(), 1, "the relations behind policies of {text}: {record}");
        same!(applied[0]["policies"][0], "Ç", "the policies of {text}");
    }
    Ok(())
}

fn statements(_: &Fixtures) -> Outcome {
    let audited = Audited::new(TABLES);
    let onerow = audited.serve(&[]);
    for (sql, expected) in [
        ("SELECT city FROM person /* 1 */", vec!["public.person(city)"]),
        ("SELECT count(*) FROM person /* 2 */", vec!["public.person()"]),
        ("SELECT * FROM note AS n /* 3 */", vec!["public.note(person text)"]),
        (
            "SELECT x FROM (SELECT id AS x, city AS y FROM person) s WHERE EXISTS
               (SELECT 1 FROM note s2 WHERE s2.person = s.x) /* 4 */",
            vec!["public.note(person)", "public.person(city id)"],
        ),
        (
            "SELECT (SELECT max(n.text) FROM note n WHERE n.person = p.id) FROM person p /* 5 */",
            vec!["public.note(person text)", "public.person(id)"],
        ),
        (
            "SELECT name FROM named /* 6 */",
            vec![
                "public.named(name)",
                "public.note(person text) by public.named",
                "public.townsman(id name) by public.named",
                "public.person(Name city id) by public.townsman",
            ],
        ),
        (
            "WITH a AS (SELECT id FROM person) SELECT b.id FROM a b JOIN a c USING (id) /* 7 */",
            vec!["public.person(id)"],
        ),
        ("EXPLAIN SELECT \"Name\" FROM person /* 8 */", vec!["public.person(Name)"]),
        ("SELECT relname FROM pg_class WHERE relname = 'x' /* 9 */", vec!["pg_catalog.pg_class(relname)"]),
        (
            "INSERT INTO note (person) SELECT id FROM person /* 10 */",
            vec!["insert public.note(person)", "public.person(id)"],
        ),
        ("DELETE FROM note WHERE person IN (SELECT id FROM person) /* 11 */", vec!["delete public.note()"]),
        ("CREATE TABLE later AS SELECT city FROM person /* 12 */", vec!["public.person(city)"]),
        ("SELECT 42 /* 13 */", vec![]),
        ("SET application_name = 'x' /* 14 */", vec![]),
    ] {
        onerow.sql(sql).map_err(|said| format!("{sql}: {said}"))?;
        // A statement's text ends before the comment.
        let found = audited.of(sql.split(" /*").next().unwrap_or(sql))?;
        let [begin, end] = &found[..] else { return Err(format!("{sql}: {found:?}").into()) };
        same!(begin["event"], "statement_begin", "{sql}");
        same!(begin["user"], "onerow");
        holds!(begin["peer"].as_str().unwrap_or_default(), "127.0.0.1:");
        let touched = relations(begin);
        for relation in &expected {
            same!(touched.iter().any(|found| found == relation), true, "{relation} of {sql} in {touched:?}");
        }
        if !sql.starts_with("DELETE") && !sql.contains("pg_class") {
            same!(touched.len(), expected.len(), "{sql}: {touched:?}");
        }
        same!((end["event"].as_str(), end["outcome"].as_str()), (Some("statement_end"), Some("00000")), "{sql}");
        same!(end["tag"].is_string(), true, "{sql}");
    }
    onerow.sql("INSERT INTO person VALUES (1, 'Ayşe', 'İzmir'), (2, '张', NULL)")?;
    onerow.sql("SELECT id, \"Name\" FROM person")?;
    let end = audited.of("SELECT id, \"Name\"")?.pop().unwrap_or_default();
    same!((&end["rows"], &end["tag"]), (&Value::from(2), &Value::from("SELECT 2")));
    same!(end["bytes"].as_u64().is_some_and(|bytes| bytes > 20), true, "{end}");
    let begin = audited.of("CREATE TABLE later")?.remove(0);
    same!(begin["objects"], serde_json::json!(["table later"]));

    // What fails is recorded too, with its state and without its message.
    for (sql, state) in [
        ("SELECT nope FROM person", "42703"),
        ("SELEC 'only text'", "42601"),
        ("SELECT 1 / (id - 1) FROM person", "22012"),
        ("SELECT 'not a number'::int + id FROM person", "22P02"),
    ] {
        refused!(onerow.sql(sql), state);
        let end = audited.of(sql)?.pop().unwrap_or_default();
        same!((&end["event"], &end["outcome"]), (&Value::from("statement_end"), &Value::from(state)), "{sql}");
    }

    // Who was let in, and who was not.
    let refused = block_on(async {
        let mut config = onerow.config();
        config.dbname("nowhere").user("Ann 张");
        connect(&config).await.is_err()
    });
    same!(refused, true);
    let has =
        |event: &str, user: &str, outcome: Option<&str>| {
            audited.records().unwrap_or_default().iter().any(|record| {
                record["event"] == event && record["user"] == user && record["outcome"].as_str() == outcome
            })
        };
    same!(eventually(Duration::from_secs(5), || has("session_refused", "Ann 张", Some("3D000"))), true);
    same!(has("session_begin", "onerow", None), true);
    same!(eventually(Duration::from_secs(5), || has("session_end", "onerow", Some("00000"))), true);
    Ok(())
}

fn cursors(_: &Fixtures) -> Outcome {
    let audited = Audited::new(TABLES);
    let onerow = audited.serve(&["--audit-parameters"]);
    let worked: Outcome = block_on(async {
        let client = onerow.client().await;
        client
            .batch_execute("INSERT INTO person SELECT g, 'n' || g::text, 'x' FROM generate_series(1, 10) AS t(g)")
            .await
            .map_err(Fault::from)?;
        rows(&client, "BEGIN; DECLARE c CURSOR FOR SELECT id FROM person; FETCH 3 FROM c; MOVE 2 FROM c; COMMIT")
            .await?;
        let found = client.query("SELECT city FROM person WHERE id = $1", &[&7i32]).await.map_err(Fault::from)?;
        same!(found.len(), 1);
        rows(&client, "PREPARE p (int) AS SELECT \"Name\" FROM person WHERE id > $1; EXECUTE p (4)").await?;
        let sink = client.copy_in("COPY note (text, person) FROM STDIN").await.map_err(Fault::from)?;
        let mut sink = std::pin::pin!(sink);
        sink.send(Bytes::from_static(b"a\t1\nb\t\\N\n")).await.map_err(Fault::from)?;
        same!(sink.as_mut().finish().await.map_err(Fault::from)?, 2);
        let copied = client.copy_out("COPY note TO STDOUT").await.map_err(Fault::from)?;
        let copied: Vec<_> = futures::StreamExt::collect(copied).await;
        same!(copied.len(), 2);
        Ok(())
    });
    worked?;
    let all = || -> Result<Vec<(String, String, String)>, String> {
        let records = audited.records()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        Ok(records
            .iter()
            .filter(|record| record["event"] == "statement_begin" && record["command"].is_string())
            .map(|record| (text(&record["command"]), relations(record).join(", "), record["parameters"].to_string()))
            .collect())
    };
    let expected = [
        ("DECLARE c", "public.person(id)", "null"),
        ("FETCH 3 FROM c", "public.person(id)", "null"),
        ("MOVE 2 FROM c", "public.person(id)", "null"),
        ("EXECUTE", "", "null"),
        ("EXECUTE p", "public.person(Name id)", "[\"4\"]"),
        ("COPY FROM STDIN", "insert public.note(text person)", "null"),
        ("COPY TO STDOUT", "public.note(person text)", "null"),
    ];
    let expected =
        expected.map(|(command, touched, values)| (command.to_string(), touched.to_string(), values.to_string()));
    same!(all()?, expected.to_vec());
    let fetched: Vec<Value> = audited.records()?.into_iter().filter(|record| record["tag"] == "FETCH 3").collect();
    same!(fetched.len() == 1 && fetched[0]["rows"] == 3, true, "{fetched:?}");
    let copied: Vec<Value> = audited.records()?.into_iter().filter(|record| record["tag"] == "COPY 2").collect();
    same!(copied.len() == 2 && copied.iter().all(|record| record["rows"] == 2), true, "{copied:?}");
    same!(
        audited.of("WHERE id = $1")?.first().map(|record| record["parameters"].to_string()),
        Some("[\"7\"]".to_string())
    );
    let (code, said) = audited.verify(&[&audited.log()], None);
    same!(code, 0, "{said}");
    Ok(())
}

fn secrets(_: &Fixtures) -> Outcome {
    let audited = Audited::new("");
    let onerow = audited.serve(&[]);
    onerow.sql("CREATE SERVER s FOREIGN DATA WRAPPER sqlite OPTIONS (database 'x.db')")?;
    let _ = onerow.sql("CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'u', password 'h1dden')");
    let _ = onerow.sql("ALTER USER nobody PASSWORD 'h1dden");
    let worked: Outcome = block_on(async {
        let client = onerow.client().await;
        rows(&client, "PREPARE p (text) AS SELECT $1; EXECUTE p ('h1dden')").await?;
        client.query("SELECT $1::text", &[&"h1dden"]).await.map_err(Fault::from)?;
        Ok(())
    });
    worked?;
    onerow.sql("ALTER ROLE onerow PASSWORD 'h1dden'")?;
    same!(audited.of("ALTER ROLE onerow")?.len(), 2);
    let text = std::fs::read_to_string(&audited.log)?;
    lacks!(text, "h1dden");
    lacks!(onerow.log(), "h1dden");
    holds!(text, "ALTER ROLE onerow PASSWORD '***'");
    Ok(())
}

fn tampering(_: &Fixtures) -> Outcome {
    let audited = Audited::new("");
    let mut onerow = audited.serve(&[]);
    onerow.sql("SELECT 'first'")?;
    onerow.sql("SELECT 'second'")?;
    onerow.process().signal("TERM");
    same!(onerow.process().wait(Duration::from_secs(20)), Some(0));
    eventually(Duration::from_secs(5), || onerow.log().contains("stopped"));
    let shown = onerow.log();
    let head = shown.lines().rev().find_map(|line| line.split("head=").nth(1)).map(|head| head.trim().to_string());
    let head = head.ok_or_else(|| format!("no head in {shown}"))?;
    let path = audited.log();
    let whole = std::fs::read_to_string(&audited.log)?;
    let (code, said) = audited.verify(&[&path], Some(&head));
    same!(code, 0, "{said}");
    let lines: Vec<&str> = whole.lines().collect();
    let count = lines.len();
    let tampered = |lines: Vec<String>, expected: &str| -> Outcome {
        std::fs::write(&audited.log, lines.join("\n") + "\n")?;
        let (code, said) = audited.verify(&[&path], Some(&head));
        same!(code, 1, "{said}");
        holds!(said, expected);
        Ok(())
    };
    let owned = || lines.iter().map(|line| line.to_string()).collect::<Vec<_>>();
    tampered(owned().iter().map(|line| line.replace("'first'", "'FIRST'")).collect(), "was changed")?;
    let mut cut = owned();
    cut.truncate(count - 2);
    tampered(cut, &format!("records {} to {count} are missing, as the head says", count - 1))?;
    let mut missing = owned();
    missing.remove(2);
    tampered(missing, "record 3 is missing before record 4")?;
    let mut moved = owned();
    moved.swap(2, 3);
    tampered(moved, "it was moved or repeated")?;
    std::fs::write(&audited.log, &whole)?;
    let other = audited.project.write("other.key", "another key, as long as it takes").display().to_string();
    let (code, out, _) = audited.project.run(&["audit", "verify", "--audit-log", &path, "--audit-key-file", &other]);
    same!(code, 1);
    holds!(out, "record 1 was changed");
    Ok(())
}

fn goes_on(_: &Fixtures) -> Outcome {
    let audited = Audited::new("");
    let path = audited.log();
    let onerow = audited.serve(&[]);
    onerow.sql("SELECT 'before the crash'")?;
    onerow.kill();
    // A record that was cut off.
    let mut text = std::fs::read_to_string(&audited.log)?;
    text.push_str("{\"seq\":99,\"prev\":\"0");
    std::fs::write(&audited.log, &text)?;
    let (code, said) = audited.verify(&[&path], None);
    same!(code, 1, "{said}");
    holds!(said, "the last record is cut off");
    let mut onerow = audited.serve(&[]);
    holds!(onerow.log(), "ends with a part of a record");
    onerow.sql("SELECT 'after the crash'")?;
    let (code, said) = audited.verify(&[&path], None);
    same!(code, 0, "{said}");
    holds!(said, "cut off by a crash");

    // As logrotate does it.
    let old = format!("{path}.1");
    std::fs::rename(&audited.log, &old)?;
    onerow.sql("SELECT 'still in the old file'")?;
    same!(audited.log.exists(), false);
    onerow.process().signal("HUP");
    same!(eventually(Duration::from_secs(10), || audited.log.exists()), true);
    onerow.sql("SELECT 'in the new file'")?;
    holds!(std::fs::read_to_string(&old)?, "still in the old file");
    holds!(std::fs::read_to_string(&audited.log)?, "in the new file");
    let (code, said) = audited.verify(&[&old, &path], None);
    same!(code, 0, "{said}");
    let (code, said) = audited.verify(&[&path], None);
    same!(code, 0, "{said}");
    holds!(said, "are in files before this one");
    let (code, said) = audited.verify(&[&path, &old], None);
    same!(code, 1, "{said}");
    // A second server does not write into it.
    let log = audited.log();
    let folder = audited.project.path().display().to_string();
    let listen = format!("127.0.0.1:{}", free_port());
    let state = audited.project.path().join("other").display().to_string();
    let key = audited.project.write("audit.key", KEY).display().to_string();
    let (code, _, said) = audited.project.run(&[
        "serve",
        "--sql",
        &folder,
        "--state",
        &state,
        "--listen",
        &listen,
        "--audit-log",
        &log,
        "--audit-key-file",
        &key,
    ]);
    same!(code, 1);
    holds!(said, "another program writes the audit log");
    Ok(())
}

/// The file may grow so far and no further, as on a disk that is full.
fn unwritable(_: &Fixtures) -> Outcome {
    let audited = Audited::new("CREATE TABLE t (n int);");
    let port = free_port();
    // A program that does not ignore the signal would end when its file may not grow.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", PROGRAM, "serve", "--sql"])
        .arg(audited.project.path())
        .args(["--listen", &format!("127.0.0.1:{port}"), "--audit-log"])
        .arg(&audited.log)
        .env("ONEROW_AUDIT_KEY", KEY)
        .stderr(Stdio::null());
    let server = Running::start(&mut command);
    wait_for_port(port, "onerow");
    let limit = |soft: &str| {
        run(Command::new("prlimit").args(["--pid", &server.id().to_string(), &format!("--fsize={soft}:")]));
    };
    let worked: Outcome = block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(port).user("onerow").dbname("onerow");
        let (client, connection) = config.connect(NoTls).await.map_err(Fault::from)?;
        tokio::spawn(connection);
        same!(value(&client, "SELECT 'works'").await?, "works");
        limit(&(std::fs::metadata(&audited.log)?.len() + 100).to_string());
        for sql in
            ["SELECT 'refused'", "INSERT INTO t VALUES (1)", "CREATE VIEW v AS SELECT 1 AS n", "SET jit = off", "SELEC"]
        {
            let refused = rows(&client, sql).await.map(|_| ()).map_err(|fault| fault.state);
            let state = if sql == "SELEC" { "42601" } else { "58030" };
            same!(refused, Err(state.to_string()), "{sql}");
        }
        same!(
            client.query("SELECT 1", &[]).await.map_err(|e| Fault::from(e).state).map(|_| ()),
            Err("58030".to_string())
        );
        same!(config.connect(NoTls).await.is_err(), true, "a session that is not recorded");
        limit("unlimited");
        same!(value(&client, "SELECT count(*) FROM t").await?, "0");
        Ok(())
    });
    worked?;
    let (code, said) = audited.verify(&[&audited.log()], None);
    same!(code, 0, "{said}");
    holds!(said, "records could not be written");
    lacks!(std::fs::read_to_string(&audited.log)?, "refused'");
    Ok(())
}

fn start(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let folder = project.path().display().to_string();
    let log = project.path().join("audit.log").display().to_string();
    let other = project.write("other.txt", "something else\n").display().to_string();
    let key = project.write("key", KEY).display().to_string();
    let short = project.write("short", "short").display().to_string();
    let listen = format!("127.0.0.1:{}", free_port());
    for (log, key, expected) in [
        (&log, None, "the audit log needs a key"),
        (&log, Some(&short), "the audit key is too short"),
        (&other, Some(&key), "is no audit log"),
        (&"/dev/full".to_string(), Some(&key), "could not write the audit log"),
        (&"/nowhere/at/all".to_string(), Some(&key), "could not open the audit log"),
    ] {
        let mut arguments = vec!["serve", "--sql", &folder, "--listen", &listen, "--audit-log", log];
        arguments.extend(key.map(|key| ["--audit-key-file", key.as_str()]).into_iter().flatten());
        let (code, _, said) = project.run(&arguments);
        same!(code, 1, "{expected}");
        holds!(said, expected);
    }
    Ok(())
}
