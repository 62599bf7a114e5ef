//! How a user proves to MariaDB who they are.

use super::super::support::mariadb::Mariadb;
use super::super::support::{Fixtures, Outcome, Project};

/// With a signature of `ed25519`, which the driver makes: its rows are those that another user is given.
pub fn signature(fixtures: &Fixtures) -> Outcome {
    let mariadb: &Mariadb = fixtures.mariadb();
    mariadb.sql(
        "INSTALL SONAME 'auth_ed25519';
         CREATE USER 'signs'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('söz ''x');
         CREATE DATABASE signed; CREATE TABLE signed.t (id INT PRIMARY KEY, name VARCHAR(20));
         INSERT INTO signed.t VALUES (1, 'Ayşe'), (2, NULL), (3, '张');
         GRANT SELECT ON signed.* TO 'signs'@'%'; FLUSH PRIVILEGES;",
    );
    let declared = |password: &str| {
        format!(
            "CREATE SERVER my FOREIGN DATA WRAPPER mysql OPTIONS (host '127.0.0.1', port '{}');
             CREATE USER MAPPING FOR PUBLIC SERVER my OPTIONS (username 'signs', password '{password}');
             IMPORT FOREIGN SCHEMA signed FROM SERVER my INTO signed;",
            mariadb.port
        )
    };
    let onerow = Project::new(&declared("söz ''x")).serve();
    same!(
        onerow.sql("SELECT id, name FROM signed.t ORDER BY id")?,
        onerow.sql("SELECT * FROM (VALUES (1, 'Ayşe'), (2, NULL), (3, '张')) AS t(id, name) ORDER BY id")?
    );
    // A wrong one is refused, and nothing else stops.
    let project = Project::new(&declared("other"));
    let onerow = project.serve();
    same!(onerow.sql("SELECT id FROM signed.t").is_err(), true);
    same!(onerow.sql("SELECT 1 AS one")?.contains('1'), true);
    Ok(())
}
