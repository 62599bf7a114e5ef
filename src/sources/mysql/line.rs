//! A connection that rows are read by.

use mysql_async::Conn;

use super::direct::Link;

/// Straight from the wire where the server allows it, else through the driver.
pub(super) enum Line {
    /// The server asks for no more than a password in the old form, over TCP without encryption.
    Direct(Link),
    /// The server wants TLS, or another proof of who this is.
    Driver(Conn),
}
