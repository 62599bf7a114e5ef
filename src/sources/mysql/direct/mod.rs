//! Rows straight from the wire: the protocol's messages are read where they lie in the receive buffer, with no object a
//! row or a value between.
//!
//! The driver has no way to its messages, so this has connections of its own, for reading rows only. They know one way to
//! prove who they are, `mysql_native_password`, and no encryption; with a server that wants another way, the driver's
//! connections read too (see [`super::line`]). Messages that are not rows are taken apart by the driver's own library.
//!
//! The protocol: <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>,
//! <https://mariadb.com/kb/en/clientserver-protocol/>.

mod link;
mod login;
mod row;
mod statement;

pub(super) use link::{Link, malformed};
pub(super) use login::Login;
pub(super) use row::{Cells, Forms};
