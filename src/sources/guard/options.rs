//! The options that every kind with a guard takes at CREATE SERVER.

use crate::sources::options::{OptionPlace, OptionSpec};

/// How many statements may run at once.
pub const MAX_STATEMENTS: OptionSpec = server(
    "max_statements",
    "0",
    "How many statements may run there at once; others wait for acquire_timeout at most, the first come first. 0 sets no \
     limit.",
);

/// How many rows one statement may give.
pub const MAX_ROWS: OptionSpec =
    server("max_rows", "0", "How many rows one statement sent there may give before its query fails; 0 sets no limit.");

/// How many bytes one statement may give.
pub const MAX_BYTES: OptionSpec = server(
    "max_bytes",
    "0",
    "How many bytes of values one statement sent there may give before its query fails, as 64MB; 0 sets no limit.",
);

/// How long one statement may take.
pub const MAX_TIME: OptionSpec = server(
    "max_time",
    "0",
    "How long one statement sent there may take, from when it is sent to its last row, before its query fails; 0 sets no \
     limit.",
);

/// After how many failures the server is left alone.
pub const BREAKER_FAILURES: OptionSpec = server(
    "breaker_failures",
    "5",
    "After how many queries in a row that could not reach it the server is left alone for a while: its queries fail at \
     once. 0 asks it every time.",
);

/// For how long it is left alone.
pub const BREAKER_PAUSE: OptionSpec = server(
    "breaker_pause",
    "10s",
    "How long a server that cannot be reached is left alone before one query tries it again.",
);

const fn server(name: &'static str, default: &'static str, doc: &'static str) -> OptionSpec {
    OptionSpec { name, place: OptionPlace::Server, secret: false, default, doc }
}
