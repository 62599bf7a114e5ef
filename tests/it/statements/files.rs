//! The SQL files: their order, and how their mistakes are shown.

use super::super::support::report::points_at;
use super::super::support::{Fixtures, Outcome, Project};

pub fn any_order(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW b AS SELECT id FROM c; CREATE VIEW c AS SELECT id FROM crm.account;");
    project.write("01_first.sql", "COMMENT ON VIEW a IS 'first';\nCREATE VIEW a AS SELECT id FROM b;\n");
    project.write("98_import.sql", "IMPORT FOREIGN SCHEMA main LIMIT TO (account) FROM SERVER crm INTO crm;");
    project.write(
        "99_server.sql",
        "-- comment\n\nCREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db')",
    );
    project.write(".hidden.sql", "this is not read");
    project.write("notes.txt", "nor is this");
    let database = rusqlite::Connection::open(project.path().join("crm.db"))?;
    database.execute_batch("CREATE TABLE account (id INTEGER); INSERT INTO account VALUES (42);")?;
    let (code, out, said) = project.query("SELECT id FROM a");
    same!((code, out.as_str()), (0, "id\n42\n"), "{said}");
    let (code, out, said) = project.check();
    same!(code, 0, "{out}{said}");
    Ok(())
}

pub fn cycle(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW ok AS SELECT 1 AS n;\nCREATE VIEW a AS SELECT n FROM s.b;\n");
    project.write("20_more.sql", "CREATE VIEW s.b AS SELECT n FROM c;\nCREATE VIEW c AS SELECT n FROM a;\n");
    let (code, out, said) = project.check();
    same!(code, 1, "{out}");
    holds!(said, "42P17");
    // From whichever view it is told, the chain goes round once.
    let chains = ["a -> s.b -> c -> a", "s.b -> c -> a -> s.b", "c -> a -> s.b -> c"];
    same!(chains.iter().any(|chain| said.contains(chain)), true, "{said}");
    Ok(())
}

pub fn missing_name(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW top AS SELECT n FROM middle;\n");
    project.write(
        "20_more.sql",
        "-- 张伟 and\tothers\nCREATE VIEW middle AS\n  SELECT n\n    FROM base\n    JOIN erp.custmer USING (n);\n\
         CREATE VIEW base AS SELECT 1 AS n;\nCREATE VIEW erp.customer AS SELECT 1 AS n;\n",
    );
    let (code, _, said) = project.check();
    same!(code, 1);
    points_at(&said, "20_more.sql:5:10", "42P01", "erp.custmer")?;
    holds!(said, "top -> middle -> erp.custmer");
    holds!(said, "erp.customer");
    project.write("20_more.sql", "CREATE VIEW middle AS\n\tSELECT '张伟' AS who, nn AS n FROM (SELECT 1 AS n) t;\n");
    let (code, _, said) = project.check();
    same!(code, 1);
    points_at(&said, "20_more.sql:2:", "42703", "nn")?;
    Ok(())
}

pub fn duplicate_name(_: &Fixtures) -> Outcome {
    for (first, second, state) in [
        ("CREATE VIEW v AS SELECT 1 AS n;", "CREATE VIEW v AS SELECT 2 AS n;", "42P07"),
        ("CREATE TABLE v (id int);", "CREATE VIEW v AS SELECT 2 AS n;", "42P07"),
        (
            "CREATE SERVER v FOREIGN DATA WRAPPER sqlite OPTIONS (database 'a.db');",
            "CREATE SERVER v FOREIGN DATA WRAPPER sqlite OPTIONS (database 'b.db');",
            "42710",
        ),
    ] {
        let project = Project::new(&format!("-- one\n{first}\n"));
        project.write("20_more.sql", format!("-- one\n-- two\n  {second}\n"));
        let (code, _, said) = project.check();
        same!(code, 1, "{first}");
        points_at(&said, "20_more.sql:3:", state, "")?;
        holds!(said, "10_main.sql:2:1");
    }
    Ok(())
}

pub fn refused_statements(_: &Fixtures) -> Outcome {
    for statement in [
        "DROP VIEW v",
        "DROP SERVER IF EXISTS s",
        "ALTER SERVER s OPTIONS (SET host 'x')",
        "SET TimeZone = 'UTC'",
        "SELECT 1",
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET n = 1",
        "DELETE FROM t",
        "TRUNCATE t",
        "BEGIN",
        "ALTER ROLE onerow PASSWORD 'x'",
        "CREATE TABLE t AS SELECT 1 AS n",
        "ALTER ROLE x LOGIN",
        "DROP ROLE x",
    ] {
        let project = Project::new(&format!("CREATE VIEW v AS SELECT 1 AS n;\n  {statement};\n"));
        let (code, _, said) = project.check();
        same!(code, 1, "{statement}");
        points_at(&said, "10_main.sql:2:3", "0A000", statement)?;
        let (code, _, _) = project.query("SELECT 1");
        same!(code, 1, "{statement}");
    }
    Ok(())
}

pub fn every_mistake(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE VIEW a AS SELECT * FROM nope1;\nCREATE VIEW b AS SELEC 1;\n");
    project.write("20_more.sql", "CREATE VIEW c AS SELECT * FROM nope2;\nCREATE SERVER s FOREIGN DATA WRAPPER odd;\n");
    project.write("30_bytes.sql", b"CREATE VIEW d AS SELECT '\xff' AS n;");
    let (code, _, said) = project.check();
    same!(code, 1);
    for part in ["nope1", "nope2", "10_main.sql:2:", "odd", "30_bytes.sql"] {
        holds!(said, part);
    }
    points_at(&said, "10_main.sql:2:", "42601", "")?;
    points_at(&said, "20_more.sql:2:", "42704", "")?;
    Ok(())
}

/// A relative path is relative to the file that names it, wherever the program was started.
pub fn relative_paths(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    project.write(
        "sql/a.sql",
        "CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '../data');
         CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database '../data/crm.db');
         IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm;
         CREATE FOREIGN TABLE lake.list (email text) SERVER lake OPTIONS (path 'list.csv');",
    );
    project.write("data/list.csv", "email\nann@example.com\n");
    let database = rusqlite::Connection::open(project.path().join("data/crm.db"))?;
    database.execute_batch("CREATE TABLE account (id INTEGER); INSERT INTO account VALUES (1);")?;
    let folder = project.path().join("sql").display().to_string();
    let question = "SELECT email, id FROM lake.list, crm.account";
    let (code, out, said) = project.run(&["query", "--format", "csv", "--sql", &folder, question]);
    same!((code, out.as_str()), (0, "email,id\nann@example.com,1\n"), "{said}");
    Ok(())
}

/// Privileges of files are on what files define; what is not there is told with its place.
pub fn grants(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "GRANT SELECT ON v TO PUBLIC; CREATE VIEW v AS SELECT 1 AS n; GRANT CREATE ON SCHEMA public TO onerow;",
    );
    let onerow = project.serve();
    let ask = "SELECT relacl FROM pg_class WHERE relname = 'v'";
    same!(onerow.sql(ask)?, "{onerow=arwdDxt/onerow,=r/onerow}");
    refused!(onerow.sql("REVOKE SELECT ON v FROM PUBLIC"), "55000", "10_main.sql:");
    // What was granted over the wire is kept, on `public` too.
    onerow.sql("CREATE TABLE t (id int); GRANT ALL ON t TO PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC")?;
    onerow.kill();
    let onerow = project.serve();
    same!(onerow.sql(ask)?, "{onerow=arwdDxt/onerow,=r/onerow}");
    let table = "SELECT relacl FROM pg_class WHERE relname = 't'";
    same!(onerow.sql(table)?, "{onerow=arwdDxt/onerow,=arwdDxt/onerow}");
    let schema = "SELECT nspacl FROM pg_namespace WHERE nspname = 'public'";
    same!(onerow.sql(schema)?, "{onerow=UC/onerow,=U/onerow}");
    for (grant, state) in [("GRANT SELECT ON nope TO PUBLIC", "42P01"), ("GRANT SELECT ON v TO nobody", "42704")] {
        let project = Project::new(&format!("CREATE VIEW v AS SELECT 1 AS n;\n  {grant};\n"));
        let (code, _, said) = project.check();
        same!(code, 1, "{grant}");
        points_at(&said, "10_main.sql:2:", state, "")?;
    }
    Ok(())
}
