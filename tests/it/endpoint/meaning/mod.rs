//! Statements whose answers DataFusion alone would get wrong: the same here and at PostgreSQL.

mod characters;
mod columns;
mod forms;
mod joins;
mod lateral;
mod queries;
mod run;
mod sets;
mod times;

pub use run::statements;
