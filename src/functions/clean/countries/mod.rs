//! Countries, their postcodes and what they pay in: `normalize_country`, `country_name`, `normalize_postcode` and
//! `normalize_currency`, and the tables that they read.

mod country;
mod currency;
mod data;
mod postcode;

pub(super) mod country_name;
pub(super) mod normalize_country;
pub(super) mod normalize_currency;
pub(super) mod normalize_postcode;

pub(super) use currency::is_money;
