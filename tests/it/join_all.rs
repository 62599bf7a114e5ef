//! Sources of every kind in one statement: right to the row, in little memory.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int16Array, Int32Array};
use datafusion::arrow::record_batch::RecordBatch;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Test;
use super::support::data::parquet;
use super::support::{Fixtures, Outcome, Project};

pub const TESTS: &[Test] = &[("five_sources_in_one_statement", five_sources)];

const CUSTOMERS: i32 = 200_000;
const ORDERS: i32 = 2_000_000;
const EVENTS: usize = 5_000_000;
const WANTED: usize = 100;
/// The memory that the server may have had at its peak.
const MEMORY: u64 = 1 << 30;

fn email(id: i32) -> String {
    format!("c{id}@example.com")
}

/// Rows of servers as a map by e-mail address: orders, and their total.
fn by_email(rows: &str, separator: char) -> HashMap<String, (String, String)> {
    rows.lines()
        .filter_map(|line| {
            let mut cells = line.split(separator).map(str::to_string);
            Some((cells.next()?, (cells.next()?, cells.next()?)))
        })
        .collect()
}

fn five_sources(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut wanted: Vec<i32> = vec![];
    while wanted.len() < WANTED {
        let id = rng.random_range(1..=CUSTOMERS);
        if !wanted.contains(&id) {
            wanted.push(id);
        }
    }
    let list = wanted.iter().map(|id| format!("'{}'", email(*id))).collect::<Vec<_>>().join(",");
    let per_customer = "SELECT c.email, count(*), sum(o.total) FROM joined.customer c
                          JOIN joined.orders o ON o.customer_id = c.id WHERE c.email IN";

    // Each server makes its own rows and knows its own answer.
    let postgres = fixtures.postgres();
    postgres.sql(&format!(
        "CREATE SCHEMA joined;
         CREATE TABLE joined.customer AS SELECT g AS id, 'c' || g || '@example.com' AS email, 'n' || g AS name
           FROM generate_series(1, {CUSTOMERS}) AS g;
         CREATE TABLE joined.orders AS SELECT g AS id, (g::bigint * 7919 % {CUSTOMERS} + 1)::int AS customer_id,
           ((g % 10007) * 0.01)::numeric(12,2) AS total FROM generate_series(1, {ORDERS}) AS g;
         ANALYZE joined.customer; ANALYZE joined.orders;"
    ));
    let erp = by_email(&postgres.sql(&format!("{per_customer} ({list}) GROUP BY c.email")), '|');
    let mariadb = fixtures.mariadb();
    mariadb.sql(&format!(
        "CREATE DATABASE joined CHARACTER SET utf8mb4; USE joined;
         CREATE TABLE customer (id INT PRIMARY KEY, email VARCHAR(60), name VARCHAR(60)) ENGINE = InnoDB;
         CREATE TABLE orders (id INT PRIMARY KEY, customer_id INT, total DECIMAL(12,2)) ENGINE = InnoDB;
         INSERT INTO customer SELECT seq, CONCAT('c', seq, '@example.com'), CONCAT('m', seq) FROM seq_1_to_{CUSTOMERS};
         INSERT INTO orders SELECT seq, seq * 104729 % {CUSTOMERS} + 1, (seq % 5003) * 0.01 FROM seq_1_to_{ORDERS};"
    ));
    let shop = by_email(&mariadb.sql(&format!("{per_customer} ({list}) GROUP BY c.email")), '\t');

    let project = Project::new(&format!(
        "{}{} CREATE SERVER crm FOREIGN DATA WRAPPER sqlite OPTIONS (database 'crm.db');
         CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location 'data');
         IMPORT FOREIGN SCHEMA joined FROM SERVER erp INTO erp;
         IMPORT FOREIGN SCHEMA joined FROM SERVER shop INTO shop;
         IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO crm;
         CREATE FOREIGN TABLE lake.event SERVER lake OPTIONS (path 'event/*.parquet');
         CREATE FOREIGN TABLE lake.wanted (id integer, email text) SERVER lake OPTIONS (path 'wanted.csv');",
        postgres.declared("erp"),
        mariadb.declared("shop")
    ));
    let tickets = crm(&project.path().join("crm.db"), &mut rng)?;
    let events = lake(&project, &mut rng)?;
    let lines: Vec<String> = wanted.iter().map(|id| format!("{id},{}\n", email(*id))).collect();
    project.write("data/wanted.csv", format!("id,email\n{}", lines.concat()));

    let onerow = project.serve();
    let found = onerow.sql(
        "SELECT w.id, e.orders, e.total, s.orders, s.total, t.tickets, v.events, v.kinds
           FROM lake.wanted w
           JOIN (SELECT c.email, count(*) AS orders, sum(o.total) AS total FROM erp.customer c
                   JOIN erp.orders o ON o.customer_id = c.id GROUP BY c.email) e ON e.email = w.email
           JOIN (SELECT c.email, count(*) AS orders, sum(o.total) AS total FROM shop.customer c
                   JOIN shop.orders o ON o.customer_id = c.id GROUP BY c.email) s ON s.email = w.email
           LEFT JOIN (SELECT email, count(*) AS tickets FROM crm.ticket GROUP BY email) t ON t.email = w.email
           LEFT JOIN (SELECT customer_id, count(*) AS events, sum(kind) AS kinds FROM lake.event GROUP BY customer_id) v
             ON v.customer_id = w.id
          ORDER BY w.id",
    )?;
    let mut expected = vec![];
    wanted.sort_unstable();
    for id in &wanted {
        let (erp_orders, erp_total) = erp.get(&email(*id)).ok_or("an order for each customer")?;
        let (shop_orders, shop_total) = shop.get(&email(*id)).ok_or("an order for each customer")?;
        let tickets = tickets.get(id).map_or("NULL".to_string(), |count| count.to_string());
        let events = events.get(id).map_or("NULL|NULL".to_string(), |(count, kinds)| format!("{count}|{kinds}"));
        expected.push(format!("{id}|{erp_orders}|{erp_total}|{shop_orders}|{shop_total}|{tickets}|{events}"));
    }
    for (found, expected) in found.lines().zip(&expected) {
        same!(found, expected);
    }
    same!(found.lines().count(), WANTED);
    let most = onerow.memory("VmHWM");
    same!(most < MEMORY, true, "{} MiB at the peak", most >> 20);
    Ok(())
}

/// A CRM in SQLite; the tickets of each customer that has any.
fn crm(path: &std::path::Path, rng: &mut ChaCha8Rng) -> Result<HashMap<i32, u32>, rusqlite::Error> {
    let mut database = rusqlite::Connection::open(path)?;
    database.execute_batch("CREATE TABLE ticket (id INTEGER PRIMARY KEY, email TEXT, subject TEXT)")?;
    let mut tickets: HashMap<i32, u32> = HashMap::new();
    let transaction = database.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO ticket (email, subject) VALUES (?1, ?2)")?;
        for n in 0..300_000 {
            let id = rng.random_range(1..=CUSTOMERS);
            insert.execute(rusqlite::params![email(id), format!("subject {n}")])?;
            *tickets.entry(id).or_default() += 1;
        }
    }
    transaction.commit()?;
    Ok(tickets)
}

/// Events in five Parquet files; how many each customer has, and the sum of their kinds.
fn lake(
    project: &Project,
    rng: &mut ChaCha8Rng,
) -> Result<HashMap<i32, (u64, i64)>, datafusion::arrow::error::ArrowError> {
    let mut events: HashMap<i32, (u64, i64)> = HashMap::new();
    for file in 0..5 {
        let (mut customers, mut kinds) = (vec![], vec![]);
        for _ in 0..EVENTS / 5 {
            let (id, kind) = (rng.random_range(1..=CUSTOMERS), rng.random_range(0..9i16));
            let entry = events.entry(id).or_default();
            entry.0 += 1;
            entry.1 += i64::from(kind);
            customers.push(id);
            kinds.push(kind);
        }
        let batch = RecordBatch::try_from_iter([
            ("customer_id", Arc::new(Int32Array::from(customers)) as ArrayRef),
            ("kind", Arc::new(Int16Array::from(kinds)) as ArrayRef),
        ])?;
        project.write(&format!("data/event/{file}.parquet"), parquet(&[batch]));
    }
    Ok(events)
}
