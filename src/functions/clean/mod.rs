//! Cleaning functions: one text in, the same text in the form that compares and shows well out.
//!
//! All of them are immutable, give NULL for NULL, and never fail because of what a text holds: a text that
//! makes no sense as what it should be is NULL. The normalizers are idempotent: cleaning twice is cleaning once.

mod characters;
mod columns;
mod countries;
mod dates;
mod fill;
mod fold;
mod list;
mod numbers;
mod phone_number;
mod scalar;
mod territory;
mod text;
mod text_function;
mod window;

mod blank_to_null;
mod fill_constant;
mod fill_from;
mod normalize_email;
mod normalize_name;
mod normalize_phone;
mod normalize_text;

#[cfg(test)]
mod properties;

pub use list::all;
pub use window::{all as windows, check as check_window};
