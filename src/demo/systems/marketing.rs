//! The mailing list: German-style files, with semicolons, days before months, decimal commas and names in capitals.

use std::path::Path;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::files::{Csv, text};
use super::system::{Loaded, System};
use crate::demo::clock::{self, DAY, HORIZON};
use crate::demo::dice::stream;
use crate::demo::record::Record;
use crate::error::Result;

/// Title, channel, days before the horizon, cost in cents.
const CAMPAIGNS: [(&str, &str, i32, u32); 6] = [
    ("Spring catalogue", "post", 480, 412_000),
    ("Summer sale", "email", 390, 38_050),
    ("Back to work; new range", "email", 300, 41_900),
    ("Winter \"thank you\"", "post", 190, 365_025),
    ("New year's offer", "email", 170, 29_990),
    ("Trade fair invitation", "email", 60, 52_500),
];

/// Writes `marketing/list.csv`, `marketing/campaign.csv` and `marketing/response.csv`.
pub fn write(data: &Path, records: &[Record], seed: u64) -> Result<Vec<Loaded>> {
    let mut rng = stream(seed, System::Marketing, 1);
    let list = list(records);
    let campaigns = campaigns();
    let responses = responses(records.len(), &mut rng);
    list.save(&data.join("marketing/list.csv"))?;
    campaigns.save(&data.join("marketing/campaign.csv"))?;
    responses.save(&data.join("marketing/response.csv"))?;
    let loaded = |name: &str, rows, holds| Loaded {
        system: System::Marketing,
        file: format!("data/marketing/{name}"),
        rows,
        holds,
    };
    Ok(vec![
        loaded("list.csv", list.rows(), "contacts"),
        loaded("campaign.csv", campaigns.rows(), "campaigns"),
        loaded("response.csv", responses.rows(), "responses"),
    ])
}

fn list(records: &[Record]) -> Csv {
    let mut csv =
        Csv::new(';', &["contact_id", "name", "email", "postcode", "city", "country", "born", "segment", "changed_on"]);
    for (number, record) in (1..).zip(records) {
        csv.row(&[
            Some(format!("{number}")),
            text(record.name.as_str()),
            record.email.clone(),
            record.postcode.clone(),
            record.city.clone(),
            record.country.and_then(|culture| text(culture.iso3)),
            record.birth_day.map(clock::dotted_date),
            record.segment.and_then(|segment| text(code(segment))),
            Some(clock::dotted_date(clock::day_of(record.updated_at))),
        ]);
    }
    csv
}

/// The list's own letters for the segments.
fn code(segment: &str) -> &'static str {
    match segment {
        "business" => "B",
        "public" => "O",
        "partner" => "H",
        _ => "P",
    }
}

fn campaigns() -> Csv {
    let mut csv = Csv::new(';', &["campaign_id", "title", "channel", "started_on", "cost"]);
    for (number, (title, channel, before, cents)) in (1..).zip(CAMPAIGNS) {
        csv.row(&[
            Some(format!("{number}")),
            text(title),
            text(channel),
            Some(clock::dotted_date(clock::day_of(HORIZON) - before)),
            Some(format!("{},{:02}", cents / 100, cents % 100)),
        ]);
    }
    csv
}

fn responses(contacts: usize, rng: &mut ChaCha8Rng) -> Csv {
    let mut csv = Csv::new(';', &["response_id", "campaign_id", "contact_id", "kind", "responded_on"]);
    for contact in 1..=contacts {
        for (number, (_, channel, before, _)) in (1..).zip(CAMPAIGNS) {
            if !rng.random_bool(0.5) {
                continue;
            }
            let kind = match (rng.random_range(0..100), channel) {
                (0..8, _) => "ordered",
                (8..30, "email") => "clicked",
                (30..65, "email") => "opened",
                (65..68, _) => "unsubscribed",
                _ => "sent",
            };
            let started = HORIZON - i64::from(before) * DAY;
            let responded = started + rng.random_range(0..14) * DAY;
            csv.row(&[
                Some(format!("{}", csv.rows() + 1)),
                Some(format!("{number}")),
                Some(format!("{contact}")),
                text(kind),
                Some(clock::dotted_date(clock::day_of(responded))),
            ]);
        }
    }
    csv
}
