//! `lineage`, `conflicts`, `diff_views` and `onerow_column_lineage` over real sources.

use std::sync::Once;

use rusqlite::Connection;

use super::Test;
use super::support::mariadb::Mariadb;
use super::support::postgres::Postgres;
use super::support::pushdown::sent;
use super::support::wire::{Fault, rows};
use super::support::{Fixtures, Outcome, Project, block_on};

pub const TESTS: &[Test] = &[
    ("candidates_come_from_every_source", candidates),
    ("a_key_reaches_every_source", pushed),
    ("what_is_chosen_is_in_the_view", chosen),
    ("columns_are_traced_to_tables", columns),
    ("views_survive_a_restart", restart),
    ("one_group_of_all_rows_keeps_to_the_memory", memory),
];

const VIEWS: &str = "
    CREATE VIEW clean.person AS
      SELECT 'erp' AS source, id::text AS record_id, normalize_email(email) AS email, name, city, updated_at
        FROM lineage_it.person
      UNION ALL
      SELECT 'sales', id::text, normalize_email(email), normalize_name(name), city, updated_at FROM sales.person
      UNION ALL
      SELECT 'desk', id::text, normalize_email(email), coalesce(name, 'unknown'), city, NULL::timestamptz FROM desk.person;
    CREATE VIEW customer AS
      SELECT email, newest(name, updated_at) AS name,
             most_trusted(city, CASE source WHEN 'erp' THEN 2 ELSE 1 END, updated_at) AS city,
             count(DISTINCT source) AS sources
        FROM clean.person WHERE email IS NOT NULL GROUP BY email;
    COMMENT ON COLUMN customer.city IS 'Where they live';
    CREATE VIEW customer_next AS
      SELECT email, newest(name, updated_at) AS name, majority(city) AS city, count(DISTINCT source) AS sources
        FROM clean.person WHERE email IS NOT NULL GROUP BY email;
    CREATE VIEW report AS SELECT upper(name) AS shout, city, email FROM customer;
    CREATE VIEW contact AS SELECT email, newest(name, updated_at) AS name FROM clean.person WHERE email IS NOT NULL GROUP BY email;
    CREATE VIEW place AS SELECT email, majority(city) AS city FROM clean.person WHERE city <> '' GROUP BY email;
    CREATE VIEW joined AS SELECT email, name, city FROM contact JOIN place USING (email);
    CREATE VIEW united AS SELECT 'name' AS kind, * FROM contact UNION ALL SELECT 'city', * FROM place;";

static FILLED: Once = Once::new();

fn fill(postgres: &Postgres, mariadb: &Mariadb) {
    postgres.sql(
        "CREATE SCHEMA lineage_it;
         CREATE TABLE lineage_it.person (id int PRIMARY KEY, email text, name text, city text, updated_at timestamptz);
         INSERT INTO lineage_it.person VALUES (1, 'ann@x.de', 'Ann O''Lee', 'Bern', '2024-01-01Z'),
           (2, 'wei@x.cn', '北京 Wei', NULL, '9999-12-31Z'), (3, NULL, 'Nobody', 'Bern', NULL);
         INSERT INTO lineage_it.person SELECT g, 'p' || g || '@x.de', 'n' || g, 'c' || g % 7, '2020-01-01Z' FROM generate_series(100, 5000) g;",
    );
    mariadb.sql(
        "CREATE DATABASE lineage_it; USE lineage_it;
         CREATE TABLE person (id INT PRIMARY KEY, email VARCHAR(80), name VARCHAR(80), city VARCHAR(80), updated_at DATETIME(6))
           CHARACTER SET utf8mb4 ENGINE = InnoDB;
         INSERT INTO person VALUES (7, 'Ann@X.de ', ' ann  o''lee ', 'Basel', '2024-03-01'), (8, 'isik@x.tr', 'IŞIK', 'İzmir', '1969-12-31');
         INSERT INTO person SELECT seq, CONCAT('p', seq, '@x.de'), CONCAT('N', seq), 'Genf', '2021-01-01' FROM seq_100_to_5000;",
    );
}

fn project(fixtures: &Fixtures) -> Result<Project, rusqlite::Error> {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    // Tests run side by side: a table that one reads must stay.
    FILLED.call_once(|| fill(postgres, mariadb));
    let project = Project::new(&format!(
        "{} {} CREATE SERVER desk FOREIGN DATA WRAPPER sqlite OPTIONS (database 'desk.db');
         IMPORT FOREIGN SCHEMA lineage_it FROM SERVER pg INTO lineage_it;
         IMPORT FOREIGN SCHEMA lineage_it FROM SERVER my INTO sales;
         IMPORT FOREIGN SCHEMA main FROM SERVER desk INTO desk; {VIEWS}",
        postgres.declared("pg"),
        mariadb.declared_with("my", ", timezone 'UTC'"),
    ));
    let database = Connection::open(project.path().join("desk.db"))?;
    database.execute_batch(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, email TEXT, name TEXT, city TEXT);
         INSERT INTO person VALUES (4, 'ann@x.de', NULL, 'Basel'), (5, 'ann@x.de', 'Ann O''Lee', '');",
    )?;
    Ok(project)
}

fn candidates(fixtures: &Fixtures) -> Outcome {
    let project = project(fixtures)?;
    let onerow = project.serve();
    let asked = "SELECT column_name, value, source, record_id, chosen, tie_level, changed FROM lineage('customer')
                  WHERE email = 'ann@x.de' ORDER BY column_name, chosen DESC, source, record_id";
    let told = "city|Bern|erp|1|t|rule|NULL
city|Basel|desk|4|f|rule|NULL
city||desk|5|f|rule|NULL
city|Basel|sales|7|f|rule|NULL
name|Ann O'Lee|sales|7|t|rule|repaired: normalize_name
name|unknown|desk|4|f|rule|imputed: coalesce
name|Ann O'Lee|desk|5|f|rule|NULL
name|Ann O'Lee|erp|1|f|rule|NULL";
    same!(onerow.sql(asked)?, told);
    same!(
        onerow.sql("SELECT column_name, value, distinct_values, sources FROM conflicts('customer') WHERE email = 'ann@x.de' ORDER BY 1")?,
        "city|Bern|3|{erp,\"desk, sales\",desk}\nname|Ann O'Lee|2|{\"desk, erp, sales\",desk}"
    );
    same!(
        onerow.sql("SELECT column_name, change, before, after, before_reason, after_reason FROM diff_views('customer', 'customer_next') WHERE email = 'ann@x.de'")?,
        "city|changed|Bern|Basel|most_trusted: erp 1 at 2024-01-01 00:00:00+00|majority: desk 4"
    );
    // As a prepared statement, twice; and the view that reads it.
    let looked_up: Outcome = block_on(async {
        let client = super::support::onerow::connect(&onerow.config()).await?;
        let sql = "SELECT count(*), count(*) FILTER (WHERE chosen) FROM lineage('customer') WHERE email = $1";
        let statement = client.prepare(sql).await.map_err(Fault::from)?;
        let mut counts = vec![];
        for mail in ["ann@x.de", "isik@x.tr", "nobody@x.de", "p200@x.de"] {
            let row = client.query_one(&statement, &[&mail]).await.map_err(Fault::from)?;
            counts.push((row.get::<_, i64>(0), row.get::<_, i64>(1)));
        }
        same!(rows(&client, "SELECT count(*) FROM lineage('report') WHERE email = 'ann@x.de'").await?.len(), 1);
        same!(counts, [(8, 2), (2, 2), (0, 0), (4, 2)]);
        Ok(())
    });
    looked_up?;
    let said = onerow.psql(&["-c", "SELECT *\n  FROM lineage('custmer')"]).1;
    for part in ["relation \"custmer\" does not exist", "LINE 2:   FROM lineage('custmer')", "HINT:  Perhaps you meant"]
    {
        holds!(said, part);
    }
    holds!(onerow.psql(&["-c", "\\df lineage"]).0, "view text");
    Ok(())
}

fn pushed(fixtures: &Fixtures) -> Outcome {
    let project = project(fixtures)?;
    let onerow = project.serve();
    for function in [
        "lineage('customer')",
        "lineage('report')",
        "lineage('joined')",
        "lineage('united')",
        "conflicts('customer')",
        "conflicts('joined')",
        "diff_views('customer', 'customer_next')",
        "diff_views('customer', 'joined')",
    ] {
        let lines = sent(&onerow, &format!("SELECT * FROM {function} WHERE email = 'ann@x.de'"))?;
        for server in ["pg", "my", "desk"] {
            let of_server: Vec<&String> =
                lines.iter().filter(|line| line.contains(&format!("server={server},"))).collect();
            if of_server.is_empty() || of_server.iter().any(|line| !line.contains(" WHERE ")) {
                return Err(format!("{function} reads all of {server}:\n{}", lines.join("\n")).into());
            }
        }
    }
    same!(
        onerow.sql(
            "SELECT column_name, value, source FROM lineage('joined') WHERE email = 'ann@x.de' AND chosen ORDER BY 1"
        )?,
        "city|Basel|desk\nname|Ann O'Lee|sales"
    );
    same!(sent(&onerow, "SELECT * FROM lineage('united') WHERE email = 'ann@x.de'")?.len(), 6);
    // One scan a source, whatever the number of columns.
    same!(sent(&onerow, "SELECT * FROM lineage('customer') WHERE email = 'ann@x.de'")?.len(), 3);
    // Keys that are found at run time go through it too.
    let joined = "SELECT l.value FROM (VALUES ('ann@x.de'), ('isik@x.tr')) AS k (mail)
                    JOIN lineage('customer') AS l ON l.email = k.mail WHERE l.chosen AND l.column_name = 'city' ORDER BY 1";
    same!(onerow.sql(joined)?, "Bern\nİzmir");
    holds!(sent(&onerow, joined)?.join("\n"), "keys");
    Ok(())
}

fn chosen(fixtures: &Fixtures) -> Outcome {
    let project = project(fixtures)?;
    let onerow = project.serve();
    for mode in ["on", "off", "filters", "always"] {
        let differing = onerow.sql(&format!(
            "SET onerow.push_down = {mode};
             SELECT count(*) FROM customer AS c FULL JOIN
                (SELECT email, max(value) FILTER (WHERE column_name = 'name') AS name,
                        max(value) FILTER (WHERE column_name = 'city') AS city, count(*) AS cells
                   FROM lineage('customer') WHERE chosen GROUP BY email) AS l ON l.email = c.email
              WHERE (l.name IS DISTINCT FROM c.name) OR (l.city IS DISTINCT FROM c.city)
                 OR cells <> (c.name IS NOT NULL)::int + (c.city IS NOT NULL)::int"
        ))?;
        same!(differing, "0", "{mode}");
    }
    same!(
        onerow.sql("SELECT count(DISTINCT email) FROM lineage('customer')")?,
        onerow.sql("SELECT count(*) FROM customer")?
    );
    Ok(())
}

fn columns(fixtures: &Fixtures) -> Outcome {
    let project = project(fixtures)?;
    let onerow = project.serve();
    same!(
        onerow.sql(
            "SELECT source_schema, source_table, source_column, functions, merge_rule FROM onerow_column_lineage
              WHERE view_name = 'report' AND column_name = 'shout' ORDER BY 1"
        )?,
        "desk|person|name|{coalesce,newest,upper}|newest
lineage_it|person|name|{newest,upper}|newest
sales|person|name|{normalize_name,newest,upper}|newest"
    );
    same!(
        onerow.sql(
            "SELECT column_name, source_schema IS NULL, functions FROM onerow_column_lineage
              WHERE view_schema = 'clean' AND column_name = 'source'"
        )?,
        "source|t|{}"
    );
    let described = onerow.psql(&["-c", "\\d+ customer"]).0;
    for part in ["newest by updated_at", "Where they live"] {
        holds!(described, part);
    }
    lacks!(described, "most_trusted by");
    same!(
        onerow.sql("SELECT col_description('report'::regclass, 2), col_description('customer_next'::regclass, 3)")?,
        "most_trusted by CASE source WHEN 'erp' THEN 2 ELSE 1 END, updated_at|majority"
    );
    Ok(())
}

fn restart(fixtures: &Fixtures) -> Outcome {
    let project = project(fixtures)?;
    let onerow = project.serve();
    onerow
        .sql("CREATE VIEW told AS SELECT email, value FROM lineage('report') WHERE chosen AND column_name = 'city'")?;
    let ask = "SELECT value FROM told WHERE email = 'ann@x.de'";
    same!(onerow.sql(ask)?, "Bern");
    onerow.kill();
    same!(project.serve().sql(ask)?, "Bern");
    Ok(())
}

/// What is told of one group of all rows is more than its rows.
fn memory(_: &Fixtures) -> Outcome {
    let merged = "newest(v, n) AS a, oldest(v, n) AS b, majority(v) AS c, longest(v) AS d FROM rows";
    let project = Project::new(&format!(
        "CREATE VIEW rows AS SELECT n, 'v' || n AS v FROM generate_series(1, 100000) AS g (n);
         CREATE VIEW one AS SELECT {merged};
         CREATE VIEW many AS SELECT n, {merged} WHERE n <= 10000 GROUP BY n;"
    ));
    let onerow = project.serve_with(&["--memory", "64MB"], &[]);
    block_on(async {
        let client = onerow.client().await;
        let told = |view: &str| format!("SELECT count(*) FROM lineage('{view}')");
        same!(rows(&client, &told("one")).await.map(|_| ()).map_err(|fault| fault.state), Err("53200".to_string()));
        same!(rows(&client, &told("many")).await.map_err(|fault| fault.state)?.len(), 1);
        Ok(())
    })
}
