//! Rules, and which of them counts for a client.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::address::Address;
use crate::error::{Error, SqlState};

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) enum Method {
    /// It need not.
    Trust,
    /// It cannot.
    Reject,
    /// By SCRAM-SHA-256.
    Scram,
    /// By its password, in an encrypted connection.
    Password,
    /// By a certificate with its name.
    Certificate,
}

/// Which connections a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// `host`
    Any,
    /// `hostssl`
    Encrypted,
    /// `hostnossl`
    Plain,
}

/// One name of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// `all`
    All,
    /// `sameuser`: the database has the user's name.
    SameUser,
    /// `samerole`: the user is a member of the role with the database's name.
    SameRole,
    /// `+role`: the user is a member of a role.
    Member(String),
    /// A name.
    Is(String),
}

impl Name {
    fn is(&self, name: &str, knock: &Knock<'_>) -> bool {
        match self {
            Name::All => true,
            Name::SameUser => name == knock.user,
            Name::SameRole => knock.roles.contains(name),
            Name::Member(role) => knock.roles.contains(role),
            Name::Is(known) => known == name,
        }
    }
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub line: usize,
    pub channel: Channel,
    pub databases: Vec<Name>,
    pub users: Vec<Name>,
    pub address: Address,
    pub method: Method,
}

/// A client that wants to come in.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire) struct Knock<'a> {
    pub user: &'a str,
    /// The user, and the roles that it is a member of, also through others.
    pub roles: &'a BTreeSet<String>,
    pub database: &'a str,
    pub peer: IpAddr,
    /// The address that it connected to.
    pub local: IpAddr,
    pub encrypted: bool,
}

/// What the rules say of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) struct Decision {
    pub method: Method,
    /// The line that says so.
    pub line: usize,
}

/// All lines of a file, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::wire) struct Rules(pub(super) Vec<Rule>);

impl Rules {
    /// What the first rule says that is about this client. Where there is none, or it says `reject`, that is an error
    /// (28000) in Postgres's words.
    pub fn decide(&self, knock: &Knock<'_>) -> Result<Decision, Error> {
        let found = self.0.iter().find(|rule| {
            let channel = match rule.channel {
                Channel::Any => true,
                Channel::Encrypted => knock.encrypted,
                Channel::Plain => !knock.encrypted,
            };
            channel
                && rule.address.holds(knock.peer, knock.local)
                && rule.databases.iter().any(|name| name.is(knock.database, knock))
                && rule.users.iter().any(|name| name.is(knock.user, knock))
        });
        let words = match found {
            Some(Rule { method, line, .. }) if *method != Method::Reject => {
                return Ok(Decision { method: *method, line: *line });
            }
            Some(_) => "pg_hba.conf rejects connection",
            None => "no pg_hba.conf entry",
        };
        let encryption = if knock.encrypted { "SSL encryption" } else { "no encryption" };
        Err(Error::new(
            SqlState::INVALID_AUTHORIZATION,
            format!(
                "{words} for host \"{}\", user \"{}\", database \"{}\", {encryption}",
                knock.peer.to_canonical(),
                knock.user,
                knock.database
            ),
        ))
    }

    /// The first line that lets clients in without proof.
    pub fn trusting(&self) -> Option<usize> {
        self.0.iter().find(|rule| rule.method == Method::Trust).map(|rule| rule.line)
    }

    /// The first line that needs what TLS gives.
    pub fn encrypting(&self) -> Option<usize> {
        self.0.iter().find(|rule| rule.channel == Channel::Encrypted).map(|rule| rule.line)
    }

    /// The first line that asks for certificates.
    pub fn certifying(&self) -> Option<usize> {
        self.0.iter().find(|rule| rule.method == Method::Certificate).map(|rule| rule.line)
    }
}
