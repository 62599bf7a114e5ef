//! Plans that are used again give the rows of plans that are made with their values.

use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::Test;
use super::federation_keys::ugly;
use super::support::wire::{Fault, Raw, rows};
use super::support::{Fixtures, Outcome, block_on};

pub const TESTS: &[Test] = &[
    ("look_ups_are_the_same_with_a_plan_of_other_values", look_ups),
    ("parameters_are_the_same_with_a_plan_of_other_values", parameters),
    ("definitions_that_change_are_seen", definitions),
    ("few_rows_are_not_spread_over_threads", few_rows),
];

/// What looks something up, at each kind of source and above several.
const QUERIES: &[&str] = &[
    "SELECT id, email, name FROM erp.person WHERE email = {}",
    "SELECT id, email, name FROM shop.account WHERE {} = email",
    "SELECT id, email, name FROM crm.contact WHERE email = {}",
    "SELECT id, email, name FROM lake.people WHERE email = {} AND boss = 9",
    "SELECT id FROM erp.person WHERE lower(email) = {}",
    "SELECT id FROM shop.account WHERE normalize_email(email) = {}",
    "SELECT source, record_id, name FROM clean WHERE email = {}",
    "SELECT source, name FROM clean WHERE record_id = {}",
    "SELECT email, name, boss, rows FROM customer WHERE email = {}",
    "SELECT email, rows FROM customer WHERE name = {}",
    "SELECT email, name, boss, rows FROM raw WHERE email = {} AND rows > 1",
    "SELECT count(*) FROM clean WHERE email = {} AND source = 'erp'",
    "SELECT n FROM lake.wanted WHERE email IN (SELECT email FROM erp.person WHERE name = {})",
    "SELECT p.id, w.n FROM erp.person p JOIN lake.wanted w ON w.email = p.email WHERE p.email = {}",
    "SELECT p.id, c.id FROM erp.person p LEFT JOIN crm.contact c ON c.email = p.email WHERE p.name = {}",
    "SELECT id FROM erp.person WHERE email = {} ORDER BY id LIMIT 1",
    "SELECT name, count(*) FROM erp.person WHERE email = {} GROUP BY name HAVING count(*) = 2",
    "SELECT id, (SELECT max(n) FROM lake.wanted WHERE email = {}) FROM erp.person WHERE id = 1",
    "SELECT id, name FROM erp.person WHERE id = (SELECT min(id) FROM shop.account WHERE email = {})",
    "SELECT id FROM erp.person WHERE id = {}",
    "SELECT name AS \"the name\", id AS email FROM erp.person WHERE email = {} AND boss IS NULL",
    "SELECT name FROM shop.account WHERE id = {}",
    "SELECT boss, a.email AS e FROM (SELECT * FROM crm.contact) a WHERE name = {}",
    "SELECT id FROM shop.account WHERE id = {} AND boss = 1",
    "SELECT id, body FROM crm.contact c JOIN erp.note n ON n.person = c.id WHERE c.id = {}",
];

const VALUES: &[&str] = &[
    "'ann@x.org'",
    "'Ann@X.org'",
    "'it''s@x.org'",
    r"'x\'' OR 1=1 --'",
    r#"'a"b\c,{}@x.org'"#,
    "''",
    "'bob@x.org '",
    "'café@x.org'",
    "'ÄNN@x.org'",
    "'Bob'",
    "'BOB'",
    "'7'",
    "'07'",
    "'ann@x.org'",
    "1",
    "20",
    "32768",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "1.5",
    "NULL",
    "'eve@x.org'",
    "7",
];

async fn shown(client: &Client, sql: &str) -> Result<Vec<Vec<Option<String>>>, Fault> {
    let mut found = rows(client, sql).await?;
    found.sort();
    Ok(found)
}

fn look_ups(fixtures: &Fixtures) -> Outcome {
    let project = ugly(fixtures, "cached_literals")?;
    let onerow = project.serve();
    block_on(async {
        let (again, anew) = (onerow.client().await, onerow.client().await);
        rows(&again, "SET plan_cache_mode = force_generic_plan").await?;
        rows(&anew, "SET plan_cache_mode = force_custom_plan").await?;
        let mut wrong = vec![];
        for query in QUERIES {
            // Of each value once before the others and once after them.
            for value in VALUES.iter().chain(VALUES.iter().rev()) {
                let sql = query.replace("{}", value);
                let (found, expected) = (shown(&again, &sql).await, shown(&anew, &sql).await);
                let alike = match (&found, &expected) {
                    (Ok(found), Ok(expected)) => found == expected,
                    (Err(found), Err(expected)) => found.code() == expected.code() && found.place() == expected.place(),
                    _ => false,
                };
                if !alike {
                    wrong.push(format!("{sql}\n    again: {found:?}\n    anew: {expected:?}"));
                }
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
    })
}

fn parameters(fixtures: &Fixtures) -> Outcome {
    let project = ugly(fixtures, "cached_parameters")?;
    let onerow = project.serve();
    block_on(async {
        let (again, anew) = (onerow.client().await, onerow.client().await);
        rows(&again, "SET plan_cache_mode = force_generic_plan").await?;
        rows(&anew, "SET plan_cache_mode = force_custom_plan").await?;
        let texts =
            [Some("ann@x.org"), None, Some("Bob"), Some("x' OR 1=1 --"), Some(""), Some("bob@x.org"), Some("7")];
        let numbers = [Some(1i32), None, Some(20), Some(i32::MAX), Some(-1), Some(7)];
        for query in QUERIES {
            let sql = query.replace("{}", "$1");
            let (Ok(mine), Ok(theirs)) = (again.prepare(&sql).await, anew.prepare(&sql).await) else {
                return Err(format!("cannot be prepared: {sql}").into());
            };
            let values: Vec<Box<dyn ToSql + Sync>> = match mine.params().first().map(|kind| kind.name()) {
                Some("int4") => numbers.iter().map(|number| Box::new(*number) as Box<dyn ToSql + Sync>).collect(),
                Some("int8") => {
                    numbers.iter().map(|number| Box::new(number.map(i64::from)) as Box<dyn ToSql + Sync>).collect()
                }
                _ => texts.iter().map(|text| Box::new(*text) as Box<dyn ToSql + Sync>).collect(),
            };
            for value in &values {
                let found = told(again.query(&mine, &[value.as_ref()]).await?);
                let expected = told(anew.query(&theirs, &[value.as_ref()]).await?);
                same!(found, expected, "{sql} with {value:?}");
            }
        }
        Ok(())
    })
}

/// The rows' bytes, in an order of their own.
fn told(rows: Vec<tokio_postgres::Row>) -> Vec<Vec<Option<Vec<u8>>>> {
    let mut told: Vec<Vec<Option<Vec<u8>>>> =
        rows.iter().map(|row| (0..row.len()).map(|column| row.get::<_, Raw>(column).0).collect()).collect();
    told.sort();
    told
}

fn definitions(fixtures: &Fixtures) -> Outcome {
    let project = ugly(fixtures, "cached_definitions")?;
    let onerow = project.serve();
    block_on(async {
        let (one, other) = (onerow.client().await, onerow.client().await);
        let ask = "SELECT n FROM seen WHERE email = 'ann@x.org'";
        let answer = |n: &str| Ok::<_, Fault>(vec![vec![Some(n.to_string())]]);
        rows(&one, "CREATE VIEW seen AS SELECT email, count(*) AS n FROM erp.person GROUP BY email").await?;
        for _ in 0..4 {
            same!(rows(&one, ask).await, answer("2"), "the first view");
            same!(rows(&other, ask).await, answer("2"), "of another session");
        }
        rows(&one, "CREATE OR REPLACE VIEW seen AS SELECT email, count(*) * 10 AS n FROM erp.person GROUP BY email")
            .await?;
        for _ in 0..3 {
            same!(rows(&one, ask).await, answer("20"), "the second view");
            same!(rows(&other, ask).await, answer("20"), "the second view of another session");
        }
        rows(&one, "BEGIN; CREATE OR REPLACE VIEW seen AS SELECT email, 0::bigint AS n FROM erp.person WHERE id = 1")
            .await?;
        for _ in 0..3 {
            same!(rows(&one, ask).await, answer("0"), "a block's own view");
            same!(rows(&other, ask).await, answer("20"), "what is committed");
        }
        rows(&one, "ROLLBACK").await?;
        same!(rows(&one, ask).await, answer("20"), "after the block");
        let sent = "SELECT count(*) FROM erp.person WHERE email = 'ann@x.org'";
        for mode in ["on", "always", "filters", "off"] {
            rows(&one, &format!("SET onerow.push_down = {mode}")).await?;
            for _ in 0..3 {
                same!(rows(&one, sent).await, answer("2"), "{mode}");
            }
        }
        Ok(())
    })
}

fn few_rows(fixtures: &Fixtures) -> Outcome {
    let project = ugly(fixtures, "cached_few")?;
    let onerow = project.serve();
    for condition in ["email = 'ann@x.org'", "'ann@x.org' = email AND rows > 1"] {
        let plan = onerow.sql(&format!("EXPLAIN SELECT * FROM raw WHERE {condition}"))?;
        same!(plan.contains("RepartitionExec"), false, "{plan}");
        same!(plan.matches("SourceScan").count(), 3, "{plan}");
    }
    Ok(())
}
