//! A few customers on whom the systems disagree, and what the merge made of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::clock;
use super::population::Person;
use super::print::{Side, Style, padded, width};
use super::rows::{Row, truth};

/// One from each of these countries, in this order, as far as there are any.
const COUNTRIES: [&str; 5] = ["TR", "CN", "DE", "FR", "GB"];

/// What is decided as one value: its label, its columns by index, and the rule of `sql/03_customer.sql`.
const DECISIONS: [(&str, &[usize], &str); 6] = [
    (
        "name",
        &[1],
        "weighted_majority: the spelling with the most weight; shop 5, crm 4, erp 3, helpdesk 2, marketing 1",
    ),
    ("phone", &[2], "weighted_majority: the number with the most weight; shop 5, crm and helpdesk 3, erp 2"),
    ("address", &[3, 4, 5], "weighted_majority: the postcode, by weights that halve every 60 days; then its spellings"),
    ("country", &[6], "weighted_majority: the country with the most weight; erp and shop 4, crm 2, others 1"),
    ("birth date", &[7], "weighted_majority: the date with the most weight; shop 4, erp 3, marketing 2"),
    ("segment", &[8], "most_trusted: crm, then marketing"),
];

/// A merged customer with the records it was made of, the newest first.
struct Case<'a> {
    merged: &'a Row,
    records: Vec<&'a Row>,
}

/// A page on up to `most` customers that the systems disagree on most and the merge got right, by country.
pub fn page(style: Style, people: &[Person], merged: &[Row], records: &[Row], most: usize) -> String {
    chosen(people, merged, records).iter().take(most).map(|case| case.show(style)).collect::<Vec<_>>().join("\n")
}

fn chosen<'a>(people: &[Person], merged: &'a [Row], records: &'a [Row]) -> Vec<Case<'a>> {
    let truths: HashMap<&str, &Person> = people.iter().map(|person| (person.email.as_str(), person)).collect();
    let mut by_email: HashMap<&str, Vec<&Row>> = HashMap::new();
    for record in records {
        if let Some(email) = record.email() {
            by_email.entry(email).or_default().push(record);
        }
    }
    let mut best: BTreeMap<&str, ((usize, usize), Case<'a>)> = BTreeMap::new();
    for row in merged {
        let Some(email) = row.email() else { continue };
        let Some(person) = truths.get(email) else { continue };
        let right =
            truth(person).iter().zip(&row.values).all(|(truth, value)| value.as_deref() == Some(truth.as_str()));
        let Some(mut records) = by_email.remove(email).filter(|_| right) else { continue };
        records.sort_by_key(|record| (std::cmp::Reverse(record.seen), record.source, record.record_id.as_str()));
        let case = Case { merged: row, records };
        let worth = (case.disagreements(), case.records.len().min(5));
        let better = match best.get(person.country_code()) {
            Some((known, other)) => (worth, other.merged.email()) > (*known, Some(email)),
            None => worth.0 > 0,
        };
        // More than six records do not fit on a screen.
        if better && case.records.len() <= 6 {
            best.insert(person.country_code(), (worth, case));
        }
    }
    COUNTRIES.iter().filter_map(|country| best.remove(country)).map(|(_, case)| case).collect()
}

impl Case<'_> {
    fn candidates(&self, columns: &[usize]) -> Vec<(&Row, String)> {
        self.records.iter().filter_map(|record| Some((*record, joined(record, columns)?))).collect()
    }

    fn disagreements(&self) -> usize {
        DECISIONS.iter().filter(|(_, columns, _)| distinct(&self.candidates(columns)) > 1).count()
    }

    fn show(&self, style: Style) -> String {
        let systems: BTreeSet<_> = self.records.iter().filter_map(|record| record.source).collect();
        let name = self.merged.value(1).unwrap_or_default();
        let email = self.merged.email().unwrap_or_default();
        let heading = format!("{name} <{email}>: {} records in {} systems", self.records.len(), systems.len());
        let mut text = format!("  {}\n", style.strong(&heading));
        let mut agreed = Vec::new();
        for (label, columns, rule) in DECISIONS {
            let candidates = self.candidates(columns);
            let Some(value) = joined(self.merged, columns) else { continue };
            if distinct(&candidates) < 2 {
                agreed.push(format!("{label} {value}"));
                continue;
            }
            text.push_str(&format!("    {} {}\n", style.strong(&padded(label, 10, Side::Left)), style.faint(rule)));
            let widest = candidates.iter().map(|(_, candidate)| width(candidate)).max().unwrap_or_default();
            for (record, candidate) in &candidates {
                let source = record.source.map_or("", |system| system.name());
                let seen = record.seen.map(|seconds| clock::iso_date(clock::day_of(seconds))).unwrap_or_default();
                let line = format!(
                    "{}  {}  {seen}  {}",
                    padded(&format!("{source} {}", record.record_id), 18, Side::Left),
                    padded(candidate, widest, Side::Left),
                    if *candidate == value { "✓" } else { "" },
                );
                let line = line.trim_end();
                let line = if *candidate == value { style.good(line) } else { line.to_string() };
                text.push_str(&format!("      {line}\n"));
            }
        }
        if !agreed.is_empty() {
            text.push_str(&format!("    {} {}\n", style.strong(&padded("agreed", 10, Side::Left)), agreed.join(", ")));
        }
        text
    }
}

/// A decision's value in one row; none unless every part of it is there.
fn joined(row: &Row, columns: &[usize]) -> Option<String> {
    let parts: Option<Vec<&str>> = columns.iter().map(|column| row.value(*column)).collect();
    parts.map(|parts| parts.join(", "))
}

fn distinct(candidates: &[(&Row, String)]) -> usize {
    candidates.iter().map(|(_, candidate)| candidate.as_str()).collect::<BTreeSet<_>>().len()
}
