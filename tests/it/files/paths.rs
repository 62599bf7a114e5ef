//! Which files a path stands for, and which it never does.

use super::super::support::{Fixtures, Outcome};
use super::{folder, lake};

pub fn escape(_: &Fixtures) -> Outcome {
    let (project, onerow) = lake(&[("inside/a.csv", b"id\n1\n")], "");
    project.write("secret.csv", "id\n42\n");
    let table =
        |path: &str| format!("CREATE FOREIGN TABLE t (id integer) SERVER lake OPTIONS (path '{path}', format 'csv')");
    let absolute = project.path().join("secret.csv").display().to_string();
    for path in ["../secret.csv", "inside/../../secret.csv", "..", "../*.csv", "inside/..\\..\\secret.csv", &absolute] {
        refused!(onerow.sql(&table(path)), "42501");
    }
    // What is escaped for a URL is a name like any other.
    for path in ["%2e%2e/secret.csv", "inside/%2e%2e/%2e%2e/secret.csv"] {
        let said = onerow.sql(&table(path)).and_then(|_| onerow.sql("SELECT id FROM t"));
        same!(said.is_err(), true, "{path}");
        let _ = onerow.sql("DROP FOREIGN TABLE IF EXISTS t");
    }
    refused!(onerow.sql("IMPORT FOREIGN SCHEMA \"..\" FROM SERVER lake INTO stolen"), "42501");
    onerow.sql(&table("inside/a.csv"))?;
    same!(onerow.sql("SELECT id FROM t")?, "1");
    Ok(())
}

pub fn missing(_: &Fixtures) -> Outcome {
    let (project, onerow) = lake(
        &[("a.csv", b"id\n1\n")],
        "CREATE FOREIGN TABLE gone (id integer) SERVER lake OPTIONS (path 'gone.csv');
         CREATE FOREIGN TABLE unknown SERVER lake OPTIONS (path 'gone.csv');
         CREATE FOREIGN TABLE none (id integer) SERVER lake OPTIONS (path 'none/*.csv');
         CREATE FOREIGN TABLE a (id integer) SERVER lake OPTIONS (path 'a.csv');
         CREATE SERVER nowhere FOREIGN DATA WRAPPER files OPTIONS (location 'nowhere');
         CREATE FOREIGN TABLE lost (id integer) SERVER nowhere OPTIONS (path 'a.csv');",
    );
    refused!(onerow.sql("SELECT * FROM gone"), "58P01", "gone.csv", "lake");
    refused!(onerow.sql("SELECT * FROM unknown"), "58P01", "gone.csv");
    refused!(onerow.sql("SELECT * FROM none"), "58P01", "none/*.csv");
    refused!(onerow.sql("SELECT * FROM lost"), "58P01", "nowhere");
    same!(onerow.sql("SELECT id FROM a")?, "1");
    let (code, _, said) = project.check();
    same!(code, 1);
    holds!(said, "gone.csv");
    // Once it is there it is read, without a restart.
    project.write("data/gone.csv", "id\n7\n");
    same!(onerow.sql("SELECT id FROM gone")?, "7");
    Ok(())
}

pub fn import(_: &Fixtures) -> Outcome {
    let project = folder(
        &[
            ("customer.csv", b"id,name\n1,Ann\n"),
            ("Order List.jsonl", b"{\"id\": 5}\n"),
            ("event/2023.csv", b"id\n1\n2\n"),
            ("event/2024.csv", b"id\n3\n"),
            ("notes.txt", b"nothing of ours"),
        ],
        "IMPORT FOREIGN SCHEMA public FROM SERVER lake INTO lake;
         IMPORT FOREIGN SCHEMA public LIMIT TO (customer) FROM SERVER lake INTO one;",
    );
    let onerow = project.serve();
    same!(onerow.sql("SELECT name FROM lake.customer")?, "Ann");
    same!(onerow.sql("SELECT id FROM lake.\"Order List\"")?, "5");
    same!(onerow.sql("SELECT count(*), sum(id) FROM lake.event")?, "3|6");
    same!(onerow.sql("SELECT id FROM one.customer")?, "1");
    refused!(onerow.sql("SELECT * FROM one.event"), "42P01");
    refused!(onerow.sql("SELECT * FROM lake.notes"), "42P01");
    Ok(())
}

pub fn changes(_: &Fixtures) -> Outcome {
    let (project, onerow) =
        lake(&[("in/a.csv", b"id\n1\n")], "CREATE FOREIGN TABLE t (id integer) SERVER lake OPTIONS (path 'in/*.csv');");
    same!(onerow.sql("SELECT sum(id) FROM t")?, "1");
    project.write("data/in/b.csv", "id\n10\n");
    same!(onerow.sql("SELECT sum(id) FROM t")?, "11");
    project.write("data/in/a.csv", "id\n5\n6\n7\n");
    same!(onerow.sql("SELECT sum(id) FROM t")?, "28");
    std::fs::remove_file(project.path().join("data/in/b.csv"))?;
    same!(onerow.sql("SELECT sum(id) FROM t")?, "18");
    Ok(())
}
