//! The CRM: a SQLite database of accounts, contacts with them, and opportunities.

use std::fs;
use std::path::Path;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rusqlite::{Connection, Transaction, params};

use super::files::failed;
use super::system::{Loaded, System};
use crate::demo::clock::{self, DAY, HORIZON};
use crate::demo::dice::stream;
use crate::demo::record::Record;
use crate::error::Result;

const TABLES: &str = "
CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  full_name TEXT NOT NULL,
  email TEXT,
  phone TEXT,
  street TEXT,
  postcode TEXT,
  city TEXT,
  country TEXT,
  segment TEXT,
  owner TEXT,
  updated_at DATETIME NOT NULL
);
CREATE TABLE contact_log (
  id INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES account (id),
  channel TEXT NOT NULL,
  at DATETIME NOT NULL,
  note TEXT
);
CREATE TABLE opportunity (
  id INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES account (id),
  title TEXT NOT NULL,
  stage TEXT NOT NULL,
  amount NUMERIC(12,2) NOT NULL,
  closes_on DATE
);
CREATE INDEX account_email ON account (email);
CREATE INDEX contact_log_account ON contact_log (account_id);
CREATE INDEX opportunity_account ON opportunity (account_id);
";

const OWNERS: [&str; 5] = ["m.ito", "s.okafor", "j.lind", "a.costa", "p.novak"];
const CHANNELS: [&str; 4] = ["phone", "email", "meeting", "chat"];
const NOTES: [&str; 8] = [
    "Asked for a quote",
    "Said \"call me back next week\"",
    "It's about last month's invoice",
    "Wants the new price list; sent",
    "No answer, left a message",
    "Happy with the delivery",
    "Thinks 5% is too little",
    "",
];
const TITLES: [&str; 6] =
    ["Renewal", "Larger plan", "Second site", "Trial of the new line", "Framework contract", "Customer's own brand"];
const STAGES: [&str; 6] = ["lead", "qualified", "proposal", "negotiation", "won", "lost"];

/// Writes `crm.db`.
pub fn write(data: &Path, records: &[Record], seed: u64) -> Result<Vec<Loaded>> {
    let path = data.join("crm.db");
    fs::create_dir_all(data).map_err(failed(data))?;
    for left_over in ["crm.db", "crm.db-journal", "crm.db-wal", "crm.db-shm"] {
        let left_over = data.join(left_over);
        if left_over.exists() {
            fs::remove_file(&left_over).map_err(failed(&left_over))?;
        }
    }
    let mut rng = stream(seed, System::Crm, 1);
    let counts = fill(&path, records, &mut rng).map_err(failed(&path))?;
    let loaded =
        |table: &str, rows, holds| Loaded { system: System::Crm, file: format!("data/crm.db:{table}"), rows, holds };
    Ok(vec![
        loaded("account", records.len(), "accounts"),
        loaded("contact_log", counts.0, "calls, mails and meetings"),
        loaded("opportunity", counts.1, "opportunities"),
    ])
}

fn fill(path: &Path, records: &[Record], rng: &mut ChaCha8Rng) -> rusqlite::Result<(usize, usize)> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    accounts(&transaction, records, rng)?;
    let contacts = contacts(&transaction, records, rng)?;
    let opportunities = opportunities(&transaction, records, rng)?;
    transaction.commit()?;
    Ok((contacts, opportunities))
}

fn accounts(transaction: &Transaction<'_>, records: &[Record], rng: &mut ChaCha8Rng) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare(
        "INSERT INTO account (id, full_name, email, phone, street, postcode, city, country, segment, owner, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for (id, record) in (1_i64..).zip(records) {
        let country = record.country.map_or("", |culture| culture.country);
        let segment =
            record.segment.map(|segment| if id % 3 == 0 { segment.to_uppercase() } else { segment.to_string() });
        insert.execute(params![
            id,
            record.name,
            record.email,
            record.phone,
            record.street,
            record.postcode,
            record.city,
            country,
            segment,
            OWNERS.choose(rng),
            clock::sqlite_time(record.updated_at),
        ])?;
    }
    Ok(())
}

fn contacts(transaction: &Transaction<'_>, records: &[Record], rng: &mut ChaCha8Rng) -> rusqlite::Result<usize> {
    let mut insert = transaction
        .prepare("INSERT INTO contact_log (id, account_id, channel, at, note) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut id = 0_i64;
    let mut written = 0;
    for account in (1_i64..).take(records.len()) {
        for _ in 0..rng.random_range(0..4) {
            id += 1;
            let at = HORIZON - rng.random_range(0..700 * DAY);
            insert.execute(params![id, account, CHANNELS.choose(rng), clock::sqlite_time(at), NOTES.choose(rng)])?;
            written += 1;
        }
    }
    Ok(written)
}

fn opportunities(transaction: &Transaction<'_>, records: &[Record], rng: &mut ChaCha8Rng) -> rusqlite::Result<usize> {
    let mut insert = transaction.prepare(
        "INSERT INTO opportunity (id, account_id, title, stage, amount, closes_on) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut id = 0_i64;
    let mut written = 0;
    for account in (1_i64..).take(records.len()) {
        if !rng.random_bool(0.35) {
            continue;
        }
        for _ in 0..rng.random_range(1..3) {
            id += 1;
            // Whole euros: SQLite keeps them as integers, so nothing is lost on the way.
            let amount = rng.random_range(5..400_i64) * 100;
            let closes_on = clock::day_of(HORIZON) + rng.random_range(-300..200);
            let closes_on = rng.random_bool(0.9).then(|| clock::iso_date(closes_on));
            insert.execute(params![id, account, TITLES.choose(rng), STAGES.choose(rng), amount, closes_on])?;
            written += 1;
        }
    }
    Ok(written)
}
