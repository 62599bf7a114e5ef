//! Dates in text: `parse_date` and `parse_date_format`, and what they read.

mod attempt;
mod clock;
mod eras;
mod prepare;
mod readings;
mod template;
mod words;

pub(super) mod parse_date;
pub(super) mod parse_date_format;
