//! psql 15 as a person uses it.

use std::process::Stdio;
use std::time::Duration;

use super::Test;
use super::support::process::{Running, drain, free_port};
use super::support::{Fixtures, Onerow, Outcome, Project};

pub const TESTS: &[Test] = &[
    ("backslash_d_lists", lists),
    ("backslash_d_describes", describes),
    ("backslash_d_of_sources", sources),
    ("backslash_d_of_the_rest", rest),
    ("backslash_df_shows_functions", functions),
    ("backslash_sv_shows_the_view", view_text),
    ("variables_and_formats", formats),
    ("errors_show_their_place", errors),
    ("a_source_that_is_down_breaks_no_list", source_down),
    ("ctrl_c_cancels", interrupt),
];

const SQL: &str = "
    CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db');
    IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm;
    CREATE VIEW clean.person AS SELECT id, lower(email) AS email, name, seen FROM crm.contact;
    CREATE VIEW customer AS
      SELECT email, newest(name, seen) AS name, count(*) AS records
        FROM clean.person WHERE email IS NOT NULL GROUP BY email;
    CREATE TABLE rule (id int PRIMARY KEY, note text NOT NULL DEFAULT 'none', at timestamptz, UNIQUE (note, at));
    GRANT SELECT, UPDATE ON rule TO PUBLIC;
    COMMENT ON VIEW customer IS 'Each customer as one row';
    COMMENT ON COLUMN customer.email IS 'In lower case';
    COMMENT ON SERVER crm IS 'The CRM';
    COMMENT ON SCHEMA clean IS 'Cleaned records';";

fn project() -> Result<Project, rusqlite::Error> {
    let project = Project::new(SQL);
    let database = rusqlite::Connection::open(project.path().join("crm.db"))?;
    database.execute_batch(
        "CREATE TABLE contact (id INTEGER PRIMARY KEY, email TEXT, name VARCHAR(50) NOT NULL, seen TIMESTAMP);
         INSERT INTO contact VALUES (1, 'Ann@example.com', 'Anne', '2024-01-01 00:00:00'),
           (2, 'ann@example.com', 'Ann', '2024-02-01 00:00:00'), (3, 'bob@example.com', 'Bob', NULL);",
    )?;
    Ok(project)
}

/// What a command prints; anything on standard error fails the test.
fn print(onerow: &Onerow, command: &str) -> Result<String, String> {
    let (out, said) = onerow.psql(&["-c", command]);
    // That there is nothing to show is said there too.
    if said.lines().all(|line| line.starts_with("Did not find any")) {
        Ok(out)
    } else {
        Err(format!("{command} said:\n{said}\nand printed:\n{out}"))
    }
}

/// Fails unless each of the lines is printed, whatever the width of its columns.
fn lines(onerow: &Onerow, command: &str, expected: &[&str]) -> Result<String, String> {
    let out = print(onerow, command)?;
    let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in expected {
        if !out.lines().any(|printed| plain(printed).starts_with(&plain(line))) {
            return Err(format!("{command} prints no line {line:?}:\n{out}"));
        }
    }
    Ok(out)
}

fn lists(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    lines(&onerow, "\\d", &["public | customer | view | onerow", "public | rule | table | onerow"])?;
    lines(&onerow, "\\dv", &["public | customer | view | onerow"])?;
    lines(&onerow, "\\dv+", &["public | customer | view | onerow | permanent"])?;
    holds!(print(&onerow, "\\dv+ customer")?, "Each customer as one row");
    lines(&onerow, "\\dv clean.*", &["clean | person | view | onerow"])?;
    lines(&onerow, "\\dt", &["public | rule | table | onerow"])?;
    lines(&onerow, "\\d crm.*", &["email | text", "name |"])?;
    lines(&onerow, "\\dE crm.*", &["crm | contact | foreign table | onerow"])?;
    lines(&onerow, "\\dn", &["clean | onerow", "crm | onerow", "public |"])?;
    lines(&onerow, "\\dn+ clean", &["clean | onerow | | Cleaned records"])?;
    lines(&onerow, "\\l", &["onerow | onerow | UTF8"])?;
    lines(&onerow, "\\du", &["onerow |"])?;
    holds!(onerow.psql(&["-c", "\\d nope"]).1, "Did not find any relation named \"nope\"");
    Ok(())
}

fn describes(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    let out = lines(&onerow, "\\d customer", &["email | text |", "name | ", "records | bigint |"])?;
    holds!(out, "View \"public.customer\"");
    let out = lines(&onerow, "\\d+ customer", &["View definition:"])?;
    for part in ["In lower case", "newest(name, seen)", "FROM clean.person"] {
        holds!(out, part);
    }
    let out = lines(
        &onerow,
        "\\d rule",
        &["id | integer | | not null |", "note | text | | not null | 'none'", "at | timestamp with time zone | | |"],
    )?;
    holds!(out, "Table \"public.rule\"");
    holds!(out, "Indexes:\n    \"rule_pkey\" PRIMARY KEY, btree (id)\n");
    holds!(out, "    \"rule_note_at_key\" UNIQUE CONSTRAINT, btree (note, at)\n");
    let out = lines(&onerow, "\\d rule_pkey", &["id | integer | yes | id"])?;
    holds!(out, "Index \"public.rule_pkey\"");
    holds!(out, "primary key, btree, for table \"public.rule\"");
    lines(&onerow, "\\di", &["public | rule_note_at_key | index | onerow | rule", "public | rule_pkey | index"])?;
    print(&onerow, "\\d r*")?;
    lines(&onerow, "\\dp rule", &["public | rule | table | onerow=arwdDxt/onerow+", "| | | =rw/onerow"])?;
    lines(&onerow, "\\dp customer", &["public | customer | view | | |"])?;
    let out = lines(&onerow, "\\d crm.contact", &["id | bigint", "seen | timestamp without time zone", "Server: crm"])?;
    holds!(out, "Foreign table \"crm.contact\"");
    print(&onerow, "\\d+ crm.contact")?;
    print(&onerow, "\\d+ rule")?;
    print(&onerow, "\\d pg_catalog.pg_class")?;
    Ok(())
}

fn sources(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    lines(&onerow, "\\des", &["crm | onerow | sqlite"])?;
    let out = lines(&onerow, "\\des+", &["crm | onerow | sqlite"])?;
    holds!(out, "database 'crm.db'");
    holds!(out, "The CRM");
    lines(&onerow, "\\det crm.*", &["crm | contact | crm"])?;
    print(&onerow, "\\det")?;
    print(&onerow, "\\det+ crm.*")?;
    print(&onerow, "\\deu")?;
    lines(&onerow, "\\dew", &["files |", "mysql |", "postgres |", "sqlite |"])?;
    Ok(())
}

/// None of these may fail, whether or not they have anything to show.
fn rest(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    for command in [
        "\\da",
        "\\db",
        "\\dc",
        "\\dC",
        "\\dd",
        "\\dD",
        "\\ddp",
        "\\dF",
        "\\dF+",
        "\\dP",
        "\\dP+",
        "\\dg",
        "\\di",
        "\\dl",
        "\\dL",
        "\\dm",
        "\\do",
        "\\dO",
        "\\dp",
        "\\dp customer",
        "\\drds",
        "\\dRp",
        "\\dRs",
        "\\ds",
        "\\dS",
        "\\dT",
        "\\dT text",
        "\\dx",
        "\\dX",
        "\\dy",
        "\\l+",
        "\\z",
        "\\dt+",
        "\\di+",
        "\\dn+",
        "\\df+ newest",
        "\\encoding",
        "\\conninfo",
        "\\copyright",
    ] {
        print(&onerow, command)?;
    }
    let out = print(&onerow, "\\conninfo")?;
    holds!(out, "You are connected to database \"onerow\" as user \"onerow\"");
    Ok(())
}

fn functions(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    let out = print(&onerow, "\\df newest")?;
    holds!(out, "newest");
    holds!(out, "agg");
    let out = print(&onerow, "\\df normalize_*")?;
    for function in ["normalize_email", "normalize_name", "normalize_phone", "normalize_text"] {
        holds!(out, function);
    }
    holds!(out, "func");
    holds!(out, "text text, region text");
    lacks!(out, "anyelement");
    holds!(print(&onerow, "\\df most_trusted")?, "most_trusted");
    Ok(())
}

fn view_text(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    let out = print(&onerow, "\\sv customer")?;
    holds!(out, "CREATE OR REPLACE VIEW public.customer AS");
    for part in ["newest(name, seen) AS name", "GROUP BY email"] {
        holds!(out, part);
    }
    let out = print(&onerow, "\\sv+ clean.person")?;
    holds!(out, "1 ");
    // What it prints makes the same view.
    onerow.sql("CREATE VIEW mine AS SELECT 1 AS \"A b\", 'it''s' AS t")?;
    let text = print(&onerow, "\\sv mine")?;
    onerow.sql("DROP VIEW mine")?;
    onerow.sql(&text)?;
    same!(onerow.sql("SELECT \"A b\", t FROM mine")?, "1|it's");
    Ok(())
}

fn formats(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    let out = onerow.psql(&["-c", "\\timing", "-c", "SELECT email, name FROM customer ORDER BY email"]);
    same!(out.1, "");
    for part in ["Timing is on.", "Time: ", " ann@example.com | Ann", "(2 rows)"] {
        holds!(out.0, part);
    }
    let out = onerow.psql(&["--csv", "-c", "SELECT email, name, records FROM customer ORDER BY email"]);
    same!(out.0, "email,name,records\nann@example.com,Ann,2\nbob@example.com,Bob,1\n");
    holds!(onerow.psql(&["-x", "-c", "SELECT 1 AS a, NULL AS b"]).0, "a | 1");
    let out = onerow.psql(&["-v", "who=bob@example.com", "-c", "SELECT 1"]);
    holds!(out.0, "(1 row)");
    let script =
        project.write("ask.psql", "\\set who 'bob@example.com'\nSELECT name FROM customer WHERE email = :'who';\n");
    let (out, said) = onerow.psql(&["-At", "-f", &script.display().to_string()]);
    same!((out.as_str(), said.as_str()), ("Bob\n", ""));
    // \gdesc describes without running; \watch and \crosstabview need no more than queries.
    let script = project.write("desc.psql", "SELECT 1::integer AS a, 'x'::text AS b, now() AS c \\gdesc\n");
    let (out, said) = onerow.psql(&["-At", "-f", &script.display().to_string()]);
    same!((out.as_str(), said.as_str()), ("a|integer\nb|text\nc|timestamp with time zone\n", ""));
    // FETCH_COUNT reads through a cursor where there is one; psql must not fail for it.
    let (out, said) = onerow.psql(&["-1", "-At", "-c", "SELECT count(*) FROM customer"]);
    same!((out.as_str(), said.as_str()), ("2\n", ""));
    Ok(())
}

fn errors(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    let (_, said) = onerow.psql(&["-c", "SELECT nam FROM customer"]);
    holds!(said, "ERROR:  column \"nam\" does not exist\nLINE 1: SELECT nam FROM customer\n               ^");
    let (_, said) = onerow.psql(&["-c", "SELECT *\n  FROM custmer"]);
    holds!(said, "ERROR:  relation \"custmer\" does not exist\nLINE 2:   FROM custmer\n               ^");
    let (_, said) = onerow.psql(&["-c", "SELEC 1"]);
    holds!(said, "ERROR:  syntax error");
    holds!(said, "LINE 1: SELEC 1");
    let (_, said) = onerow.psql(&["-c", "DROP VIEW IF EXISTS nope"]);
    holds!(said, "NOTICE:  view \"nope\" does not exist, skipping");
    // EXPLAIN of what cannot be planned fails as the query does.
    onerow.sql("CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '.')")?;
    onerow.sql("CREATE FOREIGN TABLE gone (a integer) SERVER lake OPTIONS (path 'gone.csv')")?;
    refused!(onerow.sql("SELECT a FROM gone"), "58P01", "gone.csv");
    refused!(onerow.sql("EXPLAIN SELECT a FROM gone"), "58P01", "gone.csv");
    let (_, said) =
        onerow.psql(&["-c", "CREATE VIEW one AS SELECT 1 AS n", "-c", "CREATE VIEW two AS SELECT n FROM one"]);
    same!(said, "");
    let (_, said) = onerow.psql(&["-c", "CREATE VIEW three AS SELECT n FROM two", "-c", "DROP VIEW one CASCADE"]);
    same!(
        said,
        "NOTICE:  drop cascades to 2 other objects\nDETAIL:  drop cascades to view two\ndrop cascades to view three\n"
    );
    let (_, said) = onerow.psql(&["-c", "CREATE SERVER s FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db')"]);
    same!(said, "");
    let (_, said) = onerow.psql(&["-c", "CREATE USER MAPPING FOR PUBLIC SERVER s", "-c", "DROP SERVER s CASCADE"]);
    same!(said, "NOTICE:  drop cascades to user mapping for public on server s\n");
    Ok(())
}

fn source_down(_: &Fixtures) -> Outcome {
    let project = project()?;
    project.write(
        "20_down.sql",
        format!(
            "CREATE SERVER gone FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1', port '{}');
             CREATE USER MAPPING FOR PUBLIC SERVER gone OPTIONS (user 'x', password 'y');
             IMPORT FOREIGN SCHEMA public FROM SERVER gone INTO gone;
             CREATE FOREIGN TABLE gone.declared (id integer) SERVER gone;
             CREATE VIEW broken AS SELECT id FROM gone.account;",
            free_port()
        ),
    );
    let onerow = project.serve();
    lines(&onerow, "\\d", &["public | customer | view | onerow"])?;
    lines(&onerow, "\\des", &["crm | onerow | sqlite", "gone | onerow | postgres"])?;
    for command in
        ["\\dv", "\\d customer", "\\d broken", "\\det gone.*", "\\d gone.declared", "\\dn", "\\d+", "\\dE+ *.*"]
    {
        print(&onerow, command)?;
    }
    lines(&onerow, "SELECT email FROM customer", &["ann@example.com"])?;
    holds!(onerow.psql(&["-c", "SELECT * FROM broken"]).1, "gone");
    let (_, said) = onerow.psql(&["-c", "SELECT id FROM gone.declared"]);
    holds!(said, "server \"gone\"");
    holds!(said, "CONTEXT:  table \"declared\"");
    Ok(())
}

fn interrupt(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = project()?;
    let onerow = project.serve();
    let long = "SELECT count(*) FROM generate_series(1, 100000) a(n), generate_series(1, 100000) b(n) WHERE a.n <> b.n";
    let mut psql =
        Running::start(onerow.psql_command().args(["-c", long]).stdout(Stdio::null()).stderr(Stdio::piped()));
    std::thread::sleep(Duration::from_secs(1));
    psql.signal("INT");
    same!(psql.wait(Duration::from_secs(20)).is_some(), true, "psql goes on");
    holds!(drain(psql.child().stderr.take()), "ERROR:  canceling statement due to user request");
    Ok(())
}
