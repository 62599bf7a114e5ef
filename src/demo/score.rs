//! How near the merged rows, each system alone, and the newest value of each field come to the truth.

use std::collections::HashMap;

use super::population::Person;
use super::rows::{FIELDS, KEYS, Row, truth};
use super::systems::System;

/// The share of all true customers for whom a field is right.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldScore {
    /// The column.
    pub field: &'static str,
    /// Each system alone, cleaned alike; one that lacks a customer or the value is wrong there.
    pub sources: Vec<(System, f64)>,
    /// The same matching and cleaning as the merged view's, but the newest value of each field believed.
    pub newest: f64,
    /// The merged view.
    pub merged: f64,
    /// Whether it is what records are matched by. No rule chooses it, so it is the same however fields are merged.
    pub is_key: bool,
}

/// What the merge achieved.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// How many customers there truly are.
    pub customers: usize,
    /// How many of them have a merged row under their own e-mail address.
    pub found: usize,
    /// How many merged rows there are.
    pub rows: usize,
    /// How many records they were merged from, those without an e-mail address not counted.
    pub records: usize,
    /// How many records have no e-mail address, and so no merged row.
    pub without_email: usize,
    /// Every field.
    pub fields: Vec<FieldScore>,
}

impl FieldScore {
    /// The best single system, and its share.
    pub fn best(&self) -> Option<(System, f64)> {
        self.sources.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Whether the merged view is right more often than every system.
    pub fn beats_every_source(&self) -> bool {
        self.sources.iter().all(|(_, share)| self.merged > *share)
    }

    /// Whether the merged view is right more often than the newest value is; as often, for a key.
    pub fn beats_newest(&self) -> bool {
        if self.is_key { self.merged >= self.newest } else { self.merged > self.newest }
    }
}

impl Score {
    /// Whether the merged view is right more often than every system, on every field.
    pub fn beats_every_source(&self) -> bool {
        self.fields.iter().all(FieldScore::beats_every_source)
    }

    /// Whether the merged view is right more often than the newest value is, on every field that is merged.
    pub fn beats_newest(&self) -> bool {
        self.fields.iter().all(FieldScore::beats_newest)
    }
}

/// Measures merged rows, those merged by newest alone, and cleaned records against the truth. A system that has a
/// customer twice is taken at its newest record.
pub fn score(people: &[Person], merged: &[Row], newest: &[Row], records: &[Row]) -> Score {
    let truths: Vec<[String; FIELDS.len()]> = people.iter().map(truth).collect();
    let merged_by_email = newest_by_email(merged.iter());
    let newest = newest_by_email(newest.iter());
    let by_system: Vec<(System, HashMap<&str, &Row>)> = System::ALL
        .into_iter()
        .map(|system| (system, newest_by_email(records.iter().filter(|row| row.source == Some(system)))))
        .collect();
    let fields = FIELDS
        .into_iter()
        .enumerate()
        .map(|(index, field)| FieldScore {
            field,
            sources: by_system.iter().map(|(system, rows)| (*system, share(&truths, rows, index))).collect(),
            newest: share(&truths, &newest, index),
            merged: share(&truths, &merged_by_email, index),
            is_key: index < KEYS,
        })
        .collect();
    let without_email = records.iter().filter(|row| row.email().is_none()).count();
    Score {
        customers: people.len(),
        found: people.iter().filter(|person| merged_by_email.contains_key(person.email.as_str())).count(),
        rows: merged.len(),
        records: records.len() - without_email,
        without_email,
        fields,
    }
}

fn newest_by_email<'a>(rows: impl Iterator<Item = &'a Row>) -> HashMap<&'a str, &'a Row> {
    let mut newest: HashMap<&str, &Row> = HashMap::new();
    for row in rows {
        let Some(email) = row.email() else { continue };
        let known = newest.entry(email).or_insert(row);
        // Equal times are decided by the key, so that the order of rows does not matter.
        if (row.seen, &row.record_id) > (known.seen, &known.record_id) {
            *known = row;
        }
    }
    newest
}

fn share(truths: &[[String; FIELDS.len()]], rows: &HashMap<&str, &Row>, field: usize) -> f64 {
    let right = truths
        .iter()
        .filter(|truth| {
            let [email, ..] = truth;
            let value = rows.get(email.as_str()).and_then(|row| row.value(field));
            value.is_some() && value == truth.get(field).map(String::as_str)
        })
        .count();
    if truths.is_empty() { 0.0 } else { right as f64 / truths.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::super::population::population;
    use super::*;

    fn row(source: Option<System>, values: [String; FIELDS.len()], seen: i64) -> Row {
        Row { source, record_id: "1".into(), values: values.into_iter().map(Some).collect(), seen: Some(seen) }
    }

    #[test]
    fn missing_counts_as_wrong_and_the_newest_record_speaks_for_its_system() {
        let people = population(42, 4);
        let truths: Vec<_> = people.iter().map(truth).collect();
        let merged: Vec<Row> = truths.iter().map(|t| row(None, t.clone(), 0)).collect();
        let mut wrong = truths[0].clone();
        wrong[1] = "Nobody".into();
        let records = vec![
            row(Some(System::Crm), truths[0].clone(), 1),
            row(Some(System::Crm), wrong, 2),
            row(Some(System::Crm), truths[1].clone(), 1),
        ];
        // Who lacks a value is wrong there; who lacks the key is wrong everywhere.
        let mut newest = vec![merged[0].clone(), merged[1].clone(), merged[2].clone()];
        newest[2].values[1] = None;
        let score = score(&people, &merged, &newest, &records);
        assert_eq!((score.found, score.rows, score.records), (4, 4, 3));
        assert!(score.beats_every_source());
        let name = &score.fields[1];
        assert_eq!((name.best(), name.newest, name.merged), (Some((System::Crm, 0.25)), 0.5, 1.0));
        assert!(score.beats_newest() && score.fields[0].is_key && !name.is_key);
        // As often is not more often, but for the key.
        let level = FieldScore { newest: 1.0, ..name.clone() };
        assert!(!level.beats_newest() && FieldScore { is_key: true, ..level }.beats_newest());
        assert_eq!(score.fields[0].best(), Some((System::Crm, 0.5)));
    }
}
