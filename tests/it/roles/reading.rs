//! What a role may read by functions over relations, through kept plans, and of sources.

use tokio_postgres::Client;

use super::super::support::onerow::connect;
use super::super::support::wire::{rows, value};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::login::{OWNER, as_role, served};

/// Runs statements one by one; each must give this value, or this SQLSTATE.
async fn expect(client: &Client, statements: &[(&str, &str)]) -> Outcome {
    for (statement, expected) in statements {
        let said = value(client, statement).await.unwrap_or_else(|fault| fault.state);
        same!(said, *expected, "{statement}");
    }
    Ok(())
}

pub fn functions(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(
        &project,
        "CREATE TABLE person (source text, record_id text, email text, name text, at timestamptz);
         INSERT INTO person VALUES ('erp', '1', 'a@x', 'Ann', '1969-07-20'), ('crm', '2', 'a@x', 'Änn', '9999-12-31');
         CREATE VIEW customer AS SELECT email, newest(name, at) AS name FROM person GROUP BY email;
         CREATE RULE named ON person CHECK (name IS NOT NULL);
         CREATE USER ann PASSWORD 'a'; GRANT SELECT ON customer TO ann",
    )?;
    block_on(async {
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        let beneath = [
            "SELECT count(*) > 0 FROM lineage('customer')",
            "SELECT count(*) >= 0 FROM conflicts('customer')",
            "SELECT count(*) > 0 FROM profile('person')",
            "SELECT count(*) >= 0 FROM violations('person')",
            "SELECT count(*) >= 0 FROM accepted('person')",
            "SELECT count(*) >= 0 FROM rejected('person')",
            "SELECT count(*) >= 0 FROM trusted('person')",
            "SELECT count(*) > 0 FROM (SELECT * FROM lineage('customer')) l",
            "SELECT EXISTS (SELECT 1 FROM lineage('customer'))",
        ];
        expect(&ann, &[("SELECT name FROM customer", "Änn"), ("SELECT name FROM person", "42501")]).await?;
        expect(&ann, &[("SELECT count(*) > 0 FROM profile('customer')", "t")]).await?;
        for statement in beneath {
            expect(&ann, &[(statement, "42501")]).await?;
            expect(&owner, &[(statement, "t")]).await?;
        }
        expect(&ann, &[("EXPLAIN SELECT * FROM lineage('customer')", "42501")]).await?;
        expect(&ann, &[("CREATE VIEW mine AS SELECT * FROM lineage('customer')", "42501")]).await?;
        expect(&ann, &[("CREATE RULE mine ON person CHECK (true)", "42501")]).await?;
        expect(&ann, &[("DROP RULE named ON person", "42501")]).await?;
        expect(&ann, &[("SELECT count(*) FROM onerow_rules", "0")]).await?;
        expect(&ann, &[("SELECT count(*) FROM onerow_stat_source", "0"), ("SELECT onerow_stat_reset()", "42501")])
            .await?;
        rows(&owner, "GRANT SELECT ON person TO ann").await.map_err(|fault| fault.to_string())?;
        for statement in beneath {
            expect(&ann, &[(statement, "t")]).await?;
        }
        expect(&ann, &[("SELECT count(*) FROM onerow_rules", "1")]).await?;
        // A view of a role reads with the role's rights, whoever asks.
        let made = "CREATE SCHEMA a; GRANT CREATE, USAGE ON SCHEMA a TO ann";
        rows(&owner, made).await.map_err(|fault| fault.to_string())?;
        expect(&ann, &[("CREATE VIEW a.lin AS SELECT * FROM lineage('public.customer')", "")]).await?;
        expect(&ann, &[("SELECT count(*) > 0 FROM a.lin", "t")]).await?;
        rows(&owner, "REVOKE SELECT ON person FROM ann").await.map_err(|fault| fault.to_string())?;
        expect(&ann, &[("SELECT count(*) > 0 FROM a.lin", "42501")]).await?;
        // A model learns what its owner may read.
        let model = "CREATE MODEL a.m FOR tree_choice AS SELECT name = 'Ann' AS label, email FROM public.person";
        expect(&ann, &[(model, "42501"), ("CREATE MODEL m FOR tree_choice AS SELECT true AS label, 1 AS x", "42501")])
            .await
    })
}

/// A plan that is kept belongs to one role and one state of privileges.
pub fn plans(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(
        &project,
        "CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'a'), (2, NULL);
         CREATE USER ann PASSWORD 'a'; CREATE USER bob PASSWORD 'b'; GRANT SELECT ON t TO ann",
    )?;
    block_on(async {
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        let bob = connect(&as_role(&onerow, "bob", "b")).await.map_err(|fault| fault.to_string())?;
        let query = "SELECT id FROM t WHERE name = 'a'";
        for client in [&owner, &ann, &bob] {
            rows(client, "SET plan_cache_mode = force_generic_plan").await.map_err(|fault| fault.to_string())?;
        }
        let prepared = ann.prepare("SELECT id FROM t WHERE name = $1").await?;
        for _ in 0..3 {
            expect(&owner, &[(query, "1")]).await?;
            expect(&ann, &[(query, "1")]).await?;
            expect(&bob, &[(query, "42501")]).await?;
            same!(ann.query(&prepared, &[&"a"]).await?.len(), 1);
        }
        same!(bob.prepare("SELECT id FROM t WHERE name = $1").await.is_err(), true);
        rows(&owner, "REVOKE SELECT ON t FROM ann").await.map_err(|fault| fault.to_string())?;
        for _ in 0..3 {
            expect(&owner, &[(query, "1")]).await?;
            expect(&ann, &[(query, "42501")]).await?;
        }
        let said = ann.query(&prepared, &[&"a"]).await.err().and_then(|e| e.code().map(|code| code.code().to_string()));
        same!(said.as_deref(), Some("42501"));
        // By membership, in a session that goes on.
        rows(&owner, "CREATE ROLE team; GRANT SELECT (id, name) ON t TO team; GRANT team TO bob")
            .await
            .map_err(|fault| fault.to_string())?;
        expect(&bob, &[(query, "1")]).await?;
        rows(&owner, "REVOKE team FROM bob").await.map_err(|fault| fault.to_string())?;
        expect(&bob, &[(query, "42501")]).await?;
        // What the owner plans as another role is the other's.
        expect(&owner, &[("SET ROLE bob", ""), (query, "42501"), ("RESET ROLE", ""), (query, "1")]).await?;
        let prepared = owner.prepare("SELECT id FROM t WHERE name = $1").await?;
        for _ in 0..3 {
            same!(owner.query(&prepared, &[&"a"]).await?.len(), 1);
            expect(&owner, &[("SET ROLE bob", "")]).await?;
            same!(owner.query(&prepared, &[&"a"]).await.is_err(), true);
            expect(&owner, &[("RESET ROLE", "")]).await?;
        }
        Ok(())
    })
}

pub fn sources(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let path = project.path().join("crm.db");
    rusqlite::Connection::open(&path)?.execute_batch(
        "CREATE TABLE account (id INTEGER, \"İsim\" TEXT); INSERT INTO account VALUES (1, 'ş'), (2, NULL)",
    )?;
    let onerow = served(
        &project,
        &format!(
            "CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database '{}');
             IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm; CREATE USER ann PASSWORD 'a';
             CREATE VIEW names AS SELECT \"İsim\" FROM crm.account",
            path.display()
        ),
    )?;
    block_on(async {
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        let raw = "SELECT n FROM remote_query('crm', 'SELECT count(*) AS n FROM account')";
        expect(
            &ann,
            &[
                ("SELECT id FROM crm.account", "42501"),
                ("SELECT count(*) FROM names", "42501"),
                (raw, "42501"),
                ("ALTER SERVER crm REFRESH", "42501"),
                ("SELECT srvoptions IS NULL FROM pg_foreign_server", "t"),
                ("SELECT count(*) FROM information_schema.foreign_server_options", "0"),
                ("CREATE USER MAPPING FOR ann SERVER crm", "42501"),
            ],
        )
        .await?;
        rows(
            &owner,
            "GRANT USAGE ON SCHEMA crm TO ann; GRANT SELECT (id) ON crm.account TO ann; GRANT SELECT ON names TO ann",
        )
        .await
        .map_err(|fault| fault.to_string())?;
        expect(
            &ann,
            &[
                ("SELECT sum(id) FROM crm.account", "3"),
                ("SELECT id FROM crm.account WHERE \"İsim\" = 'ş'", "42501"),
                ("SELECT * FROM crm.account", "42501"),
                ("SELECT id FROM crm.account ORDER BY \"İsim\" LIMIT 1", "42501"),
                ("SELECT max(\"İsim\") FROM names", "ş"),
                ("EXPLAIN SELECT \"İsim\" FROM crm.account", "42501"),
                (raw, "42501"),
            ],
        )
        .await?;
        rows(&owner, "GRANT USAGE ON FOREIGN SERVER crm TO ann").await.map_err(|fault| fault.to_string())?;
        expect(
            &ann,
            &[
                (raw, "2"),
                // What is made of a server stays the owner's.
                ("IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm", "42501"),
                ("DROP SERVER crm CASCADE", "42501"),
            ],
        )
        .await?;
        expect(&owner, &[("SELECT srvoptions IS NULL FROM pg_foreign_server", "f")]).await
    })
}
