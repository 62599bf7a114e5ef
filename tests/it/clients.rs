//! Clients as people use them, by what `tests/install` has installed for Python, node, Java, ODBC and Perl.
//!
//! Each script of tests/clients is run against a PostgreSQL server and against the program, both with the tables of
//! `sample.sql`, and must print the same twice. Where it need not, the script leaves that out and says why.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::Test;
use super::support::postgres::PASSWORD;
use super::support::wire::{rows, value};
use super::support::{Fixtures, Onerow, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("python", python),
    ("psql", |f| alike(f, "psql", &["bash", "psql.sh"])),
    ("psycopg3", |f| alike(f, "psycopg3", &[PYTHON, "psycopg3.py"])),
    ("psycopg2", |f| alike(f, "psycopg2", &[PYTHON, "psycopg2_.py"])),
    ("asyncpg", |f| alike(f, "asyncpg", &[PYTHON, "asyncpg_.py"])),
    ("sqlalchemy", |f| alike(f, "sqlalchemy", &[PYTHON, "sqlalchemy_.py"])),
    ("pandas_polars_connectorx", |f| alike(f, "pandas", &[PYTHON, "pandas_.py"])),
    ("adbc", |f| alike(f, "adbc", &[PYTHON, "adbc.py"])),
    ("pgcli", |f| alike(f, "pgcli", &[PYTHON, "pgcli_.py"])),
    ("pgjdbc", |f| alike(f, "pgjdbc", &["java", "-Duser.timezone=UTC", "-cp", PGJDBC, "Jdbc.java"])),
    ("psqlodbc", |f| alike(f, "psqlodbc", &[PYTHON, "odbc.py"])),
    ("node_pg", |f| alike(f, "node_pg", &["node", "node_pg.js"])),
    ("node_postgres", |f| alike(f, "node_postgres", &["node", "node_postgres.js"])),
    ("dbd_pg", |f| alike(f, "dbd_pg", &["perl", "dbd_pg.pl"])),
    ("dbt", |f| alike(f, "dbt", &["target/tools/dbt/bin/python", "dbt_.py"])),
    ("superset", |f| alike(f, "superset", &["target/tools/superset/bin/python", "superset_.py"])),
    ("pgadmin", |f| alike(f, "pgadmin", &[PYTHON, "pgadmin.py"])),
    ("statements_of_tools", |f| alike(f, "tools", &[PYTHON, "tools.py"])),
    ("postgres_fdw", postgres_fdw),
    ("a_source_that_is_down_slows_no_catalog", source_down),
    ("connections_are_listed_and_ended", connections),
    ("oids_are_the_same_after_a_restart", stable_oids),
];

const PYTHON: &str = "target/tools/python/bin/python";
const PGJDBC: &str = "/usr/share/java/postgresql.jar";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program with its arguments; scripts are those of tests/clients, programs with a path are the project's.
fn command(words: &[&str]) -> Command {
    let mut words = words.iter();
    let program = words.next().copied().unwrap_or_default();
    let path = if program.contains('/') { root().join(program) } else { PathBuf::from(program) };
    let mut command = Command::new(path);
    for word in words {
        let script = root().join("tests/clients").join(word);
        match script.is_file() {
            true => command.arg(script),
            false => command.arg(word),
        };
    }
    command
        .env("NODE_PATH", root().join("target/tools/node_modules"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8");
    command
}

/// Where a client finds a server, as libpq's variables have it.
struct Place {
    port: u16,
    password: &'static str,
    database: String,
}

impl Place {
    fn of(onerow: &Onerow) -> Place {
        Place { port: onerow.port, password: "not asked for", database: "onerow".to_string() }
    }

    fn tell(&self, command: &mut Command) {
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "onerow")
            .env("PGPASSWORD", self.password)
            .env("PGDATABASE", &self.database);
    }

    /// Runs a script of statements.
    fn load(&self, script: &str) -> Result<(), String> {
        let mut psql = command(&["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", script]);
        self.tell(&mut psql);
        printed(psql.output(), script).map(|_| ())
    }
}

fn printed(output: std::io::Result<Output>, what: &str) -> Result<String, String> {
    let output = output.map_err(|error| format!("{what} does not start ({error}): run tests/install"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(out);
    }
    let end: Vec<&str> = said.lines().rev().take(40).collect();
    let end: Vec<&str> = end.into_iter().rev().collect();
    let last: Vec<&str> = out.lines().rev().take(3).collect();
    Err(format!("{what} ended with {}\n{}\nit last printed {last:#?}", output.status, end.join("\n")))
}

/// A database of the shared PostgreSQL with the tables of `sample.sql`.
fn theirs(fixtures: &Fixtures, name: &str, script: Option<&str>) -> Result<Place, String> {
    let postgres = fixtures.postgres();
    let database = format!("client_{name}");
    postgres.sql(&format!(
        "CREATE DATABASE {database};
         ALTER DATABASE {database} SET timezone = 'UTC';"
    ));
    let place = Place { port: postgres.port, password: PASSWORD, database };
    script.map_or(Ok(()), |script| place.load(script))?;
    Ok(place)
}

/// Runs a client against both servers; what it prints must be the same.
fn alike(fixtures: &Fixtures, name: &str, words: &[&str]) -> Outcome {
    let script = root().join("tests/clients/sample.sql").display().to_string();
    let theirs = theirs(fixtures, name, Some(&script))?;
    let project = Project::new("");
    let onerow = project.serve();
    let ours = Place::of(&onerow);
    ours.load(&script)?;
    let run = |place: &Place| {
        let mut command = command(words);
        place.tell(&mut command);
        printed(command.output(), &words.join(" ")).map(|out| out.replace(&place.database, "onerow"))
    };
    let expected = run(&theirs).map_err(|error| format!("with PostgreSQL: {error}"))?;
    same_lines(&run(&ours)?, &expected)
}

/// Fails with the lines that differ, of which there must be some.
fn same_lines(got: &str, expected: &str) -> Outcome {
    let (got, expected): (Vec<&str>, Vec<&str>) = (got.lines().collect(), expected.lines().collect());
    if expected.is_empty() {
        return Err("nothing was printed".into());
    }
    let mut differing = vec![];
    let (mut ours, mut theirs) = (0, 0);
    while ours < got.len() || theirs < expected.len() {
        let (here, there) = (got.get(ours), expected.get(theirs));
        if here == there {
            (ours, theirs) = (ours + 1, theirs + 1);
            continue;
        }
        // The shortest way to lines that are the same again.
        let skip = (1..60).find_map(|skip| {
            let added = here.is_some() && got.get(ours + skip) == there && there.is_some();
            let missing = there.is_some() && expected.get(theirs + skip) == here && here.is_some();
            if added { Some((skip, 0)) } else { missing.then_some((0, skip)) }
        });
        let (more, fewer) = skip.unwrap_or((1, 1));
        differing.extend(got.iter().skip(ours).take(more).map(|line| format!("here:       {line}")));
        differing.extend(expected.iter().skip(theirs).take(fewer).map(|line| format!("PostgreSQL: {line}")));
        (ours, theirs) = (ours + more, theirs + fewer);
    }
    if differing.is_empty() {
        return Ok(());
    }
    let count = differing.len();
    differing.truncate(60);
    Err(format!("{count} lines differ:\n{}", differing.join("\n")).into())
}

fn python(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let output = command(&[PYTHON, "drivers.py", &onerow.port.to_string()]).output();
    let said = printed(output, "drivers.py")?;
    same!(said.trim(), "well");
    Ok(())
}

/// A PostgreSQL server reads from another one, and from the program, through its own foreign-data wrapper.
fn postgres_fdw(fixtures: &Fixtures) -> Outcome {
    let script = root().join("tests/clients/sample.sql").display().to_string();
    let theirs = theirs(fixtures, "far", Some(&script))?;
    let hub = self::theirs(fixtures, "hub", None)?;
    let project = Project::new("");
    let onerow = project.serve();
    let ours = Place::of(&onerow);
    ours.load(&script)?;
    let run = |place: &Place| {
        let mut command = command(&["bash", "postgres_fdw.sh"]);
        hub.tell(&mut command);
        command.env("TARGET_PORT", place.port.to_string()).env("TARGET_DATABASE", &place.database);
        printed(command.output(), "postgres_fdw.sh")
    };
    let expected = run(&theirs).map_err(|error| format!("with PostgreSQL: {error}"))?;
    same_lines(&run(&ours)?, &expected)
}

/// What is known of a source is asked of it once: while it is down the catalog answers at once.
fn source_down(_: &Fixtures) -> Outcome {
    // An address that takes connections and never answers, and one that refuses them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let refusing = super::support::process::free_port();
    let mut sql = String::new();
    for (name, kind, port) in [("a", "postgres", silent.local_addr()?.port()), ("b", "mysql", refusing)] {
        let (further, user) = if kind == "postgres" { (", dbname 'x'", "user") } else { ("", "username") };
        sql.push_str(&format!(
            "CREATE SERVER {name} FOREIGN DATA WRAPPER {kind}
               OPTIONS (host '127.0.0.1', port '{port}', connect_timeout '1'{further});
             CREATE USER MAPPING FOR PUBLIC SERVER {name} OPTIONS ({user} 'x', password 'y');
             CREATE FOREIGN TABLE {name}.person (id integer NOT NULL, name text) SERVER {name};
             CREATE VIEW {name}_names AS SELECT name FROM {name}.person;\n"
        ));
    }
    let project = Project::new(&sql);
    let onerow = project.serve();
    for statement in [
        "SELECT count(*) > 100 FROM pg_catalog.pg_class",
        "SELECT relname, relkind, reltuples FROM pg_class WHERE relname LIKE '%person' ORDER BY relname, oid",
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_name = 'a_names'",
        "SELECT srvname, srvoptions IS NOT NULL FROM pg_foreign_server ORDER BY 1",
        "SELECT pg_get_viewdef('a_names'::regclass), pg_total_relation_size('a.person'::regclass)",
        "SELECT constraint_name FROM information_schema.table_constraints",
    ] {
        let began = Instant::now();
        onerow.sql(statement)?;
        let took = began.elapsed();
        if took > Duration::from_secs(1) {
            return Err(format!("{statement} took {took:?}").into());
        }
    }
    let began = Instant::now();
    let (listed, said) = onerow.psql(&["-c", "\\d+", "-c", "\\d+ a.*", "-c", "\\det+", "-c", "\\des+"]);
    same!(said, "");
    holds!(listed, "a_names");
    if began.elapsed() > Duration::from_secs(4) {
        return Err(format!("the lists took {:?}", began.elapsed()).into());
    }
    Ok(())
}

/// `pg_stat_activity` tells what each connection does, without its secrets, and the functions that end it end it.
fn connections(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    block_on(async {
        let (asks, works) = (onerow.client().await, onerow.client().await);
        rows(&works, "SET application_name = 'works'").await?;
        let pid = value(&works, "SELECT pg_backend_pid()").await?;
        let of = |columns: &str| format!("SELECT {columns} FROM pg_stat_activity WHERE application_name = 'works'");
        same!(value(&asks, &of("pid")).await?, pid);
        same!(value(&asks, &of("state || ' ' || query")).await?, "idle SELECT pg_backend_pid()");
        same!(
            value(&asks, &of("xact_start IS NULL AND query_start <= state_change AND backend_start < now()")).await?,
            "t"
        );
        same!(value(&asks, "SELECT state FROM pg_stat_activity WHERE pid = pg_backend_pid()").await?, "active");
        let made = "CREATE SERVER s FOREIGN DATA WRAPPER sqlite OPTIONS (database 'x');
                    CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'hush')";
        // Whether it is well made does not matter here.
        let _ = rows(&works, made).await;
        lacks!(value(&asks, &of("query")).await?, "hush");
        rows(&works, "BEGIN; SELECT 1").await?;
        same!(value(&asks, &of("xact_start IS NOT NULL AND state = 'idle in transaction'")).await?, "t");
        same!(rows(&works, "SELECT 1/0").await.map_err(|fault| fault.state), Err("22012".to_string()));
        same!(value(&asks, &of("state")).await?, "idle in transaction (aborted)");
        rows(&works, "ROLLBACK").await?;
        same!(value(&asks, "SELECT pg_cancel_backend(2000000000)").await?, "f");
        let slow =
            "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a % 7 = b % 11";
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            value(&asks, &format!("SELECT pg_cancel_backend({pid})")).await
        };
        let (ended, cancelled) = tokio::join!(rows(&works, slow), cancel);
        same!(ended.map_err(|fault| fault.state), Err("57014".to_string()));
        same!(cancelled?, "t");
        same!(value(&asks, &format!("SELECT pg_terminate_backend({pid})")).await?, "t");
        tokio::time::sleep(Duration::from_millis(500)).await;
        same!(rows(&works, "SELECT 1").await.is_err(), true, "the connection that was ended");
        same!(value(&asks, &of("count(*)")).await?, "0");
        Ok(())
    })
}

/// The numbers of objects depend on their names alone.
fn stable_oids(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW a AS SELECT 1 AS id; CREATE VIEW s.b AS SELECT 2 AS id;");
    let asked = "SELECT c.oid, n.oid AS schema, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relname IN ('a', 'b', 't', 't_pkey') ORDER BY c.relname";
    let onerow = project.serve();
    onerow.sql("CREATE TABLE t (id integer PRIMARY KEY)")?;
    let before = onerow.sql(asked)?;
    onerow.kill();
    project.write("20_more.sql", "CREATE VIEW aa AS SELECT 3 AS id; CREATE VIEW s.c AS SELECT 4 AS id;");
    same!(project.serve().sql(asked)?, before);
    Ok(())
}
