//! Privileges on functions, here and at PostgreSQL.

use super::super::support::wire::{Fault, alike, rows};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::login::served;
use super::matrix::both;

pub fn granted(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    block_on(async {
        let [ours, theirs] = both(fixtures, &onerow, "as_functions").await?;
        // The one who owns the functions has another name at each.
        let acl = "SELECT regexp_replace(array_to_string(proacl, ','), 'tester|onerow', 'owner', 'g') FROM pg_proc \
                   WHERE oid = 'upper(text)'::regprocedure";
        let has = "SELECT has_function_privilege('rf_a', 'upper(text)', 'EXECUTE'), \
                   has_function_privilege('rf_b', 'upper(text)', 'EXECUTE'), \
                   has_function_privilege('rf_a', 'upper(text)', 'EXECUTE WITH GRANT OPTION'), \
                   has_function_privilege('rf_a', 871, 'EXECUTE'), has_function_privilege('rf_a', 1, 'EXECUTE') IS NULL";
        let statements = [
            "CREATE ROLE rf_a",
            "CREATE ROLE rf_b",
            "CREATE SCHEMA s",
            "CREATE TABLE s.t (a text, n int)",
            "INSERT INTO s.t VALUES ('x', 1)",
            "CREATE VIEW s.v AS SELECT upper(a) AS u, n FROM s.t",
            "GRANT USAGE, CREATE ON SCHEMA s TO rf_a, rf_b",
            "GRANT ALL ON s.t, s.v TO rf_a, rf_b",
            "GRANT EXECUTE ON FUNCTION upper TO rf_a",
            "GRANT EXECUTE ON ROUTINE upper TO rf_a",
            "GRANT EXECUTE ON FUNCTION nope TO rf_a",
            "GRANT EXECUTE ON FUNCTION nope(int, text) TO rf_a",
            "GRANT EXECUTE ON FUNCTION nope(foo) TO rf_a",
            "GRANT EXECUTE ON PROCEDURE upper(text) TO rf_a",
            "GRANT SELECT ON FUNCTION upper(text) TO rf_a",
            "GRANT EXECUTE (a) ON FUNCTION upper(text) TO rf_a",
            "GRANT EXECUTE ON FUNCTION upper(text) TO rf_nope",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA nope TO rf_a",
            "GRANT EXECUTE ON FUNCTION upper(text) TO PUBLIC WITH GRANT OPTION",
            acl,
            has,
            "REVOKE EXECUTE ON FUNCTION upper(text) FROM PUBLIC",
            acl,
            has,
            "SELECT has_function_privilege('rf_a', 'upper', 'EXECUTE')",
            "SELECT has_function_privilege('rf_a', 'nope(int)', 'EXECUTE')",
            "SELECT has_function_privilege('rf_a', 'upper(text)', 'SELECT')",
            "SELECT regexp_replace(grantee, 'tester|onerow', 'owner'), privilege_type, is_grantable \
               FROM information_schema.routine_privileges \
               WHERE specific_name = 'upper_871' ORDER BY 1",
            "SET ROLE rf_a",
            "SELECT upper('x')",
            "SELECT pg_catalog.upper(a) FROM s.t",
            "SELECT lower(a), length(a) FROM s.t",
            "SELECT n FROM s.t WHERE upper(a) = 'X'",
            "SELECT n FROM s.t ORDER BY upper(a)",
            "SELECT (SELECT max(upper(a)) FROM s.t)",
            "WITH w AS (SELECT upper(a) AS u FROM s.t) SELECT u FROM w",
            "EXPLAIN SELECT upper(a) FROM s.t",
            "BEGIN; DECLARE c CURSOR FOR SELECT upper(a) FROM s.t; FETCH ALL FROM c",
            "ROLLBACK",
            "PREPARE q AS SELECT upper(a) FROM s.t; EXECUTE q",
            "INSERT INTO s.t VALUES (upper('y'), 2)",
            "UPDATE s.t SET a = upper(a)",
            "DELETE FROM s.t WHERE upper(a) = 'X'",
            "CREATE TABLE s.made AS SELECT upper(a) AS u FROM s.t",
            // As any other function, with the rights of who asks; what it reads is its owner's to read.
            "SELECT u, n FROM s.v",
            "CREATE VIEW s.w AS SELECT upper(a) AS u FROM s.t",
            "SELECT u FROM s.w",
            "GRANT EXECUTE ON FUNCTION upper(text) TO rf_b",
            "SELECT grantee FROM information_schema.role_routine_grants WHERE specific_name = 'upper_871'",
            "RESET ROLE",
            "SELECT upper(a) FROM s.t",
            "GRANT EXECUTE ON FUNCTION upper(text) TO rf_a WITH GRANT OPTION",
            acl,
            has,
            "SET ROLE rf_a",
            "SELECT upper(a) FROM s.t",
            "SELECT u, n FROM s.v",
            "SELECT u FROM s.w",
            "GRANT EXECUTE ON FUNCTION upper(text) TO rf_b",
            "RESET ROLE",
            acl,
            "SET ROLE rf_b",
            "SELECT upper(a) FROM s.t",
            "RESET ROLE",
            "REVOKE EXECUTE ON FUNCTION upper(text) FROM rf_a",
            "REVOKE EXECUTE ON FUNCTION upper(text) FROM rf_a CASCADE",
            acl,
            "REVOKE EXECUTE ON FUNCTION count(\"any\"), \"extract\"(text, date) FROM PUBLIC",
            "SET ROLE rf_b",
            "SELECT count(n) FROM s.t",
            "SELECT count(n) OVER () FROM s.t",
            "SELECT extract(year FROM DATE '2020-01-01')",
            "SELECT sum(n) FROM s.t",
            "RESET ROLE",
            "GRANT EXECUTE ON FUNCTION upper(text), count(\"any\"), \"extract\"(text, date) TO PUBLIC",
            acl,
            "SET ROLE rf_b",
            "SELECT upper(a), count(n) FROM s.t GROUP BY 1",
            "RESET ROLE",
            // Rows of a list, and what fills columns in.
            "CREATE TABLE s.d (a text DEFAULT upper('q'), n int)",
            "GRANT ALL ON s.d TO rf_b",
            "REVOKE EXECUTE ON FUNCTION generate_series(int, int), upper(text) FROM PUBLIC",
            "SET ROLE rf_b",
            "SELECT generate_series(1, 2)",
            "SELECT * FROM generate_series(1, 2)",
            "SELECT generate_series(1::bigint, 2)",
            "INSERT INTO s.d DEFAULT VALUES",
            "INSERT INTO s.d (n) VALUES (1)",
            "INSERT INTO s.d VALUES (DEFAULT, 1)",
            "INSERT INTO s.d VALUES ('x', 1)",
            "UPDATE s.d SET a = DEFAULT",
            "UPDATE s.d SET n = 2",
            "SELECT a, n FROM s.d",
            "RESET ROLE",
            "GRANT EXECUTE ON FUNCTION generate_series(int, int), upper(text) TO PUBLIC",
            // What forms of SQL call.
            "REVOKE EXECUTE ON FUNCTION overlaps(timestamptz, timestamptz, timestamptz, timestamptz), \
               overlaps(timestamp, interval, timestamp, interval), like_escape(text, text), similar_to_escape(text) \
               FROM PUBLIC",
            "SET ROLE rf_b",
            "SELECT (date '2020-01-01', date '2020-02-01') OVERLAPS (date '2020-01-15', date '2020-03-01')",
            "SELECT (timestamp '2020-01-01', timestamp '2020-02-01') \
               OVERLAPS (timestamp '2020-01-15', timestamp '2020-03-01')",
            "SELECT (timestamp '2020-01-01', interval '1 day') OVERLAPS (timestamp '2020-01-15', interval '1 day')",
            "SELECT 'a' LIKE 'a' ESCAPE '!'",
            "SELECT 'a' LIKE 'a'",
            "SELECT 'a' ILIKE 'a' ESCAPE '!'",
            "SELECT a NOT LIKE a ESCAPE '!' FROM s.t",
            "SELECT 'a' SIMILAR TO 'a'",
            "SELECT 'a' SIMILAR TO 'a' ESCAPE '!'",
            "RESET ROLE",
            "GRANT EXECUTE ON FUNCTION overlaps(timestamptz, timestamptz, timestamptz, timestamptz), \
               overlaps(timestamp, interval, timestamp, interval), like_escape(text, text), similar_to_escape(text) \
               TO PUBLIC",
            "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT EXECUTE ON ROUTINES TO rf_a",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON FUNCTIONS TO rf_a",
            "SELECT defaclobjtype::text, array_to_string(defaclacl, ','), defaclnamespace = 0 FROM pg_default_acl ORDER BY 3",
            "ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA s REVOKE EXECUTE ON FUNCTIONS FROM rf_a",
            "SELECT count(*) FROM pg_default_acl",
        ];
        let checked = alike(&ours, &theirs, &statements, Fault::words).await;
        // Roles are of all databases of a server.
        rows(&theirs, "DROP OWNED BY rf_a, rf_b CASCADE; DROP ROLE rf_a, rf_b")
            .await
            .map_err(|fault| fault.to_string())?;
        checked
    })
}

/// All functions of a schema, with those that this program adds; kept over a restart.
pub fn of_schemas(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let check = |onerow: &super::super::support::Onerow, statements: &[(&str, &str)]| -> Outcome {
        block_on(async {
            let config = super::login::as_role(onerow, "onerow", super::login::OWNER);
            let client = super::super::support::onerow::connect(&config).await.map_err(|fault| fault.to_string())?;
            for (statement, expected) in statements {
                let found = match rows(&client, statement).await {
                    Ok(found) => found.into_iter().flatten().flatten().collect::<Vec<_>>().join(","),
                    Err(fault) => fault.words(),
                };
                if found != *expected {
                    return Err(format!("{statement}: {found}, not {expected}").into());
                }
            }
            Ok(())
        })
    };
    let onerow = served(&project, "CREATE ROLE fs_a")?;
    check(
        &onerow,
        &[
            ("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_catalog, public FROM PUBLIC", ""),
            ("GRANT EXECUTE ON FUNCTION normalize_email, lower(text), accepted TO fs_a", ""),
            ("CREATE VIEW av AS SELECT upper('x') AS u", ""),
            ("GRANT SELECT ON av TO fs_a", ""),
            ("SET ROLE fs_a", ""),
            ("SELECT 1 + 1", "2"),
            ("SELECT lower('A')", "a"),
            ("SELECT normalize_email('A@B.DE') = ''", "f"),
            ("SELECT * FROM av", "42501: permission denied for function upper"),
            ("SELECT u FROM accepted('av')", "42501: permission denied for function upper"),
            // Another name is of the same function.
            ("SELECT datetrunc('day', timestamp '2020-01-01')", "42501: permission denied for function date_trunc"),
        ],
    )?;
    onerow.kill();
    let onerow = served(&project, "SELECT 1")?;
    check(
        &onerow,
        &[
            ("SET ROLE fs_a", ""),
            ("SELECT lower('A')", "a"),
            ("SELECT 1 FROM generate_series(1, 1)", "42501: permission denied for function generate_series"),
            ("SELECT normalize_name('a')", "42501: permission denied for function normalize_name"),
            ("SELECT now() IS NULL", "42501: permission denied for function now"),
            ("SELECT trim('a')", "42501: permission denied for function btrim"),
            ("RESET ROLE", ""),
            ("GRANT EXECUTE ON ALL ROUTINES IN SCHEMA pg_catalog, public TO PUBLIC", ""),
            ("SET ROLE fs_a", ""),
            ("SELECT trim('a'), count(*) FROM generate_series(1, 2)", "a,2"),
        ],
    )
}

/// A session whose role of SET ROLE is dropped by another, and made again; keys that a role may not read.
pub fn dropped(_: &Fixtures) -> Outcome {
    use super::super::support::onerow::connect;
    let project = Project::new("");
    let onerow = served(
        &project,
        "CREATE ROLE gone; CREATE TABLE t (k int PRIMARY KEY, v text UNIQUE); INSERT INTO t VALUES (1, 'x');
         GRANT SELECT ON t TO gone; CREATE ROLE writes; GRANT INSERT ON t TO writes",
    )?;
    block_on(async {
        let config = super::login::as_role(&onerow, "onerow", super::login::OWNER);
        let one = connect(&config).await.map_err(|fault| fault.to_string())?;
        let other = connect(&config).await.map_err(|fault| fault.to_string())?;
        let run = |sql: &'static str, client: usize| {
            let client = if client == 1 { &one } else { &other };
            async move { rows(client, sql).await.map_or_else(|fault| fault.to_string(), |found| format!("{found:?}")) }
        };
        run("SET ROLE gone", 1).await;
        run("REVOKE ALL ON t FROM gone; DROP ROLE gone", 2).await;
        let refused = run("SELECT 1 FROM t", 1).await;
        run("CREATE ROLE gone; GRANT SELECT ON t TO gone", 2).await;
        let again = run("SELECT 1 FROM t", 1).await;
        for told in [refused, again] {
            if !told.contains("42704") {
                return Err(format!("the session of a dropped role is told {told}").into());
            }
        }
        let allowed = run("RESET ROLE; SELECT k FROM t", 1).await;
        if allowed.contains("42704") {
            return Err(format!("RESET ROLE does not help: {allowed}").into());
        }
        let key = run("SET ROLE writes; INSERT INTO t VALUES (2, 'x')", 1).await;
        if !key.contains("23505") || key.contains("already exists") {
            return Err(format!("a key that may not be read is told of as {key}").into());
        }
        Ok(())
    })
}
