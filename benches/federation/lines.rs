//! The questions, and what they are to cost of DuckDB's time.

use super::data::{self, Scale, Source};

/// A question, in SQL that all sides take.
pub struct Line {
    pub name: &'static str,
    pub what: &'static str,
    pub sql: String,
    /// Whether postgres_fdw can be asked: it reads no Parquet.
    pub fdw: bool,
    /// Whether the answer is the same for all: not of a limit without an order.
    pub fixed: bool,
    /// The ratio to DuckDB to reach.
    pub reach: f64,
}

impl Line {
    /// The same of PostgreSQL itself, where it has all that is asked for.
    pub fn in_postgres(&self) -> Option<String> {
        ["b", "e", "f", "g", "i"].contains(&self.name).then(|| self.sql.replace("pg.", ""))
    }
}

/// What k asks, with a gap for the e-mail.
pub const MERGED: &str = "SELECT email, name, city, sources FROM merged WHERE email = ";

/// Lines a to j.
pub fn all(scale: &Scale) -> Vec<Line> {
    let one = data::email(scale.people / 2 / 6 * 6 + 3);
    let (person, newest) = data::split(scale);
    let line = |name, what, reach, sql: String| Line { name, what, sql, fdw: true, fixed: true, reach };
    vec![
        line("a", "merged view, key = one e-mail", 0.1, format!("{MERGED}'{one}'")),
        line("b", "one source, indexed key", 0.12, format!("SELECT id, name FROM pg.customer WHERE email = '{one}'")),
        line(
            "c",
            "100 e-mails with customers with orders, sum",
            0.05,
            "SELECT count(*) AS n, sum(o.amount) AS total FROM wanted w JOIN pg.customer c ON c.email = w.email
               JOIN pg.orders o ON o.customer_id = c.id"
                .into(),
        ),
        line("d", "whole merged view, counts", 0.8, "SELECT count(*) AS n, sum(sources) AS records FROM merged".into()),
        line(
            "e",
            "join and aggregate inside one source",
            0.9,
            "SELECT c.city, count(*) AS n, sum(o.amount) AS total FROM pg.orders o
               JOIN pg.customer c ON c.id = o.customer_id GROUP BY c.city"
                .into(),
        ),
        line(
            "f",
            "top 10 of all orders",
            0.28,
            "SELECT id, amount FROM pg.orders ORDER BY amount DESC, id LIMIT 10".into(),
        ),
        Line {
            fixed: false,
            ..line("g", "LIMIT 5", 1.5, "SELECT id, customer_id, amount FROM pg.orders LIMIT 5".into())
        },
        Line {
            fdw: false,
            ..line(
                "h",
                "events joined with the merged view",
                0.8,
                "SELECT m.city, count(*) AS n FROM event v JOIN merged m ON m.email = v.email GROUP BY m.city".into(),
            )
        },
        line(
            "i",
            "read of all orders, distinct count and sum",
            0.8,
            "SELECT count(DISTINCT customer_id) AS n, sum(amount) AS total FROM pg.orders".into(),
        ),
        line(
            "j",
            "merged view, filter on two merged columns, won by different rows",
            0.3,
            format!(
                "SELECT email, name, city FROM merged WHERE name = '{}' AND city = '{}'",
                data::name(person, newest),
                data::city(person, Source::Mariadb)
            ),
        ),
    ]
}
