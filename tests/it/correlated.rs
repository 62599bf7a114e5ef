//! Correlated subqueries whose conditions are more than equalities, over the tables of a source.

use super::Test;
use super::support::{Fixtures, Outcome, Project};

pub const TESTS: &[Test] = &[("subqueries_over_a_source_answer_as_the_source", answered)];

fn answered(fixtures: &Fixtures) -> Outcome {
    let postgres = fixtures.postgres();
    postgres.sql(
        "CREATE SCHEMA correlated; SET search_path = correlated;
         CREATE TABLE customer (id int PRIMARY KEY, since date, city text);
         INSERT INTO customer SELECT g, CASE WHEN g % 7 > 0 THEN date '2020-01-01' + g * 3 END, 'c' || g % 5
           FROM generate_series(1, 60) g;
         CREATE TABLE orders (id int PRIMARY KEY, customer int, at date, total numeric(8,2));
         INSERT INTO orders SELECT g, g * 7 % 70, date '2020-01-01' + g % 200, g / 3.0 FROM generate_series(1, 400) g;",
    );
    let project = Project::new(&format!(
        "{} IMPORT FOREIGN SCHEMA correlated FROM SERVER pg INTO correlated;",
        postgres.declared("pg")
    ));
    let onerow = project.serve();
    for query in [
        "SELECT c.id, (SELECT count(*) FROM correlated.orders o WHERE o.customer = c.id AND o.at > c.since)
           FROM correlated.customer c ORDER BY 1",
        "SELECT c.id, coalesce((SELECT sum(o.total) FROM correlated.orders o WHERE o.at < c.since AND o.total > 50), -1.00)
           FROM correlated.customer c WHERE c.city <> 'c3' ORDER BY 1",
        "SELECT count(*) FROM correlated.orders o
           WHERE o.total > (SELECT avg(p.total) FROM correlated.orders p WHERE p.at <= o.at)",
        "SELECT c.city, sum((SELECT count(*) FROM correlated.orders o WHERE o.customer = c.id AND o.at >= c.since))
           FROM correlated.customer c GROUP BY 1 ORDER BY 1",
    ] {
        let (found, expected) = (onerow.sql(query)?, postgres.sql(query));
        if found.trim() != expected.trim() {
            return Err(format!("{query}\n{found}\nPostgreSQL:\n{expected}").into());
        }
    }
    Ok(())
}
