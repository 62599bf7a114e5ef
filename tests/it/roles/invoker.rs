//! Views that read with the rights of who asks, by themselves and within others.

use super::super::support::wire::{Fault, alike, rows};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::login::served;
use super::matrix::both;

pub fn nested(fixtures: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = served(&project, "SELECT 1")?;
    block_on(async {
        let [ours, theirs] = both(fixtures, &onerow, "as_invoker").await?;
        let statements = [
            "CREATE ROLE ri_a",
            "CREATE ROLE ri_b",
            "CREATE SCHEMA s",
            "GRANT USAGE, CREATE ON SCHEMA s TO ri_a, ri_b",
            "CREATE TABLE s.sec (id int, v text)",
            "INSERT INTO s.sec VALUES (1, 'a'), (2, 'b')",
            "CREATE VIEW s.si WITH (security_invoker = true) AS SELECT * FROM s.sec",
            "CREATE VIEW s.so AS SELECT * FROM s.si",
            "CREATE VIEW s.si2 WITH (security_invoker = true) AS SELECT * FROM s.so",
            "CREATE VIEW s.plain AS SELECT * FROM s.sec",
            "CREATE VIEW s.si3 WITH (security_invoker = true) AS SELECT * FROM s.plain",
            "GRANT SELECT ON s.si, s.so, s.si2, s.plain, s.si3 TO ri_a, ri_b",
            "SET ROLE ri_a",
            "SELECT * FROM s.si",
            "SELECT * FROM s.so",
            "SELECT * FROM s.si2",
            "SELECT * FROM s.si3 ORDER BY id",
            "CREATE VIEW s.of_a AS SELECT * FROM s.so",
            "GRANT SELECT ON s.of_a TO ri_b",
            "SELECT * FROM s.of_a",
            "RESET ROLE",
            "GRANT SELECT ON s.sec TO ri_a",
            "ALTER TABLE s.sec ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY p ON s.sec TO ri_a USING (id = 1)",
            "SELECT * FROM s.so ORDER BY id",
            "SET ROLE ri_a",
            "SELECT * FROM s.si",
            "SELECT * FROM s.so",
            "SELECT * FROM s.si2",
            "SELECT * FROM s.si3 ORDER BY id",
            "SELECT * FROM s.of_a",
            "SET ROLE ri_b",
            "SELECT * FROM s.of_a",
            "SELECT * FROM s.so",
            "RESET ROLE",
            "SELECT * FROM s.so ORDER BY id",
        ];
        let checked = alike(&ours, &theirs, &statements, Fault::words).await;
        // Roles are of all databases of a server.
        rows(&theirs, "DROP OWNED BY ri_a, ri_b CASCADE; DROP ROLE ri_a, ri_b")
            .await
            .map_err(|fault| fault.to_string())?;
        checked
    })
}
