//! The help desk: users and their tickets, as comma-separated files.

use std::path::Path;

use rand::Rng;
use rand::seq::IndexedRandom;

use super::files::{Csv, text};
use super::system::{Loaded, System};
use crate::demo::clock::{self, DAY, HORIZON};
use crate::demo::dice::stream;
use crate::demo::record::Record;
use crate::error::Result;

const SUBJECTS: [&str; 7] = [
    "Parcel arrived damaged",
    "Can't log in",
    "The app says \"try again later\"",
    "Invoice, again",
    "Where is my order?",
    "Please change my address, phone and e-mail",
    "Feature request: dark mode",
];
const PRIORITIES: [&str; 4] = ["low", "normal", "normal", "high"];

/// Writes `helpdesk/user.csv` and `helpdesk/ticket.csv`.
pub fn write(data: &Path, records: &[Record], seed: u64) -> Result<Vec<Loaded>> {
    let users = users(records);
    let tickets = tickets(records.len(), seed);
    users.save(&data.join("helpdesk/user.csv"))?;
    tickets.save(&data.join("helpdesk/ticket.csv"))?;
    let loaded = |name: &str, rows, holds| Loaded {
        system: System::Helpdesk,
        file: format!("data/helpdesk/{name}"),
        rows,
        holds,
    };
    Ok(vec![loaded("user.csv", users.rows(), "users"), loaded("ticket.csv", tickets.rows(), "tickets")])
}

fn user_id(index: usize) -> String {
    format!("H-{:05}", index + 1)
}

fn users(records: &[Record]) -> Csv {
    let mut csv = Csv::new(',', &["user_id", "display_name", "email", "phone", "country", "last_seen_at"]);
    for (index, record) in records.iter().enumerate() {
        csv.row(&[
            Some(user_id(index)),
            text(record.name.as_str()),
            record.email.clone(),
            record.phone.clone(),
            record.country.map(|culture| culture.iso2.to_lowercase()),
            Some(clock::iso_time(record.updated_at)),
        ]);
    }
    csv
}

fn tickets(users: usize, seed: u64) -> Csv {
    let mut rng = stream(seed, System::Helpdesk, 1);
    let mut csv =
        Csv::new(',', &["ticket_id", "user_id", "subject", "status", "priority", "opened_at", "closed_at", "rating"]);
    for user in 0..users {
        for _ in 0..rng.random_range(0..4) {
            let opened_at = HORIZON - rng.random_range(DAY..600 * DAY);
            let took = rng.random_range(1_800..12 * DAY);
            let closed_at = (rng.random_bool(0.85) && opened_at + took < HORIZON).then_some(opened_at + took);
            // Slow answers please less.
            let pleased = (5 - took / (3 * DAY) - rng.random_range(0..2)).clamp(1, 5);
            let rated = closed_at.is_some() && rng.random_bool(0.6);
            csv.row(&[
                Some(format!("T{:06}", csv.rows() + 1)),
                Some(user_id(user)),
                SUBJECTS.choose(&mut rng).copied().and_then(text),
                text(if closed_at.is_some() { "closed" } else { "open" }),
                PRIORITIES.choose(&mut rng).copied().and_then(text),
                Some(clock::iso_time(opened_at)),
                closed_at.map(clock::iso_time),
                rated.then(|| pleased.to_string()),
            ]);
        }
    }
    csv
}
