//! Values as Postgres writes and reads them, in text and in binary; its calendar, numbers and time zones.

pub(crate) mod calendar;
mod decimal;
pub(crate) mod decode;
pub mod encode;
pub(crate) mod reader;
mod zone;

pub use decode::read_text;
pub use encode::{Format, text_values};
pub use zone::Zone;
