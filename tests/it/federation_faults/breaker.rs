//! A source that fails again and again is left alone for a while, and tried again by one query.

use std::time::Duration;

use super::super::support::postgres::Postgres;
use super::super::support::process::eventually;
use super::super::support::relay::Relay;
use super::super::support::{Fixtures, Outcome, Project};
use super::Test;

pub const TESTS: &[Test] = &[
    ("opens_and_closes", opens_and_closes),
    ("is_closed_by_a_query_of_several_reads", several_reads),
    ("is_reset_by_alter_server", is_reset),
    ("wrong_queries_do_not_count", wrong_queries),
    ("options_are_checked", options),
];

fn opens_and_closes(_: &Fixtures) -> Outcome {
    let mut postgres = Postgres::start();
    postgres.sql("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2);");
    let relay = Relay::to(postgres.port);
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA public FROM SERVER erp INTO erp; CREATE VIEW fine AS SELECT 1 AS n;",
        postgres.declared_at("erp", relay.port, ", breaker_failures '3', breaker_pause '5s', sslmode 'disable'")
    ));
    let onerow = project.serve();
    same!(onerow.sql("SELECT count(*) FROM erp.t")?, "2");
    postgres.kill();
    for _ in 0..3 {
        refused!(onerow.sql("SELECT count(*) FROM erp.t"), "08006", "erp");
    }
    // From now on at once, and the source is not asked.
    let asked = relay.connections();
    for _ in 0..3 {
        let said = onerow.sql("SELECT count(*) FROM erp.t");
        refused!(said, "08006", "server \"erp\" is left alone", "3 times in a row", "The last error", "tried again in");
    }
    same!(relay.connections(), asked);
    same!(onerow.sql("SELECT n FROM fine")?, "1");
    // One tries it when the time is over, and it stays closed to the others.
    std::thread::sleep(Duration::from_millis(5200));
    let asked = relay.connections();
    refused!(onerow.sql("SELECT count(*) FROM erp.t"), "08006", "erp");
    same!(relay.connections() - asked <= 1, true, "{} connections", relay.connections() - asked);
    refused!(onerow.sql("SELECT count(*) FROM erp.t"), "08006", "left alone");
    postgres.resume();
    let back = eventually(Duration::from_secs(20), || onerow.sql("SELECT count(*) FROM erp.t").is_ok_and(|n| n == "2"));
    same!(back, true, "{}", onerow.log());
    let log = onerow.log();
    same!(log.matches("server is left alone").count(), 1, "{log}");
    same!(log.matches("server answers again").count(), 1, "{log}");
    Ok(())
}

/// Of the reads of one query one tries the server, and the others wait for it: if they failed, so would the query, and
/// nobody would ever have tried.
fn several_reads(_: &Fixtures) -> Outcome {
    let mut postgres = Postgres::start();
    postgres.sql(
        "CREATE TABLE t AS SELECT g AS id, repeat('x', 200) AS pad FROM generate_series(1, 100000) g; ANALYZE t;
         CREATE TABLE u AS SELECT 7 AS id, 'y' AS pad;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA public FROM SERVER erp INTO erp;",
        postgres.declared_with("erp", ", breaker_failures '2', breaker_pause '1s', parallel_reads '2'")
    ));
    let onerow = project.serve();
    for sql in [
        "SET onerow.push_down = filters; SELECT count(DISTINCT pad), sum(id) FROM erp.t",
        "SET onerow.push_down = off; SELECT count(DISTINCT pad), sum(id) FROM (TABLE erp.u UNION ALL TABLE erp.t) x",
    ] {
        let before = onerow.sql(sql)?;
        postgres.kill();
        let opened = eventually(Duration::from_secs(20), || onerow.sql(sql).is_err_and(|e| e.contains("left alone")));
        same!(opened, true, "{sql}");
        postgres.resume();
        let back = eventually(Duration::from_secs(20), || onerow.sql(sql).is_ok_and(|now| now == before));
        same!(back, true, "{sql}: {:?}", onerow.sql(sql));
    }
    Ok(())
}

fn is_reset(_: &Fixtures) -> Outcome {
    let mut postgres = Postgres::start();
    postgres.sql("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2);");
    let project = Project::new("CREATE VIEW fine AS SELECT 1 AS n;");
    let onerow = project.serve();
    onerow.sql(&postgres.declared_with("erp", ", breaker_failures '1', breaker_pause '1h'"))?;
    onerow.sql("IMPORT FOREIGN SCHEMA public FROM SERVER erp INTO erp")?;
    let count = "SELECT count(*) FROM erp.t";
    for reset in ["ALTER SERVER erp REFRESH", "ALTER SERVER erp OPTIONS (SET breaker_pause '2h')"] {
        same!(onerow.sql(count)?, "2");
        postgres.stop();
        refused!(onerow.sql(count), "08006");
        refused!(onerow.sql(count), "08006", "left alone");
        postgres.resume();
        refused!(onerow.sql(count), "08006", "left alone", "ALTER SERVER erp REFRESH");
        onerow.sql(reset)?;
        same!(onerow.sql(count)?, "2", "{reset}");
    }
    // While it is down a refresh says so.
    postgres.stop();
    refused!(onerow.sql("ALTER SERVER erp REFRESH"), "08006", "erp");
    Ok(())
}

fn wrong_queries(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA wrong; CREATE TABLE wrong.t (id int); INSERT INTO wrong.t VALUES (0), (1);
         CREATE VIEW wrong.v AS SELECT 1 / id AS n FROM wrong.t;
         CREATE TABLE wrong.secret (id int);",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA wrong FROM SERVER pg INTO pg;",
        postgres.declared_with("pg", ", breaker_failures '2', breaker_pause '1h'")
    ));
    let onerow = project.serve();
    for _ in 0..4 {
        refused!(onerow.sql("SELECT n FROM pg.v"), "22012");
        refused!(onerow.sql("SET statement_timeout = '1ms'; SELECT count(*) FROM pg.t a, pg.t b, pg.t c"), "57014");
    }
    same!(onerow.sql("SELECT count(*) FROM pg.t")?, "2");
    lacks!(onerow.log(), "left alone");
    Ok(())
}

fn options(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW fine AS SELECT 1 AS n;");
    let onerow = project.serve();
    for (option, value) in [
        ("breaker_failures", "many"),
        ("breaker_pause", "soon"),
        ("max_statements", "-1"),
        ("max_rows", "few"),
        ("max_bytes", "5 apples"),
        ("max_time", "1 fortnight"),
    ] {
        for (kind, needed) in [("postgres", ""), ("mysql", ""), ("sqlite", "database 'x.db', ")] {
            let sql = format!("CREATE SERVER s FOREIGN DATA WRAPPER {kind} OPTIONS ({needed}{option} '{value}')");
            refused!(onerow.sql(&sql), "HV00N", option);
        }
    }
    Ok(())
}
