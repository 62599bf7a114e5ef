//! Values as Postgres writes and reads them, in text, in binary and in COPY's rows; its calendar, numbers and time
//! zones.

pub(crate) mod calendar;
pub mod copy;
mod decimal;
pub(crate) mod decode;
pub mod encode;
mod interval_fields;
pub(crate) mod reader;
mod zone;

pub(crate) use decode::read_interval;
pub use decode::{read_text, rounded, written_out};
pub use encode::{Format, text_values};
pub(crate) use interval_fields::IntervalFields;
pub use zone::Zone;
