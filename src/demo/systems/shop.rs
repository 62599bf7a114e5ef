//! The web shop: what customers typed when they signed up, and their orders, as JSON lines.

use std::path::Path;

use rand::Rng;
use rand::seq::IndexedRandom;
use serde::Serialize;

use super::files::save_json_lines;
use super::system::{Loaded, System};
use crate::demo::clock::{self, DAY, HORIZON};
use crate::demo::dice::stream;
use crate::demo::record::Record;
use crate::error::Result;

const STATES: [&str; 5] = ["paid", "paid", "shipped", "returned", "cancelled"];

/// A sign-up. What is missing is left out of the line.
#[derive(Serialize)]
struct Signup<'a> {
    user_id: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    street: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postcode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birth_date: Option<String>,
    signed_up_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Order {
    order_id: String,
    user_id: String,
    placed_at: String,
    total: f64,
    currency: &'static str,
    state: &'static str,
}

/// Writes `shop/signup.jsonl` and `shop/order.jsonl`.
pub fn write(data: &Path, records: &[Record], seed: u64) -> Result<Vec<Loaded>> {
    let signups: Vec<Signup<'_>> = records.iter().enumerate().map(|(index, record)| signup(index, record)).collect();
    let orders = orders(records.len(), seed);
    save_json_lines(&data.join("shop/signup.jsonl"), &signups)?;
    save_json_lines(&data.join("shop/order.jsonl"), &orders)?;
    let loaded =
        |name: &str, rows, holds| Loaded { system: System::Shop, file: format!("data/shop/{name}"), rows, holds };
    Ok(vec![loaded("signup.jsonl", signups.len(), "sign-ups"), loaded("order.jsonl", orders.len(), "orders")])
}

fn signup(index: usize, record: &Record) -> Signup<'_> {
    Signup {
        user_id: user_id(index),
        name: &record.name,
        email: record.email.as_deref(),
        phone: record.phone.as_deref(),
        street: record.street.as_deref(),
        postcode: record.postcode.as_deref(),
        city: record.city.as_deref(),
        country: record.country.map(|culture| culture.iso2),
        birth_date: record.birth_day.map(clock::iso_date),
        signed_up_at: clock::iso_time(record.created_at),
        updated_at: clock::iso_time(record.updated_at),
    }
}

/// Keys that look drawn and are unique: multiplying by an odd number permutes the numbers below 2^24.
fn user_id(index: usize) -> String {
    let scrambled = (index as u64).wrapping_add(1).wrapping_mul(0x9E_37B1) & 0xFF_FFFF;
    format!("u{scrambled:06x}")
}

fn orders(users: usize, seed: u64) -> Vec<Order> {
    let mut rng = stream(seed, System::Shop, 1);
    let mut orders = Vec::new();
    for user in 0..users {
        for _ in 0..rng.random_range(0..5) {
            let placed_at = HORIZON - rng.random_range(0..500 * DAY);
            orders.push(Order {
                order_id: format!("S-{:06}", orders.len() + 1),
                user_id: user_id(user),
                placed_at: clock::iso_time(placed_at),
                total: f64::from(rng.random_range(500..40_000_u32)) / 100.0,
                currency: "EUR",
                state: STATES.choose(&mut rng).copied().unwrap_or_default(),
            });
        }
    }
    orders
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn user_ids_are_unique() {
        assert_eq!((0..5000).map(user_id).collect::<HashSet<_>>().len(), 5000);
    }
}
