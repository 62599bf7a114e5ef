//! Which scans of a plan may give no rows, when the session skips sources that are down.
//!
//! A scan is skipped only where fewer rows of it mean fewer rows of the answer, or the same rows with less in their
//! aggregates, and never a row that would not be there. What each operator makes of a missing row is in `way`; an
//! operator that is not named there keeps a scan from being skipped. [`SkipRule`] tells each scan what was found.

mod mode;
mod rule;
mod way;

pub use mode::SkipsDown;
pub use rule::SkipRule;
