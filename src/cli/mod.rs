//! What the command line answers by itself.

mod answer;
mod audit;
mod check;
mod demo;
mod json;
mod logging;
mod query;
mod run;
mod serve;

pub use demo::figures;
pub use run::run;
