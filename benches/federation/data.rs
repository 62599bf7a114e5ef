//! The tables, made by the same arithmetic in every source.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::parquet::arrow::ArrowWriter;

use super::support::mariadb::Mariadb;
use super::support::postgres::Postgres;

/// How large the tables are.
#[derive(Clone, Copy)]
pub struct Scale {
    /// All customers there are; each source lacks one in six.
    pub people: u64,
    pub orders: u64,
    pub events: u64,
}

/// How many e-mails the CSV file has.
pub const WANTED: u64 = 100;

impl Scale {
    /// The whole of it, times a factor.
    pub fn of(factor: f64) -> Scale {
        let times = |base: f64| (base * factor) as u64;
        // A multiple of six, so that every source lacks as many.
        Scale { people: times(40_000.0).max(100) * 6, orders: times(2_000_000.0), events: times(5_000_000.0) }
    }

    /// The customers of one source.
    pub fn customers(&self) -> u64 {
        self.people / 6 * 5
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} customers in each of PostgreSQL, MariaDB and SQLite, {} orders in PostgreSQL, {} events in Parquet, \
             {WANTED} e-mails in CSV",
            self.customers(),
            self.orders,
            self.events
        )
    }
}

/// A source of customers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Postgres = 0,
    Mariadb = 1,
    Sqlite = 2,
}

pub fn email(person: u64) -> String {
    format!("user{person}@example{}.com", person % 50)
}

pub fn name(person: u64, source: Source) -> String {
    format!("Name {person}.{}", source as u64)
}

pub fn city(person: u64, source: Source) -> String {
    format!("City {}", (person * 31 + source as u64 * 7) % 997)
}

/// When a source last saw a person, in seconds.
pub fn updated(person: u64, source: Source) -> u64 {
    (person * 7919 % 10_007 + source as u64 * 3571) % 10_007 * 1000
}

/// A person whom all have, whose latest name is not that of the most trusted source.
pub fn split(scale: &Scale) -> (u64, Source) {
    let sources = [Source::Postgres, Source::Mariadb, Source::Sqlite];
    let mut person = scale.people / 2;
    loop {
        person += 1;
        let newest = sources.into_iter().max_by_key(|source| updated(person, *source)).expect("a source");
        if person % 6 > 2 && newest != Source::Mariadb {
            return (person, newest);
        }
    }
}

/// The customers of a source, in PostgreSQL.
pub fn customers_sql(source: Source, people: u64) -> String {
    let s = source as u64;
    format!(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text NOT NULL, name text, city text,
           updated_at timestamp);
         INSERT INTO customer SELECT i, 'user' || i || '@example' || i % 50 || '.com', 'Name ' || i || '.{s}',
             'City ' || (i * 31 + {s} * 7) % 997,
             timestamp '2020-01-01' + ((i * 7919 % 10007 + {s} * 3571) % 10007 * 1000) * interval '1 second'
           FROM generate_series(1::bigint, {people}) AS i WHERE i % 6 <> {s};
         CREATE INDEX customer_email ON customer (email); ANALYZE customer;\n"
    )
}

pub fn fill_postgres(postgres: &Postgres, scale: &Scale) {
    let (customers, orders) = (scale.customers(), scale.orders);
    postgres.sql(&format!(
        "{}
         CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer, amount numeric(10,2), placed_at timestamp,
           status text);
         INSERT INTO orders SELECT i, n + n / 5 + 1, ((i * 48271) % 1000003)::numeric / 100,
             timestamp '2022-01-01' + i * interval '1 second', (ARRAY['new', 'paid', 'sent'])[i % 3 + 1]
           FROM (SELECT i, i * 7919 % {customers} AS n FROM generate_series(1::bigint, {orders}) AS i) AS s;
         CREATE INDEX orders_customer ON orders (customer_id); ANALYZE orders;
         CREATE ROLE peer SUPERUSER LOGIN PASSWORD 'peer'; CHECKPOINT;",
        customers_sql(Source::Postgres, scale.people)
    ));
}

pub fn fill_mariadb(mariadb: &Mariadb, scale: &Scale) {
    mariadb.sql(&format!(
        "CREATE DATABASE shop CHARACTER SET utf8mb4; USE shop;
         CREATE TABLE customer (id INT PRIMARY KEY, email VARCHAR(100) NOT NULL, name VARCHAR(100), city VARCHAR(50),
           updated_at DATETIME);
         INSERT INTO customer SELECT seq, CONCAT('user', seq, '@example', seq % 50, '.com'), CONCAT('Name ', seq, '.1'),
             CONCAT('City ', (seq * 31 + 7) % 997),
             DATE_ADD('2020-01-01', INTERVAL ((seq * 7919 % 10007 + 3571) % 10007 * 1000) SECOND)
           FROM seq_1_to_{} WHERE seq % 6 <> 1;
         CREATE INDEX customer_email ON customer (email); ANALYZE TABLE customer;
         CREATE USER 'peer'@'%' IDENTIFIED BY 'peer'; GRANT SELECT ON *.* TO 'peer'@'%';",
        scale.people
    ));
}

pub fn fill_sqlite(path: &Path, scale: &Scale) {
    let lite = rusqlite::Connection::open(path).expect("a file");
    lite.execute_batch(&format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT, city TEXT,
           updated_at TIMESTAMP);
         INSERT INTO customer
           WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {})
           SELECT i, 'user' || i || '@example' || (i % 50) || '.com', 'Name ' || i || '.2',
             'City ' || ((i * 31 + 14) % 997),
             datetime('2020-01-01', ((i * 7919 % 10007 + 7142) % 10007 * 1000) || ' seconds') FROM s WHERE i % 6 <> 2;
         CREATE INDEX customer_email ON customer (email); ANALYZE; PRAGMA journal_mode = DELETE;",
        scale.people
    ))
    .expect("rows");
}

pub fn write_files(folder: &Path, scale: &Scale) {
    let step = (scale.customers() / WANTED).max(1);
    let wanted: String = wanted(step).map(|person| format!("{}\n", email(person))).collect();
    std::fs::write(folder.join("wanted.csv"), format!("email\n{wanted}")).expect("a file");
    const BATCH: u64 = 100_000;
    let mut writer: Option<ArrowWriter<File>> = None;
    let mut at = 0;
    while at < scale.events {
        let batch = events(at, BATCH.min(scale.events - at), scale);
        let writer = writer.get_or_insert_with(|| {
            let file = File::create(folder.join("event.parquet")).expect("a file");
            ArrowWriter::try_new(file, batch.schema(), None).expect("a writer")
        });
        writer.write(&batch).expect("rows");
        at += BATCH;
    }
    writer.expect("events").close().expect("a whole file");
}

/// Persons whom PostgreSQL has, as it numbers them.
pub fn wanted(step: u64) -> impl Iterator<Item = u64> {
    (0..WANTED).map(move |at| at * step).map(|n| n + n / 5 + 1)
}

fn events(from: u64, count: u64, scale: &Scale) -> RecordBatch {
    let rows = from..from + count;
    let person = |row: u64| row.wrapping_mul(2_654_435_761) % scale.people + 1;
    let kinds = ["view", "click", "buy"];
    RecordBatch::try_from_iter([
        ("email", Arc::new(StringArray::from_iter_values(rows.clone().map(|row| email(person(row))))) as ArrayRef),
        ("kind", Arc::new(StringArray::from_iter_values(rows.clone().map(|row| kinds[(row % 3) as usize])))),
        (
            "at",
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                rows.clone().map(|row| (1_640_995_200 + row as i64) * 1_000_000),
            )),
        ),
        ("amount", Arc::new(Float64Array::from_iter_values(rows.map(|row| (row % 1000) as f64 / 8.0)))),
    ])
    .expect("a batch")
}
