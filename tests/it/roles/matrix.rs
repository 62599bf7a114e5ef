//! Every statement with every privilege that it needs but one, here and at PostgreSQL.

use bytes::Bytes;
use futures::{SinkExt, TryStreamExt};
use tokio_postgres::Client;

use super::super::support::onerow::connect;
use super::super::support::wire::{Fault, Rows, alike, all_well, rows};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::login::{OWNER, as_role, served};

/// The two servers with the same tables: ours and PostgreSQL.
pub async fn both(
    fixtures: &Fixtures,
    onerow: &super::super::support::Onerow,
    database: &str,
) -> Result<[Client; 2], String> {
    let postgres = fixtures.postgres();
    postgres.sql(&format!("CREATE DATABASE {database}"));
    let ours = connect(&as_role(onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
    Ok([ours, postgres.client(database).await])
}

pub fn roles(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    block_on(async {
        let [ours, theirs] = both(fixtures, &onerow, "as_roles").await?;
        let statements = [
            "CREATE ROLE rr_a LOGIN",
            "CREATE ROLE rr_a",
            "CREATE USER rr_b IN ROLE rr_a CONNECTION LIMIT 5 VALID UNTIL '2030-01-02 03:04:05+00'",
            "CREATE GROUP \"rr_Ç\" NOINHERIT",
            "CREATE ROLE pg_x",
            "CREATE ROLE none",
            "CREATE ROLE rr_c IN ROLE rr_nope",
            "CREATE ROLE rr_c CONNECTION LIMIT -2",
            "CREATE ROLE rr_c LOGIN LOGIN",
            "CREATE ROLE rr_c VALID UNTIL 'never'",
            "SELECT rolname, rolsuper, rolinherit, rolcanlogin, rolconnlimit, rolvaliduntil FROM pg_roles \
               WHERE rolname LIKE 'rr%' ORDER BY rolname",
            "SELECT usename FROM pg_user WHERE usename LIKE 'rr%' ORDER BY 1",
            "GRANT rr_b TO rr_a",
            "GRANT rr_a TO rr_a",
            "GRANT rr_a TO rr_nope",
            "GRANT rr_nope TO rr_a",
            "GRANT rr_a TO \"rr_Ç\" WITH ADMIN OPTION",
            "GRANT rr_a TO \"rr_Ç\"",
            "SELECT r.rolname, m.rolname, a.admin_option FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid \
               JOIN pg_roles m ON m.oid = a.member WHERE r.rolname LIKE 'rr%' ORDER BY 1, 2",
            "SELECT pg_has_role('rr_b', 'rr_a', 'member'), pg_has_role('rr_a', 'rr_b', 'usage'), \
               pg_has_role('rr_Ç', 'rr_a', 'usage'), pg_has_role('rr_Ç', 'rr_a', 'member')",
            "SELECT pg_has_role('rr_nope', 'rr_a', 'member')",
            "SELECT pg_has_role('rr_b', 'rr_a', 'owning')",
            "REVOKE ADMIN OPTION FOR rr_a FROM \"rr_Ç\"",
            "REVOKE rr_a FROM \"rr_Ç\"",
            "REVOKE rr_a FROM \"rr_Ç\"",
            "ALTER ROLE rr_b NOLOGIN CONNECTION LIMIT -1",
            "ALTER ROLE rr_nope LOGIN",
            "ALTER GROUP rr_a ADD USER \"rr_Ç\"",
            "ALTER GROUP rr_a DROP USER \"rr_Ç\"",
            "SELECT rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname = 'rr_b'",
            "DROP ROLE rr_nope",
            "DROP ROLE IF EXISTS rr_nope, rr_b",
            "CREATE SCHEMA s",
            "GRANT USAGE ON SCHEMA s TO rr_a",
            "DROP ROLE rr_a",
            "REVOKE USAGE ON SCHEMA s FROM rr_a",
            "SET ROLE rr_a",
            "SELECT current_user, session_user, current_setting('is_superuser')",
            "CREATE ROLE rr_d",
            "ALTER ROLE \"rr_Ç\" LOGIN",
            "DROP ROLE \"rr_Ç\"",
            "GRANT \"rr_Ç\" TO rr_a",
            "SET ROLE \"rr_Ç\"",
            "DROP ROLE rr_a",
            "RESET ROLE",
            "SET SESSION AUTHORIZATION rr_a",
            "SELECT current_user, session_user",
            "SET ROLE \"rr_Ç\"",
            "RESET SESSION AUTHORIZATION",
            "SET ROLE rr_nope",
            "DROP ROLE rr_a, \"rr_Ç\"",
            "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'rr%'",
        ];
        alike(&ours, &theirs, &statements, Fault::words).await
    })
}

pub fn renaming(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    block_on(async {
        let [ours, theirs] = both(fixtures, &onerow, "renamed_roles").await?;
        let statements = [
            "CREATE ROLE rn_a",
            "CREATE ROLE rn_b",
            "CREATE ROLE rn_group",
            "GRANT rn_group TO rn_a WITH ADMIN OPTION",
            "GRANT rn_group TO rn_b GRANTED BY rn_a",
            "CREATE SCHEMA s",
            "GRANT CREATE, USAGE ON SCHEMA s TO rn_a",
            "SET ROLE rn_a",
            "CREATE TABLE s.t (id int, a text)",
            "GRANT SELECT, INSERT (a) ON s.t TO rn_b",
            "CREATE POLICY p ON s.t TO rn_a, rn_b USING (id > 0)",
            "GRANT rn_group TO rn_b GRANTED BY rn_b",
            "GRANT DELETE ON s.t TO rn_b GRANTED BY rn_b",
            "GRANT DELETE ON s.t TO rn_b GRANTED BY CURRENT_USER",
            "ALTER ROLE rn_b RENAME TO rn_c",
            "ALTER ROLE rn_a RENAME TO rn_c",
            "RESET ROLE",
            "ALTER DEFAULT PRIVILEGES FOR ROLE rn_a GRANT INSERT ON TABLES TO rn_b",
            "ALTER ROLE rn_a RENAME TO rn_b",
            "ALTER ROLE rn_nope RENAME TO rn_x",
            "ALTER ROLE rn_a RENAME TO pg_x",
            "ALTER USER rn_a RENAME TO none",
            "ALTER ROLE CURRENT_USER RENAME TO rn_x",
            "ALTER ROLE rn_a RENAME TO \"rn Ayşe\"",
            "ALTER ROLE rn_a LOGIN",
            "ALTER GROUP rn_b RENAME TO rn_a",
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'rn%' ORDER BY rolname",
            "SELECT m.rolname, g.rolname, a.admin_option FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid \
               JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.grantor WHERE r.rolname = 'rn_group' ORDER BY 1",
            "SELECT tableowner FROM pg_tables WHERE tablename = 't'",
            "SELECT array_to_string(relacl, ',') FROM pg_class WHERE relname = 't' AND relkind = 'r'",
            "SELECT array_to_string(attacl, ',') FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
               WHERE c.relname = 't' AND attname = 'a'",
            "SELECT array_to_string(roles, ',') FROM pg_policies WHERE policyname = 'p'",
            "SELECT has_table_privilege('rn Ayşe', 's.t', 'DELETE'), has_table_privilege('rn_a', 's.t', 'SELECT')",
            "SET ROLE \"rn Ayşe\"",
            "CREATE TABLE s.later (id int)",
            "SELECT array_to_string(relacl, ',') FROM pg_class WHERE relname = 'later'",
            "DROP TABLE s.later",
            "RESET ROLE",
            "DROP OWNED BY \"rn Ayşe\"",
            "DROP SCHEMA s",
            "DROP ROLE rn_group, rn_a, \"rn Ayşe\"",
        ];
        alike(&ours, &theirs, &statements, Fault::words).await
    })
}

pub fn grants(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    block_on(async {
        let [ours, theirs] = both(fixtures, &onerow, "as_privileges").await?;
        let has = "SELECT has_table_privilege('rg_a', 't', 'SELECT'), has_table_privilege('rg_a', 't', 'INSERT, UPDATE'), \
                   has_any_column_privilege('rg_a', 't', 'SELECT'), has_column_privilege('rg_a', 't', 'a', 'SELECT'), \
                   has_column_privilege('rg_a', 't', 2::int2, 'SELECT'), has_table_privilege('rg_b', 't', 'SELECT')";
        let columns = "SELECT attname, array_to_string(attacl, ',') FROM pg_attribute a JOIN pg_class c \
                       ON c.oid = a.attrelid WHERE c.relname = 't' AND attnum > 0 ORDER BY attnum";
        let acl = "SELECT array_to_string(relacl, ',') FROM pg_class WHERE relname = 't'";
        let statements = [
            "CREATE ROLE rg_a",
            "CREATE ROLE rg_b",
            "CREATE ROLE \"rg İ\"",
            "CREATE TABLE t (a int, b text)",
            "CREATE VIEW v AS SELECT a FROM t",
            "CREATE SCHEMA s",
            has,
            "GRANT SELECT (a), INSERT (b) ON t TO rg_a",
            has,
            columns,
            "GRANT SELECT (nope) ON t TO rg_a",
            "GRANT DELETE (a) ON t TO rg_a",
            // Names for columns use none; a row uses all.
            "SET ROLE rg_a",
            "SELECT x FROM t AS q (x, y)",
            "SELECT x FROM t AS q (x)",
            "SELECT count(x) FROM t AS q (x, y) WHERE x = 1",
            "SELECT x, y FROM t AS q (x, y)",
            "SELECT count(t.*) FROM t",
            "SELECT count(DISTINCT t.*) FROM t",
            "SELECT count(q) FROM t AS q",
            "SELECT 1 FROM t GROUP BY a ORDER BY count(t.*)",
            "SELECT count(*) FROM t",
            "SELECT count(s.*) FROM (SELECT a FROM t) AS s",
            // A name in a schema that may not be looked in says nothing, whether there is such a relation or not.
            "SELECT 's.nope'::regclass",
            "SELECT to_regclass('s.nope')",
            "SELECT has_table_privilege('s.nope', 'SELECT')",
            "SELECT 'nope.t'::regclass",
            "SELECT to_regclass('nope.t') IS NULL",
            "SELECT 't'::regclass",
            "DROP POLICY IF EXISTS nope ON t",
            "DROP POLICY nope ON t",
            "RESET ROLE",
            "GRANT ALL (b) ON t TO \"rg İ\"",
            columns,
            "REVOKE SELECT ON t FROM rg_a",
            has,
            columns,
            "GRANT SELECT ON t TO rg_a WITH GRANT OPTION",
            "SELECT has_table_privilege('rg_a', 't', 'SELECT WITH GRANT OPTION')",
            "SET ROLE rg_a",
            "GRANT SELECT ON t TO rg_b",
            "GRANT SELECT, INSERT ON t TO rg_b",
            "GRANT INSERT ON t TO rg_b",
            "GRANT SELECT ON v TO rg_b",
            "GRANT USAGE ON SCHEMA s TO rg_b",
            "SELECT * FROM t",
            "RESET ROLE",
            acl,
            has,
            "REVOKE SELECT ON t FROM rg_a",
            "REVOKE GRANT OPTION FOR SELECT ON t FROM rg_a",
            "REVOKE GRANT OPTION FOR SELECT ON t FROM rg_a CASCADE",
            acl,
            "REVOKE SELECT ON t FROM rg_a CASCADE",
            acl,
            "GRANT SELECT ON t TO PUBLIC WITH GRANT OPTION",
            "GRANT USAGE, CREATE ON SCHEMA s TO rg_a",
            "SELECT has_schema_privilege('rg_a', 's', 'CREATE'), has_schema_privilege('rg_b', 's', 'USAGE'), \
               has_schema_privilege('rg_b', 'public', 'USAGE'), has_schema_privilege('rg_b', 'public', 'CREATE')",
            "SELECT has_schema_privilege('rg_b', 'nope', 'USAGE')",
            "SELECT has_table_privilege('rg_b', 'nope', 'SELECT')",
            "SELECT has_table_privilege('rg_b', 't', 'READING')",
            "SELECT has_table_privilege('rg_nope', 't', 'SELECT')",
            "SELECT has_table_privilege('rg_b', 1, 'SELECT') IS NULL",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO rg_a",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT INSERT ON TABLES TO rg_b",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA nope GRANT INSERT ON TABLES TO rg_b",
            "ALTER DEFAULT PRIVILEGES GRANT USAGE ON TABLES TO rg_b",
            "CREATE TABLE s.d (n int)",
            "SELECT array_to_string(relacl, ',') FROM pg_class WHERE relname = 'd'",
            "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM rg_a",
            "CREATE TABLE s.e (n int)",
            "SELECT array_to_string(relacl, ',') FROM pg_class WHERE relname = 'e'",
            "SET ROLE rg_a",
            "CREATE TABLE s.own (n int)",
            "SELECT tableowner FROM pg_tables WHERE tablename = 'own'",
            "INSERT INTO s.own VALUES (1)",
            "GRANT SELECT ON s.own TO rg_b",
            "CREATE VIEW s.seen AS SELECT * FROM s.own",
            "GRANT SELECT ON s.seen TO rg_b",
            "REVOKE ALL ON s.own FROM rg_a",
            "SELECT * FROM s.own",
            "GRANT SELECT ON s.own TO rg_a",
            "SELECT * FROM s.own",
            "RESET ROLE",
            "GRANT USAGE ON SCHEMA s TO rg_b",
            "SET ROLE rg_b",
            "SELECT * FROM s.seen",
            "DROP VIEW s.seen",
            "RESET ROLE",
            // The view reads with its owner's rights.
            "REVOKE SELECT ON s.own FROM rg_a",
            "SET ROLE rg_b",
            "SELECT * FROM s.seen",
            "SELECT * FROM s.own",
            "RESET ROLE",
            "DROP ROLE rg_b",
        ];
        let checked = alike(&ours, &theirs, &statements, |fault| fault.state.clone()).await;
        // Roles are of all databases of a server.
        rows(&theirs, "DROP OWNED BY rg_a, rg_b, \"rg İ\" CASCADE; DROP ROLE rg_a, rg_b, \"rg İ\"")
            .await
            .map_err(|fault| fault.to_string())?;
        checked
    })
}

/// A statement as a role, with what it needs.
struct Case {
    needs: &'static [&'static str],
    statement: &'static str,
}

const fn case(needs: &'static [&'static str], statement: &'static str) -> Case {
    Case { needs, statement }
}

const U: &str = "USAGE ON SCHEMA m";
const C: &str = "CREATE ON SCHEMA m";
const T: &str = "SELECT ON m.t";
const F: &str = "EXECUTE ON FUNCTION initcap(text)";
const L: &str = "EXECUTE ON FUNCTION length(text)";

const CASES: &[Case] = &[
    case(&[U, T], "SELECT id, a FROM m.t ORDER BY id"),
    case(&[U, "SELECT (id, a) ON m.t"], "SELECT id, a FROM m.t ORDER BY id"),
    case(&[U, "SELECT (id) ON m.t", "SELECT (a) ON m.t"], "SELECT a FROM m.t ORDER BY id"),
    case(&[U, "SELECT (id) ON m.t", "SELECT (\"Ü b\") ON m.t"], "SELECT id FROM m.t WHERE \"Ü b\" IS NOT NULL"),
    case(&[U, "SELECT (a) ON m.t", "SELECT (id) ON m.t"], "SELECT max(a) FROM m.t GROUP BY id ORDER BY 1"),
    case(&[U, "SELECT (id) ON m.t"], "SELECT count(*) FROM m.t"),
    case(&[U, "SELECT (id) ON m.t"], "SELECT 1 FROM m.t LIMIT 1"),
    case(&[U, "SELECT (id) ON m.t", "SELECT (a) ON m.t"], "SELECT DISTINCT ON (id) a FROM m.t ORDER BY id"),
    case(&[U, T], "VALUES (1, (SELECT max(a) FROM m.t))"),
    case(&[U, T, "SELECT ON m.u"], "SELECT t.a, u.n FROM m.t JOIN m.u USING (id) ORDER BY 1"),
    case(&[U, T, "SELECT (id) ON m.u"], "SELECT a FROM m.t WHERE id IN (SELECT id FROM m.u) ORDER BY 1"),
    case(
        &[U, T, "SELECT (id) ON m.u"],
        "SELECT a FROM m.t WHERE EXISTS (SELECT 1 FROM m.u WHERE u.id = t.id) ORDER BY 1",
    ),
    case(&[U, T, "SELECT ON m.u"], "SELECT a, (SELECT max(n) FROM m.u WHERE u.id = t.id) FROM m.t ORDER BY 1"),
    case(&[U, T, "SELECT ON m.u"], "WITH w AS (SELECT id FROM m.u) SELECT a FROM m.t, w WHERE w.id = t.id ORDER BY 1"),
    case(&[U, T, "SELECT ON m.u"], "SELECT id FROM m.t UNION ALL SELECT id FROM m.u ORDER BY 1"),
    case(&[U, T, "SELECT ON m.u"], "SELECT id FROM m.t EXCEPT SELECT n FROM m.u ORDER BY 1"),
    case(&[U, T], "TABLE m.t ORDER BY id"),
    case(&[U, T], "SELECT x.id FROM (SELECT id, row_number() OVER (ORDER BY a) AS r FROM m.t) x ORDER BY r"),
    case(&[U, "SELECT ON m.v"], "SELECT * FROM m.v ORDER BY 1"),
    case(&[U, "SELECT (id) ON m.v"], "SELECT id FROM m.v ORDER BY 1"),
    case(&[U, "SELECT ON m.i", T], "SELECT * FROM m.i ORDER BY 1"),
    case(&[U, T], "EXPLAIN SELECT * FROM m.t"),
    case(&[U, T], "EXPLAIN ANALYZE SELECT * FROM m.t"),
    case(&[U, "INSERT ON m.u"], "EXPLAIN INSERT INTO m.u VALUES (1, 2)"),
    case(&[U, T], "COPY (SELECT id FROM m.t) TO STDOUT"),
    case(&[U, T], "COPY m.t TO STDOUT"),
    case(&[U, "SELECT (id) ON m.t"], "COPY m.t (id) TO STDOUT"),
    case(&[U, "INSERT ON m.u"], "COPY m.u FROM STDIN"),
    case(&[U, "INSERT (n) ON m.u"], "COPY m.u (n) FROM STDIN"),
    case(&[U, T], "BEGIN; DECLARE c CURSOR FOR SELECT id FROM m.t ORDER BY 1; FETCH ALL FROM c; COMMIT"),
    case(&[U, T], "PREPARE q AS SELECT id FROM m.t ORDER BY 1; EXECUTE q; DEALLOCATE q"),
    case(&[U, "INSERT ON m.u"], "INSERT INTO m.u VALUES (5, 2)"),
    case(&[U, "INSERT (id) ON m.u"], "INSERT INTO m.u (id) VALUES (7)"),
    case(&[U, "INSERT (id) ON m.u", "INSERT (n) ON m.u"], "INSERT INTO m.u (n, id) VALUES (7, 8)"),
    case(&[U, "INSERT ON m.u", T], "INSERT INTO m.u SELECT id, 3 FROM m.t"),
    case(&[U, "UPDATE ON m.u", "SELECT ON m.u"], "UPDATE m.u SET n = n + 1 WHERE id = 1"),
    case(&[U, "UPDATE (n) ON m.u"], "UPDATE m.u SET n = 5"),
    case(&[U, "UPDATE (n) ON m.u", "SELECT (id) ON m.u"], "UPDATE m.u SET n = 6 WHERE id = 1"),
    case(&[U, "UPDATE (n) ON m.u", T], "UPDATE m.u SET n = (SELECT max(id) FROM m.t)"),
    case(&[U, "DELETE ON m.u", "SELECT (id) ON m.u"], "DELETE FROM m.u WHERE id = 99"),
    case(&[U, "DELETE ON m.u"], "DELETE FROM m.u"),
    case(&[U, "DELETE ON m.u", "SELECT (id) ON m.u", T], "DELETE FROM m.u WHERE id > (SELECT min(id) FROM m.t)"),
    case(&[U, "TRUNCATE ON m.u"], "TRUNCATE m.u"),
    case(&[U, C], "CREATE TABLE m.mine (id int)"),
    case(&[U, C, T], "CREATE TABLE m.mine AS SELECT id FROM m.t"),
    case(&[U, C], "CREATE VIEW m.mine AS SELECT id FROM m.t"),
    case(&[U, C, T], "CREATE VIEW m.mine AS SELECT id FROM m.t; SELECT * FROM m.mine ORDER BY 1"),
    // Functions that are everyone's no more.
    case(&[U, T, F], "SELECT initcap(a) FROM m.t ORDER BY id"),
    case(&[U, "SELECT ON m.v", F], "SELECT id FROM m.v WHERE initcap(a) = 'X' ORDER BY id"),
    case(&[U, T, F], "WITH w AS (SELECT initcap(a) AS b FROM m.t) SELECT b FROM w ORDER BY 1"),
    case(&[U, T, F], "EXPLAIN SELECT initcap(a) FROM m.t"),
    case(&[U, T, F], "COPY (SELECT initcap(a) FROM m.t) TO STDOUT"),
    case(&[U, T, F], "BEGIN; DECLARE c CURSOR FOR SELECT initcap(a) FROM m.t ORDER BY 1; FETCH ALL FROM c; COMMIT"),
    case(&[U, T, F], "PREPARE q AS SELECT initcap(a) FROM m.t ORDER BY 1; EXECUTE q; DEALLOCATE q"),
    case(&[U, "INSERT ON m.u", L], "INSERT INTO m.u VALUES (length('five5'), 2)"),
    case(&[U, "UPDATE (n) ON m.u", "SELECT (n) ON m.u", L], "UPDATE m.u SET n = length(n::text)"),
    case(&[U, "DELETE ON m.u", "SELECT (id) ON m.u", L], "DELETE FROM m.u WHERE length(id::text) = 99"),
    case(&[U, C, T, F], "CREATE TABLE m.mine AS SELECT initcap(a) AS b FROM m.t"),
    case(&[], "CREATE TABLE public.mine (id int)"),
    case(&[], "CREATE SCHEMA mine"),
    case(&[], "SELECT 1"),
    case(&[], "SELECT count(*) > 0 FROM pg_class"),
    case(&[], "SELECT count(*) FROM pg_authid"),
    case(&[], "SELECT count(*) FROM pg_shadow"),
    case(&[], "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'm' ORDER BY 1, 2"),
    case(&[U, "SELECT (a) ON m.t"], "SELECT column_name FROM information_schema.columns WHERE table_schema = 'm'"),
    case(&[U, "INSERT ON m.u"], "SELECT table_name FROM information_schema.tables WHERE table_schema = 'm'"),
    case(&[U], "SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'm'"),
    case(
        &[U, "SELECT ON m.v"],
        "SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = 'm'",
    ),
];

/// What came of a statement: its rows, or that it went well where the rows are each server's own.
async fn outcome(client: &Client, statement: &str, allowed: bool) -> Result<Rows, Fault> {
    // A COPY FROM that is refused confuses the driver, but for the simple protocol.
    if statement.starts_with("COPY") && (allowed || statement.ends_with("STDOUT")) {
        return match statement.ends_with("STDOUT") {
            true => {
                let parts: Vec<Bytes> = client.copy_out(statement).await?.try_collect().await?;
                let text: Vec<u8> = parts.concat();
                let mut lines: Vec<_> = String::from_utf8_lossy(&text).lines().map(str::to_string).collect();
                lines.sort();
                Ok(lines.into_iter().map(|line| vec![Some(line)]).collect())
            }
            false => {
                let mut sink = Box::pin(client.copy_in(statement).await?);
                let line: &[u8] = if statement.contains('(') { b"3\n" } else { b"3\t4\n" };
                sink.send(Bytes::from(line)).await?;
                sink.as_mut().finish().await?;
                Ok(vec![])
            }
        };
    }
    let found = rows(client, statement).await;
    if found.is_err() && statement.starts_with("BEGIN") {
        rows(client, "ROLLBACK").await?;
    }
    if found.is_err() && statement.starts_with("PREPARE") {
        rows(client, "DEALLOCATE ALL").await?;
    }
    if statement.starts_with("EXPLAIN") { found.map(|_| vec![]) } else { found }
}

pub fn statements(fixtures: &Fixtures) -> Outcome {
    all_cases(fixtures, "as_matrix", "rm_r", "SELECT 1")
}

/// The same where policies say which rows are seen and written.
pub fn under_policies(fixtures: &Fixtures) -> Outcome {
    let policies = "ALTER TABLE m.t ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON m.t USING (id <> 2);
        ALTER TABLE m.u ENABLE ROW LEVEL SECURITY;
        CREATE POLICY seen ON m.u FOR SELECT USING (n IS NOT NULL OR id > 4);
        CREATE POLICY made ON m.u FOR INSERT WITH CHECK (id < 6);
        CREATE POLICY changed ON m.u FOR UPDATE USING (id = 2) WITH CHECK (n < 21 OR n IS NULL);
        CREATE POLICY gone ON m.u FOR DELETE USING (n = 20 OR n IS NULL)";
    all_cases(fixtures, "as_matrix_policies", "rmp_r", policies)
}

fn all_cases(fixtures: &Fixtures, database: &str, role: &str, more: &str) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    let with_policies = more.contains("POLICY");
    block_on(async {
        let [ours, theirs] = both(fixtures, &onerow, database).await?;
        let made = "CREATE SCHEMA m;
            CREATE TABLE m.t (id int PRIMARY KEY, a text, \"Ü b\" text); CREATE TABLE m.u (id int, n int);
            INSERT INTO m.t VALUES (1, 'x', NULL), (2, NULL, ''), (3, '张''伟', ' ');
            CREATE VIEW m.v AS SELECT id, a FROM m.t;
            CREATE VIEW m.i WITH (security_invoker = true) AS SELECT id, a FROM m.t;
            REVOKE EXECUTE ON FUNCTION initcap(text), length(text) FROM PUBLIC";
        let both = [&ours, &theirs];
        let mut differing = vec![];
        for client in both {
            let made = format!("CREATE ROLE {role}; {made}; {more}");
            rows(client, &made).await.map_err(|fault| fault.to_string())?;
        }
        let mut tried = 0;
        for Case { needs, statement } in CASES {
            // Refused where there are policies, which confuses the driver.
            if with_policies && statement.starts_with("COPY") && statement.ends_with("STDIN") {
                continue;
            }
            for missing in (0..=needs.len()).rev() {
                let mut said = vec![];
                for client in both {
                    let mut granted = format!(
                        "REVOKE ALL ON SCHEMA m FROM {role}; REVOKE ALL ON ALL TABLES IN SCHEMA m FROM {role}; \
                         REVOKE ALL ON FUNCTION initcap(text), length(text) FROM {role}; \
                         TRUNCATE m.u; INSERT INTO m.u VALUES (1, 10), (2, NULL), (2, 20); "
                    );
                    for (at, need) in needs.iter().enumerate() {
                        if at != missing {
                            granted.push_str(&format!("GRANT {need} TO {role}; "));
                        }
                    }
                    granted.push_str(&format!("SET ROLE {role}"));
                    rows(client, &granted).await.map_err(|fault| format!("{granted}: {fault}"))?;
                    let found = outcome(client, statement, missing == needs.len()).await.map_err(|fault| fault.words());
                    // The one database has another name there.
                    let found =
                        found.map_err(|words| words.replace(&format!("database {database}"), "database onerow"));
                    rows(client, "RESET ROLE").await.map_err(|fault| fault.to_string())?;
                    let after = rows(client, "SELECT * FROM m.u ORDER BY id, n").await;
                    for kind in ["VIEW", "TABLE"] {
                        // Of the two kinds that it may be of, one is refused.
                        let _ = rows(client, &format!("DROP {kind} IF EXISTS m.mine")).await;
                    }
                    said.push(format!("{found:?}, then {:?}", after.map_err(|fault| fault.words())));
                }
                tried += 1;
                if let [here, there] = said.as_slice()
                    && here != there
                {
                    let without = needs.get(missing).map_or("nothing", |need| *need);
                    differing.push(format!(
                        "{statement}\n    without {without}\n    here:       {here}\n    PostgreSQL: {there}"
                    ));
                }
            }
        }
        rows(&theirs, &format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.map_err(|fault| fault.to_string())?;
        all_well(&differing, tried)
    })
}

/// What no privilege gives, but ownership.
pub fn owners(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    block_on(async {
        let [ours, theirs] = both(fixtures, &onerow, "as_owners").await?;
        rows(&theirs, "CREATE FOREIGN DATA WRAPPER sqlite").await.map_err(|fault| fault.to_string())?;
        let database = project.path().join("t.db");
        rusqlite::Connection::open(&database)?.execute_batch("CREATE TABLE t (id INTEGER)")?;
        let server = format!("CREATE SERVER s FOREIGN DATA WRAPPER sqlite OPTIONS (database '{}')", database.display());
        let statements = [
            "CREATE ROLE ro_r",
            "CREATE ROLE ro_other",
            server.as_str(),
            "CREATE USER MAPPING FOR PUBLIC SERVER s",
            "CREATE SCHEMA o",
            "CREATE TABLE o.t (id int)",
            "CREATE VIEW o.v AS SELECT * FROM o.t",
            "GRANT USAGE, CREATE ON SCHEMA o TO ro_r",
            "GRANT ALL ON o.t, o.v TO ro_r",
            "SET ROLE ro_r",
            "DROP TABLE o.t",
            "DROP VIEW o.v",
            "DROP TABLE IF EXISTS o.nope",
            "DROP SCHEMA o",
            "DROP SCHEMA nope",
            "CREATE OR REPLACE VIEW o.v AS SELECT 2 AS id",
            "COMMENT ON TABLE o.t IS 'x'",
            "COMMENT ON COLUMN o.t.id IS 'x'",
            "COMMENT ON VIEW o.v IS 'x'",
            "COMMENT ON SCHEMA o IS 'x'",
            "COMMENT ON SERVER s IS 'x'",
            "CREATE SERVER s2 FOREIGN DATA WRAPPER sqlite OPTIONS (database 'x')",
            "ALTER SERVER s OPTIONS (SET database 'x')",
            "DROP SERVER s",
            "DROP SERVER nope",
            "CREATE FOREIGN TABLE o.f (id int) SERVER s",
            "IMPORT FOREIGN SCHEMA main FROM SERVER s INTO o",
            "GRANT SELECT ON o.t TO ro_other",
            "GRANT USAGE ON SCHEMA o TO ro_other",
            "GRANT USAGE ON FOREIGN SERVER s TO ro_other",
            "GRANT SELECT ON ALL TABLES IN SCHEMA o TO ro_other",
            "REVOKE ALL ON o.t FROM ro_r",
            "ALTER TABLE o.t ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE o.t NO FORCE ROW LEVEL SECURITY",
            "CREATE POLICY p ON o.t USING (true)",
            "ALTER POLICY p ON o.t USING (true)",
            "CREATE ROLE ro_new",
            "ALTER ROLE ro_other LOGIN",
            "DROP ROLE ro_other",
            "GRANT ro_other TO ro_r",
            "ALTER DEFAULT PRIVILEGES FOR ROLE ro_other GRANT SELECT ON TABLES TO ro_r",
            // What it makes is its own.
            "CREATE TABLE o.own (id int)",
            "COMMENT ON TABLE o.own IS 'mine'",
            "CREATE VIEW o.of AS SELECT * FROM o.own",
            "CREATE OR REPLACE VIEW o.of AS SELECT id, 1 AS n FROM o.own",
            "GRANT SELECT ON o.own TO ro_other",
            "ALTER TABLE o.own ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY p ON o.own USING (id > 1)",
            "INSERT INTO o.own VALUES (1), (2)",
            "SELECT id FROM o.own ORDER BY id",
            "ALTER TABLE o.own FORCE ROW LEVEL SECURITY",
            "SELECT id FROM o.own ORDER BY id",
            "SELECT id FROM o.of ORDER BY id",
            "INSERT INTO o.own VALUES (1)",
            "DROP POLICY p ON o.own",
            "SELECT id FROM o.own ORDER BY id",
            "ALTER TABLE o.own DISABLE ROW LEVEL SECURITY",
            "DROP VIEW o.of",
            "DROP TABLE o.own",
            "RESET ROLE",
            "SELECT count(*) FROM o.t",
            "SET ROLE ro_other",
            "DROP OWNED BY ro_r",
            "REASSIGN OWNED BY ro_r TO ro_other",
            "RESET ROLE",
            "GRANT ro_r TO ro_other",
            "SET ROLE ro_other",
            "SELECT count(*) FROM o.t",
            "CREATE TABLE o.by_member (id int)",
            "SELECT tableowner FROM pg_tables WHERE tablename = 'by_member'",
            "RESET ROLE",
            "DROP OWNED BY ro_nope",
            "REASSIGN OWNED BY ro_other TO ro_nope",
            "REASSIGN OWNED BY ro_other TO ro_r",
            "SELECT tableowner FROM pg_tables WHERE tablename = 'by_member'",
            "DROP OWNED BY ro_r",
            "SELECT count(*) FROM pg_tables WHERE tablename = 'by_member'",
            "SELECT array_to_string(relacl, ',') FROM pg_class WHERE relname = 't'",
            "DROP ROLE ro_r",
            "CREATE ROLE ro_r",
        ];
        let checked = alike(&ours, &theirs, &statements, Fault::words).await;
        rows(&theirs, "DROP OWNED BY ro_r, ro_other CASCADE; DROP ROLE ro_r, ro_other")
            .await
            .map_err(|fault| fault.to_string())?;
        checked
    })
}
