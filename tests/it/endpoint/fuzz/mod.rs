//! What no client and no file should send: every answer is rows or an error, and the server goes on.

mod corpus;
mod dice;
mod files;
mod messages;
mod options;
mod parameters;
mod statements;

pub use files::files;
pub use messages::messages;
pub use options::options;
pub use parameters::parameters;
pub use statements::statements;
