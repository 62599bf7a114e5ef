//! Row level security, masks and barriers: the same as PostgreSQL where it has them.

use futures::TryStreamExt;
use tokio_postgres::Client;

use super::super::support::onerow::connect;
use super::super::support::wire::{Fault, alike, rows, value};
use super::super::support::{Fixtures, Onerow, Outcome, Project, block_on};
use super::login::{OWNER, as_role, served};

/// The two servers with the same tables: ours and PostgreSQL.
async fn both(fixtures: &Fixtures, onerow: &Onerow, database: &str) -> Result<[Client; 2], String> {
    let postgres = fixtures.postgres();
    postgres.sql(&format!("CREATE DATABASE {database}"));
    let ours = connect(&as_role(onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
    Ok([ours, postgres.client(database).await])
}

/// Runs statements one by one; each must give this value, or this SQLSTATE.
async fn expect(client: &Client, statements: &[(&str, &str)]) -> Outcome {
    for (statement, expected) in statements {
        let said = value(client, statement).await.unwrap_or_else(|fault| fault.state);
        same!(said, *expected, "{statement}");
    }
    Ok(())
}

async fn run(client: &Client, statements: &str) -> Outcome {
    rows(client, statements).await.map_err(|fault| format!("{statements}: {fault}"))?;
    Ok(())
}

/// The names of this test's roles must not be those of another at the one PostgreSQL.
const MADE: &[&str] = &[
    "CREATE ROLE rls_ann",
    "CREATE ROLE rls_bob",
    "CREATE ROLE \"rls_Çağrı\" IN ROLE rls_ann",
    "CREATE ROLE rls_free BYPASSRLS",
    "CREATE TABLE t (id int PRIMARY KEY, owner text, secret text)",
    "INSERT INTO t VALUES (1, 'rls_ann', '7'), (2, 'rls_bob', '8'), (3, 'rls_ann', NULL), (4, 'rls_Çağrı', '客'), \
       (5, NULL, 'not a number'), (6, 'rls_bob', '')",
    "CREATE TABLE u (k int, owner text)",
    "INSERT INTO u VALUES (1, 'rls_ann'), (5, 'rls_ann'), (NULL, 'rls_bob')",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON t, u TO rls_ann, rls_bob, rls_free",
];

/// What is asked of `t` in each state of its policies.
const ASKED: &[&str] = &[
    "SELECT id, owner, secret FROM t ORDER BY id",
    "SELECT count(*), min(id), max(id) FROM t",
    "SELECT count(*) FROM t WHERE id IS NOT NULL",
    "SELECT owner, count(*) FROM t GROUP BY owner ORDER BY owner",
    "SELECT id FROM t WHERE owner = 'rls_bob' ORDER BY id",
    "SELECT id FROM t WHERE id IN (1, 2, 5) ORDER BY id",
    "SELECT id FROM t ORDER BY id DESC LIMIT 1",
    "SELECT t.id, u.k FROM t JOIN u ON u.k = t.id ORDER BY 1",
    "SELECT u.k, t.id FROM u LEFT JOIN t ON t.id = u.k ORDER BY 1",
    "SELECT k FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.id = u.k) ORDER BY 1",
    "SELECT k FROM u WHERE k NOT IN (SELECT id FROM t) ORDER BY 1",
    "SELECT (SELECT max(id) FROM t)",
    "WITH w AS (SELECT id FROM t) SELECT count(*) FROM w",
    "SELECT id FROM t UNION SELECT k FROM u WHERE k IS NOT NULL ORDER BY 1",
    "SELECT x.id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM t) x WHERE n = 1",
    "SELECT id FROM v ORDER BY id",
    "SELECT id FROM vi ORDER BY id",
    "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 't'",
    "SELECT policyname, permissive, cmd, array_to_string(roles, ',') FROM pg_policies WHERE tablename = 't' ORDER BY 1",
    "SELECT polname, polcmd, polpermissive FROM pg_policy ORDER BY 1",
    // How psql's \\d and \\dp name the roles.
    "SELECT pol.polname, CASE WHEN pol.polroles = '{0}' THEN NULL ELSE pg_catalog.array_to_string(array(select rolname \
     from pg_catalog.pg_roles where oid = any (pol.polroles) order by 1),',') END FROM pg_catalog.pg_policy pol \
     WHERE pol.polrelid = 't'::regclass ORDER BY 1",
    "SELECT pg_catalog.array_to_string(ARRAY(SELECT polname || CASE WHEN NOT polpermissive THEN E' (RESTRICTIVE)' ELSE '' \
     END || CASE WHEN polcmd != '*' THEN E' (' || polcmd::pg_catalog.text || E'):' ELSE E':' END || CASE WHEN polroles \
     <> '{0}' THEN E'\\n  to: ' || pg_catalog.array_to_string(ARRAY(SELECT rolname FROM pg_catalog.pg_roles WHERE oid = \
     ANY (pol.polroles) ORDER BY 1), E', ') ELSE E'' END FROM pg_catalog.pg_policy pol WHERE polrelid = c.oid ORDER BY \
     polname), E'\\n') AS \"Policies\" FROM pg_catalog.pg_class c WHERE c.relname = 't'",
];

pub fn reading(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    block_on(async {
        let [ours, theirs] = both(fixtures, &onerow, "as_policies").await?;
        let mut statements: Vec<String> = MADE.iter().map(ToString::to_string).collect();
        statements.extend(
            [
                "CREATE VIEW v AS SELECT id FROM t",
                "CREATE VIEW vi WITH (security_invoker = true) AS SELECT id FROM t",
                "GRANT SELECT ON v, vi TO rls_ann, rls_bob, rls_free, \"rls_Çağrı\"",
                "ALTER TABLE nope ENABLE ROW LEVEL SECURITY",
                "ALTER TABLE IF EXISTS nope ENABLE ROW LEVEL SECURITY",
                "CREATE POLICY p ON nope",
                "CREATE POLICY p ON t TO nope",
                "CREATE POLICY p ON t USING (id)",
                "CREATE POLICY p ON t USING (nope > 1)",
                "CREATE POLICY p ON t USING (count(*) > 1)",
                "CREATE POLICY p ON t FOR INSERT USING (true)",
                "CREATE POLICY p ON t FOR SELECT USING (true) WITH CHECK (true)",
                "ALTER POLICY p ON t USING (true)",
                "DROP POLICY p ON t",
                "DROP POLICY IF EXISTS p ON t",
            ]
            .map(str::to_string),
        );
        // Each change of the policies, and then what everybody sees.
        for change in [
            "SELECT 1",
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON t USING (owner = current_user)",
            "CREATE POLICY own ON t",
            "CREATE POLICY anns ON t FOR SELECT TO rls_ann USING (id < 5 -- some\n)",
            "CREATE POLICY few ON t AS RESTRICTIVE FOR SELECT USING (id <> 3)",
            "CREATE POLICY listed ON t FOR SELECT TO rls_bob USING (EXISTS (SELECT 1 FROM u WHERE u.k = t.id))",
            "ALTER POLICY few ON t RENAME TO fewer",
            "ALTER POLICY few ON t USING (true)",
            "ALTER POLICY fewer ON t TO rls_bob, PUBLIC USING (t.id <> 1)",
            "ALTER TABLE u ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY u_own ON u USING (owner = current_user OR k = 5)",
            "DROP POLICY own ON t",
            "ALTER TABLE t DISABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        ] {
            statements.push(change.to_string());
            for role in ["rls_ann", "rls_bob", "\"rls_Çağrı\"", "rls_free"] {
                statements.push(format!("SET ROLE {role}"));
                statements.extend(ASKED.iter().map(ToString::to_string));
            }
            statements.push("RESET ROLE".to_string());
            statements.push(ASKED[0].to_string());
        }
        statements.extend(
            [
                // Whoever turns it off is told, and not shown fewer rows.
                "SET ROLE rls_bob",
                "SET row_security = off",
                "SELECT id FROM t",
                "SELECT id FROM v ORDER BY id",
                "SELECT id FROM vi",
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM t)",
                "UPDATE t SET secret = 'x'",
                "DELETE FROM t WHERE id = 1",
                "RESET row_security",
                "SELECT id FROM t ORDER BY id",
                "CREATE POLICY mine ON t USING (true)",
                "ALTER TABLE t DISABLE ROW LEVEL SECURITY",
                "DROP POLICY listed ON t",
                "RESET ROLE",
                // Policies that ask one another.
                "CREATE POLICY circle ON u FOR SELECT USING (EXISTS (SELECT 1 FROM t WHERE t.id = k))",
                "SET ROLE rls_bob",
                "SELECT id FROM t",
                "SELECT k FROM u",
                "RESET ROLE",
                "DROP POLICY circle ON u",
                "CREATE POLICY itself ON t FOR SELECT USING (id = (SELECT max(id) FROM t))",
                "SET ROLE rls_bob",
                "SELECT id FROM t",
                "RESET ROLE",
                "DROP POLICY itself ON t",
                "DROP OWNED BY rls_bob",
                "SELECT policyname FROM pg_policies WHERE tablename = 't' ORDER BY 1",
                "DROP ROLE rls_bob",
                "DROP VIEW v, vi",
                "DROP TABLE t, u",
                "SELECT count(*) FROM pg_policies",
                "DROP ROLE rls_ann, \"rls_Çağrı\", rls_free",
            ]
            .map(str::to_string),
        );
        alike(&ours, &theirs, &statements, Fault::words).await
    })
}

pub fn writing(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    block_on(async {
        let [ours, theirs] = both(fixtures, &onerow, "as_policies_written").await?;
        let rename = |text: &str| text.replace("rls_", "rlw_");
        let all = "SELECT id, owner, secret FROM t ORDER BY id";
        let mut statements: Vec<String> = MADE.iter().map(|text| rename(text)).collect();
        let policies = [
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY seen ON t FOR SELECT USING (owner IS NOT NULL AND id < 100)",
            "CREATE POLICY own ON t FOR UPDATE USING (owner = current_user) WITH CHECK (id < 50)",
            "CREATE POLICY made ON t FOR INSERT WITH CHECK (owner = current_user)",
            "CREATE POLICY gone ON t FOR DELETE USING (owner = current_user OR owner IS NULL)",
            "CREATE POLICY never ON t AS RESTRICTIVE FOR INSERT WITH CHECK (id <> 13)",
        ];
        statements.extend(policies.iter().map(ToString::to_string));
        statements.push("SET ROLE rls_ann".to_string());
        for change in [
            "INSERT INTO t VALUES (10, 'rls_ann', 'x')",
            "INSERT INTO t VALUES (11, 'rls_bob', 'x')",
            "INSERT INTO t VALUES (12, NULL, 'x')",
            "INSERT INTO t VALUES (13, 'rls_ann', 'x')",
            "INSERT INTO t VALUES (14, 'rls_ann', 'x'), (15, 'rls_bob', 'x')",
            "INSERT INTO t SELECT id + 20, owner, secret FROM t WHERE owner = 'rls_ann'",
            "INSERT INTO t (id, owner) VALUES (1, 'rls_ann')",
            "INSERT INTO t (id, owner) VALUES (2, 'rls_ann')",
            "UPDATE t SET secret = 'new'",
            "UPDATE t SET secret = 'other' WHERE owner = 'rls_bob'",
            "UPDATE t SET secret = secret || '!' WHERE id < 4",
            "UPDATE t SET id = 60 WHERE id = 1",
            "UPDATE t SET owner = NULL WHERE id = 1",
            "UPDATE t SET id = id + 100 WHERE id = 1",
            "UPDATE t AS x SET secret = 'aliased' WHERE x.id = 3",
            // What fails on a row that is hidden is not evaluated on it.
            "UPDATE t SET secret = 'divided' WHERE 1 / (id - 2) <> 7 AND owner = 'rls_ann'",
            "UPDATE t SET secret = (1 / (id - 5))::text",
            "UPDATE t SET id = 2 WHERE id = 3",
            "DELETE FROM t WHERE id = 2",
            "DELETE FROM t WHERE 1 / (id - 2) > 5 AND id = 10",
            "DELETE FROM t WHERE id = 3",
            "DELETE FROM t WHERE secret = 'nobody'",
            "COPY t FROM STDIN",
            "UPDATE t SET owner = NULL",
            "DELETE FROM t",
        ] {
            statements.push(change.to_string());
            statements.extend([
                all.to_string(),
                "RESET ROLE".to_string(),
                all.to_string(),
                "SET ROLE rls_ann".to_string(),
            ]);
        }
        statements.extend(
            [
                "INSERT INTO u VALUES (9, 'rls_ann')",
                "RESET ROLE",
                "DROP TABLE t, u",
                "DROP ROLE rls_ann, rls_bob, \"rls_Çağrı\", rls_free",
            ]
            .map(str::to_string),
        );
        let statements: Vec<String> = statements.iter().map(|text| rename(text)).collect();
        alike(&ours, &theirs, &statements, Fault::words).await
    })
}

/// What is asked of rows of which `id` 3 and the text that is no number are hidden: each of these fails on a hidden row.
const TOLD: &[&str] = &[
    "SELECT id FROM r WHERE 1 / (id - 3) > -9 ORDER BY id",
    "SELECT id FROM r WHERE secret::int > 0 ORDER BY id",
    "SELECT id FROM r WHERE id > 0 AND secret::int > 0 ORDER BY id",
    "SELECT id FROM r WHERE id = 3 OR 1 / (id - 3) > -9 ORDER BY id",
    "SELECT id FROM r ORDER BY 1 / (id - 3), id LIMIT 2",
    "SELECT max(secret::int) FROM r",
    "SELECT secret::int AS n, count(*) FROM r GROUP BY 1 HAVING count(*) > 0 ORDER BY 1",
    "SELECT r.id FROM r JOIN w ON 1 / (r.id - 3) = 1 AND w.k = r.id ORDER BY 1",
    "SELECT w.k FROM w JOIN r ON r.secret::int = w.k ORDER BY 1",
    "SELECT w.k FROM w WHERE EXISTS (SELECT 1 FROM r WHERE r.secret::int = w.k) ORDER BY 1",
    "SELECT w.k FROM w WHERE k IN (SELECT secret::int FROM r) ORDER BY 1",
    "SELECT x.n FROM (SELECT secret::int AS n, id FROM r) x WHERE x.n > 0 AND x.id < 9 ORDER BY 1",
    "SELECT id FROM (SELECT * FROM r UNION ALL SELECT * FROM r) x WHERE secret::int > 0 ORDER BY id",
    "SELECT DISTINCT secret::int FROM r ORDER BY 1",
    "SELECT id FROM r WHERE CASE WHEN id = 3 THEN 1 / (id - 3) > 0 ELSE true END ORDER BY id",
    "SELECT count(*) FROM r WHERE substring(secret, 1, 1)::int > 0",
];

pub fn barriers(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    block_on(async {
        let [ours, theirs] = both(fixtures, &onerow, "as_barriers").await?;
        let mut statements: Vec<String> = [
            "CREATE ROLE rlb_ann",
            "CREATE TABLE t (id int PRIMARY KEY, owner text, secret text)",
            "INSERT INTO t VALUES (1, 'a', '7'), (2, 'a', '8'), (3, 'b', 'secret!'), (4, 'a', NULL), (5, 'b', 'x')",
            "CREATE TABLE w (k int)",
            "INSERT INTO w VALUES (1), (4), (7), (NULL)",
            "CREATE VIEW r WITH (security_barrier) AS SELECT id, secret FROM t WHERE owner = 'a'",
            "CREATE VIEW o WITH (security_barrier = false) AS SELECT id FROM t",
            "CREATE VIEW e WITH (security_barrier = perhaps) AS SELECT id FROM t",
            "SELECT relname, array_to_string(reloptions, ',') FROM pg_class WHERE relname = 'r'",
            "GRANT SELECT ON r, w TO rlb_ann",
            "SET ROLE rlb_ann",
        ]
        .map(str::to_string)
        .to_vec();
        // Three times: the third comes of a plan that is kept.
        for _ in 0..3 {
            statements.extend(TOLD.iter().map(ToString::to_string));
        }
        statements.extend(
            [
                "RESET ROLE",
                "DROP VIEW r",
                "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
                "CREATE POLICY few ON t USING (owner = 'a')",
                "GRANT SELECT ON t TO rlb_ann",
                "SET ROLE rlb_ann",
            ]
            .map(str::to_string),
        );
        statements.extend(TOLD.iter().map(|told| {
            let told = told.replace("FROM r", "FROM t").replace("JOIN r ", "JOIN t r ");
            told.replace("FROM t JOIN w", "FROM t r JOIN w").replace("FROM t WHERE r.", "FROM t r WHERE r.")
        }));
        statements.extend(["RESET ROLE", "DROP VIEW o", "DROP TABLE t, w", "DROP ROLE rlb_ann"].map(str::to_string));
        alike(&ours, &theirs, &statements, Fault::words).await
    })
}

pub fn foreign(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let path = project.path().join("crm.db");
    rusqlite::Connection::open(&path)?.execute_batch(
        "CREATE TABLE account (id INTEGER PRIMARY KEY, region TEXT, email TEXT);
         INSERT INTO account VALUES (1, 'eu', 'ş@x'), (2, 'us', 'b@x'), (3, 'eu', NULL), (4, 'us', '客@x')",
    )?;
    let onerow = served(
        &project,
        &format!(
            "CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database '{}');
             IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm; CREATE USER ann PASSWORD 'a';
             CREATE USER bob PASSWORD 'b';
             CREATE VIEW merged AS SELECT region, count(*) AS n, newest(email, id) AS email FROM crm.account GROUP BY region;
             CREATE VIEW mine AS SELECT id FROM crm.account;
             GRANT USAGE ON SCHEMA crm TO ann, bob; GRANT SELECT ON crm.account, merged, mine TO ann, bob;
             ALTER FOREIGN TABLE crm.account ENABLE ROW LEVEL SECURITY;
             CREATE POLICY eu ON crm.account TO ann USING (region = 'eu');
             ALTER VIEW mine ENABLE ROW LEVEL SECURITY;
             CREATE POLICY first ON mine USING (id < 3 AND current_user = 'ann')",
            path.display()
        ),
    )?;
    block_on(async {
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        let bob = connect(&as_role(&onerow, "bob", "b")).await.map_err(|fault| fault.to_string())?;
        for _ in 0..3 {
            expect(&ann, &[("SELECT sum(id) FROM crm.account", "4"), ("SELECT count(*) FROM mine", "2")]).await?;
            expect(&bob, &[("SELECT count(*) FROM crm.account", "0"), ("SELECT count(*) FROM mine", "0")]).await?;
            expect(&owner, &[("SELECT sum(id) FROM crm.account", "10"), ("SELECT count(*) FROM mine", "4")]).await?;
        }
        // A view reads with its owner's rights; what tells of the rows beneath does not.
        expect(&bob, &[("SELECT sum(n) FROM merged", "4"), ("SELECT count(*) FROM lineage('merged')", "42501")])
            .await?;
        expect(&owner, &[("SELECT count(*) > 0 FROM lineage('merged')", "t")]).await?;
        expect(&ann, &[("SELECT max(n) FROM (SELECT count(*) AS n FROM crm.account) x", "2")]).await?;
        // The source is asked for what may be seen, and for what cannot fail of the condition.
        let plan = rows(&ann, "EXPLAIN SELECT id FROM crm.account WHERE id = 3 AND lower(email) = 'x'").await;
        let plan = plan.map_err(|fault| fault.to_string())?;
        let shown = format!("{plan:?}");
        holds!(shown, "SecurityBarrierExec");
        lacks!(shown, "region");
        expect(&ann, &[("SELECT count(*) FROM crm.account WHERE id = 3 AND lower(email) IS NULL", "1")]).await?;
        let asked = "SELECT count(*) > 0 FROM onerow_stat_source WHERE statement LIKE '%region%' AND statement LIKE '%id%' \
                     AND statement NOT LIKE '%lower%'";
        expect(&owner, &[(asked, "t")]).await?;
        // Of what is beneath a view who may not read it is told the operators alone.
        let plan = rows(&bob, "EXPLAIN SELECT * FROM merged").await.map_err(|fault| fault.to_string())?;
        lacks!(format!("{plan:?}"), "SELECT");
        let plan = rows(&owner, "EXPLAIN SELECT * FROM merged").await.map_err(|fault| fault.to_string())?;
        holds!(format!("{plan:?}"), "SELECT");
        expect(&ann, &[("SELECT count(*) FROM crm.account WHERE id = 2", "0")]).await?;
        expect(&ann, &[("SELECT count(*) FROM crm.account a JOIN mine m ON m.id = a.id", "1")]).await?;
        let copied: Vec<bytes::Bytes> =
            ann.copy_out("COPY (SELECT * FROM crm.account ORDER BY id) TO STDOUT").await?.try_collect().await?;
        same!(copied.concat(), "1\teu\tş@x\n3\teu\t\\N\n".as_bytes(), "what is copied");
        Ok(())
    })
}

pub fn masks(_: &Fixtures) -> Outcome {
    let key = ("ONEROW_MASK_KEY", "0123456789abcdef0123456789abcdef");
    let project = Project::new("");
    let onerow = project.serve_with(&[], &[("ONEROW_PASSWORD", OWNER), key]);
    block_on(async {
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        run(
            &owner,
            "CREATE USER ann PASSWORD 'a'; CREATE USER bob PASSWORD 'b'; GRANT onerow_unmask TO bob;
             CREATE TABLE p (id int, name text, email text, born date, paid numeric(12,2), note text);
             CREATE TABLE wide (n numeric(50,2), k text UNIQUE); INSERT INTO wide VALUES (-123456.78, 'x');
             GRANT SELECT, INSERT ON wide TO ann;
             SECURITY LABEL FOR onerow ON COLUMN wide.n IS 'MASKED WITH FUNCTION truncate(1000)';
             INSERT INTO p VALUES (1, 'Ayşe', 'ayse@x.com', '1969-12-31', 1234.56, 'a'),
               (2, '王小明', 'ayse@x.com', '9999-12-31', -999.99, 'b'), (3, NULL, NULL, NULL, NULL, NULL);
             CREATE VIEW v AS SELECT name FROM p;
             CREATE VIEW vi WITH (security_invoker) AS SELECT name FROM p;
             GRANT SELECT ON p, v, vi TO ann, bob; GRANT UPDATE, DELETE ON p TO ann;
             SECURITY LABEL FOR onerow ON COLUMN p.name IS 'MASKED WITH FUNCTION partial(1, ''…'', 0)';
             SECURITY LABEL FOR onerow ON COLUMN p.email IS 'MASKED WITH FUNCTION hash()';
             SECURITY LABEL FOR onerow ON COLUMN p.born IS 'MASKED WITH FUNCTION truncate(''month'')';
             SECURITY LABEL FOR onerow ON COLUMN p.paid IS 'MASKED WITH FUNCTION truncate(1000)';
             SECURITY LABEL FOR onerow ON COLUMN p.note IS 'MASKED WITH FUNCTION null()'",
        )
        .await?;
        expect(
            &owner,
            &[
                ("SECURITY LABEL FOR onerow ON COLUMN p.id IS 'MASKED WITH FUNCTION hash()'", "42804"),
                ("SECURITY LABEL FOR onerow ON COLUMN p.nope IS NULL", "42703"),
                ("SECURITY LABEL FOR onerow ON COLUMN p.id IS 'HIDDEN'", "22023"),
                ("SELECT count(*) FROM pg_seclabels WHERE provider = 'onerow'", "6"),
                ("SELECT name FROM p WHERE id = 1", "Ayşe"),
            ],
        )
        .await?;
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        let bob = connect(&as_role(&onerow, "bob", "b")).await.map_err(|fault| fault.to_string())?;
        for _ in 0..3 {
            expect(&bob, &[("SELECT name FROM p WHERE id = 2", "王小明"), ("SELECT count(note) FROM p", "2")]).await?;
            expect(
                &ann,
                &[
                    ("SELECT name FROM p WHERE id = 2", "王…"),
                    ("SELECT name IS NULL FROM p WHERE id = 3", "t"),
                    ("SELECT length(email) FROM p WHERE id = 1", "64"),
                    ("SELECT count(DISTINCT email) FROM p", "1"),
                    ("SELECT born FROM p WHERE id = 1", "1969-12-01"),
                    ("SELECT born FROM p WHERE id = 2", "9999-12-01"),
                    ("SELECT sum(paid) FROM p", "1000.00"),
                    ("SELECT n FROM wide", "-123000.00"),
                    ("SELECT count(note) FROM p", "0"),
                    // Conditions, joins and groups see the mask.
                    ("SELECT count(*) FROM p WHERE name = 'Ayşe'", "0"),
                    ("SELECT count(*) FROM p WHERE name = 'A…'", "1"),
                    ("SELECT count(*) FROM p WHERE name LIKE 'Ay%'", "0"),
                    ("SELECT count(*) FROM p a JOIN p b ON a.name = b.name", "2"),
                    ("SELECT count(*) FROM p JOIN v ON v.name = p.name", "0"),
                    ("SELECT count(*) FROM p WHERE email = 'ayse@x.com'", "0"),
                    ("SELECT count(*) FROM p WHERE born = '1969-12-31'", "0"),
                    ("SELECT count(*) FROM (SELECT paid FROM p GROUP BY paid) g", "3"),
                    ("SELECT max(note) FROM p", ""),
                    ("SELECT to_jsonb(p)::text LIKE '%Ayşe%' FROM p WHERE id = 1", "f"),
                    // A view reads with its owner's rights, one of the invoker's with those.
                    ("SELECT max(name) FROM v WHERE name LIKE 'A%'", "Ayşe"),
                    ("SELECT max(name) FROM vi WHERE name LIKE 'A%'", "A…"),
                    ("UPDATE p SET id = 7", "0A000"),
                    ("DELETE FROM p", "0A000"),
                    ("SELECT count(*) FROM profile('p')", "6"),
                    ("SELECT count(*) FROM lineage('v')", "42809"),
                    ("SECURITY LABEL ON COLUMN p.name IS NULL", "42501"),
                ],
            )
            .await?;
        }
        let copied: Vec<bytes::Bytes> =
            ann.copy_out("COPY (SELECT name FROM p WHERE id = 1) TO STDOUT").await?.try_collect().await?;
        same!(copied.concat(), "A…\n".as_bytes(), "what is copied");
        let prepared = ann.prepare("SELECT name FROM p WHERE id = $1").await?;
        let row = ann.query_one(&prepared, &[&1]).await?;
        let name: String = row.get(0);
        same!(name, "A…", "what is prepared");
        expect(&ann, &[("PREPARE q AS SELECT name FROM p WHERE name > 'A' ORDER BY 1 LIMIT 1", "")]).await?;
        expect(&ann, &[("EXECUTE q", "A…")]).await?;
        // What a masked column is made of is told only to who sees it.
        run(
            &owner,
            "CREATE TABLE own (id int, note text); CREATE VIEW m AS SELECT id, newest(note, id) AS note FROM own GROUP BY id;
             GRANT SELECT ON own, m TO ann, bob;
             SECURITY LABEL FOR onerow ON COLUMN m.note IS 'MASKED WITH FUNCTION null()'",
        )
        .await?;
        for function in ["lineage", "conflicts", "quality"] {
            let asked = format!("SELECT count(*) FROM {function}('m')");
            expect(&bob, &[(asked.as_str(), "0")]).await?;
            let Err(fault) = value(&ann, &asked).await else { return Err(format!("{asked} is told").into()) };
            same!(fault.state, "42501", "{asked}");
            let told = if function == "quality" { "quality" } else { "lineage" };
            same!(fault.message, format!("permission denied for the {told} of view \"m\""));
        }
        run(&owner, "SECURITY LABEL FOR onerow ON COLUMN p.name IS NULL").await?;
        expect(&ann, &[("EXECUTE q", "Ayşe"), ("SELECT name FROM p WHERE id = 2", "王小明")]).await
    })?;
    // Without the key nobody is shown a hash of another, and nothing else.
    onerow.kill();
    let onerow = project.serve_with(&[], &[("ONEROW_PASSWORD", OWNER)]);
    block_on(async {
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        expect(&ann, &[("SELECT id FROM p WHERE id = 1", "55000")]).await?;
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        let label = "SECURITY LABEL FOR onerow ON COLUMN p.name IS 'MASKED WITH FUNCTION hash()'";
        expect(&owner, &[(label, "55000"), ("SECURITY LABEL FOR onerow ON COLUMN p.email IS NULL", "")]).await?;
        expect(&ann, &[("SELECT born FROM p WHERE id = 1", "1969-12-01")]).await
    })
}

/// Policies and masks may stand in the files, and only what adds protection.
pub fn files(_: &Fixtures) -> Outcome {
    let sql = "CREATE ROLE ann LOGIN PASSWORD 'a';
        CREATE TABLE t (id int, name text);
        GRANT SELECT, INSERT ON t TO ann;
        CREATE POLICY even ON t USING (id % 2 = 0);
        ALTER TABLE t ENABLE ROW LEVEL SECURITY;
        SECURITY LABEL FOR onerow ON COLUMN t.name IS 'MASKED WITH FUNCTION null()';";
    let project = Project::new(sql);
    let onerow = served(&project, "INSERT INTO t VALUES (1, 'a'), (2, 'b')")?;
    block_on(async {
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        expect(&ann, &[("SELECT id FROM t", "2"), ("SELECT count(name) FROM t", "0")]).await?;
        expect(&ann, &[("INSERT INTO t VALUES (3, 'x')", "42501"), ("INSERT INTO t VALUES (4, 'x')", "")]).await?;
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        for statement in [
            "ALTER TABLE t DISABLE ROW LEVEL SECURITY",
            "DROP POLICY even ON t",
            "CREATE POLICY more ON t",
            "SECURITY LABEL FOR onerow ON COLUMN t.name IS NULL",
        ] {
            expect(&owner, &[(statement, "55000")]).await?;
        }
        Ok(())
    })
}

/// What is typed over the wire is there after a restart.
pub fn kept(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(
        &project,
        "CREATE USER ann PASSWORD 'a'; CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'a'), (2, 'b');
         GRANT SELECT ON t TO ann; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY \"Ç\" ON t USING (id > 1);
         SECURITY LABEL FOR onerow ON COLUMN t.name IS 'MASKED WITH FUNCTION null()'",
    )?;
    let seen = [("SELECT id FROM t", "2"), ("SELECT count(name) FROM t", "0")];
    block_on(async {
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        expect(&ann, &seen).await
    })?;
    onerow.kill();
    let onerow = project.serve_with(&[], &[("ONEROW_PASSWORD", OWNER)]);
    block_on(async {
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        expect(&ann, &seen).await
    })
}
