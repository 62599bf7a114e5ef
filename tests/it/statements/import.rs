//! IMPORT FOREIGN SCHEMA and foreign tables without columns.

use super::super::support::{Fixtures, Outcome, Project};

fn project() -> Result<Project, rusqlite::Error> {
    let project = Project::new("CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db');");
    let database = rusqlite::Connection::open(project.path().join("crm.db"))?;
    database.execute_batch(
        r#"CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born DATE, worth DECIMAL(10,2));
           CREATE TABLE contact (id INTEGER PRIMARY KEY, account_id INTEGER);
           CREATE TABLE "Order" ("Id" INTEGER, "select" TEXT, "two words" TEXT, "qu""ote" TEXT);
           CREATE VIEW known AS SELECT name FROM account;
           INSERT INTO account VALUES (1, 'Ann', '1969-07-20', 12.5);
           INSERT INTO "Order" VALUES (7, 's', 'w', 'q');"#,
    )?;
    Ok(project)
}

const TABLES: &str =
    "SELECT string_agg(table_name, ',' ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'crm'";

pub fn limits(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    onerow.sql("IMPORT FOREIGN SCHEMA main LIMIT TO (account, contact) FROM SERVER crm INTO crm")?;
    same!(onerow.sql(TABLES)?, "account,contact");
    refused!(
        onerow.sql("IMPORT FOREIGN SCHEMA main LIMIT TO (account) FROM SERVER crm INTO crm"),
        "42P07",
        "relation \"account\" already exists"
    );
    // All or none: what was there before the name that is taken is not left behind.
    refused!(onerow.sql("IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm"), "42P07");
    same!(onerow.sql(TABLES)?, "account,contact");
    onerow.sql("DROP SCHEMA crm CASCADE")?;
    onerow.sql("IMPORT FOREIGN SCHEMA main EXCEPT (account, known) FROM SERVER crm INTO crm")?;
    same!(onerow.sql(TABLES)?, "Order,contact");
    refused!(
        onerow.sql("IMPORT FOREIGN SCHEMA main LIMIT TO (acount) FROM SERVER crm INTO other"),
        "HV00R",
        "acount",
        "crm"
    );
    refused!(onerow.sql("IMPORT FOREIGN SCHEMA main FROM SERVER nope INTO other"), "42704", "server \"nope\"");
    same!(onerow.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'other'")?, "0");
    Ok(())
}

pub fn names_and_types(_: &Fixtures) -> Outcome {
    let project = project()?;
    let onerow = project.serve();
    onerow.sql("IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm")?;
    same!(onerow.sql("SELECT * FROM crm.account")?, "1|Ann|1969-07-20|12.50");
    same!(onerow.sql("SELECT name FROM crm.known")?, "Ann");
    same!(
        onerow.sql(r#"SELECT "Id", "select", "two words", "qu""ote" FROM crm."Order" WHERE "select" = 's'"#)?,
        "7|s|w|q"
    );
    same!(
        onerow.sql(
            "SELECT string_agg(column_name || ' ' || data_type || ' ' || is_nullable, ', ' ORDER BY ordinal_position)
               FROM information_schema.columns WHERE table_schema = 'crm' AND table_name = 'account'"
        )?,
        "id bigint NO, name text NO, born date YES, worth numeric YES"
    );
    // Columns that are left out are inferred; declared ones keep their names, order and types.
    onerow.sql("CREATE FOREIGN TABLE mine.inferred SERVER crm OPTIONS (\"table\" 'account')")?;
    same!(onerow.sql("SELECT born, name FROM mine.inferred")?, "1969-07-20|Ann");
    onerow.sql(
        "CREATE FOREIGN TABLE mine.declared (who varchar(20) OPTIONS (column_name 'name'), id integer)
           SERVER crm OPTIONS (\"table\" 'account')",
    )?;
    same!(onerow.sql("SELECT * FROM mine.declared")?, "Ann|1");
    refused!(
        onerow.sql("CREATE FOREIGN TABLE mine.wrong (nope text) SERVER crm OPTIONS (\"table\" 'account')"),
        "42703",
        "nope"
    );
    refused!(onerow.sql("CREATE FOREIGN TABLE mine.wrong SERVER crm OPTIONS (\"table\" 'nope')"), "HV00R", "nope");
    Ok(())
}
