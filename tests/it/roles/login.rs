//! Roles that log in, and sessions that become another role.

use tokio_postgres::Config;

use super::super::support::onerow::connect;
use super::super::support::wire::{rows, value};
use super::super::support::{Fixtures, Onerow, Outcome, Project, block_on};

/// The owner's password in these tests.
pub const OWNER: &str = "o wner's 密码";

/// A project whose owner has a password, with statements that the owner has run.
pub fn served(project: &Project, statements: &str) -> Result<Onerow, libtest_mimic::Failed> {
    let onerow = project.serve_with(&[], &[("ONEROW_PASSWORD", OWNER)]);
    block_on(async {
        let client = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        rows(&client, statements).await.map_err(|fault| format!("{statements}: {fault}"))
    })?;
    Ok(onerow)
}

pub fn as_role(onerow: &Onerow, user: &str, password: &str) -> Config {
    let mut config = onerow.config();
    config.user(user).password(password);
    config
}

/// The SQLSTATE that a connection is refused with; the role when it is let in.
async fn knock(onerow: &Onerow, user: &str, password: &str) -> String {
    match connect(&as_role(onerow, user, password)).await {
        Ok(client) => value(&client, "SELECT current_user").await.unwrap_or_else(|fault| fault.to_string()),
        Err(fault) if fault.state.is_empty() => fault.message,
        Err(fault) => fault.state,
    }
}

pub fn roles(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    // PostgreSQL's own verifier of the password `pencil`, of RFC 7677.
    let verifier = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                    wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    let onerow = served(
        &project,
        &format!(
            "CREATE ROLE \"Ayşe Yılmaz\" LOGIN PASSWORD 'şifre ''1'''; CREATE USER pencil PASSWORD '{verifier}';
             CREATE ROLE nologin PASSWORD 'x'; CREATE USER mute; CREATE USER gone PASSWORD 'x' VALID UNTIL '1969-07-20';
             CREATE USER later PASSWORD 'x' VALID UNTIL 'infinity'; CREATE USER single PASSWORD 'x' CONNECTION LIMIT 1"
        ),
    )?;
    block_on(async {
        same!(knock(&onerow, "onerow", OWNER).await, "onerow");
        same!(knock(&onerow, "Ayşe Yılmaz", "şifre '1'").await, "Ayşe Yılmaz");
        same!(knock(&onerow, "pencil", "pencil").await, "pencil");
        same!(knock(&onerow, "later", "x").await, "later");
        for (user, password) in [
            ("Ayşe Yılmaz", "şifre 1"),
            ("Ayşe Yılmaz", OWNER),
            ("ayşe yılmaz", "şifre '1'"),
            ("pencil", verifier),
            ("onerow", "pencil"),
            ("nobody", "x"),
            ("mute", "x"),
            ("mute", ""),
            ("gone", "x"),
            ("public", "x"),
        ] {
            same!(knock(&onerow, user, password).await, "28P01", "{user} with {password:?}");
        }
        same!(knock(&onerow, "nologin", "x").await, "28000");
        let first = connect(&as_role(&onerow, "single", "x")).await.map_err(|fault| fault.to_string())?;
        same!(value(&first, "SELECT session_user").await.unwrap_or_default(), "single");
        same!(knock(&onerow, "single", "x").await, "53300");
        drop(first);
        let mut again = String::new();
        for _ in 0..100 {
            again = knock(&onerow, "single", "x").await;
            if again == "single" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        same!(again, "single");
        // Who may not connect to the database does not.
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        rows(&owner, "REVOKE CONNECT ON DATABASE onerow FROM PUBLIC").await.map_err(|fault| fault.to_string())?;
        same!(knock(&onerow, "pencil", "pencil").await, "42501");
        rows(&owner, "GRANT CONNECT ON DATABASE onerow TO pencil").await.map_err(|fault| fault.to_string())?;
        same!(knock(&onerow, "pencil", "pencil").await, "pencil");
        Ok::<(), libtest_mimic::Failed>(())
    })?;
    lacks!(onerow.log(), "pencil$");
    Ok(())
}

/// Without a password of the owner whoever connects is the owner, and a role would protect nothing.
pub fn prerequisite(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    for statement in ["CREATE ROLE x LOGIN", "CREATE USER x", "CREATE GROUP x"] {
        refused!(onerow.sql(statement), "55000", "password", "ALTER ROLE onerow PASSWORD");
    }
    refused!(onerow.sql("CREATE ROLE x PASSWORD 'md5d41d8cd98f00b204e9800998ecf8427e'"), "55000");
    // Trusted as long as there is nobody else.
    let (trusted, _) = onerow.psql(&["-U", "anyone", "-Atqc", "SELECT current_user"]);
    same!(trusted.trim(), "onerow");
    onerow.sql("BEGIN; ALTER ROLE onerow PASSWORD 'x'; CREATE ROLE r; COMMIT")?;
    let (_, said) = onerow.psql(&["-w", "-U", "anyone", "-c", "SELECT 1"]);
    holds!(said, "no password supplied");
    let ask = |statement: &str| {
        let output = onerow
            .psql_command()
            .env("PGPASSWORD", "x")
            .args(["-v", "VERBOSITY=verbose", "-c", statement])
            .output()
            .expect("psql");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    holds!(ask("ALTER ROLE onerow PASSWORD NULL"), "55000");
    holds!(ask("CREATE ROLE y PASSWORD 'md5d41d8cd98f00b204e9800998ecf8427e'"), "0A000");
    holds!(ask("CREATE ROLE y SUPERUSER"), "0A000");
    same!(ask("DROP ROLE r; ALTER ROLE onerow PASSWORD NULL"), "");
    let (trusted, _) = onerow.psql(&["-U", "anyone", "-Atqc", "SELECT current_user"]);
    same!(trusted.trim(), "onerow");
    Ok(())
}

/// Files make roles, with passwords of the environment; the wire does not change those.
pub fn files(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "GRANT SELECT ON v TO \"Müdür\"; GRANT team TO \"Müdür\", CURRENT_USER; GRANT SELECT ON v TO SESSION_USER; CREATE VIEW v AS SELECT 1 AS n;
         CREATE ROLE \"Müdür\" LOGIN PASSWORD '${env:MUDUR}' IN ROLE other; CREATE ROLE team; CREATE ROLE other;
         CREATE VIEW w AS SELECT 2 AS n; GRANT SELECT ON w TO other;",
    );
    let onerow = project.serve_with(&[], &[("ONEROW_PASSWORD", OWNER), ("MUDUR", "gizli 1")]);
    block_on(async {
        same!(knock(&onerow, "Müdür", "gizli 1").await, "Müdür");
        same!(knock(&onerow, "Müdür", "${env:MUDUR}").await, "28P01");
        let client = connect(&as_role(&onerow, "Müdür", "gizli 1")).await.map_err(|fault| fault.to_string())?;
        same!(value(&client, "SELECT v.n + w.n FROM v, w").await.map_err(|f| f.to_string())?, "3");
        same!(value(&client, "SELECT pg_has_role('team', 'member')").await.map_err(|f| f.to_string())?, "t");
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        for statement in ["ALTER ROLE \"Müdür\" PASSWORD 'x'", "DROP ROLE other", "GRANT other TO team"] {
            let said = rows(&owner, statement).await.map_err(|fault| fault.state);
            same!(said.err().unwrap_or_default(), "55000", "{statement}");
        }
        Ok::<(), libtest_mimic::Failed>(())
    })?;
    lacks!(onerow.log(), "gizli");
    for (sql, state) in [
        ("CREATE ROLE a; CREATE ROLE a;", "42710"),
        ("CREATE ROLE a PASSWORD '${env:ONEROW_NOT_SET}';", "F0000"),
        ("GRANT a TO b;", "42704"),
        ("CREATE ROLE pg_a;", "42939"),
        ("CREATE ROLE a IN ROLE b; CREATE ROLE b IN ROLE a;", "0LP01"),
    ] {
        let (code, _, said) = Project::new(sql).check();
        same!(code, 1, "{sql}");
        holds!(said, state);
    }
    Ok(())
}

/// What was made over the wire is there after `kill -9`.
pub fn kept(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(
        &project,
        "CREATE TABLE t (id int, \"Secret\" text); INSERT INTO t VALUES (1, NULL), (2, 'x');
         CREATE USER \"张伟\" PASSWORD 'p'; CREATE ROLE team; GRANT team TO \"张伟\"; GRANT SELECT (id) ON t TO team;
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO team; REVOKE TEMPORARY ON DATABASE onerow FROM PUBLIC",
    )?;
    onerow.kill();
    let onerow = served(&project, "CREATE TABLE u (n int); INSERT INTO u VALUES (7)")?;
    block_on(async {
        let client = connect(&as_role(&onerow, "张伟", "p")).await.map_err(|fault| fault.to_string())?;
        same!(value(&client, "SELECT sum(id) FROM t").await.map_err(|f| f.to_string())?, "3");
        same!(value(&client, "SELECT n FROM u").await.map_err(|f| f.to_string())?, "7");
        let refused = value(&client, "SELECT \"Secret\" FROM t").await.map_err(|fault| fault.words());
        same!(refused.err().unwrap_or_default(), "42501: permission denied for table t");
        let temporary = "SELECT has_database_privilege('onerow', 'TEMP')";
        same!(value(&client, temporary).await.map_err(|f| f.to_string())?, "f");
        Ok(())
    })
}

pub fn changes(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(
        &project,
        "CREATE USER ann PASSWORD 'a'; CREATE ROLE \"Team\" NOINHERIT; CREATE ROLE deep; CREATE USER bob PASSWORD 'b';
         GRANT \"Team\" TO ann; GRANT deep TO \"Team\"; CREATE TABLE t (id int); GRANT SELECT ON t TO deep;
         CREATE TABLE s (id int); GRANT SELECT ON s TO \"Team\"",
    )?;
    block_on(async {
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        let who = "SELECT current_user || ' ' || session_user || ' ' || current_setting('is_superuser')";
        for (statement, expected) in [
            (who, "ann ann off"),
            ("SELECT count(*) FROM s", "0"),
            // ann has what Team has, and Team does not inherit what deep has.
            ("SELECT count(*) FROM t", "42501"),
            ("SET ROLE \"Team\"", ""),
            (who, "Team ann off"),
            ("SELECT count(*) FROM t", "42501"),
            ("SET ROLE deep", ""),
            ("SELECT count(*) FROM t", "0"),
            ("SELECT count(*) FROM s", "42501"),
            ("SET ROLE bob", "42501"),
            ("SET ROLE onerow", "42501"),
            ("SET ROLE nope", "22023"),
            ("SHOW role", "deep"),
            ("RESET ALL", ""),
            (who, "deep ann off"),
            ("RESET ROLE", ""),
            (who, "ann ann off"),
            ("BEGIN", ""),
            ("SET LOCAL ROLE deep", ""),
            (who, "deep ann off"),
            ("COMMIT", ""),
            (who, "ann ann off"),
            ("BEGIN", ""),
            ("SET ROLE deep", ""),
            ("ROLLBACK", ""),
            (who, "ann ann off"),
            ("SET SESSION AUTHORIZATION bob", "42501"),
            ("SET SESSION AUTHORIZATION ann", ""),
            ("SELECT set_config('role', 'onerow', false)", "0A000"),
            ("SELECT set_config('session_authorization', 'onerow', false)", "0A000"),
            ("SET role = deep", ""),
            (who, "deep ann off"),
            ("SET ROLE NONE", ""),
            ("ALTER ROLE ann PASSWORD 'other'", ""),
            ("ALTER ROLE ann NOLOGIN", "42501"),
            ("ALTER ROLE bob PASSWORD 'other'", "42501"),
            ("ALTER ROLE onerow PASSWORD 'other'", "42501"),
        ] {
            let said = value(&ann, statement).await.unwrap_or_else(|fault| fault.state);
            same!(said, expected, "{statement}");
        }
        same!(knock(&onerow, "ann", "other").await, "ann");
        same!(knock(&onerow, "ann", "a").await, "28P01");
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        for (statement, expected) in [
            (who, "onerow onerow on"),
            ("SET SESSION AUTHORIZATION ann", ""),
            (who, "ann ann off"),
            ("SET ROLE bob", "42501"),
            ("SET SESSION AUTHORIZATION DEFAULT", ""),
            ("SET ROLE bob", ""),
            (who, "bob onerow off"),
            ("DISCARD ALL", ""),
            (who, "onerow onerow on"),
            ("DROP ROLE bob, \"Team\"", "2BP01"),
            ("DROP ROLE bob", ""),
            ("SET ROLE bob", "22023"),
        ] {
            let said = value(&owner, statement).await.unwrap_or_else(|fault| fault.state);
            same!(said, expected, "{statement}");
        }
        // A start-up packet may ask for a role.
        let mut config = as_role(&onerow, "ann", "other");
        config.options("-c role=deep");
        let deep = connect(&config).await.map_err(|fault| fault.to_string())?;
        same!(value(&deep, who).await.map_err(|f| f.to_string())?, "deep ann off");
        config.options("-c role=onerow");
        same!(connect(&config).await.map(|_| ()).map_err(|fault| fault.state), Err("42501".to_string()));
        Ok(())
    })
}
