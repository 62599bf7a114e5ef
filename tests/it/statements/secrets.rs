//! Where a password must never be: logs, errors, the catalog, plans; and those of files not even in the state.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::support::{Fixtures, Onerow, Outcome, Project, postgres};

/// What a curious user would look into.
const QUESTIONS: &[&str] = &[
    "SELECT * FROM pg_foreign_server",
    "SELECT * FROM pg_user_mapping",
    "SELECT * FROM pg_user_mappings",
    "SELECT * FROM pg_foreign_table",
    "SELECT * FROM information_schema.foreign_server_options",
    "SELECT * FROM information_schema.user_mapping_options",
    "SELECT * FROM information_schema.user_mappings",
    "SELECT * FROM information_schema.foreign_servers",
    "SELECT * FROM pg_settings",
    "EXPLAIN SELECT * FROM erp.account WHERE id = 1",
    "EXPLAIN VERBOSE SELECT * FROM erp.account WHERE id = 1",
    "EXPLAIN ANALYZE SELECT * FROM erp.account WHERE id = 1",
    "SELECT * FROM erp.account",
];

fn look_around(onerow: &Onerow) -> String {
    let mut found = String::new();
    for question in QUESTIONS {
        // A relation that is not there shows nothing; what an error says is looked at too.
        match onerow.sql(question) {
            Ok(rows) => found.push_str(&rows),
            Err(said) => found.push_str(&said),
        }
        found.push('\n');
    }
    for command in ["\\des+", "\\deu+", "\\det+", "\\d+ erp.account"] {
        let (out, said) = onerow.psql(&["-c", command]);
        found.push_str(&out);
        found.push_str(&said);
    }
    found
}

/// Every byte of the state folder.
fn state(project: &Project) -> Result<Vec<u8>, std::io::Error> {
    fn read(folder: &Path, bytes: &mut Vec<u8>) -> Result<(), std::io::Error> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                read(&path, bytes)?;
            } else {
                bytes.extend(std::fs::read(path)?);
            }
        }
        Ok(())
    }
    let mut bytes = vec![];
    read(&project.path().join(".onerow"), &mut bytes)?;
    Ok(bytes)
}

fn is_in(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

pub fn of_files(fixtures: &Fixtures) -> Outcome {
    let server = fixtures.postgres();
    server.sql("CREATE SCHEMA secrets; CREATE TABLE secrets.account (id int); INSERT INTO secrets.account VALUES (1)");
    let project = Project::new(&format!(
        "CREATE SERVER erp FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1', port '{}', dbname 'postgres');
         CREATE USER MAPPING FOR PUBLIC SERVER erp OPTIONS (user '{}', password '${{env:ERP_SECRET}}');
         CREATE SERVER wrong FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1', port '{}', dbname 'postgres');
         CREATE USER MAPPING FOR PUBLIC SERVER wrong OPTIONS (user '{}', password '${{file:wrong.secret}}');
         CREATE FOREIGN TABLE wrong.account (id integer) SERVER wrong OPTIONS (schema_name 'secrets');
         IMPORT FOREIGN SCHEMA secrets FROM SERVER erp INTO erp;",
        server.port,
        postgres::USER,
        server.port,
        postgres::USER
    ));
    project.write("wrong.secret", "no-such-p4ssword\n");
    let environment = [("ERP_SECRET", postgres::PASSWORD), ("ONEROW_LOG", "debug")];
    let onerow = project.serve_with(&[], &environment);
    same!(onerow.sql("SELECT id FROM erp.account")?, "1");
    let mut found = look_around(&onerow);
    let refusal = onerow.sql("SELECT id FROM wrong.account");
    refused!(refusal.clone(), "08006", "wrong");
    found.push_str(&refusal.unwrap_or_else(|said| said));
    found.push_str(&onerow.sql("SELECT nope FROM erp.account").unwrap_or_else(|said| said));
    onerow.sql("CREATE VIEW customer AS SELECT id FROM erp.account")?;
    found.push_str(&onerow.log());
    // The end of the password stays as it is however it is escaped.
    same!(postgres::PASSWORD.ends_with(r"\secret"), true);
    for secret in [r"\secret", "no-such-p4ssword"] {
        lacks!(found, secret);
        same!(is_in(&state(&project)?, secret), false, "{secret} in the state");
    }
    // Where options are shown, those that are no secrets are.
    holds!(found, format!("port={}", server.port));
    Ok(())
}

pub fn of_the_wire(fixtures: &Fixtures) -> Outcome {
    let server = fixtures.postgres();
    server.sql("CREATE SCHEMA wired; CREATE TABLE wired.account (id int); INSERT INTO wired.account VALUES (1)");
    let project = Project::new("");
    let onerow = project.serve_with(&[], &[("ONEROW_LOG", "debug")]);
    let secret = "s3cret-of-the-wire";
    let mut found = String::new();
    for statement in [
        format!(
            "CREATE SERVER erp FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1', port '{}', dbname 'postgres')",
            server.port
        ),
        format!("CREATE USER MAPPING FOR PUBLIC SERVER nope OPTIONS (user 'x', password '{secret}')"),
        format!("CREATE USER MAPPING FOR PUBLIC SERVER erp OPTIONS (user 'x', pasword '{secret}')"),
        format!("CREATE USER MAPPING FOR PUBLIC SERVER erp OPTIONS (user 'x', password '{secret}', password 'y')"),
        format!("CREATE USER MAPPING FOR PUBLIC SERVER erp OPTIONS (user '{}', password '{secret}')", postgres::USER),
        "CREATE FOREIGN TABLE erp.account (id integer) SERVER erp OPTIONS (schema_name 'wired')".to_string(),
        // In one string: the next connection would have to give it.
        format!("ALTER ROLE onerow PASSWORD '{secret}'; ALTER ROLE onerow PASSWORD NULL"),
    ] {
        match onerow.sql(&statement) {
            Ok(_) => {}
            // psql repeats the statement's own line under an error; that is the user's own terminal.
            Err(said) => {
                let shown =
                    said.lines().filter(|line| !line.starts_with("LINE ") && !line.trim_start().starts_with('^'));
                found.push_str(&shown.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    found.push_str(&look_around(&onerow));
    found.push_str(&onerow.log());
    lacks!(found, secret);
    // Only the owner can read the file that must keep it.
    for entry in std::fs::read_dir(project.path().join(".onerow"))? {
        let path = entry?.path();
        let mode = std::fs::metadata(&path)?.permissions().mode() & 0o077;
        same!(mode, 0, "{}", path.display());
    }
    Ok(())
}

pub fn missing(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER erp FOREIGN DATA WRAPPER postgres OPTIONS (host 'localhost');\n\
         CREATE USER MAPPING FOR PUBLIC SERVER erp OPTIONS (user 'x', password '${env:ONEROW_TEST_UNSET}');\n\
         IMPORT FOREIGN SCHEMA public FROM SERVER erp INTO erp;\n",
    );
    let (code, out, said) = project.check();
    same!(code, 1, "{out}{said}");
    holds!(said, "ONEROW_TEST_UNSET");
    project.write(
        "10_main.sql",
        "CREATE SERVER erp FOREIGN DATA WRAPPER postgres OPTIONS (host 'localhost');\n\
         CREATE USER MAPPING FOR PUBLIC SERVER erp OPTIONS (user 'x', password '${file:gone.txt}');\n\
         IMPORT FOREIGN SCHEMA public FROM SERVER erp INTO erp;\n",
    );
    let (code, _, said) = project.check();
    same!(code, 1);
    holds!(said, "gone.txt");
    Ok(())
}
