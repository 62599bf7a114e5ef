//! The built-in example: one hidden population, five systems that each know a part of it and get some of it wrong,
//! and the SQL that makes one row a customer again.
//!
//! [`write_example`] writes the systems' files and the SQL beside them; [`present`] asks the engine for the merged
//! rows and shows how near they come to the truth, which only this module knows.

mod clock;
mod dice;
mod disagreement;
mod example;
mod mistakes;
mod population;
mod present;
mod print;
mod rates;
mod record;
mod rows;
mod score;
mod systems;
mod words;

pub use example::{Example, SEED, write_example, write_example_of};
pub use population::{Address, Person};
pub use present::{Ask, Figures, figures, present};
pub use score::{FieldScore, Score};
pub use systems::{Loaded, System};
