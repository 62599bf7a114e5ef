//! Values as Postgres writes and reads them, in text, in binary and in COPY's rows; its calendar, numbers and time
//! zones.

pub(crate) mod calendar;
pub mod copy;
mod decimal;
pub(crate) mod decode;
pub mod encode;
pub(crate) mod reader;
mod zone;

pub use decode::{read_text, rounded, written_out};
pub use encode::{Format, text_values};
pub use zone::Zone;
