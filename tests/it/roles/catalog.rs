//! What of the catalog a role is shown, and how psql shows roles.

use super::super::support::onerow::connect;
use super::super::support::wire::{rows, value};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::login::{OWNER, as_role, served};

const MADE: &str = "CREATE SCHEMA \"Gizli\"; CREATE TABLE \"Gizli\".t (id int PRIMARY KEY, a text); CREATE TABLE seen (id int, b text);
    CREATE VIEW v AS SELECT id FROM seen; CREATE USER ann PASSWORD 'a'; CREATE ROLE \"Büro\"; GRANT \"Büro\" TO ann;
    GRANT SELECT (id), UPDATE (b) ON seen TO \"Büro\"; GRANT SELECT ON v TO PUBLIC";

pub fn filtered(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, MADE)?;
    block_on(async {
        let ann = connect(&as_role(&onerow, "ann", "a")).await.map_err(|fault| fault.to_string())?;
        for (statement, expected) in [
            (
                "SELECT string_agg(table_name, ',' ORDER BY table_name) FROM information_schema.tables \
              WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
                "seen,v",
            ),
            (
                "SELECT string_agg(column_name, ',' ORDER BY column_name) FROM information_schema.columns \
              WHERE table_name = 'seen'",
                "b,id",
            ),
            ("SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'Gizli'", "0"),
            ("SELECT count(*) FROM information_schema.table_constraints WHERE table_name = 't'", "0"),
            ("SELECT count(*) FROM information_schema.views WHERE view_definition IS NOT NULL", "0"),
            ("SELECT string_agg(role_name, ',' ORDER BY role_name) FROM information_schema.enabled_roles", "Büro,ann"),
            (
                "SELECT string_agg(grantee || ':' || privilege_type, ',') FROM information_schema.table_privileges \
              WHERE table_name = 'v'",
                "PUBLIC:SELECT",
            ),
            ("SELECT count(*) FROM information_schema.role_table_grants WHERE table_name = 'v'", "0"),
            ("SELECT count(*) FROM pg_authid", "42501"),
            ("SELECT rolpassword FROM pg_roles WHERE rolname = 'ann'", "********"),
            ("SELECT has_table_privilege('\"Gizli\".t', 'SELECT')", "42501"),
            ("SELECT has_column_privilege('seen', 'id', 'SELECT')", "t"),
            ("SELECT has_any_column_privilege('seen', 'UPDATE')", "t"),
            ("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'seen'", "onerow"),
            ("SELECT 'ann'::regrole::text", "ann"),
            ("SELECT count(*) FROM \"Gizli\".t", "42501"),
            ("SELECT usename FROM pg_stat_activity WHERE pid = pg_backend_pid()", "ann"),
        ] {
            let said = value(&ann, statement).await.unwrap_or_else(|fault| fault.state);
            same!(said, expected, "{statement}");
        }
        let owner = connect(&as_role(&onerow, "onerow", OWNER)).await.map_err(|fault| fault.to_string())?;
        let all = "SELECT count(*) FROM information_schema.tables WHERE table_schema IN ('public', 'Gizli')";
        same!(value(&owner, all).await.map_err(|f| f.to_string())?, "3");
        // Names in a schema that a role may not use are passed over.
        rows(&owner, "CREATE TABLE \"Gizli\".seen (id int)").await.map_err(|fault| fault.to_string())?;
        rows(&ann, "SET search_path = \"Gizli\", public").await.map_err(|fault| fault.to_string())?;
        same!(value(&ann, "SELECT count(id) FROM seen").await.map_err(|f| f.to_string())?, "0");
        let said = value(&ann, "SELECT count(*) FROM t").await.map_err(|fault| fault.words());
        same!(said, Err("42P01: relation \"t\" does not exist".to_string()));
        Ok(())
    })
}

pub fn psql(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, MADE)?;
    let shown = |command: &str| {
        let output =
            onerow.psql_command().env("PGPASSWORD", OWNER).args(["-At", "-c", command]).output().expect("psql");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    for (command, parts) in [
        ("\\du", &["ann||{Büro}", "Büro|Cannot login|{}", "onerow|Superuser"][..]),
        ("\\dg", &["ann||{Büro}"]),
        ("\\dp seen", &["id:", "\"Büro\"=r/onerow", "\"Büro\"=w/onerow"]),
        ("\\z v", &["onerow=arwdDxt/onerow", "=r/onerow"]),
        ("\\dn+", &["public|onerow"]),
        ("\\l", &["onerow|onerow|UTF8"]),
        ("\\ddp", &[]),
    ] {
        let said = shown(command);
        lacks!(said, "ERROR");
        for part in parts {
            holds!(said, *part);
        }
    }
    Ok(())
}
