//! UPDATE and DELETE under policies: what is looked for is what was written, looked at once, and of visible rows alone.

use super::super::support::onerow::connect;
use super::super::support::wire::{Fault, alike, rows, value};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::login::{OWNER, as_role, served};

/// Statements that were understood otherwise when they were written out and read again, and what Postgres refuses.
const CHANGES: &[&str] = &[
    "DELETE FROM t WHERE - -1 = length('\namt = 1) AS t FROM (SELECT 7 AS id, $$ann$$ AS who, 666 AS amt UNION ALL \
     SELECT 1, $$rlr_bob$$, 1) AS t --')",
    "UPDATE t SET amt = - -amt WHERE id = - -1",
    "UPDATE t AS x (id, who) SET amt = 3 WHERE id = 1",
    "DELETE FROM t AS x (id, amt) WHERE id = 1",
    "DELETE FROM t AS x (id) WHERE x.id = 1",
    "UPDATE t SET amt = unnest(array[1, 2]) WHERE id = 1",
    "DELETE FROM t WHERE unnest(array[true, false])",
    "UPDATE t SET amt = row_number() OVER () WHERE id = 1",
    "DELETE FROM t WHERE row_number() OVER () = 1",
    "UPDATE t SET amt = max(amt)",
    "DELETE FROM t WHERE count(*) > 1",
    "UPDATE t SET who = current_user WHERE who = current_user AND id = 2",
    "UPDATE t SET amt = amt + 10 WHERE id IN (SELECT id FROM w WHERE amt > 0)",
    "UPDATE t SET amt = (SELECT max(amt) FROM w) WHERE NOT EXISTS (SELECT 1 FROM w WHERE w.id = t.id)",
    "UPDATE t SET amt = DEFAULT, who = current_user WHERE id = 4",
    "UPDATE t AS \"T x\" SET amt = \"T x\".amt * 2 WHERE \"T x\".id = 2",
    "DELETE FROM public.t WHERE public.t.id = 4",
    "UPDATE t SET id = 3 WHERE id = 2",
    "UPDATE t SET amt = 1 / (id - 3)",
    "DELETE FROM t WHERE id IN (SELECT id FROM w) AND amt > 5",
];

pub fn written(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    block_on(async {
        let postgres = fixtures.postgres();
        postgres.sql("CREATE DATABASE rewritten");
        let ours = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        let theirs = postgres.client("rewritten").await;
        let mut statements: Vec<String> = [
            "CREATE ROLE rlr_bob",
            "CREATE TABLE t (id int PRIMARY KEY, who text, amt int DEFAULT 5)",
            "INSERT INTO t VALUES (1, 'rlr_bob', 1), (2, 'rlr_bob', 2), (3, 'ann', 3), (4, 'rlr_bob', NULL)",
            "CREATE TABLE w (id int, amt int)",
            "INSERT INTO w VALUES (1, 6), (3, 7), (NULL, 8)",
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY p ON t USING (who = current_user)",
            "GRANT SELECT, UPDATE, DELETE ON t TO rlr_bob",
            "GRANT SELECT ON w TO rlr_bob",
        ]
        .map(str::to_string)
        .to_vec();
        // By the role that the policy concerns, and by the owner, whom it does not.
        for role in ["SET ROLE rlr_bob", "RESET ROLE"] {
            for change in CHANGES {
                statements.extend(["BEGIN", role, change].map(str::to_string));
                statements.push("ROLLBACK".to_string());
                statements.extend(["BEGIN", role, change, "RESET ROLE"].map(str::to_string));
                statements.push("SELECT id, who, amt FROM t ORDER BY id".to_string());
                statements.push("ROLLBACK".to_string());
            }
        }
        statements.extend(
            [
                // What a statement reads in a subquery is none of the rows that it changes.
                "CREATE TABLE n (id int, sec bool, t text)",
                "INSERT INTO n VALUES (1, false, 'a'), (2, true, 'b'), (3, false, 'c')",
                "ALTER TABLE n ENABLE ROW LEVEL SECURITY",
                "CREATE POLICY seen ON n FOR SELECT USING (NOT sec)",
                "CREATE POLICY changed ON n FOR UPDATE USING (true)",
                "GRANT SELECT, UPDATE ON n TO rlr_bob",
                "CREATE TABLE blind (id int)",
                "INSERT INTO blind VALUES (1), (2)",
                "GRANT UPDATE, DELETE ON blind TO rlr_bob",
                "SET ROLE rlr_bob",
                "UPDATE n SET t = (SELECT max(t) FROM n)",
                "PREPARE changed AS UPDATE blind SET id = 7",
                "EXECUTE changed",
                "PREPARE gone AS DELETE FROM blind",
                "EXECUTE gone",
                "RESET ROLE",
                "SELECT id, t FROM n ORDER BY id",
                "SELECT count(*) FROM blind",
                // What a policy reads is not dropped beneath it, and goes with it.
                "CREATE TABLE allowed (id int)",
                "CREATE POLICY asked ON w USING (id = $1)",
                "CREATE POLICY listed ON w USING (id IN (SELECT id FROM allowed))",
                "DROP TABLE allowed",
                "DROP TABLE allowed CASCADE",
                "SELECT count(*) FROM pg_policies WHERE policyname = 'listed'",
                // Settings and roles go back to what they were.
                "BEGIN",
                "SET ROLE rlr_bob",
                "SET my.word = 'one'",
                "SAVEPOINT a",
                "RESET ROLE",
                "SET my.word = 'two'",
                "SET LOCAL statement_timeout = '7s'",
                "ROLLBACK TO a",
                "SELECT current_user::text, current_setting('my.word'), current_setting('statement_timeout')",
                "COMMIT",
                "SELECT current_user::text, current_setting('my.word'), current_setting('statement_timeout')",
                "RESET ROLE",
                "DROP TABLE t, w, n, blind",
                "DROP ROLE rlr_bob",
            ]
            .map(str::to_string),
        );
        alike(&ours, &theirs, &statements, Fault::words).await
    })
}

/// What answers otherwise each time it is asked must not make two halves of a statement disagree.
pub fn evaluated_once(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(
        &project,
        "CREATE USER bob PASSWORD 'b'; CREATE TABLE c (id int PRIMARY KEY, who text);
         INSERT INTO c VALUES (1, 'bob'), (2, 'bob'); ALTER TABLE c ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON c USING (who = current_user); GRANT SELECT, UPDATE ON c TO bob;
         CREATE TABLE r (id int); INSERT INTO r SELECT * FROM generate_series(1, 100);
         ALTER TABLE r ENABLE ROW LEVEL SECURITY; CREATE POLICY seen ON r FOR SELECT USING (true);
         CREATE POLICY gone ON r FOR DELETE USING (random() > 0.5);
         CREATE POLICY changed ON r FOR UPDATE USING (random() > 0.5) WITH CHECK (true);
         GRANT SELECT, DELETE, UPDATE ON r TO bob; CREATE TABLE two (id int, a text, b text);
         INSERT INTO two SELECT g, '', '' FROM generate_series(1, 100) AS t(g)",
    )?;
    block_on(async {
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        let bob = connect(&as_role(&onerow, "bob", "b")).await.map_err(|fault| fault.to_string())?;
        for _ in 0..30 {
            let sql = "UPDATE c SET who = CASE WHEN id = 1 THEN 'bob' ELSE 'ann' END WHERE id = 1 OR random() < 0.3";
            let state = rows(&bob, sql).await.err().map(|fault| fault.state);
            same!(state.is_none_or(|state| state == "42501"), true);
            same!(value(&owner, "SELECT count(*) FROM c WHERE who = 'bob'").await?, "2");
        }
        for _ in 0..5 {
            rows(&bob, "DELETE FROM r WHERE id < 5").await?;
            rows(&bob, "UPDATE r SET id = id WHERE id > 50").await?;
            same!(value(&owner, "SELECT count(*) - count(DISTINCT id) FROM r").await?, "0");
            same!(value(&owner, "SELECT count(*) FROM r WHERE id >= 5").await?, "96");
        }
        rows(&owner, "UPDATE two SET a = 'x', b = 'x' WHERE random() < 0.5").await?;
        same!(value(&owner, "SELECT count(*) FROM two WHERE a <> b").await?, "0");
        // A role that was dropped is nobody, also when another has its name.
        rows(&owner, "REVOKE ALL ON c, r FROM bob; DROP ROLE bob; CREATE ROLE bob BYPASSRLS; GRANT SELECT ON c TO bob")
            .await?;
        same!(value(&bob, "SELECT count(*) FROM c").await.map_err(|fault| fault.state), Err("42704".to_string()));
        Ok(())
    })
}

/// An error about a row that is hidden does not show it, whatever is pushed down.
pub fn values_stay_hidden(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER f FOREIGN DATA WRAPPER files OPTIONS (location '.');
         CREATE FOREIGN TABLE cust (id int, region text, n int) SERVER f OPTIONS (path 'cust.csv');",
    );
    std::fs::write(project.path().join("cust.csv"), "id,region,n\n1,eu,7\n2,us,topsecret\n")?;
    let onerow = served(
        &project,
        "CREATE USER bob PASSWORD 'b'; CREATE VIEW seen WITH (security_barrier) AS SELECT n FROM cust WHERE region = 'eu';
         GRANT SELECT ON seen TO bob",
    )?;
    block_on(async {
        let bob = connect(&as_role(&onerow, "bob", "b")).await.map_err(|fault| fault.to_string())?;
        for mode in ["on", "filters", "off"] {
            rows(&bob, &format!("SET onerow.push_down = {mode}")).await?;
            let Err(fault) = rows(&bob, "SELECT n FROM seen").await else { continue };
            lacks!(fault.to_string(), "topsecret");
            lacks!(fault.detail, "topsecret");
        }
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        let told = rows(&owner, "SELECT n FROM cust").await.err().map(|fault| fault.to_string()).unwrap_or_default();
        holds!(told, "topsecret");
        Ok(())
    })
}
