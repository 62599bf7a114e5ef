//! Twelve ways in which engines over many sources have gone wrong, and where each is tested:
//!
//! 1. Filters and projections stop at a view over several sources, and limits are lost on a join's inputs:
//!    `a_view_over_sources_is_no_wall`, `limits_stay_where_they_are`.
//! 2. Literals leave their quotes: `every_text_finds_its_own_row`, and `literals_stay_literals` of each kind.
//! 3. Functions of ours are sent: `our_functions_stay_here`, `postgres::what_is_not_the_sources_stays_here`.
//! 4. Two streams share a connection, or it outlives its stream: `streams_do_not_share_a_connection`, and
//!    `cancelling_cancels_at_*`, `pools_give_connections_back`, `a_limit_ends_the_scan_at_the_source` of `faults`.
//! 5. Double quotes are taken out of MySQL's literals: `every_text_finds_its_own_row`.
//! 6. SQLite's types come from one row, errors end a scan, the file is changed: of `sqlite`,
//!    `a_null_in_the_first_row_loses_nothing`, `values_of_another_type_are_refused`, `the_file_is_never_changed`.
//! 7. Times before 1970, or beyond what nanoseconds hold: `times_of_every_year`.
//! 8. SQL is edited as text: `words_of_sql_in_literals`.
//! 9. NULLS FIRST, ILIKE, case, division and casts mean something else there: `words_that_mean_something_else_there`.
//! 10. IN (subquery) stays in a filter: `subqueries_that_stay_in_a_filter`.
//! 11. Types have no counterpart: `types_without_a_counterpart_in_shipped_queries`, and `every_type_reads_as_it_is` of
//!     each kind.
//! 12. Two servers are taken for one: `alike_servers_are_kept_apart`.

use rusqlite::Connection;

use super::super::support::pushdown::sent;
use super::super::support::wire::all_well;
use super::super::support::{Fixtures, Onerow, Outcome, Project};

/// `person (id, email, name, city, n, at)` in PostgreSQL, MariaDB and SQLite, and a view over the three.
fn people(fixtures: &Fixtures, schema: &str) -> Result<(Project, Onerow), rusqlite::Error> {
    let rows = "(1, 'ann@x.org', 'Ann', 'Bern', 3, '1969-07-20 20:17:40'), (2, 'bob@x.org', 'ANN', NULL, NULL, NULL),
        (3, 'cid@x.org', 'ann', 'bern', -7, '9999-12-31 23:59:59'), (4, 'dot@x.org', ' LIMIT 1', 'Basel', 0,
        '0001-01-01 00:00:00'), (5, NULL, NULL, 'BERN', 7, '2024-03-31 02:30:00')";
    fixtures.postgres().sql(&format!(
        "CREATE SCHEMA {schema}; CREATE TABLE {schema}.person
           (id integer PRIMARY KEY, email text, name text, city text, n integer, at timestamp);
         INSERT INTO {schema}.person VALUES {rows};"
    ));
    fixtures.mariadb().sql(&format!(
        "CREATE DATABASE {schema} CHARACTER SET utf8mb4; USE {schema}; CREATE TABLE person
           (id INT PRIMARY KEY, email VARCHAR(100), name TEXT, city TEXT, n INT, at DATETIME(6));
         INSERT INTO person VALUES {rows};"
    ));
    let project = Project::new("");
    Connection::open(project.path().join("lite.db"))?.execute_batch(&format!(
        "CREATE TABLE person
           (id INTEGER PRIMARY KEY, email TEXT, name TEXT COLLATE NOCASE, city TEXT COLLATE NOCASE, n INTEGER,
            at DATETIME);
         INSERT INTO person VALUES {rows};"
    ))?;
    let part = |name: &str| {
        format!("SELECT '{name}' AS source, id::bigint AS id, email, name, city, n::bigint AS n, at FROM {name}.person")
    };
    project.write(
        "10_main.sql",
        format!(
            "{}{}CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
             IMPORT FOREIGN SCHEMA {schema} FROM SERVER pg INTO pg;
             IMPORT FOREIGN SCHEMA {schema} FROM SERVER my INTO my;
             IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;
             CREATE VIEW everyone AS {} UNION ALL {} UNION ALL {};
             CREATE VIEW merged AS SELECT email, newest(name, at) AS name, newest(city, at) AS city, count(*) AS records
               FROM everyone WHERE email IS NOT NULL GROUP BY email;",
            fixtures.postgres().declared("pg"),
            fixtures.mariadb().declared("my"),
            part("pg"),
            part("my"),
            part("lite")
        ),
    );
    let onerow = project.serve();
    Ok((project, onerow))
}

/// Asks each source; fails with all answers that are not the one expected. `{}` is the source.
fn everywhere(onerow: &Onerow, asked: &[(&str, &str)]) -> Outcome {
    let mut wrong = vec![];
    for source in ["pg", "my", "lite"] {
        for (sql, expected) in asked {
            let sql = sql.replace("{}", source);
            let got = onerow.sql(&sql).unwrap_or_else(|said| said);
            let fine = if let Some(state) = expected.strip_prefix("error ") {
                got.contains(&format!("{state}:"))
            } else {
                got == *expected
            };
            if !fine {
                wrong.push(format!("{sql}\n    gave {got:?} and not {expected:?}"));
            }
        }
    }
    all_well(&wrong, asked.len() * 3)
}

pub fn views(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = people(fixtures, "hazard_views")?;
    for (view, rows) in [("everyone", "ANN\nANN\nANN"), ("merged", "ANN")] {
        let sql = format!("SELECT name FROM {view} WHERE email = 'bob@x.org'");
        let lines = sent(&onerow, &sql)?;
        same!(lines.len(), 3, "what {view} sends");
        for line in &lines {
            for part in ["WHERE", "email", "name"] {
                holds!(line, part);
            }
            lacks!(line, "city");
            lacks!(line, "bob@x.org");
        }
        same!(onerow.sql(&sql)?, rows);
    }
    Ok(())
}

pub fn limits(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = people(fixtures, "hazard_limits")?;
    everywhere(
        &onerow,
        &[
            (
                "SELECT count(*) FROM (SELECT id FROM {}.person ORDER BY id LIMIT 3) a
                   JOIN (SELECT id FROM {}.person ORDER BY id DESC LIMIT 2) b ON true",
                "6",
            ),
            (
                "SELECT a.id FROM (SELECT id FROM {}.person ORDER BY id LIMIT 3) a
                   JOIN (SELECT id FROM {}.person ORDER BY id DESC LIMIT 3) b ON a.id = b.id",
                "3",
            ),
            ("SELECT id FROM (SELECT id FROM {}.person ORDER BY id LIMIT 2) a WHERE id > 1", "2"),
            (
                "SELECT id FROM (SELECT id, n FROM {}.person ORDER BY id LIMIT 4 OFFSET 1) a
                 ORDER BY id LIMIT 2 OFFSET 1",
                "3\n4",
            ),
            ("SELECT count(*) FROM (SELECT id FROM {}.person LIMIT 2) a", "2"),
            ("SELECT count(*) FROM (SELECT DISTINCT lower(city) AS c FROM {}.person LIMIT 2) a", "2"),
            (
                "(SELECT id FROM {}.person ORDER BY id LIMIT 1) UNION ALL (SELECT id FROM {}.person
                     ORDER BY id DESC LIMIT 1)
                   ORDER BY 1",
                "1\n5",
            ),
            ("SELECT max(id) FROM (SELECT id FROM {}.person ORDER BY id LIMIT 3) a", "3"),
            ("SELECT count(*) FROM (SELECT id FROM {}.person LIMIT 0) a", "0"),
        ],
    )
}

pub fn functions(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = people(fixtures, "hazard_functions")?;
    everywhere(
        &onerow,
        &[
            ("SELECT id FROM {}.person WHERE normalize_email(upper(email)) = 'cid@x.org'", "3"),
            ("SELECT newest(name, at) FROM {}.person WHERE n > 0", "Ann"),
            ("SELECT majority(lower(name)) FROM {}.person", "ann"),
            (
                "SELECT lower(city) AS c, newest(id, at) AS i FROM {}.person WHERE city IS NOT NULL GROUP BY 1
                     ORDER BY 1",
                "basel|4\nbern|3",
            ),
            ("SELECT max(normalize_name(name)) FROM {}.person WHERE id < 4", "Ann"),
        ],
    )
}

pub fn connections(fixtures: &Fixtures) -> Outcome {
    fixtures.postgres().sql(
        "CREATE SCHEMA hazard_streams; CREATE TABLE hazard_streams.t AS
           SELECT i AS id, repeat('x', 100) AS pad FROM generate_series(1, 40000) AS i;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA hazard_streams FROM SERVER pg INTO pg;",
        fixtures.postgres().declared_with("pg", ", max_connections '4'")
    ));
    let onerow = project.serve();
    // Two streams of one server, of which the second is read while the first still runs.
    for sql in [
        "SELECT count(*) FROM pg.t a JOIN pg.t b ON a.id = b.id AND a.pad || 'x' = b.pad || 'x'",
        "SELECT count(*) FROM (SELECT upper(pad) AS p, id FROM pg.t UNION ALL SELECT lower(pad), id
             FROM pg.t) u WHERE p = lower(p)",
    ] {
        same!(onerow.sql(sql)?, "40000");
    }
    // What nobody reads on gives its connection back.
    for _ in 0..8 {
        same!(onerow.sql("SELECT upper(pad) = 'y' AS y FROM pg.t LIMIT 1")?, "f");
    }
    Ok(())
}

pub fn times(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = people(fixtures, "hazard_times")?;
    everywhere(
        &onerow,
        &[
            (
                "SELECT at FROM {}.person ORDER BY at NULLS LAST",
                "0001-01-01 00:00:00\n1969-07-20 20:17:40\n2024-03-31 02:30:00\n9999-12-31 23:59:59\nNULL",
            ),
            ("SELECT id FROM {}.person WHERE at < timestamp '1970-01-01 00:00:00' ORDER BY id", "1\n4"),
            ("SELECT id FROM {}.person WHERE at = timestamp '9999-12-31 23:59:59'", "3"),
            ("SELECT id FROM {}.person WHERE at = timestamp '0001-01-01 00:00:00'", "4"),
            ("SELECT min(at), max(at), count(at) FROM {}.person", "0001-01-01 00:00:00|9999-12-31 23:59:59|4"),
            ("SELECT count(*) FROM {}.person a JOIN {}.person b ON a.at = b.at", "4"),
            ("SELECT at::date FROM {}.person WHERE id = 3", "9999-12-31"),
        ],
    )
}

pub fn words(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = people(fixtures, "hazard_words")?;
    everywhere(
        &onerow,
        &[
            ("SELECT id FROM {}.person WHERE name = ' LIMIT 1'", "4"),
            ("SELECT id FROM {}.person WHERE name <> ' LIMIT 1' ORDER BY id LIMIT 2", "1\n2"),
            ("SELECT id FROM {}.person WHERE name <> ' ORDER BY id DESC LIMIT 1' ORDER BY id LIMIT 2 OFFSET 1", "2\n3"),
            ("SELECT ' limit 1' AS a, id FROM {}.person ORDER BY id LIMIT 2", " limit 1|1\n limit 1|2"),
            ("SELECT count(*) FROM {}.person WHERE name LIKE '% LIMIT %' OR city = ' WHERE ' OR email = '\"'", "1"),
        ],
    )
}

pub fn meanings(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = people(fixtures, "hazard_meanings")?;
    everywhere(
        &onerow,
        &[
            ("SELECT n FROM {}.person ORDER BY n LIMIT 2", "-7\n0"),
            ("SELECT n FROM {}.person ORDER BY n NULLS FIRST LIMIT 2", "NULL\n-7"),
            ("SELECT n FROM {}.person ORDER BY n DESC LIMIT 2", "NULL\n7"),
            ("SELECT n FROM {}.person ORDER BY n DESC NULLS LAST LIMIT 2", "7\n3"),
            ("SELECT city FROM {}.person ORDER BY city LIMIT 3", "BERN\nBasel\nBern"),
            ("SELECT id FROM {}.person WHERE name ILIKE 'aN_' ORDER BY id", "1\n2\n3"),
            ("SELECT id FROM {}.person WHERE name = 'ann'", "3"),
            ("SELECT id FROM {}.person WHERE name LIKE 'a%'", "3"),
            ("SELECT count(DISTINCT name), count(DISTINCT city) FROM {}.person", "4|4"),
            (
                "SELECT city, count(*) FROM {}.person WHERE city IS NOT NULL GROUP BY city ORDER BY city",
                "BERN|1\nBasel|1\nBern|1\nbern|1",
            ),
            ("SELECT count(*) FROM {}.person a JOIN {}.person b ON a.city = b.city", "4"),
            ("SELECT min(city), max(city) FROM {}.person", "BERN|bern"),
            ("SELECT count(*) FROM {}.person a FULL JOIN {}.person b ON a.city = b.city WHERE NOT (a.id IS NULL)", "5"),
            ("SELECT n / 2 AS a FROM {}.person WHERE id IN (1, 3) ORDER BY id", "1\n-3"),
            ("SELECT n % 2 AS a FROM {}.person WHERE id IN (1, 3) ORDER BY id", "1\n-1"),
            ("SELECT n / 0 AS a FROM {}.person WHERE id = 1", "error 22012"),
            ("SELECT name::integer AS a FROM {}.person WHERE id = 1", "error 22P02"),
            ("SELECT id FROM {}.person WHERE n::text = '7'", "5"),
            ("SELECT id FROM {}.person WHERE 'a' || name = 'aAnn'", "1"),
            ("SELECT coalesce(email || city, '-') AS a FROM {}.person WHERE id = 2", "-"),
            ("SELECT substr(name, 0, 3) AS a, length(name) AS b FROM {}.person WHERE id = 1", "An|3"),
            ("SELECT id FROM {}.person WHERE (n > 0) IS NOT TRUE ORDER BY id", "2\n3\n4"),
            ("SELECT sum(n), avg(n::double precision) FROM {}.person", "3|0.75"),
        ],
    )
}

pub fn subqueries(fixtures: &Fixtures) -> Outcome {
    let (_project, onerow) = people(fixtures, "hazard_subqueries")?;
    everywhere(
        &onerow,
        &[
            (
                "SELECT id FROM {}.person WHERE id IN (SELECT id + 1 FROM {}.person WHERE n > 0) OR name = 'Ann'
                 ORDER BY id",
                "1\n2",
            ),
            ("SELECT id FROM {}.person WHERE n NOT IN (SELECT n FROM {}.person WHERE id > 2) ORDER BY id", "1"),
            ("SELECT id FROM {}.person WHERE n NOT IN (SELECT n FROM {}.person)", ""),
            ("SELECT id FROM {}.person WHERE (n IN (SELECT n FROM {}.person WHERE id = 1)) IS TRUE", "1"),
            (
                "SELECT id FROM {}.person p WHERE EXISTS (SELECT 1 FROM pg.person q
                     WHERE q.id = p.id AND q.n < 0) OR p.id = 5
                   ORDER BY id",
                "3\n5",
            ),
            (
                "SELECT id FROM {}.person p WHERE NOT EXISTS (SELECT 1 FROM my.person q WHERE q.n = p.n) ORDER BY id",
                "2",
            ),
            ("SELECT id FROM {}.person WHERE n = (SELECT max(n) FROM lite.person)", "5"),
        ],
    )
}

pub fn types(fixtures: &Fixtures) -> Outcome {
    fixtures.postgres().sql(
        "CREATE SCHEMA hazard_types; CREATE EXTENSION IF NOT EXISTS citext;
         CREATE TYPE hazard_types.mood AS ENUM ('sad', 'ok');
         CREATE TABLE hazard_types.t (id integer, doc jsonb, name citext, words text[], key uuid,
           mood hazard_types.mood, bare numeric);
         INSERT INTO hazard_types.t VALUES
           (1, '{\"a\": 1}', 'Ann', ARRAY['x', NULL], '00000000-0000-0000-0000-00000000000a', 'sad', 1.50),
           (2, '{\"a\":1}', 'ann', ARRAY['x', NULL], '00000000-0000-0000-0000-00000000000a', 'ok', 1.5),
           (3, NULL, NULL, NULL, NULL, NULL, NULL);",
    );
    fixtures.mariadb().sql(
        "CREATE DATABASE hazard_types CHARACTER SET utf8mb4; USE hazard_types;
         CREATE TABLE t (id INT, big BIGINT UNSIGNED, tiny TINYINT(1), day DATE, key_ UUID, choice ENUM('b', 'a'));
         INSERT INTO t VALUES (1, 18446744073709551615, 2, '2024-02-29', '00000000-0000-0000-0000-00000000000a', 'b'),
           (2, 1, -1, '0000-00-00', NULL, 'a'), (3, NULL, NULL, NULL, NULL, NULL);",
    );
    let project = Project::new(&format!(
        "{}{} IMPORT FOREIGN SCHEMA hazard_types FROM SERVER pg INTO pg;
         IMPORT FOREIGN SCHEMA hazard_types FROM SERVER my INTO my;",
        fixtures.postgres().declared("pg"),
        fixtures.mariadb().declared("my")
    ));
    let onerow = project.serve();
    for (sql, expected) in [
        (
            "SELECT count(DISTINCT name), count(DISTINCT mood), count(DISTINCT key), count(DISTINCT bare) FROM pg.t",
            "2|2|1|1",
        ),
        ("SELECT name, count(*) FROM pg.t GROUP BY name ORDER BY name NULLS FIRST", "NULL|1\nAnn|1\nann|1"),
        ("SELECT id FROM pg.t WHERE name = 'ann'", "2"),
        ("SELECT mood FROM pg.t ORDER BY mood LIMIT 1", "ok"),
        ("SELECT max(mood), min(name) FROM pg.t", "sad|Ann"),
        ("SELECT words FROM pg.t WHERE id < 3 ORDER BY id", "{x,NULL}\n{x,NULL}"),
        ("SELECT doc FROM pg.t WHERE id = 1", "{\"a\": 1}"),
        ("SELECT count(*) FROM pg.t a JOIN pg.t b ON a.key = b.key", "4"),
        ("SELECT count(*) FROM pg.t a JOIN my.t b ON a.key = b.key_", "2"),
        ("SELECT sum(bare) FROM pg.t", "3.0000000000"),
        ("SELECT big FROM my.t ORDER BY big DESC NULLS LAST LIMIT 1", "18446744073709551615"),
        ("SELECT sum(big), max(tiny), min(tiny) FROM my.t", "18446744073709551616|2|-1"),
        ("SELECT id FROM my.t WHERE tiny = 2", "1"),
        ("SELECT count(day), count(*) FROM my.t", "1|3"),
        ("SELECT id FROM my.t WHERE day IS NULL ORDER BY id", "2\n3"),
        ("SELECT min(day) FROM my.t", "2024-02-29"),
        ("SELECT choice FROM my.t WHERE choice IS NOT NULL ORDER BY choice", "a\nb"),
        ("SELECT max(choice) FROM my.t", "b"),
    ] {
        same!(onerow.sql(sql).unwrap_or_else(|said| said), expected, "{sql}");
    }
    Ok(())
}

pub fn servers(fixtures: &Fixtures) -> Outcome {
    fixtures.postgres().sql(
        "CREATE DATABASE twin_one; CREATE DATABASE twin_two;
         \\connect twin_one
         CREATE TABLE t (id integer, name text); INSERT INTO t VALUES (1, 'one'), (2, 'both');
         \\connect twin_two
         CREATE TABLE t (id integer, name text); INSERT INTO t VALUES (1, 'two'), (2, 'both');",
    );
    fixtures.mariadb().sql(
        "CREATE DATABASE twin_one; CREATE DATABASE twin_two; CREATE TABLE twin_one.t (id INT, name TEXT);
         CREATE TABLE twin_two.t (id INT, name TEXT); INSERT INTO twin_one.t VALUES (1, 'one'), (2, 'both');
         INSERT INTO twin_two.t VALUES (1, 'two'), (2, 'both');",
    );
    let project = Project::new("");
    let mut sql = String::new();
    for name in ["one", "two"] {
        Connection::open(project.path().join(format!("{name}.db")))?.execute_batch(&format!(
            "CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (1, '{name}'), (2, 'both');"
        ))?;
        let postgres = fixtures.postgres().declared(&format!("{name}_pg"));
        sql.push_str(&format!(
            "{}{}CREATE SERVER {name}_lite FOREIGN DATA WRAPPER sqlite OPTIONS (database '{name}.db');
             IMPORT FOREIGN SCHEMA public LIMIT TO (t) FROM SERVER {name}_pg INTO {name}_pg;
             IMPORT FOREIGN SCHEMA twin_{name} FROM SERVER {name}_my INTO {name}_my;
             IMPORT FOREIGN SCHEMA main FROM SERVER {name}_lite INTO {name}_lite;\n",
            postgres.replace("dbname 'postgres'", &format!("dbname 'twin_{name}'")),
            fixtures.mariadb().declared(&format!("{name}_my")),
        ));
    }
    project.write("10_main.sql", sql);
    let onerow = project.serve();
    everywhere(
        &onerow,
        &[
            ("SELECT name FROM one_{}.t WHERE id = 1", "one"),
            ("SELECT name FROM two_{}.t WHERE id = 1", "two"),
            (
                "SELECT a.name, b.name FROM one_{}.t a JOIN two_{}.t b ON a.id = b.id ORDER BY a.id",
                "one|two\nboth|both",
            ),
            ("SELECT a.id FROM one_{}.t a JOIN two_{}.t b ON a.name = b.name", "2"),
            (
                "SELECT name, count(*) FROM (SELECT name FROM one_{}.t UNION ALL SELECT name FROM two_{}.t) u
                   GROUP BY name ORDER BY name",
                "both|2\none|1\ntwo|1",
            ),
            ("SELECT id FROM one_{}.t a WHERE NOT EXISTS (SELECT 1 FROM two_{}.t b WHERE b.name = a.name)", "1"),
            ("SELECT count(*) FROM one_{}.t a, two_{}.t b, one_{}.t c", "8"),
        ],
    )
}
