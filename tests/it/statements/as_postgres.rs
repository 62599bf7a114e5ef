//! The same statements here and at PostgreSQL, whose words and SQLSTATEs are the ones to give.

use super::super::support::wire::{Fault, alike, rows};
use super::super::support::{Fixtures, Onerow, Outcome, Project, block_on};

/// A served project beside a SQLite file with one table, `t (id integer, name text)`.
struct Place {
    project: Project,
    onerow: Onerow,
}

impl Place {
    fn new() -> Result<Place, rusqlite::Error> {
        let project = Project::new("");
        let database = rusqlite::Connection::open(project.path().join("t.db"))?;
        database.execute_batch("CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (1, 'a');")?;
        let onerow = project.serve();
        Ok(Place { project, onerow })
    }

    /// CREATE SERVER for the file.
    fn server(&self, name: &str) -> String {
        let path = self.project.path().join("t.db");
        format!("CREATE SERVER {name} FOREIGN DATA WRAPPER sqlite OPTIONS (database '{}')", path.display())
    }
}

/// Runs the statements here and in a database of their own at PostgreSQL.
fn compare(fixtures: &Fixtures, database: &str, statements: impl FnOnce(&Place) -> Vec<String>) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(&format!("CREATE DATABASE {database}"));
    let place = Place::new()?;
    block_on(async {
        let (ours, theirs) = (place.onerow.client().await, postgres.client(database).await);
        // A wrapper without a handler: its servers and tables can be defined with any options.
        rows(&theirs, "CREATE FOREIGN DATA WRAPPER sqlite").await?;
        alike(&ours, &theirs, &statements(&place), Fault::words).await
    })
}

fn all(first: Vec<String>, rest: &[&str]) -> Vec<String> {
    first.into_iter().chain(rest.iter().map(|s| (*s).to_string())).collect()
}

pub fn servers_and_mappings(fixtures: &Fixtures) -> Outcome {
    compare(fixtures, "as_servers", |place| {
        all(
            vec![place.server("s"), place.server("s"), place.server("IF NOT EXISTS s"), place.server("\"Mixed Case\"")],
            &[
                "CREATE SERVER x FOREIGN DATA WRAPPER nope",
                "CREATE SERVER x FOREIGN DATA WRAPPER sqlite OPTIONS (database 'a', database 'b')",
                "ALTER SERVER nope OPTIONS (SET database 'x')",
                "ALTER SERVER s OPTIONS (SET busy_timeout '1s')",
                "ALTER SERVER s OPTIONS (DROP busy_timeout)",
                "ALTER SERVER s OPTIONS (ADD busy_timeout '1s')",
                "ALTER SERVER s OPTIONS (ADD busy_timeout '2s')",
                "ALTER SERVER s OPTIONS (SET busy_timeout '2s')",
                "ALTER SERVER s OPTIONS (DROP busy_timeout)",
                "ALTER SERVER s VERSION '2'",
                "SELECT srvname, srvversion FROM pg_foreign_server ORDER BY srvname",
                "DROP SERVER nope",
                "DROP SERVER IF EXISTS nope",
                "DROP SERVER IF EXISTS \"Mixed Case\"",
                "DROP SERVER \"Mixed Case\"",
                "CREATE USER MAPPING FOR nobody SERVER s",
                "CREATE USER MAPPING FOR PUBLIC SERVER nope",
                "CREATE USER MAPPING FOR PUBLIC SERVER s",
                "CREATE USER MAPPING FOR PUBLIC SERVER s",
                "CREATE USER MAPPING IF NOT EXISTS FOR PUBLIC SERVER s",
                "ALTER USER MAPPING FOR PUBLIC SERVER nope OPTIONS (ADD x 'y')",
                "ALTER USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (ADD x 'y')",
                "ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (DROP x)",
                "DROP USER MAPPING FOR CURRENT_USER SERVER s",
                "DROP USER MAPPING IF EXISTS FOR CURRENT_USER SERVER s",
                "DROP USER MAPPING FOR PUBLIC SERVER nope",
                "DROP USER MAPPING IF EXISTS FOR PUBLIC SERVER nope",
                "CREATE USER MAPPING FOR CURRENT_USER SERVER s",
                "SELECT srvname, usename FROM pg_user_mappings ORDER BY usename",
                "DROP USER MAPPING FOR CURRENT_USER SERVER s",
                "DROP SERVER s",
                "DROP USER MAPPING FOR PUBLIC SERVER s",
                "DROP SERVER s",
                "DROP SERVER s",
            ],
        )
    })
}

pub fn schemas_and_foreign_tables(fixtures: &Fixtures) -> Outcome {
    compare(fixtures, "as_tables", |place| {
        all(
            vec![place.server("s")],
            &[
                "CREATE SCHEMA a",
                "CREATE SCHEMA a",
                "CREATE SCHEMA IF NOT EXISTS a",
                "CREATE SCHEMA pg_mine",
                "CREATE SCHEMA \"B b\"",
                "SELECT nspname FROM pg_namespace WHERE nspname IN ('a', 'B b', 'public') ORDER BY nspname",
                "DROP SCHEMA nope",
                "DROP SCHEMA IF EXISTS nope",
                "DROP SCHEMA \"B b\"",
                "CREATE FOREIGN TABLE a.t (id bigint, name text) SERVER s OPTIONS (\"table\" 't')",
                "CREATE FOREIGN TABLE a.t (id bigint, name text) SERVER s OPTIONS (\"table\" 't')",
                "CREATE FOREIGN TABLE IF NOT EXISTS a.t (id bigint) SERVER s",
                "CREATE FOREIGN TABLE a.u (id bigint) SERVER nope",
                "CREATE FOREIGN TABLE a.u (id nope) SERVER s",
                "CREATE FOREIGN TABLE a.u (id bigint, id bigint) SERVER s",
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'a' ORDER BY 1",
                "SELECT foreign_table_schema, foreign_table_name, foreign_server_name \
                   FROM information_schema.foreign_tables",
                "DROP SCHEMA a",
                "DROP SERVER s",
                "DROP FOREIGN TABLE a.nope",
                "DROP FOREIGN TABLE IF EXISTS a.nope",
                "DROP FOREIGN TABLE a.t",
                "DROP FOREIGN TABLE a.t",
                "DROP SCHEMA a",
                "DROP SERVER s",
            ],
        )
    })
}

pub fn views_and_drops(fixtures: &Fixtures) -> Outcome {
    compare(fixtures, "as_views", |place| {
        all(
            vec![place.server("s")],
            &[
                "CREATE SCHEMA a",
                "CREATE FOREIGN TABLE a.t (id bigint, name text) SERVER s OPTIONS (\"table\" 't')",
                "CREATE VIEW v AS SELECT id, name FROM a.t",
                "CREATE VIEW v AS SELECT id, name FROM a.t",
                "CREATE VIEW x AS SELECT id FROM nope",
                "CREATE VIEW x AS SELECT nope FROM a.t",
                "CREATE VIEW x AS SELECT 1 AS n, 2 AS n",
                "CREATE VIEW x (p, q, r) AS SELECT 1 AS n, 2 AS m",
                "CREATE VIEW renamed (p, q) AS SELECT 1 AS n, 2 AS m",
                "SELECT p, q FROM renamed",
                "CREATE OR REPLACE VIEW v AS SELECT id FROM a.t",
                "CREATE OR REPLACE VIEW v AS SELECT id, name AS other FROM a.t",
                "CREATE OR REPLACE VIEW v AS SELECT id::text AS id, name FROM a.t",
                "CREATE OR REPLACE VIEW v AS SELECT id, name, 1 AS more FROM a.t",
                "CREATE OR REPLACE VIEW a.t AS SELECT 1 AS id",
                "CREATE VIEW w AS SELECT id FROM v",
                "CREATE VIEW a.x AS SELECT id FROM w",
                "SELECT column_name FROM information_schema.columns WHERE table_name = 'v' ORDER BY ordinal_position",
                "DROP VIEW nope",
                "DROP VIEW IF EXISTS nope, renamed",
                "DROP TABLE nope",
                "DROP TABLE IF EXISTS nope",
                "DROP TABLE v",
                "DROP VIEW a.t",
                "DROP FOREIGN TABLE v",
                "DROP VIEW w",
                "DROP VIEW v RESTRICT",
                "DROP FOREIGN TABLE a.t",
                "DROP SCHEMA a",
                "DROP SERVER s",
                "DROP VIEW v, w",
                "CREATE VIEW y AS SELECT id FROM v",
                "CREATE VIEW z AS SELECT id FROM y",
                "DROP VIEW y, z",
                "DROP VIEW y",
                "CREATE VIEW y AS SELECT id FROM v",
                "CREATE VIEW z AS SELECT id FROM y",
                "DROP VIEW y, nope, z",
                "DROP VIEW IF EXISTS y, nope, z CASCADE",
                "DROP VIEW v CASCADE",
                "DROP VIEW w",
                "DROP VIEW a.x",
                "DROP SERVER s CASCADE",
                "DROP FOREIGN TABLE a.t",
                "DROP SCHEMA a",
            ],
        )
    })
}

pub fn comments(fixtures: &Fixtures) -> Outcome {
    compare(fixtures, "as_comments", |place| {
        all(
            vec![place.server("s")],
            &[
                "CREATE SCHEMA a",
                "CREATE FOREIGN TABLE a.t (id bigint, name text) SERVER s OPTIONS (\"table\" 't')",
                "CREATE VIEW v AS SELECT 1 AS id, 'x'::text AS name",
                "COMMENT ON VIEW v IS 'it''s a view'",
                "COMMENT ON COLUMN v.name IS '姓名'",
                "COMMENT ON COLUMN a.t.id IS 'the key'",
                "COMMENT ON FOREIGN TABLE a.t IS 'far'",
                "COMMENT ON SCHEMA a IS 'schema'",
                "COMMENT ON SERVER s IS 'server'",
                "SELECT obj_description('v'::regclass, 'pg_class'), obj_description('a.t'::regclass, 'pg_class')",
                "SELECT col_description('v'::regclass, 2), col_description('a.t'::regclass, 1)",
                "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'a'",
                "COMMENT ON VIEW v IS NULL",
                "SELECT obj_description('v'::regclass, 'pg_class')",
                "COMMENT ON VIEW nope IS 'x'",
                "COMMENT ON TABLE v IS 'x'",
                "COMMENT ON VIEW a.t IS 'x'",
                "COMMENT ON COLUMN v.nope IS 'x'",
                "COMMENT ON COLUMN nope.id IS 'x'",
                "COMMENT ON SCHEMA nope IS 'x'",
                "COMMENT ON SERVER nope IS 'x'",
                "COMMENT ON COLUMN id IS 'x'",
            ],
        )
    })
}

/// PostgreSQL lets such a view be made and fails when it is read; here it is refused when it is made.
pub fn cycles_over_the_wire(_: &Fixtures) -> Outcome {
    let place = Place::new()?;
    let onerow = &place.onerow;
    onerow.sql("CREATE VIEW a AS SELECT 1 AS n")?;
    onerow.sql("CREATE VIEW b AS SELECT n FROM a")?;
    onerow.sql("CREATE VIEW c AS SELECT n FROM b")?;
    refused!(onerow.sql("CREATE OR REPLACE VIEW a AS SELECT n FROM c"), "42P17", "a -> c -> b -> a");
    refused!(onerow.sql("CREATE OR REPLACE VIEW a AS SELECT n FROM a"), "42P17", "a -> a");
    same!(onerow.sql("SELECT n FROM c")?, "1");
    Ok(())
}

pub fn options(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let create =
        |options: &str| onerow.sql(&format!("CREATE SERVER s FOREIGN DATA WRAPPER postgres OPTIONS ({options})"));
    refused!(create("hosst 'x'"), "HV00D", "invalid option \"hosst\"");
    refused!(create("password 'x'"), "HV00D", "password");
    refused!(create("port 'abc'"), "HV00N", "port");
    refused!(create("sslmode 'maybe'"), "HV00N", "sslmode");
    refused!(create("timezone 'Mars/Olympus'"), "HV00N", "timezone");
    refused!(create("host 'a'; DROP"), "42601");
    create("host 'localhost'")?;
    refused!(onerow.sql("ALTER SERVER s OPTIONS (SET host 'b', ADD nope 'c')"), "HV00D", "nope");
    refused!(onerow.sql("CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (host 'x')"), "HV00D", "host");
    refused!(
        onerow.sql("CREATE SERVER s2 FOREIGN DATA WRAPPER oracle"),
        "42704",
        "postgres",
        "sqlite",
        "mysql",
        "files"
    );
    // A change that is refused changes nothing.
    holds!(onerow.sql("SELECT srvoptions FROM pg_foreign_server WHERE srvname = 's'")?, "host=localhost");
    Ok(())
}

pub fn grants(fixtures: &Fixtures) -> Outcome {
    compare(fixtures, "as_grants", |place| {
        all(
            vec![place.server("s")],
            &[
                "CREATE TABLE t (id int)",
                "CREATE VIEW v AS SELECT id FROM t",
                "CREATE SCHEMA a",
                "SELECT relacl FROM pg_class WHERE relname = 't'",
                "GRANT SELECT, UPDATE ON t, v TO PUBLIC",
                "GRANT ALL PRIVILEGES ON TABLE public.t TO CURRENT_USER",
                "GRANT USAGE ON SCHEMA a TO PUBLIC",
                "GRANT USAGE ON FOREIGN SERVER s TO PUBLIC",
                "GRANT INSERT ON ALL TABLES IN SCHEMA public TO PUBLIC",
                "REVOKE UPDATE ON t FROM PUBLIC",
                "SELECT grantee, privilege_type FROM information_schema.table_privileges WHERE table_name = 't' \
                   AND grantee = 'PUBLIC' ORDER BY privilege_type",
                "SELECT split_part(array_to_string(relacl, ' '), ' ', 2) LIKE '=ar/%' FROM pg_class \
                   WHERE relname = 't'",
                "REVOKE ALL ON v FROM PUBLIC CASCADE",
                "SELECT array_length(relacl, 1) FROM pg_class WHERE relname = 'v'",
                "SELECT array_length(nspacl, 1) FROM pg_namespace WHERE nspname = 'a'",
                "SELECT array_length(srvacl, 1) FROM pg_foreign_server WHERE srvname = 's'",
                "GRANT USAGE ON t TO PUBLIC",
                "GRANT SELECT ON SCHEMA a TO PUBLIC",
                "GRANT reading ON t TO PUBLIC",
                "GRANT SELECT ON nope TO PUBLIC",
                "GRANT SELECT ON nope.t TO PUBLIC",
                "GRANT SELECT ON t TO nobody",
                "REVOKE SELECT ON t FROM nobody",
                "GRANT USAGE ON SCHEMA nope TO PUBLIC",
                "GRANT USAGE ON FOREIGN SERVER nope TO PUBLIC",
                "GRANT SELECT ON ALL TABLES IN SCHEMA nope TO PUBLIC",
            ],
        )
    })
}
