//! What is typed over the wire, and who wins when a file says something else.

use super::super::support::{Fixtures, Outcome, Project};

fn project() -> Result<Project, rusqlite::Error> {
    let project = Project::new("CREATE VIEW of_file AS SELECT 1 AS n;");
    let database = rusqlite::Connection::open(project.path().join("crm.db"))?;
    database.execute_batch("CREATE TABLE account (id INTEGER, name TEXT); INSERT INTO account VALUES (1, 'Ann');")?;
    Ok(project)
}

pub fn survives_kill(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    for statement in [
        "CREATE SERVER crm TYPE 'file' VERSION '3' FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db')",
        "ALTER SERVER crm OPTIONS (ADD busy_timeout '2s')",
        "CREATE USER MAPPING FOR PUBLIC SERVER crm",
        "CREATE SCHEMA empty",
        "IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm",
        "CREATE FOREIGN TABLE mine.account (name text) SERVER crm OPTIONS (\"table\" 'account')",
        "CREATE VIEW customer (who) AS SELECT name FROM crm.account",
        "CREATE OR REPLACE VIEW customer (who, id) AS SELECT name, id FROM crm.account",
        "COMMENT ON VIEW customer IS 'all of them, 张'",
        "COMMENT ON COLUMN customer.who IS 'name'",
        "CREATE TABLE rule (id int PRIMARY KEY, at timestamptz DEFAULT '2024-01-01 00:00:00+00')",
        "INSERT INTO rule (id) VALUES (1), (2)",
        "UPDATE rule SET id = 3 WHERE id = 2",
    ] {
        onerow.sql(statement)?;
    }
    let questions = [
        "SELECT srvname, srvtype, srvversion, srvoptions FROM pg_foreign_server",
        "SELECT srvname, usename FROM pg_user_mappings",
        "SELECT nspname FROM pg_namespace WHERE nspname IN ('empty', 'crm', 'mine') ORDER BY nspname",
        "SELECT table_schema, table_name, table_type FROM information_schema.tables
          WHERE table_schema IN ('public', 'crm', 'mine') ORDER BY 1, 2",
        "SELECT who, id FROM customer",
        "SELECT name FROM mine.account",
        "SELECT pg_get_viewdef('customer'::regclass)",
        "SELECT obj_description('customer'::regclass, 'pg_class'), col_description('customer'::regclass, 1)",
        "SELECT id, at FROM rule ORDER BY id",
    ];
    let before = questions.iter().map(|q| onerow.sql(q)).collect::<Result<Vec<_>, _>>()?;
    same!(before[0].contains("database=crm.db") && before[0].contains("busy_timeout=2s"), true);
    same!(before[4], "Ann|1");
    onerow.kill();
    let onerow = project.serve();
    for (question, before) in questions.iter().zip(before) {
        same!(onerow.sql(question)?, before, "{question}");
    }
    // Keys and defaults are kept too.
    refused!(onerow.sql("INSERT INTO rule (id) VALUES (3)"), "23505");
    // The command line sees the same state.
    onerow.kill();
    let (code, out, said) = project.query("SELECT who FROM customer");
    same!((code, out.as_str()), (0, "who\nAnn\n"), "{said}");
    Ok(())
}

pub fn drops_survive_kill(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    for statement in [
        "CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db')",
        "IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm",
        "CREATE VIEW customer AS SELECT name FROM crm.account",
        "CREATE TABLE rule (id int)",
        "INSERT INTO rule VALUES (1)",
        "DROP TABLE rule",
        "DROP SERVER crm CASCADE",
    ] {
        onerow.sql(statement)?;
    }
    onerow.kill();
    let onerow = project.serve();
    for (statement, state) in [
        ("SELECT * FROM customer", "42P01"),
        ("SELECT * FROM crm.account", "42P01"),
        ("SELECT * FROM rule", "42P01"),
        ("DROP SERVER crm", "42704"),
    ] {
        refused!(onerow.sql(statement), state);
    }
    // A table of the same name begins empty.
    onerow.sql("CREATE TABLE rule (id int)")?;
    same!(onerow.sql("SELECT count(*) FROM rule")?, "0");
    Ok(())
}

pub fn file_wins(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    onerow.sql("CREATE VIEW greeting AS SELECT 'from the wire' AS said")?;
    onerow.sql("CREATE VIEW reader AS SELECT said FROM greeting")?;
    onerow.sql("CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'other.db')")?;
    onerow.kill();
    project.write(
        "20_more.sql",
        "CREATE VIEW greeting AS SELECT 'from the file' AS said;
         CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm;",
    );
    let onerow = project.serve();
    same!(onerow.sql("SELECT said FROM reader")?, "from the file");
    same!(onerow.sql("SELECT name FROM crm.account")?, "Ann");
    let log = onerow.log();
    holds!(log, "WARN");
    holds!(log, "greeting");
    holds!(log, "crm");
    // What was typed is not lost: without the file it is back.
    onerow.kill();
    std::fs::remove_file(project.path().join("20_more.sql"))?;
    let onerow = project.serve();
    same!(onerow.sql("SELECT said FROM reader")?, "from the wire");
    Ok(())
}

pub fn files_are_not_changed(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db');
         CREATE USER MAPPING FOR PUBLIC SERVER crm;
         CREATE SCHEMA mine;
         CREATE TABLE rule (id int);
         CREATE FOREIGN TABLE mine.account (id bigint) SERVER crm OPTIONS (\"table\" 'account');
         CREATE VIEW customer AS SELECT id FROM mine.account;",
    );
    let database = rusqlite::Connection::open(project.path().join("crm.db"))?;
    database.execute_batch("CREATE TABLE account (id INTEGER)")?;
    let onerow = project.serve();
    for statement in [
        "ALTER SERVER crm OPTIONS (SET database 'x.db')",
        "DROP SERVER crm CASCADE",
        "ALTER USER MAPPING FOR PUBLIC SERVER crm OPTIONS (ADD user 'x')",
        "DROP USER MAPPING FOR PUBLIC SERVER crm",
        "DROP SCHEMA mine CASCADE",
        "DROP FOREIGN TABLE mine.account CASCADE",
        "DROP TABLE rule",
        "DROP VIEW customer",
        "CREATE OR REPLACE VIEW customer AS SELECT id FROM mine.account WHERE id > 1",
        "COMMENT ON VIEW customer IS 'x'",
        "COMMENT ON SERVER crm IS 'x'",
    ] {
        let said = onerow.sql(statement);
        if !matches!(&said, Err(said) if said.contains("55000:")) {
            return Err(format!("{statement} gave {said:?}").into());
        }
        refused!(said, "55000", "10_main.sql:");
    }
    same!(onerow.sql("SELECT count(*) FROM customer")?, "0");
    // The rows of a table that a file declares are the user's own.
    onerow.sql("INSERT INTO rule VALUES (1)")?;
    onerow.kill();
    let onerow = project.serve();
    same!(onerow.sql("SELECT id FROM rule")?, "1");
    Ok(())
}

/// A function in FROM is no relation that a view depends on: in files, typed, and after a restart.
pub fn functions_in_from(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW numbered AS SELECT n, 'v' || n AS v FROM generate_series(1, 3) AS g (n);");
    let onerow = project.serve();
    same!(onerow.sql("SELECT n, v FROM numbered ORDER BY n")?, "1|v1\n2|v2\n3|v3");
    onerow.sql("CREATE VIEW typed AS SELECT a.n, b.g FROM numbered a, (SELECT g FROM generate_series(5, 6) AS g) b")?;
    onerow.kill();
    let onerow = project.serve();
    same!(onerow.sql("SELECT count(*), sum(g) FROM typed")?, "6|33");
    // A table of the same name is one.
    onerow.sql("CREATE TABLE generate_series (id int); CREATE VIEW of_table AS SELECT id FROM generate_series")?;
    refused!(onerow.sql("DROP TABLE generate_series"), "2BP01", "of_table");
    same!(onerow.sql("SELECT count(*) FROM numbered")?, "3");
    Ok(())
}
